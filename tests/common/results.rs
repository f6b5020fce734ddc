//! Commands of the plain map of [`super::keys`] that store a result of other keys, or take much out of a collection.

use super::Value;
use super::collections::{Kind, number, put, remove, take, wrong_type};
use super::keys::{Database, Entry};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a command does, and what is replied; `None` if it is none of these.
pub fn apply(keys: &mut Database, name: &str, arguments: &[&[u8]]) -> Option<Value> {
    let reply = match (name, arguments) {
        ("BITOP", [bits, to, sources @ ..]) => combine(keys, bits, to, sources),
        ("ZRANGESTORE", [to, from, start, stop]) => range_store(keys, to, from, (start, stop)),
        ("ZUNIONSTORE" | "ZINTERSTORE", [to, _count, sources @ ..]) => {
            store_scored(keys, name == "ZUNIONSTORE", to, sources)
        }
        ("SUNIONSTORE" | "SINTERSTORE" | "SDIFFSTORE", [to, sources @ ..]) => {
            store_set(keys, name, to, sources)
        }
        ("ZREMRANGEBYRANK", [key, start, stop]) => remove_range(keys, key, (start, stop)),
        ("SPOP", [key, count]) => pop_all(keys, key, number(count) as usize),
        ("ZPOPMIN", [key, count]) => pop(keys, key, number(count) as usize),
        _ => return None,
    };
    Some(reply.unwrap_or_else(wrong_type))
}

/// `BITOP bits to source ...`; `None` if a source has another type.
fn combine(keys: &mut Database, bits: &[u8], to: &[u8], sources: &[&[u8]]) -> Option<Value> {
    let mut texts = Vec::new();
    for source in sources {
        texts.push(match keys.get(*source) {
            None => Arc::default(),
            Some(entry) if entry.kind == Kind::String => entry.value.clone(),
            Some(_) => return None,
        });
    }
    let len = texts.iter().map(|text| text.len()).max().unwrap_or(0);
    let padded = |text: &Arc<Vec<u8>>| {
        let mut bytes = text.as_ref().clone();
        bytes.resize(len, 0);
        bytes
    };
    let mut result = padded(&texts[0]);
    for other in &texts[1..] {
        let pairs = result.iter_mut().zip(padded(other));
        match bits {
            b"AND" => pairs.for_each(|(byte, other)| *byte &= other),
            b"OR" => pairs.for_each(|(byte, other)| *byte |= other),
            _ => pairs.for_each(|(byte, other)| *byte ^= other),
        }
    }
    if bits == b"NOT" {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    keys.remove(to);
    if len > 0 {
        keys.insert(to.into(), Entry { kind: Kind::String, value: Arc::new(result), expiry: None });
    }
    Some(Value::Integer(len as i64))
}

/// A member with its score. They sort by score.
type Scored = (i64, Vec<u8>);

/// The elements of a sorted set in the order of scores; `None` if the key has another type.
fn in_order(keys: &Database, key: &[u8]) -> Option<Vec<Scored>> {
    let words = take(keys, key, Kind::SortedSet)?;
    let mut elements: Vec<Scored> =
        words.chunks_exact(2).map(|pair| (number(&pair[1]), pair[0].clone())).collect();
    elements.sort_unstable();
    Some(elements)
}

/// The words of a sorted set of these elements.
fn by_member(elements: &[Scored]) -> Vec<Vec<u8>> {
    let by_member: BTreeMap<&Vec<u8>, i64> =
        elements.iter().map(|(score, member)| (member, *score)).collect();
    by_member
        .into_iter()
        .flat_map(|(member, score)| [member.clone(), score.to_string().into_bytes()])
        .collect()
}

/// The elements at positions of which the last one counts, too; from the end if they are negative.
fn slice<'e>(elements: &'e [Scored], (start, stop): (&[u8], &[u8])) -> &'e [Scored] {
    let len = elements.len() as i64;
    let place = |word| match number(word) {
        place @ 0.. => place,
        place => (len + place).max(0),
    };
    let (start, end) = (place(start).min(len), (place(stop) + 1).min(len));
    if start < end { &elements[start as usize..end as usize] } else { &[] }
}

/// Replaces whatever a key holds by a collection, which may be empty.
fn replace(keys: &mut Database, key: &[u8], kind: Kind, words: &[Vec<u8>]) {
    keys.remove(key);
    put(keys, key, kind, words);
}

/// `ZRANGESTORE to from start stop`
fn range_store(keys: &mut Database, to: &[u8], from: &[u8], range: (&[u8], &[u8])) -> Option<Value> {
    let elements = in_order(keys, from)?;
    let stored = slice(&elements, range);
    replace(keys, to, Kind::SortedSet, &by_member(stored));
    Some(Value::Integer(stored.len() as i64))
}

/// `ZUNIONSTORE to count source ...` or `ZINTERSTORE to count source ...`, with the sums of scores.
fn store_scored(keys: &mut Database, is_union: bool, to: &[u8], sources: &[&[u8]]) -> Option<Value> {
    let mut sums: BTreeMap<Vec<u8>, (usize, i64)> = BTreeMap::new();
    for source in sources {
        for (score, member) in in_order(keys, source)? {
            let (found, sum) = sums.entry(member).or_default();
            (*found, *sum) = (*found + 1, *sum + score);
        }
    }
    sums.retain(|_, (found, _)| is_union || *found == sources.len());
    let words: Vec<Vec<u8>> =
        sums.into_iter().flat_map(|(member, (_, score))| [member, score.to_string().into_bytes()]).collect();
    replace(keys, to, Kind::SortedSet, &words);
    Some(Value::Integer(words.len() as i64 / 2))
}

/// `SUNIONSTORE to source ...` and its kin.
fn store_set(keys: &mut Database, name: &str, to: &[u8], sources: &[&[u8]]) -> Option<Value> {
    let sets = sources.iter().map(|source| Some(BTreeSet::from_iter(take(keys, source, Kind::Set)?)));
    let sets: Vec<BTreeSet<Vec<u8>>> = sets.collect::<Option<_>>()?;
    let join = |one: BTreeSet<Vec<u8>>, other: BTreeSet<Vec<u8>>| match name {
        "SUNIONSTORE" => &one | &other,
        "SINTERSTORE" => &one & &other,
        _ => &one - &other,
    };
    let words: Vec<Vec<u8>> = sets.into_iter().reduce(join).unwrap_or_default().into_iter().collect();
    replace(keys, to, Kind::Set, &words);
    Some(Value::Integer(words.len() as i64))
}

/// Takes elements out of a sorted set, whose key keeps its expiry.
fn take_out(keys: &mut Database, key: &[u8], taken: &[Scored]) {
    let mut words = take(keys, key, Kind::SortedSet).expect("a sorted set, or nothing");
    let members: Vec<&[u8]> = taken.iter().map(|(_, member)| member.as_slice()).collect();
    remove(&mut words, 2, &members);
    put(keys, key, Kind::SortedSet, &words);
}

/// `ZREMRANGEBYRANK key start stop`
fn remove_range(keys: &mut Database, key: &[u8], range: (&[u8], &[u8])) -> Option<Value> {
    let elements = in_order(keys, key)?;
    let taken = slice(&elements, range);
    take_out(keys, key, taken);
    Some(Value::Integer(taken.len() as i64))
}

/// `ZPOPMIN key count`
fn pop(keys: &mut Database, key: &[u8], count: usize) -> Option<Value> {
    let elements = in_order(keys, key)?;
    let taken = &elements[..count.min(elements.len())];
    take_out(keys, key, taken);
    let words = taken.iter().flat_map(|(score, member)| [member.clone(), score.to_string().into_bytes()]);
    Some(Value::Array(words.map(Value::Bulk).collect()))
}

/// `SPOP key count` of all members.
fn pop_all(keys: &mut Database, key: &[u8], count: usize) -> Option<Value> {
    let words = take(keys, key, Kind::Set)?;
    assert!(count >= words.len(), "nobody knows what a random command does");
    keys.remove(key);
    Some(Value::Array(words.into_iter().map(Value::Bulk).collect()))
}
