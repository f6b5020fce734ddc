//! Commands that move or copy a value to another key or database.

use crate::command::{CommandError, WriteCtx, sources, words};
use crate::effect::{
    Bits, Change, Effect, End, ItemsBuffer, KeyChange, ListChange, Ranks, SetChange, SortedSetChange,
    StringChange,
};
use crate::keyspace::{Classes, KeyspaceError, Kind, TEXT_SLICE_BYTES, Value};
use crate::resp::{Args, Reply};
use crate::table::View;

/// `RENAME key newkey`
pub(super) fn rename(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, to) = (context.db, &args[1], &args[2]);
    context.keys.info(db, key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    if key != to {
        let before = context.keys.before(db, to)?;
        context.keys.apply(&Effect::on(db, key, KeyChange::Rename { to }))?;
        notify_rename(context, key, to);
        context.keys.overwritten_by_this(before, db, to)?;
    }
    reply.ok();
    Ok(())
}

/// Notifies that a key was renamed.
fn notify_rename(context: &mut WriteCtx<'_>, key: &[u8], to: &[u8]) {
    context.keys.event(Classes::GENERIC, "rename_from", context.db, key);
    context.keys.event(Classes::GENERIC, "rename_to", context.db, to);
}

/// `RENAMENX key newkey`
pub(super) fn renamenx(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, to) = (context.db, &args[1], &args[2]);
    context.keys.info(db, key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let free = context.keys.info(db, to)?.is_none();
    if free {
        context.keys.apply(&Effect::on(db, key, KeyChange::Rename { to }))?;
        notify_rename(context, key, to);
    }
    reply.integer(i64::from(free));
    Ok(())
}

/// `MOVE key db`
pub(super) fn move_key(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key) = (context.db, &args[1]);
    let to_db = words::database(&args[2], context.limits.databases)?;
    if to_db == db {
        return Err(CommandError::SAME_OBJECT);
    }
    context.keys.purge(to_db, key, context.now_ms)?;
    let moves = context.keys.info(db, key)?.is_some() && context.keys.info(to_db, key)?.is_none();
    if moves {
        context.keys.apply(&Effect::on(db, key, KeyChange::Move { to_db }))?;
        context.keys.event(Classes::GENERIC, "move_from", db, key);
        context.keys.event(Classes::GENERIC, "move_to", to_db, key);
    }
    reply.integer(i64::from(moves));
    Ok(())
}

/// `COPY source destination [DB destination-db] [REPLACE]`
pub(super) fn copy(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (db, key, to) = (context.db, &args[1], &args[2]);
    let (mut to_db, mut replace) = (db, false);
    let mut rest = args.from(3);
    while let Some(word) = rest.next() {
        if words::is(word, "replace") {
            replace = true;
        } else if words::is(word, "db") {
            let number = rest.next().ok_or(CommandError::SYNTAX)?;
            to_db = words::database(number, context.limits.databases)?;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    if (db, key) == (to_db, to) {
        return Err(CommandError::SAME_OBJECT);
    }
    context.keys.purge(to_db, to, context.now_ms)?;
    if context.keys.prepares() {
        return copy_elements(context, key, (to_db, to), replace, reply);
    }
    let is_there = context.keys.info(db, key)?.is_some();
    context.looked_up(db, key, is_there);
    let copies = is_there && (replace || context.keys.info(to_db, to)?.is_none());
    if copies {
        let before = context.keys.before(to_db, to)?;
        context.keys.apply(&Effect::on(db, key, KeyChange::Copy { to_db, to }))?;
        context.keys.event(Classes::GENERIC, "copy_to", to_db, to);
        context.keys.overwritten_by_this(before, to_db, to)?;
    }
    reply.integer(i64::from(copies));
    Ok(())
}

/// The content of a value: its elements, or the bytes of a string.
struct Content {
    /// Its type.
    kind: Kind,
    /// The elements.
    items: ItemsBuffer,
    /// The bytes.
    bytes: Vec<u8>,
}

impl Content {
    /// Reads a value. Hashes are copied by the writer.
    fn of(view: &View<'_>, value: &Value<'_>) -> Result<Self, KeyspaceError> {
        let (mut items, mut bytes) = (ItemsBuffer::new(), Vec::new());
        if let Some(list) = value.list() {
            list.each(view, End::Head, 0, |_, element| {
                items.push(&element.to_contiguous(view)?);
                Ok(true)
            })?;
        } else if let Some(set) = value.set() {
            set.each_from(view, &[], |member| {
                items.push(member);
                Ok(true)
            })?;
        } else if let Some(set) = value.sorted_set() {
            set.each_member_from(view, &[], |member, score| {
                items.push(member);
                items.push(&score.to_bytes());
                Ok(true)
            })?;
        } else {
            let text = value.text()?.ok_or(KeyspaceError::WouldChange)?;
            text.each_part(view, 0, text.len(), |part| bytes.extend_from_slice(part))?;
        }
        Ok(Self { kind: value.kind, items, bytes })
    }

    /// The change that creates it.
    fn change(&self) -> Change<'_> {
        let items = self.items.items();
        match self.kind {
            Kind::List => ListChange::Push { end: End::Tail, elements: items }.into(),
            Kind::Set => SetChange::Add { members: items }.into(),
            Kind::SortedSet => SortedSetChange::Add { elements: items }.into(),
            _ => StringChange::Set { value: &self.bytes, expire_at_ms: None, raw: false }.into(),
        }
    }
}

/// Works out a copy. A value that expires is copied by the writer.
fn copy_elements(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    (to_db, to): (usize, &[u8]),
    replace: bool,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let db = context.db;
    let source: ItemsBuffer = std::iter::once(key).collect();
    let later = context.keys.combines_later(source.items());
    let copied = sources::read(context, |keys| {
        let Some(value) = keys.get(db, key)? else { return Ok(None) };
        if value.expire_at_ms.is_some() {
            return Err(KeyspaceError::WouldChange.into());
        }
        if !replace && keys.peek(to_db, to)?.is_some() {
            return Ok(None);
        }
        if let Some(set) = value.sorted_set().filter(|set| !set.is_packed()) {
            return Ok(Some(Copied::Elements(set.len()?)));
        }
        if let Some(text) = value.text()?.filter(|text| later && text.len() > TEXT_SLICE_BYTES as u64) {
            return Ok(Some(Copied::Text(text.len())));
        }
        Ok(Some(Copied::Content(Content::of(keys.view(), &value)?)))
    })?;
    match &copied {
        Some(Copied::Content(content)) => {
            context.keys.replace_by_copy(&Effect::on(to_db, to, content.change()))?;
        }
        Some(Copied::Elements(len)) => {
            let all = Ranks { first: 0, behind: *len, within: true };
            let event = (Classes::GENERIC, "copy_to");
            context.keys.replace_by_elements((db, key), all, (to_db, to), event, true)?;
        }
        Some(Copied::Text(len)) => {
            let source = (Bits::Any, db, source.items());
            let event = (Classes::GENERIC, "copy_to");
            context.keys.replace_by_combination(source, *len, (to_db, to), event, true)?;
        }
        None => {}
    }
    reply.integer(i64::from(copied.is_some()));
    Ok(())
}

/// What is copied.
enum Copied {
    /// What was read of a value.
    Content(Content),
    /// All elements of a sorted set, so many.
    Elements(u64),
    /// All bytes of a string, so many.
    Text(u64),
}
