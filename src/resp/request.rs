//! Finds the commands in the bytes of a client: RESP arrays of bulk strings, and inline commands.
//!
//! The parser copies nothing: it returns the words of a command as ranges of the input. It remembers its position in an
//! incomplete command, so a large value that arrives in pieces is scanned once. What it returns depends only on the
//! bytes, never on how they were split into pieces.
//!
//! - A length that a client announces takes no memory; only the bytes that it sends do. (The input buffer is the
//!   connection's.)
//! - Lengths are decimal digits without sign, leading zeros or spaces; every line ends with `\r\n`. Inline commands
//!   may end with `\n` alone.
//! - After an error the connection must be closed: it is unknown where the next command starts.
//!
//! Format: the Redis serialization protocol specification; inline commands follow `sdssplitargs` of Redis.

mod inline;
#[cfg(test)]
mod tests;

use super::args::Span;
use super::error::ProtocolError;

/// Maximum number of bytes of input that are held for one client, whatever is configured: offsets into it have 32 bits.
pub const INPUT_BYTES_MAX: u64 = 3 << 29;
/// Maximum number of words of one command.
const WORDS_MAX: u64 = 1024 * 1024;
/// Maximum number of words of a command of an unauthenticated client.
const UNAUTHENTICATED_WORDS_MAX: u64 = 10;
/// Maximum number of bytes of a word of an unauthenticated client.
const UNAUTHENTICATED_BULK_BYTES_MAX: u64 = 16 * 1024;
/// Maximum number of bytes of an inline command, including its line end.
const INLINE_BYTES_MAX: usize = 64 * 1024;
/// The line end of a length must come within this many bytes.
const LENGTH_BYTES_MAX: usize = 32;

/// The limits of what a client may send.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Maximum number of bytes of one word.
    pub bulk_bytes_max: u64,
    /// Whether the client has given the password; the limits are lower before.
    pub authenticated: bool,
}

/// What the parser found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole command; its words are the spans from `first_span` on, at least one.
    Command {
        /// Index of the command's name in the spans.
        first_span: usize,
    },
    /// No whole command: more bytes are needed.
    Incomplete,
}

/// Finds commands in an input buffer that grows at its end.
#[derive(Debug, Default)]
pub struct RequestParser {
    /// Everything before this offset belongs to whole commands.
    consumed: usize,
    /// Offset of the first byte not yet parsed.
    at: usize,
    /// Number of words still missing from the array being received; 0 between commands.
    words_left: u64,
    /// Length of the word being received, once it is known.
    bulk_len: Option<usize>,
    /// The inline command being received has no line end before this offset.
    scanned: usize,
    /// Number of spans before those of the command being received.
    first_span: usize,
}

impl RequestParser {
    /// Finds the next command and appends its words to `spans`. The caller may remove them when it is done with the
    /// command.
    ///
    /// `input` holds all bytes since the last [`RequestParser::rewind`]. Quoted words of an inline command are decoded
    /// in place, which never needs more room.
    ///
    /// # Errors
    /// The bytes are not a request: the connection must be closed.
    pub fn next(
        &mut self,
        input: &mut [u8],
        spans: &mut Vec<Span>,
        limits: &RequestLimits,
    ) -> Result<Parsed, ProtocolError> {
        debug_assert!(input.len() <= u32::MAX as usize, "spans count in 32 bits");
        debug_assert!(self.consumed <= self.at && self.at <= input.len());
        loop {
            let whole = if self.words_left > 0 {
                self.words(input, spans, limits)?
            } else {
                self.first_span = spans.len();
                match input.get(self.at) {
                    None => return Ok(Parsed::Incomplete),
                    Some(b'*') => match self.array(input, limits)? {
                        Some(()) if self.words_left > 0 => continue,
                        found => found,
                    },
                    Some(_) => self.inline(input, spans)?,
                }
            };
            let Some(()) = whole else { return Ok(Parsed::Incomplete) };
            self.consumed = self.at;
            if spans.len() > self.first_span {
                return Ok(Parsed::Command { first_span: self.first_span });
            }
        }
    }

    /// Whether the next command may be parsed ahead of its turn: it is an array of words, which parsing leaves as it is,
    /// so it can be parsed again.
    pub fn may_parse_ahead(&self, input: &[u8]) -> bool {
        self.words_left == 0 && matches!(input.get(self.at..), Some([b'*', b'1'..=b'9', ..]))
    }

    /// Whether no command has been received in part.
    pub fn is_between_commands(&self) -> bool {
        self.words_left == 0
    }

    /// Number of bytes at the start of the input that belong to the commands returned so far.
    pub fn consumed(&self) -> usize {
        self.consumed
    }

    /// Number of bytes that the word being received still lacks when `received` bytes of input are there; 0 if unknown.
    pub fn missing_bytes(&self, received: usize) -> usize {
        self.bulk_len.map_or(0, |len| (self.at + len + 2).saturating_sub(received))
    }

    /// Drops the command being received: the input now starts at offset `at` of the old one, which must be the start of
    /// a command. Removes the spans of an incomplete command.
    pub fn rewind(&mut self, spans: &mut Vec<Span>) {
        if self.words_left > 0 {
            spans.truncate(self.first_span);
        }
        *self = Self::default();
    }

    /// Reads the number of words of an array.
    fn array(&mut self, input: &[u8], limits: &RequestLimits) -> Result<Option<()>, ProtocolError> {
        let (negative, digits_at) = match input.get(self.at + 1) {
            Some(b'-') => (true, self.at + 2),
            _ => (false, self.at + 1),
        };
        let (count, next) = match number(&input[digits_at.min(input.len())..]) {
            Number::Incomplete => return Ok(None),
            Number::Invalid => return Err(ProtocolError::WordCount),
            Number::TooLong => return Err(ProtocolError::WordCountTooLong),
            Number::Value(count, len) => (count, digits_at + len),
        };
        if negative {
            if count == 0 {
                return Err(ProtocolError::WordCount);
            }
        } else if count > WORDS_MAX {
            return Err(ProtocolError::WordCount);
        } else if count > UNAUTHENTICATED_WORDS_MAX && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedWordCount);
        } else {
            self.words_left = count;
        }
        self.at = next;
        Ok(Some(()))
    }

    /// Reads the words of an array, as far as they have arrived.
    fn words(
        &mut self,
        input: &[u8],
        spans: &mut Vec<Span>,
        limits: &RequestLimits,
    ) -> Result<Option<()>, ProtocolError> {
        while self.words_left > 0 {
            let len = match self.bulk_len {
                Some(len) => len,
                None => match self.bulk_header(input, limits)? {
                    Some(len) => len,
                    None => return Ok(None),
                },
            };
            let Some(end) = input.get(self.at + len..self.at + len + 2) else { return Ok(None) };
            if end != b"\r\n" {
                return Err(ProtocolError::BulkEnd);
            }
            spans.push(Span { start: self.at as u32, len: len as u32 });
            self.at += len + 2;
            self.bulk_len = None;
            self.words_left -= 1;
        }
        Ok(Some(()))
    }

    /// Reads the length of a word.
    fn bulk_header(&mut self, input: &[u8], limits: &RequestLimits) -> Result<Option<usize>, ProtocolError> {
        match input.get(self.at) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(&other) => return Err(ProtocolError::ExpectedBulk(other)),
        }
        let (len, next) = match number(&input[self.at + 1..]) {
            Number::Incomplete => return Ok(None),
            Number::Invalid => return Err(ProtocolError::BulkLength),
            Number::TooLong => return Err(ProtocolError::BulkLengthTooLong),
            Number::Value(len, bytes) => (len, self.at + 1 + bytes),
        };
        if len > limits.bulk_bytes_max.min(u64::from(u32::MAX / 2)) {
            return Err(ProtocolError::BulkLength);
        }
        if len > UNAUTHENTICATED_BULK_BYTES_MAX && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        self.at = next;
        self.bulk_len = Some(len as usize);
        Ok(self.bulk_len)
    }

    /// Reads an inline command if its line is complete.
    fn inline(&mut self, input: &mut [u8], spans: &mut Vec<Span>) -> Result<Option<()>, ProtocolError> {
        let limit = input.len().min(self.at + INLINE_BYTES_MAX);
        let from = self.scanned.clamp(self.at, limit);
        let Some(found) = memchr::memchr(b'\n', &input[from..limit]) else {
            if input.len() - self.at >= INLINE_BYTES_MAX {
                return Err(ProtocolError::InlineTooLong);
            }
            self.scanned = limit;
            return Ok(None);
        };
        let line_end = from + found;
        let text_end =
            if line_end > self.at && input[line_end - 1] == b'\r' { line_end - 1 } else { line_end };
        inline::split(input, self.at, text_end, spans)?;
        self.at = line_end + 1;
        Ok(Some(()))
    }
}

/// A length followed by its line end.
enum Number {
    /// The line end has not arrived yet.
    Incomplete,
    /// The value, and the number of bytes that it takes with its line end.
    Value(u64, usize),
    /// Not a number.
    Invalid,
    /// No line end where one must be.
    TooLong,
}

/// Reads the decimal number at the start of `bytes`. One that is too large for 64 bits reads as the largest value.
fn number(bytes: &[u8]) -> Number {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(LENGTH_BYTES_MAX).enumerate() {
        match byte {
            b'0'..=b'9' if index > 0 && bytes[0] == b'0' => return Number::Invalid,
            b'0'..=b'9' => value = value.saturating_mul(10).saturating_add(u64::from(byte - b'0')),
            b'\r' if index > 0 => {
                return match bytes.get(index + 1) {
                    None => Number::Incomplete,
                    Some(b'\n') => Number::Value(value, index + 2),
                    Some(_) => Number::Invalid,
                };
            }
            _ => return Number::Invalid,
        }
    }
    if bytes.len() < LENGTH_BYTES_MAX { Number::Incomplete } else { Number::TooLong }
}
