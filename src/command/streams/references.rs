//! What becomes of the references that groups have to entries that are deleted: since Redis 8.2.

use super::*;
use crate::effect::ItemsBuffer;
use crate::resp::Args;

/// What becomes of references to deleted entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum References {
    /// They stay: the entries are pending, and are gone.
    #[default]
    Keep,
    /// They are deleted, too.
    Delete,
    /// An entry that has any is not deleted; neither is one that some group has not read.
    Acked,
}

impl References {
    /// The option that a word is.
    pub fn parse(word: &[u8]) -> Option<Self> {
        let options = [("keepref", Self::Keep), ("delref", Self::Delete), ("acked", Self::Acked)];
        options.into_iter().find(|(name, _)| words::is(word, name)).map(|(_, option)| option)
    }
}

/// The options of `XDELEX` and `XACKDEL`.
pub(super) struct Named {
    /// What becomes of references.
    pub references: References,
    /// The entries.
    pub ids: Vec<EntryId>,
}

impl Named {
    /// Parses `[KEEPREF|DELREF|ACKED] IDS numids id [id ...]`, in any order, from word `at` on.
    pub fn parse(args: &Args<'_>, mut at: usize) -> Result<Self, CommandError> {
        let (mut references, mut ids) = (None, None);
        while let Some(word) = args.get(at) {
            if let Some(option) = References::parse(word).filter(|_| references.is_none()) {
                references = Some(option);
                at += 1;
            } else if words::is(word, "ids") && ids.is_none() && at + 1 < args.len() {
                let count = args.integer(at + 1).and_then(|count| usize::try_from(count).ok());
                let count = count.filter(|count| *count > 0);
                let count = count.ok_or("ERR Number of IDs must be a positive integer")?;
                if count > args.len() - at - 2 {
                    return Err("ERR The `numids` parameter must match the number of arguments".into());
                }
                ids = Some(ids::all(args.from(at + 2).take(count))?);
                at += 2 + count;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(Self { references: references.unwrap_or_default(), ids: ids.ok_or(CommandError::SYNTAX)? })
    }
}

/// Whether some group has an entry pending, or has not read it yet.
pub(super) fn are_left(view: &View<'_>, stream: &Stream<'_>, id: EntryId) -> Result<bool, KeyspaceError> {
    let mut found = false;
    stream.each_group(view, |_, group| {
        found = found || id > group.last || stream.pending(view, group, id)?.is_some();
        Ok::<_, KeyspaceError>(())
    })?;
    Ok(found)
}

/// Deletes the references that all groups have to these entries.
pub(super) fn delete(context: &mut WriteCtx<'_>, key: &[u8], ids: &[EntryId]) -> Result<(), CommandError> {
    let found = with_stream(context, key, |view, stream| {
        let mut found: Vec<(Vec<u8>, ItemsBuffer)> = Vec::new();
        let Some(stream) = stream else { return Ok(found) };
        stream.each_group(view, |name, group| {
            let mut pending = ItemsBuffer::new();
            for id in ids {
                if stream.pending(view, group, *id)?.is_some() {
                    pending.push(&id.to_bytes());
                }
            }
            if !pending.is_empty() {
                found.push((name.to_vec(), pending));
            }
            Ok::<_, CommandError>(())
        })?;
        Ok(found)
    })?;
    for (group, ids) in found {
        change_group(context, key, StreamChange::Acknowledge { group: &group, ids: ids.items() })?;
    }
    Ok(())
}

/// There is no such entry, or it is not pending.
const MISSING: i64 = -1;
/// The entry was deleted.
const DELETED: i64 = 1;
/// The entry was not deleted, because a group refers to it.
const KEPT: i64 = 2;

/// `XDELEX key [KEEPREF|DELREF|ACKED] IDS numids id [id ...]`
pub(super) fn xdelex(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, named) = (&args[1], Named::parse(args, 2)?);
    let fates = with_stream(context, key, |view, stream| {
        let Some(stream) = stream else { return Ok(vec![MISSING; named.ids.len()]) };
        let mut deleted = std::collections::BTreeSet::new();
        let mut fates = Vec::with_capacity(named.ids.len());
        for id in &named.ids {
            fates.push(match () {
                () if deleted.contains(id) || !stream.contains(view, *id)? => MISSING,
                () if named.references == References::Acked && are_left(view, &stream, *id)? => KEPT,
                () => {
                    deleted.insert(*id);
                    DELETED
                }
            });
        }
        Ok(fates)
    })?;
    carry_out(context, key, &named, &fates, reply)
}

/// `XACKDEL key group [KEEPREF|DELREF|ACKED] IDS numids id [id ...]`
pub(super) fn xackdel(
    context: &mut WriteCtx<'_>,
    args: &Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let (key, group, named) = (&args[1], &args[2], Named::parse(args, 3)?);
    let pending = with_stream(context, key, |view, stream| {
        let missing = vec![false; named.ids.len()];
        let Some(stream) = stream else { return Ok(missing) };
        let Some(group) = stream.group(view, group)? else { return Ok(missing) };
        let mut seen = std::collections::BTreeSet::new();
        let is_pending = |id: &EntryId| Ok(seen.insert(*id) && stream.pending(view, &group, *id)?.is_some());
        named.ids.iter().map(is_pending).collect()
    })?;
    let acknowledged: Vec<_> =
        named.ids.iter().zip(&pending).filter(|(_, is)| **is).map(|(id, _)| id.to_bytes()).collect();
    if !acknowledged.is_empty() {
        let ids: ItemsBuffer = acknowledged.iter().map(|id| &id[..]).collect();
        change_group(context, key, StreamChange::Acknowledge { group, ids: ids.items() })?;
    }
    let fates = with_stream(context, key, |view, stream| {
        let fate = |(id, is_pending): (&EntryId, &bool)| {
            let keeps = named.references == References::Acked;
            let is_left = match (is_pending, &stream) {
                (true, Some(stream)) if keeps => are_left(view, stream, *id)?,
                _ => false,
            };
            Ok(if !is_pending {
                MISSING
            } else if is_left {
                KEPT
            } else {
                DELETED
            })
        };
        named.ids.iter().zip(&pending).map(fate).collect::<Result<Vec<i64>, CommandError>>()
    })?;
    carry_out(context, key, &named, &fates, reply)
}

/// Deletes the entries whose fate that is, and references to all of them where that is asked for. Replies with what became
/// of each.
fn carry_out(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    named: &Named,
    fates: &[i64],
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    delete_entries(context, key, named, fates)?;
    if named.references == References::Delete {
        delete(context, key, &distinct(&named.ids))?;
    }
    reply.array(fates.len());
    fates.iter().for_each(|fate| reply.integer(*fate));
    Ok(())
}

/// IDs, each once.
fn distinct(ids: &[EntryId]) -> Vec<EntryId> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Deletes the entries whose fate that is, as far as they exist.
fn delete_entries(
    context: &mut WriteCtx<'_>,
    key: &[u8],
    named: &Named,
    fates: &[i64],
) -> Result<(), CommandError> {
    let doomed = named.ids.iter().zip(fates).filter(|(_, fate)| **fate == DELETED).map(|(id, _)| *id);
    let doomed = distinct(&doomed.collect::<Vec<_>>());
    let found = with_stream(context, key, |view, stream| {
        let mut found = ItemsBuffer::new();
        let Some(stream) = stream else { return Ok(found) };
        for id in doomed {
            if stream.contains(view, id)? {
                found.push(&id.to_bytes());
            }
        }
        Ok(found)
    })?;
    if !found.is_empty() {
        change(context, key, StreamChange::Delete { ids: found.items() }, "xdel")?;
    }
    Ok(())
}
