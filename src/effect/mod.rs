//! The payload of a log record: what one command, or one transaction, changed.
//!
//! A record holds *effects*: results, not commands. Replay reads no clock and draws no random number, so it yields the
//! same state wherever it runs: `INCR` is a [`Effect::Set`] of the result, a relative time to live is an absolute
//! deadline, and a key that expires is a [`Effect::Delete`] that says so.
//!
//! ```text
//! payload  = format u8 (1) | command id u16 LE | count varint | effect * count
//! effect   = op u8 | fields
//! db       = varint        key, to, value = length varint, bytes
//! offset, index, count = varint           deadline = u64 LE, milliseconds since 1970
//! score    = see `score`
//!
//!  op   effect                                fields
//!  01   Delete, by a command                  db key
//!  02   Delete, because the deadline passed   db key
//!  03   Expire, at a deadline                 db key deadline
//!  04   Expire, never                         db key
//!  05   Rename                                db key to
//!  06   Copy                                  db key to_db to
//!  07   Move                                  db key to_db
//!  08   FlushDb                               db
//!  09   FlushAll
//!  0A   SwapDb                                a b
//!  20   Set                                   db key value
//!  21   Set, with a deadline                  db key deadline value
//!  22   Set, raw                              db key value
//!  23   Set, raw, with a deadline             db key deadline value
//!  24   Append                                db key value
//!  25   SetRange                              db key offset value
//!  30   ListPush, at the head                 db key items: element ...
//!  31   ListPush, at the tail                 db key items: element ...
//!  32   ListPop, from the head                db key count
//!  33   ListPop, from the tail                db key count
//!  34   ListInsert, before the pivot          db key index items: pivot, element
//!  35   ListInsert, after the pivot           db key index items: pivot, element
//!  36   ListRemove, from the head on          db key count items: element
//!  37   ListRemove, from the tail on          db key count items: element
//!  38   ListSet                               db key index value
//!  39   ListTrim                              db key index count
//!  40   HashSet                               db key items: field, value ...
//!  41   HashSet, with a deadline              db key deadline items: field, value ...
//!  42   HashDelete, by a command              db key items: field ...
//!  43   HashDelete, because deadlines passed  db key items: field ...
//!  44   HashExpire, at a deadline             db key deadline items: field ...
//!  45   HashExpire, never                     db key items: field ...
//!  50   SetAdd                                db key items: member ...
//!  51   SetRemove                             db key items: member ...
//!  60   SortedSetAdd                          db key items: member, score ...
//!  61   SortedSetRemove                       db key items: member ...
//! ```
//!
//! One effect holds all members or fields that a command is about ([`items`](Items)). An effect that takes the last one
//! out of a collection is followed by a `Delete` of the key in the same record, so that a key ends by a `Delete` (or
//! because another value takes its place) and by nothing else.
//!
//! Numbers 30 to 3F are for lists, 40 to 4F for hashes, 50 to 5F for sets, 60 to 6F for sorted sets, 70 to 7F for
//! streams. A varint is a LEB128 of a u64, in its shortest form only, so that a payload has one spelling and a decoded
//! record encodes to the same bytes.

mod decode;
mod encode;
mod items;
mod score;
mod sink;
#[cfg(test)]
mod tests;

pub use decode::{Decoded, EffectError, Effects, Reason, decode};
pub use encode::EffectBuffer;
pub use items::{Items, ItemsBuffer, ItemsIter};
pub use score::{SCORE_BYTES, Score};
pub use sink::Sink;

/// The first byte of every payload.
pub const FORMAT: u8 = 1;
/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 65_536;
/// Databases that a record can name: 0 to one less than this.
pub const DATABASES_MAX: usize = 56;
/// The longest string value, in bytes.
pub const VALUE_BYTES_MAX: u64 = 512 << 20;
/// The longest member of a set or sorted set and the longest field of a hash, in bytes: eight bytes that order it by
/// something else fit in front of it.
pub const MEMBER_BYTES_MAX: usize = 65_536;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Where index 0 is: the left one.
    Head,
    /// Where index -1 is: the right one.
    Tail,
}

/// One change of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect<'a> {
    /// Makes the key a string, whatever it was.
    Set {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// The whole string.
        value: &'a [u8],
        /// When the key expires, in milliseconds since 1970; `None`: never.
        expire_at_ms: Option<u64>,
        /// Whether the string was built up piecemeal, which `OBJECT ENCODING` shows as `raw`.
        raw: bool,
    },
    /// Adds to the end of a string, which is made if it is missing. The deadline stays.
    Append {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// The bytes added.
        value: &'a [u8],
    },
    /// Overwrites part of a string, which is made or lengthened with zeros as needed. The deadline stays.
    SetRange {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// Where the bytes go.
        offset: u64,
        /// The bytes written.
        value: &'a [u8],
    },
    /// Removes the key.
    Delete {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// Whether its deadline had passed.
        expired: bool,
    },
    /// Gives the key a deadline, or takes it away.
    Expire {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// When the key expires, in milliseconds since 1970; `None`: never.
        expire_at_ms: Option<u64>,
    },
    /// Gives the value another key, replacing what that one holds. The deadline goes along.
    Rename {
        /// Database of both keys.
        db: usize,
        /// The key that ends.
        key: &'a [u8],
        /// The key that holds the value from now on.
        to: &'a [u8],
    },
    /// Copies value and deadline to another key, replacing what that one holds.
    Copy {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// Database of the copy.
        to_db: usize,
        /// Key of the copy.
        to: &'a [u8],
    },
    /// Moves the key with its value and deadline to another database, where the key is free.
    Move {
        /// Database that the key leaves.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// Database that holds it from now on.
        to_db: usize,
    },
    /// Empties a database.
    FlushDb {
        /// The database.
        db: usize,
    },
    /// Empties all databases.
    FlushAll,
    /// Exchanges the contents of two databases.
    SwapDb {
        /// One database.
        a: usize,
        /// The other one.
        b: usize,
    },
    /// Sets fields of a hash, which is made if it is missing. The key's deadline stays.
    HashSet {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// Fields, each followed by its value.
        pairs: Items<'a>,
        /// When these fields expire, in milliseconds since 1970; `None`: never.
        expire_at_ms: Option<u64>,
    },
    /// Takes fields out of a hash.
    HashDelete {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// The fields.
        fields: Items<'a>,
        /// Whether their deadlines had passed.
        expired: bool,
    },
    /// Gives fields of a hash a deadline, or takes it away.
    HashExpire {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// The fields.
        fields: Items<'a>,
        /// When they expire, in milliseconds since 1970; `None`: never.
        expire_at_ms: Option<u64>,
    },
    /// Puts members into a set, which is made if it is missing. The key's deadline stays.
    SetAdd {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// The members.
        members: Items<'a>,
    },
    /// Takes members out of a set.
    SetRemove {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// The members.
        members: Items<'a>,
    },
    /// Gives members of a sorted set, which is made if it is missing, their scores. The key's deadline stays.
    SortedSetAdd {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// Members, each followed by the bytes of its [`Score`].
        elements: Items<'a>,
    },
    /// Takes members out of a sorted set.
    SortedSetRemove {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// The members.
        members: Items<'a>,
    },
    /// Adds elements to an end of a list, one after the other; the list is made if it is missing. The key's deadline
    /// stays.
    ListPush {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// The end that grows.
        end: End,
        /// The elements; the last one stands at the very end.
        elements: Items<'a>,
    },
    /// Takes elements from an end of a list that has more than those.
    ListPop {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// The end that shrinks.
        end: End,
        /// How many elements are taken.
        count: u64,
    },
    /// Puts an element beside the first element of the list that equals the pivot.
    ListInsert {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// Index of the new element.
        index: u64,
        /// Whether the pivot stands behind the new element, or else before it.
        before: bool,
        /// The pivot, and the new element.
        pivot_and_element: Items<'a>,
    },
    /// Takes out elements that equal a given one.
    ListRemove {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// The end that is searched first.
        end: End,
        /// How many are taken out: the list has so many at least.
        count: u64,
        /// What they equal: one item.
        element: Items<'a>,
    },
    /// Replaces an element of a list.
    ListSet {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// Index of the element.
        index: u64,
        /// What stands there from now on.
        value: &'a [u8],
    },
    /// Keeps part of a list.
    ListTrim {
        /// Database of the key.
        db: usize,
        /// The key.
        key: &'a [u8],
        /// Index of the first element that is kept.
        index: u64,
        /// How many are kept.
        count: u64,
    },
}

/// The numbers of the effects, as they stand in the log.
mod op {
    pub(super) const DELETE: u8 = 0x01;
    pub(super) const DELETE_EXPIRED: u8 = 0x02;
    pub(super) const EXPIRE_AT: u8 = 0x03;
    pub(super) const EXPIRE_NEVER: u8 = 0x04;
    pub(super) const RENAME: u8 = 0x05;
    pub(super) const COPY: u8 = 0x06;
    pub(super) const MOVE: u8 = 0x07;
    pub(super) const FLUSH_DB: u8 = 0x08;
    pub(super) const FLUSH_ALL: u8 = 0x09;
    pub(super) const SWAP_DB: u8 = 0x0A;
    pub(super) const SET: u8 = 0x20;
    pub(super) const SET_EXPIRING: u8 = 0x21;
    pub(super) const SET_RAW: u8 = 0x22;
    pub(super) const SET_RAW_EXPIRING: u8 = 0x23;
    pub(super) const APPEND: u8 = 0x24;
    pub(super) const SET_RANGE: u8 = 0x25;
    pub(super) const LIST_PUSH_HEAD: u8 = 0x30;
    pub(super) const LIST_PUSH_TAIL: u8 = 0x31;
    pub(super) const LIST_POP_HEAD: u8 = 0x32;
    pub(super) const LIST_POP_TAIL: u8 = 0x33;
    pub(super) const LIST_INSERT_BEFORE: u8 = 0x34;
    pub(super) const LIST_INSERT_AFTER: u8 = 0x35;
    pub(super) const LIST_REMOVE_HEAD: u8 = 0x36;
    pub(super) const LIST_REMOVE_TAIL: u8 = 0x37;
    pub(super) const LIST_SET: u8 = 0x38;
    pub(super) const LIST_TRIM: u8 = 0x39;
    pub(super) const HASH_SET: u8 = 0x40;
    pub(super) const HASH_SET_EXPIRING: u8 = 0x41;
    pub(super) const HASH_DELETE: u8 = 0x42;
    pub(super) const HASH_DELETE_EXPIRED: u8 = 0x43;
    pub(super) const HASH_EXPIRE_AT: u8 = 0x44;
    pub(super) const HASH_EXPIRE_NEVER: u8 = 0x45;
    pub(super) const SET_ADD: u8 = 0x50;
    pub(super) const SET_REMOVE: u8 = 0x51;
    pub(super) const SORTED_SET_ADD: u8 = 0x60;
    pub(super) const SORTED_SET_REMOVE: u8 = 0x61;
}

impl<'a> Effect<'a> {
    /// The effect's number in the log.
    pub fn op(&self) -> u8 {
        match self {
            Effect::Delete { expired: false, .. } => op::DELETE,
            Effect::Delete { expired: true, .. } => op::DELETE_EXPIRED,
            Effect::Expire { expire_at_ms: Some(_), .. } => op::EXPIRE_AT,
            Effect::Expire { expire_at_ms: None, .. } => op::EXPIRE_NEVER,
            Effect::Rename { .. } => op::RENAME,
            Effect::Copy { .. } => op::COPY,
            Effect::Move { .. } => op::MOVE,
            Effect::FlushDb { .. } => op::FLUSH_DB,
            Effect::FlushAll => op::FLUSH_ALL,
            Effect::SwapDb { .. } => op::SWAP_DB,
            Effect::Set { raw: false, expire_at_ms: None, .. } => op::SET,
            Effect::Set { raw: false, expire_at_ms: Some(_), .. } => op::SET_EXPIRING,
            Effect::Set { raw: true, expire_at_ms: None, .. } => op::SET_RAW,
            Effect::Set { raw: true, expire_at_ms: Some(_), .. } => op::SET_RAW_EXPIRING,
            Effect::Append { .. } => op::APPEND,
            Effect::SetRange { .. } => op::SET_RANGE,
            Effect::HashSet { expire_at_ms: None, .. } => op::HASH_SET,
            Effect::HashSet { expire_at_ms: Some(_), .. } => op::HASH_SET_EXPIRING,
            Effect::HashDelete { expired: false, .. } => op::HASH_DELETE,
            Effect::HashDelete { expired: true, .. } => op::HASH_DELETE_EXPIRED,
            Effect::HashExpire { expire_at_ms: Some(_), .. } => op::HASH_EXPIRE_AT,
            Effect::HashExpire { expire_at_ms: None, .. } => op::HASH_EXPIRE_NEVER,
            Effect::SetAdd { .. } => op::SET_ADD,
            Effect::SetRemove { .. } => op::SET_REMOVE,
            Effect::SortedSetAdd { .. } => op::SORTED_SET_ADD,
            Effect::SortedSetRemove { .. } => op::SORTED_SET_REMOVE,
            Effect::ListPush { end: End::Head, .. } => op::LIST_PUSH_HEAD,
            Effect::ListPush { end: End::Tail, .. } => op::LIST_PUSH_TAIL,
            Effect::ListPop { end: End::Head, .. } => op::LIST_POP_HEAD,
            Effect::ListPop { end: End::Tail, .. } => op::LIST_POP_TAIL,
            Effect::ListInsert { before: true, .. } => op::LIST_INSERT_BEFORE,
            Effect::ListInsert { before: false, .. } => op::LIST_INSERT_AFTER,
            Effect::ListRemove { end: End::Head, .. } => op::LIST_REMOVE_HEAD,
            Effect::ListRemove { end: End::Tail, .. } => op::LIST_REMOVE_TAIL,
            Effect::ListSet { .. } => op::LIST_SET,
            Effect::ListTrim { .. } => op::LIST_TRIM,
        }
    }

    /// The effect's name, in lower case: `set`, `append`, `setrange`, `del`, `expired`, `expire`, `persist`, `rename`,
    /// `copy`, `move`, `flushdb`, `flushall`, `swapdb`, `hset`, `hdel`, `hexpired`, `hexpire`, `hpersist`, `sadd`, `srem`,
    /// `lpush`, `rpush`, `lpop`, `rpop`, `linsert`, `lrem`, `lset`, `ltrim`, `zadd`, `zrem`.
    pub fn name(&self) -> &'static str {
        match self {
            Effect::Delete { expired: false, .. } => "del",
            Effect::Delete { expired: true, .. } => "expired",
            Effect::Expire { expire_at_ms: Some(_), .. } => "expire",
            Effect::Expire { expire_at_ms: None, .. } => "persist",
            Effect::Rename { .. } => "rename",
            Effect::Copy { .. } => "copy",
            Effect::Move { .. } => "move",
            Effect::FlushDb { .. } => "flushdb",
            Effect::FlushAll => "flushall",
            Effect::SwapDb { .. } => "swapdb",
            Effect::Set { .. } => "set",
            Effect::Append { .. } => "append",
            Effect::SetRange { .. } => "setrange",
            Effect::HashSet { .. } => "hset",
            Effect::HashDelete { expired: false, .. } => "hdel",
            Effect::HashDelete { expired: true, .. } => "hexpired",
            Effect::HashExpire { expire_at_ms: Some(_), .. } => "hexpire",
            Effect::HashExpire { expire_at_ms: None, .. } => "hpersist",
            Effect::SetAdd { .. } => "sadd",
            Effect::SetRemove { .. } => "srem",
            Effect::SortedSetAdd { .. } => "zadd",
            Effect::SortedSetRemove { .. } => "zrem",
            Effect::ListPush { end: End::Head, .. } => "lpush",
            Effect::ListPush { end: End::Tail, .. } => "rpush",
            Effect::ListPop { end: End::Head, .. } => "lpop",
            Effect::ListPop { end: End::Tail, .. } => "rpop",
            Effect::ListInsert { .. } => "linsert",
            Effect::ListRemove { .. } => "lrem",
            Effect::ListSet { .. } => "lset",
            Effect::ListTrim { .. } => "ltrim",
        }
    }

    /// The database that the effect changes, or the first of two; `None` if it changes all.
    pub fn db(&self) -> Option<usize> {
        match *self {
            Effect::FlushAll => None,
            Effect::SwapDb { a, .. } => Some(a),
            Effect::Set { db, .. }
            | Effect::Append { db, .. }
            | Effect::SetRange { db, .. }
            | Effect::Delete { db, .. }
            | Effect::Expire { db, .. }
            | Effect::Rename { db, .. }
            | Effect::Copy { db, .. }
            | Effect::Move { db, .. }
            | Effect::HashSet { db, .. }
            | Effect::HashDelete { db, .. }
            | Effect::HashExpire { db, .. }
            | Effect::SetAdd { db, .. }
            | Effect::SetRemove { db, .. }
            | Effect::SortedSetAdd { db, .. }
            | Effect::SortedSetRemove { db, .. }
            | Effect::ListPush { db, .. }
            | Effect::ListPop { db, .. }
            | Effect::ListInsert { db, .. }
            | Effect::ListRemove { db, .. }
            | Effect::ListSet { db, .. }
            | Effect::ListTrim { db, .. }
            | Effect::FlushDb { db } => Some(db),
        }
    }

    /// The key that the effect changes or takes from.
    pub fn key(&self) -> Option<&'a [u8]> {
        match *self {
            Effect::FlushAll | Effect::FlushDb { .. } | Effect::SwapDb { .. } => None,
            Effect::Set { key, .. }
            | Effect::Append { key, .. }
            | Effect::SetRange { key, .. }
            | Effect::Delete { key, .. }
            | Effect::Expire { key, .. }
            | Effect::Rename { key, .. }
            | Effect::Copy { key, .. }
            | Effect::HashSet { key, .. }
            | Effect::HashDelete { key, .. }
            | Effect::HashExpire { key, .. }
            | Effect::SetAdd { key, .. }
            | Effect::SetRemove { key, .. }
            | Effect::SortedSetAdd { key, .. }
            | Effect::SortedSetRemove { key, .. }
            | Effect::ListPush { key, .. }
            | Effect::ListPop { key, .. }
            | Effect::ListInsert { key, .. }
            | Effect::ListRemove { key, .. }
            | Effect::ListSet { key, .. }
            | Effect::ListTrim { key, .. }
            | Effect::Move { key, .. } => Some(key),
        }
    }

    /// The database and key that the effect writes to, where it is not the one that [`Effect::key`] names.
    pub fn destination(&self) -> Option<(usize, &'a [u8])> {
        match *self {
            Effect::Rename { db, to, .. } => Some((db, to)),
            Effect::Copy { to_db, to, .. } => Some((to_db, to)),
            Effect::Move { key, to_db, .. } => Some((to_db, key)),
            _ => None,
        }
    }

    /// The databases and keys whose values the effect changes; none for effects on whole databases.
    pub fn touched(&self) -> impl Iterator<Item = (usize, &'a [u8])> {
        let own = self.db().zip(self.key()).filter(|_| !matches!(self, Effect::Copy { .. }));
        own.into_iter().chain(self.destination())
    }

    /// The bytes that the effect stores.
    pub fn value(&self) -> Option<&'a [u8]> {
        match *self {
            Effect::Set { value, .. }
            | Effect::Append { value, .. }
            | Effect::SetRange { value, .. }
            | Effect::ListSet { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The members, elements, fields, fields and values, or members and scores that the effect is about.
    pub fn items(&self) -> Option<Items<'a>> {
        match *self {
            Effect::HashSet { pairs, .. } => Some(pairs),
            Effect::HashDelete { fields, .. } | Effect::HashExpire { fields, .. } => Some(fields),
            Effect::SetAdd { members, .. }
            | Effect::SetRemove { members, .. }
            | Effect::SortedSetRemove { members, .. } => Some(members),
            Effect::SortedSetAdd { elements, .. } => Some(elements),
            Effect::ListPush { elements: items, .. }
            | Effect::ListInsert { pivot_and_element: items, .. }
            | Effect::ListRemove { element: items, .. } => Some(items),
            _ => None,
        }
    }

    /// Bytes that the effect stores: those of its value, or of the members, elements, scores, fields and values that it adds.
    pub fn stored_bytes(&self) -> Option<u64> {
        match self {
            Effect::HashSet { .. }
            | Effect::SetAdd { .. }
            | Effect::SortedSetAdd { .. }
            | Effect::ListPush { .. } => {
                self.items().map(|items| items.iter().map(|item| item.len() as u64).sum())
            }
            Effect::ListInsert { pivot_and_element, .. } => {
                pivot_and_element.iter().nth(1).map(|element| element.len() as u64)
            }
            _ => self.value().map(|value| value.len() as u64),
        }
    }

    /// Where in the value the effect takes place: an offset in bytes, or the index of an element.
    pub fn place(&self) -> Option<u64> {
        match *self {
            Effect::SetRange { offset, .. } => Some(offset),
            Effect::ListInsert { index, .. }
            | Effect::ListSet { index, .. }
            | Effect::ListTrim { index, .. } => Some(index),
            _ => None,
        }
    }

    /// How many elements the effect takes out, or, if it trims a list, keeps.
    pub fn count(&self) -> Option<u64> {
        match *self {
            Effect::ListPop { count, .. }
            | Effect::ListRemove { count, .. }
            | Effect::ListTrim { count, .. } => Some(count),
            _ => None,
        }
    }

    /// The deadline that the effect sets, of its key or of its fields, in milliseconds since 1970.
    pub fn expire_at_ms(&self) -> Option<u64> {
        match *self {
            Effect::Set { expire_at_ms, .. }
            | Effect::Expire { expire_at_ms, .. }
            | Effect::HashSet { expire_at_ms, .. }
            | Effect::HashExpire { expire_at_ms, .. } => expire_at_ms,
            _ => None,
        }
    }
}
