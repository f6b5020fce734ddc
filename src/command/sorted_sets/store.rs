//! Stores the result of a command as a sorted set.

use super::Element;
use crate::command::{CommandError, WriteCtx};
use crate::effect::{Effect, ItemsBuffer, SortedSetChange};
use crate::keyspace::Classes;

/// A result is copied from its source, member by member, if that has at most so many times as many elements. Otherwise
/// it is sorted by member.
const SKIPPED_MAX: u64 = 16;

/// Whether a result of so many elements is copied from its source of `len` elements.
pub(super) fn is_copied(stored: u64, len: u64) -> bool {
    len <= SKIPPED_MAX.saturating_mul(stored)
}

/// Replaces `key` by a sorted set of these elements, with the notification `event`. Without elements, deletes the key.
/// Each member must occur only once.
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
        let items = by_member(elements);
        let effect = Effect::on(db, key, SortedSetChange::Add { elements: items.items() });
        context.keys.replace(&effect, Classes::SORTED_SET, event)?;
    }
    Ok(())
}

/// Replaces `key` by what is left of it, which was worked out, with the notification `event`. It keeps its expiry.
pub(super) fn replace_by_rest(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    (left, expire_at_ms): (&[Element], Option<u64>),
    event: &'static str,
) -> Result<(), CommandError> {
    let items = by_member(left);
    let effect = Effect::on(context.db, key, SortedSetChange::Add { elements: items.items() });
    context.keys.replace_by_rest(&effect, Classes::SORTED_SET, event, expire_at_ms)?;
    Ok(())
}

/// Members with their scores, in the order of the members.
fn by_member(elements: &[Element]) -> ItemsBuffer {
    let mut by_member: Vec<&Element> = elements.iter().collect();
    by_member.sort_unstable_by(|a, b| a.1.cmp(&b.1));
    let mut items = ItemsBuffer::new();
    for (score, member) in by_member {
        items.push(member);
        items.push(&score.to_bytes());
    }
    items
}
