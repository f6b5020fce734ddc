//! Typed keys on the table: databases, strings, expiry times.
//!
//! - A database's keys are the tree in slot `2 * db`, each key with its [cell](Value); the keys that have an expiry are
//!   also in the tree in slot `2 * db + 1`, ordered by expiry.
//! - [`Keyspace::apply`] is the only way to change anything. It adds the effect to the record being built and changes
//!   the table, so the log has every change. Replay applies the same effects without a record and gives the same state.
//! - `apply` passes an effect to the file of its family. No other file knows what it does.
//! - Collections (`collection`, `draft`, `packed`, `element`) are laid out the same way whatever their type; `set`,
//!   `hash`, `list` and `zset` are the types. Streams (`stream` and the files that start with its name) are laid out their own way.
//! - Nothing in here reads a clock: the caller passes the time.
//!
//! Invariants
//! - A key is in the tree of expiry times if and only if its cell has that expiry.
//! - A hash is in the tree of field expiry times if and only if a field of it has an expiry.
//! - There are no empty collections but streams: see [`Keyspace::apply_removal`].

mod applier;
mod cell;
mod collection;
#[cfg(test)]
mod collection_tests;
mod combine;
#[cfg(test)]
mod copy_tests;
mod create;
mod creation;
mod database_change;
mod draft;
mod due;
mod element;
mod error;
mod estimate;
mod events;
mod expiry;
mod field_expiry;
mod given;
mod hash;
mod key_change;
mod label;
mod layout;
mod length;
mod list;
mod list_change;
#[cfg(test)]
mod list_tests;
mod lookup;
mod notify;
mod overwriting;
mod packed;
mod pieces;
mod prepared;
mod put;
mod reader;
mod scored;
mod set;
mod sources;
mod standing;
mod store;
mod stream;
mod stream_change;
mod stream_draft;
mod stream_entry;
mod stream_group;
mod stream_group_change;
mod stream_producer;
mod stream_producer_change;
mod string_change;
#[cfg(test)]
mod tests;
mod text;
mod walk;
mod work_out;
mod zset;
mod zset_copy;
#[cfg(test)]
mod zset_tests;

pub use applier::{Applier, ApplyError, decode};
pub use cell::{INLINE_BYTES_MAX, Kind, PIECE_BYTES, Text, Value};
pub use collection::{Collection, Keys, Map, PACKED_BYTES_MAX};
pub use combine::{COMBINED_BYTES, combine};
pub use creation::Creation;
pub use due::any_due;
pub use element::Element;
pub use error::KeyspaceError;
pub use estimate::{Estimate, Room};
pub use events::{Classes, Events};
pub use expiry::average_expiry_ms;
pub use given::Given;
pub use hash::Hash;
pub use layout::{KEY_BYTES_MAX, expiries_slot, keys_slot};
pub use list::{List, list_range};
pub use lookup::{DbKey, look_ahead};
pub use overwriting::Before;
pub use packed::{Packed, Width};
pub use prepared::{Prepared, Stored, TEXT_SLICE_BYTES};
pub use reader::{KeyInfo, KeyReader, Lookups};
pub use set::Set;
pub use sources::Sources;
pub use standing::Standing;
pub use stream::{IdRange, Stream, StreamPast};
pub use stream_entry::StreamEntry;
pub use stream_group::{Consumer, GROUP_NAME_BYTES_MAX, Group, Pending};
pub use stream_producer::Producers;
pub use zset::{Edge, SortedSet};

pub use crate::effect::{DRAFTS, MEMBER_BYTES_MAX};

use crate::effect::{Change, Effect, EffectBuffer, HashChange, ItemsBuffer, KeyChange};
use crate::table::{Root, TableWriter, View};

/// Maximum number of expired fields that are deleted at once.
const PURGED_FIELDS_MAX: u64 = 128;
/// Approximate maximum number of bytes of those fields.
const PURGED_FIELDS_BYTES: usize = 64 << 10;

/// What was deleted because it had expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purged {
    /// Nothing.
    Nothing,
    /// The key.
    Key,
    /// Fields of a hash.
    Fields,
}

/// The version that a writing command runs on.
enum Version<'a> {
    /// The writer's own one.
    Own(&'a mut TableWriter),
    /// One that does not change.
    Published(View<'a>),
}

/// The writer's own version of the data, and the record of the changes to it. Or a published version, on which
/// everything works that changes nothing.
pub struct Keyspace<'a> {
    /// The version.
    version: Version<'a>,
    /// The record being formed; `None` in replay.
    record: Option<&'a mut EffectBuffer>,
    /// Where keyspace events go; `None` if nobody wants any.
    events: Option<&'a mut Events>,
    /// Reserves space before each change; `None` in replay, for which the space was there before.
    room: Option<&'a mut dyn Room>,
    /// Where the same events go to find which keys were touched: some commands count as a change although nothing is
    /// different afterwards. `None` if nobody watches or tracks keys.
    touched: Option<&'a mut Events>,
    /// Where keys and fields that are given an expiry are noted; `None` if nobody wants to know.
    given: Option<&'a mut Given>,
    /// Where a change is remembered that replaces what a key holds, instead of making it; for a published version.
    prepared: Option<&'a mut Prepared>,
}

impl<'a> Keyspace<'a> {
    /// Changes `table`; every change is added to `record`, if there is one.
    pub fn new(table: &'a mut TableWriter, record: Option<&'a mut EffectBuffer>) -> Self {
        Self {
            version: Version::Own(table),
            record,
            events: None,
            room: None,
            touched: None,
            given: None,
            prepared: None,
        }
    }

    /// A published version. Changes are refused with [`KeyspaceError::WouldChange`].
    pub fn published(view: View<'a>) -> Self {
        let version = Version::Published(view);
        Self { version, record: None, events: None, room: None, touched: None, given: None, prepared: None }
    }

    /// The same keyspace, with a receiver for its events.
    pub fn notifying(self, events: Option<&'a mut Events>) -> Self {
        Self { events, ..self }
    }

    /// The same keyspace, which reserves the space of each change in `room`.
    pub fn within(self, room: &'a mut dyn Room) -> Self {
        Self { room: Some(room), ..self }
    }

    /// The same keyspace, which notes the keys that are touched.
    pub fn noting(self, touched: Option<&'a mut Events>) -> Self {
        Self { touched, ..self }
    }

    /// The same keyspace, which notes what is given an expiry.
    pub fn giving(self, given: Option<&'a mut Given>) -> Self {
        Self { given, ..self }
    }

    /// The same keyspace, which remembers a change that replaces what a key holds, instead of making it.
    pub fn preparing(self, prepared: &'a mut Prepared) -> Self {
        Self { prepared: Some(prepared), ..self }
    }

    /// Whether a change is remembered instead of made.
    pub fn prepares(&self) -> bool {
        self.prepared.is_some()
    }

    /// Notes keys that the change came from that is remembered.
    pub fn came_from(&mut self, sources: Option<Sources>) {
        if let (Some(prepared), Some(sources)) = (&mut self.prepared, sources) {
            prepared.sources.add(sources);
        }
    }

    /// The same keyspace, for changes that keep the expiry times of keys and fields.
    pub fn keeping_expiries(self) -> Self {
        Self { given: None, ..self }
    }

    /// The same keyspace, with a shorter lifetime.
    pub fn reborrow(&mut self) -> Keyspace<'_> {
        let version = match &mut self.version {
            Version::Own(table) => Version::Own(table),
            Version::Published(view) => Version::Published(*view),
        };
        Keyspace {
            version,
            record: self.record.as_deref_mut(),
            events: self.events.as_deref_mut(),
            room: self.room.as_mut().map(|room| &mut **room as &mut dyn Room),
            touched: self.touched.as_deref_mut(),
            given: self.given.as_deref_mut(),
            prepared: self.prepared.as_deref_mut(),
        }
    }

    /// Reports an event of a key, by its name in Redis, right after the change. Costs two pointer checks if nobody
    /// listens.
    #[inline]
    pub fn event(&mut self, class: Classes, name: &'static str, db: usize, key: &[u8]) {
        for events in [&mut self.events, &mut self.touched].into_iter().flatten() {
            events.notify(class, name, db, key);
        }
    }

    /// Reports an event that does not mean that the key's value changed.
    pub fn event_only(&mut self, class: Classes, name: &'static str, db: usize, key: &[u8]) {
        if let Some(events) = &mut self.events {
            events.notify(class, name, db, key);
        }
    }

    /// Whether somebody listens to events of class `class`.
    pub fn wants(&self, class: Classes) -> bool {
        self.events.as_ref().is_some_and(|events| events.wants(class))
    }

    /// The version with all changes so far.
    pub fn view(&self) -> View<'_> {
        match &self.version {
            Version::Own(table) => table.view(),
            Version::Published(view) => *view,
        }
    }

    /// Information about a key, expired or not; `None` if it does not exist.
    pub fn info(&self, db: usize, key: &[u8]) -> Result<Option<KeyInfo>, KeyspaceError> {
        lookup::lookup(&self.view(), db, key)?.as_ref().map(KeyInfo::of).transpose()
    }

    /// Calls `look` with the key's value, expired or not.
    pub fn with_value<R, E: From<KeyspaceError>>(
        &self,
        db: usize,
        key: &[u8],
        look: impl FnOnce(&View<'_>, Option<Value<'_>>) -> Result<R, E>,
    ) -> Result<R, E> {
        let view = self.view();
        let value = lookup::lookup(&view, db, key)?;
        look(&view, value)
    }

    /// The key's value in `view`, which must be this keyspace's, expired or not.
    pub fn value<'v>(
        &self,
        view: &'v View<'_>,
        db: usize,
        key: &[u8],
    ) -> Result<Option<Value<'v>>, KeyspaceError> {
        lookup::lookup(view, db, key)
    }

    /// Number of keys in a database.
    pub fn len(&self, db: usize) -> u64 {
        self.view().root(keys_slot(db)).len()
    }

    /// Whether a database holds no key.
    pub fn is_empty(&self, db: usize) -> bool {
        self.view().root(keys_slot(db)).is_empty()
    }

    /// Makes one change: adds it to the record and changes the table.
    ///
    /// An error means that the table is damaged or full, or that the effect does not fit the data: the version must not
    /// be published. Or this is a published version, and it was not changed.
    pub fn apply(&mut self, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
        self.note(effect)?;
        if self.events.as_ref().is_some_and(|events| events.wants(Classes::NEW)) {
            self.apply_and_notify_new(effect)?;
        } else {
            self.make(effect)?;
        }
        if let Some(given) = &mut self.given {
            given.note(effect);
        }
        Ok(())
    }

    /// Notes a command that sets an expiry to the value that it already has: an effect that changes nothing, and is not
    /// applied.
    pub fn give_again(&mut self, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
        // Only the writer knows whether this matters.
        if let Version::Published(_) = self.version {
            return Err(KeyspaceError::WouldChange);
        }
        if let Some(given) = &mut self.given {
            given.note(effect);
        }
        Ok(())
    }

    /// Adds a change to the record, if there is space for it.
    fn note(&mut self, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
        let Some(record) = self.record.as_deref_mut() else { return Ok(()) };
        let mark = record.mark();
        record.push(effect);
        let (Some(room), Version::Own(table)) = (&mut self.room, &mut self.version) else { return Ok(()) };
        let (effect_bytes, payload_bytes) = (record.mark() - mark, record.payload_bytes());
        let need = Estimate::of_effect(effect, effect_bytes as u64, payload_bytes as u64, &table.view());
        let secured = room.secure(table, need);
        if secured.is_err() {
            record.take_back(mark);
        }
        secured
    }

    /// Changes the table.
    fn make(&mut self, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
        match &mut self.version {
            Version::Own(table) => apply(table, effect),
            Version::Published(_) => Err(KeyspaceError::WouldChange),
        }
    }

    /// Makes a change and, if it created a key, sends the event for a new key.
    #[cold]
    fn apply_and_notify_new(&mut self, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
        let target = effect.destination().or_else(|| effect.db().zip(effect.key()));
        let Some((db, key)) = target else { return self.make(effect) };
        // A rename or copy deletes the key that it replaces first, so its target counts as new.
        let replaces = matches!(
            effect,
            Effect::Key { change: Change::Key(KeyChange::Rename { .. } | KeyChange::Copy { .. }), .. }
        );
        let is_new = replaces || self.info(db, key)?.is_none();
        self.make(effect)?;
        if is_new && self.info(db, key)?.is_some() {
            self.event(Classes::NEW, "new", db, key);
        }
        Ok(())
    }

    /// Makes a change that may remove the last element of a collection. If it does, deletes the key in the same record.
    /// Returns whether it was deleted.
    pub fn apply_removal(&mut self, effect: &Effect<'_>) -> Result<bool, KeyspaceError> {
        self.apply(effect)?;
        let (Some(db), Some(key)) = (effect.db(), effect.key()) else { return Ok(false) };
        let emptied = collection::is_empty(&self.view(), db, key)?;
        if emptied {
            let expired = matches!(
                effect,
                Effect::Key { change: Change::Hash(HashChange::Delete { expired: true, .. }), .. }
            );
            self.apply(&Effect::on(db, key, KeyChange::Delete { expired }))?;
        }
        Ok(emptied)
    }

    /// Whether any key of the database, or any field of a hash, has expired at `now_ms`.
    pub fn any_due(&self, db: usize, now_ms: u64) -> Result<bool, KeyspaceError> {
        any_due(&self.view(), db, now_ms)
    }

    /// Deletes the key if its expiry has passed at `now_ms`, or else some of its expired fields.
    pub fn purge(&mut self, db: usize, key: &[u8], now_ms: u64) -> Result<Purged, KeyspaceError> {
        let (expired, fields) = {
            let view = self.view();
            let Some(value) = lookup::lookup(&view, db, key)? else {
                return Ok(Purged::Nothing);
            };
            let fields = match value.hash(now_ms) {
                Some(hash) if value.is_timed() => hash.due(&view, PURGED_FIELDS_MAX, PURGED_FIELDS_BYTES)?,
                _ => ItemsBuffer::new(),
            };
            (value.is_expired(now_ms), fields)
        };
        if expired {
            self.expired(db, key)?;
            return Ok(Purged::Key);
        }
        if fields.is_empty() {
            return Ok(Purged::Nothing);
        }
        let gone = Effect::on(db, key, HashChange::Delete { fields: fields.items(), expired: true });
        self.take_out(&gone, Classes::HASH, "hexpired")?;
        Ok(Purged::Fields)
    }

    /// Deletes an existing key because its expiry has passed.
    pub fn expired(&mut self, db: usize, key: &[u8]) -> Result<(), KeyspaceError> {
        self.apply(&Effect::on(db, key, KeyChange::Delete { expired: true }))?;
        self.event(Classes::EXPIRED, "expired", db, key);
        Ok(())
    }

    /// Up to `keys_max` keys that have expired at `now_ms`, the oldest of each database first.
    pub fn due(&self, now_ms: u64, keys_max: usize) -> Result<Vec<DbKey>, KeyspaceError> {
        expiry::due(&self.view(), now_ms, keys_max)
    }

    /// Up to `keys_max` hashes with fields that have expired at `now_ms`.
    pub fn due_hashes(&self, now_ms: u64, keys_max: usize) -> Result<Vec<DbKey>, KeyspaceError> {
        field_expiry::due(&self.view(), now_ms, keys_max)
    }
}

/// Makes a change: the file of its family knows how that changes the table. Deterministic: the same effects on the same
/// data give the same data.
fn apply(table: &mut TableWriter, effect: &Effect<'_>) -> Result<(), KeyspaceError> {
    let (place, change) = match effect {
        Effect::Database(change) => return database_change::apply(table, change),
        Effect::Key { db, key, change } => ((*db, *key), change),
    };
    match change {
        Change::Key(change) => key_change::apply(table, place, change),
        Change::String(change) => string_change::apply(table, place, change),
        Change::List(change) => list_change::apply(table, place, change),
        Change::Hash(change) => hash::apply(table, place, change),
        Change::Set(change) => set::apply(table, place, change),
        Change::SortedSet(change) => zset::apply(table, place, change),
        Change::Stream(change) => stream_change::apply(table, place, change),
    }
}

/// Touches the pages that lead to `key` and to elements of its collection, so that a later access does not wait for the
/// device.
pub fn warm<'w>(view: &View<'_>, db: usize, key: &[u8], elements: impl Iterator<Item = &'w [u8]>) {
    view.warm(view.root(keys_slot(db)), key);
    if let Some(root) = elements_root(view, db, key) {
        elements
            .filter(|element| element.len() <= MEMBER_BYTES_MAX)
            .for_each(|element| view.warm(root, element));
    }
}

/// Whether the pages that [`warm`] would touch are in memory.
pub fn is_cached<'w>(
    view: &View<'_>,
    db: usize,
    key: &[u8],
    mut elements: impl Iterator<Item = &'w [u8]>,
) -> bool {
    view.is_cached(view.root(keys_slot(db)), key)
        && elements_root(view, db, key).is_none_or(|root| {
            elements.all(|element| element.len() > MEMBER_BYTES_MAX || view.is_cached(root, element))
        })
}

/// The tree that holds the elements of the collection under `key`, if it has one.
fn elements_root(view: &View<'_>, db: usize, key: &[u8]) -> Option<Root> {
    // An error in a page or cell shows up again when it is really used.
    let value = lookup::lookup(view, db, key).ok().flatten()?;
    if value.kind == Kind::String { None } else { value.roots.first().copied() }
}

/// Number of keys with an expiry in a database.
pub fn expiries_len(view: &View<'_>, db: usize) -> u64 {
    view.root(expiries_slot(db)).len()
}
