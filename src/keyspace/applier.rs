//! Applying records to the table again: in replay, and after the changes of a command were rolled back.
//!
//! Applying all records in order gives the state that the writer had after the last of them, byte for byte.

use super::Keyspace;
use super::error::KeyspaceError;
use super::layout::keys_slot;
use crate::effect::{self, Decoded, Effect, EffectError};
use crate::table::TableWriter;

/// Why a record cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Its payload is not one that this program writes.
    #[error("the payload of LSN {lsn} cannot be read: {source}")]
    Payload {
        /// The record.
        lsn: u64,
        /// What is wrong with it.
        source: EffectError,
    },
    /// It does not fit the table.
    #[error("LSN {lsn} does not fit the table: {source}")]
    Effect {
        /// The record.
        lsn: u64,
        /// What does not fit.
        source: KeyspaceError,
    },
}

impl ApplyError {
    /// Whether the data on disk is damaged, as opposed to unreadable or not writable.
    pub fn is_damage(&self) -> bool {
        match self {
            ApplyError::Effect { source: KeyspaceError::Table(error), .. } => error.is_damage(),
            ApplyError::Payload { .. } | ApplyError::Effect { .. } => true,
        }
    }
}

/// Reads the payload of a record.
pub fn decode(lsn: u64, payload: &[u8]) -> Result<Decoded<'_>, ApplyError> {
    effect::decode(payload).map_err(|source| ApplyError::Payload { lsn, source })
}

/// Applies records to a table. After an error the version holds part of the record and must not be published.
pub struct Applier<'a> {
    /// The table.
    table: &'a mut TableWriter,
}

impl<'a> Applier<'a> {
    /// Applies to `table`.
    pub fn new(table: &'a mut TableWriter) -> Self {
        Self { table }
    }

    /// Prefetches the leaves of a record's keys, all at the same time.
    pub fn prefetch(&mut self, lsn: u64, payload: &[u8]) -> Result<(), ApplyError> {
        for effect in decode(lsn, payload)?.effects() {
            if let (Some(db), Some(key)) = (effect.db(), effect.key()) {
                self.table.prefetch(self.table.root(keys_slot(db)), key);
            }
        }
        Ok(())
    }

    /// Applies the effects of a record.
    pub fn record(&mut self, lsn: u64, payload: &[u8]) -> Result<(), ApplyError> {
        self.effects(lsn, decode(lsn, payload)?.effects())
    }

    /// Applies effects of a record. The record may be incomplete: these are the effects so far.
    pub fn effects<'e>(
        &mut self,
        lsn: u64,
        effects: impl Iterator<Item = Effect<'e>>,
    ) -> Result<(), ApplyError> {
        let mut keys = Keyspace::new(self.table, None);
        for effect in effects {
            keys.apply(&effect).map_err(|source| ApplyError::Effect { lsn, source })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{EffectBuffer, KeyChange, StringChange};
    use crate::table::{MemoryFile, Table, TableOptions};

    /// The payload of a record with these effects.
    fn payload(effects: &[Effect<'_>]) -> Vec<u8> {
        let (mut buffer, mut payload) = (EffectBuffer::new(), Vec::new());
        effects.iter().for_each(|effect| buffer.push(effect));
        buffer.write(0, &mut payload);
        payload
    }

    #[test]
    fn an_error_says_which_record_and_what_is_wrong_with_it() {
        let file = Box::new(MemoryFile::new(8 << 20));
        let options = TableOptions { headroom_pages: 16, ..TableOptions::default() };
        let (_, mut table) = Table::create(file, &options).unwrap();
        let mut applier = Applier::new(&mut table);
        let set = Effect::on(0, b"k", StringChange::Set { value: b"v", expire_at_ms: None, raw: false });
        let delete = Effect::on(0, b"k", KeyChange::Delete { expired: false });
        applier.record(1, &payload(&[set, delete])).unwrap();
        let misfit = applier.record(2, &payload(&[delete])).unwrap_err();
        assert!(matches!(misfit, ApplyError::Effect { lsn: 2, .. }) && misfit.is_damage());
        assert_eq!(
            misfit.to_string(),
            "LSN 2 does not fit the table: the log's effect del does not fit the data: its key does not exist"
        );
        let unreadable = applier.record(3, b"\xff").unwrap_err();
        assert!(matches!(unreadable, ApplyError::Payload { lsn: 3, .. }) && unreadable.is_damage());
    }
}
