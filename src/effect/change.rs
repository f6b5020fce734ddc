//! An effect: a database, a key, and a change of one family.
//!
//! A new family is a file with its changes, an arm of [`Change`], and a line in each list of families below.

use super::databases::{self, DatabaseChange};
use super::family::Family;
use super::hashes::{self, HashChange};
use super::input::{EffectError, Input, Reason};
use super::items::Items;
use super::keys::{self, KeyChange};
use super::lists::{self, ListChange};
use super::sets::{self, SetChange};
use super::sink::{Sink, put_key};
use super::sorted_sets::{self, SortedSetChange};
use super::strings::{self, StringChange};

// Numbers of different families do not meet.
const _: () = assert!(keys::LAST < databases::FIRST && databases::LAST < strings::FIRST);
const _: () = assert!(strings::LAST < lists::FIRST && lists::LAST < hashes::FIRST);
const _: () = assert!(hashes::LAST < sets::FIRST && sets::LAST < sorted_sets::FIRST);

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

/// What happens to a key: an arm for each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Something that befalls any type.
    Key(KeyChange<'a>),
    /// A change of a string.
    String(StringChange<'a>),
    /// A change of a list.
    List(ListChange<'a>),
    /// A change of a hash.
    Hash(HashChange<'a>),
    /// A change of a set.
    Set(SetChange<'a>),
    /// A change of a sorted set.
    SortedSet(SortedSetChange<'a>),
}

/// Makes a family's changes changes.
macro_rules! from_families {
    ($($arm:ident($change:ident)),*) => {
        $(impl<'a> From<$change<'a>> for Change<'a> {
            #[inline]
            fn from(change: $change<'a>) -> Self {
                Change::$arm(change)
            }
        })*
    };
}

from_families!(
    Key(KeyChange),
    String(StringChange),
    List(ListChange),
    Hash(HashChange),
    Set(SetChange),
    SortedSet(SortedSetChange)
);

/// Asks the family that an effect is of.
macro_rules! ask {
    ($effect:expr, $change:ident => $answer:expr) => {
        match $effect {
            Effect::Database($change) => $answer,
            Effect::Key { change: Change::Key($change), .. } => $answer,
            Effect::Key { change: Change::String($change), .. } => $answer,
            Effect::Key { change: Change::List($change), .. } => $answer,
            Effect::Key { change: Change::Hash($change), .. } => $answer,
            Effect::Key { change: Change::Set($change), .. } => $answer,
            Effect::Key { change: Change::SortedSet($change), .. } => $answer,
        }
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
        let families = [
            StringChange::NAMES,
            KeyChange::NAMES,
            DatabaseChange::NAMES,
            HashChange::NAMES,
            SetChange::NAMES,
            ListChange::NAMES,
            SortedSetChange::NAMES,
        ];
        families.into_iter().flatten().copied()
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
        match input.byte()? {
            op @ databases::FIRST..=databases::LAST => {
                DatabaseChange::decode(op, input).map(Effect::Database)
            }
            op @ keys::FIRST..=keys::LAST => Self::read_on::<KeyChange<'_>>(op, input),
            op @ strings::FIRST..=strings::LAST => Self::read_on::<StringChange<'_>>(op, input),
            op @ lists::FIRST..=lists::LAST => Self::read_on::<ListChange<'_>>(op, input),
            op @ hashes::FIRST..=hashes::LAST => Self::read_on::<HashChange<'_>>(op, input),
            op @ sets::FIRST..=sets::LAST => Self::read_on::<SetChange<'_>>(op, input),
            op @ sorted_sets::FIRST..=sorted_sets::LAST => Self::read_on::<SortedSetChange<'_>>(op, input),
            unknown => Err(EffectError { offset: start, reason: Reason::UnknownEffect(unknown) }),
        }
    }

    /// Reads what stands behind the number of a change of a key.
    fn read_on<C: Family<'a> + Into<Change<'a>>>(op: u8, input: &mut Input<'a>) -> Result<Self, EffectError> {
        let (db, key) = input.key()?;
        Ok(Self::on(db, key, C::decode(op, input)?))
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

    /// The database and key that the effect writes to, where it is not the one that [`Effect::key`] names.
    pub fn destination(&self) -> Option<(usize, &'a [u8])> {
        match *self {
            Effect::Key { db, key, change: Change::Key(change) } => change.destination(db, key),
            _ => None,
        }
    }

    /// The databases and keys whose values the effect changes; none for effects on whole databases.
    pub fn touched(&self) -> impl Iterator<Item = (usize, &'a [u8])> {
        let own = match *self {
            Effect::Database(_) | Effect::Key { change: Change::Key(KeyChange::Copy { .. }), .. } => None,
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

    /// Bytes that the effect stores: those of its value, or of the members, elements, scores, fields and values that it adds.
    pub fn stored_bytes(&self) -> Option<u64> {
        ask!(self, change => change.stored_bytes())
    }

    /// Where in the value the effect takes place: an offset in bytes, or the index of an element.
    pub fn place(&self) -> Option<u64> {
        ask!(self, change => change.place())
    }

    /// How many elements the effect takes out, or, if it trims a list, keeps.
    pub fn count(&self) -> Option<u64> {
        ask!(self, change => change.count())
    }

    /// The expiry that the effect sets, of its key or of its fields, in milliseconds since 1970.
    pub fn expire_at_ms(&self) -> Option<u64> {
        ask!(self, change => change.expire_at_ms())
    }

    /// Number of elements of a collection that the effect names.
    pub fn elements(&self) -> u64 {
        ask!(self, change => change.elements())
    }

    /// Whether the effect takes named elements out of a collection.
    pub fn takes_out(&self) -> bool {
        ask!(self, change => change.takes_out())
    }
}
