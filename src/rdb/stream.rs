//! Streams: entries in nodes, see `stream_node`, and what is known about them; then the consumer groups.
//!
//! ```text
//! stream   = number of nodes | (16, first ID of 16 bytes BE, node) * number | number of entries | last ID
//!            | first ID, highest deleted ID, entries ever added, all from version 2 on | number of groups | group * number
//! group    = name | last ID | entries read, from version 2 on | number of pending entries | pending * number
//!            | number of consumers | consumer * number
//! pending  = ID of 16 bytes BE | time of the delivery u64 LE | number of deliveries
//! consumer = name | time when it was seen u64 LE | time when it was active u64 LE, from version 3 on
//!            | number of its pending entries | ID of 16 bytes BE * number
//! ID       = milliseconds | number; each is a length, unless it says something else
//! ```
//!
//! The entries are passed on one by one; the rest is returned. What a version does not have is filled in as redis-server does.

use std::collections::BTreeMap;

use super::error::RdbError;
use super::input::Input;
use super::stream_id::StreamId;
use super::stream_node::{SeeFields, read_node};
use super::types::VERSION;

/// The versions of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum StreamType {
    /// Of Redis 5.0.
    First = 15,
    /// Of Redis 7.0.
    Second = 19,
    /// Of Redis 7.2.
    Third = 21,
}

/// What is known about a stream besides its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Number of entries.
    pub len: u64,
    /// The last ID that was given.
    pub last_id: StreamId,
    /// The ID of the first entry; zero if there is none.
    pub first_id: StreamId,
    /// The highest ID of an entry that was deleted.
    pub deleted_id: StreamId,
    /// Number of entries that were ever added.
    pub added: u64,
    /// Consumer groups.
    pub groups: Vec<Group>,
}

/// A consumer group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: Vec<u8>,
    /// The last ID that was delivered.
    pub last_id: StreamId,
    /// Number of entries that it has read, if that is known.
    pub read: Option<u64>,
    /// Entries that were delivered and not acknowledged, by ID.
    pub pending: BTreeMap<StreamId, Pending>,
    /// Its consumers.
    pub consumers: Vec<Consumer>,
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it was delivered last, in milliseconds since 1970.
    pub delivered_ms: u64,
    /// How often it was delivered.
    pub deliveries: u64,
    /// Index of the consumer that it was delivered to.
    pub consumer: usize,
}

/// A consumer of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: Vec<u8>,
    /// When it has last called, in milliseconds since 1970.
    pub seen_ms: u64,
    /// When it has last got an entry, in milliseconds since 1970, if that is known.
    pub active_ms: Option<u64>,
}

/// The error of a stream that contradicts itself.
const MALFORMED: RdbError = RdbError::Packed("stream");
/// The number of entries read if it is not known.
pub(super) const UNKNOWN: u64 = u64::MAX;
/// The consumer of a pending entry before it is known.
const NOBODY: usize = usize::MAX;

impl StreamType {
    /// The version with a number.
    pub fn of(number: u8) -> Option<Self> {
        [Self::First, Self::Second, Self::Third].into_iter().find(|own| *own as u8 == number)
    }

    /// The version of payloads that it needs.
    pub fn version(self) -> u16 {
        match self {
            Self::First => VERSION,
            Self::Second => 10,
            Self::Third => 11,
        }
    }
}

impl Stream {
    /// Number of entries that a group has read whose last one is `id`, if nothing was ever deleted and it can be known.
    fn read_up_to(&self, id: StreamId) -> Option<u64> {
        match id {
            _ if self.len == 0 => Some(0),
            id if id == self.last_id => Some(self.len),
            id if id > self.last_id => None,
            id if id < self.first_id => Some(0),
            id if id == self.first_id => Some(1),
            _ => None,
        }
    }
}

/// Reads a stream, and calls `see` with its entries, see [`read_entries`].
pub fn read_stream(
    of: StreamType,
    input: &mut Input<'_>,
    see: &mut SeeFields<'_>,
) -> Result<Stream, RdbError> {
    let (mut ends, mut len) = (None, 0);
    read_entries(input, &mut |id, fields| {
        ends = Some((ends.map_or(id, |(first, _)| first), id));
        len += 1;
        see(id, fields)
    })?;
    let mut stream = Stream { len: input.length()?, last_id: StreamId::read(input)?, ..Stream::default() };
    let (first, last) = ends.unwrap_or_default();
    stream.first_id = first;
    if stream.len != len || last > stream.last_id {
        return Err(MALFORMED);
    }
    stream.added = len;
    if of >= StreamType::Second {
        // The ID of the first entry, which is known.
        StreamId::read(input)?;
        stream.deleted_id = StreamId::read(input)?;
        stream.added = input.length()?;
    }
    for _ in 0..input.length()? {
        let mut group = read_group(of, input)?;
        if of < StreamType::Second {
            group.read = stream.read_up_to(group.last_id);
        }
        stream.groups.push(group);
    }
    let names = stream.groups.iter().map(|group| &group.name[..]);
    if are_different(names) { Ok(stream) } else { Err(MALFORMED) }
}

/// Reads the nodes of a stream, and calls `see` with the entries, whose IDs ascend. Entries may share their field names, so all
/// entries together may have more bytes than there are in `input`: whoever keeps them must count.
pub fn read_entries(input: &mut Input<'_>, see: &mut SeeFields<'_>) -> Result<(), RdbError> {
    // No entry has the lowest ID.
    let mut last = StreamId::default();
    for _ in 0..input.length()? {
        let key = input.text()?;
        let base = StreamId::from_bytes(key[..].try_into().map_err(|_| MALFORMED)?);
        let node = input.text()?;
        read_node(&node, base, &mut |id, fields| {
            if id <= last || fields.is_empty() {
                return Err(MALFORMED);
            }
            last = id;
            see(id, fields)
        })?;
    }
    Ok(())
}

/// Whether no name is there twice.
fn are_different<'n>(names: impl Iterator<Item = &'n [u8]>) -> bool {
    let mut names: Vec<&[u8]> = names.collect();
    names.sort_unstable();
    names.windows(2).all(|pair| pair[0] != pair[1])
}

/// Reads a consumer group.
fn read_group(of: StreamType, input: &mut Input<'_>) -> Result<Group, RdbError> {
    let mut group = Group { name: input.text()?.into(), ..Group::default() };
    group.last_id = StreamId::read(input)?;
    if of >= StreamType::Second {
        group.read = Some(input.length()?).filter(|read| *read != UNKNOWN);
    }
    for _ in 0..input.length()? {
        let id = StreamId::from_bytes(input.array()?);
        let delivered_ms = read_time(input)?;
        let pending = Pending { delivered_ms, deliveries: input.length()?, consumer: NOBODY };
        if group.pending.insert(id, pending).is_some() {
            return Err(MALFORMED);
        }
    }
    for _ in 0..input.length()? {
        read_consumer(of, input, &mut group)?;
    }
    let has_owners = group.pending.values().all(|pending| pending.consumer != NOBODY);
    let is_right = has_owners && are_different(group.consumers.iter().map(|consumer| &consumer.name[..]));
    if is_right { Ok(group) } else { Err(MALFORMED) }
}

/// Reads a time, which is not negative.
fn read_time(input: &mut Input<'_>) -> Result<u64, RdbError> {
    u64::try_from(i64::from_le_bytes(input.array()?)).map_err(|_| MALFORMED)
}

/// Reads a consumer, and says which pending entries are its.
fn read_consumer(of: StreamType, input: &mut Input<'_>, group: &mut Group) -> Result<(), RdbError> {
    let mut consumer = Consumer { name: input.text()?.into(), ..Consumer::default() };
    consumer.seen_ms = read_time(input)?;
    consumer.active_ms = Some(consumer.seen_ms);
    if of >= StreamType::Third {
        // It is -1 if the consumer never got an entry.
        let active = i64::from_le_bytes(input.array()?);
        consumer.active_ms = u64::try_from(active).ok();
    }
    for _ in 0..input.length()? {
        let pending = group.pending.get_mut(&StreamId::from_bytes(input.array()?)).ok_or(MALFORMED)?;
        if pending.consumer != NOBODY {
            return Err(MALFORMED);
        }
        pending.consumer = group.consumers.len();
    }
    group.consumers.push(consumer);
    Ok(())
}
