//! Streams: `XADD`, `XREADGROUP` and related commands.

mod acknowledge;
mod add;
mod auto_claim;
mod claim;
mod groups;
mod idle;
#[cfg(test)]
mod idle_tests;
mod ids;
mod info;
mod once;
#[cfg(test)]
mod once_tests;
mod options;
mod pending;
mod range;
mod read;
mod read_group;
mod references;
mod runs;
#[cfg(test)]
mod tests;

pub(super) use add::check_len;
pub(super) use runs::RUNS;

use super::{CommandError, ReadCtx, WriteCtx, words};
use crate::effect::{Effect, EntryId, StreamChange};
use crate::keyspace::{
    Classes, GROUP_NAME_BYTES_MAX, Group, IdRange, KeyspaceError, Stream, StreamEntry, Value,
};
use crate::resp::Reply;
use crate::table::View;

/// The stream in a value.
fn stream<'a>(value: Option<Value<'a>>) -> Result<Option<Stream<'a>>, CommandError> {
    let Some(value) = value else { return Ok(None) };
    value.stream()?.map(Some).ok_or(CommandError::WRONG_TYPE)
}

/// The stream that a key holds.
fn stream_of<'a>(context: &mut ReadCtx<'a>, key: &[u8]) -> Result<Option<Stream<'a>>, CommandError> {
    let value = context.keys.get(context.db, key)?;
    stream(value)
}

/// Calls `look` with the stream that a key holds.
fn with_stream<R>(
    context: &WriteCtx<'_>,
    key: &[u8],
    look: impl FnOnce(&View<'_>, Option<Stream<'_>>) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    context.keys.with_value(context.db, key, |view, value| look(view, stream(value)?))
}

/// Makes a change of a stream and reports its event.
fn change(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    change: StreamChange<'_>,
    event: &'static str,
) -> Result<(), KeyspaceError> {
    context.keys.change(&Effect::on(context.db, key, change), Classes::STREAM, event)
}

/// Makes a change that reports no event of its own: mostly of a group.
fn change_group(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    change: StreamChange<'_>,
) -> Result<(), KeyspaceError> {
    context.keys.apply(&Effect::on(context.db, key, change))
}

/// Reports an event of a group.
fn group_event(context: &mut WriteCtx<'_>, key: &[u8], event: &'static str) {
    context.keys.event_only(Classes::STREAM, event, context.db, key);
}

/// Refuses a name of a group or a consumer that is too long to be stored; `what` names it in the error.
pub(super) fn check_name(name: &[u8], what: &str) -> Result<(), CommandError> {
    match name.len() > GROUP_NAME_BYTES_MAX {
        true => Err(format!("ERR {what} is too long: {GROUP_NAME_BYTES_MAX} bytes at most").into()),
        false => Ok(()),
    }
}

/// A word in an error text.
fn shown(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

/// The error if a key or a group does not exist.
fn no_key_or_group(key: &[u8], group: &[u8]) -> CommandError {
    format!("NOGROUP No such key '{}' or consumer group '{}'", shown(key), shown(group)).into()
}

/// The error if a group does not exist.
fn no_group(key: &[u8], group: &[u8]) -> CommandError {
    format!("NOGROUP No such consumer group '{}' for key name '{}'", shown(group), shown(key)).into()
}

/// A group of a stream that must exist.
fn existing<'a>(
    view: &View<'_>,
    stream: Option<Stream<'a>>,
    key: &[u8],
    group: &[u8],
) -> Result<(Stream<'a>, Group), CommandError> {
    let stream = stream.ok_or_else(|| no_key_or_group(key, group))?;
    let found = stream.group(view, group)?.ok_or_else(|| no_key_or_group(key, group))?;
    Ok((stream, found))
}

/// Writes an ID.
fn reply_id(reply: &mut Reply<'_>, id: EntryId) {
    let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
    let (ms, seq) = (ms.format(id.ms), seq.format(id.seq));
    reply.bulk_header(ms.len() + 1 + seq.len());
    reply.raw(ms.as_bytes());
    reply.raw(b"-");
    reply.raw(seq.as_bytes());
    reply.end_line();
}

/// Writes an entry: its ID, and its fields with their values.
fn reply_entry(reply: &mut Reply<'_>, id: EntryId, entry: &StreamEntry<'_>) -> Result<(), KeyspaceError> {
    reply.array(2);
    reply_id(reply, id);
    reply_fields(reply, entry)
}

/// Writes the fields of an entry with their values.
fn reply_fields(reply: &mut Reply<'_>, entry: &StreamEntry<'_>) -> Result<(), KeyspaceError> {
    reply.array(entry.len()? * 2);
    entry.each(|field, value| {
        reply.bulk(field);
        reply.bulk(value);
        Ok(())
    })
}

/// Number of entries in a range.
fn len_of(view: &View<'_>, stream: &Stream<'_>, range: IdRange) -> Result<u64, KeyspaceError> {
    let end = match range.last.next() {
        Some(behind) => stream.position(view, behind)?,
        None => stream.len()?,
    };
    Ok(end.saturating_sub(stream.position(view, range.first)?))
}

/// Writes the entries in a range as an array, at most `count` of them if that is not 0.
fn reply_range(
    reply: &mut Reply<'_>,
    view: &View<'_>,
    stream: &Stream<'_>,
    (range, reverse, count): (IdRange, bool, u64),
) -> Result<(), CommandError> {
    let len = len_of(view, stream, range)?;
    let mut left = if count == 0 { len } else { len.min(count) };
    view.check_cells(left)?;
    reply.array(left as usize);
    if left == 0 {
        return Ok(());
    }
    stream.each(view, range, reverse, |id, entry| {
        reply_entry(reply, id, entry)?;
        left -= 1;
        Ok(left > 0 && !reply.is_cut())
    })
}

/// Writes the entry with an ID, which must exist.
fn reply_one(
    reply: &mut Reply<'_>,
    view: &View<'_>,
    stream: &Stream<'_>,
    id: EntryId,
) -> Result<(), CommandError> {
    stream.each(view, IdRange::one(id), false, |id, entry| {
        reply_entry(reply, id, entry)?;
        Ok(false)
    })
}
