//! Changing the groups of a stream. Their layout is in [`stream_group`](super::stream_group).

use super::error::KeyspaceError;
use super::stream::entry_id;
use super::stream_draft::StreamDraft;
use super::stream_group::{
    BY_CONSUMER, Consumer, Group, GroupKey, NAMES, Pending, behind, by_consumer_key, by_time_key,
    consumer_key, get, group_key, held, of_consumer, pending_key,
};
use super::walk::walk;
use crate::effect::{EntryId, Items, StreamChange, count_from_bytes};
use crate::table::{Remover, Root, TableWriter};

/// Number of pending entries of a deleted consumer that are removed at a time.
const REMOVED_AT_ONCE: usize = 1024;

/// Makes a change of a group.
pub(super) fn apply(
    table: &mut TableWriter,
    draft: &mut StreamDraft,
    change: &StreamChange<'_>,
) -> Result<(), KeyspaceError> {
    let effect = change.name();
    let mismatch = |reason| KeyspaceError::Mismatch { effect, reason };
    let name = change.group().ok_or(mismatch("it names no group"))?;
    if let StreamChange::CreateGroup { last, read, .. } = *change {
        return create(table, draft, name, (last, read));
    }
    let group = get(&table.view(), draft.groups, &group_key(name), Group::of)?;
    let group = group.ok_or(mismatch("its group does not exist"))?;
    if matches!(change, StreamChange::DeleteGroup { .. }) {
        return delete(table, draft, name, &group);
    }
    let mut open = OpenGroup { tree: draft.groups, group, effect };
    match *change {
        StreamChange::SetGroup { last, read, .. } => (open.group.last, open.group.read) = (last, read),
        StreamChange::SetConsumer { consumer, seen_ms, active_ms, .. } => {
            open.consumer(table, consumer, |old| Consumer { seen_ms, active_ms, ..old })?;
        }
        StreamChange::DeleteConsumer { consumer, .. } => open.delete_consumer(table, consumer)?,
        StreamChange::Deliver { consumer, now_ms, last, read, ids, .. } => {
            let active = |old| Consumer { seen_ms: now_ms, active_ms: Some(now_ms), ..old };
            let consumer = open.consumer(table, consumer, active)?;
            let pending = Pending { consumer: consumer.number, delivered_ms: now_ms, deliveries: 1 };
            ids.iter().try_for_each(|id| open.put_pending(table, id, pending))?;
            (open.group.last, open.group.read) = (last, read);
        }
        StreamChange::Acknowledge { ids, .. } => open.acknowledge(table, ids)?,
        StreamChange::Claim { consumer, seen_ms, active_ms, delivered_ms, entries, .. } => {
            let consumer = open.consumer(table, consumer, |old| Consumer { seen_ms, active_ms, ..old })?;
            for (id, count) in entries.pairs() {
                let deliveries = count_from_bytes(count).ok_or(mismatch("a count is malformed"))?;
                open.put_pending(table, id, Pending { consumer: consumer.number, delivered_ms, deliveries })?;
            }
        }
        _ => return Err(mismatch("it is no change of a group")),
    }
    draft.groups = open.store(table, name)?;
    Ok(())
}

/// Creates a group.
fn create(
    table: &mut TableWriter,
    draft: &mut StreamDraft,
    name: &[u8],
    (last, read): (EntryId, Option<u64>),
) -> Result<(), KeyspaceError> {
    draft.past.groups_made += 1;
    let group = Group { number: draft.past.groups_made, last, read, consumers_made: 0 };
    if !table.insert(&mut draft.groups, &group_key(name), &group.to_bytes(), &[])? {
        return Err(KeyspaceError::Mismatch { effect: "xgroup-create", reason: "its group exists" });
    }
    Ok(())
}

/// Deletes a group and what it holds.
fn delete(
    table: &mut TableWriter,
    draft: &mut StreamDraft,
    name: &[u8],
    group: &Group,
) -> Result<(), KeyspaceError> {
    let start = held(group.number, None);
    let mut tree = draft.groups;
    table.cut(&mut tree, &start, behind(&start).as_deref())?;
    table.remove(&mut tree, &group_key(name))?;
    draft.groups = tree;
    Ok(())
}

/// A group that is being changed.
struct OpenGroup {
    /// The tree of all groups.
    tree: Root,
    /// The group.
    group: Group,
    /// The name of the effect.
    effect: &'static str,
}

impl OpenGroup {
    /// An error: the effect does not fit the data.
    fn mismatch(&self, reason: &'static str) -> KeyspaceError {
        KeyspaceError::Mismatch { effect: self.effect, reason }
    }

    /// Changes a consumer, which is created if it is missing, and returns it.
    fn consumer(
        &mut self,
        table: &mut TableWriter,
        name: &[u8],
        change: impl FnOnce(Consumer) -> Consumer,
    ) -> Result<Consumer, KeyspaceError> {
        let number = self.group.number;
        let key = consumer_key(number, name);
        let old = get(&table.view(), self.tree, &key, Consumer::of)?;
        let old = match old {
            Some(old) => old,
            None => {
                self.group.consumers_made += 1;
                let made = self.group.consumers_made;
                let mut name_key = of_consumer(number, NAMES, made);
                name_key.extend_from_slice(name);
                table.insert(&mut self.tree, &name_key, &[], &[])?;
                Consumer { number: made, seen_ms: 0, active_ms: None }
            }
        };
        let consumer = change(old);
        table.insert(&mut self.tree, &key, &consumer.to_bytes(), &[])?;
        Ok(consumer)
    }

    /// Makes an entry pending, whoever had it before.
    fn put_pending(
        &mut self,
        table: &mut TableWriter,
        id: &[u8],
        pending: Pending,
    ) -> Result<(), KeyspaceError> {
        let (group, id) = (self.group.number, entry_id(id)?);
        let mut old = None;
        let bytes = pending.to_bytes();
        let key = pending_key(group, id);
        table.replace(&mut self.tree, &key, [&bytes, &[]], &[], |cell| old = Some(Pending::of(&cell)))?;
        let old = old.transpose()?;
        self.move_key(table, old, pending, |pending| by_consumer_key(group, pending.consumer, id))?;
        self.move_key(table, old, pending, |pending| by_time_key(group, pending.delivered_ms, id))
    }

    /// Replaces one of the other keys of a pending entry.
    fn move_key(
        &mut self,
        table: &mut TableWriter,
        old: Option<Pending>,
        new: Pending,
        key: impl Fn(Pending) -> GroupKey,
    ) -> Result<(), KeyspaceError> {
        let (old, new) = (old.map(&key), key(new));
        if old.as_ref() == Some(&new) {
            return Ok(());
        }
        if let Some(old) = old {
            table.remove(&mut self.tree, &old)?;
        }
        table.insert(&mut self.tree, &new, &[], &[])?;
        Ok(())
    }

    /// Removes pending entries, which must exist.
    fn acknowledge(&mut self, table: &mut TableWriter, ids: Items<'_>) -> Result<(), KeyspaceError> {
        let ids = ids.iter().map(entry_id).collect::<Result<Vec<_>, _>>()?;
        let found = self.remove_pending(table, ids.iter().copied())?;
        let group = self.group.number;
        let keys = ids.iter().zip(&found).map(|(id, pending)| by_consumer_key(group, pending.consumer, *id));
        self.remove_keys(table, keys.collect())
    }

    /// Removes pending entries, but not their keys by consumer. Returns them.
    fn remove_pending(
        &mut self,
        table: &mut TableWriter,
        ids: impl Iterator<Item = EntryId> + Clone,
    ) -> Result<Vec<Pending>, KeyspaceError> {
        let group = self.group.number;
        let mut found = Vec::new();
        let mut remover = Remover::new(self.tree);
        for id in ids.clone() {
            let mut pending = None;
            remover.extract(table, &pending_key(group, id), |cell| pending = Some(Pending::of(&cell)))?;
            found.push(pending.transpose()?.ok_or(self.mismatch("its entry is not pending"))?);
        }
        self.tree = remover.finish(table);
        let keys = ids.zip(&found).map(|(id, pending)| by_time_key(group, pending.delivered_ms, id));
        self.remove_keys(table, keys.collect())?;
        Ok(found)
    }

    /// Removes keys, which must exist.
    fn remove_keys(&mut self, table: &mut TableWriter, mut keys: Vec<GroupKey>) -> Result<(), KeyspaceError> {
        keys.sort_unstable();
        let mut remover = Remover::new(self.tree);
        for key in keys {
            remover.extract(table, &key, |_| ())?;
        }
        self.tree = remover.finish(table);
        Ok(())
    }

    /// Deletes a consumer with its pending entries.
    fn delete_consumer(&mut self, table: &mut TableWriter, name: &[u8]) -> Result<(), KeyspaceError> {
        let group = self.group.number;
        let key = consumer_key(group, name);
        let consumer = get(&table.view(), self.tree, &key, Consumer::of)?;
        let number = consumer.ok_or(self.mismatch("its consumer does not exist"))?.number;
        let start = of_consumer(group, BY_CONSUMER, number);
        let mut from = start.clone();
        loop {
            let mut ids = Vec::new();
            walk(&table.view(), self.tree, &from, |key, _| {
                let Some(id) = key.strip_prefix(&*start) else { return Ok(false) };
                ids.push(entry_id(id)?);
                Ok(ids.len() < REMOVED_AT_ONCE)
            })?;
            let Some(next) = ids.last().and_then(|last| last.next()) else { break };
            self.remove_pending(table, ids.into_iter())?;
            from.truncate(start.len());
            from.extend_from_slice(&next.to_bytes());
        }
        table.cut(&mut self.tree, &start, behind(&start).as_deref())?;
        let mut name_key = of_consumer(group, NAMES, number);
        name_key.extend_from_slice(name);
        table.remove(&mut self.tree, &name_key)?;
        table.remove(&mut self.tree, &key)?;
        Ok(())
    }

    /// Stores the group; returns the tree of all groups.
    fn store(mut self, table: &mut TableWriter, name: &[u8]) -> Result<Root, KeyspaceError> {
        table.insert(&mut self.tree, &group_key(name), &self.group.to_bytes(), &[])?;
        Ok(self.tree)
    }
}
