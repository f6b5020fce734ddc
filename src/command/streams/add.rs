//! Adding and deleting entries.

use super::ids::{self, Seq};
use super::options::{Options, Trim, Trimmed};
use super::{references, *};
use crate::effect::{ItemsBuffer, VALUE_BYTES_MAX};
use crate::keyspace::StreamPast;
use crate::resp::Args;

/// Bytes that a word takes in an entry besides its own.
const WORD_OVERHEAD_BYTES: u64 = 5;

/// `XADD key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [IDMPAUTO producer-id|IDMP producer-id idempotent-id]
/// [<MAXLEN|MINID> [=|~] threshold [LIMIT count]] <*|id> field value [field value ...]`
pub(super) fn xadd(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let options = Options::parse(args, true)?;
    let fields = args.len().saturating_sub(options.end + 1);
    if fields < 2 || !fields.is_multiple_of(2) {
        return Err("ERR wrong number of arguments for 'xadd' command".into());
    }
    if options.id == Some((0, Seq::Given(0))) {
        return Err("ERR The ID specified in XADD must be greater than 0-0".into());
    }
    let key = &args[1];
    let past = with_stream(context, key, |_, stream| Ok(stream.map(|stream| stream.past)))?;
    if past.is_none() && !options.creates {
        reply.null();
        return Ok(());
    }
    let words = args.from(options.end + 1);
    let sent = options.once.map(|once| once.message(words.clone()));
    if let Some(id) = sent.as_ref().map(|sent| sent.before(context, key)).transpose()?.flatten() {
        reply_id(reply, id);
        return Ok(());
    }
    let id = new_id(&past.unwrap_or_default(), options.id, context.now_ms)?;
    check_len(words.clone().map(<[u8]>::len))?;
    let fields: ItemsBuffer = words.collect();
    change(context, key, StreamChange::Add { id, fields: fields.items() }, "xadd")?;
    if let Some(sent) = sent {
        sent.remember(context, key, id)?;
    }
    if let Some(trim) = options.trim {
        trimmed(context, key, &trim)?;
    }
    reply_id(reply, id);
    Ok(())
}

/// Refuses an entry with words of these lengths if it is too long to be stored. Returns how many bytes it takes.
pub(in crate::command) fn check_len(lens: impl Iterator<Item = usize>) -> Result<u64, CommandError> {
    let bytes = lens.map(|len| len as u64 + WORD_OVERHEAD_BYTES).sum();
    if bytes > VALUE_BYTES_MAX { Err("ERR Elements are too large to be stored".into()) } else { Ok(bytes) }
}

/// The ID of a new entry.
fn new_id(past: &StreamPast, asked: Option<(u64, Seq)>, now_ms: u64) -> Result<EntryId, CommandError> {
    let last = past.last;
    if last == EntryId::MAX {
        return Err("ERR The stream has exhausted the last possible ID, unable to add more items".into());
    }
    let id = match asked {
        None if now_ms > last.ms => Some(EntryId { ms: now_ms, seq: 0 }),
        None => last.next(),
        Some((ms, Seq::Auto)) if ms == last.ms => last.seq.checked_add(1).map(|seq| EntryId { ms, seq }),
        Some((ms, Seq::Given(seq))) => Some(EntryId { ms, seq }),
        Some((ms, _)) => Some(EntryId { ms, seq: 0 }),
    };
    id.filter(|id| *id > last)
        .ok_or("ERR The ID specified in XADD is equal or smaller than the target stream top item".into())
}

/// Trims a stream that exists; returns how many entries were deleted.
fn trimmed(context: &mut WriteCtx<'_>, key: &[u8], trim: &Trim) -> Result<u64, CommandError> {
    let found = with_stream(context, key, |view, stream| match stream {
        Some(stream) => Ok(trim.of(view, &stream)?),
        None => Ok(Trimmed::default()),
    })?;
    references::delete(context, key, &found.pending)?;
    let others: Vec<_> = found.others.iter().map(|id| id.to_bytes()).collect();
    let others: ItemsBuffer = others.iter().map(|id| &id[..]).collect();
    let effects = [
        found.up_to.map(|(up_to, count)| StreamChange::Trim { up_to, count }),
        (!others.is_empty()).then(|| StreamChange::Delete { ids: others.items() }),
    ];
    for effect in effects.into_iter().flatten() {
        context.keys.apply(&Effect::on(context.db, key, effect))?;
    }
    if found.len() > 0 {
        context.keys.event(Classes::STREAM, "xtrim", context.db, key);
    }
    Ok(found.len())
}

/// `XTRIM key <MAXLEN|MINID> [=|~] threshold [LIMIT count]`
pub(super) fn xtrim(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let options = Options::parse(args, false)?;
    let count = match options.trim {
        Some(trim) => trimmed(context, &args[1], &trim)?,
        None => 0,
    };
    reply.integer(count as i64);
    Ok(())
}

/// `XDEL key id [id ...]`
pub(super) fn xdel(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let key = &args[1];
    let found = with_stream(context, key, |view, stream| {
        let Some(stream) = stream else { return Ok(ItemsBuffer::new()) };
        let mut ids = ids::all(args.from(2))?;
        ids.sort_unstable();
        ids.dedup();
        let mut found = ItemsBuffer::new();
        for id in ids {
            if stream.contains(view, id)? {
                found.push(&id.to_bytes());
            }
        }
        Ok(found)
    })?;
    if !found.is_empty() {
        change(context, key, StreamChange::Delete { ids: found.items() }, "xdel")?;
    }
    reply.integer(found.len() as i64);
    Ok(())
}

/// `XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]`
pub(super) fn xsetid(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let last = ids::strict(&args[2])?;
    let (mut added, mut max_deleted) = (None, EntryId::MIN);
    let mut rest = args.from(3);
    while let Some(option) = rest.next() {
        let word = rest.next().ok_or(CommandError::SYNTAX)?;
        if words::is(option, "entriesadded") {
            let number = u64::try_from(words::integer(word)?);
            added = Some(number.map_err(|_| "ERR entries_added must be positive")?);
        } else if words::is(option, "maxdeletedid") {
            max_deleted = ids::strict(word)?;
            if last < max_deleted {
                return Err(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id".into(),
                );
            }
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    let key = &args[1];
    let past = with_stream(context, key, |view, stream| {
        let stream = stream.ok_or(CommandError::NO_SUCH_KEY)?;
        if last < stream.past.max_deleted {
            return Err("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id".into());
        }
        if stream.last(view)?.is_some_and(|top| last < top) {
            return Err("ERR The ID specified in XSETID is smaller than the target stream top item".into());
        }
        if !stream.is_empty() && added.is_some_and(|added| stream.len().is_ok_and(|len| len > added)) {
            return Err(
                "ERR The entries_added specified in XSETID is smaller than the target stream length".into()
            );
        }
        Ok(stream.past)
    })?;
    let max_deleted = if max_deleted == EntryId::MIN { past.max_deleted } else { max_deleted };
    let added = added.unwrap_or(past.added);
    change(context, key, StreamChange::SetLast { last, added, max_deleted }, "xsetid")?;
    reply.ok();
    Ok(())
}
