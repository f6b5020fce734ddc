//! `XINFO`: what there is to know about a stream.

use super::*;
use crate::command::{LocalCtx, local};
use crate::keyspace::{Consumer, Producers};
use crate::resp::{Args, Elements};

/// Entries, and pending entries of each group and each consumer, that `FULL` shows if the client gives no number.
const COUNT_DEFAULT: u64 = 10;
/// Fields about producers.
const PRODUCER_FIELDS: usize = 6;
/// Entries that Redis puts into one node of its radix tree.
const NODE_ENTRIES: u64 = 100;

/// `XINFO STREAM key [FULL [COUNT count]]`
pub(super) fn stream_info(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let view = context.keys.view();
    let now_ms = context.keys.now_ms();
    let stream = stream_of(context, &args[2])?.ok_or(CommandError::NO_SUCH_KEY)?;
    let producers = stream.producers(view)?;
    let more = if producers.is_some() { PRODUCER_FIELDS } else { 0 };
    let Some(count) = full_count(args)? else {
        reply.map(10 + more);
        reply_general(view, &stream, reply)?;
        reply_producers(view, &stream, (producers, now_ms), reply)?;
        reply.bulk(b"groups");
        reply.integer(stream.groups_len(view)? as i64);
        for (name, reverse) in [("first-entry", false), ("last-entry", true)] {
            reply.bulk(name.as_bytes());
            reply_end(view, &stream, reverse, reply)?;
        }
        return Ok(());
    };
    let groups = stream.groups_len(view)?;
    view.check_lookups(groups)?;
    reply.map(9 + more);
    reply_general(view, &stream, reply)?;
    reply_producers(view, &stream, (producers, now_ms), reply)?;
    reply.bulk(b"entries");
    reply_range(reply, view, &stream, (IdRange::ALL, false, count))?;
    reply.bulk(b"groups");
    reply.array(groups as usize);
    stream.each_group(view, |name, group| reply_group(view, &stream, (name, group), count, reply))
}

/// The number of entries that `FULL` shows, 0 for all; `None` without `FULL`.
fn full_count(args: &Args<'_>) -> Result<Option<u64>, CommandError> {
    let misused = || {
        let subcommand = words::excerpt(&args[1]);
        let text = format!(
            "ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try XINFO HELP."
        );
        CommandError::from(text)
    };
    match args.len() {
        3 => Ok(None),
        4 if words::is(&args[3], "full") => Ok(Some(COUNT_DEFAULT)),
        6 if words::is(&args[3], "full") && words::is(&args[4], "count") => {
            Ok(Some(u64::try_from(words::integer(&args[5])?).unwrap_or(COUNT_DEFAULT)))
        }
        _ => Err(misused()),
    }
}

/// Writes the seven fields that both forms have.
fn reply_general(view: &View<'_>, stream: &Stream<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let (len, past) = (stream.len()?, &stream.past);
    let nodes = len.div_ceil(NODE_ENTRIES);
    for (name, number) in [("length", len), ("radix-tree-keys", nodes), ("radix-tree-nodes", nodes + 1)] {
        reply.bulk(name.as_bytes());
        reply.integer(number as i64);
    }
    reply.bulk(b"last-generated-id");
    reply_id(reply, past.last);
    reply.bulk(b"max-deleted-entry-id");
    reply_id(reply, past.max_deleted);
    reply.bulk(b"entries-added");
    reply.integer(past.added as i64);
    reply.bulk(b"recorded-first-entry-id");
    reply_id(reply, stream.first(view)?.unwrap_or_default());
    Ok(())
}

/// Writes what is known of producers, if anything is.
fn reply_producers(
    view: &View<'_>,
    stream: &Stream<'_>,
    (producers, now_ms): (Option<Producers>, u64),
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let Some(producers) = producers else { return Ok(()) };
    let fields: [(&[u8], u64); PRODUCER_FIELDS] = [
        (b"idmp-duration", producers.duration_s),
        (b"idmp-maxsize", producers.size_max),
        (b"pids-tracked", stream.producers_len(view)?),
        (b"iids-tracked", stream.messages_len(view, now_ms)?),
        (b"iids-added", producers.added),
        (b"iids-duplicates", producers.duplicates),
    ];
    for (name, number) in fields {
        reply.bulk(name);
        reply.integer(number as i64);
    }
    Ok(())
}

/// Writes the first or the last entry.
fn reply_end(
    view: &View<'_>,
    stream: &Stream<'_>,
    reverse: bool,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    if stream.is_empty() {
        reply.null();
        return Ok(());
    }
    stream.each(view, IdRange::ALL, reverse, |id, entry| {
        reply_entry(reply, id, entry)?;
        Ok(false)
    })
}

/// Writes a number, or nothing if it is not known.
fn reply_known(number: Option<i64>, reply: &mut Reply<'_>) {
    match number {
        Some(number) => reply.integer(number),
        None => reply.null(),
    }
}

/// Writes a group with its consumers and pending entries.
fn reply_group(
    view: &View<'_>,
    stream: &Stream<'_>,
    (name, group): (&[u8], &Group),
    count: u64,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply.map(7);
    reply.bulk(b"name");
    reply.bulk(name);
    reply.bulk(b"last-delivered-id");
    reply_id(reply, group.last);
    reply.bulk(b"entries-read");
    reply_known(group.read.map(|read| read as i64), reply);
    reply.bulk(b"lag");
    reply_known(stream.lag(view, group)?, reply);
    reply.bulk(b"pel-count");
    reply.integer(stream.pending_len(view, group, None)? as i64);
    reply.bulk(b"pending");
    reply_pending(view, stream, (group, None), count, reply)?;
    reply.bulk(b"consumers");
    let consumers = stream.consumers_len(view, group)?;
    view.check_lookups(consumers)?;
    reply.array(consumers as usize);
    stream.each_consumer(view, group, |name, consumer| {
        reply.map(5);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"seen-time");
        reply.integer(consumer.seen_ms as i64);
        reply.bulk(b"active-time");
        reply.integer(consumer.active_ms.map_or(-1, |active_ms| active_ms as i64));
        reply.bulk(b"pel-count");
        reply.integer(stream.pending_len(view, group, Some(consumer))? as i64);
        reply.bulk(b"pending");
        reply_pending(view, stream, (group, Some(consumer)), count, reply)
    })
}

/// Writes pending entries: of a group each with its consumer.
fn reply_pending(
    view: &View<'_>,
    stream: &Stream<'_>,
    (group, consumer): (&Group, Option<&Consumer>),
    count: u64,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let mut found = Elements::new(reply);
    let mut left = if count == 0 { u64::MAX } else { count };
    stream.each_pending(view, (group, consumer), IdRange::ALL, |id, pending| {
        let holder = match consumer {
            None => Some(stream.holder(view, group, pending)?),
            Some(_) => None,
        };
        found.add(|reply| {
            reply.array(3 + usize::from(holder.is_some()));
            reply_id(reply, id);
            holder.iter().for_each(|holder| reply.bulk(holder));
            reply.integer(pending.delivered_ms as i64);
            reply.integer(pending.deliveries as i64);
        });
        left -= 1;
        Ok::<_, CommandError>(left > 0 && !found.is_cut())
    })?;
    found.array(reply);
    Ok(())
}

/// `XINFO GROUPS key`
pub(super) fn groups(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let view = context.keys.view();
    let stream = stream_of(context, &args[2])?.ok_or(CommandError::NO_SUCH_KEY)?;
    let len = stream.groups_len(view)?;
    view.check_lookups(len)?;
    reply.array(len as usize);
    stream.each_group(view, |name, group| {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"consumers");
        reply.integer(stream.consumers_len(view, group)? as i64);
        reply.bulk(b"pending");
        reply.integer(stream.pending_len(view, group, None)? as i64);
        reply.bulk(b"last-delivered-id");
        reply_id(reply, group.last);
        reply.bulk(b"entries-read");
        reply_known(group.read.map(|read| read as i64), reply);
        reply.bulk(b"lag");
        reply_known(stream.lag(view, group)?, reply);
        Ok(())
    })
}

/// `XINFO CONSUMERS key group`
pub(super) fn consumers(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, name) = (&args[2], &args[3]);
    let (view, now_ms) = (context.keys.view(), context.keys.now_ms());
    let stream = stream_of(context, key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let group = stream.group(view, name)?.ok_or_else(|| no_group(key, name))?;
    let len = stream.consumers_len(view, &group)?;
    view.check_lookups(len)?;
    reply.array(len as usize);
    stream.each_consumer(view, &group, |name, consumer| {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"pending");
        reply.integer(stream.pending_len(view, &group, Some(consumer))? as i64);
        reply.bulk(b"idle");
        reply.integer(now_ms.saturating_sub(consumer.seen_ms) as i64);
        reply.bulk(b"inactive");
        reply.integer(consumer.active_ms.map_or(-1, |active_ms| now_ms.saturating_sub(active_ms) as i64));
        Ok(())
    })
}

/// `XINFO HELP`
pub(super) fn help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let lines = [
        "CONSUMERS <key> <groupname>",
        "    Show consumers of <groupname>.",
        "GROUPS <key>",
        "    Show the stream consumer groups.",
        "STREAM <key> [FULL [COUNT <count>]",
        "    Show information about the stream.",
    ];
    local::help(reply, "XINFO", &lines);
    Ok(())
}
