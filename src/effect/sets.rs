//! Changes of sets.
//!
//! ```text
//!  50   Add       db key items: member ...
//!  51   Remove    db key items: member ...
//! ```

use super::family::{Family, items_bytes};
use super::input::{EffectError, Input, MEMBER};
use super::items::Items;
use super::sink::Sink;

const ADD: u8 = 0x50;
const REMOVE: u8 = 0x51;
pub(super) const FIRST: u8 = ADD;
pub(super) const LAST: u8 = REMOVE;

/// A change of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetChange<'a> {
    /// Adds members to a set. Creates the set if it is missing. The key's expiry stays.
    Add {
        /// The members.
        members: Items<'a>,
    },
    /// Removes members from a set.
    Remove {
        /// The members.
        members: Items<'a>,
    },
}

impl SetChange<'_> {
    /// The names of these changes.
    pub const NAMES: &'static [&'static str] = &["sadd", "srem"];

    /// The change's name, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "sadd",
            Self::Remove { .. } => "srem",
        }
    }
}

impl<'a> SetChange<'a> {
    /// The members.
    fn members(&self) -> Items<'a> {
        match *self {
            Self::Add { members } | Self::Remove { members } => members,
        }
    }
}

impl<'a> Family<'a> for SetChange<'a> {
    fn op(&self) -> u8 {
        match self {
            Self::Add { .. } => ADD,
            Self::Remove { .. } => REMOVE,
        }
    }

    fn encode(&self, sink: &mut impl Sink) {
        self.members().put(sink);
    }

    fn decode(op: u8, input: &mut Input<'a>) -> Result<Self, EffectError> {
        Ok(match op {
            ADD => Self::Add { members: input.items(MEMBER)? },
            REMOVE => Self::Remove { members: input.items(MEMBER)? },
            unknown => return Err(input.unknown(unknown)),
        })
    }

    fn items(&self) -> Option<Items<'a>> {
        Some(self.members())
    }

    fn stored_bytes(&self) -> Option<u64> {
        match *self {
            Self::Add { members } => Some(items_bytes(members)),
            Self::Remove { .. } => None,
        }
    }

    fn elements(&self) -> u64 {
        self.members().len()
    }

    fn takes_out(&self) -> bool {
        matches!(self, Self::Remove { .. })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Items, SetChange};

    /// One change of each kind, with its bytes in database 1 at the key `k`.
    pub fn golden() -> Vec<(SetChange<'static>, &'static str)> {
        let members = Items::checked(2, b"\x01f\0");
        vec![
            (SetChange::Add { members }, "50 01 01 6b 02 01 66 00"),
            (SetChange::Remove { members }, "51 01 01 6b 02 01 66 00"),
        ]
    }
}
