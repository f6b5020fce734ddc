//! Commands that do two things to fields: `HGETDEL`, `HGETEX`, `HSETEX`.

use std::collections::BTreeMap;

use super::{expire, reply_element, with_hash};
use crate::command::words::{self, TimeForm};
use crate::command::{CommandError, WriteCtx, elements};
use crate::effect::{Effect, HashChange, ItemsBuffer};
use crate::keyspace::Classes;
use crate::number::parse_i64;
use crate::resp::{Args, Reply};

/// `HGETDEL key FIELDS numfields field [field ...]`
pub(super) fn hgetdel(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    with_hash(context, key, |_, _| Ok(()))?;
    let fields = expire::fields(args, 2)?;
    let there = reply_values(context, key, fields, true, reply)?;
    if !there.is_empty() {
        let fields = there.items();
        let effect = Effect::on(db, key, HashChange::Delete { fields, expired: false });
        context.keys.take_out(&effect, Classes::HASH, "hdel")?;
    }
    Ok(())
}

/// `HGETEX key [EX seconds | PX milliseconds | EXAT seconds-since-1970 | PXAT milliseconds-since-1970 | PERSIST] FIELDS
/// numfields field [field ...]`
pub(super) fn hgetex(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, now_ms) = (context.db, &args[1], context.now_ms);
    with_hash(context, key, |_, _| Ok(()))?;
    let (until, at) = match TimeForm::of_option(&args[2]) {
        Some(form) => (Some(Some(expire::moment_ms(form, &args[3], now_ms, "hgetex")?)), 4),
        None if words::is(&args[2], "persist") => (Some(None), 3),
        None => (None, 2),
    };
    let fields = expire::fields(args, at)?;
    let is_past = matches!(until, Some(Some(moment_ms)) if moment_ms <= now_ms);
    let there = reply_values(context, key, fields, is_past, reply)?;
    let Some(expire_at_ms) = until.filter(|_| !there.is_empty()) else {
        return Ok(());
    };
    if is_past {
        let fields = there.items();
        let effect = Effect::on(db, key, HashChange::Delete { fields, expired: true });
        context.keys.take_out(&effect, Classes::HASH, "hdel")?;
        return Ok(());
    }
    let changed = with_hash(context, key, |view, hash| {
        let mut changed = ItemsBuffer::new();
        for field in there.items() {
            let element = hash.map(|hash| hash.get(view, field)).transpose()?.flatten();
            if element.is_some_and(|element| element.expire_at_ms != expire_at_ms) {
                changed.push(field);
            }
        }
        Ok(changed)
    })?;
    if !changed.is_empty() {
        let effect = Effect::on(db, key, HashChange::Expire { fields: changed.items(), expire_at_ms });
        let name = if expire_at_ms.is_some() { "hexpire" } else { "hpersist" };
        context.keys.change(&effect, Classes::HASH, name)?;
    }
    if changed.len() < there.len() && expire_at_ms.is_some() {
        let effect = Effect::on(db, key, HashChange::Expire { fields: there.items(), expire_at_ms });
        context.keys.give_again(&effect)?;
    }
    Ok(())
}

/// Replies with the values of fields, and returns those that exist. If they are going to be deleted, a field that is
/// named twice is missing the second time.
fn reply_values<'w>(
    context: &WriteCtx<'_>,
    key: &[u8],
    fields: impl ExactSizeIterator<Item = &'w [u8]>,
    deleting: bool,
    reply: &mut Reply<'_>,
) -> Result<ItemsBuffer, CommandError> {
    with_hash(context, key, |view, hash| {
        let (mut there, mut seen) = (ItemsBuffer::new(), std::collections::HashSet::new());
        reply.array(fields.len());
        for field in fields {
            let first = seen.insert(field);
            let element = hash.map(|hash| hash.get(view, field)).transpose()?.flatten();
            let element = element.filter(|_| first || !deleting);
            if element.is_some() && first {
                there.push(field);
            }
            reply_element(view, element, reply)?;
        }
        Ok(there)
    })
}

/// What happens to the expiry of the fields that are set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lifetime {
    /// It is removed.
    Endless,
    /// It is kept.
    Kept,
    /// It is set to this time, in milliseconds since 1970.
    Until(u64),
}

/// The options of `HSETEX`.
struct Options {
    /// `XX`: only if the key exists, or `NX`: only if it does not.
    key_exists: Option<bool>,
    /// `FXX`: only if all fields exist, or `FNX`: only if none does.
    exist: Option<bool>,
    /// `EX`, `PX`, `EXAT`, `PXAT`, `KEEPTTL`.
    lifetime: Lifetime,
    /// Index of the first field.
    first: usize,
}

impl Options {
    /// Parses the options after the key, up to `FIELDS numfields`.
    fn parse(args: &Args<'_>, now_ms: u64) -> Result<Self, CommandError> {
        const ONE_LIFETIME: &str = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
        let mut options = Self { key_exists: None, exist: None, lifetime: Lifetime::Endless, first: 0 };
        let mut at = 2;
        while let Some(word) = args.get(at) {
            let form = TimeForm::of_option(word);
            if words::is(word, "fields") {
                options.first = first_field(args, at)?;
                return Ok(options);
            } else if form.is_some() || words::is(word, "keepttl") {
                if options.lifetime != Lifetime::Endless {
                    return Err(ONE_LIFETIME.into());
                }
                options.lifetime = match form {
                    None => Lifetime::Kept,
                    Some(form) => {
                        at += 1;
                        let time = args.get(at).ok_or(CommandError::from("ERR missing expire time"))?;
                        Lifetime::Until(expire::moment_ms(form, time, now_ms, "hsetex")?)
                    }
                };
            } else if words::is(word, "fxx") || words::is(word, "fnx") {
                if options.exist.replace(words::is(word, "fxx")).is_some() {
                    return Err("ERR Only one of FXX or FNX arguments can be specified".into());
                }
            } else if words::is(word, "xx") || words::is(word, "nx") {
                if options.key_exists.replace(words::is(word, "xx")).is_some() {
                    return Err("ERR Only one of XX or NX arguments can be specified".into());
                }
            } else {
                return Err(format!("ERR unknown argument: {}", words::excerpt(word)).into());
            }
            at += 1;
        }
        Err("ERR wrong number of arguments for 'hsetex' command".into())
    }
}

/// Index of the first field after the word `FIELDS` at `at`. All words from there on are fields and values.
fn first_field(args: &Args<'_>, at: usize) -> Result<usize, CommandError> {
    let arity = || CommandError::from("ERR wrong number of arguments for 'hsetex' command");
    if at + 3 >= args.len() {
        return Err(arity());
    }
    let count = parse_i64(&args[at + 1]).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or(CommandError::from("ERR invalid number of fields"))?;
    if (args.len() - at - 2) as i64 != 2 * count {
        return Err(arity());
    }
    Ok(at + 2)
}

/// `HSETEX key [NX | XX] [FNX | FXX] [EX seconds | PX milliseconds | EXAT seconds-since-1970 | PXAT milliseconds-since-1970 |
/// KEEPTTL] FIELDS numfields field value [field value ...]`
pub(super) fn hsetex(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, now_ms) = (&args[1], context.now_ms);
    let options = Options::parse(args, now_ms)?;
    let fields = args.from(options.first).step_by(2);
    elements::check_lengths(fields.clone(), "field")?;
    let (is_there, expiries) = with_hash(context, key, |view, hash| {
        let mut expiries = Vec::new();
        for field in fields {
            let element = hash.map(|hash| hash.get(view, field)).transpose()?.flatten();
            expiries.push(element.map(|element| element.expire_at_ms));
        }
        Ok((hash.is_some(), expiries))
    })?;
    let stored = options.key_exists.is_none_or(|exists| is_there == exists)
        && options.exist.is_none_or(|exist| expiries.iter().all(|found| found.is_some() == exist));
    if stored {
        store(context, args, &options, &expiries)?;
    }
    reply.integer(i64::from(stored));
    Ok(())
}

/// Stores the fields; `expiries` has the old expiry of each.
fn store(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    options: &Options,
    expiries: &[Option<Option<u64>>],
) -> Result<(), CommandError> {
    let (db, key, now_ms) = (context.db, &args[1], context.now_ms);
    if matches!(options.lifetime, Lifetime::Until(moment_ms) if moment_ms <= now_ms) {
        let there = args.from(options.first).step_by(2).zip(expiries).filter(|(_, found)| found.is_some());
        let there: ItemsBuffer = there.map(|(field, _)| field).collect();
        return store_past(context, key, &there);
    }
    let mut groups: BTreeMap<Option<u64>, ItemsBuffer> = BTreeMap::new();
    let pairs = args.from(options.first).step_by(2).zip(args.from(options.first + 1).step_by(2));
    for ((field, value), found) in pairs.zip(expiries) {
        let expire_at_ms = match options.lifetime {
            Lifetime::Endless => None,
            Lifetime::Kept => found.flatten(),
            Lifetime::Until(moment_ms) => Some(moment_ms),
        };
        let group = groups.entry(expire_at_ms).or_default();
        group.push(field);
        group.push(value);
    }
    for (expire_at_ms, pairs) in groups {
        let effect = Effect::on(db, key, HashChange::Set { pairs: pairs.items(), expire_at_ms });
        match options.lifetime {
            Lifetime::Kept => context.keys.reborrow().keeping_expiries().apply(&effect)?,
            _ => context.keys.apply(&effect)?,
        }
    }
    context.keys.event(Classes::HASH, "hset", db, key);
    if matches!(options.lifetime, Lifetime::Until(_)) {
        context.keys.event(Classes::HASH, "hexpire", db, key);
    }
    Ok(())
}

/// Stores fields with an expiry that has passed: those that exist are deleted. The notifications are those of fields
/// that are stored and then deleted.
fn store_past(context: &mut WriteCtx<'_>, key: &[u8], there: &ItemsBuffer) -> Result<(), CommandError> {
    let db = context.db;
    let is_new = context.keys.info(db, key)?.is_none();
    if is_new {
        context.keys.event(Classes::NEW, "new", db, key);
    }
    context.keys.event(Classes::HASH, "hset", db, key);
    if !there.is_empty() {
        let effect = Effect::on(db, key, HashChange::Delete { fields: there.items(), expired: true });
        context.keys.take_out(&effect, Classes::HASH, "hdel")?;
        return Ok(());
    }
    context.keys.event(Classes::HASH, "hdel", db, key);
    if is_new {
        context.keys.event(Classes::GENERIC, "del", db, key);
    }
    Ok(())
}
