//! Runs one command on the data: on a snapshot, or on the writer.
//!
//! Invariants: a command writes exactly one reply; if that is an error, nothing was changed. Before a writing command
//! runs, those of its keys that have expired are deleted, and the deletions are part of its record.

use super::table::work_of;
use super::{Call, CommandError, ReadCtx, Wait, WriteCtx, WriteFn, long, run_of, whole};
use crate::keyspace::{
    DbKey, Events, KEY_BYTES_MAX, KeyReader, Keyspace, KeyspaceError, Lookups, Prepared, Purged, Stored,
};
use crate::resp::{Args, Reply};
use crate::spec::Spec;
use crate::table::{Budget, Hint, TableError, View};

/// The most expired keys that one reading command on the writer deletes. The rest is left to active expiry.
const PASSING_PURGE_KEYS: usize = 64;
/// The most bytes of those keys.
const PASSING_PURGE_BYTES: usize = 64 << 10;
/// The most hashes from which it deletes expired fields.
const PASSING_PURGE_HASHES: u64 = 4;

/// What a read may do on a thread on which others wait: so many lookups, or a quarter as many leaves. It takes about a
/// millisecond.
const SHORT_LOOKUPS_MAX: u64 = 1536;
/// The most bytes of a reply that is made there.
const SHORT_REPLY_BYTES_MAX: usize = 1 << 20;

/// Runs a reading command on `view`. `hints` say where its keys may be, in the order of [`Call::keys`]; there may be none.
/// Keys that it finds expired are added to `lookups`.
///
/// An error means that the data could not be read; `reply` is unchanged then.
pub fn read(
    call: &Call<'_>,
    view: &View<'_>,
    hints: &[Hint],
    reply: &mut Reply<'_>,
    lookups: &mut Lookups,
) -> Result<(), KeyspaceError> {
    let Some(run) = run_of(call.spec).read() else {
        unreachable!("{} does not read from a snapshot", call.spec.name);
    };
    let keys = KeyReader::new(view, call.now_ms, lookups).with_hints(hints);
    let mut context = ReadCtx { keys, db: call.db, limits: call.limits };
    let start = reply.len_bytes();
    let outcome = run(&mut context, &call.args, reply);
    settle(outcome, start, reply)
}

/// Runs a writing or reading command on the writer's version. A command that would block replies that there is no data.
/// The caller deletes what a reading command finds expired, see [`purge_passed`].
///
/// An error means that the version is incomplete and must not be published; `reply` is unchanged then.
pub fn execute(
    call: &Call<'_>,
    keyspace: &mut Keyspace<'_>,
    reply: &mut Reply<'_>,
    lookups: &mut Lookups,
) -> Result<(), KeyspaceError> {
    if let Some(run) = writing(call) {
        let waits = write(call, run, keyspace, reply, lookups, false)?;
        debug_assert!(waits.is_none(), "{} waits where it must not", call.spec.name);
        return Ok(());
    }
    read(call, &keyspace.view(), &[], reply, lookups)
}

/// Calls `purge` with keys that reading commands on the writer found expired, up to the limits above, and clears them
/// all from `lookups`.
pub fn purge_passed<E>(
    lookups: &mut Lookups,
    mut purge: impl FnMut(usize, &[u8]) -> Result<Purged, E>,
) -> Result<(), E> {
    if lookups.keeps_expired {
        lookups.expired.clear();
    }
    let (mut purged_bytes, mut hashes) = (0, 0);
    for (index, DbKey { db, key }) in lookups.expired.drain(..).enumerate() {
        purged_bytes += key.len();
        let within = index < PASSING_PURGE_KEYS && purged_bytes <= PASSING_PURGE_BYTES;
        if within && hashes < PASSING_PURGE_HASHES {
            hashes += u64::from(purge(db, &key)? == Purged::Fields);
        }
    }
    Ok(())
}

/// Like [`execute`], for a client that may block: a command that has to wait for data writes no reply, changes nothing,
/// and returns what it waits for.
pub fn execute_or_wait(
    call: &Call<'_>,
    keyspace: &mut Keyspace<'_>,
    reply: &mut Reply<'_>,
    lookups: &mut Lookups,
) -> Result<Option<Wait>, KeyspaceError> {
    match writing(call) {
        Some(run) => write(call, run, keyspace, reply, lookups, true),
        None => read_shortly(call, &keyspace.view(), &[], reply, lookups).map(|()| None),
    }
}

/// Runs a reading command like [`read`], on a thread on which others wait. Gives up if it [takes long](takes_long).
pub fn read_shortly(
    call: &Call<'_>,
    view: &View<'_>,
    hints: &[Hint],
    reply: &mut Reply<'_>,
    lookups: &mut Lookups,
) -> Result<(), KeyspaceError> {
    let budget = Budget::of(SHORT_LOOKUPS_MAX);
    let (hits, misses) = (lookups.hits, lookups.misses);
    let result = read(call, &view.within(&budget), hints, reply, lookups);
    if matches!(&result, Err(error) if takes_long(call, error)) {
        (lookups.hits, lookups.misses) = (hits, misses);
    }
    result
}

/// Whether a command with [`Flags::BESIDE`](crate::spec::Flags::BESIDE) is long.
pub fn is_long(call: &Call<'_>, view: &View<'_>) -> bool {
    let mut lookups = Lookups::default();
    let mut keys = KeyReader::new(view, call.now_ms, &mut lookups);
    let work = work_of(call.spec).map_or(Ok(0), |work| work(call, &mut keys));
    // A key that cannot be read is reported when the command runs.
    work.is_ok_and(|elements| elements >= long::LONG_ELEMENTS)
}

/// Whether a command failed because it only reads, and takes too long for a thread on which others wait.
pub fn takes_long(call: &Call<'_>, error: &KeyspaceError) -> bool {
    matches!(error, KeyspaceError::Table(TableError::OverBudget) | KeyspaceError::ReplyTooLong { .. })
        && call.spec.only_reads(&call.args)
}

/// Maximum number of bytes of a command's reply on a thread on which others wait, if `bytes_max` is the configured limit.
pub fn short_reply_bytes_max(spec: &Spec, args: &Args<'_>, bytes_max: usize) -> usize {
    if spec.only_reads(args) { bytes_max.min(SHORT_REPLY_BYTES_MAX) } else { bytes_max }
}

/// Runs a writing command on `view`, as long as it changes nothing. If it gets to its end, its reply is the one that it
/// would get on the writer with the same data. Keys that it touches without a change are added to `touched`.
///
/// [`KeyspaceError::WouldChange`] says that it would change something. On an error `reply` is unchanged.
pub fn run_no_op(
    call: &Call<'_>,
    view: &View<'_>,
    reply: &mut Reply<'_>,
    lookups: &mut Lookups,
    touched: Option<&mut Events>,
) -> Result<(), KeyspaceError> {
    let Some(run) = run_of(call.spec).write() else {
        unreachable!("{} does not write", call.spec.name);
    };
    let mut keyspace = Keyspace::published(*view).noting(touched);
    let waits = write(call, run, &mut keyspace, reply, lookups, false)?;
    debug_assert!(waits.is_none(), "{} waits where it must not", call.spec.name);
    Ok(())
}

/// Runs a writing command on `view` up to its change, which must be one that replaces what a key holds by a result:
/// `prepared` remembers it. The reply is the one for when the change was made. Missing keys go to `missing`, if that is
/// wanted.
///
/// [`KeyspaceError::WouldChange`] says that it makes another change. On an error `reply` is unchanged.
pub fn prepare(
    call: &Call<'_>,
    view: &View<'_>,
    reply: &mut Reply<'_>,
    lookups: &mut Lookups,
    missing: &mut Events,
    prepared: &mut Prepared,
) -> Result<(), KeyspaceError> {
    let Some(run) = run_of(call.spec).write() else {
        unreachable!("{} does not write", call.spec.name);
    };
    let mut keyspace = Keyspace::published(*view).notifying(Some(missing)).preparing(prepared);
    write(call, run, &mut keyspace, reply, lookups, false).map(drop)
}

/// Does the next step of storing what [`prepare`] remembered for this command.
pub fn store(
    call: &Call<'_>,
    keyspace: &mut Keyspace<'_>,
    prepared: &Prepared,
) -> Result<Stored, KeyspaceError> {
    purge_expired(call, keyspace)?;
    keyspace.store(prepared, call.now_ms)
}

/// The function that runs a call, if it may change data.
fn writing(call: &Call<'_>) -> Option<WriteFn> {
    run_of(call.spec).write().filter(|_| call.spec.writes(&call.args))
}

/// Runs a writing command; returns what it waits for, if it may block and has to.
fn write(
    call: &Call<'_>,
    run: WriteFn,
    keyspace: &mut Keyspace<'_>,
    reply: &mut Reply<'_>,
    lookups: &mut Lookups,
    may_wait: bool,
) -> Result<Option<Wait>, KeyspaceError> {
    let start = reply.len_bytes();
    if call.keys().any(|key| key.len() > KEY_BYTES_MAX) {
        reply.error(format!("ERR key is too long: {KEY_BYTES_MAX} bytes at most"));
        return Ok(None);
    }
    purge_expired(call, keyspace)?;
    let keys = keyspace.reborrow();
    let (db, now_ms, limits) = (call.db, call.now_ms, call.limits);
    let mut context = WriteCtx { keys, db, now_ms, limits, may_wait, wait: None, lookups };
    let outcome = run(&mut context, &call.args, reply);
    match (context.wait, outcome) {
        (Some(wait), Ok(())) => Ok(Some(wait)),
        (_, outcome) => settle(outcome, start, reply).map(|()| None),
    }
}

/// Deletes those of the command's keys that have expired.
fn purge_expired(call: &Call<'_>, keyspace: &mut Keyspace<'_>) -> Result<(), KeyspaceError> {
    // If the tree of expiry times cannot be read, look at the keys' own cells.
    if matches!(keyspace.any_due(call.db, call.now_ms), Ok(false)) {
        return Ok(());
    }
    for key in call.keys() {
        keyspace.purge(call.db, key, call.now_ms)?;
    }
    Ok(())
}

/// Makes the client's mistake the command's reply. A reply that was cut is returned as an error, so that the caller
/// undoes what the command changed.
fn settle(
    outcome: Result<(), CommandError>,
    start: usize,
    reply: &mut Reply<'_>,
) -> Result<(), KeyspaceError> {
    let Err(error) = outcome.and_then(|()| whole(reply)) else {
        debug_assert!(reply.len_bytes() > start, "a command did not reply");
        return Ok(());
    };
    reply.truncate(start);
    match error {
        CommandError::Reply(text) => {
            reply.error(text.as_ref());
            Ok(())
        }
        CommandError::Keyspace(error) => Err(error),
    }
}
