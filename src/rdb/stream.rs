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
//! The entries are passed on one by one; the rest is returned.

use std::collections::BTreeMap;

use super::error::RdbError;
use super::input::Input;
use super::output::{Output, put_length, put_text};
use super::stream_id::StreamId;
use super::stream_node::{Fields, read_node};

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
const UNKNOWN: u64 = u64::MAX;
/// The consumer of a pending entry before it is known.
const NOBODY: usize = usize::MAX;

impl StreamType {
    /// The version with a number.
    pub fn of(number: u8) -> Option<Self> {
        [Self::First, Self::Second, Self::Third].into_iter().find(|own| *own as u8 == number)
    }
}

/// Reads a stream, and calls `see` with its entries, whose IDs ascend. Entries may share their field names, so all entries
/// together may have more bytes than there are in `input`: whoever keeps them must count.
pub fn read_stream(
    of: StreamType,
    input: &mut Input<'_>,
    see: &mut dyn FnMut(StreamId, &Fields<'_>) -> Result<(), RdbError>,
) -> Result<Stream, RdbError> {
    let (mut first, mut last, mut len) = (None, None, 0);
    for _ in 0..input.length()? {
        let key = input.text()?;
        let base = StreamId::from_bytes(key[..].try_into().map_err(|_| MALFORMED)?);
        let node = input.text()?;
        read_node(&node, base, &mut |id, fields| {
            if last.is_some_and(|last| last >= id) {
                return Err(MALFORMED);
            }
            (first, last, len) = (first.or(Some(id)), Some(id), len + 1);
            see(id, fields)
        })?;
    }
    let mut stream = Stream { len: input.length()?, last_id: StreamId::read(input)?, ..Stream::default() };
    stream.first_id = first.unwrap_or_default();
    if stream.len != len || last.is_some_and(|last| last > stream.last_id) {
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
        let group = read_group(of, input)?;
        stream.groups.push(group);
    }
    let names = stream.groups.iter().map(|group| &group.name[..]);
    if are_different(names) { Ok(stream) } else { Err(MALFORMED) }
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
        let delivered_ms = u64::from_le_bytes(input.array()?);
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

/// Reads a consumer, and says which pending entries are its.
fn read_consumer(of: StreamType, input: &mut Input<'_>, group: &mut Group) -> Result<(), RdbError> {
    let mut consumer = Consumer { name: input.text()?.into(), ..Consumer::default() };
    consumer.seen_ms = u64::from_le_bytes(input.array()?);
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

/// Writes what follows the nodes of a stream.
pub fn put_stream_end(of: StreamType, stream: &Stream, output: &mut impl Output) {
    put_length(stream.len, output);
    stream.last_id.put(output);
    if of >= StreamType::Second {
        stream.first_id.put(output);
        stream.deleted_id.put(output);
        put_length(stream.added, output);
    }
    put_length(stream.groups.len() as u64, output);
    for group in &stream.groups {
        put_group(of, group, output);
    }
}

/// Writes a consumer group.
fn put_group(of: StreamType, group: &Group, output: &mut impl Output) {
    put_text(&group.name, output);
    group.last_id.put(output);
    if of >= StreamType::Second {
        put_length(group.read.unwrap_or(UNKNOWN), output);
    }
    put_length(group.pending.len() as u64, output);
    for (id, pending) in &group.pending {
        output.put(&id.to_bytes());
        output.put(&pending.delivered_ms.to_le_bytes());
        put_length(pending.deliveries, output);
    }
    let mut owned: Vec<Vec<StreamId>> = vec![Vec::new(); group.consumers.len()];
    group.pending.iter().for_each(|(id, pending)| owned[pending.consumer].push(*id));
    put_length(group.consumers.len() as u64, output);
    for (consumer, owned) in group.consumers.iter().zip(owned) {
        put_text(&consumer.name, output);
        output.put(&consumer.seen_ms.to_le_bytes());
        if of >= StreamType::Third {
            output.put(&consumer.active_ms.unwrap_or(u64::MAX).to_le_bytes());
        }
        put_length(owned.len() as u64, output);
        owned.iter().for_each(|id| output.put(&id.to_bytes()));
    }
}
