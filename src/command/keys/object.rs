//! `OBJECT` and `MEMORY USAGE`: how values are stored.

use crate::command::{CommandError, LocalCtx, ReadCtx, words};
use crate::keyspace::{Kind, Text, Value};
use crate::number::parse_i64;
use crate::resp::{Args, Reply};
use crate::state::EncodingLimits;
use crate::table::View;

/// Bytes that the table needs per key besides the key and its cell: an index slot and a share of free space.
const OVERHEAD_BYTES: u64 = 24;
/// Bytes of the table per piece of a long string: three of them fill a page.
const PIECE_PAGE_BYTES: u64 = 4096 / 3;
/// The longest string that `OBJECT ENCODING` calls `embstr`, in bytes.
const EMBEDDED_BYTES_MAX: usize = 44;

/// `OBJECT ENCODING key`
pub(super) fn encoding(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    match context.keys.get_quietly(context.db, &args[2])? {
        Some(value) => {
            let name = encoding_name(context.keys.view(), &value, &context.limits.encodings)?;
            reply.bulk(name.as_bytes());
        }
        None => reply.null(),
    }
    Ok(())
}

/// Redis's name for the encoding of `value`.
fn encoding_name(
    view: &View<'_>,
    value: &Value<'_>,
    limits: &EncodingLimits,
) -> Result<&'static str, CommandError> {
    Ok(match value.kind {
        Kind::String => match value.text()? {
            Some(Text::Short(_)) if value.is_raw() => "raw",
            Some(Text::Short(bytes)) if parse_i64(bytes).is_some() => "int",
            Some(Text::Short(bytes)) if bytes.len() <= EMBEDDED_BYTES_MAX => "embstr",
            _ => "raw",
        },
        Kind::List => match value.list().map(|list| list.is_listpack(view)).transpose()? {
            Some(true) => "listpack",
            _ => "quicklist",
        },
        Kind::Hash => hash_encoding(view, value, limits)?,
        Kind::Set => set_encoding(view, value, limits)?,
        Kind::SortedSet => sorted_set_encoding(view, value, limits)?,
        // One representation, which is called like the type.
        other => other.name(),
    })
}

/// Whether Redis would keep `value`, a hash, set or sorted set, in a packed encoding, which a scan returns whole. This
/// takes bounded time: it stops at the first element beyond the limits.
pub(in crate::command) fn is_packed(
    view: &View<'_>,
    value: &Value<'_>,
    limits: &EncodingLimits,
) -> Result<bool, CommandError> {
    Ok(matches!(encoding_name(view, value, limits)?, "listpack" | "listpackex" | "intset"))
}

/// Redis's name for the encoding of a hash.
fn hash_encoding(
    view: &View<'_>,
    value: &Value<'_>,
    limits: &EncodingLimits,
) -> Result<&'static str, CommandError> {
    let Some(hash) = value.hash(0) else { return Ok("hashtable") };
    if hash.places()? > limits.hash_entries {
        return Ok("hashtable");
    }
    let mut short = true;
    hash.each_from(view, &[], |field, element| {
        short = field.len() as u64 <= limits.hash_value && element.text.len() <= limits.hash_value;
        Ok(short)
    })?;
    Ok(match (short, value.is_timed()) {
        (true, false) => "listpack",
        (true, true) => "listpackex",
        (false, _) => "hashtable",
    })
}

/// Redis's name for the encoding of a set.
fn set_encoding(
    view: &View<'_>,
    value: &Value<'_>,
    limits: &EncodingLimits,
) -> Result<&'static str, CommandError> {
    let Some(set) = value.set() else { return Ok("hashtable") };
    let len = set.len()?;
    let (mut integers, mut short) = (len <= limits.set_integers, len <= limits.set_entries);
    set.each_from(view, &[], |member| {
        integers = integers && parse_i64(member).is_some();
        short = short && member.len() as u64 <= limits.set_value;
        Ok(integers || short)
    })?;
    Ok(match (integers, short) {
        (true, _) => "intset",
        (false, true) => "listpack",
        (false, false) => "hashtable",
    })
}

/// Redis's name for the encoding of a sorted set that was created with these elements.
fn sorted_set_encoding(
    view: &View<'_>,
    value: &Value<'_>,
    limits: &EncodingLimits,
) -> Result<&'static str, CommandError> {
    let Some(set) = value.sorted_set() else { return Ok("skiplist") };
    let mut is_list = set.len()? <= limits.zset_entries;
    if is_list {
        set.each_member_from(view, &[], |member, _| {
            is_list = member.len() as u64 <= limits.zset_value;
            Ok(is_list)
        })?;
    }
    Ok(if is_list { "listpack" } else { "skiplist" })
}

/// `OBJECT FREQ key`
pub(super) fn freq(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    if context.keys.get_quietly(context.db, &args[2])?.is_none() {
        reply.null();
        return Ok(());
    }
    Err("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
         between policies at runtime LRU and LFU data will take some time to adjust."
        .into())
}

/// `OBJECT IDLETIME key`
pub(super) fn idletime(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_constant(context, &args[2], 0, reply)
}

/// `OBJECT REFCOUNT key`
pub(super) fn refcount(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_constant(context, &args[2], 1, reply)
}

/// Replies with `number` if the key exists, or with null.
fn reply_constant(
    context: &mut ReadCtx<'_>,
    key: &[u8],
    number: i64,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    match context.keys.get_quietly(context.db, key)? {
        Some(_) => reply.integer(number),
        None => reply.null(),
    }
    Ok(())
}

/// `MEMORY USAGE key [SAMPLES count]`: the count is ignored; the server decides how it estimates the size of a
/// collection.
pub(in crate::command) fn usage(
    context: &mut ReadCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let mut rest = args.from(3);
    while let Some(word) = rest.next() {
        let count = rest.next().filter(|_| words::is(word, "samples")).ok_or(CommandError::SYNTAX)?;
        if words::integer(count)? < 0 {
            return Err(CommandError::SYNTAX);
        }
    }
    let Some(value) = context.keys.peek(context.db, &args[2])? else {
        reply.null();
        return Ok(());
    };
    let key = args[2].len() as u64 + OVERHEAD_BYTES;
    let expiry = if value.expire_at_ms.is_some() { key + 16 } else { 0 };
    let text = match value.text()? {
        Some(Text::InPieces { root, .. }) => root.len() * PIECE_PAGE_BYTES,
        Some(Text::Short(bytes)) => bytes.len() as u64,
        None => value.estimate_bytes(context.keys.view())?,
    };
    reply.integer((key + expiry + text) as i64);
    Ok(())
}

/// `OBJECT HELP`
pub(super) fn object_help(
    _: &mut LocalCtx<'_>,
    _: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    reply_lines(
        reply,
        &[
            "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "ENCODING <key>",
            "    Return the representation that Redis would choose for the value of <key>.",
            "FREQ <key>",
            "    Fails: access frequencies are not tracked.",
            "IDLETIME <key>",
            "    Return 0 if <key> exists: access times are not tracked.",
            "REFCOUNT <key>",
            "    Return 1 if <key> exists: values are not shared.",
            "HELP",
            "    Print this help.",
        ],
    );
    Ok(())
}

/// Replies with lines of text.
fn reply_lines(reply: &mut Reply<'_>, lines: &[&str]) {
    reply.array(lines.len());
    lines.iter().for_each(|line| reply.simple(line));
}
