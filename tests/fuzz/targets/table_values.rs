//! Reads the value in a cell by the type that the cell claims, as commands do.

use ackd::effect::{End, Score};
use ackd::keyspace::{Edge, Element, KeyspaceError, Kind, List, SortedSet, Text, Value};
use ackd::table::{Cell, Snapshot};

/// Bytes of a string that are read: a string may consist of a few bytes and a long gap.
const TEXT_BYTES: u64 = 100_000;
/// Elements of one collection that are read.
const ELEMENTS_MAX: usize = 3000;
/// A member that exists.
const MEMBER: &[u8] = b"member:0001 with some text";

/// Reads the value in all ways.
pub fn value(view: &Snapshot<'_>, cell: &Cell<'_>) -> Result<(), KeyspaceError> {
    let value = Value::read(cell)?;
    if let Some(whole) = value.text()? {
        text(view, &whole)?;
    }
    let _ = value.estimate_bytes(view);
    for kind in [Kind::Hash, Kind::Set, Kind::SortedSet] {
        let _ = map(view, &value, kind);
    }
    for now_ms in [0, 4_500_000_000_000, u64::MAX] {
        let _ = hash(view, &value, now_ms);
    }
    if let Some(read) = value.list() {
        let _ = list(view, &read);
    }
    if let Some(read) = value.sorted_set() {
        let _ = sorted_set(view, &read);
    }
    Ok(())
}

fn text(view: &Snapshot<'_>, text: &Text<'_>) -> Result<(), KeyspaceError> {
    let mut bytes = 0;
    text.each_part(view, 0, TEXT_BYTES, |part| bytes += part.len() as u64)?;
    assert_eq!(bytes, text.len().min(TEXT_BYTES), "a string has as many bytes as it says");
    text.each_part(view, text.len().saturating_sub(TEXT_BYTES), u64::MAX, |_| ())?;
    text.equals(view, &vec![b'l'; text.len().min(TEXT_BYTES) as usize])?;
    Ok(())
}

fn map(view: &Snapshot<'_>, value: &Value<'_>, kind: Kind) -> Result<(), KeyspaceError> {
    let Some(map) = value.map(kind) else { return Ok(()) };
    let mut count = 0;
    map.each_from(view, b"", |_, cell| {
        let _ = Element::read(&cell);
        count += 1;
        Ok(count < ELEMENTS_MAX)
    })?;
    let mut keys = map.keys(view);
    for _ in 0..ELEMENTS_MAX {
        let Some(_) = keys.next()? else { break };
    }
    map.get(view, MEMBER)?;
    map.nth(view, map.len()?.saturating_sub(1))?;
    map.nth(view, u64::MAX)?;
    Ok(())
}

fn hash(view: &Snapshot<'_>, value: &Value<'_>, now_ms: u64) -> Result<(), KeyspaceError> {
    let Some(hash) = value.hash(now_ms) else { return Ok(()) };
    let mut count = 0;
    hash.each_from(view, b"", |_, element| {
        text(view, &element.text)?;
        count += 1;
        Ok(count < 100)
    })?;
    hash.get(view, MEMBER)?;
    hash.nth(view, 1)?;
    hash.len(view)?;
    Ok(())
}

fn list(view: &Snapshot<'_>, list: &List<'_>) -> Result<(), KeyspaceError> {
    let len = list.len()?;
    for index in [0, 1, len.saturating_sub(1), len, u64::MAX] {
        if let Some(element) = list.get(view, index)? {
            text(view, &element)?;
        }
        for end in [End::Head, End::Tail] {
            let mut count = 0;
            list.each(view, end, index, |_, _| {
                count += 1;
                Ok(count < ELEMENTS_MAX)
            })?;
        }
    }
    list.find(view, b"member:")?;
    list.is_listpack(view)?;
    Ok(())
}

fn sorted_set(view: &Snapshot<'_>, set: &SortedSet<'_>) -> Result<(), KeyspaceError> {
    set.rank(view, MEMBER)?;
    set.nth_member(view, 1)?;
    let middle = Score::new(3.0).unwrap_or(Score::ZERO);
    let edges = [
        Edge::First,
        Edge::Score(middle),
        Edge::BehindScore(middle),
        Edge::Member(MEMBER),
        Edge::BehindMember(MEMBER),
        Edge::Last,
    ];
    for (edge, reverse) in edges.into_iter().zip([true, false].into_iter().cycle()) {
        let (from, mut count) = (set.position(view, edge)?, 0);
        // As commands do: from one position to another one of the same set.
        set.each_in(view, from.min(set.len()?)..set.len()?, reverse, |_, _| {
            count += 1;
            Ok(count < ELEMENTS_MAX)
        })?;
    }
    set.each_member_from(view, b"member:0002", |_, _| Ok(true))
}
