//! Why the bytes of a client are not a request.

/// The bytes are not a request. The text is the one that Redis replies, after `ERR Protocol error: `.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The number of words is not a number, or too large.
    #[error("ERR Protocol error: invalid multibulk length")]
    WordCount,
    /// A client without authentication announced too many words.
    #[error("ERR Protocol error: unauthenticated multibulk length")]
    UnauthenticatedWordCount,
    /// The number of words has no line end.
    #[error("ERR Protocol error: too big mbulk count string")]
    WordCountTooLong,
    /// The length of a word is not a number, or too large.
    #[error("ERR Protocol error: invalid bulk length")]
    BulkLength,
    /// A client without authentication announced too long a word.
    #[error("ERR Protocol error: unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    /// The length of a word has no line end.
    #[error("ERR Protocol error: too big bulk count string")]
    BulkLengthTooLong,
    /// Something else is where a bulk string should start.
    #[error("ERR Protocol error: expected '$', got '{}'", *.0 as char)]
    ExpectedBulk(u8),
    /// A bulk string is not followed by `\r\n`.
    #[error("ERR Protocol error: expected CRLF after bulk string")]
    BulkEnd,
    /// An inline command is too long.
    #[error("ERR Protocol error: too big inline request")]
    InlineTooLong,
    /// A quote in an inline command is not closed, or its end is not followed by a space.
    #[error("ERR Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
}
