//! Groups of a stream: how far they have read, their consumers, and the entries that were delivered and not yet
//! acknowledged, which are *pending*. All groups of a stream are in one tree, which [`stream_producer`](super::stream_producer)
//! also uses:
//!
//! ```text
//! 00 | name                group          number u64 | last id 16 | entries read u64, all ones: unknown | consumers made u64
//! 01 | g | 00 | name       consumer       number u64 | seen u64 | active u64, all ones: never
//! 01 | g | 01 | c | name   its name       empty
//! 01 | g | 02 | id         pending entry  consumer u64 | delivered u64 | deliveries u64
//! 01 | g | 03 | c | id     the same       empty
//! 01 | g | 04 | t | id     the same       empty
//! ```
//!
//! `g` and `c` are the numbers of a group and a consumer, u64 BE; a number is never used twice. `t` is when the entry was
//! delivered, u64 BE. The other numbers are little-endian, times are milliseconds since 1970. The tree is counted, so the number of a group's or a consumer's
//! pending entries is a difference of two positions, and a group is deleted with one cut.

use smallvec::SmallVec;

use super::error::KeyspaceError;
use super::stream::{IdRange, Stream, entry_id};
use crate::effect::EntryId;
use crate::table::{Cell, Root, View};

/// The longest name of a group or a consumer, in bytes: it fits the table behind the numbers.
pub const GROUP_NAME_BYTES_MAX: usize = 65_520;

/// First byte of the keys of groups.
const GROUP: u8 = 0;
/// First byte of the keys of what groups hold.
const HELD: u8 = 1;
/// What a group holds: consumers.
pub(super) const CONSUMERS: u8 = 0;
/// What a group holds: the names of consumers.
pub(super) const NAMES: u8 = 1;
/// What a group holds: pending entries.
pub(super) const PENDING: u8 = 2;
/// What a group holds: pending entries by consumer.
pub(super) const BY_CONSUMER: u8 = 3;
/// What a group holds: pending entries in the order in which they were delivered.
const BY_TIME: u8 = 4;
/// Stands for a number that is not known.
const UNKNOWN: u64 = u64::MAX;

/// A key of the tree.
pub(super) type GroupKey = SmallVec<[u8; 64]>;

/// The key of a group.
pub(super) fn group_key(name: &[u8]) -> GroupKey {
    let mut key = GroupKey::from_slice(&[GROUP]);
    key.extend_from_slice(name);
    key
}

/// The start of the keys of what a group holds; with `what`, of one kind.
pub(super) fn held(group: u64, what: Option<u8>) -> GroupKey {
    let mut key = GroupKey::from_slice(&[HELD]);
    key.extend_from_slice(&group.to_be_bytes());
    key.extend(what);
    key
}

/// The key of a consumer.
pub(super) fn consumer_key(group: u64, name: &[u8]) -> GroupKey {
    let mut key = held(group, Some(CONSUMERS));
    key.extend_from_slice(name);
    key
}

/// The start of the keys that have a consumer's number; `what` is [`NAMES`] or [`BY_CONSUMER`].
pub(super) fn of_consumer(group: u64, what: u8, consumer: u64) -> GroupKey {
    let mut key = held(group, Some(what));
    key.extend_from_slice(&consumer.to_be_bytes());
    key
}

/// The key of a pending entry.
pub(super) fn pending_key(group: u64, id: EntryId) -> GroupKey {
    let mut key = held(group, Some(PENDING));
    key.extend_from_slice(&id.to_bytes());
    key
}

/// The key of a pending entry of a consumer.
pub(super) fn by_consumer_key(group: u64, consumer: u64, id: EntryId) -> GroupKey {
    let mut key = of_consumer(group, BY_CONSUMER, consumer);
    key.extend_from_slice(&id.to_bytes());
    key
}

/// The key of a pending entry that was delivered at a time.
pub(super) fn by_time_key(group: u64, delivered_ms: u64, id: EntryId) -> GroupKey {
    let mut key = held(group, Some(BY_TIME));
    key.extend_from_slice(&delivered_ms.to_be_bytes());
    key.extend_from_slice(&id.to_bytes());
    key
}

/// The first key after those that start with `start`; `None`: there is no such key.
pub(super) fn behind(start: &[u8]) -> Option<GroupKey> {
    let mut key = GroupKey::from_slice(start);
    while let Some(last) = key.pop() {
        if let Some(next) = last.checked_add(1) {
            key.push(next);
            return Some(key);
        }
    }
    None
}

/// The numbers that a cell consists of.
pub(super) fn numbers<const N: usize>(cell: &Cell<'_>) -> Result<[u64; N], KeyspaceError> {
    const BAD: KeyspaceError = KeyspaceError::BadCell("a group with a malformed cell");
    let (chunks, rest) = cell.bytes.as_chunks::<8>();
    let chunks: &[[u8; 8]; N] = chunks.try_into().map_err(|_| BAD)?;
    if rest.is_empty() { Ok(chunks.map(u64::from_le_bytes)) } else { Err(BAD) }
}

/// A group, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its number.
    pub(super) number: u64,
    /// The last ID that was delivered to it.
    pub last: EntryId,
    /// Number of entries that it has read, if it is known.
    pub read: Option<u64>,
    /// How many consumers were created.
    pub(super) consumers_made: u64,
}

impl Group {
    /// Reads a group's cell.
    pub(super) fn of(cell: &Cell<'_>) -> Result<Self, KeyspaceError> {
        let [number, ms, seq, read, consumers_made] = numbers(cell)?;
        let read = (read != UNKNOWN).then_some(read);
        Ok(Self { number, last: EntryId { ms, seq }, read, consumers_made })
    }

    /// Its cell.
    pub(super) fn to_bytes(self) -> [u8; 40] {
        let EntryId { ms, seq } = self.last;
        let numbers = [self.number, ms, seq, self.read.unwrap_or(UNKNOWN), self.consumers_made];
        numbers.map(u64::to_le_bytes).as_flattened().try_into().expect("five numbers")
    }
}

/// A consumer, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Its number.
    pub(super) number: u64,
    /// When it was seen last, in milliseconds since 1970.
    pub seen_ms: u64,
    /// When it got entries last, if ever.
    pub active_ms: Option<u64>,
}

impl Consumer {
    /// Reads a consumer's cell.
    pub(super) fn of(cell: &Cell<'_>) -> Result<Self, KeyspaceError> {
        let [number, seen_ms, active_ms] = numbers(cell)?;
        Ok(Self { number, seen_ms, active_ms: (active_ms != UNKNOWN).then_some(active_ms) })
    }

    /// Its cell.
    pub(super) fn to_bytes(self) -> [u8; 24] {
        let numbers = [self.number, self.seen_ms, self.active_ms.unwrap_or(UNKNOWN)];
        numbers.map(u64::to_le_bytes).as_flattened().try_into().expect("three numbers")
    }
}

/// A pending entry, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The number of the consumer that has it.
    pub(super) consumer: u64,
    /// When it was delivered last, in milliseconds since 1970.
    pub delivered_ms: u64,
    /// How often it was delivered.
    pub deliveries: u64,
}

impl Pending {
    /// Reads a pending entry's cell.
    pub(super) fn of(cell: &Cell<'_>) -> Result<Self, KeyspaceError> {
        let [consumer, delivered_ms, deliveries] = numbers(cell)?;
        Ok(Self { consumer, delivered_ms, deliveries })
    }

    /// Its cell.
    pub(super) fn to_bytes(self) -> [u8; 24] {
        let numbers = [self.consumer, self.delivered_ms, self.deliveries];
        numbers.map(u64::to_le_bytes).as_flattened().try_into().expect("three numbers")
    }

    /// Whether `consumer` has it.
    pub fn is_of(&self, consumer: &Consumer) -> bool {
        self.consumer == consumer.number
    }
}

/// Calls `see` with the keys of `tree` from `from` on that start with `start`, without it, and their cells, until it
/// returns `false`.
pub(super) fn each_with<E: From<KeyspaceError>>(
    view: &View<'_>,
    tree: Root,
    (start, from): (&[u8], &[u8]),
    mut see: impl FnMut(&[u8], Cell<'_>) -> Result<bool, E>,
) -> Result<(), E> {
    if tree.is_empty() {
        return Ok(());
    }
    let mut cursor = view.cursor(tree);
    let mut next = cursor.seek(from).map_err(KeyspaceError::from)?;
    while let Some((key, cell)) = next {
        let Some(rest) = key.strip_prefix(start) else { break };
        if !see(rest, cell)? {
            break;
        }
        next = cursor.next().map_err(KeyspaceError::from)?;
    }
    Ok(())
}

/// Number of keys of `tree` that start with `start`.
pub(super) fn count_with(view: &View<'_>, tree: Root, start: &[u8]) -> Result<u64, KeyspaceError> {
    let end = behind(start).map_or(Ok(tree.len()), |end| view.rank(tree, &end))?;
    Ok(end.saturating_sub(view.rank(tree, start)?))
}

/// The cell of `key`, read by `of`.
pub(super) fn get<T>(
    view: &View<'_>,
    tree: Root,
    key: &[u8],
    of: impl FnOnce(&Cell<'_>) -> Result<T, KeyspaceError>,
) -> Result<Option<T>, KeyspaceError> {
    if tree.is_empty() {
        return Ok(None);
    }
    view.get(tree, key)?.map(|cell| of(&cell)).transpose()
}

impl Stream<'_> {
    /// Number of groups.
    pub fn groups_len(&self, view: &View<'_>) -> Result<u64, KeyspaceError> {
        count_with(view, self.groups, &[GROUP])
    }

    /// A group.
    pub fn group(&self, view: &View<'_>, name: &[u8]) -> Result<Option<Group>, KeyspaceError> {
        if name.len() > GROUP_NAME_BYTES_MAX {
            return Ok(None);
        }
        get(view, self.groups, &group_key(name), Group::of)
    }

    /// Calls `see` with the groups, in the order of their names.
    pub fn each_group<E: From<KeyspaceError>>(
        &self,
        view: &View<'_>,
        mut see: impl FnMut(&[u8], &Group) -> Result<(), E>,
    ) -> Result<(), E> {
        each_with(view, self.groups, (&[GROUP], &[GROUP]), |name, cell| {
            see(name, &Group::of(&cell)?)?;
            Ok(true)
        })
    }

    /// Number of entries that a group has not read yet, if it can be known.
    pub fn lag(&self, view: &View<'_>, group: &Group) -> Result<Option<i64>, KeyspaceError> {
        if self.past.added == 0 {
            return Ok(Some(0));
        }
        let read = match group.read {
            Some(read) if !self.has_gaps_from(view, group.last)? => Some(read),
            _ => self.read_up_to(view, group.last)?,
        };
        Ok(read.map(|read| self.past.added.wrapping_sub(read) as i64))
    }

    /// Number of consumers of a group.
    pub fn consumers_len(&self, view: &View<'_>, group: &Group) -> Result<u64, KeyspaceError> {
        count_with(view, self.groups, &held(group.number, Some(CONSUMERS)))
    }

    /// A consumer of a group.
    pub fn consumer(
        &self,
        view: &View<'_>,
        group: &Group,
        name: &[u8],
    ) -> Result<Option<Consumer>, KeyspaceError> {
        if name.len() > GROUP_NAME_BYTES_MAX {
            return Ok(None);
        }
        get(view, self.groups, &consumer_key(group.number, name), Consumer::of)
    }

    /// Calls `see` with the consumers of a group, in the order of their names.
    pub fn each_consumer<E: From<KeyspaceError>>(
        &self,
        view: &View<'_>,
        group: &Group,
        mut see: impl FnMut(&[u8], &Consumer) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = held(group.number, Some(CONSUMERS));
        each_with(view, self.groups, (&start, &start), |name, cell| {
            see(name, &Consumer::of(&cell)?)?;
            Ok(true)
        })
    }

    /// The name of the consumer that has a pending entry.
    pub fn holder(
        &self,
        view: &View<'_>,
        group: &Group,
        pending: &Pending,
    ) -> Result<Vec<u8>, KeyspaceError> {
        let start = of_consumer(group.number, NAMES, pending.consumer);
        let mut found = None;
        each_with(view, self.groups, (&start, &start), |name, _| {
            found = Some(name.to_vec());
            Ok::<_, KeyspaceError>(false)
        })?;
        found.ok_or(KeyspaceError::BadCell("a pending entry of a consumer that does not exist"))
    }

    /// Number of pending entries of a group, or of one of its consumers.
    pub fn pending_len(
        &self,
        view: &View<'_>,
        group: &Group,
        consumer: Option<&Consumer>,
    ) -> Result<u64, KeyspaceError> {
        count_with(view, self.groups, &pending_start(group, consumer))
    }

    /// A pending entry of a group.
    pub fn pending(
        &self,
        view: &View<'_>,
        group: &Group,
        id: EntryId,
    ) -> Result<Option<Pending>, KeyspaceError> {
        get(view, self.groups, &pending_key(group.number, id), Pending::of)
    }

    /// The lowest and the highest ID of the pending entries of a group.
    pub fn pending_ends(
        &self,
        view: &View<'_>,
        group: &Group,
    ) -> Result<Option<(EntryId, EntryId)>, KeyspaceError> {
        let start = pending_start(group, None);
        let len = count_with(view, self.groups, &start)?;
        if len == 0 {
            return Ok(None);
        }
        let first = view.rank(self.groups, &start)?;
        let id = |position| match view.nth(self.groups, position)? {
            Some((key, _)) => entry_id(key.get(start.len()..).unwrap_or_default()),
            None => Err(KeyspaceError::BadCell("a group with fewer pending entries than it counts")),
        };
        Ok(Some((id(first)?, id(first + len - 1)?)))
    }

    /// Calls `see` with the pending entries of a group in the order in which they were delivered, until it returns `false`.
    pub fn each_pending_by_time<E: From<KeyspaceError>>(
        &self,
        view: &View<'_>,
        group: &Group,
        mut see: impl FnMut(EntryId, u64) -> Result<bool, E>,
    ) -> Result<(), E> {
        let start = held(group.number, Some(BY_TIME));
        each_with(view, self.groups, (&start, &start), |rest, _| {
            let (delivered_ms, id) = time_and_id(rest)?;
            see(id, delivered_ms)
        })
    }

    /// Calls `see` with the pending entries in a range, of a group or of one of its consumers, until it returns `false`.
    pub fn each_pending<E: From<KeyspaceError>>(
        &self,
        view: &View<'_>,
        (group, consumer): (&Group, Option<&Consumer>),
        range: IdRange,
        mut see: impl FnMut(EntryId, &Pending) -> Result<bool, E>,
    ) -> Result<(), E> {
        let start = pending_start(group, consumer);
        let mut from = start.clone();
        from.extend_from_slice(&range.first.to_bytes());
        each_with(view, self.groups, (&start, &from), |id, cell| {
            let id = entry_id(id)?;
            if id > range.last {
                return Ok(false);
            }
            let pending = match consumer {
                None => Pending::of(&cell)?,
                Some(_) => self
                    .pending(view, group, id)?
                    .ok_or(KeyspaceError::BadCell("a consumer with an entry that is not pending"))?,
            };
            see(id, &pending)
        })
    }

    /// Calls `see` with the IDs of the pending entries of a consumer, until it returns `false`.
    pub fn each_id_of<E: From<KeyspaceError>>(
        &self,
        view: &View<'_>,
        (group, consumer): (&Group, &Consumer),
        mut see: impl FnMut(EntryId) -> Result<bool, E>,
    ) -> Result<(), E> {
        let start = pending_start(group, Some(consumer));
        each_with(view, self.groups, (&start, &start), |id, _| see(entry_id(id)?))
    }
}

/// The time and the ID in the rest of a key of [`BY_TIME`].
fn time_and_id(rest: &[u8]) -> Result<(u64, EntryId), KeyspaceError> {
    const BAD: KeyspaceError = KeyspaceError::BadCell("a pending entry without a time");
    let (time, id) = rest.split_first_chunk::<8>().ok_or(BAD)?;
    Ok((u64::from_be_bytes(*time), entry_id(id)?))
}

/// The start of the keys of the pending entries of a group, or of one of its consumers.
fn pending_start(group: &Group, consumer: Option<&Consumer>) -> GroupKey {
    match consumer {
        None => held(group.number, Some(PENDING)),
        Some(consumer) => of_consumer(group.number, BY_CONSUMER, consumer.number),
    }
}
