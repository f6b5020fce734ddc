//! What writing commands share that read as reading commands do: the inputs of `ZUNIONSTORE`, what a `SORT` looks up.

use super::{CommandError, WriteCtx};
use crate::keyspace::{DbKey, KEY_BYTES_MAX, KeyReader, Lookups};

/// Expired keys that one command deletes on its way, at most; those beyond are left to the writer's rounds.
const PURGED_KEYS_MAX: usize = 64;
/// Bytes of those keys, at most, but for the last one.
const PURGED_BYTES_MAX: usize = 64 << 10;

/// Reads the writer's version as a reading command would, then deletes the keys that were found expired: those
/// that the command's words do not name.
pub(super) fn read<R>(
    context: &mut WriteCtx<'_>,
    look: impl FnOnce(&mut KeyReader<'_>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    let mut lookups = Lookups::default();
    let found = look(&mut KeyReader::new(&context.keys.view(), context.now_ms, &mut lookups));
    let mut bytes = 0;
    for DbKey { db, key } in lookups.expired.into_iter().take(PURGED_KEYS_MAX) {
        bytes += key.len();
        if bytes > PURGED_BYTES_MAX {
            break;
        }
        context.keys.purge(db, &key, context.now_ms)?;
    }
    found
}

/// Refuses a key that is too long to be stored. Keys are looked at before the command runs, but of several `STORE` options
/// only one.
pub(super) fn check_key(key: &[u8]) -> Result<(), CommandError> {
    match key.len() > KEY_BYTES_MAX {
        true => Err(format!("ERR key is too long: {KEY_BYTES_MAX} bytes at most").into()),
        false => Ok(()),
    }
}
