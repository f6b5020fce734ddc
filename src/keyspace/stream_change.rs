//! Changing streams: their entries, and what they remember of them. `stream_group_change` changes their groups,
//! and `stream_producer_change` what they remember of producers.

use super::error::KeyspaceError;
use super::stream_draft::StreamDraft;
use super::stream_group_change as groups;
use super::stream_producer::{Message, Producers};
use super::stream_producer_change as producers;
use crate::effect::{EntryId, StreamChange};
use crate::table::TableWriter;

/// Makes the change.
pub(super) fn apply(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    change: &StreamChange<'_>,
) -> Result<(), KeyspaceError> {
    let creates = matches!(change, StreamChange::Add { .. } | StreamChange::Create);
    let mut draft = StreamDraft::open(table, place, change.name(), creates)?;
    match *change {
        StreamChange::Add { id, fields } => {
            if id <= draft.past.last {
                let reason = "its ID is not above the last one";
                return Err(KeyspaceError::Mismatch { effect: change.name(), reason });
            }
            draft.add(table, id, fields)?;
            draft.past.last = id;
            draft.past.added = draft.past.added.wrapping_add(1);
        }
        StreamChange::Delete { ids } => {
            draft.delete(table, ids)?;
            let highest = ids.iter().filter_map(EntryId::from_bytes).max();
            draft.past.max_deleted = draft.past.max_deleted.max(highest.unwrap_or_default());
        }
        StreamChange::Trim { up_to, .. } => draft.trim(table, up_to)?,
        StreamChange::Create => {}
        StreamChange::SetLast { last, added, max_deleted } => {
            (draft.past.last, draft.past.added, draft.past.max_deleted) = (last, added, max_deleted);
        }
        StreamChange::Remember { producer, digest, now_ms, id } => {
            let message = Message { id, sent_ms: now_ms };
            producers::remember(table, &mut draft, (producer, digest), message)?;
        }
        StreamChange::SetProducers { forgets, duration_s, size_max, added, duplicates } => {
            let settings = Producers { duration_s, size_max, added, duplicates };
            producers::set(table, &mut draft, (settings, forgets))?;
        }
        _ => groups::apply(table, &mut draft, change)?,
    }
    draft.store(table, place)
}
