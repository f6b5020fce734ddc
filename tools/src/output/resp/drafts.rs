//! Drafts: results that were stored in several records. Redis has no place for them, so they are held back, and printed
//! as the value of their key when they are whole.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ackd::effect::{
    Bits, Change, DRAFTS, Effect, EffectBuffer, Items, KeyChange, Part, Ranks, SortedSetChange, StringChange,
};

use super::Resp;
use super::words::{command, items, number};

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
            match copied(&held) {
                Some(Copied::Elements(part, ranks)) => {
                    return print_elements(resp, out, (part, ranks), (to_db, draft));
                }
                Some(Copied::Bits(bits, from_db, sources)) => {
                    return print_bits(resp, out, bits, (from_db, sources), (to_db, draft));
                }
                Some(Copied::Whole(from_db, from)) if (from_db, from) != (to_db, draft) => {
                    resp.select(out, from_db)?;
                    command(
                        out,
                        &[b"COPY", from, draft, b"DB", number(to_db as u64).as_bytes(), b"REPLACE"],
                    )?;
                }
                _ => {}
            }
            for effect in held.effects().filter(|effect| effect.db() == Some(DRAFTS)) {
                if let Effect::Key { change, .. } = effect {
                    resp.change(out, (to_db, draft), &change)?;
                }
            }
        }
        change => resp.drafts.entry(draft.into()).or_default().push(&Effect::on(DRAFTS, draft, change)),
    }
    Ok(())
}

/// What a draft was copied from.
enum Copied<'a> {
    /// Elements of a sorted set.
    Elements(Part<'a>, Ranks),
    /// All of a key, before further changes.
    Whole(usize, &'a [u8]),
    /// A combination of strings of a database.
    Bits(Bits, usize, Items<'a>),
}

/// What a draft was copied from, if it was: the first or the last of its changes says so.
fn copied(held: &EffectBuffer) -> Option<Copied<'_>> {
    if let Effect::Key { db, key, change: Change::Key(KeyChange::Copy { .. }) } = held.effects().next()? {
        return Some(Copied::Whole(db, key));
    }
    let Effect::Key { change, .. } = held.effects().last()? else { return None };
    match change {
        Change::SortedSet(SortedSetChange::CopyMembers { part, ranks }) => {
            Some(Copied::Elements(part, ranks))
        }
        Change::String(StringChange::Combine { bits, from_db, sources, .. }) => {
            Some(Copied::Bits(bits, from_db, sources))
        }
        _ => None,
    }
}

/// The database and key that a record replaces by a copy, perhaps of itself. So the key must not be deleted first,
/// as the record says.
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
fn print_elements(
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

/// Prints a command that replaces a key by a combination of strings. Only a single string is copied to another database.
fn print_bits(
    resp: &mut Resp,
    out: &mut dyn Write,
    bits: Bits,
    (from_db, sources): (usize, Items<'_>),
    (to_db, to): (usize, &[u8]),
) -> io::Result<()> {
    resp.held.drop_key(to_db, to);
    resp.select(out, from_db)?;
    let operation: &[u8] = match bits {
        Bits::All => b"AND",
        Bits::Any => b"OR",
        Bits::Odd => b"XOR",
        Bits::None => b"NOT",
        Bits::OnlyFirst => b"DIFF",
        Bits::NotFirst => b"DIFF1",
        Bits::FirstAndAnother => b"ANDOR",
        Bits::One => b"ONE",
    };
    match sources.iter().next() {
        Some(source) if from_db != to_db => {
            command(out, &[b"COPY", source, to, b"DB", number(to_db as u64).as_bytes(), b"REPLACE"])
        }
        _ => items(out, &[b"BITOP", operation, to], sources),
    }
}
