//! Sets: a map of members with empty cells.

use super::cell::{Kind, Value};
use super::collection::{Keys, Map};
use super::draft::{Draft, Form};
use super::error::KeyspaceError;
use crate::effect::{Items, SetChange};
use crate::table::{Filler, TableWriter, View};

/// A set, read. Members come in byte order.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a> {
    /// Its members.
    members: Map<'a>,
}

impl<'a> Value<'a> {
    /// The set, or `None` if the value is of another type.
    pub fn set(&self) -> Option<Set<'a>> {
        self.map(Kind::Set).map(|members| Set { members })
    }
}

impl<'a> Set<'a> {
    /// Number of members.
    pub fn len(&self) -> Result<u64, KeyspaceError> {
        self.members.len()
    }

    /// Whether the set is packed in its key's cell.
    pub fn is_packed(&self) -> bool {
        self.members.is_packed()
    }

    /// The members, one by one.
    pub fn members(&self, view: &'a View<'_>) -> Keys<'a> {
        self.members.keys(view)
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether `member` is in the set.
    pub fn contains(&self, view: &'a View<'_>, member: &[u8]) -> Result<bool, KeyspaceError> {
        Ok(self.members.get(view, member)?.is_some())
    }

    /// The member at `position`.
    pub fn nth(&self, view: &'a View<'_>, position: u64) -> Result<Option<Vec<u8>>, KeyspaceError> {
        Ok(self.members.nth(view, position)?.map(|(member, _)| member))
    }

    /// Calls `see` with the members from `start` on, in order, until it returns `false`.
    pub fn each_from(
        &self,
        view: &View<'_>,
        start: &[u8],
        mut see: impl FnMut(&[u8]) -> Result<bool, KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        self.members.each_from(view, start, |member, _| see(member))
    }
}

/// Makes the change.
pub(super) fn apply(
    table: &mut TableWriter,
    place: (usize, &[u8]),
    change: &SetChange<'_>,
) -> Result<(), KeyspaceError> {
    match *change {
        SetChange::Add { members } => add(table, place, members),
        SetChange::Remove { members } => remove(table, place, members),
    }
}

/// Adds members to a set. Creates the set if it is missing.
fn add(table: &mut TableWriter, place: (usize, &[u8]), members: Items<'_>) -> Result<(), KeyspaceError> {
    let mut draft = Draft::open_or_new(table, place, Kind::Set, "sadd")?;
    let mut members = members.iter();
    while draft.is_packed()
        && let Some(member) = members.next()
    {
        draft.put(table, member, ([&[], &[]], &[]), |_| ())?;
    }
    if let Form::InTrees { roots, .. } = &mut draft.form {
        let mut filler = Filler::new(roots[0]);
        for member in members {
            filler.replace(table, member, [&[], &[]], &[], |_| ())?;
        }
        roots[0] = filler.finish(table);
    }
    draft.store(table, place, None)
}

/// Removes members from a set.
fn remove(table: &mut TableWriter, place: (usize, &[u8]), members: Items<'_>) -> Result<(), KeyspaceError> {
    let mut draft = Draft::open(table, place, Kind::Set, "srem")?;
    draft.remove_all(table, members, |_, _| Ok(()))?;
    draft.store(table, place, None)
}
