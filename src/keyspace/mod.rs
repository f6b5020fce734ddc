//! Typed keys on the table: databases, strings, deadlines.
//!
//! - A database's keys are the tree in slot `2 * db`, each key with its [cell](Value); the keys that have a deadline are
//!   also in the tree in slot `2 * db + 1`, ordered by deadline.
//! - [`Keyspace::apply`] is the only way to change anything. It puts the effect into the record that is being formed
//!   and changes the table, so the log says all that was done. Replay applies the same effects without a record and
//!   arrives at the same state.
//! - Nothing in here reads a clock: whoever asks brings the time along.
//!
//! Invariant: a key is in the tree of deadlines if and only if its cell has that deadline.

mod apply;
mod cell;
mod deadline;
mod error;
mod estimate;
mod events;
mod reader;
#[cfg(test)]
mod tests;
mod text;

pub use cell::{INLINE_BYTES_MAX, Kind, PIECE_BYTES, Text, Value};
pub use error::KeyspaceError;
pub use estimate::Estimate;
pub use events::{Classes, Events};
pub use reader::{ExpiredKey, KeyInfo, KeyReader, Lookups};

use crate::effect::{self, DATABASES_MAX, Effect, EffectBuffer};
use crate::table::{self, Cell, ROOT_SLOTS, Root, TableWriter, View};

/// The longest key, in bytes: with its deadline in front it still fits the table.
pub const KEY_BYTES_MAX: usize = {
    let fitting = table::KEY_BYTES_MAX - deadline::DEADLINE_BYTES;
    if fitting < effect::KEY_BYTES_MAX { fitting } else { effect::KEY_BYTES_MAX }
};

// Slots from 112 on are not for databases.
const _: () = assert!(2 * DATABASES_MAX <= 112 && 112 < ROOT_SLOTS);

/// The slot of a database's keys.
pub const fn keys_slot(db: usize) -> usize {
    2 * db
}

/// The slot of a database's deadlines.
pub const fn deadlines_slot(db: usize) -> usize {
    2 * db + 1
}

/// The writer's own version of the data, and the record of what is changed in it.
pub struct Keyspace<'a> {
    /// The table.
    table: &'a mut TableWriter,
    /// The record being formed; `None` in replay.
    record: Option<&'a mut EffectBuffer>,
    /// Where key-space events go; `None` when nobody wants any.
    events: Option<&'a mut Events>,
}

impl<'a> Keyspace<'a> {
    /// Changes `table`; every change is added to `record`, if there is one.
    pub fn new(table: &'a mut TableWriter, record: Option<&'a mut EffectBuffer>) -> Self {
        Self { table, record, events: None }
    }

    /// The same keyspace, with somebody who listens to its events.
    pub fn telling(self, events: Option<&'a mut Events>) -> Self {
        Self { events, ..self }
    }

    /// The same keyspace, for a shorter time.
    pub fn reborrow(&mut self) -> Keyspace<'_> {
        Keyspace { table: self.table, record: self.record.as_deref_mut(), events: self.events.as_deref_mut() }
    }

    /// Tells an event of a key, as Redis calls it, right after the change that it is about. Costs a look at a pointer
    /// when nobody listens.
    #[inline]
    pub fn event(&mut self, class: Classes, name: &'static str, db: usize, key: &[u8]) {
        if let Some(events) = self.events.as_deref_mut() {
            events.tell(class, name, db, key);
        }
    }

    /// The version with all changes so far.
    pub fn view(&self) -> View<'_> {
        self.table.view()
    }

    /// What there is to know of a key, past its deadline or not; `None` if it does not exist.
    pub fn info(&self, db: usize, key: &[u8]) -> Result<Option<KeyInfo>, KeyspaceError> {
        reader::lookup(&self.table.view(), db, key)?.as_ref().map(KeyInfo::of).transpose()
    }

    /// Hands what the key holds, past its deadline or not, to `look`.
    pub fn with_value<R, E: From<KeyspaceError>>(
        &self,
        db: usize,
        key: &[u8],
        look: impl FnOnce(&View<'_>, Option<Value<'_>>) -> Result<R, E>,
    ) -> Result<R, E> {
        let view = self.table.view();
        let value = reader::lookup(&view, db, key)?;
        look(&view, value)
    }

    /// Number of keys in a database.
    pub fn len(&self, db: usize) -> u64 {
        self.table.root(keys_slot(db)).len()
    }

    /// Whether a database holds no key.
    pub fn is_empty(&self, db: usize) -> bool {
        self.table.root(keys_slot(db)).is_empty()
    }

    /// Makes one change: adds it to the record and changes the table.
    ///
    /// An error means that the table is not in order, or that the effect does not fit the data; the version must not be
    /// published then.
    pub fn apply(&mut self, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
        if let Some(record) = self.record.as_deref_mut() {
            record.push(effect);
        }
        if self.events.as_ref().is_some_and(|events| events.wants(Classes::NEW)) {
            return self.apply_and_tell_new(effect);
        }
        apply::apply(self.table, effect)
    }

    /// Makes a change, and tells of the key that it made, if it made one.
    #[cold]
    fn apply_and_tell_new(&mut self, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
        let target = effect.destination().or_else(|| effect.db().zip(effect.key()));
        let Some((db, key)) = target else { return apply::apply(self.table, effect) };
        // What a rename replaces is deleted first: its key is a new one.
        let is_new =
            matches!(effect, Effect::Rename { .. } | Effect::Copy { .. }) || self.info(db, key)?.is_none();
        apply::apply(self.table, effect)?;
        if is_new && self.info(db, key)?.is_some() {
            self.event(Classes::NEW, "new", db, key);
        }
        Ok(())
    }

    /// Whether any key of the database is past its deadline at `now_ms`.
    pub fn any_due(&self, db: usize, now_ms: u64) -> Result<bool, KeyspaceError> {
        any_due(&self.table.view(), db, now_ms)
    }

    /// Deletes the key if its deadline has passed at `now_ms`; whether it did.
    pub fn purge(&mut self, db: usize, key: &[u8], now_ms: u64) -> Result<bool, KeyspaceError> {
        let expired = self
            .info(db, key)?
            .and_then(|info| info.expire_at_ms)
            .is_some_and(|expire_at_ms| expire_at_ms <= now_ms);
        if expired {
            self.expired(db, key)?;
        }
        Ok(expired)
    }

    /// Deletes a key, which exists, because its deadline has passed.
    pub fn expired(&mut self, db: usize, key: &[u8]) -> Result<(), KeyspaceError> {
        self.apply(&Effect::Delete { db, key, expired: true })?;
        self.event(Classes::EXPIRED, "expired", db, key);
        Ok(())
    }

    /// Up to `keys_max` keys whose deadlines have passed at `now_ms`, the oldest of each database first.
    pub fn due(&self, now_ms: u64, keys_max: usize) -> Result<Vec<ExpiredKey>, KeyspaceError> {
        deadline::due(&self.table.view(), now_ms, keys_max)
    }

    /// The earliest deadline of all, in milliseconds since 1970.
    pub fn next_deadline(&self) -> Result<Option<u64>, KeyspaceError> {
        let view = self.table.view();
        let mut earliest = None;
        for db in 0..DATABASES_MAX {
            let first = deadline::first(&view, db)?;
            earliest = [earliest, first].into_iter().flatten().min();
        }
        Ok(earliest)
    }
}

/// Whether any key of the database is past its deadline at `now_ms`.
pub fn any_due(view: &View<'_>, db: usize, now_ms: u64) -> Result<bool, KeyspaceError> {
    Ok(deadline::first(view, db)?.is_some_and(|deadline| deadline <= now_ms))
}

/// Number of keys with a deadline in a database.
pub fn deadlines_len(view: &View<'_>, db: usize) -> u64 {
    view.root(deadlines_slot(db)).len()
}

/// Hands the keys of `root` from `start` on to `see`, in order, until it returns `false`.
fn walk(
    view: &View<'_>,
    root: Root,
    start: &[u8],
    mut see: impl FnMut(&[u8], Cell<'_>) -> Result<bool, KeyspaceError>,
) -> Result<(), KeyspaceError> {
    if root.is_empty() {
        return Ok(());
    }
    let mut cursor = view.cursor(root);
    let mut next = cursor.seek(start)?;
    while let Some((key, cell)) = next {
        if !see(key, cell)? {
            break;
        }
        next = cursor.next()?;
    }
    Ok(())
}
