//! The conditions of `EXEC`: `IFEQ key value`, `IFNE key value`, `NX key`, `XX key`. A transaction runs if all of them hold.

use super::words;
use crate::keyspace::{KeyReader, KeyspaceError, Kind, Lookups};
use crate::resp::Args;
use crate::table::View;

/// A condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecCondition<'a> {
    /// The key.
    pub key: &'a [u8],
    /// What is wanted of it.
    wanted: Wanted<'a>,
}

/// What is wanted of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted<'a> {
    /// It exists.
    Present,
    /// It does not exist.
    Missing,
    /// It holds this string.
    Equal(&'a [u8]),
    /// It does not hold this string.
    Different(&'a [u8]),
}

/// The conditions behind the name of the command; `None` if the words are wrong.
pub fn exec_conditions<'a>(args: &Args<'a>) -> Option<Vec<ExecCondition<'a>>> {
    let (mut conditions, mut rest) = (Vec::new(), args.from(1));
    while let Some(word) = rest.next() {
        let key = rest.next()?;
        let wanted = match word {
            _ if words::is(word, "xx") => Wanted::Present,
            _ if words::is(word, "nx") => Wanted::Missing,
            _ if words::is(word, "ifeq") => Wanted::Equal(rest.next()?),
            _ if words::is(word, "ifne") => Wanted::Different(rest.next()?),
            _ => return None,
        };
        conditions.push(ExecCondition { key, wanted });
    }
    Some(conditions)
}

impl ExecCondition<'_> {
    /// Whether it holds in database `db` at `now_ms`; `None` if the key holds no string, but is to be compared with one.
    pub fn holds(&self, view: &View<'_>, db: usize, now_ms: u64) -> Result<Option<bool>, KeyspaceError> {
        let mut lookups = Lookups::default();
        let mut keys = KeyReader::new(view, now_ms, &mut lookups);
        let value = keys.peek(db, self.key)?;
        let (expected, wants_equal) = match self.wanted {
            Wanted::Present => return Ok(Some(value.is_some())),
            Wanted::Missing => return Ok(Some(value.is_none())),
            Wanted::Equal(expected) => (expected, true),
            Wanted::Different(expected) => (expected, false),
        };
        let Some(value) = value else { return Ok(Some(!wants_equal)) };
        match value.text()? {
            Some(text) if value.kind == Kind::String => Ok(Some(text.equals(view, expected)? == wants_equal)),
            _ => Ok(None),
        }
    }
}
