//! Commands that make a Redis do the same, for `redis-cli --pipe`.
//!
//! Each effect is one plain command. Deadlines need care: a record may set one that is past by the time of the
//! replay although a later record moved it on (a session that is used every minute), and a Redis would drop the
//! key at once. So a deadline that is past, or will be within [`MARGIN_MS`], is *held back*: the key is written
//! without it, later effects move or lift it, and what is still held at the end is written then.
//!
//! Invariant: after the output is replayed in full, every key has the value and the deadline that it has after
//! the last record printed. Memory grows with the number of deadlines held back at one time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use ackd::effect::{DATABASES_MAX, Effect, EffectError, End, Items, ItemsBuffer};

use super::{DecodedView, Printer, RecordView, score};

/// Deadlines nearer than this many milliseconds are held back: a replay may take that long.
const MARGIN_MS: u64 = 3_600_000;

/// Prints commands.
pub struct Resp {
    /// Deadlines up to this one, in milliseconds since 1970, are held back.
    near_ms: u64,
    /// The database that the last command was for.
    selected: Option<usize>,
    /// Deadlines held back, by database and key.
    held: Vec<BTreeMap<Vec<u8>, Held>>,
}

/// Deadlines of a key that are held back, in milliseconds since 1970. There is one at least.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Held {
    /// Its own.
    key: Option<u64>,
    /// Those of its fields.
    fields: BTreeMap<Vec<u8>, u64>,
}

impl Resp {
    /// A printer for a replay at about `now_ms`, in milliseconds since 1970.
    pub fn new(now_ms: u64) -> Self {
        let held = vec![BTreeMap::new(); DATABASES_MAX];
        Self { near_ms: now_ms.saturating_add(MARGIN_MS), selected: None, held }
    }

    fn select(&mut self, out: &mut dyn Write, db: usize) -> io::Result<()> {
        if self.selected == Some(db) {
            return Ok(());
        }
        self.selected = Some(db);
        command(out, &[b"SELECT", number(db as u64).as_bytes()])
    }

    fn effect(&mut self, out: &mut dyn Write, effect: &Effect<'_>) -> io::Result<()> {
        if let Some(db) = effect.db()
            && !matches!(effect, Effect::SwapDb { .. })
        {
            self.select(out, db)?;
        }
        match *effect {
            Effect::Set { db, key, value, expire_at_ms, .. } => self.set(out, db, key, value, expire_at_ms),
            Effect::Append { key, value, .. } => command(out, &[b"APPEND", key, value]),
            Effect::SetRange { key, offset, value, .. } => {
                command(out, &[b"SETRANGE", key, number(offset).as_bytes(), value])
            }
            Effect::Delete { db, key, .. } => {
                self.held[db].remove(key);
                command(out, &[b"DEL", key])
            }
            Effect::Expire { db, key, expire_at_ms } => self.expire(out, db, key, expire_at_ms),
            Effect::Rename { db, key, to } => {
                self.hand_on((db, key), (db, to), true);
                command(out, &[b"RENAME", key, to])
            }
            Effect::Copy { db, key, to_db, to } => {
                self.hand_on((db, key), (to_db, to), false);
                let to_db = number(to_db as u64);
                command(out, &[b"COPY", key, to, b"DB", to_db.as_bytes(), b"REPLACE"])
            }
            Effect::Move { db, key, to_db } => {
                self.hand_on((db, key), (to_db, key), true);
                command(out, &[b"MOVE", key, number(to_db as u64).as_bytes()])
            }
            Effect::FlushDb { db } => {
                self.held[db].clear();
                command(out, &[b"FLUSHDB"])
            }
            Effect::FlushAll => {
                self.held.iter_mut().for_each(BTreeMap::clear);
                command(out, &[b"FLUSHALL"])
            }
            Effect::SwapDb { a, b } => {
                self.held.swap(a, b);
                command(out, &[b"SWAPDB", number(a as u64).as_bytes(), number(b as u64).as_bytes()])
            }
            Effect::HashSet { db, key, pairs, expire_at_ms } => {
                items(out, &[b"HSET", key], pairs)?;
                let fields: ItemsBuffer = pairs.pairs().map(|(field, _)| field).collect();
                match self.hold_fields_if_near(db, key, fields.items(), expire_at_ms) {
                    Some(deadline) => expire_fields(out, key, fields.items(), deadline),
                    None => Ok(()),
                }
            }
            Effect::HashDelete { db, key, fields, .. } => {
                self.hold_fields_if_near(db, key, fields, None);
                items(out, &[b"HDEL", key], fields)
            }
            Effect::HashExpire { db, key, fields, expire_at_ms } => {
                match self.hold_fields_if_near(db, key, fields, expire_at_ms) {
                    Some(deadline) => expire_fields(out, key, fields, deadline),
                    None => {
                        let count = number(fields.len());
                        items(out, &[b"HPERSIST", key, b"FIELDS", count.as_bytes()], fields)
                    }
                }
            }
            Effect::SetAdd { key, members, .. } => items(out, &[b"SADD", key], members),
            Effect::SetRemove { key, members, .. } => items(out, &[b"SREM", key], members),
            Effect::ListPush { .. }
            | Effect::ListPop { .. }
            | Effect::ListInsert { .. }
            | Effect::ListRemove { .. }
            | Effect::ListSet { .. }
            | Effect::ListTrim { .. } => list(out, effect),
            Effect::SortedSetAdd { key, elements, .. } => {
                let scored =
                    elements.pairs().flat_map(|(member, bytes)| [score(bytes), Cow::Borrowed(member)]);
                let scored: Vec<_> = scored.collect();
                let words = [b"ZADD", key].into_iter().chain(scored.iter().map(|word| &**word));
                command(out, &words.collect::<Vec<_>>())
            }
            Effect::SortedSetRemove { key, members, .. } => items(out, &[b"ZREM", key], members),
        }
    }

    fn set(
        &mut self,
        out: &mut dyn Write,
        db: usize,
        key: &[u8],
        value: &[u8],
        expire_at_ms: Option<u64>,
    ) -> io::Result<()> {
        self.held[db].remove(key);
        match self.hold_if_near(db, key, expire_at_ms) {
            Some(deadline) => command(out, &[b"SET", key, value, b"PXAT", number(deadline).as_bytes()]),
            None => command(out, &[b"SET", key, value]),
        }
    }

    fn expire(
        &mut self,
        out: &mut dyn Write,
        db: usize,
        key: &[u8],
        expire_at_ms: Option<u64>,
    ) -> io::Result<()> {
        match self.hold_if_near(db, key, expire_at_ms) {
            Some(deadline) => command(out, &[b"PEXPIREAT", key, number(deadline).as_bytes()]),
            // An earlier deadline may have been written; it must not strike before the one held back is known.
            None => command(out, &[b"PERSIST", key]),
        }
    }

    /// The deadline if it can be written now; otherwise it is held back, or there is none.
    fn hold_if_near(&mut self, db: usize, key: &[u8], expire_at_ms: Option<u64>) -> Option<u64> {
        let near = expire_at_ms.filter(|deadline| *deadline <= self.near_ms);
        self.change_held(db, key, near.is_some(), |held| held.key = near);
        expire_at_ms.filter(|_| near.is_none())
    }

    /// The deadline if it can be written now; otherwise it is held back for each of the fields, or there is none.
    fn hold_fields_if_near(
        &mut self,
        db: usize,
        key: &[u8],
        fields: Items<'_>,
        expire_at_ms: Option<u64>,
    ) -> Option<u64> {
        let near = expire_at_ms.filter(|deadline| *deadline <= self.near_ms);
        self.change_held(db, key, near.is_some(), |held| {
            for field in fields {
                match near {
                    Some(deadline) => held.fields.insert(field.to_vec(), deadline),
                    None => held.fields.remove(field),
                };
            }
        });
        expire_at_ms.filter(|_| near.is_none())
    }

    /// Changes what is held back of a key, or would be if anything were and the change `adds`.
    fn change_held(&mut self, db: usize, key: &[u8], adds: bool, change: impl FnOnce(&mut Held)) {
        if let Some(held) = self.held[db].get_mut(key) {
            change(held);
            if *held == Held::default() {
                self.held[db].remove(key);
            }
        } else if adds {
            change(self.held[db].entry(key.to_vec()).or_default());
        }
    }

    /// A held deadline goes with its value to another key, which loses its own.
    fn hand_on(&mut self, (db, key): (usize, &[u8]), (to_db, to): (usize, &[u8]), moves: bool) {
        let held = if moves { self.held[db].remove(key) } else { self.held[db].get(key).cloned() };
        match held {
            Some(held) => self.held[to_db].insert(to.to_vec(), held),
            None => self.held[to_db].remove(to),
        };
    }
}

impl Printer for Resp {
    fn record(
        &mut self,
        out: &mut dyn Write,
        _record: &RecordView<'_>,
        decoded: &DecodedView<'_>,
    ) -> io::Result<()> {
        decoded.effects.iter().try_for_each(|(_, effect)| self.effect(out, effect))
    }

    fn unreadable(
        &mut self,
        _out: &mut dyn Write,
        _record: &RecordView<'_>,
        _error: &EffectError,
    ) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        for (db, held) in std::mem::take(&mut self.held).into_iter().enumerate() {
            for (key, Held { key: deadline, fields }) in held {
                self.select(out, db)?;
                for (field, deadline) in fields {
                    let field: ItemsBuffer = std::iter::once(field.as_slice()).collect();
                    expire_fields(out, &key, field.items(), deadline.max(1))?;
                }
                if let Some(deadline) = deadline {
                    // Zero, a deadline that the protocol refuses, is as past as one.
                    command(out, &[b"PEXPIREAT", &key, number(deadline.max(1)).as_bytes()])?;
                }
            }
        }
        Ok(())
    }
}

/// What a list effect is in a Redis: there, too, the pivot of an insertion is the first element that equals it.
fn list(out: &mut dyn Write, effect: &Effect<'_>) -> io::Result<()> {
    match *effect {
        Effect::ListPush { key, end, elements, .. } => {
            items(out, &[if end == End::Head { b"LPUSH" } else { b"RPUSH" }, key], elements)
        }
        Effect::ListPop { key, end, count, .. } => {
            let name = if end == End::Head { b"LPOP" } else { b"RPOP" };
            command(out, &[name, key, number(count).as_bytes()])
        }
        Effect::ListInsert { key, before, pivot_and_element, .. } => {
            let place = if before { b"BEFORE".as_slice() } else { b"AFTER" };
            items(out, &[b"LINSERT", key, place], pivot_and_element)
        }
        Effect::ListRemove { key, end, count, element, .. } => {
            let sign = if end == End::Head { "" } else { "-" };
            items(out, &[b"LREM", key, format!("{sign}{}", number(count)).as_bytes()], element)
        }
        Effect::ListSet { key, index, value, .. } => {
            command(out, &[b"LSET", key, number(index).as_bytes(), value])
        }
        Effect::ListTrim { key, index, count, .. } => {
            let last = index.saturating_add(count).saturating_sub(1);
            command(out, &[b"LTRIM", key, number(index).as_bytes(), number(last).as_bytes()])
        }
        _ => unreachable!("{} is no effect on a list", effect.name()),
    }
}

/// Gives fields of a hash a deadline.
fn expire_fields(out: &mut dyn Write, key: &[u8], fields: Items<'_>, deadline: u64) -> io::Result<()> {
    let (deadline, count) = (number(deadline), number(fields.len()));
    items(out, &[b"HPEXPIREAT", key, deadline.as_bytes(), b"FIELDS", count.as_bytes()], fields)
}

/// Writes one command: an array of bulk strings.
fn command(out: &mut dyn Write, words: &[&[u8]]) -> io::Result<()> {
    items(out, words, Items::default())
}

/// Writes one command with items at its end.
fn items(out: &mut dyn Write, words: &[&[u8]], items: Items<'_>) -> io::Result<()> {
    write!(out, "*{}\r\n", words.len() as u64 + items.len())?;
    for word in words.iter().copied().chain(items) {
        write!(out, "${}\r\n", word.len())?;
        out.write_all(word)?;
        out.write_all(b"\r\n")?;
    }
    Ok(())
}

/// A number as the protocol takes it; deadlines beyond its range become the largest that it takes.
fn number(value: u64) -> String {
    value.min(i64::MAX as u64).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_000_000_000;
    const FAR_MS: u64 = NOW_MS + MARGIN_MS + 1;

    /// The commands as words, for readability.
    fn printed(effects: &[Effect<'_>]) -> Vec<String> {
        let (mut out, mut resp) = (Vec::new(), Resp::new(NOW_MS));
        for effect in effects {
            resp.effect(&mut out, effect).unwrap();
        }
        resp.finish(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        let mut commands = Vec::new();
        let mut at = 0;
        while at < lines.len() {
            let words: usize = lines[at].strip_prefix('*').unwrap().parse().unwrap();
            let word = |index: usize| lines[at + 2 + 2 * index];
            commands.push((0..words).map(word).collect::<Vec<_>>().join(" "));
            at += 1 + 2 * words;
        }
        commands
    }

    fn set(key: &'static [u8], expire_at_ms: Option<u64>) -> Effect<'static> {
        Effect::Set { db: 0, key, value: b"v", expire_at_ms, raw: false }
    }

    #[test]
    fn a_far_deadline_is_written_where_it_stands() {
        assert_eq!(printed(&[set(b"k", Some(FAR_MS))]), ["SELECT 0", &format!("SET k v PXAT {FAR_MS}")]);
    }

    #[test]
    fn a_past_deadline_that_was_moved_on_does_not_strike() {
        let moved = Effect::Expire { db: 0, key: b"k", expire_at_ms: Some(FAR_MS) };
        let expected = ["SELECT 0", "SET k v", &format!("PEXPIREAT k {FAR_MS}")];
        assert_eq!(printed(&[set(b"k", Some(5)), moved]), expected);
        let lifted = Effect::Expire { db: 0, key: b"k", expire_at_ms: None };
        assert_eq!(printed(&[set(b"k", Some(5)), lifted]), ["SELECT 0", "SET k v", "PERSIST k"]);
    }

    #[test]
    fn held_deadlines_follow_their_values_and_come_last() {
        let effects = [
            set(b"a", Some(5)),
            set(b"b", Some(6)),
            Effect::Rename { db: 0, key: b"a", to: b"c" },
            Effect::Move { db: 0, key: b"b", to_db: 2 },
            Effect::Copy { db: 2, key: b"b", to_db: 0, to: b"d" },
            Effect::SwapDb { a: 2, b: 3 },
            Effect::Delete { db: 3, key: b"b", expired: true },
        ];
        let expected = [
            "SELECT 0",
            "SET a v",
            "SET b v",
            "RENAME a c",
            "MOVE b 2",
            "SELECT 2",
            "COPY b d DB 0 REPLACE",
            "SWAPDB 2 3",
            "SELECT 3",
            "DEL b",
            "SELECT 0",
            "PEXPIREAT c 5",
            "PEXPIREAT d 6",
        ];
        assert_eq!(printed(&effects), expected);
    }

    #[test]
    fn scores_are_numbers() {
        let score = |value| ackd::effect::Score::new(value).unwrap().to_bytes();
        let (a, b) = (score(0.1), score(f64::NEG_INFINITY));
        let elements: ItemsBuffer = [b"a".as_slice(), &a, b"b", &b].into_iter().collect();
        let members: ItemsBuffer = [b"a".as_slice(), b"b"].into_iter().collect();
        let effects = [
            Effect::SortedSetAdd { db: 0, key: b"z", elements: elements.items() },
            Effect::SortedSetRemove { db: 0, key: b"z", members: members.items() },
        ];
        assert_eq!(printed(&effects), ["SELECT 0", "ZADD z 0.1 a -inf b", "ZREM z a b"]);
    }

    #[test]
    fn overwriting_and_emptying_drop_what_is_held() {
        let effects = [set(b"a", Some(5)), set(b"a", None), set(b"b", Some(5)), Effect::FlushDb { db: 0 }];
        assert_eq!(printed(&effects), ["SELECT 0", "SET a v", "SET a v", "SET b v", "FLUSHDB"]);
        let effects = [set(b"b", Some(5)), Effect::FlushAll];
        assert_eq!(printed(&effects), ["SELECT 0", "SET b v", "FLUSHALL"]);
    }

    #[test]
    fn collections_are_commands_and_near_deadlines_of_fields_come_last() {
        let pairs: ItemsBuffer = [b"a".as_slice(), b"1", b"b", b"2"].into_iter().collect();
        let names: ItemsBuffer = [b"a".as_slice(), b"b"].into_iter().collect();
        let (db, key, pairs, names) = (0, b"h".as_slice(), pairs.items(), names.items());
        let commands = printed(&[
            Effect::HashSet { db, key, pairs, expire_at_ms: Some(NOW_MS) },
            Effect::HashSet { db, key: b"other", pairs, expire_at_ms: Some(FAR_MS) },
            Effect::HashDelete { db, key: b"other", fields: names, expired: false },
            Effect::SetAdd { db, key: b"s", members: names },
            Effect::SetRemove { db, key: b"s", members: names },
            Effect::Rename { db, key, to: b"renamed" },
        ]);
        let expected = [
            "SELECT 0".into(),
            "HSET h a 1 b 2".into(),
            "HSET other a 1 b 2".into(),
            format!("HPEXPIREAT other {FAR_MS} FIELDS 2 a b"),
            "HDEL other a b".into(),
            "SADD s a b".into(),
            "SREM s a b".into(),
            "RENAME h renamed".into(),
            format!("HPEXPIREAT renamed {NOW_MS} FIELDS 1 a"),
            format!("HPEXPIREAT renamed {NOW_MS} FIELDS 1 b"),
        ];
        assert_eq!(commands, expected);
    }
}
