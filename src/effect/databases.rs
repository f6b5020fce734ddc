//! Changes of whole databases.
//!
//! ```text
//!  08   Flush       db
//!  09   FlushAll
//!  0A   Swap        a b
//! ```

use super::DATABASES_MAX;
use super::family::Family;
use super::input::{EffectError, Input};
use super::sink::{Sink, put_db};

const FLUSH: u8 = 0x08;
const FLUSH_ALL: u8 = 0x09;
const SWAP: u8 = 0x0A;
pub(super) const FIRST: u8 = FLUSH;
pub(super) const LAST: u8 = SWAP;

/// A change of whole databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseChange {
    /// Empties a database.
    Flush {
        /// The database.
        db: usize,
    },
    /// Empties all databases.
    FlushAll,
    /// Exchanges the contents of two databases.
    Swap {
        /// One database.
        a: usize,
        /// The other one.
        b: usize,
    },
}

impl DatabaseChange {
    /// The names of these changes.
    pub const NAMES: &'static [&'static str] = &["flushdb", "flushall", "swapdb"];

    /// The change's name, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Flush { .. } => "flushdb",
            Self::FlushAll => "flushall",
            Self::Swap { .. } => "swapdb",
        }
    }

    /// The database that is changed, or the first of two; `None` if all are.
    pub fn db(&self) -> Option<usize> {
        match *self {
            Self::Flush { db } => Some(db),
            Self::FlushAll => None,
            Self::Swap { a, b: _ } => Some(a),
        }
    }

    /// All databases that are changed.
    pub fn all(&self) -> impl Iterator<Item = usize> {
        let (each, other) = match *self {
            Self::Flush { db } => (db..db + 1, None),
            Self::FlushAll => (0..DATABASES_MAX, None),
            Self::Swap { a, b } => (a..a + 1, Some(b)),
        };
        each.chain(other)
    }
}

impl Family<'_> for DatabaseChange {
    fn op(&self) -> u8 {
        match self {
            Self::Flush { .. } => FLUSH,
            Self::FlushAll => FLUSH_ALL,
            Self::Swap { .. } => SWAP,
        }
    }

    fn encode(&self, sink: &mut impl Sink) {
        match *self {
            Self::Flush { db } => put_db(db, sink),
            Self::FlushAll => {}
            Self::Swap { a, b } => {
                put_db(a, sink);
                put_db(b, sink);
            }
        }
    }

    fn decode(op: u8, input: &mut Input<'_>) -> Result<Self, EffectError> {
        Ok(match op {
            FLUSH => Self::Flush { db: input.db()? },
            FLUSH_ALL => Self::FlushAll,
            SWAP => Self::Swap { a: input.db()?, b: input.db()? },
            unknown => return Err(input.unknown(unknown)),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::DatabaseChange::{self, *};

    /// One change of each kind, with its bytes.
    pub fn golden() -> Vec<(DatabaseChange, &'static str)> {
        vec![(Flush { db: 1 }, "08 01"), (FlushAll, "09"), (Swap { a: 1, b: 55 }, "0a 01 37")]
    }

    #[test]
    fn all_databases_are_named() {
        assert_eq!(Flush { db: 3 }.all().collect::<Vec<_>>(), [3]);
        assert_eq!(Swap { a: 5, b: 1 }.all().collect::<Vec<_>>(), [5, 1]);
        assert_eq!(FlushAll.all().count(), super::DATABASES_MAX);
    }
}
