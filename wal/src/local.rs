//! The log in local segments: it gives each group its place, and takes the next segment into use when one is full.
//!
//! Appending a group is one write into a segment that was prepared for it; of the file only its bytes change,
//! no metadata. When a group does not fit, the next prepared segment is taken into use by writing its header.
//! The header is written after all earlier groups are durable, and is durable before any group in the segment is written.
//!
//! Invariants: `synced_lsn <= last_lsn`; at most one group is in flight; every group starts on a block of its
//! own, so a durable byte is never overwritten in the same use of a segment; after a final error nothing more
//! is written.
//!
//! It is one long file because every step keeps all of these invariants.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::closed::Closed;
use crate::create::write_header;
use crate::direct::AlignedBuffer;
use crate::error::LogError;
use crate::format::{
    self, GROUP_BYTES_MAX, GROUP_HEADER_BYTES, GroupHeader, GroupKind, Place, SegmentHeader, segment_name,
};
use crate::group::Group;
use crate::identities::{Identities, look_at_open, look_at_salt};
use crate::log::{Log, Lsn};
use crate::looks::Looks;
use crate::options::{GroupMark, LogOptions, SegmentMark};
use crate::prepare::{Prepared, Preparer, Retired};
use crate::status::{Counters, FileStatus, LogStatus};
use crate::storage::{Storage, StorageFile};
use crate::sync::{Done, Job, Syncer};

/// Group buffers above this many bytes are freed instead of being kept for the next group.
const POOLED_BYTES_MAX: usize = 8 << 20;
/// Group buffers kept.
const POOLED_MAX: usize = 4;

/// A log of segments in a [`Storage`].
pub struct LocalLog<S: Storage> {
    storage: S,
    options: LogOptions,
    /// The segment that groups are appended to.
    pub(crate) active: Active<S::File>,
    /// What the next group has to continue.
    chain: Chain,
    /// LSN up to which everything is durable.
    synced_lsn: Lsn,
    /// Checksum of the group of records that ends there; `None` if there is none, or it is not known.
    synced_checksum: Option<u32>,
    /// Segments before the active one, oldest first.
    closed: VecDeque<Closed>,
    preparer: Preparer<S>,
    /// A segment made for a group that fits no ordinary one; the next to be taken into use.
    jumbo: Option<Prepared<S::File>>,
    /// Content bytes for which the last `reserve` secured space; 0 after a submit.
    reserved: usize,
    syncer: Syncer<S::File>,
    /// Buffers of written groups.
    pool: Vec<AlignedBuffer>,
    /// Whether the last group is a seal, or there is nothing to seal.
    sealed: bool,
    /// Whether an error ended this log.
    poisoned: bool,
    salts: Salts,
    counters: Counters,
    /// How long the last write took until it was durable.
    sync_time: Duration,
    /// The identity of each segment file with records.
    identities: Identities,
    /// Which of them are checked next.
    looks: Looks,
    /// LSN of the mark last stored outside the log.
    remembered_lsn: Lsn,
}

/// The segment that groups are appended to.
pub(crate) struct Active<F> {
    /// The open file.
    pub file: Arc<F>,
    /// Its header, as it is on disk.
    pub header: SegmentHeader,
    /// Where the next group goes: a multiple of the segment's block.
    pub offset: u64,
}

/// What the next group has to continue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    /// LSN of the last record submitted.
    pub last_lsn: Lsn,
    /// Number of the last group.
    pub last_group: u64,
    /// Checksum of the last group.
    pub last_checksum: u32,
    /// Checksum of the last group of records; `None` if there is none, or it is not known.
    pub records_checksum: Option<u32>,
}

/// Where salts come from.
pub(crate) struct Salts(Option<SmallRng>);

impl Salts {
    pub fn new(seed: Option<u64>) -> Self {
        Self(seed.map(SmallRng::seed_from_u64))
    }

    pub fn next(&mut self) -> u64 {
        match &mut self.0 {
            Some(random) => random.random(),
            None => rand::random(),
        }
    }
}

/// Everything that a log starts from.
pub(crate) struct Start<S: Storage> {
    pub storage: S,
    pub options: LogOptions,
    pub active: Active<S::File>,
    pub chain: Chain,
    pub closed: VecDeque<Closed>,
    /// Whether the log itself says that its last record is durable.
    pub sealed: bool,
    pub preparer: Preparer<S>,
    pub salts: Salts,
}

impl<S: Storage> LocalLog<S> {
    /// A log that continues from `start`; everything in it is durable.
    pub(crate) fn start(start: Start<S>) -> Result<Self, LogError> {
        let Start { storage, options, active, chain, closed, sealed, mut preparer, salts } = start;
        let thread = |error| LogError::Io { op: "start a thread for", path: storage.path(""), source: error };
        preparer.activated(active.header.sequence);
        if options.background {
            preparer.start_thread().map_err(thread)?;
        }
        let syncer = Syncer::new(&options).map_err(thread)?;
        let mut identities = Identities::default();
        identities.note(active.header.sequence, &*active.file);
        Ok(Self {
            storage,
            options,
            active,
            chain,
            synced_lsn: chain.last_lsn,
            synced_checksum: chain.records_checksum,
            closed,
            preparer,
            jumbo: None,
            reserved: 0,
            syncer,
            pool: Vec::new(),
            sealed,
            poisoned: false,
            salts,
            counters: Counters::default(),
            sync_time: Duration::ZERO,
            identities,
            looks: Looks::default(),
            // The caller stored the mark of this LSN.
            remembered_lsn: chain.last_lsn,
        })
    }

    fn check_usable(&mut self) -> Result<(), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        let checked = self.preparer.check();
        self.note(checked)
    }

    /// Remembers a final error.
    fn note<T>(&mut self, result: Result<T, LogError>) -> Result<T, LogError> {
        if result.as_ref().is_err_and(LogError::is_final) {
            self.poisoned = true;
        }
        result
    }

    /// Whether a group with `content_bytes` fits into the active segment after another `extra_bytes`.
    fn fits_active(&self, content_bytes: usize, extra_bytes: u64) -> bool {
        let group_bytes = format::disk_bytes(content_bytes, self.active.header.block_bytes);
        let end = self.active.offset.checked_add(extra_bytes).and_then(|at| at.checked_add(group_bytes));
        end.is_some_and(|end| end <= self.active.header.segment_bytes)
    }

    /// Whether a group with `content_bytes` fits into the active segment after another `extra_bytes`, with a seal after it:
    /// so a log can be sealed even if its segment is full when it stops.
    fn takes_active(&self, content_bytes: usize, extra_bytes: u64) -> bool {
        let seal_bytes = format::disk_bytes(GROUP_HEADER_BYTES, self.active.header.block_bytes);
        self.fits_active(content_bytes, extra_bytes + seal_bytes)
    }

    /// Secures a segment for a group with `content_bytes`.
    fn make_room(&mut self, content_bytes: usize) -> Result<(), LogError> {
        if self.takes_active(content_bytes, 0) {
            return Ok(());
        }
        let bytes = self.options.segment_bytes_for(content_bytes);
        if self.jumbo.as_ref().is_some_and(|jumbo| jumbo.bytes >= bytes) {
            return Ok(());
        }
        if bytes <= self.options.segment_bytes {
            return self.preparer.wait_ready();
        }
        // Made before the smaller one is dropped, so that an earlier reservation stays valid if this one fails.
        let jumbo = self.preparer.make(bytes)?;
        if let Some(smaller) = self.jumbo.replace(jumbo) {
            self.preparer.retire([Retired {
                sequence: smaller.sequence,
                bytes: smaller.bytes,
                unused_zeros: true,
            }]);
        }
        Ok(())
    }

    /// Takes the next segment into use. Everything in the active one is durable.
    fn rotate(&mut self, wall_micros: u64) -> Result<(), LogError> {
        assert_eq!(self.synced_lsn, self.chain.last_lsn, "a segment is left with everything in it durable");
        let next = match self.jumbo.take() {
            Some(jumbo) => Some(jumbo),
            None => self.preparer.take(),
        };
        let next = next.expect("a segment made sure of by reserve");
        let header = SegmentHeader {
            block_bytes: self.options.block_bytes,
            instance_id: self.options.instance_id,
            salt: self.salts.next(),
            sequence: next.sequence,
            segment_bytes: next.bytes,
            epoch: self.options.epoch,
            first_lsn: self.chain.last_lsn + 1,
            first_group: self.chain.last_group + 1,
            previous_sequence: self.active.header.sequence,
            previous_end: self.active.offset,
            previous_checksum: self.chain.last_checksum,
            recycled: next.recycled,
            wall_micros,
            records_checksum: self.chain.records_checksum,
            adopted: self.options.adopted,
            replaces_salt: self.options.replaces_salt,
        };
        let written = write_header(&self.storage, &next.file, &header);
        self.note(written)?;
        self.remember(SegmentMark { sequence: header.sequence, salt: header.salt, ..self.own_mark() })?;
        self.closed.push_back(self.active.close(self.chain.last_lsn));
        let offset = u64::from(header.block_bytes);
        self.active = Active { file: Arc::new(next.file), header, offset };
        self.preparer.activated(header.sequence);
        self.identities.note(header.sequence, &*self.active.file);
        self.counters.rotations += 1;
        self.counters.syncs += 1;
        Ok(())
    }

    /// Stores outside the log which segment is active and how far it is durable. Call it only when the segment's header is
    /// durable: otherwise a power cut could leave the mark of a segment that does not exist.
    fn remember(&mut self, mark: SegmentMark) -> Result<(), LogError> {
        let Some(remember) = &self.options.remember else { return Ok(()) };
        let remembered = remember.remember(mark);
        let path = self.storage.path(&segment_name(mark.sequence));
        self.note(remembered.map_err(LogError::io("remember the segment", path)))?;
        self.remembered_lsn = mark.last_lsn;
        Ok(())
    }

    /// The mark of the active segment. Nothing is in flight.
    fn own_mark(&self) -> SegmentMark {
        debug_assert_eq!(self.synced_lsn, self.chain.last_lsn, "a mark is of what is durable");
        let SegmentHeader { sequence, salt, .. } = self.active.header;
        let Chain { last_group: number, last_checksum: checksum, .. } = self.chain;
        let group = (number > 0).then_some(GroupMark { number, checksum });
        SegmentMark { sequence, salt, last_lsn: self.synced_lsn, group }
    }

    /// Writes a seal and makes it durable.
    fn write_seal(&mut self, seal: Group, wall_micros: u64) -> Result<(), LogError> {
        self.start_group(seal, GroupKind::Seal, wall_micros);
        self.finish_in_flight()?;
        self.counters.seals += 1;
        self.sealed = true;
        Ok(())
    }

    /// Waits for the group in flight, if any.
    fn finish_in_flight(&mut self) -> Result<(), LogError> {
        match self.syncer.finish() {
            Some(done) => self.settle(done),
            None => Ok(()),
        }
    }

    /// Applies the outcome of a write.
    fn settle(&mut self, done: Done) -> Result<(), LogError> {
        self.recycle_buffer(done.buffer);
        let path = self.storage.path(&segment_name(self.active.header.sequence));
        let syncs = done.result.map_err(LogError::io("write", path));
        self.counters.syncs += self.note(syncs)?;
        self.counters.count_sync(done.elapsed);
        self.sync_time = done.elapsed;
        assert!(done.last_lsn >= self.synced_lsn && done.last_lsn == self.chain.last_lsn);
        self.synced_lsn = done.last_lsn;
        self.synced_checksum = self.chain.records_checksum;
        Ok(())
    }

    /// Gives the group its place and starts its write. It fits the active segment, and nothing is in flight.
    fn start_group(&mut self, group: Group, kind: GroupKind, wall_micros: u64) {
        let (content, count) = (group.len_bytes(), group.count());
        let segment = &self.active.header;
        let header = GroupHeader {
            kind,
            epoch: self.options.epoch,
            number: self.chain.last_group + 1,
            first_lsn: self.chain.last_lsn + 1,
            last_lsn: self.chain.last_lsn + u64::from(count),
            synced_lsn: self.synced_lsn,
            wall_micros,
            count,
            records_bytes: (content - GROUP_HEADER_BYTES) as u32,
            previous_checksum: self.chain.last_checksum,
            digest: group.digest(),
            checksum: 0,
        };
        let bytes = format::disk_bytes(content, segment.block_bytes) as usize;
        let place = Place { salt: segment.salt, offset: self.active.offset };
        let mut buffer = group.into_buffer();
        let checksum = format::seal_group(&mut buffer.bytes_mut()[..bytes], &header, place);
        let job = Job {
            file: Arc::clone(&self.active.file),
            buffer,
            bytes,
            offset: self.active.offset,
            last_lsn: header.last_lsn,
        };
        self.active.offset += bytes as u64;
        let records_checksum = match kind {
            GroupKind::Records => Some(checksum),
            GroupKind::Seal => self.chain.records_checksum,
        };
        self.chain = Chain {
            last_lsn: header.last_lsn,
            last_group: header.number,
            last_checksum: checksum,
            records_checksum,
        };
        self.counters.groups += 1;
        self.counters.records += u64::from(count);
        self.counters.written_bytes += bytes as u64;
        self.counters.content_bytes += content as u64;
        self.syncer.start(job);
    }

    fn recycle_buffer(&mut self, buffer: AlignedBuffer) {
        if buffer.capacity() <= POOLED_BYTES_MAX && self.pool.len() < POOLED_MAX {
            self.pool.push(buffer);
        }
    }

    /// Removes the segments that are no longer needed from the list, and returns them, oldest first.
    fn retire_through(&mut self, lsn: Lsn) -> Vec<Retired> {
        let mut kept_bytes: u64 = self.closed.iter().map(|closed| closed.bytes).sum();
        kept_bytes += self.active.header.segment_bytes;
        let mut retired = Vec::new();
        while let Some(oldest) = self.closed.front() {
            let left_bytes = kept_bytes - oldest.bytes;
            if oldest.last_lsn > lsn || left_bytes < self.options.keep_bytes {
                break;
            }
            kept_bytes = left_bytes;
            let (sequence, bytes) = (oldest.sequence, oldest.bytes);
            retired.push(Retired { sequence, bytes, unused_zeros: false });
            self.identities.forget(sequence);
            self.closed.pop_front();
        }
        retired
    }
}

impl<S: Storage> Log for LocalLog<S> {
    fn group(&mut self) -> Group {
        Group::new(self.pool.pop())
    }

    fn reserve(&mut self, bytes: u64) -> Result<(), LogError> {
        self.check_usable()?;
        if bytes > GROUP_BYTES_MAX {
            return Err(LogError::TooLarge { bytes, max: GROUP_BYTES_MAX });
        }
        let content = (bytes as usize).max(GROUP_HEADER_BYTES);
        let made = self.make_room(content);
        self.note(made)?;
        self.reserved = content;
        Ok(())
    }

    fn would_wait(&self, bytes: u64) -> bool {
        // Another segment has to be made, or taken into use.
        !self.takes_active((bytes as usize).max(GROUP_HEADER_BYTES), 0)
    }

    fn submit(&mut self, group: Group, wall_micros: u64) -> Result<(Lsn, Lsn), LogError> {
        self.check_usable()?;
        if group.is_oversized() {
            return Err(LogError::TooLarge { bytes: group.len_bytes() as u64, max: GROUP_BYTES_MAX });
        }
        if group.is_empty() {
            self.recycle_buffer(group.into_buffer());
            return Ok((self.chain.last_lsn + 1, self.chain.last_lsn));
        }
        let content = group.len_bytes();
        if content > self.reserved {
            let made = self.make_room(content);
            self.note(made)?;
        }
        self.finish_in_flight()?;
        if !self.takes_active(content, 0) {
            self.rotate(wall_micros)?;
        }
        let first_lsn = self.chain.last_lsn + 1;
        self.start_group(group, GroupKind::Records, wall_micros);
        self.reserved = 0;
        self.sealed = false;
        Ok((first_lsn, self.chain.last_lsn))
    }

    fn sync_meanwhile(&mut self) -> bool {
        self.syncer.do_meanwhile()
    }

    fn poll_durable(&mut self) -> Result<Lsn, LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        if let Some(done) = self.syncer.poll() {
            self.settle(done)?;
        }
        Ok(self.synced_lsn)
    }

    fn durable(&mut self) -> Result<Lsn, LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        self.finish_in_flight()?;
        Ok(self.synced_lsn)
    }

    fn let_go(&mut self) {
        self.pool = Vec::new();
    }

    fn seal(&mut self, wall_micros: u64) -> Result<(), LogError> {
        // In quiet moments this is the first call after the background thread met an error.
        self.check_usable()?;
        self.durable()?;
        let block = u64::from(self.active.header.block_bytes);
        let has_room = self.fits_active(GROUP_HEADER_BYTES, 0);
        let breaks_reservation = self.reserved > 0
            && self.takes_active(self.reserved, 0)
            && !self.takes_active(self.reserved, block);
        if !self.sealed && has_room && !breaks_reservation {
            let seal = self.group();
            self.write_seal(seal, wall_micros)?;
        }
        // The seal can be lost with its segment, and an older copy of the segment may be sealed, too.
        if self.remembered_lsn < self.synced_lsn { self.remember(self.own_mark()) } else { Ok(()) }
    }

    fn seal_start(&mut self, wall_micros: u64) -> Result<(), LogError> {
        // A full segment needs no seal: the next group goes into a new segment.
        if !self.fits_active(GROUP_HEADER_BYTES, 0) {
            return Ok(());
        }
        let mut seal = self.group();
        let [first, second] = [self.salts.next(), self.salts.next()].map(u64::to_le_bytes);
        let mut digest = [0; 16];
        digest[..8].copy_from_slice(&first);
        digest[8..].copy_from_slice(&second);
        seal.set_digest(digest);
        self.write_seal(seal, wall_micros)
    }

    fn mark(&self) -> Option<SegmentMark> {
        Some(self.own_mark())
    }

    fn sync_time(&self) -> Duration {
        self.sync_time
    }

    fn last_lsn(&self) -> Lsn {
        self.chain.last_lsn
    }

    fn synced_lsn(&self) -> Lsn {
        self.synced_lsn
    }

    fn synced_checksum(&self) -> Option<u32> {
        self.synced_checksum
    }

    fn recycle_through(&mut self, lsn: Lsn) -> Result<(), LogError> {
        self.check_usable()?;
        self.looks.checkpoint(lsn);
        let retired = self.retire_through(lsn.min(self.synced_lsn));
        self.preparer.retire(retired);
        self.check_usable()
    }

    fn look_at_files(&mut self) -> Result<(), LogError> {
        let closed = self.looks.next(&self.closed);
        let looked = self
            .identities
            .look(&self.storage, closed.into_iter().chain([self.active.header.sequence]))
            .and_then(|()| self.preparer.look_at_ready())
            .and_then(|()| match &self.jumbo {
                Some(jumbo) => look_at_open(&self.storage, jumbo.sequence, &jumbo.file),
                None => Ok(()),
            });
        self.note(looked)
    }

    fn look_at_header(&mut self) -> Result<(), LogError> {
        let Active { file, header, .. } = &self.active;
        let looked = look_at_salt(&self.storage, header.sequence, header.salt, &**file);
        self.note(looked)
    }

    fn status(&self) -> LogStatus {
        let (spare_segments, full) = self.preparer.status();
        let active = &self.active;
        let counters = self.counters.clone();
        let files = FileStatus {
            method: active.file.method(),
            active_segment: segment_name(active.header.sequence),
            active_bytes: active.offset,
            segments: self.closed.len() + 1,
            segment_bytes: self.closed.iter().map(|closed| closed.bytes).sum::<u64>()
                + active.header.segment_bytes,
            spare_segments,
            rotations: counters.rotations,
        };
        LogStatus {
            files: Some(files),
            full,
            poisoned: self.poisoned,
            last_lsn: self.chain.last_lsn,
            synced_lsn: self.synced_lsn,
            oldest_lsn: self.closed.front().map_or(active.header.first_lsn, |closed| closed.first_lsn),
            groups: counters.groups,
            seals: counters.seals,
            records: counters.records,
            written_bytes: counters.written_bytes,
            content_bytes: counters.content_bytes,
            syncs: counters.syncs,
            sync_micros_log2: counters.sync_micros_log2,
            sync_micros_total: counters.sync_micros_total,
        }
    }
}

impl<F> Active<F> {
    fn close(&self, last_lsn: Lsn) -> Closed {
        let SegmentHeader { sequence, segment_bytes, first_lsn, .. } = self.header;
        Closed { sequence, bytes: segment_bytes, first_lsn, last_lsn }
    }
}
