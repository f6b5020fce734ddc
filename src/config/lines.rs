//! Lines of a configuration file: words, quotes, comments.
//!
//! The rules are those of redis.conf: a line whose first character is `#` is a comment; words are separated by blanks;
//! `"..."` takes the escapes `\n \r \t \b \a \xHH` and `\` before any other character, `'...'` takes `\'` only; a
//! closing quote is followed by a blank or the end.

/// Why a line has no words to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A quote is not closed, or something follows the closing quote at once.
    #[error("unbalanced quotes")]
    Unbalanced,
    /// Escapes spell bytes that are no UTF-8 text.
    #[error("not UTF-8 text")]
    NotText,
}

/// The words of one line; none for a comment and an empty line.
pub fn split(line: &str) -> Result<Vec<String>, LineError> {
    let mut rest = line.trim_matches([' ', '\t', '\r', '\n', '\0']).as_bytes();
    let mut words = Vec::new();
    if rest.first() == Some(&b'#') {
        return Ok(words);
    }
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Ok(words);
        }
        let (word, after) = take_word(rest)?;
        words.push(String::from_utf8(word).map_err(|_| LineError::NotText)?);
        rest = after;
    }
}

/// The first word of `bytes`, which starts with none of the blanks, and what follows it.
fn take_word(mut bytes: &[u8]) -> Result<(Vec<u8>, &[u8]), LineError> {
    let mut word = Vec::new();
    loop {
        match bytes {
            [] => return Ok((word, bytes)),
            [blank, ..] if blank.is_ascii_whitespace() => return Ok((word, bytes)),
            [quote @ (b'"' | b'\''), rest @ ..] => {
                bytes = take_quoted(rest, *quote, &mut word)?;
                if bytes.first().is_some_and(|next| !next.is_ascii_whitespace()) {
                    return Err(LineError::Unbalanced);
                }
            }
            [byte, rest @ ..] => {
                word.push(*byte);
                bytes = rest;
            }
        }
    }
}

/// Appends what stands before the closing `quote` to `word`; what follows that quote.
fn take_quoted<'a>(mut bytes: &'a [u8], quote: u8, word: &mut Vec<u8>) -> Result<&'a [u8], LineError> {
    loop {
        let (byte, used) = match bytes {
            [] => return Err(LineError::Unbalanced),
            [first, rest @ ..] if *first == quote => return Ok(rest),
            [b'\\', b'\'', ..] if quote == b'\'' => (b'\'', 2),
            [b'\\', b'x', high, low, ..]
                if quote == b'"' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                (hex(*high) << 4 | hex(*low), 4)
            }
            [b'\\', letter, ..] if quote == b'"' => (unescape(*letter), 2),
            [byte, ..] => (*byte, 1),
        };
        word.push(byte);
        bytes = &bytes[used..];
    }
}

/// What `\letter` stands for.
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

/// `text` as one word of a line: as it is where that reads back the same, else in double quotes.
pub fn quote(text: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'#') || byte >= 0x80;
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_string();
    }
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", control as u32)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_unquoted() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  # port 1", &[]),
            ("port 6379", &["port", "6379"]),
            ("\tbind  a   b \r", &["bind", "a", "b"]),
            (r#"requirepass "a b\"c\x41\n""#, &["requirepass", "a b\"cA\n"]),
            (r"requirepass 'it\'s \n'", &["requirepass", r"it's \n"]),
            (r#"save """#, &["save", ""]),
            ("dir /a#b", &["dir", "/a#b"]),
        ];
        for (line, words) in cases {
            assert_eq!(&split(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [r#"a "b"#, "a 'b", r#"a "b"c"#, r#"a "\""#] {
            assert_eq!(split(line), Err(LineError::Unbalanced), "{line}");
        }
        assert_eq!(split(r#"a "\xff""#), Err(LineError::NotText));
    }

    #[test]
    fn what_was_quoted_reads_back() {
        for text in
            ["", "plain", "two words", "q\"uo'te", "back\\slash", "line\nend\t\r\u{1}", "#hash", "grüße"]
        {
            assert_eq!(split(&format!("name {}", quote(text))).unwrap(), ["name", text], "{text:?}");
        }
    }
}
