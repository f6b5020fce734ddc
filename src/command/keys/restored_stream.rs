//! A stream in a payload, as changes that create it.
//!
//! The payload is gone through twice: to check it, then to create the stream. So only its groups are kept in memory.

use super::restored::BAD_FORMAT;
use crate::command::{CommandError, streams};
use crate::effect::{Change, ENTRY_ID_BYTES, EntryId, ItemsBuffer, StreamChange, count_bytes};
use crate::keyspace::{Creation, KeyspaceError};
use crate::rdb::{self, Consumer, Fields, Group, Input, RdbError, Stream, StreamId, StreamType};

/// Entries share names of fields in a payload, and pending entries share names of consumers. A stream takes at most so many times
/// the bytes of its payload, and these more.
const REPEATED_MAX: u64 = 100;
const REPEATED_BYTES: u64 = 1 << 20;
/// The error of a stream that would take more.
const REPEATS_TOO_MUCH: &str = "ERR the stream is too large for its payload: its entries repeat long names";

/// Bytes of a pending entry in a change.
const PENDING_BYTES: usize = ENTRY_ID_BYTES + 10;

/// A stream whose payload was checked.
pub(super) struct RestoredStream<'p> {
    /// The nodes.
    nodes: Input<'p>,
    /// The rest.
    stream: Stream,
}

/// An ID as it is stored.
fn id(StreamId { ms, sequence }: StreamId) -> EntryId {
    EntryId { ms, seq: sequence }
}

/// Bytes that a stream will take.
struct Taken {
    /// How many so far.
    bytes: u64,
    /// At most.
    bytes_max: u64,
}

impl Taken {
    /// Adds some.
    fn add(&mut self, bytes: u64) -> Result<(), CommandError> {
        self.bytes += bytes;
        if self.bytes <= self.bytes_max { Ok(()) } else { Err(REPEATS_TOO_MUCH.into()) }
    }
}

impl<'p> RestoredStream<'p> {
    /// Checks the value of a payload.
    pub(super) fn read(of: StreamType, mut input: Input<'p>) -> Result<Self, CommandError> {
        let nodes = input;
        let bytes_max = (input.rest().len() as u64).saturating_mul(REPEATED_MAX) + REPEATED_BYTES;
        let (mut taken, mut refusal) = (Taken { bytes: 0, bytes_max }, None);
        let read = rdb::read_stream(of, &mut input, &mut |_, fields| {
            check_entry(fields, &mut taken)
                .map_err(|error| refusal = Some(error))
                .map_err(|()| RdbError::Refused)
        });
        let stream = match (read, refusal) {
            (Ok(stream), _) => stream,
            (Err(_), Some(refusal)) => return Err(refusal),
            (Err(_), None) => return Err(BAD_FORMAT.into()),
        };
        stream.groups.iter().try_for_each(|group| check_group(group, &mut taken))?;
        Ok(Self { nodes, stream })
    }
}

/// Refuses an entry that cannot be stored.
fn check_entry(fields: &Fields<'_>, taken: &mut Taken) -> Result<(), CommandError> {
    let mut lens = Vec::new();
    fields.each(|field, value| {
        lens.extend([field.len(), value.len()]);
        Ok::<_, CommandError>(())
    })?;
    taken.add(streams::check_len(lens.into_iter())?)
}

/// Refuses a group that cannot be stored.
fn check_group(group: &Group, taken: &mut Taken) -> Result<(), CommandError> {
    streams::check_name(&group.name, "group name")?;
    for consumer in &group.consumers {
        streams::check_name(&consumer.name, "consumer name")?;
    }
    // In the worst case, each pending entry needs a change of its own.
    group.pending.values().try_for_each(|pending| {
        let names = group.name.len() + group.consumers[pending.consumer].name.len();
        taken.add((names + PENDING_BYTES) as u64)
    })
}

impl Creation for RestoredStream<'_> {
    fn each(
        &self,
        bytes_max: usize,
        see: &mut dyn FnMut(Change<'_>) -> Result<(), KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        let Stream { last_id, deleted_id, added, .. } = self.stream;
        self.each_entry(see)?;
        if self.stream.len == 0 {
            see(StreamChange::Create.into())?;
        }
        see(StreamChange::SetLast { last: id(last_id), added, max_deleted: id(deleted_id) }.into())?;
        self.stream.groups.iter().try_for_each(|group| each_of_group(group, bytes_max, see))
    }
}

impl RestoredStream<'_> {
    /// Calls `see` with the changes that add the entries.
    fn each_entry(
        &self,
        see: &mut dyn FnMut(Change<'_>) -> Result<(), KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        let (mut nodes, mut error) = (self.nodes, None);
        let read = rdb::read_entries(&mut nodes, &mut |entry, fields| {
            let mut words = ItemsBuffer::new();
            fields.each(|field, value| {
                words.push(field);
                words.push(value);
                Ok::<_, RdbError>(())
            })?;
            let add = StreamChange::Add { id: id(entry), fields: words.items() };
            see(add.into()).map_err(|refusal| error = Some(refusal)).map_err(|()| RdbError::Refused)
        });
        match (read, error) {
            (_, Some(error)) => Err(error),
            (read, None) => {
                debug_assert!(read.is_ok(), "it was read before");
                Ok(())
            }
        }
    }
}

/// Calls `see` with the changes that create a group.
fn each_of_group(
    group: &Group,
    bytes_max: usize,
    see: &mut dyn FnMut(Change<'_>) -> Result<(), KeyspaceError>,
) -> Result<(), KeyspaceError> {
    let Group { name, last_id, read, pending, consumers } = group;
    see(StreamChange::CreateGroup { group: name, last: id(*last_id), read: *read }.into())?;
    let mut held = vec![Vec::new(); consumers.len()];
    for (entry, pending) in pending {
        held[pending.consumer].push((pending.delivered_ms, *entry, pending.deliveries));
    }
    for (consumer, mut held) in consumers.iter().zip(held) {
        if held.is_empty() {
            let (consumer, seen_ms, active_ms) = (&consumer.name, consumer.seen_ms, consumer.active_ms);
            see(StreamChange::SetConsumer { group: name, consumer, seen_ms, active_ms }.into())?;
        }
        // One change is about entries that were delivered at the same time.
        held.sort_unstable();
        held.chunk_by(|one, other| one.0 == other.0)
            .flat_map(|together| together.chunks((bytes_max / PENDING_BYTES).max(1)))
            .try_for_each(|part| see(claim(name, consumer, part, &mut ItemsBuffer::new()).into()))?;
    }
    Ok(())
}

/// The change by which a consumer holds entries, each with the time and the number of its deliveries; the times are the same.
fn claim<'c>(
    group: &'c [u8],
    consumer: &'c Consumer,
    held: &[(u64, StreamId, u64)],
    entries: &'c mut ItemsBuffer,
) -> StreamChange<'c> {
    for (_, entry, deliveries) in held {
        entries.push(&id(*entry).to_bytes());
        entries.push(&count_bytes(*deliveries));
    }
    StreamChange::Claim {
        group,
        consumer: &consumer.name,
        seen_ms: consumer.seen_ms,
        active_ms: consumer.active_ms,
        delivered_ms: held.first().map_or(0, |first| first.0),
        entries: entries.items(),
    }
}
