//! Hashes: `HSET`, `HGETALL` and related commands.

mod expire;
mod fields;
mod number;
mod random;
mod runs;
#[cfg(test)]
mod tests;

pub(super) use runs::RUNS;

use smallvec::SmallVec;

use super::elements::{self, ElementScan, Seen};
use super::{CommandError, ReadCtx, WriteCtx};
use crate::effect::{Effect, HashChange, ItemsBuffer};
use crate::keyspace::{Classes, Element, Hash, KeyspaceError};
use crate::resp::{Args, Elements, Reply};
use crate::table::View;

/// The hash that a key holds.
fn hash_of<'a>(context: &mut ReadCtx<'a>, key: &[u8]) -> Result<Option<Hash<'a>>, CommandError> {
    match context.keys.get(context.db, key)? {
        Some(value) => value.hash(context.keys.now_ms()).map(Some).ok_or(CommandError::WRONG_TYPE),
        None => Ok(None),
    }
}

/// Calls `look` with the hash that a key holds.
fn with_hash<R>(
    context: &WriteCtx<'_>,
    key: &[u8],
    look: impl FnOnce(&View<'_>, Option<Hash<'_>>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    context.keys.with_value(context.db, key, |view, value| {
        let hash = value.map(|value| value.hash(context.now_ms).ok_or(CommandError::WRONG_TYPE));
        look(view, hash.transpose()?)
    })
}

/// Replies with an element's value, or null.
fn reply_element(
    view: &View<'_>,
    element: Option<Element<'_>>,
    reply: &mut Reply<'_>,
) -> Result<(), KeyspaceError> {
    match element {
        Some(Element { text, .. }) => text.bulk(view, 0, text.len(), reply),
        None => {
            reply.null();
            Ok(())
        }
    }
}

/// How many different words are not fields of the hash.
fn count_new<'w>(
    context: &WriteCtx<'_>,
    key: &[u8],
    fields: impl Iterator<Item = &'w [u8]>,
) -> Result<usize, CommandError> {
    with_hash(context, key, |view, hash| {
        let mut new: SmallVec<[&[u8]; 4]> = SmallVec::new();
        for field in fields {
            if hash.map(|hash| hash.get(view, field)).transpose()?.flatten().is_none() {
                new.push(field);
            }
        }
        new.sort_unstable();
        new.dedup();
        Ok(new.len())
    })
}

/// Stores the fields and values from word `first` on; returns the number of new fields.
fn store(context: &mut WriteCtx<'_>, args: &Args<'_>, command: &str) -> Result<usize, CommandError> {
    if !args.len().is_multiple_of(2) {
        return Err(format!("ERR wrong number of arguments for '{command}' command").into());
    }
    let (db, key) = (context.db, &args[1]);
    let fields = args.from(2).step_by(2);
    elements::check_lengths(fields.clone(), "field")?;
    let new = count_new(context, key, fields)?;
    let pairs: ItemsBuffer = args.from(2).collect();
    let effect = Effect::on(db, key, HashChange::Set { pairs: pairs.items(), expire_at_ms: None });
    context.keys.change(&effect, Classes::HASH, "hset")?;
    Ok(new)
}

/// `HSET key field value [field value ...]`
fn hset(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let new = store(context, args, "hset")?;
    reply.integer(new as i64);
    Ok(())
}

/// `HMSET key field value [field value ...]`
fn hmset(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    store(context, args, "hmset")?;
    reply.ok();
    Ok(())
}

/// `HSETNX key field value`
fn hsetnx(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let new = count_new(context, &args[1], args.from(2).take(1))?;
    if new > 0 {
        store(context, args, "hsetnx")?;
    }
    reply.integer(new as i64);
    Ok(())
}

/// `HGET key field`
fn hget(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    let view = context.keys.view();
    let element = hash.map(|hash| hash.get(view, &args[2])).transpose()?.flatten();
    Ok(reply_element(view, element, reply)?)
}

/// `HMGET key field [field ...]`
fn hmget(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    let view = context.keys.view();
    reply.array(args.len() - 2);
    for field in args.from(2) {
        let element = hash.map(|hash| hash.get(view, field)).transpose()?.flatten();
        reply_element(view, element, reply)?;
    }
    Ok(())
}

/// `HGETALL key`
fn hgetall(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    let view = context.keys.view();
    let Some(hash) = hash else {
        reply.map(0);
        return Ok(());
    };
    view.check_cells(hash.places()?)?;
    reply.map(hash.len(view)? as usize);
    hash.each_from(view, &[], |field, element| {
        reply.bulk(field);
        reply_element(view, Some(element), reply)?;
        Ok(!reply.is_cut())
    })?;
    Ok(())
}

/// `HKEYS key`
fn hkeys(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    reply_each(context, &args[1], reply, |_, field, _, reply| {
        reply.bulk(field);
        Ok(())
    })
}

/// `HVALS key`
fn hvals(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    reply_each(context, &args[1], reply, |view, _, element, reply| reply_element(view, Some(element), reply))
}

/// Replies with an array, to which `write` writes one element per field.
fn reply_each(
    context: &mut ReadCtx<'_>,
    key: &[u8],
    reply: &mut Reply<'_>,
    write: impl Fn(&View<'_>, &[u8], Element<'_>, &mut Reply<'_>) -> Result<(), KeyspaceError>,
) -> Result<(), CommandError> {
    let hash = hash_of(context, key)?;
    let view = context.keys.view();
    let Some(hash) = hash else {
        reply.array(0);
        return Ok(());
    };
    view.check_cells(hash.places()?)?;
    reply.array(hash.len(view)? as usize);
    hash.each_from(view, &[], |field, element| {
        write(view, field, element, reply)?;
        Ok(!reply.is_cut())
    })?;
    Ok(())
}

/// `HDEL key field [field ...]`
fn hdel(context: &mut WriteCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let there = with_hash(context, key, |view, hash| {
        let mut there = Vec::new();
        for field in args.from(2) {
            if hash.map(|hash| hash.get(view, field)).transpose()?.flatten().is_some() {
                there.push(field);
            }
        }
        there.sort_unstable();
        there.dedup();
        Ok(there)
    })?;
    if !there.is_empty() {
        let fields: ItemsBuffer = there.iter().copied().collect();
        let effect = Effect::on(db, key, HashChange::Delete { fields: fields.items(), expired: false });
        context.keys.take_out(&effect, Classes::HASH, "hdel")?;
    }
    reply.integer(there.len() as i64);
    Ok(())
}

/// `HEXISTS key field`
fn hexists(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    let element = hash.map(|hash| hash.get(context.keys.view(), &args[2])).transpose()?.flatten();
    reply.integer(i64::from(element.is_some()));
    Ok(())
}

/// `HLEN key`
fn hlen(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    reply.integer(hash.map(|hash| hash.len(context.keys.view())).transpose()?.unwrap_or(0) as i64);
    Ok(())
}

/// `HSTRLEN key field`
fn hstrlen(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let hash = hash_of(context, &args[1])?;
    let element = hash.map(|hash| hash.get(context.keys.view(), &args[2])).transpose()?.flatten();
    reply.integer(element.map_or(0, |element| element.text.len()) as i64);
    Ok(())
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]`
fn hscan(context: &mut ReadCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let cursor = ElementScan::cursor(&args[2])?;
    let Some(value) = context.keys.get(context.db, &args[1])? else {
        ElementScan::reply_nothing(reply);
        return Ok(());
    };
    let hash = value.hash(context.keys.now_ms()).ok_or(CommandError::WRONG_TYPE)?;
    let mut scan = ElementScan::parse(cursor, args, true)?;
    scan.take_all_of_few(context, &value, hash.is_packed())?;
    let view = context.keys.view();
    let mut found = Elements::new(reply);
    hash.each_from(view, &scan.start(), |field, element| {
        let seen = scan.see(field);
        if seen == Seen::Wanted {
            found.add(|reply| reply.bulk(field));
            if !scan.names_only {
                found.add(|reply| reply_element(view, Some(element), reply))?;
            }
        }
        Ok(seen != Seen::End)
    })?;
    scan.reply(found, reply);
    Ok(())
}
