//! Changes of sorted sets.
//!
//! ```text
//!  60   Add       db key items: member, score ...
//!  61   Remove    db key items: member ...
//!  62   CopyOrder                      db key from_db from index count
//!  63   CopyMembers, within ranks      db key from_db from index count first behind
//!  64   CopyMembers, outside of them   db key from_db from index count first behind
//! ```
//!
//! A sorted set that holds a part of another one is made by a row of `CopyOrder` and then a row of `CopyMembers`. In
//! between it has members without an order, or the other way round. The other one stays the same meanwhile.

use super::family::{Family, items_bytes};
use super::input::{EffectError, Input, MEMBER, Reason, SCORED};
use super::items::Items;
use super::score::Score;
use super::sink::{Sink, put_key, put_varint};

const ADD: u8 = 0x60;
const REMOVE: u8 = 0x61;
const COPY_ORDER: u8 = 0x62;
const COPY_WITHIN: u8 = 0x63;
const COPY_OUTSIDE: u8 = 0x64;
pub(super) const FIRST: u8 = ADD;
pub(super) const LAST: u8 = COPY_OUTSIDE;

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
    /// Adds elements of another sorted set to the order of scores, behind those that are there.
    CopyOrder {
        /// Which ones, by their positions in the order of scores.
        part: Part<'a>,
    },
    /// Adds members of another sorted set with their scores, behind those that are there.
    CopyMembers {
        /// Which ones, by their positions in byte order.
        part: Part<'a>,
        /// Which of these are left out.
        ranks: Ranks,
    },
}

/// Neighbouring elements of a sorted set that are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Database of the sorted set.
    pub from_db: usize,
    /// Its key.
    pub from: &'a [u8],
    /// Position of the first one.
    pub index: u64,
    /// How many there are.
    pub count: u64,
}

/// Elements of a sorted set, by their positions in the order of scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// The first position of a range.
    pub first: u64,
    /// The position after its last one.
    pub behind: u64,
    /// Whether the elements are those in the range; otherwise, all others.
    pub within: bool,
}

impl SortedSetChange<'_> {
    /// The names of these changes.
    pub const NAMES: &'static [&'static str] = &["zadd", "zrem", "zcopyorder", "zcopymembers"];

    /// The change's name, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "zadd",
            Self::Remove { .. } => "zrem",
            Self::CopyOrder { .. } => "zcopyorder",
            Self::CopyMembers { .. } => "zcopymembers",
        }
    }
}

impl<'a> Part<'a> {
    fn encode(&self, sink: &mut impl Sink) {
        put_key(self.from_db, self.from, sink);
        put_varint(self.index, sink);
        put_varint(self.count, sink);
    }

    fn decode(input: &mut Input<'a>) -> Result<Self, EffectError> {
        let (from_db, from) = input.key()?;
        Ok(Self { from_db, from, index: input.varint()?, count: input.varint()? })
    }
}

impl<'a> Family<'a> for SortedSetChange<'a> {
    fn op(&self) -> u8 {
        match self {
            Self::Add { .. } => ADD,
            Self::Remove { .. } => REMOVE,
            Self::CopyOrder { .. } => COPY_ORDER,
            Self::CopyMembers { ranks: Ranks { within: true, .. }, .. } => COPY_WITHIN,
            Self::CopyMembers { ranks: Ranks { within: false, .. }, .. } => COPY_OUTSIDE,
        }
    }

    fn encode(&self, sink: &mut impl Sink) {
        match self {
            Self::Add { elements: items } | Self::Remove { members: items } => items.put(sink),
            Self::CopyOrder { part } => part.encode(sink),
            Self::CopyMembers { part, ranks } => {
                part.encode(sink);
                put_varint(ranks.first, sink);
                put_varint(ranks.behind, sink);
            }
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
            COPY_ORDER => Self::CopyOrder { part: Part::decode(input)? },
            COPY_WITHIN | COPY_OUTSIDE => {
                let part = Part::decode(input)?;
                let (first, behind) = (input.varint()?, input.varint()?);
                Self::CopyMembers { part, ranks: Ranks { first, behind, within: op == COPY_WITHIN } }
            }
            unknown => return Err(input.unknown(unknown)),
        })
    }

    fn items(&self) -> Option<Items<'a>> {
        match *self {
            Self::Add { elements: items } | Self::Remove { members: items } => Some(items),
            Self::CopyOrder { .. } | Self::CopyMembers { .. } => None,
        }
    }

    fn stored_bytes(&self) -> Option<u64> {
        match *self {
            Self::Add { elements } => Some(items_bytes(elements)),
            Self::Remove { .. } | Self::CopyOrder { .. } | Self::CopyMembers { .. } => None,
        }
    }

    fn place(&self) -> Option<u64> {
        match self {
            Self::CopyOrder { part } | Self::CopyMembers { part, .. } => Some(part.index),
            Self::Add { .. } | Self::Remove { .. } => None,
        }
    }

    fn count(&self) -> Option<u64> {
        match self {
            Self::CopyOrder { part } | Self::CopyMembers { part, .. } => Some(part.count),
            Self::Add { .. } | Self::Remove { .. } => None,
        }
    }

    fn elements(&self) -> u64 {
        match self {
            Self::Add { elements } => elements.len() / 2,
            Self::Remove { members } => members.len(),
            Self::CopyOrder { .. } | Self::CopyMembers { .. } => 0,
        }
    }

    fn takes_out(&self) -> bool {
        matches!(self, Self::Remove { .. })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Items, Part, Ranks, SortedSetChange};

    /// One change of each kind, with its bytes in database 1 at the key `k`.
    pub fn golden() -> Vec<(SortedSetChange<'static>, &'static str)> {
        let elements = Items::checked(2, b"\x01f\x08\xbf\xf8\0\0\0\0\0\0");
        let members = Items::checked(2, b"\x01f\0");
        let part = Part { from_db: 2, from: b"o", index: 300, count: 4 };
        let ranks = |within| Ranks { first: 5, behind: 6, within };
        vec![
            (SortedSetChange::CopyOrder { part }, "62 01 01 6b 02 01 6f ac 02 04"),
            (
                SortedSetChange::CopyMembers { part, ranks: ranks(true) },
                "63 01 01 6b 02 01 6f ac 02 04 05 06",
            ),
            (
                SortedSetChange::CopyMembers { part, ranks: ranks(false) },
                "64 01 01 6b 02 01 6f ac 02 04 05 06",
            ),
            (SortedSetChange::Add { elements }, "60 01 01 6b 02 01 66 08 bf f8 00 00 00 00 00 00"),
            (SortedSetChange::Remove { members }, "61 01 01 6b 02 01 66 00"),
        ]
    }
}
