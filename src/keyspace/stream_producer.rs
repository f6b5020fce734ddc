//! What a stream remembers of its producers, so that an entry that one of them sends twice is added once: since Redis 8.6.
//! It is in the tree of the stream's groups:
//!
//! ```text
//! 02                  the settings     duration in seconds u64 | size u64 | entries added so u64 | duplicates u64
//! 03 | p              a producer       number of its messages u64
//! 04 | p | m          a message        id of the entry: ms u64, seq u64 | time u64
//! 05 | p | id         the same         m
//! 06 | time | id      the same         p | m
//! ```
//!
//! `p` and `m` are SHA-256 digests of the names of producer and message. In keys, times and IDs are big-endian.

use sha2::{Digest, Sha256};

use super::error::KeyspaceError;
use super::stream::Stream;
use super::stream_group::{GroupKey, count_with, get, numbers};
use crate::effect::{DIGEST_BYTES, EntryId};
use crate::table::{Cell, View};

/// Kinds of keys.
const SETTINGS: u8 = 2;
const PRODUCER: u8 = 3;
const MESSAGE: u8 = 4;
const BY_ENTRY: u8 = 5;
const BY_TIME: u8 = 6;

/// A digest of a name.
pub(super) type NameDigest = [u8; DIGEST_BYTES];

/// How long messages are remembered, and how many were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Producers {
    /// For how many seconds.
    pub duration_s: u64,
    /// How many of each producer.
    pub size_max: u64,
    /// How many entries were added.
    pub added: u64,
    /// How many entries were not added, because they had been before.
    pub duplicates: u64,
}

impl Default for Producers {
    fn default() -> Self {
        Self { duration_s: 100, size_max: 100, added: 0, duplicates: 0 }
    }
}

impl Producers {
    /// Reads their cell.
    pub(super) fn of(cell: &Cell<'_>) -> Result<Self, KeyspaceError> {
        let [duration_s, size_max, added, duplicates] = numbers(cell)?;
        Ok(Self { duration_s, size_max, added, duplicates })
    }

    /// Their cell.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let numbers = [self.duration_s, self.size_max, self.added, self.duplicates];
        numbers.map(u64::to_le_bytes).as_flattened().try_into().expect("four numbers")
    }

    /// Whether a message of a time is still remembered.
    pub(super) fn remember(&self, sent_ms: u64, now_ms: u64) -> bool {
        sent_ms.saturating_add(self.duration_s.saturating_mul(1000)) > now_ms
    }
}

/// A message, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The entry that was added.
    pub id: EntryId,
    /// When.
    pub sent_ms: u64,
}

impl Message {
    /// Reads its cell.
    pub(super) fn of(cell: &Cell<'_>) -> Result<Self, KeyspaceError> {
        let [ms, seq, sent_ms] = numbers(cell)?;
        Ok(Self { id: EntryId { ms, seq }, sent_ms })
    }

    /// Its cell.
    pub(super) fn to_bytes(self) -> [u8; 24] {
        let numbers = [self.id.ms, self.id.seq, self.sent_ms];
        numbers.map(u64::to_le_bytes).as_flattened().try_into().expect("three numbers")
    }
}

/// The digest of the name of a producer.
pub(super) fn name_digest(name: &[u8]) -> NameDigest {
    Sha256::digest(name).into()
}

/// A key that consists of these parts.
fn key(kind: u8, parts: [&[u8]; 2]) -> GroupKey {
    let mut key = GroupKey::from_slice(&[kind]);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// The key of the settings.
pub(super) fn settings_key() -> GroupKey {
    key(SETTINGS, [&[], &[]])
}

/// The key of a producer.
pub(super) fn producer_key(producer: &NameDigest) -> GroupKey {
    key(PRODUCER, [producer, &[]])
}

/// The key of a message.
pub(super) fn message_key(producer: &NameDigest, message: &NameDigest) -> GroupKey {
    key(MESSAGE, [producer, message])
}

/// The key of a message by its entry.
pub(super) fn by_entry_key(producer: &NameDigest, id: EntryId) -> GroupKey {
    key(BY_ENTRY, [producer, &id.to_bytes()])
}

/// The start of the keys of a producer's messages by their entries.
pub(super) fn by_entry_start(producer: &NameDigest) -> GroupKey {
    key(BY_ENTRY, [producer, &[]])
}

/// The key of a message by its time.
pub(super) fn by_time_key(message: &Message) -> GroupKey {
    key(BY_TIME, [&message.sent_ms.to_be_bytes(), &message.id.to_bytes()])
}

/// The start of the keys of all messages by their time.
pub(super) fn by_time_start() -> GroupKey {
    key(BY_TIME, [&[], &[]])
}

/// The start of the keys of all that is remembered, and the first key after it; the settings come before.
pub(super) fn remembered_keys() -> (GroupKey, GroupKey) {
    (key(PRODUCER, [&[], &[]]), key(BY_TIME + 1, [&[], &[]]))
}

/// The two digests in a cell.
pub(super) fn digests(bytes: &[u8]) -> Result<(NameDigest, NameDigest), KeyspaceError> {
    const BAD: KeyspaceError = KeyspaceError::BadCell("a message without its digests");
    let (producer, message) = bytes.split_first_chunk::<DIGEST_BYTES>().ok_or(BAD)?;
    Ok((*producer, message.try_into().map_err(|_| BAD)?))
}

/// The time in the rest of a key by time.
pub(super) fn time_of(rest: &[u8]) -> Result<u64, KeyspaceError> {
    const BAD: KeyspaceError = KeyspaceError::BadCell("a message without a time");
    let (time, _) = rest.split_first_chunk::<8>().ok_or(BAD)?;
    Ok(u64::from_be_bytes(*time))
}

impl Stream<'_> {
    /// What is remembered of producers, if anything ever was.
    pub fn producers(&self, view: &View<'_>) -> Result<Option<Producers>, KeyspaceError> {
        get(view, self.groups, &settings_key(), Producers::of)
    }

    /// The entry that a producer has added with a message, if that is remembered.
    pub fn sent(
        &self,
        view: &View<'_>,
        (producer, message): (&[u8], &[u8; DIGEST_BYTES]),
        now_ms: u64,
    ) -> Result<Option<EntryId>, KeyspaceError> {
        let Some(producers) = self.producers(view)? else { return Ok(None) };
        let key = message_key(&name_digest(producer), message);
        let found = get(view, self.groups, &key, Message::of)?;
        Ok(found.filter(|found| producers.remember(found.sent_ms, now_ms)).map(|found| found.id))
    }

    /// Number of producers of which a message is in the tree.
    pub fn producers_len(&self, view: &View<'_>) -> Result<u64, KeyspaceError> {
        count_with(view, self.groups, &[PRODUCER])
    }

    /// Number of messages that are remembered.
    pub fn messages_len(&self, view: &View<'_>, now_ms: u64) -> Result<u64, KeyspaceError> {
        let Some(producers) = self.producers(view)? else { return Ok(0) };
        let behind = now_ms.saturating_sub(producers.duration_s.saturating_mul(1000)).saturating_add(1);
        let behind = view.rank(self.groups, &key(BY_TIME, [&behind.to_be_bytes(), &[]]))?;
        let expired = behind - view.rank(self.groups, &by_time_start())?;
        Ok(count_with(view, self.groups, &[MESSAGE])?.saturating_sub(expired))
    }
}
