//! Why a command failed.

use std::borrow::Cow;

use crate::keyspace::KeyspaceError;
use crate::resp::Reply;
use crate::table::TableError;

/// Why a command failed. The data is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The client's mistake: the text of the error reply, code first (`ERR ...`).
    #[error("{0}")]
    Reply(Cow<'static, str>),
    /// The data could not be read or changed.
    #[error("ERR {0}")]
    Keyspace(#[from] KeyspaceError),
}

impl CommandError {
    /// The arguments do not follow the command's syntax.
    pub const SYNTAX: CommandError = CommandError::Reply(Cow::Borrowed("ERR syntax error"));
    /// An argument is not an integer, or is out of range.
    pub const NOT_AN_INTEGER: CommandError =
        CommandError::Reply(Cow::Borrowed("ERR value is not an integer or out of range"));
    /// The source key does not exist.
    pub const NO_SUCH_KEY: CommandError = CommandError::Reply(Cow::Borrowed("ERR no such key"));
    /// There is no database with that number.
    pub const DB_OUT_OF_RANGE: CommandError =
        CommandError::Reply(Cow::Borrowed("ERR DB index is out of range"));
    /// Source and destination are the same key in the same database.
    pub const SAME_OBJECT: CommandError =
        CommandError::Reply(Cow::Borrowed("ERR source and destination objects are the same"));
    /// A string would become longer than strings may be.
    pub const VALUE_TOO_LONG: CommandError =
        CommandError::Reply(Cow::Borrowed("ERR string exceeds maximum allowed size (proto-max-bulk-len)"));
    /// The key holds another type than the command works on.
    pub const WRONG_TYPE: CommandError = CommandError::Reply(Cow::Borrowed(
        "WRONGTYPE Operation against a key holding the wrong kind of value",
    ));
}

impl From<TableError> for CommandError {
    fn from(error: TableError) -> Self {
        CommandError::Keyspace(error.into())
    }
}

impl From<&'static str> for CommandError {
    fn from(text: &'static str) -> Self {
        CommandError::Reply(Cow::Borrowed(text))
    }
}

impl From<String> for CommandError {
    fn from(text: String) -> Self {
        CommandError::Reply(Cow::Owned(text))
    }
}

/// Returns an error if the reply was cut.
pub fn whole(reply: &Reply<'_>) -> Result<(), CommandError> {
    match reply.is_cut() {
        true => Err(KeyspaceError::ReplyTooLong { bytes_max: reply.bytes_max() }.into()),
        false => Ok(()),
    }
}
