//! Collections in the plain map of [`super::keys`]: a list, hash, set or sorted set is one sequence of words, in an order
//! that does not depend on how the value was made.

use super::Value;
use super::keys::{Command, Database, Entry};
use rand::Rng;
use rand::rngs::SmallRng;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

/// What type a key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Its value is the string.
    String,
    /// The elements, from head to tail.
    List,
    /// Field, value, field, value ..., by field.
    Hash,
    /// The members, in the order of their bytes.
    Set,
    /// Member, score, member, score ..., by member.
    SortedSet,
}

/// Keys of each type.
const KEYS: u32 = 2;
/// Words that one command brings.
const WORDS_MAX: usize = 8;
/// Up to this many entries are searched and removed one by one.
const ONE_BY_ONE_MAX: usize = 16;

/// Joins words, so that [`split`] can separate them.
pub fn join(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in words {
        bytes.extend((word.len() as u32).to_le_bytes());
        bytes.extend(word);
    }
    bytes
}

/// The words that were joined.
pub fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk() {
        let (word, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        words.push(word.to_vec());
        bytes = rest;
    }
    words
}

/// The reply to a command for another type.
pub fn wrong_type() -> Value {
    Value::Error("WRONGTYPE Operation against a key holding the wrong kind of value".into())
}

/// What a command on a collection does, and what is replied.
pub fn apply(keys: &mut Database, name: &str, arguments: &[&[u8]]) -> Value {
    let key = arguments[0];
    let kind = match name {
        "HSET" | "HDEL" | "HINCRBY" => Kind::Hash,
        "SADD" | "SREM" => Kind::Set,
        "ZADD" | "ZREM" | "ZINCRBY" | "ZPOPMIN" => Kind::SortedSet,
        "LMOVE" => return list_move(keys, key, arguments[1]),
        "SMOVE" => return set_move(keys, key, arguments[1], arguments[2]),
        _ => Kind::List,
    };
    let Some(mut words) = take(keys, key, kind) else { return wrong_type() };
    let reply = match kind {
        Kind::List => in_list(&mut words, name, &arguments[1..]),
        Kind::Hash => in_map(&mut words, name, &arguments[1..]),
        Kind::Set => in_set(&mut words, name, &arguments[1..]),
        _ => in_sorted_set(&mut words, name, &arguments[1..]),
    };
    put(keys, key, kind, &words);
    reply
}

/// The words of a key, none if there is no such key; `None` if it has another type.
pub fn take(keys: &Database, key: &[u8], kind: Kind) -> Option<Vec<Vec<u8>>> {
    match keys.get(key) {
        None => Some(Vec::new()),
        Some(entry) if entry.kind == kind => Some(split(&entry.value)),
        Some(_) => None,
    }
}

/// Stores these words under a key; without words, removes the key.
pub fn put(keys: &mut Database, key: &[u8], kind: Kind, words: &[Vec<u8>]) {
    if words.is_empty() {
        keys.remove(key);
    } else {
        let empty = || Entry { kind, value: Arc::default(), expiry: None };
        keys.entry(key.into()).or_insert_with(empty).value = Arc::new(join(words));
    }
}

fn integer(number: usize) -> Value {
    Value::Integer(number as i64)
}

fn bulk(word: Option<Vec<u8>>) -> Value {
    word.map_or(Value::Null, Value::Bulk)
}

/// The number that a word is.
pub fn number(word: &[u8]) -> i64 {
    std::str::from_utf8(word).ok().and_then(|text| text.parse().ok()).expect("a number")
}

fn in_list(words: &mut Vec<Vec<u8>>, name: &str, arguments: &[&[u8]]) -> Value {
    match (name, arguments) {
        ("RPUSH", elements) => words.extend(elements.iter().map(|element| element.to_vec())),
        ("LPUSH", elements) => elements.iter().for_each(|element| words.insert(0, element.to_vec())),
        ("LPOP", []) => return bulk((!words.is_empty()).then(|| words.remove(0))),
        ("RPOP", []) => return bulk(words.pop()),
        ("LSET", [..]) if words.is_empty() => return Value::Error("ERR no such key".into()),
        ("LSET", [index, element]) => match words.get_mut(number(index) as usize) {
            None => return Value::Error("ERR index out of range".into()),
            Some(place) => {
                *place = element.to_vec();
                return Value::Simple("OK".into());
            }
        },
        ("LTRIM", [start, stop]) => {
            words.truncate(number(stop) as usize + 1);
            words.drain(..words.len().min(number(start) as usize));
            return Value::Simple("OK".into());
        }
        ("LINSERT", [_before, pivot, element]) => {
            if words.is_empty() {
                return integer(0);
            }
            let Some(place) = words.iter().position(|word| word == pivot) else { return Value::Integer(-1) };
            words.insert(place, element.to_vec());
        }
        ("LREM", [count, element]) => return list_remove(words, number(count), element),
        (name, _) => panic!("the model knows no {name}"),
    }
    integer(words.len())
}

/// Removes elements: all of them, or so many from the head, or from the tail.
fn list_remove(words: &mut Vec<Vec<u8>>, count: i64, element: &[u8]) -> Value {
    let found = words.iter().filter(|word| *word == element).count();
    let most = if count == 0 { found } else { found.min(count.unsigned_abs() as usize) };
    let kept = if count < 0 { found - most } else { 0 };
    let mut seen = 0;
    words.retain(|word| {
        if word != element {
            return true;
        }
        seen += 1;
        !(kept < seen && seen <= kept + most)
    });
    integer(most)
}

/// Searches every `step`th word: the index of the word, or where it belongs.
fn find(words: &[Vec<u8>], step: usize, wanted: &[u8]) -> Result<usize, usize> {
    let (mut first, mut behind) = (0, words.len() / step);
    while first < behind {
        let middle = (first + behind) / 2;
        match words[middle * step].as_slice().cmp(wanted) {
            Ordering::Less => first = middle + 1,
            Ordering::Equal => return Ok(middle * step),
            Ordering::Greater => behind = middle,
        }
    }
    Err(first * step)
}

/// Puts a pair into a map; returns whether it is new.
fn set_pair(words: &mut Vec<Vec<u8>>, name: &[u8], value: Vec<u8>) -> bool {
    match find(words, 2, name) {
        Ok(place) => words[place + 1] = value,
        Err(place) => {
            words.splice(place..place, [name.to_vec(), value]);
            return true;
        }
    }
    false
}

/// Removes entries of `step` words; returns how many there were.
pub fn remove(words: &mut Vec<Vec<u8>>, step: usize, names: &[&[u8]]) -> Value {
    if names.len() > ONE_BY_ONE_MAX {
        return remove_many(words, step, names);
    }
    let found = names.iter().filter(|name| {
        let place = find(words, step, name);
        place.map(|place| drop(words.drain(place..place + step))).is_ok()
    });
    integer(found.count())
}

/// The same, for so many that the words are gone through once.
fn remove_many(words: &mut Vec<Vec<u8>>, step: usize, names: &[&[u8]]) -> Value {
    let names: HashSet<&[u8]> = names.iter().copied().collect();
    let before = words.len();
    let mut place = 0;
    let mut goes = false;
    words.retain(|word| {
        if usize::is_multiple_of(place, step) {
            goes = names.contains(word.as_slice());
        }
        place += 1;
        !goes
    });
    integer((before - words.len()) / step)
}

/// Adds to a number in a map; returns the new number.
fn add(words: &mut Vec<Vec<u8>>, name: &[u8], amount: i64) -> i64 {
    let old = find(words, 2, name).map_or(0, |place| number(&words[place + 1]));
    set_pair(words, name, (old + amount).to_string().into_bytes());
    old + amount
}

fn in_map(words: &mut Vec<Vec<u8>>, name: &str, arguments: &[&[u8]]) -> Value {
    match (name, arguments) {
        ("HSET", pairs) => {
            integer(pairs.chunks(2).filter(|pair| set_pair(words, pair[0], pair[1].to_vec())).count())
        }
        ("HDEL", fields) => remove(words, 2, fields),
        ("HINCRBY", [field, amount]) => Value::Integer(add(words, field, number(amount))),
        (name, _) => panic!("the model knows no {name}"),
    }
}

fn in_set(words: &mut Vec<Vec<u8>>, name: &str, members: &[&[u8]]) -> Value {
    if name == "SREM" {
        return remove(words, 1, members);
    }
    let new = members.iter().filter(|member| match find(words, 1, member) {
        Ok(_) => false,
        Err(place) => {
            words.insert(place, member.to_vec());
            true
        }
    });
    integer(new.count())
}

fn in_sorted_set(words: &mut Vec<Vec<u8>>, name: &str, arguments: &[&[u8]]) -> Value {
    match (name, arguments) {
        ("ZADD", pairs) => {
            integer(pairs.chunks(2).filter(|pair| set_pair(words, pair[1], pair[0].to_vec())).count())
        }
        ("ZREM", members) => remove(words, 2, members),
        ("ZINCRBY", [amount, member]) => {
            Value::Bulk(add(words, member, number(amount)).to_string().into_bytes())
        }
        ("ZPOPMIN", []) => {
            let lowest = words.chunks(2).min_by_key(|pair| (number(&pair[1]), pair[0].clone()));
            let popped = lowest.map_or(Vec::new(), |pair| pair.to_vec());
            if let Some(member) = popped.first() {
                remove(words, 2, &[member]);
            }
            Value::Array(popped.into_iter().map(Value::Bulk).collect())
        }
        (name, _) => panic!("the model knows no {name}"),
    }
}

/// `LMOVE from to LEFT RIGHT`
fn list_move(keys: &mut Database, from: &[u8], to: &[u8]) -> Value {
    let Some(mut words) = take(keys, from, Kind::List) else { return wrong_type() };
    if words.is_empty() {
        return Value::Null;
    }
    if take(keys, to, Kind::List).is_none() {
        return wrong_type();
    }
    let element = words.remove(0);
    if from == to {
        words.push(element.clone());
        put(keys, from, Kind::List, &words);
        return Value::Bulk(element);
    }
    put(keys, from, Kind::List, &words);
    let mut words = take(keys, to, Kind::List).expect("a list, or nothing");
    words.push(element.clone());
    put(keys, to, Kind::List, &words);
    Value::Bulk(element)
}

/// `SMOVE from to member`
fn set_move(keys: &mut Database, from: &[u8], to: &[u8], member: &[u8]) -> Value {
    if !keys.contains_key(from) {
        return integer(0);
    }
    let (Some(mut words), Some(mut there)) = (take(keys, from, Kind::Set), take(keys, to, Kind::Set)) else {
        return wrong_type();
    };
    if from == to {
        return integer(usize::from(find(&words, 1, member).is_ok()));
    }
    if remove(&mut words, 1, &[member]) == integer(0) {
        return integer(0);
    }
    in_set(&mut there, "SADD", &[member]);
    put(keys, from, Kind::Set, &words);
    put(keys, to, Kind::Set, &there);
    integer(1)
}

/// A random command on a collection.
pub fn any_collection_command(random: &mut SmallRng, databases: usize) -> Command {
    let db = random.random_range(0..databases);
    let kind = random.random_range(0..4);
    let names = ["list", "hash", "set", "zset"];
    let key = |random: &mut SmallRng| {
        let name = if random.random_range(0..40) == 0 { "k" } else { names[kind] };
        format!("{name}{}", random.random_range(0..KEYS)).into_bytes()
    };
    let (one, other) = (key(random), key(random));
    let mut words: Vec<Vec<u8>> = match random.random_range(0..20) {
        0 => vec![b"DEL".to_vec(), one],
        1 => vec![b"RENAME".to_vec(), one, other],
        2 if one != other => {
            vec![b"COPY".to_vec(), one, other, b"DB".to_vec(), text(db), b"REPLACE".to_vec()]
        }
        3 => vec![b"PERSIST".to_vec(), one],
        4 => vec![b"PEXPIREAT".to_vec(), one, b"4000000000000".to_vec()],
        5..14 => return grow(random, db, kind, one),
        _ => change(random, kind, one, other),
    };
    words.truncate(2 + WORDS_MAX * 2);
    Command { db, words }
}

/// A command that makes a collection larger.
fn grow(random: &mut SmallRng, db: usize, kind: usize, key: Vec<u8>) -> Command {
    let name = [[b"LPUSH", b"RPUSH"][random.random_range(0..2)].as_slice(), b"HSET", b"SADD", b"ZADD"][kind];
    let mut words = vec![name.to_vec(), key];
    for _ in 0..random.random_range(1..=WORDS_MAX) {
        match kind {
            0 => words.push(element(random)),
            1 => words.extend([field(random), element(random)]),
            2 => words.push(member(random)),
            _ => words.extend([text(random.random_range(0..50)), member(random)]),
        }
    }
    Command { db, words }
}

/// Another command on a collection.
fn change(random: &mut SmallRng, kind: usize, key: Vec<u8>, other: Vec<u8>) -> Vec<Vec<u8>> {
    let index = text(random.random_range(0..12));
    let words = |name: &str, rest: Vec<Vec<u8>>| [vec![name.as_bytes().to_vec(), key.clone()], rest].concat();
    match (kind, random.random_range(0..6)) {
        (0, 0) => words(["LPOP", "RPOP"][random.random_range(0..2)], vec![]),
        (0, 1) => words("LSET", vec![index, element(random)]),
        (0, 2) => words("LTRIM", vec![text(random.random_range(0..3)), text(random.random_range(3..40))]),
        (0, 3) => words("LINSERT", vec![b"BEFORE".to_vec(), short(random), element(random)]),
        (0, 4) => words("LREM", vec![b"0".to_vec(), short(random)]),
        (0, _) => words("LMOVE", vec![other, b"LEFT".to_vec(), b"RIGHT".to_vec()]),
        (1, 0..3) => words("HDEL", vec![field(random), field(random)]),
        (1, _) => words("HINCRBY", vec![[b"n".to_vec(), index].concat(), text(random.random_range(0..1000))]),
        (2, 0..4) => words("SREM", vec![member(random), member(random)]),
        (2, _) => words("SMOVE", vec![other, member(random)]),
        (3, 0..2) => words("ZREM", vec![member(random), member(random)]),
        (3, 2..4) => words("ZINCRBY", vec![text(random.random_range(0..9)), member(random)]),
        _ => words("ZPOPMIN", vec![]),
    }
}

/// An element that is likely to be there already.
fn short(random: &mut SmallRng) -> Vec<u8> {
    format!("e{}", random.random_range(0..6)).into_bytes()
}

/// An element: short, or long enough for a few of them to fill a page.
fn element(random: &mut SmallRng) -> Vec<u8> {
    let mut element = short(random);
    if random.random_range(0..3) > 0 {
        let len = [20, 100, 240][random.random_range(0..3)];
        element.extend((0..random.random_range(0..len)).map(|_| random.random_range(b'a'..=b'z')));
    }
    element
}

fn field(random: &mut SmallRng) -> Vec<u8> {
    format!("f{}", random.random_range(0..40)).into_bytes()
}

fn member(random: &mut SmallRng) -> Vec<u8> {
    let number = random.random_range(0..40_usize);
    [format!("m{number}").into_bytes(), vec![b'.'; number * 3]].concat()
}

fn text(number: usize) -> Vec<u8> {
    number.to_string().into_bytes()
}
