//! Changing what a stream remembers of its producers. The layout is in [`stream_producer`](super::stream_producer).

use super::error::KeyspaceError;
use super::stream_draft::StreamDraft;
use super::stream_group::{each_with, get, numbers};
use super::stream_producer::{
    Message, NameDigest, Producers, by_entry_key, by_entry_start, by_time_key, by_time_start, digests,
    message_key, name_digest, producer_key, remembered_keys, settings_key, time_of,
};
use crate::effect::DIGEST_BYTES;
use crate::table::{Root, TableWriter};

/// The most messages that are forgotten because they are old, when another one is remembered: more than one, so that they do
/// not pile up.
const FORGOTTEN_AT_ONCE: usize = 8;

/// Sets how long messages are remembered and how many were sent; `forgets`: all messages are forgotten.
pub(super) fn set(
    table: &mut TableWriter,
    draft: &mut StreamDraft,
    (producers, forgets): (Producers, bool),
) -> Result<(), KeyspaceError> {
    if forgets {
        let (from, to) = remembered_keys();
        table.cut(&mut draft.groups, &from, Some(&to))?;
    }
    table.insert(&mut draft.groups, &settings_key(), &producers.to_bytes(), &[])?;
    Ok(())
}

/// Remembers that a producer has added an entry with a message. Forgets messages that are too old, or too many of the
/// producer.
pub(super) fn remember(
    table: &mut TableWriter,
    draft: &mut StreamDraft,
    (producer, digest): (&[u8], &[u8; DIGEST_BYTES]),
    message: Message,
) -> Result<(), KeyspaceError> {
    let producer = name_digest(producer);
    let mut tree = Remembered { tree: draft.groups };
    let settings = get(&table.view(), tree.tree, &settings_key(), Producers::of)?.unwrap_or_default();
    tree.forget_old(table, &settings, message.sent_ms)?;
    tree.forget(table, &producer, digest)?;
    while tree.len_of(table, &producer)? >= settings.size_max.max(1) {
        tree.forget_first(table, &producer)?;
    }
    tree.add(table, (&producer, digest), message)?;
    draft.groups = tree.tree;
    set(table, draft, (Producers { added: settings.added.saturating_add(1), ..settings }, false))
}

/// The tree in which messages are remembered.
struct Remembered {
    /// The tree.
    tree: Root,
}

impl Remembered {
    /// Number of messages of a producer.
    fn len_of(&self, table: &TableWriter, producer: &NameDigest) -> Result<u64, KeyspaceError> {
        let len = get(&table.view(), self.tree, &producer_key(producer), numbers::<1>)?;
        Ok(len.map_or(0, |[len]| len))
    }

    /// Sets the number of messages of a producer.
    fn set_len(
        &mut self,
        table: &mut TableWriter,
        producer: &NameDigest,
        len: u64,
    ) -> Result<(), KeyspaceError> {
        let key = producer_key(producer);
        match len {
            0 => drop(table.remove(&mut self.tree, &key)?),
            len => drop(table.insert(&mut self.tree, &key, &len.to_le_bytes(), &[])?),
        }
        Ok(())
    }

    /// Adds a message that is not there.
    fn add(
        &mut self,
        table: &mut TableWriter,
        (producer, digest): (&NameDigest, &NameDigest),
        message: Message,
    ) -> Result<(), KeyspaceError> {
        table.insert(&mut self.tree, &message_key(producer, digest), &message.to_bytes(), &[])?;
        table.insert(&mut self.tree, &by_entry_key(producer, message.id), digest, &[])?;
        let both = [producer.as_slice(), digest.as_slice()].concat();
        table.insert(&mut self.tree, &by_time_key(&message), &both, &[])?;
        let len = self.len_of(table, producer)?;
        self.set_len(table, producer, len.saturating_add(1))
    }

    /// Forgets a message, if it is there.
    fn forget(
        &mut self,
        table: &mut TableWriter,
        producer: &NameDigest,
        digest: &NameDigest,
    ) -> Result<(), KeyspaceError> {
        let key = message_key(producer, digest);
        let Some(message) = get(&table.view(), self.tree, &key, Message::of)? else { return Ok(()) };
        table.remove(&mut self.tree, &key)?;
        table.remove(&mut self.tree, &by_entry_key(producer, message.id))?;
        table.remove(&mut self.tree, &by_time_key(&message))?;
        let len = self.len_of(table, producer)?;
        self.set_len(table, producer, len.saturating_sub(1))
    }

    /// Forgets the first message of a producer.
    fn forget_first(&mut self, table: &mut TableWriter, producer: &NameDigest) -> Result<(), KeyspaceError> {
        const BAD: KeyspaceError = KeyspaceError::BadCell("a producer with fewer messages than it counts");
        let start = by_entry_start(producer);
        let mut first = None;
        each_with(&table.view(), self.tree, (&start, &start), |_, cell| {
            first = cell.bytes.try_into().ok();
            Ok::<_, KeyspaceError>(false)
        })?;
        self.forget(table, producer, &first.ok_or(BAD)?)
    }

    /// Forgets some of the messages that are too old.
    fn forget_old(
        &mut self,
        table: &mut TableWriter,
        settings: &Producers,
        now_ms: u64,
    ) -> Result<(), KeyspaceError> {
        let mut old = Vec::new();
        let start = by_time_start();
        each_with(&table.view(), self.tree, (&start, &start), |rest, cell| {
            let is_old = !settings.remember(time_of(rest)?, now_ms);
            if is_old {
                old.push(digests(cell.bytes)?);
            }
            Ok::<_, KeyspaceError>(is_old && old.len() < FORGOTTEN_AT_ONCE)
        })?;
        old.iter().try_for_each(|(producer, digest)| self.forget(table, producer, digest))
    }
}
