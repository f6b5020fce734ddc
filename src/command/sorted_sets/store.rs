//! Storing what a command has found as a sorted set, and how much space that needs.

use std::ops::Range;

use super::Element;
use crate::command::{Call, CommandError, WriteCtx, sources};
use crate::effect::{Effect, ItemsBuffer, SCORE_BYTES};
use crate::keyspace::{Classes, Estimate, KeyReader, KeyspaceError, SortedSet};
use crate::table::View;

/// Makes `key` a sorted set of these elements, whatever it held, and tells it as `event`; no elements, no key. Members
/// stand once each.
pub(in crate::command) fn replace(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    elements: &[Element],
    event: &'static str,
) -> Result<(), CommandError> {
    let db = context.db;
    if elements.is_empty() {
        context.keys.replace_by_nothing(db, key)?;
    } else {
        let mut by_member: Vec<&Element> = elements.iter().collect();
        by_member.sort_unstable_by(|a, b| a.1.cmp(&b.1));
        let mut items = ItemsBuffer::new();
        for (score, member) in by_member {
            items.push(member);
            items.push(&score.to_bytes());
        }
        let effect = Effect::SortedSetAdd { db, key, elements: items.items() };
        context.keys.replace(&effect, Classes::SORTED_SET, event)?;
    }
    Ok(())
}

/// Adds what storing all members of these sets, sorted or not, needs.
pub(in crate::command) fn estimate_sources<'w>(
    call: &Call<'_>,
    view: &View<'_>,
    keys: impl Iterator<Item = &'w [u8]>,
    estimate: &mut Estimate,
) -> Result<(), KeyspaceError> {
    sources::estimate_read(call, view, estimate)?;
    let mut lookups = Default::default();
    let mut reader = KeyReader::new(view, call.now_ms, &mut lookups);
    for key in keys {
        let Some(value) = reader.peek(call.db, key)? else { continue };
        let len = match (value.sorted_set(), value.set()) {
            (Some(set), _) => set.len()?,
            (None, Some(set)) => set.len()?,
            (None, None) => continue,
        };
        estimate.add_elements_of(view, call.db, key)?;
        estimate.add_elements(len);
        estimate.add_value(len * SCORE_BYTES as u64);
    }
    Ok(())
}

/// Adds what the removal of the elements at `positions` logs and changes.
pub(super) fn estimate_removed(
    view: &View<'_>,
    (set, positions): (&SortedSet<'_>, Range<u64>),
    estimate: &mut Estimate,
) -> Result<(), KeyspaceError> {
    let (count, mut bytes) = (positions.end - positions.start, 0);
    set.each_in(view, positions, false, |member, _| {
        bytes += member.len() as u64;
        Ok(true)
    })?;
    estimate.add_value(bytes);
    estimate.add_elements(count);
    Ok(())
}
