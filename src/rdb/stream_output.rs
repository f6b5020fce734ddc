//! Writing what follows the nodes of a stream, part by part, so that no stream need be in memory. The layout is in
//! [`stream`](super::stream).

use super::output::{Output, put_length, put_text};
use super::stream::{Stream, StreamType, UNKNOWN};
use super::stream_id::StreamId;

/// Writes what follows the nodes, up to the number of groups. The groups follow, each with [`put_group`].
pub fn put_stream(of: StreamType, stream: &Stream, groups_len: u64, output: &mut impl Output) {
    put_length(stream.len, output);
    stream.last_id.put(output);
    if of >= StreamType::Second {
        stream.first_id.put(output);
        stream.deleted_id.put(output);
        put_length(stream.added, output);
    }
    put_length(groups_len, output);
}

/// Writes the start of a consumer group. The number of its pending entries follows, each of them with [`put_pending`], then the
/// number of its consumers, each of them with [`put_consumer`].
pub fn put_group(
    of: StreamType,
    name: &[u8],
    (last_id, read): (StreamId, Option<u64>),
    output: &mut impl Output,
) {
    put_text(name, output);
    last_id.put(output);
    if of >= StreamType::Second {
        put_length(read.unwrap_or(UNKNOWN), output);
    }
}

/// Writes a pending entry.
pub fn put_pending(id: StreamId, (delivered_ms, deliveries): (u64, u64), output: &mut impl Output) {
    put_id(id, output);
    output.put(&delivered_ms.to_le_bytes());
    put_length(deliveries, output);
}

/// Writes the start of a consumer. The number of its pending entries follows, each of them with [`put_id`].
pub fn put_consumer(
    of: StreamType,
    name: &[u8],
    (seen_ms, active_ms): (u64, Option<u64>),
    output: &mut impl Output,
) {
    put_text(name, output);
    output.put(&seen_ms.to_le_bytes());
    if of >= StreamType::Third {
        output.put(&active_ms.unwrap_or(u64::MAX).to_le_bytes());
    }
}

/// Writes the ID of a pending entry.
pub fn put_id(id: StreamId, output: &mut impl Output) {
    output.put(&id.to_bytes());
}
