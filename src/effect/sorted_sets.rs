//! Changes of sorted sets.
//!
//! ```text
//!  60   Add       db key items: member, score ...
//!  61   Remove    db key items: member ...
//! ```

use super::family::{Family, items_bytes};
use super::input::{EffectError, Input, MEMBER, Reason, SCORED};
use super::items::Items;
use super::score::Score;
use super::sink::Sink;

const ADD: u8 = 0x60;
const REMOVE: u8 = 0x61;
pub(super) const FIRST: u8 = ADD;
pub(super) const LAST: u8 = REMOVE;

/// A change of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortedSetChange<'a> {
    /// Sets the scores of members of a sorted set. Creates the set if it is missing. The key's expiry stays.
    Add {
        /// Members, each followed by the bytes of its [`Score`].
        elements: Items<'a>,
    },
    /// Removes members from a sorted set.
    Remove {
        /// The members.
        members: Items<'a>,
    },
}

impl SortedSetChange<'_> {
    /// The names of these changes.
    pub const NAMES: &'static [&'static str] = &["zadd", "zrem"];

    /// The change's name, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "zadd",
            Self::Remove { .. } => "zrem",
        }
    }
}

impl<'a> Family<'a> for SortedSetChange<'a> {
    fn op(&self) -> u8 {
        match self {
            Self::Add { .. } => ADD,
            Self::Remove { .. } => REMOVE,
        }
    }

    fn encode(&self, sink: &mut impl Sink) {
        match self {
            Self::Add { elements: items } | Self::Remove { members: items } => items.put(sink),
        }
    }

    fn decode(op: u8, input: &mut Input<'a>) -> Result<Self, EffectError> {
        Ok(match op {
            ADD => {
                let start = input.at;
                let elements = input.items(SCORED)?;
                if elements.pairs().any(|(_, score)| Score::from_bytes(score).is_none()) {
                    return Err(EffectError { offset: start, reason: Reason::Score });
                }
                Self::Add { elements }
            }
            REMOVE => Self::Remove { members: input.items(MEMBER)? },
            unknown => return Err(input.unknown(unknown)),
        })
    }

    fn items(&self) -> Option<Items<'a>> {
        match *self {
            Self::Add { elements: items } | Self::Remove { members: items } => Some(items),
        }
    }

    fn stored_bytes(&self) -> Option<u64> {
        match *self {
            Self::Add { elements } => Some(items_bytes(elements)),
            Self::Remove { .. } => None,
        }
    }

    fn elements(&self) -> u64 {
        match self {
            Self::Add { elements } => elements.len() / 2,
            Self::Remove { members } => members.len(),
        }
    }

    fn takes_out(&self) -> bool {
        matches!(self, Self::Remove { .. })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Items, SortedSetChange};

    /// One change of each kind, with its bytes in database 1 at the key `k`.
    pub fn golden() -> Vec<(SortedSetChange<'static>, &'static str)> {
        let elements = Items::checked(2, b"\x01f\x08\xbf\xf8\0\0\0\0\0\0");
        let members = Items::checked(2, b"\x01f\0");
        vec![
            (SortedSetChange::Add { elements }, "60 01 01 6b 02 01 66 08 bf f8 00 00 00 00 00 00"),
            (SortedSetChange::Remove { members }, "61 01 01 6b 02 01 66 00"),
        ]
    }
}
