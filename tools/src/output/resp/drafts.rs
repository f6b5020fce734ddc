//! Drafts: results that were stored in several records. Redis has no place for them, so they are held back, and printed
//! as the value of their key when they are whole.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ackd::effect::{Change, DRAFTS, Effect, EffectBuffer, KeyChange, Part, Ranks, SortedSetChange};

use super::Resp;
use super::words::{command, number};

/// The changes of drafts that are not whole yet, by name.
pub(super) type Drafts = BTreeMap<Box<[u8]>, EffectBuffer>;

/// Holds back a change of a draft; prints all of them if the draft moves to its place.
pub(super) fn print(
    resp: &mut Resp,
    out: &mut dyn Write,
    draft: &[u8],
    change: &Change<'_>,
) -> io::Result<()> {
    match *change {
        Change::Key(KeyChange::Delete { .. }) => drop(resp.drafts.remove(draft)),
        Change::Key(KeyChange::Rename { to }) => {
            let held = resp.drafts.remove(draft).unwrap_or_default();
            resp.drafts.insert(to.into(), held);
        }
        Change::Key(KeyChange::Move { to_db }) => {
            let held = resp.drafts.remove(draft).unwrap_or_default();
            if let Some((part, ranks)) = copied(&held) {
                return print_copy(resp, out, (part, ranks), (to_db, draft));
            }
            for effect in held.effects() {
                if let Effect::Key { change, .. } = effect {
                    resp.change(out, (to_db, draft), &change)?;
                }
            }
        }
        change => resp.drafts.entry(draft.into()).or_default().push(&Effect::on(DRAFTS, draft, change)),
    }
    Ok(())
}

/// What a draft holds if it was copied from a sorted set: the last of its changes says so.
fn copied(held: &EffectBuffer) -> Option<(Part<'_>, Ranks)> {
    match held.effects().last()? {
        Effect::Key { change: Change::SortedSet(SortedSetChange::CopyMembers { part, ranks }), .. } => {
            Some((part, ranks))
        }
        _ => None,
    }
}

/// The database and key that a record replaces by elements which were copied, perhaps from itself. So the key must not
/// be deleted first, as the record says.
pub(super) fn replaced_by_copy<'e>(drafts: &Drafts, record: &[&Effect<'e>]) -> Option<(usize, &'e [u8])> {
    let change = |effect: &Effect<'e>| match *effect {
        Effect::Key { db: DRAFTS, key, change: Change::Key(change) } => Some((key, change)),
        _ => None,
    };
    let mut renamed = record.iter().filter_map(|effect| match change(effect)? {
        (draft, KeyChange::Rename { to }) => drafts.get(draft).and_then(copied).map(|_| to),
        _ => None,
    });
    let renamed = renamed.next()?;
    record.iter().find_map(|effect| match change(effect)? {
        (key, KeyChange::Move { to_db }) if key == renamed => Some((to_db, key)),
        _ => None,
    })
}

/// Prints commands that replace a key by elements of another sorted set, or of itself.
fn print_copy(
    resp: &mut Resp,
    out: &mut dyn Write,
    (part, ranks): (Part<'_>, Ranks),
    (to_db, to): (usize, &[u8]),
) -> io::Result<()> {
    resp.held.drop_key(to_db, to);
    let (first, last) = (number(ranks.first), number(ranks.behind.saturating_sub(1)));
    resp.select(out, part.from_db)?;
    if ranks.within && part.from_db == to_db {
        return command(out, &[b"ZRANGESTORE", to, part.from, first.as_bytes(), last.as_bytes()]);
    }
    if (part.from_db, part.from) != (to_db, to) {
        command(out, &[b"COPY", part.from, to, b"DB", number(to_db as u64).as_bytes(), b"REPLACE"])?;
    }
    resp.select(out, to_db)?;
    match ranks.within {
        true => command(out, &[b"ZRANGESTORE", to, to, first.as_bytes(), last.as_bytes()]),
        false => command(out, &[b"ZREMRANGEBYRANK", to, first.as_bytes(), last.as_bytes()]),
    }
}
