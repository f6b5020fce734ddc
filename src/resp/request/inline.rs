//! Splits the line of an inline command into words, decoding quotes in place.

use crate::resp::args::Span;
use crate::resp::error::ProtocolError;

/// Appends the words of `input[start..end]` to `spans`.
///
/// Words are separated by white space. `"..."` may hold `\n \r \t \b \a \xHH` and `\` before any other character;
/// `'...'` may hold `\'`. A closing quote must end its word. Quoted words are decoded in place and become shorter.
pub(super) fn split(
    input: &mut [u8],
    start: usize,
    end: usize,
    spans: &mut Vec<Span>,
) -> Result<(), ProtocolError> {
    let mut at = start;
    loop {
        while at < end && is_space(input[at]) {
            at += 1;
        }
        if at == end {
            return Ok(());
        }
        let (len, next) = word(&mut input[at..end])?;
        spans.push(Span { start: at as u32, len: len as u32 });
        at += next;
    }
}

/// Decodes the word at the start of `line` in place; returns its decoded length and the bytes that it took.
fn word(line: &mut [u8]) -> Result<(usize, usize), ProtocolError> {
    let (mut read, mut written) = (0, 0);
    while read < line.len() {
        match line[read] {
            b' ' | b'\n' | b'\r' | b'\t' => break,
            quote @ (b'"' | b'\'') => {
                read = quoted(line, read + 1, &mut written, quote)?;
                if line.get(read).is_some_and(|&byte| !is_space(byte)) {
                    return Err(ProtocolError::UnbalancedQuotes);
                }
                break;
            }
            byte => {
                line[written] = byte;
                (read, written) = (read + 1, written + 1);
            }
        }
    }
    Ok((written, read))
}

/// Decodes a quoted text that starts at `read`, after its opening quote; returns the offset after the closing one.
fn quoted(line: &mut [u8], mut read: usize, written: &mut usize, quote: u8) -> Result<usize, ProtocolError> {
    while read < line.len() {
        let (byte, taken) = match (quote, &line[read..]) {
            (_, [byte, ..]) if *byte == quote => return Ok(read + 1),
            (b'"', [b'\\', b'x', high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), 4)
            }
            (b'"', [b'\\', escaped, ..]) => (unescape(*escaped), 2),
            (b'\'', [b'\\', b'\'', ..]) => (b'\'', 2),
            (_, [byte, ..]) => (*byte, 1),
            (_, []) => break,
        };
        line[*written] = byte;
        *written += 1;
        read += taken;
    }
    Err(ProtocolError::UnbalancedQuotes)
}

/// The byte that `\` and a letter stand for.
fn unescape(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

/// The value of a hexadecimal digit.
fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).unwrap_or(0) as u8
}

/// White space as in C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}
