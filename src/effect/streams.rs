//! Changes of streams.
//!
//! ```text
//!  70   Add               db key id items: field, value ...
//!  71   Delete            db key items: id ...
//!  72   Trim              db key id count
//!  73   SetLast           db key id added id
//!  74   Create            db key
//!  75   CreateGroup       db key group id read
//!  76   SetGroup          db key group id read
//!  77   DeleteGroup       db key group
//!  78   SetConsumer       db key group consumer time active
//!  79   DeleteConsumer    db key group consumer
//!  7A   Deliver           db key group consumer time id read items: id ...
//!  7B   Acknowledge       db key group items: id ...
//!  7C   Claim             db key group consumer time active delivered items: id, count ...
//!  7D   Remember          db key producer digest time id
//!  7E   SetProducers      db key forgets duration size added duplicates
//!
//! id = see `entry_id`                    group, consumer = length varint, bytes
//! added, count = varint; in items u64 LE    read, active = varint: 0 if unknown, else one more than the number
//! time, delivered = u64 LE, milliseconds since 1970
//! producer = length varint, bytes           digest = 32 bytes: SHA-256 of the name of a message, or of fields and values
//! forgets = varint: 1 if all messages are forgotten, else 0; size, duplicates = varint; duration = varint, in seconds
//! ```
//!
//! All times are absolute. What one command delivers, claims or acknowledges of a stream is one effect.
//!
//! The file is long because the family has fifteen kinds of changes, and their fields, numbers, encoding and decoding are read
//! side by side.

use super::entry_id::{ENTRY_ID_BYTES, EntryId};
use super::family::{Family, items_bytes};
use super::input::{EffectError, Input, Reason};
use super::items::Items;
use super::limits::{MEMBER_BYTES_MAX, VALUE_BYTES_MAX};
use super::sink::{Sink, put_bytes, put_varint};

const ADD: u8 = 0x70;
const DELETE: u8 = 0x71;
const TRIM: u8 = 0x72;
const SET_LAST: u8 = 0x73;
const CREATE: u8 = 0x74;
const CREATE_GROUP: u8 = 0x75;
const SET_GROUP: u8 = 0x76;
const DELETE_GROUP: u8 = 0x77;
const SET_CONSUMER: u8 = 0x78;
const DELETE_CONSUMER: u8 = 0x79;
const DELIVER: u8 = 0x7A;
const ACKNOWLEDGE: u8 = 0x7B;
const CLAIM: u8 = 0x7C;
const REMEMBER: u8 = 0x7D;
const SET_PRODUCERS: u8 = 0x7E;
pub(super) const FIRST: u8 = ADD;
pub(super) const LAST: u8 = SET_PRODUCERS;

/// Bytes of a digest.
pub const DIGEST_BYTES: usize = 32;
/// All messages are forgotten.
const FORGETS: u64 = 1;
/// Keys of the table that remembering a message changes.
const REMEMBERED_KEYS: u64 = 5;

/// Bytes of a number of deliveries among items.
const COUNT_BYTES: usize = 8;
/// Items that are fields with their values.
const FIELDS: &[(u64, Reason)] = &[(VALUE_BYTES_MAX, Reason::ValueTooLong); 2];
/// Items that are IDs.
const IDS: &[(u64, Reason)] = &[(ENTRY_ID_BYTES as u64, Reason::EntryId)];
/// Items that are IDs with the number of their deliveries.
const COUNTED_IDS: &[(u64, Reason)] = &[IDS[0], (COUNT_BYTES as u64, Reason::EntryId)];

/// A change of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamChange<'a> {
    /// Adds an entry at the end. Creates the stream if it is missing. The key's expiry stays.
    Add {
        /// Its ID, above the last one.
        id: EntryId,
        /// Its fields, each followed by its value.
        fields: Items<'a>,
    },
    /// Deletes entries.
    Delete {
        /// Their IDs.
        ids: Items<'a>,
    },
    /// Deletes the first entries.
    Trim {
        /// All entries up to this ID are deleted.
        up_to: EntryId,
        /// How many those are.
        count: u64,
    },
    /// Sets what a stream remembers of all its entries.
    SetLast {
        /// The last ID: the next entry gets a higher one.
        last: EntryId,
        /// Number of entries that were ever added.
        added: u64,
        /// The highest ID of those that were deleted one by one.
        max_deleted: EntryId,
    },
    /// Creates a stream without entries.
    Create,
    /// Creates a group.
    CreateGroup {
        /// The group.
        group: &'a [u8],
        /// The last ID that counts as delivered.
        last: EntryId,
        /// Number of entries that count as read, if it is known.
        read: Option<u64>,
    },
    /// Sets how far a group has read.
    SetGroup {
        /// The group.
        group: &'a [u8],
        /// The last ID that was delivered.
        last: EntryId,
        /// Number of entries that the group has read, if it is known.
        read: Option<u64>,
    },
    /// Deletes a group with its consumers and its pending entries.
    DeleteGroup {
        /// The group.
        group: &'a [u8],
    },
    /// Sets when a consumer was seen. Creates the consumer if it is missing.
    SetConsumer {
        /// The group.
        group: &'a [u8],
        /// The consumer.
        consumer: &'a [u8],
        /// When it was seen last.
        seen_ms: u64,
        /// When it got entries last, if ever.
        active_ms: Option<u64>,
    },
    /// Deletes a consumer with its pending entries.
    DeleteConsumer {
        /// The group.
        group: &'a [u8],
        /// The consumer.
        consumer: &'a [u8],
    },
    /// Delivers entries to a consumer for the first time: they are pending from now on, whoever had them before. Creates
    /// the consumer if it is missing.
    Deliver {
        /// The group.
        group: &'a [u8],
        /// The consumer.
        consumer: &'a [u8],
        /// When.
        now_ms: u64,
        /// The last ID that was delivered to the group.
        last: EntryId,
        /// Number of entries that the group has read, if it is known.
        read: Option<u64>,
        /// Their IDs.
        ids: Items<'a>,
    },
    /// Deletes pending entries.
    Acknowledge {
        /// The group.
        group: &'a [u8],
        /// Their IDs.
        ids: Items<'a>,
    },
    /// Makes entries pending for a consumer, whoever had them before, with a given number of deliveries. Creates the
    /// consumer if it is missing.
    Claim {
        /// The group.
        group: &'a [u8],
        /// The consumer.
        consumer: &'a [u8],
        /// When the consumer was seen last.
        seen_ms: u64,
        /// When it got entries last, if ever.
        active_ms: Option<u64>,
        /// When they count as delivered.
        delivered_ms: u64,
        /// Their IDs, each followed by the number of its deliveries.
        entries: Items<'a>,
    },
    /// Remembers that a producer has added an entry, so that it is not added again. Forgets what is too old or too much.
    Remember {
        /// The producer.
        producer: &'a [u8],
        /// The digest of the producer's message.
        digest: &'a [u8; DIGEST_BYTES],
        /// When.
        now_ms: u64,
        /// The entry.
        id: EntryId,
    },
    /// Sets how long messages of producers are remembered, and how many there were.
    SetProducers {
        /// Whether all messages are forgotten.
        forgets: bool,
        /// For how many seconds they are remembered.
        duration_s: u64,
        /// How many of each producer.
        size_max: u64,
        /// How many entries were added.
        added: u64,
        /// How many entries were not added, because they had been before.
        duplicates: u64,
    },
}

impl StreamChange<'_> {
    /// The names of these changes.
    pub const NAMES: &'static [&'static str] = &[
        "xadd",
        "xdel",
        "xtrim",
        "xsetid",
        "xcreate",
        "xgroup-create",
        "xgroup-setid",
        "xgroup-destroy",
        "xconsumer-seen",
        "xconsumer-del",
        "xdeliver",
        "xack",
        "xclaim",
        "xadd-once",
        "xcfgset",
    ];

    /// The change's name, in lower case.
    pub fn name(&self) -> &'static str {
        Self::NAMES[usize::from(self.op() - FIRST)]
    }

    /// Whether the entries of the stream stay as they are: only what its groups know of them changes.
    pub fn is_of_groups(&self) -> bool {
        self.op() >= CREATE_GROUP
    }

    /// Whether the items are IDs of entries, rather than fields and values.
    pub fn lists_ids(&self) -> bool {
        !matches!(self, Self::Add { .. })
    }

    /// Whether each ID among the items is followed by a number of deliveries.
    pub fn counts_deliveries(&self) -> bool {
        matches!(self, Self::Claim { .. })
    }
}

/// The bytes of a number of deliveries, as items have it.
pub fn count_bytes(count: u64) -> [u8; COUNT_BYTES] {
    count.to_le_bytes()
}

/// The number of deliveries with these bytes, or `None` if they are not as many as it has.
pub fn count_from_bytes(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// Writes a number that may be unknown.
fn put_known(number: Option<u64>, sink: &mut impl Sink) {
    put_varint(number.map_or(0, |number| number.saturating_add(1)), sink);
}

/// Reads a number that may be unknown.
fn known(input: &mut Input<'_>) -> Result<Option<u64>, EffectError> {
    Ok(input.varint()?.checked_sub(1))
}

/// Reads an ID.
fn id(input: &mut Input<'_>) -> Result<EntryId, EffectError> {
    let bytes: &[u8; ENTRY_ID_BYTES] = input.array_ref()?;
    Ok(EntryId::from_bytes(bytes).expect("as many bytes as an ID has"))
}

/// Reads the name of a group or a consumer.
fn name<'a>(input: &mut Input<'a>) -> Result<&'a [u8], EffectError> {
    let offset = input.at;
    let name = input.slice()?;
    match name.len() > MEMBER_BYTES_MAX {
        true => Err(EffectError { offset, reason: Reason::MemberTooLong }),
        false => Ok(name),
    }
}

/// Reads items that have fixed lengths: IDs, or IDs with numbers of deliveries.
fn fixed<'a>(input: &mut Input<'a>, limits: &[(u64, Reason)]) -> Result<Items<'a>, EffectError> {
    let offset = input.at;
    let items = input.items(limits)?;
    let mut pairs = items.iter().zip(limits.iter().cycle());
    match pairs.all(|(item, (bytes, _))| item.len() as u64 == *bytes) {
        true => Ok(items),
        false => Err(EffectError { offset, reason: Reason::EntryId }),
    }
}

/// Reads the fields of `SetProducers`.
fn producers<'a>(input: &mut Input<'a>) -> Result<StreamChange<'a>, EffectError> {
    let offset = input.at;
    let forgets = match input.varint()? {
        0 => false,
        FORGETS => true,
        _ => return Err(EffectError { offset, reason: Reason::Varint }),
    };
    let (duration_s, size_max) = (input.varint()?, input.varint()?);
    let (added, duplicates) = (input.varint()?, input.varint()?);
    Ok(StreamChange::SetProducers { forgets, duration_s, size_max, added, duplicates })
}

impl<'a> Family<'a> for StreamChange<'a> {
    fn op(&self) -> u8 {
        match self {
            Self::Add { .. } => ADD,
            Self::Delete { .. } => DELETE,
            Self::Trim { .. } => TRIM,
            Self::SetLast { .. } => SET_LAST,
            Self::Create => CREATE,
            Self::CreateGroup { .. } => CREATE_GROUP,
            Self::SetGroup { .. } => SET_GROUP,
            Self::DeleteGroup { .. } => DELETE_GROUP,
            Self::SetConsumer { .. } => SET_CONSUMER,
            Self::DeleteConsumer { .. } => DELETE_CONSUMER,
            Self::Deliver { .. } => DELIVER,
            Self::Acknowledge { .. } => ACKNOWLEDGE,
            Self::Claim { .. } => CLAIM,
            Self::Remember { .. } => REMEMBER,
            Self::SetProducers { .. } => SET_PRODUCERS,
        }
    }

    fn encode(&self, sink: &mut impl Sink) {
        if let Some(group) = self.group() {
            put_bytes(group, sink);
        }
        if let Some(consumer) = self.consumer() {
            put_bytes(consumer, sink);
        }
        match *self {
            Self::Add { id, fields: _ } => sink.extend_from_slice(&id.to_bytes()),
            Self::Trim { up_to, count } => {
                sink.extend_from_slice(&up_to.to_bytes());
                put_varint(count, sink);
            }
            Self::SetLast { last, added, max_deleted } => {
                sink.extend_from_slice(&last.to_bytes());
                put_varint(added, sink);
                sink.extend_from_slice(&max_deleted.to_bytes());
            }
            Self::CreateGroup { group: _, last, read } | Self::SetGroup { group: _, last, read } => {
                sink.extend_from_slice(&last.to_bytes());
                put_known(read, sink);
            }
            Self::SetConsumer { seen_ms, active_ms, .. } => {
                sink.extend_from_slice(&seen_ms.to_le_bytes());
                put_known(active_ms, sink);
            }
            Self::Deliver { now_ms, last, read, .. } => {
                sink.extend_from_slice(&now_ms.to_le_bytes());
                sink.extend_from_slice(&last.to_bytes());
                put_known(read, sink);
            }
            Self::Claim { seen_ms, active_ms, delivered_ms, .. } => {
                sink.extend_from_slice(&seen_ms.to_le_bytes());
                put_known(active_ms, sink);
                sink.extend_from_slice(&delivered_ms.to_le_bytes());
            }
            Self::Remember { producer, digest, now_ms, id } => {
                put_bytes(producer, sink);
                sink.extend_from_slice(digest);
                sink.extend_from_slice(&now_ms.to_le_bytes());
                sink.extend_from_slice(&id.to_bytes());
            }
            Self::SetProducers { forgets, duration_s, size_max, added, duplicates } => {
                let forgets = if forgets { FORGETS } else { 0 };
                for number in [forgets, duration_s, size_max, added, duplicates] {
                    put_varint(number, sink);
                }
            }
            Self::Create
            | Self::Delete { .. }
            | Self::DeleteGroup { .. }
            | Self::DeleteConsumer { .. }
            | Self::Acknowledge { .. } => {}
        }
        if let Some(items) = self.items() {
            items.put(sink);
        }
    }

    fn decode(op: u8, input: &mut Input<'a>) -> Result<Self, EffectError> {
        match op {
            ADD => return Ok(Self::Add { id: id(input)?, fields: input.items(FIELDS)? }),
            DELETE => return Ok(Self::Delete { ids: fixed(input, IDS)? }),
            TRIM => return Ok(Self::Trim { up_to: id(input)?, count: input.varint()? }),
            SET_LAST => {
                let (last, added) = (id(input)?, input.varint()?);
                return Ok(Self::SetLast { last, added, max_deleted: id(input)? });
            }
            CREATE => return Ok(Self::Create),
            REMEMBER => {
                let (producer, digest) = (name(input)?, input.array_ref()?);
                let now_ms = u64::from_le_bytes(input.array()?);
                return Ok(Self::Remember { producer, digest, now_ms, id: id(input)? });
            }
            SET_PRODUCERS => return producers(input),
            CREATE_GROUP..=LAST => {}
            unknown => return Err(input.unknown(unknown)),
        }
        let group = name(input)?;
        match op {
            CREATE_GROUP => return Ok(Self::CreateGroup { group, last: id(input)?, read: known(input)? }),
            SET_GROUP => return Ok(Self::SetGroup { group, last: id(input)?, read: known(input)? }),
            DELETE_GROUP => return Ok(Self::DeleteGroup { group }),
            ACKNOWLEDGE => return Ok(Self::Acknowledge { group, ids: fixed(input, IDS)? }),
            _ => {}
        }
        let consumer = name(input)?;
        Ok(match op {
            SET_CONSUMER => {
                let seen_ms = u64::from_le_bytes(input.array()?);
                Self::SetConsumer { group, consumer, seen_ms, active_ms: known(input)? }
            }
            DELIVER => {
                let now_ms = u64::from_le_bytes(input.array()?);
                let (last, read) = (id(input)?, known(input)?);
                Self::Deliver { group, consumer, now_ms, last, read, ids: fixed(input, IDS)? }
            }
            CLAIM => {
                let (seen_ms, active_ms) = (u64::from_le_bytes(input.array()?), known(input)?);
                let delivered_ms = u64::from_le_bytes(input.array()?);
                let entries = fixed(input, COUNTED_IDS)?;
                Self::Claim { group, consumer, seen_ms, active_ms, delivered_ms, entries }
            }
            _ => Self::DeleteConsumer { group, consumer },
        })
    }

    fn items(&self) -> Option<Items<'a>> {
        match *self {
            Self::Add { fields: items, .. }
            | Self::Delete { ids: items }
            | Self::Deliver { ids: items, .. }
            | Self::Acknowledge { ids: items, .. }
            | Self::Claim { entries: items, .. } => Some(items),
            _ => None,
        }
    }

    fn stored_bytes(&self) -> Option<u64> {
        match *self {
            Self::Add { fields: items, .. }
            | Self::Deliver { ids: items, .. }
            | Self::Claim { entries: items, .. } => Some(items_bytes(items)),
            _ => None,
        }
    }

    fn count(&self) -> Option<u64> {
        match *self {
            Self::Trim { count, .. } => Some(count),
            _ => None,
        }
    }

    fn elements(&self) -> u64 {
        match self {
            Self::Add { .. } => 1,
            Self::Claim { entries, .. } => entries.len() / 2,
            Self::Remember { .. } => REMEMBERED_KEYS,
            _ => self.items().map_or(0, |items| items.len()),
        }
    }

    fn takes_out(&self) -> bool {
        matches!(self, Self::Delete { .. } | Self::Acknowledge { .. })
    }
}

impl<'a> StreamChange<'a> {
    /// The group that is changed.
    pub fn group(&self) -> Option<&'a [u8]> {
        match *self {
            Self::CreateGroup { group, .. }
            | Self::SetGroup { group, .. }
            | Self::DeleteGroup { group }
            | Self::SetConsumer { group, .. }
            | Self::DeleteConsumer { group, .. }
            | Self::Deliver { group, .. }
            | Self::Acknowledge { group, .. }
            | Self::Claim { group, .. } => Some(group),
            _ => None,
        }
    }

    /// The producer of which something is remembered.
    pub fn producer(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Remember { producer, .. } => Some(producer),
            _ => None,
        }
    }

    /// The consumer that is changed.
    pub fn consumer(&self) -> Option<&'a [u8]> {
        match *self {
            Self::SetConsumer { consumer, .. }
            | Self::DeleteConsumer { consumer, .. }
            | Self::Deliver { consumer, .. }
            | Self::Claim { consumer, .. } => Some(consumer),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::StreamChange::{self, *};
    use super::{EntryId, Items};

    /// One change of each kind, with its bytes in database 1 at the key `k`.
    pub fn golden() -> Vec<(StreamChange<'static>, &'static str)> {
        let (one, two) = (EntryId { ms: 0x0102, seq: 3 }, EntryId { ms: 4, seq: 5 });
        let (group, consumer) = (b"g".as_slice(), b"c".as_slice());
        let fields = Items::checked(2, b"\x01f\x05value");
        let ids = Items::checked(1, b"\x10\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x03");
        let entries = Items::checked(2, b"\x10\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x03\x08\x02\0\0\0\0\0\0\0");
        let now_ms = 0x0102_0304_0506_0708;
        vec![
            (
                Add { id: one, fields },
                "70 01 01 6b 00 00 00 00 00 00 01 02 00 00 00 00 00 00 00 03 02 01 66 05 76 61 6c 75 65",
            ),
            (Delete { ids }, "71 01 01 6b 01 10 00 00 00 00 00 00 01 02 00 00 00 00 00 00 00 03"),
            (
                Trim { up_to: one, count: 300 },
                "72 01 01 6b 00 00 00 00 00 00 01 02 00 00 00 00 00 00 00 03 ac 02",
            ),
            (
                SetLast { last: one, added: 300, max_deleted: two },
                "73 01 01 6b 00 00 00 00 00 00 01 02 00 00 00 00 00 00 00 03 ac 02 \
                 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00 05",
            ),
            (Create, "74 01 01 6b"),
            (
                CreateGroup { group, last: one, read: None },
                "75 01 01 6b 01 67 00 00 00 00 00 00 01 02 00 00 00 00 00 00 00 03 00",
            ),
            (
                SetGroup { group, last: one, read: Some(0) },
                "76 01 01 6b 01 67 00 00 00 00 00 00 01 02 00 00 00 00 00 00 00 03 01",
            ),
            (DeleteGroup { group }, "77 01 01 6b 01 67"),
            (
                SetConsumer { group, consumer, seen_ms: now_ms, active_ms: None },
                "78 01 01 6b 01 67 01 63 08 07 06 05 04 03 02 01 00",
            ),
            (DeleteConsumer { group, consumer }, "79 01 01 6b 01 67 01 63"),
            (
                Deliver { group, consumer, now_ms, last: one, read: None, ids },
                "7a 01 01 6b 01 67 01 63 08 07 06 05 04 03 02 01 00 00 00 00 00 00 01 02 00 00 00 00 00 00 00 03 00 \
                 01 10 00 00 00 00 00 00 01 02 00 00 00 00 00 00 00 03",
            ),
            (
                Acknowledge { group, ids },
                "7b 01 01 6b 01 67 01 10 00 00 00 00 00 00 01 02 00 00 00 00 00 00 00 03",
            ),
            (
                Claim { group, consumer, seen_ms: now_ms, active_ms: Some(1), delivered_ms: 1, entries },
                "7c 01 01 6b 01 67 01 63 08 07 06 05 04 03 02 01 02 01 00 00 00 00 00 00 00 \
                 02 10 00 00 00 00 00 00 01 02 00 00 00 00 00 00 00 03 08 02 00 00 00 00 00 00 00",
            ),
            (
                Remember { producer: b"p", digest: &[0xAB; 32], now_ms, id: one },
                "7d 01 01 6b 01 70 ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab \
                 ab ab ab ab 08 07 06 05 04 03 02 01 00 00 00 00 00 00 01 02 00 00 00 00 00 00 00 03",
            ),
            (
                SetProducers { forgets: true, duration_s: 300, size_max: 5, added: 1, duplicates: 0 },
                "7e 01 01 6b 01 ac 02 05 01 00",
            ),
        ]
    }
}
