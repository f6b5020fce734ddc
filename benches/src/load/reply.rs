//! Finds where replies end, without keeping them.
//!
//! Invariant: what is kept between two calls is at most one unfinished line.

use super::LoadError;

/// Longest line that a reply may have, in bytes.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Counts the replies in a stream of bytes.
#[derive(Default)]
pub struct Replies {
    /// Bytes of the current bulk string that are still to come, its line end included.
    skip: u64,
    /// Elements that are still to come of the arrays around the current one.
    elements: u64,
    /// Start of a line whose end has not come yet.
    line: Vec<u8>,
}

/// What the first line of an element says.
enum Head {
    /// The element is this line.
    Line,
    /// A bulk string of that many bytes follows.
    Bulk(u64),
    /// That many elements follow.
    Array(u64),
}

impl Replies {
    /// Takes the next bytes of the stream and returns how many replies end in them. The server's errors are errors.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<usize, LoadError> {
        let mut complete = 0;
        loop {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len() as u64);
                self.skip -= skipped;
                bytes = &bytes[skipped as usize..];
                if self.skip > 0 {
                    return Ok(complete);
                }
                complete += self.element_ends();
            }
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                return if self.line.len() > LINE_BYTES_MAX {
                    Err(LoadError::Protocol("a line without end".into()))
                } else {
                    Ok(complete)
                };
            };
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            match self.head(line)? {
                Head::Line => complete += self.element_ends(),
                Head::Bulk(len) => self.skip = len + 2,
                Head::Array(len) => {
                    self.elements += len + u64::from(self.elements == 0);
                    complete += self.element_ends();
                }
            }
        }
    }

    /// Counts the end of an element; returns 1 if a reply ends with it.
    fn element_ends(&mut self) -> usize {
        self.elements = self.elements.saturating_sub(1);
        usize::from(self.elements == 0)
    }

    /// Reads the first line of an element, of which a part may have come before.
    fn head(&mut self, line: &[u8]) -> Result<Head, LoadError> {
        if self.line.is_empty() {
            return head(line);
        }
        self.line.extend_from_slice(line);
        let head = head(&self.line);
        self.line.clear();
        head
    }
}

/// Reads the first line of an element.
fn head(line: &[u8]) -> Result<Head, LoadError> {
    let text = || String::from_utf8_lossy(line).trim_end().to_owned();
    let length = || match text()[1..].parse::<i64>() {
        Ok(length) => Ok(u64::try_from(length).ok()),
        Err(_) => Err(LoadError::Protocol(text())),
    };
    match line[0] {
        b'+' | b':' | b'_' | b',' | b'#' => Ok(Head::Line),
        b'$' => Ok(length()?.map_or(Head::Line, Head::Bulk)),
        b'*' => Ok(length()?.map_or(Head::Line, Head::Array)),
        b'-' => Err(LoadError::Refused(text())),
        _ => Err(LoadError::Protocol(text())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `stream` in pieces of every length; all must find `expected` replies and nothing left over.
    fn assert_replies(stream: &[u8], expected: usize) {
        for piece in 1..=stream.len() {
            let mut replies = Replies::default();
            let found: usize = stream.chunks(piece).map(|bytes| replies.feed(bytes).unwrap()).sum();
            assert_eq!(found, expected, "in pieces of {piece} bytes");
            assert_eq!((replies.skip, replies.elements, replies.line.len()), (0, 0, 0));
        }
    }

    #[test]
    fn replies_of_all_kinds_are_counted_wherever_they_are_cut() {
        assert_replies(b"+OK\r\n:12\r\n$-1\r\n$0\r\n\r\n", 4);
        assert_replies(b"$5\r\na\r\nbc\r\n+OK\r\n", 2);
        assert_replies(b"*2\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n*0\r\n*-1\r\n*1\r\n+x\r\n", 4);
    }

    #[test]
    fn an_error_is_no_reply() {
        let refused = Replies::default().feed(b"+OK\r\n-ERR no\r\n").unwrap_err();
        assert_eq!(refused.to_string(), "the server refused a command: -ERR no");
        assert!(Replies::default().feed(b"$x\r\n").is_err());
    }
}
