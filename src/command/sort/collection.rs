//! The source and the destination of `SORT`: all that it needs to know about types.

use super::pattern::Found;
use crate::command::{CommandError, WriteCtx};
use crate::effect::{Effect, End, ItemsBuffer, ListChange};
use crate::keyspace::{Classes, Value};
use crate::table::View;

/// Elements that are sorted in the time of a lookup.
const SORTED_PER_LOOKUP: u64 = 4;

/// The elements of a collection in its own order.
pub(super) fn elements(view: &View<'_>, value: &Value<'_>) -> Result<Vec<Vec<u8>>, CommandError> {
    let mut elements = Vec::new();
    if let Some(set) = value.set() {
        view.check_lookups(set.len()? / SORTED_PER_LOOKUP)?;
        set.each_from(view, &[], |member| {
            elements.push(member.to_vec());
            Ok(true)
        })?;
    } else if let Some(set) = value.sorted_set() {
        view.check_lookups(set.len()? / SORTED_PER_LOOKUP)?;
        set.each_in(view, 0..set.len()?, false, |member, _| {
            elements.push(member.to_vec());
            Ok(true)
        })?;
    } else if let Some(list) = value.list() {
        view.check_lookups(list.len()? / SORTED_PER_LOOKUP)?;
        list.each(view, End::Head, 0, |_, element| {
            elements.push(element.to_contiguous(view)?.into_owned());
            Ok(true)
        })?;
    } else {
        return Err(CommandError::WRONG_TYPE);
    }
    Ok(elements)
}

/// Replaces `key` by a list of `found`; what was not found is an empty string. If `found` is empty, deletes the key.
pub(super) fn replace(context: &mut WriteCtx<'_>, key: &[u8], found: &[Found]) -> Result<(), CommandError> {
    let db = context.db;
    if found.is_empty() {
        context.keys.replace_by_nothing(db, key)?;
    } else {
        let elements: ItemsBuffer = found.iter().map(|found| found.as_deref().unwrap_or_default()).collect();
        let effect = Effect::on(db, key, ListChange::Push { end: End::Tail, elements: elements.items() });
        context.keys.replace(&effect, Classes::LIST, "sortstore")?;
    }
    Ok(())
}
