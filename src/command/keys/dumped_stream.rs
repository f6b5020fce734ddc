//! How a stream is written for `DUMP`.

use std::ops::ControlFlow;

use crate::effect::{EntryId, ItemsBuffer};
use crate::keyspace::{Group, IdRange, KeyspaceError, Stream};
use crate::rdb::{self, NodeWriter, Output, StreamId, StreamType, put_length};
use crate::table::View;

/// A stream to be written.
pub(super) struct DumpedStream<'a> {
    /// The stream.
    stream: Stream<'a>,
    /// The oldest version that keeps all of it.
    of: StreamType,
    /// Number of nodes.
    nodes: u64,
    /// What comes behind the nodes, up to the groups.
    end: rdb::Stream,
}

/// An ID as it is written.
fn id(EntryId { ms, seq }: EntryId) -> StreamId {
    StreamId { ms, sequence: seq }
}

impl<'a> DumpedStream<'a> {
    /// A stream of `view`. Its nodes are counted only as long as they have not more than `len_max` bytes.
    pub(super) fn of(view: &View<'_>, stream: Stream<'a>, len_max: u64) -> Result<Self, KeyspaceError> {
        view.check_cells(stream.cells()?)?;
        let end = rdb::Stream {
            len: stream.len()?,
            last_id: id(stream.past.last),
            first_id: id(stream.first(view)?.unwrap_or_default()),
            deleted_id: id(stream.past.max_deleted),
            added: stream.past.added,
            groups: Vec::new(),
        };
        let (mut nodes, mut bytes) = (0, 0);
        each_node(view, &stream, |node| {
            nodes += 1;
            bytes += node.len_bytes() as u64;
            if bytes > len_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(Self { of: oldest_type(view, &stream)?, stream, nodes, end })
    }

    /// The version of payloads that it needs.
    pub(super) fn version(&self) -> u16 {
        self.of.version()
    }

    /// Writes type and value, until `output` is full.
    pub(super) fn put(&self, view: &View<'_>, output: &mut impl Output) -> Result<(), KeyspaceError> {
        output.put(&[self.of as u8]);
        put_length(self.nodes, output);
        each_node(view, &self.stream, |mut node| {
            node.finish(output);
            if output.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        rdb::put_stream(self.of, &self.end, self.stream.groups_len(view)?, output);
        self.stream.each_group(view, |name, group| self.put_group(view, (name, group), output))
    }

    /// Writes a group.
    fn put_group(
        &self,
        view: &View<'_>,
        (name, group): (&[u8], &Group),
        output: &mut impl Output,
    ) -> Result<(), KeyspaceError> {
        let stream = &self.stream;
        rdb::put_group(self.of, name, (id(group.last), group.read), output);
        put_length(stream.pending_len(view, group, None)?, output);
        stream.each_pending(view, (group, None), IdRange::ALL, |entry, pending| {
            rdb::put_pending(id(entry), (pending.delivered_ms, pending.deliveries), output);
            Ok::<_, KeyspaceError>(!output.is_full())
        })?;
        put_length(stream.consumers_len(view, group)?, output);
        stream.each_consumer(view, group, |name, consumer| {
            if output.is_full() {
                return Ok(());
            }
            rdb::put_consumer(self.of, name, (consumer.seen_ms, consumer.active_ms), output);
            put_length(stream.pending_len(view, group, Some(consumer))?, output);
            stream.each_id_of(view, (group, consumer), |entry| {
                rdb::put_id(id(entry), output);
                Ok(!output.is_full())
            })
        })
    }
}

/// Calls `see` with the nodes of a stream, one after the other.
fn each_node(
    view: &View<'_>,
    stream: &Stream<'_>,
    mut see: impl FnMut(NodeWriter) -> ControlFlow<()>,
) -> Result<(), KeyspaceError> {
    let (mut node, mut flow) = (NodeWriter::default(), ControlFlow::Continue(()));
    stream.each(view, IdRange::ALL, false, |entry_id, entry| {
        if node.is_full() {
            flow = see(std::mem::take(&mut node));
        }
        let mut words = ItemsBuffer::new();
        entry.each(|field, value| {
            words.push(field);
            words.push(value);
            Ok::<_, KeyspaceError>(())
        })?;
        node.add(id(entry_id), words.items().pairs());
        Ok::<_, KeyspaceError>(flow.is_continue())
    })?;
    if flow.is_continue() && !node.is_empty() {
        let _ = see(node);
    }
    Ok(())
}

/// The oldest version that keeps all of a stream.
fn oldest_type(view: &View<'_>, stream: &Stream<'_>) -> Result<StreamType, KeyspaceError> {
    let past = &stream.past;
    let mut is_first = past.max_deleted == EntryId::MIN && past.added == stream.len()?;
    let mut is_second = true;
    stream.each_group(view, |_, group| {
        is_first = is_first && group.read == stream.read_up_to(view, group.last)?;
        stream.each_consumer(view, group, |_, consumer| {
            is_second = is_second && consumer.active_ms == Some(consumer.seen_ms);
            Ok::<_, KeyspaceError>(())
        })
    })?;
    Ok(match (is_first, is_second) {
        (_, false) => StreamType::Third,
        (false, true) => StreamType::Second,
        (true, true) => StreamType::First,
    })
}
