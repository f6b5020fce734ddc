//! Commands that store whole strings: `SET` and its variants.

use super::{reply_text, string_info};
use crate::command::words::{self, TimeForm};
use crate::command::{Call, CommandError, WriteCtx, long, sources};
use crate::effect::{Effect, KeyChange, StringChange};
use crate::keyspace::{Classes, KeyReader, KeyspaceError, Kind};
use crate::resp::{Args, Reply};

/// The condition for storing a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// No condition.
    Always,
    /// If the key does not exist.
    Missing,
    /// If the key exists.
    Present,
}

/// What happens to the key's expiry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lifetime {
    /// It is removed: `SET` without an option.
    Endless,
    /// It is kept.
    Keep,
    /// It is removed: `GETEX ... PERSIST`.
    Persist,
    /// It is set to the time in the word at this index.
    Until(TimeForm, usize),
}

/// The options of `SET` and `GETEX`.
struct Options {
    /// `NX`, `XX`.
    condition: Condition,
    /// `GET`: reply with the old value.
    get: bool,
    /// `EX`, `PX`, `EXAT`, `PXAT`, `KEEPTTL`, `PERSIST`.
    lifetime: Lifetime,
}

impl Options {
    /// Parses the options from word `first` on: those of `SET` if `of_set`, otherwise those of `GETEX`.
    fn parse(args: &Args<'_>, first: usize, of_set: bool) -> Result<Self, CommandError> {
        let mut options = Self { condition: Condition::Always, get: false, lifetime: Lifetime::Endless };
        let mut index = first;
        while let Some(word) = args.get(index) {
            index += options.take(word, index, args.len(), of_set).ok_or(CommandError::SYNTAX)?;
        }
        Ok(options)
    }

    /// Parses the option `word` at `index` of `len` words; returns the number of its words, or `None` if it is invalid.
    fn take(&mut self, word: &[u8], index: usize, len: usize, of_set: bool) -> Option<usize> {
        if let Some(form) = TimeForm::of_option(word) {
            let again = matches!(self.lifetime, Lifetime::Until(before, _) if before == form);
            let fits = (again || self.lifetime == Lifetime::Endless) && index + 1 < len;
            self.lifetime = Lifetime::Until(form, index + 1);
            return fits.then_some(2);
        }
        let fits = if of_set && words::is(word, "nx") {
            let fits = self.condition != Condition::Present;
            self.condition = Condition::Missing;
            fits
        } else if of_set && words::is(word, "xx") {
            let fits = self.condition != Condition::Missing;
            self.condition = Condition::Present;
            fits
        } else if of_set && words::is(word, "get") {
            self.get = true;
            true
        } else if words::is(word, if of_set { "keepttl" } else { "persist" }) {
            let wanted = if of_set { Lifetime::Keep } else { Lifetime::Persist };
            let fits = self.lifetime == Lifetime::Endless || self.lifetime == wanted;
            self.lifetime = wanted;
            fits
        } else {
            false
        };
        fits.then_some(1)
    }
}

/// `SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT seconds-since-1970 | PXAT
/// milliseconds-since-1970 | KEEPTTL]`
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
    let options = Options::parse(args, 3, true)?;
    let until = match options.lifetime {
        Lifetime::Until(form, index) => Some(form.expiry(&args[index], context.now_ms, "set")?),
        _ => None,
    };
    if options.get {
        reply_text(context, key, reply)?;
    }
    let before = context.keys.info(context.db, key)?;
    let stored = match options.condition {
        Condition::Always => true,
        Condition::Missing => before.is_none(),
        Condition::Present => before.is_some(),
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
    let options = Options::parse(args, 2, false)?;
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
    let db = context.db;
    context.keys.apply(&Effect::on(db, key, StringChange::Set { value, expire_at_ms: None, raw: false }))?;
    context.keys.event(Classes::STRING, "set", db, key);
    Ok(())
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
    context.keys.event(Classes::STRING, "set", db, key);
    if until_is_new {
        context.keys.event(Classes::GENERIC, "expire", db, key);
    }
    if !lives {
        context.keys.event(Classes::EXPIRED, "expired", db, key);
    }
    Ok(())
}
