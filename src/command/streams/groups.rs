//! `XGROUP`: groups and their consumers.

use super::*;
use crate::command::{LocalCtx, local};
use crate::resp::Args;

/// The most words of `XGROUP CREATE`, with each option once.
const CREATE_WORDS_MAX: usize = 8;
/// The most words of `XGROUP SETID`.
const SETID_WORDS_MAX: usize = 7;

/// The options of `XGROUP CREATE` and `XGROUP SETID`.
#[derive(Default)]
struct Options {
    /// Whether a missing stream is created.
    creates: bool,
    /// Number of entries that the group has read, if it is known.
    read: Option<u64>,
}

impl Options {
    /// Parses the words after the ID. `creates`: those of `CREATE`.
    fn parse(args: &Args<'_>, creates: bool) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut at = 5;
        while let Some(option) = args.get(at) {
            if creates && words::is(option, "mkstream") {
                options.creates = true;
            } else if words::is(option, "entriesread") && at + 1 < args.len() {
                at += 1;
                let number = words::integer(&args[at])?;
                if number < -1 {
                    return Err("ERR value for ENTRIESREAD must be positive or -1".into());
                }
                options.read = u64::try_from(number).ok();
            } else {
                return Err(misused(args));
            }
            at += 1;
        }
        Ok(options)
    }
}

/// The error of a subcommand with words that it does not take.
fn misused(args: &Args<'_>) -> CommandError {
    let subcommand = words::excerpt(&args[1]);
    format!("ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try XGROUP HELP.").into()
}

/// The error if the key must exist.
const NO_KEY: &str = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
                      the MKSTREAM option to create an empty stream automatically.";

/// Calls `look` with the stream and the group that words 2 and 3 name.
fn with_group<R>(
    context: &WriteCtx<'_>,
    args: &Args<'_>,
    look: impl FnOnce(&View<'_>, Stream<'_>, Option<Group>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    with_stream(context, &args[2], |view, stream| {
        let stream = stream.ok_or(NO_KEY)?;
        look(view, stream, stream.group(view, &args[3])?)
    })
}

/// `XGROUP CREATE key group <id|$> [MKSTREAM] [ENTRIESREAD entries-read]`
pub(super) fn create(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let options = Options::parse(args, true)?;
    let (key, group) = (&args[2], &args[3]);
    let found = with_stream(context, key, |view, stream| match stream {
        None if !options.creates => Err(NO_KEY.into()),
        None => Ok(None),
        Some(stream) => Ok(Some((stream.past.last, stream.group(view, group)?.is_some()))),
    })?;
    if args.len() > CREATE_WORDS_MAX {
        return Err(misused(args));
    }
    let last = match &args[4] {
        b"$" => found.map_or(EntryId::MIN, |(last, _)| last),
        id => ids::strict(id)?,
    };
    check_name(group, "group name")?;
    if found.is_some_and(|(_, is_there)| is_there) {
        return Err("BUSYGROUP Consumer Group name already exists".into());
    }
    if found.is_none() {
        change_group(context, key, StreamChange::Create)?;
    }
    change_group(context, key, StreamChange::CreateGroup { group, last, read: options.read })?;
    group_event(context, key, "xgroup-create");
    reply.ok();
    Ok(())
}

/// `XGROUP SETID key group <id|$> [ENTRIESREAD entries-read]`
pub(super) fn setid(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let options = Options::parse(args, false)?;
    let (key, group) = (&args[2], &args[3]);
    let top = with_group(context, args, |_, stream, found| {
        found.ok_or_else(|| no_group(key, group))?;
        Ok(stream.past.last)
    })?;
    if args.len() > SETID_WORDS_MAX {
        return Err(misused(args));
    }
    let last = if args[4] == *b"$" { top } else { ids::any(&args[4], 0)? };
    change_group(context, key, StreamChange::SetGroup { group, last, read: options.read })?;
    group_event(context, key, "xgroup-setid");
    reply.ok();
    Ok(())
}

/// `XGROUP DESTROY key group`
pub(super) fn destroy(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, group) = (&args[2], &args[3]);
    let is_there = with_group(context, args, |_, _, found| Ok(found.is_some()))?;
    if is_there {
        change_group(context, key, StreamChange::DeleteGroup { group })?;
        group_event(context, key, "xgroup-destroy");
    }
    reply.integer(i64::from(is_there));
    Ok(())
}

/// `XGROUP CREATECONSUMER key group consumer`
pub(super) fn createconsumer(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, group, consumer) = (&args[2], &args[3], &args[4]);
    let is_there = with_group(context, args, |view, stream, found| {
        let found = found.ok_or_else(|| no_group(key, group))?;
        check_name(consumer, "consumer name")?;
        Ok(stream.consumer(view, &found, consumer)?.is_some())
    })?;
    if !is_there {
        let seen_ms = context.now_ms;
        change_group(context, key, StreamChange::SetConsumer { group, consumer, seen_ms, active_ms: None })?;
        group_event(context, key, "xgroup-createconsumer");
    }
    reply.integer(i64::from(!is_there));
    Ok(())
}

/// `XGROUP DELCONSUMER key group consumer`
pub(super) fn delconsumer(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, group, consumer) = (&args[2], &args[3], &args[4]);
    let pending = with_group(context, args, |view, stream, found| {
        let found = found.ok_or_else(|| no_group(key, group))?;
        match stream.consumer(view, &found, consumer)? {
            Some(consumer) => Ok(Some(stream.pending_len(view, &found, Some(&consumer))?)),
            None => Ok(None),
        }
    })?;
    if pending.is_some() {
        change_group(context, key, StreamChange::DeleteConsumer { group, consumer })?;
        group_event(context, key, "xgroup-delconsumer");
    }
    reply.integer(pending.unwrap_or(0) as i64);
    Ok(())
}

/// `XGROUP HELP`
pub(super) fn help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Result<(), CommandError> {
    let lines = [
        "CREATE <key> <groupname> <id|$> [option]",
        "    Create a new consumer group. Options are:",
        "    * MKSTREAM",
        "      Create the empty stream if it does not exist.",
        "    * ENTRIESREAD entries_read",
        "      Set the group's entries_read counter (internal use).",
        "CREATECONSUMER <key> <groupname> <consumer>",
        "    Create a new consumer in the specified group.",
        "DELCONSUMER <key> <groupname> <consumer>",
        "    Remove the specified consumer.",
        "DESTROY <key> <groupname>",
        "    Remove the specified group.",
        "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
        "    Set the current group ID and entries_read counter.",
    ];
    local::help(reply, "XGROUP", &lines);
    Ok(())
}
