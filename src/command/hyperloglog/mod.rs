//! `PFADD` and its kin: how many different elements there are, about, in at most 12 KB of a string.
//!
//! A [sketch] is a string in Redis's own format, byte for byte, so `GET` and `SET` carry it from one server to the other.
//! What goes into the log are the bytes that change. `PFCOUNT` of one key takes the count that the string itself holds
//! if that is up to date, but, being a read, never writes it there.

mod hash;
mod runs;
mod sketch;
mod sparse;
#[cfg(test)]
mod tests;

pub(super) use runs::RUNS;

use self::sketch::{Registers, Sketch};
use super::{CommandError, ReadCtx, WriteCtx};
use crate::effect::{Effect, StringChange};
use crate::keyspace::{Classes, Value};
use crate::resp::{Args, Reply};
use crate::table::View;

/// Equal bytes between two changed ones that are logged with them: what an effect of its own would cost.
const GAP_BYTES: usize = 16;

/// The sketch that a value is.
fn read(view: &View<'_>, value: Option<Value<'_>>) -> Result<Option<Sketch>, CommandError> {
    let Some(value) = value else { return Ok(None) };
    let text = value.text()?.ok_or(CommandError::WRONG_TYPE)?;
    // What is longer than any sketch is not looked at: its start says already that it is none.
    let mut bytes = Vec::new();
    text.each_part(view, 0, sketch::BYTES_MAX as u64 + 1, |part| bytes.extend_from_slice(part))?;
    Ok(Some(Sketch::read(bytes)?))
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
    let mut registers = Registers::default();
    for key in args.from(1) {
        let value = context.keys.get(context.db, key)?;
        let Some(sketch) = read(context.keys.view(), value)? else { continue };
        if let Some(count) = sketch.known_count().filter(|_| args.len() == 2) {
            reply.integer(count as i64);
            return Ok(());
        }
        sketch.merge_into(&mut registers);
    }
    reply.integer(registers.count() as i64);
    Ok(())
}

/// `PFMERGE destkey [sourcekey ...]`
fn pfmerge(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let (mut registers, mut dense, mut old) = (Registers::default(), false, None);
    for (index, key) in args.from(1).enumerate() {
        let sketch = context.keys.with_value(context.db, key, read)?;
        let Some(sketch) = sketch else { continue };
        sketch.merge_into(&mut registers);
        dense |= sketch.is_dense();
        if index == 0 {
            old = Some(sketch);
        }
    }
    let mut new = old.clone().unwrap_or_default();
    if dense {
        new.make_dense();
    }
    new.raise(&registers);
    new.invalidate_count();
    store(context, &args[1], old.as_ref(), &new)?;
    reply.ok();
    Ok(())
}

/// Makes `new` of `old`, which the key holds, if anything, and tells it.
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
