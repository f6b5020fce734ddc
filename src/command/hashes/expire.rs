//! Expiry times of fields. The effect of each command is an absolute expiry, or a deletion if that has already passed.

use super::{hash_of, with_hash};
use crate::command::words::{self, TimeForm};
use crate::command::{CommandError, ReadCtx, WriteCtx};
use crate::effect::{Effect, HashChange, ItemsBuffer};
use crate::keyspace::Classes;
use crate::number::parse_i64;
use crate::resp::{Args, Reply};

/// The latest expiry of a field, in milliseconds since 1970.
const MOMENT_MS_MAX: i64 = (1 << 46) - 1;

/// What happened to a field, with the number in the reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// There is no such field.
    NoField = -2,
    /// It has no expiry.
    NoExpiry = -1,
    /// The condition does not hold.
    Unchanged = 0,
    /// Its expiry was set or removed.
    Changed = 1,
    /// It is deleted, because the new expiry has passed.
    Deleted = 2,
}

/// The condition for setting an expiry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// No condition.
    Always,
    /// `NX`: if the field has none.
    Missing,
    /// `XX`: if the field has one.
    Present,
    /// `GT`: if the new one is later. A field without an expiry counts as expiring never.
    Later,
    /// `LT`: if the new one is earlier.
    Earlier,
}

impl Condition {
    /// Parses a condition.
    fn of(word: &[u8]) -> Self {
        let names =
            [("nx", Self::Missing), ("xx", Self::Present), ("gt", Self::Later), ("lt", Self::Earlier)];
        let found = names.into_iter().find(|(name, _)| words::is(word, name));
        found.map_or(Self::Always, |(_, condition)| condition)
    }

    /// Whether the condition allows a field with the expiry `current` to get the expiry `wanted`.
    fn holds(self, current: Option<u64>, wanted: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Missing => current.is_none(),
            Self::Present => current.is_some(),
            Self::Later => current.is_some_and(|current| wanted > current),
            Self::Earlier => current.is_none_or(|current| wanted < current),
        }
    }
}

/// Parses a time; returns milliseconds since 1970. The time may have passed.
pub(super) fn moment_ms(
    form: TimeForm,
    word: &[u8],
    now_ms: u64,
    command: &str,
) -> Result<u64, CommandError> {
    let amount = words::integer(word)?;
    if amount < 0 {
        return Err("ERR invalid expire time, must be >= 0".into());
    }
    let moment = form.moment_ms(amount, now_ms).filter(|moment| *moment <= MOMENT_MS_MAX);
    moment.map(|moment| moment as u64).ok_or_else(|| words::invalid_expire(command))
}

/// Parses `FIELDS numfields field [field ...]`, which starts at word `at`; returns the fields.
pub(super) fn fields<'a>(
    args: &Args<'a>,
    at: usize,
) -> Result<impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a>, CommandError> {
    fields_or(args, at, "ERR Number of fields must be a positive integer")
}

/// The same, with this error if `numfields` is not a positive number.
fn fields_or<'a>(
    args: &Args<'a>,
    at: usize,
    not_positive: &'static str,
) -> Result<impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a>, CommandError> {
    if !args.get(at).is_some_and(|word| words::is(word, "fields")) {
        return Err("ERR Mandatory argument FIELDS is missing or not at the right position".into());
    }
    let count = args.get(at + 1).and_then(parse_i64).filter(|count| *count > 0);
    let count = count.ok_or(CommandError::from(not_positive))?;
    let fields = args.from(at + 2);
    if fields.len() as i64 != count {
        return Err("ERR The `numfields` parameter must match the number of arguments".into());
    }
    Ok(fields)
}

/// `HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub(super) fn hexpire(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    set_expiries(context, args, (TimeForm::SECONDS, "hexpire"), reply)
}

/// `HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub(super) fn hpexpire(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    set_expiries(context, args, (TimeForm::MILLIS, "hpexpire"), reply)
}

/// `HEXPIREAT key seconds-since-1970 [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub(super) fn hexpireat(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    set_expiries(context, args, (TimeForm::AT_SECONDS, "hexpireat"), reply)
}

/// `HPEXPIREAT key milliseconds-since-1970 [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub(super) fn hpexpireat(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    set_expiries(context, args, (TimeForm::AT_MILLIS, "hpexpireat"), reply)
}

/// Sets the expiry of fields. If that has already passed, they are deleted.
fn set_expiries(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    (form, command): (TimeForm, &str),
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, now_ms) = (&args[1], context.now_ms);
    with_hash(context, key, |_, _| Ok(()))?;
    let moment_ms = moment_ms(form, &args[2], now_ms, command)?;
    let condition = Condition::of(&args[3]);
    let at = if condition == Condition::Always { 3 } else { 4 };
    let fields = fields_or(args, at, "ERR Parameter `numFields` should be greater than 0")?;
    let set = if moment_ms > now_ms { Outcome::Changed } else { Outcome::Deleted };
    let outcomes = outcomes(context, key, fields.clone(), Some(moment_ms), |current| {
        if condition.holds(current, moment_ms) { set } else { Outcome::Unchanged }
    })?;
    apply(context, key, fields.zip(&outcomes), Some(moment_ms))?;
    reply_outcomes(&outcomes, reply);
    Ok(())
}

/// `HPERSIST key FIELDS numfields field [field ...]`
pub(super) fn hpersist(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let key = &args[1];
    with_hash(context, key, |_, _| Ok(()))?;
    let fields = fields(args, 2)?;
    let outcomes = outcomes(context, key, fields.clone(), None, |current| match current {
        Some(_) => Outcome::Changed,
        None => Outcome::NoExpiry,
    })?;
    apply(context, key, fields.zip(&outcomes), None)?;
    reply_outcomes(&outcomes, reply);
    Ok(())
}

/// Decides with `judge` what happens to each field, given its expiry. If a field is named twice, the second time it has
/// the expiry `after` if the first one changed it, and does not exist if the first one deleted it.
fn outcomes<'w>(
    context: &WriteCtx<'_>,
    key: &[u8],
    fields: impl Iterator<Item = &'w [u8]>,
    after: Option<u64>,
    judge: impl Fn(Option<u64>) -> Outcome,
) -> Result<Vec<Outcome>, CommandError> {
    with_hash(context, key, |view, hash| {
        let (mut outcomes, mut seen) = (Vec::new(), std::collections::HashMap::new());
        for field in fields {
            let outcome = match seen.get(field) {
                Some(Outcome::Deleted) => Outcome::NoField,
                Some(Outcome::Changed) => judge(after),
                Some(before) => *before,
                None => {
                    let element = hash.map(|hash| hash.get(view, field)).transpose()?.flatten();
                    element.map_or(Outcome::NoField, |element| judge(element.expire_at_ms))
                }
            };
            // Once changed, a field stays changed.
            let known = seen.entry(field).or_insert(outcome);
            if outcome == Outcome::NoField {
                *known = outcome;
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    })
}

/// Sets the expiry of the changed fields, and deletes the deleted ones.
fn apply<'w, 'o>(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    fields: impl Iterator<Item = (&'w [u8], &'o Outcome)>,
    expire_at_ms: Option<u64>,
) -> Result<(), CommandError> {
    let (db, mut changed, mut deleted) = (context.db, ItemsBuffer::new(), ItemsBuffer::new());
    for (field, outcome) in fields {
        match outcome {
            Outcome::Changed => changed.push(field),
            Outcome::Deleted => deleted.push(field),
            _ => {}
        }
    }
    if !changed.is_empty() {
        let effect = Effect::on(db, key, HashChange::Expire { fields: changed.items(), expire_at_ms });
        let name = if expire_at_ms.is_some() { "hexpire" } else { "hpersist" };
        context.keys.change(&effect, Classes::HASH, name)?;
    }
    if !deleted.is_empty() {
        let fields = deleted.items();
        let effect = Effect::on(db, key, HashChange::Delete { fields, expired: true });
        context.keys.take_out(&effect, Classes::HASH, "hdel")?;
    }
    Ok(())
}

/// Replies with what happened to each field.
fn reply_outcomes(outcomes: &[Outcome], reply: &mut Reply<'_>) {
    reply.array(outcomes.len());
    outcomes.iter().for_each(|outcome| reply.integer(*outcome as i64));
}

/// `HTTL key FIELDS numfields field [field ...]`
pub(super) fn httl(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_times(context, args, reply, |expiry, now_ms| expiry.saturating_sub(now_ms).div_ceil(1000))
}

/// `HPTTL key FIELDS numfields field [field ...]`
pub(super) fn hpttl(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_times(context, args, reply, |expiry, now_ms| expiry.saturating_sub(now_ms))
}

/// `HEXPIRETIME key FIELDS numfields field [field ...]`
pub(super) fn hexpiretime(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_times(context, args, reply, |expiry, _| expiry.div_ceil(1000))
}

/// `HPEXPIRETIME key FIELDS numfields field [field ...]`
pub(super) fn hpexpiretime(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_times(context, args, reply, |expiry, _| expiry)
}

/// Replies for each field with `show` of its expiry and the time; -1 if it has no expiry, -2 if there is no field.
fn reply_times(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
    show: impl Fn(u64, u64) -> u64,
) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    let fields = fields(args, 2)?;
    reply.array(fields.len());
    for field in fields {
        let element = hash.map(|hash| hash.get(context.keys.view(), field)).transpose()?.flatten();
        reply.integer(match element.map(|element| element.expire_at_ms) {
            None => Outcome::NoField as i64,
            Some(None) => Outcome::NoExpiry as i64,
            Some(Some(expiry)) => show(expiry, context.keys.now_ms()) as i64,
        });
    }
    Ok(())
}
