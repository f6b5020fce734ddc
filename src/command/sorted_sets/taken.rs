//! Takes a range of elements out of a sorted set, worked out beside the writer.

use std::ops::Range;

use super::{Element, sorted_set, store};
use crate::command::removed::{Removed, Way};
use crate::command::{CommandError, WriteCtx, sources};
use crate::effect::{ItemsBuffer, SortedSetChange};
use crate::keyspace::{Classes, KeyspaceError, SortedSet};
use crate::table::View;

/// Works out which elements are taken, those at some positions of the set, and returns them in order. The writer removes
/// them, or stores those that are left, with the notification `event`. Elements that it could remove in one step are left
/// to it altogether.
pub(super) fn take_beside(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    event: &'static str,
    positions: impl FnOnce(&View<'_>, &SortedSet<'_>) -> Result<Range<u64>, KeyspaceError>,
) -> Result<Vec<Element>, CommandError> {
    let db = context.db;
    let (taken, left, (len, way), expire_at_ms) = sources::read(context, |keys| {
        let value = keys.peek(db, key)?.ok_or(KeyspaceError::WouldChange)?;
        let (view, set) = (keys.view(), sorted_set(Some(value))?.ok_or(KeyspaceError::WouldChange)?);
        let (len, taken) = (set.len()?, positions(view, &set)?);
        let way = Removed::up_to(taken.end - taken.start, len).way_from(view, &value)?;
        if taken.is_empty() || way == Way::AtOnce {
            return Err(KeyspaceError::WouldChange.into());
        }
        let (mut left, others) = (Vec::new(), [0..taken.start, taken.end..len]);
        if way == Way::Rest {
            others.into_iter().try_for_each(|others| elements(view, &set, others, &mut left))?;
        }
        let mut all = Vec::new();
        elements(view, &set, taken, &mut all)?;
        Ok((all, left, (len, way), value.expire_at_ms))
    })?;
    match way {
        Way::AtOnce => return Err(KeyspaceError::WouldChange.into()),
        Way::All => context.keys.take_all_noted(db, key, Classes::SORTED_SET, event)?,
        Way::Rest => store::replace_by_rest(context, key, (&left, expire_at_ms), event)?,
        Way::FromCopy => {
            let mut members: Vec<&[u8]> = taken.iter().map(|(_, member)| member.as_slice()).collect();
            members.sort_unstable();
            let members: ItemsBuffer = members.into_iter().collect();
            let removal = SortedSetChange::Remove { members: members.items() }.into();
            context.keys.thin_out((db, key, len), &removal, Classes::SORTED_SET, event, expire_at_ms)?;
        }
    }
    Ok(taken)
}

/// Adds the elements at some positions.
fn elements(
    view: &View<'_>,
    set: &SortedSet<'_>,
    positions: Range<u64>,
    elements: &mut Vec<Element>,
) -> Result<(), KeyspaceError> {
    set.each_in(view, positions, false, |member, score| {
        elements.push((score, member.to_vec()));
        Ok(true)
    })
}
