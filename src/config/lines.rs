//! Lines of a configuration file: words, quotes, comments.
//!
//! The rules are those of redis.conf: a line whose first character is `#` is a comment; words are separated by blanks;
//! `"..."` allows the escapes `\n \r \t \b \a \xHH` and `\` before any other character, `'...'` allows only `\'`; a
//! closing quote is followed by a blank or the end.

/// One word of a line. Files are bytes: a value in another encoding than UTF-8 is accepted and shown as it is.
pub type Word = Vec<u8>;

/// The byte order mark that some editors put before a text in UTF-8.
pub const MARK: &[u8] = "\u{feff}".as_bytes();

/// Why a line cannot be split into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A quote is not closed, or the closing quote is followed by something other than a blank.
    #[error("unbalanced quotes")]
    Unbalanced,
}

/// The words of one line; none for a comment and an empty line.
pub fn split(line: &[u8]) -> Result<Vec<Word>, LineError> {
    let mut rest = line.trim_ascii_start();
    while let [before @ .., b' ' | b'\t' | b'\r' | b'\n' | b'\0'] = rest {
        rest = before;
    }
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
        words.push(word);
        rest = after;
    }
}

/// The first word of `bytes`, which must not start with a blank, and what follows it.
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

/// Appends the text before the closing `quote` to `word`; returns what follows that quote.
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

/// The byte that `\letter` stands for.
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

/// `bytes` as one word of a line: as they are if that reads back the same, else in double quotes. Bytes that are not
/// UTF-8 are written as escapes, so that the line itself is text.
pub fn quote(bytes: &[u8]) -> Word {
    let plain =
        |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'#') || *byte >= 0x80;
    let is_text = std::str::from_utf8(bytes).is_ok();
    if is_text && !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.to_vec();
    }
    let mut quoted = vec![b'"'];
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', byte]),
            b'\n' => quoted.extend(b"\\n"),
            b'\r' => quoted.extend(b"\\r"),
            b'\t' => quoted.extend(b"\\t"),
            byte if byte.is_ascii_control() || byte >= 0x80 && !is_text => {
                quoted.extend(format!("\\x{byte:02x}").bytes());
            }
            other => quoted.push(other),
        }
    }
    quoted.push(b'"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_unquoted() {
        let cases: &[(&[u8], &[&[u8]])] = &[
            (b"", &[]),
            (b"  # port 1", &[]),
            (b"# gr\xfc\xdfe", &[]),
            (b"port 6379", &[b"port", b"6379"]),
            (b"\tbind  a   b \r", &[b"bind", b"a", b"b"]),
            (br#"requirepass "a b\"c\x41\n""#, &[b"requirepass", b"a b\"cA\n"]),
            (br#"requirepass "\xff\x00""#, &[b"requirepass", b"\xff\0"]),
            (b"requirepass gr\xfc\xdfe", &[b"requirepass", b"gr\xfc\xdfe"]),
            (br"requirepass 'it\'s \n'", &[b"requirepass", br"it's \n"]),
            (br#"save """#, &[b"save", b""]),
            (b"dir /a#b", &[b"dir", b"/a#b"]),
        ];
        for (line, words) in cases {
            assert_eq!(&split(line).unwrap(), words, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [r#"a "b"#, "a 'b", r#"a "b"c"#, r#"a "\""#] {
            assert_eq!(split(line.as_bytes()), Err(LineError::Unbalanced), "{line}");
        }
    }

    #[test]
    fn what_was_quoted_reads_back() {
        let every_byte: Vec<u8> = (0..=255).collect();
        let texts =
            ["", "plain", "two words", "q\"uo'te", "back\\slash", "line\nend\t\r\u{1}", "#hash", "grüße"];
        let texts = texts.iter().map(|text| text.as_bytes());
        for bytes in texts.chain([&b"gr\xfc\xdfe"[..], &every_byte]) {
            let line = [b"name ", &*quote(bytes)].concat();
            assert!(std::str::from_utf8(&line).is_ok());
            assert_eq!(split(&line).unwrap(), [b"name", bytes], "{}", bytes.escape_ascii());
        }
    }
}
