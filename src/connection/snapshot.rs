//! Reads on the table, and writes that change nothing: each runs on a snapshot of the newest published version, on the
//! connection's own thread, or, if it takes long, on one of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::guard::{Guard, Refusal};
use super::read::{Ahead, ExpiredKey, Fetch, LongEnd, LongRead, ReadCall, ReadOutcome, Reads};
use crate::clock::Clock;
use crate::command::{self, Call, CommandError};
use crate::damage;
use crate::keyspace::{self, Classes, DbKey, Events, KeyspaceError, Lookups, Prepared};
use crate::memory_limit::memory_limit_bytes;
use crate::resp::{Args, Reply, Sink};
use crate::spec::Spec;
use crate::state::ServerState;
use crate::table::{Budget, Hint, PAGE_BYTES, Snapshot, Table, TableError, View};
use crate::writer::{WriterQueue, notify_events};

/// How often a read is tried if pages of the table become unreadable.
const READS_MAX: u32 = 8;

/// The most elements of a command whose pages are read before it is submitted.
const WARMED_ELEMENTS_MAX: usize = 256;

/// Old pages that snapshots may hold while a client does not take the reply to a long read: so many, or an eighth of the
/// table if that is more.
const HELD_PAGES_MAX: u64 = 64 * 1024;

/// The table as connections read it.
pub struct SnapshotReads {
    /// The table.
    table: Arc<Table>,
    /// The time, for expired keys.
    clock: Arc<Clock>,
    /// Limits, and counters of hits and misses.
    state: Arc<ServerState>,
    /// The writer, which must not wait when a read waits for the disk.
    writer: WriterQueue,
    /// A table of more pages than this may not fit into memory. Then the pages of keys are read before their command
    /// runs or is submitted, so that no client waits for the disk because of another's command.
    warm_above_pages: u64,
}

impl SnapshotReads {
    /// Reads of `table` at the time of `clock`.
    pub fn new(table: Arc<Table>, clock: Arc<Clock>, state: Arc<ServerState>, writer: WriterQueue) -> Self {
        let warm_above_pages = memory_limit_bytes() / 2 / PAGE_BYTES as u64;
        Self { table, clock, state, writer, warm_above_pages }
    }

    /// Whether the whole table certainly fits into memory.
    fn fits_memory(&self) -> bool {
        self.table.stats().pages <= self.warm_above_pages
    }

    /// A command with the current limits.
    fn call<'a>(&self, &ReadCall { spec, db, args, now_ms }: &ReadCall<'a>) -> Call<'a> {
        Call { spec, args: *args, db: usize::from(db), now_ms, limits: self.state.command_limits() }
    }

    /// Runs a command on a snapshot: at first on the one pinned `ahead`, if there is one. If a page became unreadable
    /// meanwhile, and was replaced by zeros, its result cannot be trusted, and it runs again.
    fn on_snapshot(
        &self,
        call: &Call<'_>,
        mut ahead: Ahead<'_>,
        reply: &mut Reply<'_>,
        mut run: impl FnMut(&View<'_>, &[Hint], &mut Reply<'_>) -> Result<(), KeyspaceError>,
    ) -> Result<(), KeyspaceError> {
        let start = reply.len_bytes();
        for _ in 0..READS_MAX {
            let faults = self.table.faults();
            let Ahead { snapshot: pinned, hints } = std::mem::take(&mut ahead);
            let own = pinned.is_none().then(|| self.table.snapshot());
            let snapshot = pinned.or(own.as_ref()).expect("one of them is there");
            let result = run(snapshot, hints, reply);
            if self.table.faults() == faults {
                if let Err(error) = &result {
                    damage::met(&self.table, error, snapshot, call.db, call.keys());
                }
                return result;
            }
            reply.truncate(start);
        }
        Err(TableError::Faulted.into())
    }
}

impl SnapshotReads {
    /// Ends a long read. If `purges`, the keys that it found expired must be deleted, and there is still time for it.
    fn end_long(&self, lookups: Lookups, purges: bool, result: Result<(), KeyspaceError>) -> LongEnd {
        let has_expired = purges && !lookups.expired.is_empty();
        if has_expired && !lookups.missing.is_empty() {
            // The notification that a key expired comes before the one that it is missing.
            return LongEnd::Stale(expired_keys(lookups).collect());
        }
        self.count(&lookups);
        let expired = if has_expired { expired_keys(lookups).collect() } else { Vec::new() };
        LongEnd::Replied(result.map_err(CommandError::Keyspace), expired)
    }

    /// Counts the lookups of a command, and notifies of missing keys.
    fn count(&self, lookups: &Lookups) {
        self.state.stats.looked_up(lookups.hits, lookups.misses);
        if !lookups.missing.is_empty() {
            let mut events = Events::new(self.state.limits.notified());
            lookups.missing.iter().for_each(|missed| {
                events.notify(Classes::KEY_MISS, "keymiss", missed.db, &missed.key);
            });
            notify_events(&self.state, &events);
        }
    }
}

impl Reads for SnapshotReads {
    fn read(
        &self,
        read: &ReadCall<'_>,
        ahead: Ahead<'_>,
        reply: &mut Reply<'_>,
        expired: &mut Vec<ExpiredKey>,
    ) -> Result<ReadOutcome, CommandError> {
        let call = self.call(read);
        let start = reply.len_bytes();
        let notified = self.state.limits.notified();
        let notes_missing = notified.wants(Classes::KEY_MISS);
        let (mut lookups, mut waits) = (Lookups::default(), false);
        let result = self.on_snapshot(&call, ahead, reply, |view, hints, reply| {
            lookups = Lookups { notes_missing, ..Lookups::default() };
            let wait = command::read_shortly(&call, view, hints, reply, &mut lookups)?;
            waits = wait.is_some();
            Ok(())
        });
        if waits {
            return Ok(ReadOutcome::OnWriter);
        }
        if matches!(&result, Err(error) if command::takes_long(&call, error)) {
            return Ok(ReadOutcome::Long);
        }
        if !lookups.missing.is_empty() && !lookups.expired.is_empty() && !self.state.pauses_writes() {
            // The notification that a key expired comes before the one that it is missing.
            reply.truncate(start);
            return Ok(ReadOutcome::OnWriter);
        }
        self.count(&lookups);
        expired.extend(expired_keys(lookups));
        result.map(|()| ReadOutcome::Replied).map_err(CommandError::Keyspace)
    }

    fn read_long(
        &self,
        read: &LongRead,
        budget: &Budget,
        sink: &mut dyn Sink,
        rest: &mut Vec<u8>,
    ) -> LongEnd {
        let LongRead { spec, db, now_ms, .. } = *read;
        let args = read.args();
        let call = self.call(&ReadCall { spec, db, args: &args, now_ms });
        let notes_missing = self.state.limits.notified().wants(Classes::KEY_MISS);
        let expired_flag = Arc::new(AtomicBool::new(false));
        for _ in 0..READS_MAX {
            rest.clear();
            expired_flag.store(false, Relaxed);
            let purges = !read.is_purged && !self.state.pauses_writes();
            let flag = purges.then(|| expired_flag.clone());
            let mut lookups = Lookups { notes_missing, expired_flag: flag, ..Lookups::default() };
            let mut guard = Guard::new(&self.table, purges.then_some(&*expired_flag), sink);
            let snapshot = self.table.snapshot();
            let mut reply = Reply::streaming(rest, read.protocol, &mut guard, call.limits.reply_bytes_max);
            let result = command::read(&call, &snapshot.within(budget), &[], &mut reply, &mut lookups);
            let is_broken = reply.is_broken();
            if let Err(error) = &result {
                damage::met(&self.table, error, &snapshot, call.db, call.keys());
            }
            match (guard.end(), result) {
                (Some(Refusal::Faulted), _) if !guard.gave() => continue,
                (Some(Refusal::Faulted), _) => return LongEnd::Broken(TableError::Faulted.to_string()),
                (Some(Refusal::Gone), _) => return LongEnd::Broken("the client is gone".into()),
                (Some(Refusal::Stale), _) if guard.gave() => {
                    return LongEnd::Broken("a key was found expired too late".into());
                }
                (Some(Refusal::Stale), _) => return LongEnd::Stale(expired_keys(lookups).collect()),
                (None, Err(error)) if guard.gave() => return LongEnd::Broken(error.to_string()),
                (None, _) if is_broken => return LongEnd::Broken("it failed too late".into()),
                (None, result) => return self.end_long(lookups, purges && !guard.gave(), result),
            }
        }
        LongEnd::Replied(Err(TableError::Faulted.into()), Vec::new())
    }

    fn holds_too_much(&self) -> bool {
        let stats = self.table.stats();
        stats.pages_parked > HELD_PAGES_MAX.max(stats.pages / 8)
    }

    fn look_ahead<'t>(&'t self, db: u16, keys: &[&[u8]], hints: &mut Vec<Hint>) -> Option<Snapshot<'t>> {
        if !self.fits_memory() {
            return None;
        }
        let snapshot = self.table.snapshot();
        keyspace::look_ahead(&snapshot, usize::from(db), keys, hints);
        Some(snapshot)
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn run_no_op(&self, no_op: ReadCall<'_>, reply: &mut Reply<'_>) -> Result<bool, CommandError> {
        let call = self.call(&no_op);
        let start = reply.len_bytes();
        // If clients watch or track keys, a write that touches a key, even without changing it, must go to the writer.
        let mut touched = self.state.notes_touches().then(|| Events::new(Classes::TOUCHES));
        let mut lookups = Lookups::default();
        let run = |view: &View<'_>, _: &[Hint], reply: &mut Reply<'_>| {
            lookups = Lookups::default();
            command::run_no_op(&call, view, reply, &mut lookups, touched.as_mut())
        };
        match self.on_snapshot(&call, Ahead::default(), reply, run) {
            Ok(()) if touched.is_some_and(|touched| !touched.is_empty()) => {
                reply.truncate(start);
                Ok(false)
            }
            Ok(()) => {
                self.state.stats.looked_up(lookups.hits, lookups.misses);
                Ok(true)
            }
            Err(KeyspaceError::WouldChange) => {
                reply.truncate(start);
                Ok(false)
            }
            Err(error) => Err(CommandError::Keyspace(error)),
        }
    }

    fn prepare(
        &self,
        call: ReadCall<'_>,
        reply: &mut Reply<'_>,
        prepared: &mut Prepared,
    ) -> Result<bool, CommandError> {
        let call = self.call(&call);
        let start = reply.len_bytes();
        let notified = self.state.limits.notified();
        let wanted = if notified.wants(Classes::KEY_MISS) { notified } else { Classes::NONE };
        let (mut lookups, mut missing) = (Lookups::default(), Events::default());
        let draft = Box::from(prepared.draft());
        let worked_out = self.on_snapshot(&call, Ahead::default(), reply, |view, _, reply| {
            (lookups, missing, *prepared) = (Lookups::default(), Events::new(wanted), Prepared::new(&draft));
            command::prepare(&call, view, reply, &mut lookups, &mut missing, prepared)
        });
        match worked_out {
            Ok(()) if prepared.changes() => {
                (prepared.hits, prepared.misses) = (lookups.hits, lookups.misses);
                let missing = missing.iter().filter(|(name, ..)| *name == "keymiss");
                prepared.missing = missing.map(|(_, db, key)| DbKey { db, key: key.into() }).collect();
                Ok(true)
            }
            // The writer notifies of missing keys.
            Ok(()) if !missing.is_empty() => {
                reply.truncate(start);
                Ok(false)
            }
            Ok(()) => {
                self.state.stats.looked_up(lookups.hits, lookups.misses);
                Ok(true)
            }
            Err(KeyspaceError::WouldChange) => Ok(false),
            Err(error) => Err(CommandError::Keyspace(error)),
        }
    }

    fn missing(&self, spec: &'static Spec, db: u16, args: &Args<'_>) -> Option<Fetch> {
        if self.fits_memory() {
            return None;
        }
        let db = usize::from(db);
        let snapshot = self.table.snapshot();
        let is_missing =
            |index: &usize| !keyspace::is_cached(&snapshot, db, &args[*index], elements(spec, args, *index));
        let missing: Vec<Vec<Box<[u8]>>> = spec
            .key_indexes(args)
            .filter(is_missing)
            .map(|index| {
                [&args[index]].into_iter().chain(elements(spec, args, index)).map(Box::from).collect()
            })
            .collect();
        if missing.is_empty() {
            return None;
        }
        let table = self.table.clone();
        Some(Box::new(move || {
            let snapshot = table.snapshot();
            for words in &missing {
                keyspace::warm(&snapshot, db, &words[0], words[1..].iter().map(|word| &**word));
            }
        }))
    }

    fn warm(&self, spec: &'static Spec, db: u16, args: &Args<'_>) {
        if self.fits_memory() {
            return;
        }
        // It may wait for the disk.
        self.writer.hand_over();
        let snapshot = self.table.snapshot();
        for index in spec.key_indexes(args) {
            keyspace::warm(&snapshot, usize::from(db), &args[index], elements(spec, args, index));
        }
    }
}

/// The keys that a command found expired.
fn expired_keys(lookups: Lookups) -> impl Iterator<Item = ExpiredKey> {
    lookups.expired.into_iter().map(|found| (found.db as u16, found.key))
}

/// The words after a key that may be elements of its collection.
fn elements<'a>(spec: &Spec, args: &Args<'a>, key_index: usize) -> impl Iterator<Item = &'a [u8]> {
    let count = if spec.is_on_elements { WARMED_ELEMENTS_MAX } else { 0 };
    args.from(key_index + 1).take(count)
}
