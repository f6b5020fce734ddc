//! Commands on expiry times. The effect of each is an absolute expiry, or a deletion if that has already passed.

use crate::command::words::{self, TimeForm};
use crate::command::{CommandError, ReadCtx, WriteCtx};
use crate::effect::{Effect, KeyChange};
use crate::keyspace::Classes;
use crate::resp::{Args, Reply};

/// The conditions for setting an expiry.
#[derive(Default)]
struct Conditions {
    /// `NX`: if the key has none.
    missing: bool,
    /// `XX`: if the key has one.
    present: bool,
    /// `GT`: if the new one is later. A key without an expiry counts as expiring never.
    later: bool,
    /// `LT`: if the new one is earlier.
    earlier: bool,
}

impl Conditions {
    /// Parses the options after the time.
    fn parse(args: &Args<'_>) -> Result<Self, CommandError> {
        let mut conditions = Self::default();
        for word in args.from(3) {
            if words::is(word, "nx") {
                conditions.missing = true;
            } else if words::is(word, "xx") {
                conditions.present = true;
            } else if words::is(word, "gt") {
                conditions.later = true;
            } else if words::is(word, "lt") {
                conditions.earlier = true;
            } else {
                return Err(format!("ERR Unsupported option {}", words::excerpt(word)).into());
            }
        }
        if conditions.missing && (conditions.present || conditions.later || conditions.earlier) {
            return Err("ERR NX and XX, GT or LT options at the same time are not compatible".into());
        }
        if conditions.later && conditions.earlier {
            return Err("ERR GT and LT options at the same time are not compatible".into());
        }
        Ok(conditions)
    }

    /// Whether the conditions allow a key with the expiry `current` to get the expiry `wanted`.
    fn hold(&self, current: Option<u64>, wanted: i64) -> bool {
        let current = current.map(|expiry| i64::try_from(expiry).unwrap_or(i64::MAX));
        !(self.missing && current.is_some()
            || self.present && current.is_none()
            || self.later && current.is_none_or(|current| wanted <= current)
            || self.earlier && current.is_some_and(|current| wanted >= current))
    }
}

/// `EXPIRE key seconds [NX | XX | GT | LT]`
pub(super) fn expire(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    set_expiry(context, args, TimeForm::SECONDS, "expire", reply)
}

/// `PEXPIRE key milliseconds [NX | XX | GT | LT]`
pub(super) fn pexpire(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    set_expiry(context, args, TimeForm::MILLIS, "pexpire", reply)
}

/// `EXPIREAT key seconds-since-1970 [NX | XX | GT | LT]`
pub(super) fn expireat(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    set_expiry(context, args, TimeForm::AT_SECONDS, "expireat", reply)
}

/// `PEXPIREAT key milliseconds-since-1970 [NX | XX | GT | LT]`
pub(super) fn pexpireat(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    set_expiry(context, args, TimeForm::AT_MILLIS, "pexpireat", reply)
}

/// Sets an expiry. If that has already passed, the key is deleted.
fn set_expiry(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    form: TimeForm,
    command: &str,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let conditions = Conditions::parse(args)?;
    let amount = words::integer(&args[2])?;
    let moment_ms = form.moment_ms(amount, context.now_ms).ok_or_else(|| words::invalid_expire(command))?;
    let info = context.keys.info(db, key)?;
    if !info.is_some_and(|info| conditions.hold(info.expire_at_ms, moment_ms)) {
        reply.integer(0);
        return Ok(());
    }
    match u64::try_from(moment_ms) {
        Ok(expiry) if expiry > context.now_ms => {
            context.keys.apply(&Effect::on(db, key, KeyChange::Expire { expire_at_ms: Some(expiry) }))?;
            context.keys.event(Classes::GENERIC, "expire", db, key);
        }
        _ => {
            context.keys.apply(&Effect::on(db, key, KeyChange::Delete { expired: true }))?;
            context.keys.event(Classes::GENERIC, "del", db, key);
        }
    }
    reply.integer(1);
    Ok(())
}

/// `PERSIST key`
pub(super) fn persist(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let had_expiry = context.keys.info(db, key)?.is_some_and(|info| info.expire_at_ms.is_some());
    if had_expiry {
        context.keys.apply(&Effect::on(db, key, KeyChange::Expire { expire_at_ms: None }))?;
        context.keys.event(Classes::GENERIC, "persist", db, key);
    }
    reply.integer(i64::from(had_expiry));
    Ok(())
}

/// `TTL key`
pub(super) fn ttl(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_time(context, args, reply, |expiry, now_ms| {
        expiry.saturating_sub(now_ms).saturating_add(500) / 1000
    })
}

/// `PTTL key`
pub(super) fn pttl(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_time(context, args, reply, |expiry, now_ms| expiry.saturating_sub(now_ms))
}

/// `EXPIRETIME key`
pub(super) fn expiretime(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_time(context, args, reply, |expiry, _| expiry.saturating_add(500) / 1000)
}

/// `PEXPIRETIME key`
pub(super) fn pexpiretime(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_time(context, args, reply, |expiry, _| expiry)
}

/// Replies with `show` of the key's expiry and the time; -1 if it has no expiry, -2 if there is no key.
fn reply_time(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
    show: impl FnOnce(u64, u64) -> u64,
) -> Result<(), CommandError> {
    let value = context.keys.get(context.db, &args[1])?;
    reply.integer(match value.map(|value| value.expire_at_ms) {
        None => -2,
        Some(None) => -1,
        Some(Some(expiry)) => i64::try_from(show(expiry, context.keys.now_ms())).unwrap_or(i64::MAX),
    });
    Ok(())
}
