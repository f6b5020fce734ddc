//! Key-space events: notifications about a key, for clients that subscribed to it.
//!
//! A command that changed a key reports it with [`Keyspace::event`](super::Keyspace::event), in Redis's words, right
//! after the change: `keys.event(Classes::HASH, "hset", db, key)`. The keyspace itself sends the events for expired and
//! new keys. Events that nobody asked for are dropped at once; the others are collected, and published after the group
//! with the change is durable.

use std::ops::{BitOr, Range};

/// A set of event classes, as `notify-keyspace-events` names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classes(u32);

/// Letters and classes, in the order in which Redis shows them after `A`.
const LETTERS: [(u8, Classes); 16] = [
    (b'g', Classes::GENERIC),
    (b'$', Classes::STRING),
    (b'l', Classes::LIST),
    (b's', Classes::SET),
    (b'h', Classes::HASH),
    (b'z', Classes::SORTED_SET),
    (b'x', Classes::EXPIRED),
    (b'e', Classes::EVICTED),
    (b't', Classes::STREAM),
    (b'd', Classes::MODULE),
    (b'n', Classes::NEW),
    (b'o', Classes::OVERWRITTEN),
    (b'c', Classes::TYPE_CHANGED),
    (b'K', Classes::KEYSPACE),
    (b'E', Classes::KEYEVENT),
    (b'm', Classes::KEY_MISS),
];

impl Classes {
    /// No class.
    pub const NONE: Classes = Classes(0);
    /// `K`: events are published on `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: Classes = Classes(1);
    /// `E`: events are published on `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: Classes = Classes(1 << 1);
    /// `g`: commands on keys of any type.
    pub const GENERIC: Classes = Classes(1 << 2);
    /// `$`: string commands.
    pub const STRING: Classes = Classes(1 << 3);
    /// `l`: list commands.
    pub const LIST: Classes = Classes(1 << 4);
    /// `s`: set commands.
    pub const SET: Classes = Classes(1 << 5);
    /// `h`: hash commands.
    pub const HASH: Classes = Classes(1 << 6);
    /// `z`: sorted set commands.
    pub const SORTED_SET: Classes = Classes(1 << 7);
    /// `x`: keys deleted because their expiry had passed.
    pub const EXPIRED: Classes = Classes(1 << 8);
    /// `e`: keys evicted for lack of memory; never sent here.
    pub const EVICTED: Classes = Classes(1 << 9);
    /// `t`: stream commands.
    pub const STREAM: Classes = Classes(1 << 10);
    /// `m`: reads of keys that do not exist.
    pub const KEY_MISS: Classes = Classes(1 << 11);
    /// `d`: modules; never sent here.
    pub const MODULE: Classes = Classes(1 << 13);
    /// `n`: keys that did not exist before.
    pub const NEW: Classes = Classes(1 << 14);
    /// `o`: keys whose value was replaced.
    pub const OVERWRITTEN: Classes = Classes(1 << 15);
    /// `c`: keys whose value was replaced by one of another type.
    pub const TYPE_CHANGED: Classes = Classes(1 << 16);
    /// `A`: all but `m`, `n`, `o` and `c`.
    pub const ALL: Classes = Classes(0b10_0111_1111_1100);
    /// All events about a key that was touched, changed or not.
    pub const TOUCHES: Classes = Classes(Self::ALL.0 | Self::KEYEVENT.0);

    /// The classes of the letters in `text`, or `None` if one of them is unknown.
    pub fn parse(text: &str) -> Option<Self> {
        text.bytes().try_fold(Self::NONE, |classes, letter| {
            let named = match letter {
                b'A' => Self::ALL,
                _ => LETTERS.iter().find(|(known, _)| *known == letter)?.1,
            };
            Some(classes | named)
        })
    }

    /// The letters, as `CONFIG GET` shows them.
    pub fn text(self) -> String {
        let all = self.has(Self::ALL);
        let shown = LETTERS.iter().filter(|(_, class)| self.has(*class) && !(all && Self::ALL.has(*class)));
        all.then_some('A').into_iter().chain(shown.map(|(letter, _)| char::from(*letter))).collect()
    }

    /// Whether the set contains all of `other`.
    pub const fn has(self, other: Classes) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether an event of class `class` is published at all.
    pub const fn wants(self, class: Classes) -> bool {
        self.0 & class.0 != 0 && self.0 & (Self::KEYSPACE.0 | Self::KEYEVENT.0) != 0
    }

    /// The set as a number.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The set with these [`Classes::bits`].
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

impl BitOr for Classes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The events of some commands, in order.
#[derive(Debug, Default)]
pub struct Events {
    /// The classes that are wanted.
    wanted: Classes,
    /// The keys, concatenated.
    keys: Vec<u8>,
    /// The notifications.
    notifications: Vec<Notification>,
}

/// One event.
#[derive(Debug)]
struct Notification {
    /// The classes that were wanted when it was made: they say on which channels it is published.
    wanted: Classes,
    /// Its name.
    name: &'static str,
    /// The key's database.
    db: usize,
    /// Where the key is in `Events::keys`.
    key: Range<usize>,
}

impl Events {
    /// Collects events of the classes `wanted`.
    pub fn new(wanted: Classes) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// From now on, collects events of the classes `wanted`.
    pub fn want(&mut self, wanted: Classes) {
        self.wanted = wanted;
    }

    /// Whether events of class `class` are collected.
    pub fn wants(&self, class: Classes) -> bool {
        self.wanted.wants(class)
    }

    /// Notes an event, if its class is wanted.
    pub fn notify(&mut self, class: Classes, name: &'static str, db: usize, key: &[u8]) {
        if !self.wants(class) {
            return;
        }
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        self.notifications.push(Notification { wanted: self.wanted, name, db, key: start..self.keys.len() });
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.notifications.len()
    }

    /// Forgets all events.
    pub fn clear(&mut self) {
        self.notifications.clear();
        self.keys.clear();
    }

    /// Drops all events but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.notifications.truncate(len);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.notifications.is_empty()
    }

    /// The classes that are wanted.
    pub fn wanted(&self) -> Classes {
        self.wanted
    }

    /// Name, database and key of each event, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, usize, &[u8])> {
        self.iter_wanted().map(|(_, name, db, key)| (name, db, key))
    }

    /// The same, each with the classes that were wanted when it was made.
    pub fn iter_wanted(&self) -> impl Iterator<Item = (Classes, &'static str, usize, &[u8])> {
        self.notifications.iter().map(|notifications| {
            (
                notifications.wanted,
                notifications.name,
                notifications.db,
                &self.keys[notifications.key.clone()],
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_named_as_in_redis() {
        for (given, shown) in [
            ("", ""),
            ("KEA", "AKE"),
            ("g$lshzxetdKE", "AKE"),
            ("Elg", "glE"),
            ("AKEm", "AKEm"),
            ("KxE", "xKE"),
            ("Kn", "nK"),
        ] {
            assert_eq!(Classes::parse(given).unwrap().text(), shown);
        }
        assert_eq!(Classes::parse("KEy"), None);
        assert!(!Classes::ALL.has(Classes::NEW) && !Classes::ALL.has(Classes::KEY_MISS));
    }

    #[test]
    fn only_wanted_events_are_kept_and_none_without_a_channel_kind() {
        let mut events = Events::new(Classes::parse("Kx").unwrap());
        events.notify(Classes::STRING, "set", 0, b"a");
        events.notify(Classes::EXPIRED, "expired", 3, b"b");
        assert_eq!(events.iter().collect::<Vec<_>>(), [("expired", 3, b"b".as_slice())]);
        let mut events = Events::new(Classes::ALL);
        events.notify(Classes::STRING, "set", 0, b"a");
        assert!(events.is_empty());
    }
}
