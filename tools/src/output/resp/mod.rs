//! Redis commands that replay the effects, for `redis-cli --pipe`.
//!
//! Each family of effects has a file with its commands. Expiry times need care: a record may set one that is past by the
//! time of the replay, although a later record moved it (a session that is used every minute). Redis would delete the
//! key at once. So an expiry that is past or less than [`held::MARGIN_MS`] away is *held back*: the key is written
//! without it, later effects change or remove it, and expiry times still held at the end are written there.
//!
//! Invariant: after a full replay, every key has the value and the expiry that it has after the last record printed.
//! Memory grows with the number of expiry times held back at the same time, and with the bytes of [drafts] in progress.

mod databases;
mod drafts;
mod hashes;
mod held;
mod keys;
mod lists;
mod sets;
mod sorted_sets;
mod strings;
#[cfg(test)]
mod tests;
mod words;

use std::io::{self, Write};

use ackd::effect::{Change, DRAFTS, Effect, EffectError, ItemsBuffer, KeyChange};

use super::{DecodedView, Printer, RecordView};
use drafts::Drafts;
use held::{Held, HeldBack};
use words::{command, number};

/// Prints commands.
pub struct Resp {
    /// The database that the last command was for.
    selected: Option<usize>,
    /// The expiry times held back.
    held: HeldBack,
    /// Results that are not whole yet.
    drafts: Drafts,
}

impl Resp {
    /// A printer for a replay at about `now_ms`, in milliseconds since 1970.
    pub fn new(now_ms: u64) -> Self {
        Self { selected: None, held: HeldBack::new(now_ms), drafts: Drafts::new() }
    }

    fn select(&mut self, out: &mut dyn Write, db: usize) -> io::Result<()> {
        if self.selected == Some(db) {
            return Ok(());
        }
        self.selected = Some(db);
        command(out, &[b"SELECT", number(db as u64).as_bytes()])
    }

    /// Prints the effects of a record.
    fn effects(&mut self, out: &mut dyn Write, effects: &[&Effect<'_>]) -> io::Result<()> {
        let replaced = drafts::replaced_by_copy(&self.drafts, effects);
        for effect in effects {
            let deletes = matches!(effect, Effect::Key { change: Change::Key(KeyChange::Delete { .. }), .. });
            if !deletes || effect.db().zip(effect.key()) != replaced {
                self.effect(out, effect)?;
            }
        }
        Ok(())
    }

    fn effect(&mut self, out: &mut dyn Write, effect: &Effect<'_>) -> io::Result<()> {
        let (place, change) = match effect {
            Effect::Database(change) => return databases::print(self, out, change),
            Effect::Key { db, key, change } => ((*db, *key), change),
        };
        if place.0 == DRAFTS {
            return drafts::print(self, out, place.1, change);
        }
        if let Change::Key(KeyChange::Copy { to_db: DRAFTS, to }) = change {
            self.drafts.entry((*to).into()).or_default().push(effect);
            return Ok(());
        }
        self.change(out, place, change)
    }

    fn change(&mut self, out: &mut dyn Write, place: (usize, &[u8]), change: &Change<'_>) -> io::Result<()> {
        self.select(out, place.0)?;
        match change {
            Change::Key(change) => keys::print(&mut self.held, out, place, change),
            Change::String(change) => strings::print(&mut self.held, out, place, change),
            Change::List(change) => lists::print(out, place.1, change),
            Change::Hash(change) => hashes::print(&mut self.held, out, place, change),
            Change::Set(change) => sets::print(out, place.1, change),
            Change::SortedSet(change) => sorted_sets::print(out, place.1, change),
        }
    }
}

impl Printer for Resp {
    fn record(
        &mut self,
        out: &mut dyn Write,
        _record: &RecordView<'_>,
        decoded: &DecodedView<'_>,
    ) -> io::Result<()> {
        let effects: Vec<&Effect<'_>> = decoded.effects.iter().map(|(_, effect)| effect).collect();
        self.effects(out, &effects)
    }

    fn unreadable(
        &mut self,
        _out: &mut dyn Write,
        _record: &RecordView<'_>,
        _error: &EffectError,
    ) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        for (db, key, Held { key: expiry, fields }) in self.held.take() {
            self.select(out, db)?;
            for (field, expiry) in fields {
                let field: ItemsBuffer = std::iter::once(field.as_slice()).collect();
                hashes::expire_fields(out, &key, field.items(), expiry.max(1))?;
            }
            if let Some(expiry) = expiry {
                // Redis refuses 0, and 1 is as past.
                command(out, &[b"PEXPIREAT", &key, number(expiry.max(1)).as_bytes()])?;
            }
        }
        Ok(())
    }
}
