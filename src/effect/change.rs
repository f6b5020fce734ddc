//! An effect: a database, a key, and a change of one family.
//!
//! A new family is a file with its changes, and a line in the list of families in [the module](super).

use super::databases::{self, DatabaseChange};
use super::family::Family;
use super::input::{EffectError, Input, Reason};
use super::items::Items;
use super::keys::KeyChange;
use super::sink::{Sink, put_key};

/// The first and the last number of each family.
macro_rules! numbers {
    ($($arm:ident $file:ident $change:ident,)*) => {
        [(databases::FIRST, databases::LAST), $((super::$file::FIRST, super::$file::LAST),)*]
    };
}

// Number ranges of different families do not overlap.
const _: () = {
    let numbers = families!(numbers!);
    let mut one = 0;
    while one < numbers.len() {
        let mut other = 0;
        while other < one {
            assert!(numbers[one].1 < numbers[other].0 || numbers[other].1 < numbers[one].0);
            other += 1;
        }
        one += 1;
    }
};

/// One change of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect<'a> {
    /// Of whole databases.
    Database(DatabaseChange),
    /// Of a key.
    Key {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// What happens to it.
        change: Change<'a>,
    },
}

/// Defines [`Change`] from the families.
macro_rules! define {
    ($($arm:ident $file:ident $change:ident,)*) => {
        /// What happens to a key: an arm for each family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Change<'a> {
            $(
                /// A change of this family.
                $arm(super::$file::$change<'a>),
            )*
        }

        $(impl<'a> From<super::$file::$change<'a>> for Change<'a> {
            #[inline]
            fn from(change: super::$file::$change<'a>) -> Self {
                Change::$arm(change)
            }
        })*
    };
}

families!(define!);

/// Passes a question to the family of an effect.
macro_rules! ask {
    ($effect:expr, $change:ident => $answer:expr) => {
        families!(ask_each! $effect, $change => $answer;)
    };
}

/// Passes a question to each family.
macro_rules! ask_each {
    (
        $effect:expr, $given:ident => $answer:expr;
        $($arm:ident $file:ident $change:ident,)*
    ) => {
        match $effect {
            Effect::Database($given) => $answer,
            $(Effect::Key { change: Change::$arm($given), .. } => $answer,)*
        }
    };
}

/// The names of the changes of each family.
macro_rules! names {
    ($($arm:ident $file:ident $change:ident,)*) => {
        [DatabaseChange::NAMES, $(super::$file::$change::NAMES,)*]
    };
}

/// Decodes the effect with a number.
macro_rules! read {
    ($op:ident, $input:ident, $unknown:expr; $($arm:ident $file:ident $change:ident,)*) => {
        match $op {
            databases::FIRST..=databases::LAST => DatabaseChange::decode($op, $input).map(Effect::Database),
            $(super::$file::FIRST..=super::$file::LAST => {
                Effect::read_on::<super::$file::$change<'_>>($op, $input)
            })*
            _ => $unknown,
        }
    };
}

/// One change of each kind of each family, with its bytes in database 1 at the key `k`.
#[cfg(test)]
macro_rules! golden {
    ($($arm:ident $file:ident $change:ident,)*) => {
        [$(super::$file::tests::golden().into_iter().map(|(change, bytes)| (change.into(), bytes)).collect(),)*]
    };
}

impl<'a> Effect<'a> {
    /// A change of a key.
    #[inline]
    pub fn on(db: usize, key: &'a [u8], change: impl Into<Change<'a>>) -> Self {
        Effect::Key { db, key, change: change.into() }
    }

    /// The names of all effects.
    pub fn names() -> impl Iterator<Item = &'static str> {
        families!(names!).into_iter().flatten().copied()
    }

    /// Writes the effect.
    pub(super) fn encode(&self, sink: &mut impl Sink) {
        ask!(self, change => {
            sink.push(change.op());
            if let Effect::Key { db, key, .. } = *self {
                put_key(db, key, sink);
            }
            change.encode(sink);
        });
    }

    /// Reads one effect.
    pub(super) fn decode(input: &mut Input<'a>) -> Result<Self, EffectError> {
        let start = input.at;
        let op = input.byte()?;
        let unknown = Reason::UnknownEffect(op);
        families!(read! op, input, Err(EffectError { offset: start, reason: unknown });)
    }

    /// Reads what follows the number of a change of a key.
    fn read_on<C: Family<'a> + Into<Change<'a>>>(op: u8, input: &mut Input<'a>) -> Result<Self, EffectError> {
        let (db, key) = input.key()?;
        Ok(Self::on(db, key, C::decode(op, input)?))
    }

    /// One change of each kind, with its bytes in database 1 at the key `k`.
    #[cfg(test)]
    pub(super) fn golden() -> impl Iterator<Item = (Change<'static>, &'static str)> {
        let families: [Vec<_>; _] = families!(golden!);
        families.into_iter().flatten()
    }

    /// The effect's number in the log.
    pub fn op(&self) -> u8 {
        ask!(self, change => change.op())
    }

    /// The effect's name, in lower case.
    pub fn name(&self) -> &'static str {
        ask!(self, change => change.name())
    }

    /// The database that the effect changes, or the first of two; `None` if it changes all.
    pub fn db(&self) -> Option<usize> {
        match *self {
            Effect::Database(change) => change.db(),
            Effect::Key { db, .. } => Some(db),
        }
    }

    /// The key that the effect changes or takes from.
    pub fn key(&self) -> Option<&'a [u8]> {
        match *self {
            Effect::Database(_) => None,
            Effect::Key { key, .. } => Some(key),
        }
    }

    /// The database and key that the effect writes to, if that is not the one of [`Effect::key`].
    pub fn destination(&self) -> Option<(usize, &'a [u8])> {
        match *self {
            Effect::Key { db, key, change: Change::Key(change) } => change.destination(db, key),
            _ => None,
        }
    }

    /// The databases and keys whose values the effect changes; none for effects on whole databases. What a stream's groups
    /// have read is no part of its value.
    pub fn touched(&self) -> impl Iterator<Item = (usize, &'a [u8])> {
        let own = match *self {
            Effect::Database(_) | Effect::Key { change: Change::Key(KeyChange::Copy { .. }), .. } => None,
            Effect::Key { change: Change::Stream(change), .. } if change.is_of_groups() => None,
            Effect::Key { db, key, .. } => Some((db, key)),
        };
        own.into_iter().chain(self.destination())
    }

    /// The bytes that the effect stores.
    pub fn value(&self) -> Option<&'a [u8]> {
        ask!(self, change => change.value())
    }

    /// The members, elements, fields, fields and values, or members and scores that the effect is about.
    pub fn items(&self) -> Option<Items<'a>> {
        ask!(self, change => change.items())
    }

    /// Number of bytes that the effect stores: those of its value, or of the members, elements, scores, fields and
    /// values that it adds.
    pub fn stored_bytes(&self) -> Option<u64> {
        ask!(self, change => change.stored_bytes())
    }

    /// The position in the value that the effect changes: an offset in bytes, or the index of an element.
    pub fn place(&self) -> Option<u64> {
        ask!(self, change => change.place())
    }

    /// Number of elements that the effect removes or copies, or keeps if it trims a list.
    pub fn count(&self) -> Option<u64> {
        ask!(self, change => change.count())
    }

    /// The expiry that the effect sets, of its key or of its fields, in milliseconds since 1970.
    pub fn expire_at_ms(&self) -> Option<u64> {
        ask!(self, change => change.expire_at_ms())
    }

    /// Number of elements of a collection that the effect lists.
    pub fn elements(&self) -> u64 {
        ask!(self, change => change.elements())
    }

    /// Whether the effect removes listed elements from a collection.
    pub fn takes_out(&self) -> bool {
        ask!(self, change => change.takes_out())
    }
}
