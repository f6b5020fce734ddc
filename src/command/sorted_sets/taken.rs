//! Takes a range of elements out of a sorted set, worked out beside the writer.

use std::ops::Range;
use std::slice;

use super::{Element, sorted_set, store};
use crate::command::removed::{Removed, Way};
use crate::command::{CommandError, WriteCtx, sources};
use crate::effect::{ItemsBuffer, Ranks, SortedSetChange};
use crate::keyspace::{Classes, KeyspaceError, SortedSet, Value};
use crate::table::View;

/// What is taken.
pub(super) struct Taken {
    /// Number of elements.
    pub count: u64,
    /// The elements in order, if they are needed.
    pub elements: Vec<Element>,
}

/// What is taken, and how.
struct Plan {
    /// Positions of what is taken.
    positions: Range<u64>,
    /// How it is removed.
    way: Way,
    /// What is taken.
    taken: Taken,
    /// What is left, unless it is copied.
    left: Option<Vec<Element>>,
    /// The expiry of the key.
    expire_at_ms: Option<u64>,
}

/// Works out which elements are taken, those at some positions of the set; `returns` them. The writer removes them, or
/// copies those that are left, with the notification `event`. Elements that it could remove in one step are left to it
/// altogether.
pub(super) fn take_beside(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    (event, returns): (&'static str, bool),
    positions: impl FnOnce(&View<'_>, &SortedSet<'_>) -> Result<Range<u64>, KeyspaceError>,
) -> Result<Taken, CommandError> {
    let place = (context.db, key);
    let Plan { positions, way, taken, left, expire_at_ms } = sources::read(context, |keys| {
        let value = keys.peek(place.0, key)?.ok_or(KeyspaceError::WouldChange)?;
        plan(keys.view(), &value, returns, positions)
    })?;
    let class = Classes::SORTED_SET;
    match (way, &left) {
        (Way::AtOnce, _) => return Err(KeyspaceError::WouldChange.into()),
        (Way::All, _) => context.keys.take_all_noted(place.0, key, class, event)?,
        (Way::Rest, Some(left)) => store::replace_by_rest(context, key, (left, expire_at_ms), event)?,
        (Way::Rest, None) => {
            let others = Ranks { first: positions.start, behind: positions.end, within: false };
            context.keys.keep_elements(place, others, (class, event), expire_at_ms)?;
        }
        (Way::FromCopy, _) => {
            let mut members: Vec<&[u8]> =
                taken.elements.iter().map(|(_, member)| member.as_slice()).collect();
            members.sort_unstable();
            let members: ItemsBuffer = members.into_iter().collect();
            let removal = SortedSetChange::Remove { members: members.items() }.into();
            context.keys.thin_out(place, &removal, class, event, expire_at_ms)?;
        }
    }
    Ok(taken)
}

/// Works out what is taken from a value.
fn plan(
    view: &View<'_>,
    value: &Value<'_>,
    returns: bool,
    positions: impl FnOnce(&View<'_>, &SortedSet<'_>) -> Result<Range<u64>, KeyspaceError>,
) -> Result<Plan, CommandError> {
    let set = sorted_set(Some(*value))?.ok_or(KeyspaceError::WouldChange)?;
    let positions = positions(view, &set)?;
    let count = positions.end - positions.start;
    let len = set.len()?;
    let way = Removed::up_to(count, len).way_from(view, value)?;
    if count == 0 || way == Way::AtOnce {
        return Err(KeyspaceError::WouldChange.into());
    }
    let read = |ranges: &[Range<u64>]| elements(view, &set, ranges);
    let elements =
        if returns || way == Way::FromCopy { read(slice::from_ref(&positions))? } else { Vec::new() };
    let left = match way {
        Way::Rest if !store::is_copied(len - count, len) => {
            Some(read(&[0..positions.start, positions.end..len])?)
        }
        _ => None,
    };
    Ok(Plan { positions, way, taken: Taken { count, elements }, left, expire_at_ms: value.expire_at_ms })
}

/// The elements at these positions.
fn elements(
    view: &View<'_>,
    set: &SortedSet<'_>,
    ranges: &[Range<u64>],
) -> Result<Vec<Element>, KeyspaceError> {
    let mut elements: Vec<Element> = Vec::new();
    for positions in ranges {
        set.each_in(view, positions.clone(), false, |member, score| {
            elements.push((score, member.to_vec()));
            Ok(true)
        })?;
    }
    Ok(elements)
}
