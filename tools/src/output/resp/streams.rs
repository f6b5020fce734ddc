//! Commands on streams. No command of Redis sets when a consumer was seen: it is when the command runs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ackd::effect::{EntryId, StreamChange, count_from_bytes};

use super::words::{command, items, number};

/// The group with which a stream without entries is created; it is deleted at once.
const FIRST_GROUP: &[u8] = b"-";

pub(super) fn print(out: &mut dyn Write, key: &[u8], change: &StreamChange<'_>) -> io::Result<()> {
    match *change {
        StreamChange::Add { id, fields } => items(out, &[b"XADD", key, &text(id)], fields),
        StreamChange::Delete { ids } => with_ids(out, &[b"XDEL", key], ids.iter(), &[]),
        StreamChange::Trim { up_to, .. } => match up_to.next() {
            Some(first) => command(out, &[b"XTRIM", key, b"MINID", &text(first)]),
            None => command(out, &[b"XTRIM", key, b"MAXLEN", b"0"]),
        },
        StreamChange::SetLast { last, added, max_deleted } => {
            let (added, max_deleted) = (number(added), text(max_deleted));
            let options: [&[u8]; 4] = [b"ENTRIESADDED", added.as_bytes(), b"MAXDELETEDID", &max_deleted];
            command(out, &[&[b"XSETID", key, &text(last)][..], &options].concat())
        }
        StreamChange::Create => {
            command(out, &[b"XGROUP", b"CREATE", key, FIRST_GROUP, b"0", b"MKSTREAM"])?;
            command(out, &[b"XGROUP", b"DESTROY", key, FIRST_GROUP])
        }
        StreamChange::CreateGroup { group, last, read } => {
            progress(out, b"CREATE", (key, group), (last, read))
        }
        StreamChange::SetGroup { group, last, read } => progress(out, b"SETID", (key, group), (last, read)),
        StreamChange::DeleteGroup { group } => command(out, &[b"XGROUP", b"DESTROY", key, group]),
        StreamChange::SetConsumer { group, consumer, .. } => {
            command(out, &[b"XGROUP", b"CREATECONSUMER", key, group, consumer])
        }
        StreamChange::DeleteConsumer { group, consumer } => {
            command(out, &[b"XGROUP", b"DELCONSUMER", key, group, consumer])
        }
        StreamChange::Deliver { group, consumer, now_ms, last, read, ids } => {
            claim(out, [key, group, consumer], ids.iter(), (now_ms, 1))?;
            progress(out, b"SETID", (key, group), (last, read))
        }
        // Redis 7 remembers nothing of producers.
        StreamChange::Remember { .. } | StreamChange::SetProducers { .. } => Ok(()),
        StreamChange::Acknowledge { group, ids } => with_ids(out, &[b"XACK", key, group], ids.iter(), &[]),
        StreamChange::Claim { group, consumer, delivered_ms, entries, .. } => {
            let mut by_count: BTreeMap<u64, Vec<&[u8]>> = BTreeMap::new();
            for (id, count) in entries.pairs() {
                by_count.entry(count_from_bytes(count).unwrap_or_default()).or_default().push(id);
            }
            by_count.into_iter().try_for_each(|(count, ids)| {
                claim(out, [key, group, consumer], ids.into_iter(), (delivered_ms, count))
            })
        }
    }
}

/// An ID as text.
fn text(id: EntryId) -> Vec<u8> {
    id.to_string().into_bytes()
}

/// A command with IDs, and words after them.
fn with_ids<'i>(
    out: &mut dyn Write,
    words: &[&[u8]],
    ids: impl Iterator<Item = &'i [u8]>,
    after: &[&[u8]],
) -> io::Result<()> {
    let ids: Vec<Vec<u8>> = ids.filter_map(EntryId::from_bytes).map(text).collect();
    let ids: Vec<&[u8]> = ids.iter().map(Vec::as_slice).collect();
    command(out, &[words, &ids, after].concat())
}

/// Sets how far a group has read.
fn progress(
    out: &mut dyn Write,
    subcommand: &[u8],
    (key, group): (&[u8], &[u8]),
    (last, read): (EntryId, Option<u64>),
) -> io::Result<()> {
    let read = read.map_or("-1".into(), number);
    command(out, &[b"XGROUP", subcommand, key, group, &text(last), b"ENTRIESREAD", read.as_bytes()])
}

/// Makes entries pending for a consumer.
fn claim<'i>(
    out: &mut dyn Write,
    [key, group, consumer]: [&[u8]; 3],
    ids: impl Iterator<Item = &'i [u8]>,
    (delivered_ms, count): (u64, u64),
) -> io::Result<()> {
    let (time, count) = (number(delivered_ms), number(count));
    let options: [&[u8]; 6] =
        [b"TIME", time.as_bytes(), b"RETRYCOUNT", count.as_bytes(), b"FORCE", b"JUSTID"];
    with_ids(out, &[b"XCLAIM", key, group, consumer, b"0"], ids, &options)
}
