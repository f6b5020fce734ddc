//! `DUMP`: a value as a payload, see [`rdb`](crate::rdb).
//!
//! The reply begins with its length, so a long value is gone through twice: first to measure it.

use super::dumped::Dumped;
use crate::command::{CommandError, ReadCtx};
use crate::rdb::{FOOTER_BYTES, Output, Seal};
use crate::resp::{Args, Reply};

/// A value of up to so many bytes is gone through only once.
const KEPT_BYTES_MAX: usize = 16 << 10;

/// `DUMP key`
pub(super) fn dump(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let Some(value) = context.keys.get(context.db, &args[1])? else {
        reply.null();
        return Ok(());
    };
    let len_max = if reply.streams() { u64::MAX } else { reply.room_bytes() as u64 };
    let dumped = Dumped::of(context.keys.view(), value, context.keys.now_ms(), len_max)?;
    let mut measured = Measured { len: 0, len_max, kept: Vec::new() };
    dumped.put(&mut measured)?;
    let len = measured.len + FOOTER_BYTES as u64;
    reply.bulk_header(usize::try_from(len).unwrap_or(usize::MAX));
    if reply.is_cut() {
        return Ok(());
    }
    let mut sent = Sent(reply);
    let mut seal = Seal::new(&mut sent);
    match measured.kept.len() as u64 == measured.len {
        true => seal.put(&measured.kept),
        false => dumped.put(&mut seal)?,
    }
    seal.finish(dumped.version());
    reply.end_line();
    Ok(())
}

/// Measures a value, and keeps a short one.
struct Measured {
    /// Bytes so far.
    len: u64,
    /// More than this need not be measured.
    len_max: u64,
    /// The bytes, if all of them were kept.
    kept: Vec<u8>,
}

impl Output for Measured {
    fn put(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if self.len <= KEPT_BYTES_MAX as u64 {
            self.kept.extend_from_slice(bytes);
        }
    }

    fn skip(&mut self, len: u64) -> bool {
        let skips = self.len + len > KEPT_BYTES_MAX as u64;
        self.len += if skips { len } else { 0 };
        skips
    }

    fn is_full(&self) -> bool {
        self.len > self.len_max
    }
}

/// Writes bytes into a reply.
struct Sent<'r, 'o>(&'r mut Reply<'o>);

impl Output for Sent<'_, '_> {
    fn put(&mut self, bytes: &[u8]) {
        self.0.raw(bytes);
    }

    fn is_full(&self) -> bool {
        self.0.is_cut()
    }
}
