//! Bytes as text: escapes that are safe on a terminal, base64, and numbers for people.
//!
//! Invariant: [`escaped`] returns only printable text, whatever the bytes, so no key can move the cursor or set a colour.

use std::fmt::Write as _;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use indicatif::HumanCount;

/// Bytes as printable text. UTF-8 stays; backslashes, quotes, control characters and invalid bytes become `\\`, `\"`,
/// `\n`, `\t`, `\r`, `\xNN`, `\u{N}`.
pub fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    for piece in bytes.utf8_chunks() {
        for letter in piece.valid().chars() {
            escape_char(letter, &mut out);
        }
        for byte in piece.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Escapes the control characters in a message, which may quote anything. Line ends stay.
pub fn controls(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for letter in message.chars() {
        match letter {
            '\n' => out.push(letter),
            _ if letter.is_control() || is_invisible(letter) => escape_char(letter, &mut out),
            _ => out.push(letter),
        }
    }
    out
}

/// Like [`escaped`], in quotes if it would not be clear where the text starts and ends.
pub fn quoted_if_needed(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if !bytes.is_empty() && bytes.iter().all(plain) { escaped(bytes) } else { quoted(bytes) }
}

/// Like [`escaped`], in quotes.
pub fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", escaped(bytes))
}

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// The bytes as text if they are UTF-8. If they are the head of a longer text (`cut`), an incomplete last character is
/// dropped.
pub fn utf8_head(bytes: &[u8], cut: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if cut && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

/// A number of bytes for people: `312 B`, `4.0 KiB`, `118.4 MiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A count for people, with a comma after each thousand.
pub fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

fn escape_char(letter: char, out: &mut String) {
    match letter {
        '\\' => out.push_str("\\\\"),
        '"' => out.push_str("\\\""),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ if letter.is_ascii_control() => {
            let _ = write!(out, "\\x{:02x}", letter as u32);
        }
        _ if letter.is_control() || is_invisible(letter) => {
            let _ = write!(out, "\\u{{{:x}}}", letter as u32);
        }
        _ => out.push(letter),
    }
}

/// Characters that change how the text around them is shown: direction marks, zero-width and line separators.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_bytes_the_text_is_printable() {
        assert_eq!(escaped(b"a\x1b[2J\xff\n\"\\"), "a\\x1b[2J\\xff\\n\\\"\\\\");
        assert_eq!(escaped("caf\u{e9}\u{202e}\u{85}".as_bytes()), "caf\u{e9}\\u{202e}\\u{85}");
        assert_eq!(controls("no \"a\x1b[2J\r\u{202e}\"\nhelp"), "no \"a\\x1b[2J\\r\\u{202e}\"\nhelp");
        assert_eq!(quoted_if_needed(b"user:1"), "user:1");
        assert_eq!(quoted_if_needed(b""), "\"\"");
        assert_eq!(quoted_if_needed(b"a b"), "\"a b\"");
    }

    #[test]
    fn a_head_of_text_does_not_end_inside_a_character() {
        let bytes = "ab\u{e9}".as_bytes();
        assert_eq!(utf8_head(&bytes[..3], true), Some("ab"));
        assert_eq!(utf8_head(&bytes[..3], false), None);
        assert_eq!(utf8_head(b"a\xff", true), None);
    }

    #[test]
    fn sizes_and_counts_are_for_people() {
        assert_eq!(size(312), "312 B");
        assert_eq!(size(4096), "4.0 KiB");
        assert_eq!(size(1_048_575), "1.0 MiB");
        assert_eq!(count(1_204_881), "1,204,881");
        assert_eq!(count(42), "42");
    }
}
