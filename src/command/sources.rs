//! How writing commands read their sources, in the way of a reading command: the inputs of `ZUNIONSTORE`, the keys that
//! `SORT` looks up.

use super::{CommandError, WriteCtx};
use crate::keyspace::{Classes, DbKey, KEY_BYTES_MAX, KeyReader, Lookups, Sources};

/// The most expired keys that one command deletes. The rest is left to active expiry.
const PURGED_KEYS_MAX: usize = 64;
/// The most bytes of those keys.
const PURGED_BYTES_MAX: usize = 64 << 10;

/// Reads the writer's version as a reading command would, then deletes the keys that it found expired. (Those that the
/// command's words name were deleted before it ran.) Counts its lookups, and notifies of missing keys.
pub(super) fn read<R>(
    context: &mut WriteCtx<'_>,
    look: impl FnOnce(&mut KeyReader<'_>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    let notes_missing = context.keys.wants(Classes::KEY_MISS);
    let sources = context.keys.prepares().then(Sources::default);
    let mut lookups = Lookups { notes_missing, sources, ..Lookups::default() };
    let found = look(&mut KeyReader::new(&context.keys.view(), context.now_ms, &mut lookups));
    context.keys.came_from(lookups.sources.take());
    let mut bytes = 0;
    for DbKey { db, key } in lookups.expired.into_iter().take(PURGED_KEYS_MAX) {
        bytes += key.len();
        if bytes > PURGED_BYTES_MAX {
            break;
        }
        context.keys.purge(db, &key, context.now_ms)?;
    }
    context.lookups.hits += lookups.hits;
    context.lookups.misses += lookups.misses;
    for DbKey { db, key } in lookups.missing {
        context.keys.event(Classes::KEY_MISS, "keymiss", db, &key);
    }
    found
}

/// Refuses a key that is too long to be stored. Keys are checked before the command runs, but of several `STORE`
/// options only one.
pub(super) fn check_key(key: &[u8]) -> Result<(), CommandError> {
    match key.len() > KEY_BYTES_MAX {
        true => Err(format!("ERR key is too long: {KEY_BYTES_MAX} bytes at most").into()),
        false => Ok(()),
    }
}
