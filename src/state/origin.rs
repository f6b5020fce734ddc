//! The origin of a client's commands, as records name it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use super::labels::ClientLabels;
use super::users::DEFAULT;
use crate::effect::{Address, Origin};

/// A client's origin, encoded once, and its number in the open group. When the client's name, library or user changes,
/// it gets a new `ClientOrigin`, so that each command has the origin of the time at which it was sent.
#[derive(Debug, Default)]
pub struct ClientOrigin {
    /// The origin, encoded.
    encoded: Box<[u8]>,
    /// The last group that defined it. Only the writer uses this.
    group: AtomicU64,
    /// Its number in that group.
    number: AtomicU32,
}

impl ClientOrigin {
    /// The origin of a client with this user, address and labels.
    pub fn new(user: &str, address: &str, labels: &ClientLabels) -> Self {
        let origin = Origin {
            user: if user == DEFAULT { b"" } else { user.as_bytes() },
            address: Address::parse(address),
            name: &labels.name,
            library: &labels.library_name,
            version: &labels.library_version,
        };
        let mut encoded = Vec::new();
        origin.put(&mut encoded);
        Self { encoded: encoded.into(), ..Self::default() }
    }

    /// The origin as it is encoded in a record.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// Its number in this group, if a record of the group has defined it.
    pub fn number_in(&self, group: u64) -> Option<u32> {
        (self.group.load(Relaxed) == group).then(|| self.number.load(Relaxed))
    }

    /// Notes that a record of this group has defined it.
    pub fn define(&self, group: u64, number: u32) {
        self.group.store(group, Relaxed);
        self.number.store(number, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_of_one_group() {
        let origin = ClientOrigin::new(DEFAULT, "127.0.0.1:4000", &ClientLabels::default());
        assert_eq!(origin.encoded(), [0, 4, 127, 0, 0, 1, 0x0F, 0xA0, 0, 0, 0]);
        assert_eq!(origin.number_in(1), None);
        origin.define(1, 7);
        assert_eq!((origin.number_in(1), origin.number_in(2)), (Some(7), None));
    }
}
