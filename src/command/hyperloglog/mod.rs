//! `PFADD` and related commands: the approximate number of different elements, kept in a string of at most 12 KB.
//!
//! A [sketch] is a string in exactly Redis's format, so `GET` and `SET` can copy it from one server to the other. Only
//! the bytes that change go into the log. `PFCOUNT` of one key uses the count that is cached in the string if that is
//! up to date. It is a read, so it never updates the cached count.

mod hash;
mod runs;
mod sketch;
mod sparse;
#[cfg(test)]
mod tests;

pub(super) use runs::{RUNS, WORK};

use self::sketch::{Registers, Sketch};
use super::{Call, CommandError, ReadCtx, WriteCtx, sources};
use crate::effect::{Effect, StringChange};
use crate::keyspace::{Classes, KeyReader, KeyspaceError, Value};
use crate::resp::{Args, Reply};
use crate::table::View;

/// Up to this many equal bytes between two changed ones are logged with them: a second effect would take as much.
const GAP_BYTES: usize = 16;
/// Merging a sketch takes as long as this many elements.
const SKETCH_ELEMENTS: u64 = 40;

/// Reads the sketch in a value.
fn read(view: &View<'_>, value: Option<Value<'_>>) -> Result<Option<Sketch>, CommandError> {
    let mut bytes = Vec::new();
    if read_bytes(view, value, &mut bytes)? { Sketch::read(bytes).map(Some) } else { Ok(None) }
}

/// Replaces `bytes` by those of a value that should be a sketch. Returns whether there is a value.
fn read_bytes(view: &View<'_>, value: Option<Value<'_>>, bytes: &mut Vec<u8>) -> Result<bool, CommandError> {
    bytes.clear();
    let Some(value) = value else { return Ok(false) };
    let text = value.text()?.ok_or(CommandError::WRONG_TYPE)?;
    // A string longer than any sketch is not read as a whole: its start already shows that it is not a sketch.
    text.each_part(view, 0, sketch::BYTES_MAX as u64 + 1, |part| bytes.extend_from_slice(part))?;
    Ok(true)
}

/// `PFADD key [element ...]`
fn pfadd(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let key = &args[1];
    let old = context.keys.with_value(context.db, key, read)?;
    let mut new = old.clone().unwrap_or_default();
    let mut changed = old.is_none();
    for element in args.from(2) {
        changed |= new.add(element);
    }
    if changed {
        new.invalidate_count();
        store(context, key, old.as_ref(), &new)?;
    }
    reply.integer(i64::from(changed));
    Ok(())
}

/// `PFCOUNT key [key ...]`
fn pfcount(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let (mut registers, mut bytes) = (Registers::default(), Vec::new());
    for key in args.from(1) {
        let value = context.keys.get(context.db, key)?;
        if !read_bytes(context.keys.view(), value, &mut bytes)? {
            continue;
        }
        registers.raise_to(&bytes)?;
        if let Some(count) = sketch::known_count(&bytes).filter(|_| args.len() == 2) {
            reply.integer(count as i64);
            return Ok(());
        }
    }
    reply.integer(registers.count() as i64);
    Ok(())
}

/// How long a `PFMERGE` takes. Looking up many keys takes long, too.
fn pfmerge_work(call: &Call<'_>, _: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    Ok(call.keys().count() as u64 * SKETCH_ELEMENTS)
}

/// `PFMERGE destkey [sourcekey ...]`
fn pfmerge(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let db = context.db;
    let (mut registers, mut dense, mut old) = (Registers::default(), false, None);
    let mut bytes = Vec::new();
    sources::read(context, |keys| {
        for (index, key) in args.from(1).enumerate() {
            let value = keys.get(db, key)?;
            if !read_bytes(keys.view(), value, &mut bytes)? {
                continue;
            }
            registers.raise_to(&bytes)?;
            dense |= sketch::is_dense(&bytes)?;
            if index == 0 {
                old = Some(Sketch::read(bytes.clone())?);
            }
        }
        Ok(())
    })?;
    let mut new = old.clone().unwrap_or_default();
    if dense {
        new.make_dense();
    }
    new.raise(&registers);
    new.invalidate_count();
    if context.keys.prepares() {
        let expire_at_ms = context.keys.info(db, &args[1])?.and_then(|info| info.expire_at_ms);
        let whole = StringChange::Set { value: new.bytes(), expire_at_ms: None, raw: true };
        let effect = Effect::on(db, &args[1], whole);
        context.keys.replace_by_rest(&effect, Classes::STRING, "pfadd", expire_at_ms)?;
        reply.ok();
        return Ok(());
    }
    store(context, &args[1], old.as_ref(), &new)?;
    reply.ok();
    Ok(())
}

/// Replaces `old`, which the key holds (`None`: no key), by `new`, and notifies.
fn store(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    old: Option<&Sketch>,
    new: &Sketch,
) -> Result<(), CommandError> {
    let db = context.db;
    let (old, value) = (old.map(Sketch::bytes).unwrap_or_default(), new.bytes());
    if old.is_empty() || old.len() > value.len() {
        let expire_at_ms = context.keys.info(db, key)?.and_then(|info| info.expire_at_ms);
        let effect = Effect::on(db, key, StringChange::Set { value, expire_at_ms, raw: true });
        return Ok(context.keys.reborrow().keeping_expiries().change(&effect, Classes::STRING, "pfadd")?);
    }
    let differs = |index: &usize| old.get(*index) != Some(&value[*index]);
    let mut next = (0..value.len()).find(differs);
    while let Some(start) = next {
        let mut end = start + 1;
        next = (end..value.len()).find(differs);
        while let Some(index) = next.filter(|index| index - end < GAP_BYTES) {
            end = index + 1;
            next = (end..value.len()).find(differs);
        }
        let value = &value[start..end];
        context.keys.apply(&Effect::on(db, key, StringChange::SetRange { offset: start as u64, value }))?;
    }
    context.keys.event(Classes::STRING, "pfadd", db, key);
    Ok(())
}
