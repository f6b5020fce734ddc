//! Stores the result of a command as a sorted set.

use super::Element;
use crate::command::{CommandError, WriteCtx};
use crate::effect::{Effect, ItemsBuffer, SortedSetChange};
use crate::keyspace::Classes;

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
        let mut by_member: Vec<&Element> = elements.iter().collect();
        by_member.sort_unstable_by(|a, b| a.1.cmp(&b.1));
        let mut items = ItemsBuffer::new();
        for (score, member) in by_member {
            items.push(member);
            items.push(&score.to_bytes());
        }
        let effect = Effect::on(db, key, SortedSetChange::Add { elements: items.items() });
        context.keys.replace(&effect, Classes::SORTED_SET, event)?;
    }
    Ok(())
}
