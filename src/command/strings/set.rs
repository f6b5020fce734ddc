//! Commands that store whole strings: `SET` and its variants.

use super::options::{Condition, Lifetime, Options, SetForm};
use super::{reply_text, string_info};
use crate::command::words::TimeForm;
use crate::command::{Call, CommandError, WriteCtx, long, sources};
use crate::effect::{Effect, KeyChange, StringChange};
use crate::keyspace::{Classes, KeyReader, KeyspaceError, Kind};
use crate::number::parse_i64;
use crate::resp::{Args, Reply};

/// `SET key value [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET] [EX seconds | PX milliseconds |
/// EXAT seconds-since-1970 | PXAT milliseconds-since-1970 | KEEPTTL]`
pub(super) fn set(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let key = &args[1];
    if args.len() == 3 {
        store_plain(context, key, &args[2])?;
        reply.ok();
        return Ok(());
    }
    let options = Options::parse(args, 3, SetForm::Set)?;
    let until = options.until(args, context.now_ms, "set")?;
    if options.get {
        reply_text(context, key, reply)?;
    }
    let before = context.keys.info(context.db, key)?;
    let stored = match options.condition {
        Condition::Always => true,
        Condition::Missing => before.is_none(),
        Condition::Present => before.is_some(),
        Condition::Compared(comparison, index) => {
            let holds = comparison.holds(context, key, &args[index])?;
            holds.unwrap_or(!comparison.wants_equal)
        }
    };
    if stored {
        let kept = before.filter(|_| options.lifetime == Lifetime::Keep).and_then(|info| info.expire_at_ms);
        store(context, key, &args[2], until.or(kept), until.is_some())?;
    }
    match (options.get, stored) {
        (true, _) => {}
        (false, true) => reply.ok(),
        (false, false) => reply.null(),
    }
    Ok(())
}

/// `SETNX key value`
pub(super) fn setnx(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let missing = context.keys.info(context.db, &args[1])?.is_none();
    if missing {
        store_plain(context, &args[1], &args[2])?;
    }
    reply.integer(i64::from(missing));
    Ok(())
}

/// `SETEX key seconds value`
pub(super) fn setex(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let expiry = TimeForm::SECONDS.expiry(&args[2], context.now_ms, "setex")?;
    store(context, &args[1], &args[3], Some(expiry), true)?;
    reply.ok();
    Ok(())
}

/// `PSETEX key milliseconds value`
pub(super) fn psetex(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let expiry = TimeForm::MILLIS.expiry(&args[2], context.now_ms, "psetex")?;
    store(context, &args[1], &args[3], Some(expiry), true)?;
    reply.ok();
    Ok(())
}

/// `GETSET key value`
pub(super) fn getset(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_text(context, &args[1], reply)?;
    store_plain(context, &args[1], &args[2])
}

/// How long a `GETDEL` takes: its reply is a copy.
pub(super) fn getdel_work(call: &Call<'_>, keys: &mut KeyReader<'_>) -> Result<u64, KeyspaceError> {
    let value = keys.peek(call.db, &call.args[1])?;
    if value.is_some_and(|value| value.kind == Kind::String) {
        long::copying_first(call, keys)
    } else {
        Ok(0)
    }
}

/// `GETDEL key`
pub(super) fn getdel(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let key = &args[1];
    reply_text(context, key, reply)?;
    let db = context.db;
    if context.keys.info(db, key)?.is_none() {
        return Ok(());
    }
    let effect = Effect::on(db, key, KeyChange::Delete { expired: false });
    if context.keys.prepares() {
        sources::read(context, |keys| Ok(keys.peek(db, key).map(drop)?))?;
    }
    context.keys.change_noted(&effect, Classes::GENERIC, "del")?;
    Ok(())
}

/// `GETEX key [EX seconds | PX milliseconds | EXAT seconds-since-1970 | PXAT milliseconds-since-1970 | PERSIST]`
pub(super) fn getex(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let options = Options::parse(args, 2, SetForm::GetEx)?;
    let Some(info) = string_info(context, key)? else {
        reply.null();
        context.looked_up(db, key, false);
        return Ok(());
    };
    let expire_at_ms = match options.lifetime {
        Lifetime::Until(form, index) => Some(form.expiry(&args[index], context.now_ms, "getex")?),
        Lifetime::Persist => None,
        Lifetime::Endless | Lifetime::Keep => info.expire_at_ms,
    };
    reply_text(context, key, reply)?;
    if expire_at_ms.is_some_and(|expiry| expiry <= context.now_ms) {
        context.keys.apply(&Effect::on(db, key, KeyChange::Delete { expired: true }))?;
        context.keys.event(Classes::GENERIC, "del", db, key);
        return Ok(());
    }
    let changes = expire_at_ms != info.expire_at_ms;
    let effect = Effect::on(db, key, KeyChange::Expire { expire_at_ms });
    match options.lifetime {
        _ if changes => context.keys.apply(&effect)?,
        Lifetime::Until(..) => context.keys.give_again(&effect)?,
        _ => {}
    }
    match options.lifetime {
        // Notified even if it equals the old expiry.
        Lifetime::Until(..) => context.keys.event(Classes::GENERIC, "expire", db, key),
        _ if changes => context.keys.event(Classes::GENERIC, "persist", db, key),
        _ => {}
    }
    Ok(())
}

/// `MSET key value [key value ...]`
pub(super) fn mset(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    check_pairs(args, "mset")?;
    store_pairs(context, args)?;
    reply.ok();
    Ok(())
}

/// `MSETNX key value [key value ...]`
pub(super) fn msetnx(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    check_pairs(args, "msetnx")?;
    for key in args.from(1).step_by(2) {
        if context.keys.info(context.db, key)?.is_some() {
            reply.integer(0);
            return Ok(());
        }
    }
    store_pairs(context, args)?;
    reply.integer(1);
    Ok(())
}

/// `MSETEX numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT seconds-since-1970 | PXAT
/// milliseconds-since-1970 | KEEPTTL]`
pub(super) fn msetex(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let count = parse_i64(&args[1]).and_then(|count| i32::try_from(count).ok()).filter(|count| *count > 0);
    let count = count.ok_or(CommandError::from("ERR invalid numkeys value"))? as usize;
    let end = 2 + 2 * count;
    if end > args.len() {
        return Err("ERR wrong number of key-value pairs".into());
    }
    let options = Options::parse(args, end, SetForm::MsetEx)?;
    let until = options.until(args, context.now_ms, "msetex")?;
    let keys = args.from(2).step_by(2).take(count);
    for key in keys.clone() {
        let is_there = context.keys.info(context.db, key)?.is_some();
        let refuses = if is_there { Condition::Missing } else { Condition::Present };
        if options.condition == refuses {
            reply.integer(0);
            return Ok(());
        }
    }
    for (key, value) in keys.zip(args.from(3).step_by(2)) {
        let before = match options.lifetime {
            Lifetime::Keep => context.keys.info(context.db, key)?,
            _ => None,
        };
        let kept = before.and_then(|info| info.expire_at_ms);
        store(context, key, value, until.or(kept), until.is_some())?;
    }
    reply.integer(1);
    Ok(())
}

/// Checks that every key has a value.
fn check_pairs(args: &Args<'_>, command: &str) -> Result<(), CommandError> {
    if args.len().is_multiple_of(2) {
        return Err(format!("ERR wrong number of arguments for '{command}' command").into());
    }
    Ok(())
}

/// Stores all pairs, in order.
fn store_pairs(context: &mut WriteCtx<'_>, args: &Args<'_>) -> Result<(), CommandError> {
    for (key, value) in args.from(1).step_by(2).zip(args.from(2).step_by(2)) {
        store_plain(context, key, value)?;
    }
    Ok(())
}

/// Stores a string without an expiry.
fn store_plain(context: &mut WriteCtx<'_>, key: &[u8], value: &[u8]) -> Result<(), CommandError> {
    let effect = Effect::on(context.db, key, StringChange::Set { value, expire_at_ms: None, raw: false });
    Ok(context.keys.overwrite(&effect, Classes::STRING, "set")?)
}

/// Stores a string with or without an expiry. `until_is_new` says that the command set the expiry. If it has already
/// passed, the key is deleted.
fn store(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    value: &[u8],
    expire_at_ms: Option<u64>,
    until_is_new: bool,
) -> Result<(), CommandError> {
    let db = context.db;
    let lives = expire_at_ms.is_none_or(|expiry| expiry > context.now_ms);
    let before = context.keys.before(db, key)?;
    if lives {
        let effect = Effect::on(db, key, StringChange::Set { value, expire_at_ms, raw: false });
        match until_is_new {
            true => context.keys.apply(&effect)?,
            false => context.keys.reborrow().keeping_expiries().apply(&effect)?,
        }
    } else if context.keys.info(db, key)?.is_some() {
        context.keys.apply(&Effect::on(db, key, KeyChange::Delete { expired: true }))?;
    } else {
        context.keys.event(Classes::NEW, "new", db, key);
    }
    context.keys.overwritten(before, Kind::String, db, key);
    context.keys.event(Classes::STRING, "set", db, key);
    if until_is_new {
        context.keys.event(Classes::GENERIC, "expire", db, key);
    }
    if !lives {
        context.keys.event(Classes::EXPIRED, "expired", db, key);
    }
    Ok(())
}
