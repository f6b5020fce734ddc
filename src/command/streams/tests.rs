//! Commands on streams: what they change, and what of it a replay gives.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::command::tests::{Data, START_MS};

#[test]
fn a_stream_stays_without_entries_and_remembers_what_it_had() {
    let mut data = Data::new();
    data.expect(&[
        ("xadd s 5-1 a 1", "$3|5-1"),
        ("xadd s 5-* a 2", "$3|5-2"),
        ("xdel s 5-1 5-1 7-7", ":1"),
        ("xtrim s maxlen 0", ":1"),
        ("xlen s", ":0"),
        ("type s", "+stream"),
        (
            "xadd s 5-2 a 3",
            "-ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ),
        ("xadd s nomkstream 6 b 3", "$3|6-0"),
        ("xrange s - +", "*1|*2|$3|6-0|*2|$1|b|$1|3"),
    ]);
    assert_eq!(data.replayed().dump(), data.dump());
}

#[test]
fn a_delivery_is_one_effect_with_the_time_in_it() {
    let mut data = Data::new();
    data.expect(&[
        ("xadd s 1 a 1", "$3|1-0"),
        ("xadd s 2 a 2", "$3|2-0"),
        ("xgroup create s g 0", "+OK"),
        ("xgroup createconsumer s g c", ":1"),
        ("xreadgroup group g c streams s >", "*1|*2|$1|s|*2|*2|$3|1-0|*2|$1|a|$1|1|*2|$3|2-0|*2|$1|a|$1|2"),
    ]);
    assert_eq!(data.last_effects(), ["xdeliver"]);
    data.now_ms += 1000;
    data.expect(&[
        ("xpending s g - + 9", "*2|*4|$3|1-0|$1|c|:1000|:1|*4|$3|2-0|$1|c|:1000|:1"),
        ("xclaim s g d 500 1 2 justid", "*2|$3|1-0|$3|2-0"),
        ("xack s g 2 2 3", ":1"),
    ]);
    assert_eq!(data.last_effects(), ["xack"]);
    let mut copy = data.replayed();
    copy.now_ms = START_MS + 5000;
    copy.expect(&[("xpending s g - + 9", "*1|*4|$3|1-0|$1|d|:4000|:1")]);
    assert_eq!(copy.dump(), data.dump());
}

#[test]
fn a_consumer_that_polls_in_vain_is_seen_now_and_then() {
    let mut data = Data::new();
    data.expect(&[("xgroup create s g $ mkstream", "+OK")]);
    let mut records = Vec::new();
    for _ in 0..10 {
        data.expect(&[("xreadgroup group g c streams s >", "*-1")]);
        records.push(data.records.len());
        data.now_ms += 10;
    }
    assert_eq!(records, [2, 2, 2, 2, 2, 3, 3, 3, 3, 3]);
}

#[test]
fn without_acknowledgement_only_the_progress_is_written() {
    let mut data = Data::new();
    data.expect(&[
        ("xadd s 1 a 1", "$3|1-0"),
        ("xgroup create s g 0", "+OK"),
        ("xgroup createconsumer s g c", ":1"),
        ("xreadgroup group g c noack streams s >", "*1|*2|$1|s|*1|*2|$3|1-0|*2|$1|a|$1|1"),
        ("xpending s g", "*4|:0|$-1|$-1|*-1"),
    ]);
    assert_eq!(data.last_effects(), ["xgroup-setid"]);
}

#[test]
fn a_stream_read_twice_in_one_command_is_delivered_once() {
    let mut data = Data::new();
    data.expect(&[
        ("xadd s 1 a 1", "$3|1-0"),
        ("xgroup create s g 0", "+OK"),
        ("xreadgroup group g c streams s s > >", "*1|*2|$1|s|*1|*2|$3|1-0|*2|$1|a|$1|1"),
    ]);
}

/// A group as plain maps know it.
#[derive(Default)]
struct Group {
    /// The last ID that was delivered.
    last: u64,
    /// Pending entries: the consumer, and the number of deliveries.
    pending: BTreeMap<u64, (u32, u64)>,
    /// The consumers.
    consumers: BTreeSet<u32>,
}

/// A stream as plain maps know it.
#[derive(Default)]
struct Model {
    /// The entries.
    entries: BTreeMap<u64, Vec<u8>>,
    /// The last ID.
    last: u64,
    /// The groups.
    groups: BTreeMap<u32, Group>,
}

fn shown(id: u64, value: &[u8]) -> Vec<u8> {
    let id = format!("{id}-0");
    [
        format!("*2\r\n${}\r\n{id}\r\n*2\r\n$1\r\nf\r\n${}\r\n", id.len(), value.len()).as_bytes(),
        value,
        b"\r\n",
    ]
    .concat()
}

/// An entry that exists, mostly.
fn any_id(random: &mut SmallRng, model: &Model) -> u64 {
    let place = random.random_range(0..=model.entries.len());
    model.entries.keys().nth(place).copied().unwrap_or(random.random_range(0..=model.last + 1))
}

/// A command and its expected reply; none, if the random command would do nothing.
type Expected = Option<(String, Vec<u8>)>;

fn integer(number: usize) -> Vec<u8> {
    format!(":{number}\r\n").into_bytes()
}

fn joined(ids: &[u64]) -> String {
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
}

/// One random command on both sides. Returns the command, its reply, and the expected one.
fn step(random: &mut SmallRng, data: &mut Data, model: &mut Model, adds: u32) -> (String, Vec<u8>, Vec<u8>) {
    if random.random_range(0..100) < adds {
        return add(random, data, model);
    }
    let expected = match random.random_range(0..14) {
        kind @ 0..4 => model.delete(random, kind),
        kind => model.change_group(random, kind),
    };
    let Some((command, expected)) = expected else { return Default::default() };
    let reply = (data.run(&command) + "\r\n").replace('|', "\r\n").into_bytes();
    (command, reply, expected)
}

/// Adds an entry on both sides.
fn add(random: &mut SmallRng, data: &mut Data, model: &mut Model) -> (String, Vec<u8>, Vec<u8>) {
    let len = [0, 3, 3, 3, 30, 30, 1020, 1022, 1030, 5000][random.random_range(0..10)];
    let value = vec![b'a' + random.random_range(0..26_u8); len];
    model.last += random.random_range(1..300);
    model.entries.insert(model.last, value.clone());
    let id = format!("{}", model.last);
    let expected = format!("${}\r\n{id}-0\r\n", id.len() + 2).into_bytes();
    (id.clone(), data.run_words(&[b"XADD", b"s", id.as_bytes(), b"f", &value]), expected)
}

impl Model {
    /// Deletes entries.
    fn delete(&mut self, random: &mut SmallRng, kind: u32) -> Expected {
        Some(match kind {
            0 | 1 => {
                let ids: Vec<u64> = (0..random.random_range(1..6)).map(|_| any_id(random, self)).collect();
                let gone = ids.iter().filter(|id| self.entries.remove(id).is_some()).count();
                (format!("xdel s {}", joined(&ids)), integer(gone))
            }
            2 => {
                let id = any_id(random, self);
                let kept = self.entries.split_off(&id);
                let gone = std::mem::replace(&mut self.entries, kept);
                (format!("xtrim s minid {id}"), integer(gone.len()))
            }
            _ => {
                let len = random.random_range(0..=self.entries.len() + 1);
                let gone = self.entries.len().saturating_sub(len);
                (0..gone).for_each(|_| drop(self.entries.pop_first()));
                (format!("xtrim s maxlen {len}"), integer(gone))
            }
        })
    }

    /// Creates or destroys a group, or has one of its consumers do something.
    fn change_group(&mut self, random: &mut SmallRng, kind: u32) -> Expected {
        let group = random.random_range(0..3);
        if kind == 4 && !self.groups.contains_key(&group) {
            let last = any_id(random, self);
            self.groups.insert(group, Group { last, ..Group::default() });
            return Some((format!("xgroup create s g{group} {last}"), b"+OK\r\n".to_vec()));
        }
        if kind == 5 && random.random_range(0..4) == 0 {
            let was_there = self.groups.remove(&group).is_some();
            return Some((format!("xgroup destroy s g{group}"), integer(usize::from(was_there))));
        }
        let (first, count) = (any_id(random, self), random.random_range(1..40));
        let consumer = random.random_range(0..3);
        let Self { entries, groups, .. } = self;
        let known = groups.get_mut(&group)?;
        match random.random_range(0..4) {
            0 => Some(known.read(entries, (group, consumer), count)),
            1 => known.acknowledge(group, first, count),
            2 => known.claim(entries, (group, consumer), count),
            _ => {
                let before = known.pending.len();
                known.pending.retain(|_, (holder, _)| *holder != consumer);
                known.consumers.remove(&consumer);
                let gone = before - known.pending.len();
                Some((format!("xgroup delconsumer s g{group} c{consumer}"), integer(gone)))
            }
        }
    }
}

impl Group {
    /// Delivers new entries.
    fn read(
        &mut self,
        entries: &BTreeMap<u64, Vec<u8>>,
        (group, consumer): (u32, u32),
        count: usize,
    ) -> (String, Vec<u8>) {
        self.consumers.insert(consumer);
        let found: Vec<_> = entries.range(self.last + 1..).take(count).collect();
        let mut expected = format!("*1\r\n*2\r\n$1\r\ns\r\n*{}\r\n", found.len()).into_bytes();
        for (id, value) in &found {
            self.last = **id;
            self.pending.insert(**id, (consumer, 1));
            expected.extend(shown(**id, value));
        }
        if found.is_empty() {
            expected = b"*-1\r\n".to_vec();
        }
        (format!("xreadgroup group g{group} c{consumer} count {count} streams s >"), expected)
    }

    /// Acknowledges entries that are pending.
    fn acknowledge(&mut self, group: u32, first: u64, count: usize) -> Expected {
        let ids: Vec<u64> = self.pending.range(first..).map(|(id, _)| *id).take(count).collect();
        self.pending.retain(|id, _| !ids.contains(id));
        (!ids.is_empty()).then(|| (format!("xack s g{group} {}", joined(&ids)), integer(ids.len())))
    }

    /// Claims entries that are pending; those that were deleted are pending no more.
    fn claim(
        &mut self,
        entries: &BTreeMap<u64, Vec<u8>>,
        (group, consumer): (u32, u32),
        count: usize,
    ) -> Expected {
        let ids: Vec<u64> = self.pending.keys().copied().take(count).collect();
        if ids.is_empty() {
            return None;
        }
        self.consumers.insert(consumer);
        let (mut expected, mut claimed) = (Vec::new(), 0);
        for id in &ids {
            let Some(value) = entries.get(id) else {
                self.pending.remove(id);
                continue;
            };
            let deliveries = self.pending[id].1 + 1;
            self.pending.insert(*id, (consumer, deliveries));
            expected.extend(shown(*id, value));
            claimed += 1;
        }
        let command = format!("xclaim s g{group} c{consumer} 0 {}", joined(&ids));
        Some((command, [format!("*{claimed}\r\n").into_bytes(), expected].concat()))
    }
}

/// Compares everything that can be read.
fn assert_same(data: &mut Data, model: &Model) {
    let entries: Vec<u8> = model.entries.iter().flat_map(|(id, value)| shown(*id, value)).collect();
    let whole = [format!("*{}\r\n", model.entries.len()).as_bytes(), &entries].concat();
    assert!(data.run_words(&[b"XRANGE", b"s", b"-", b"+"]) == whole);
    let backwards: Vec<u8> =
        model.entries.iter().rev().take(7).flat_map(|(id, value)| shown(*id, value)).collect();
    let backwards = [format!("*{}\r\n", model.entries.len().min(7)).as_bytes(), &backwards].concat();
    assert!(data.run_words(&[b"XREVRANGE", b"s", b"+", b"-", b"COUNT", b"7"]) == backwards);
    for (name, group) in &model.groups {
        let mut expected = format!("*{}", group.pending.len());
        for (id, (consumer, deliveries)) in &group.pending {
            let id = format!("{id}-0");
            expected += &format!("|*4|${}|{id}|$2|c{consumer}|:0|:{deliveries}", id.len());
        }
        assert_eq!(data.run(&format!("xpending s g{name} - + 1000000")), expected);
        for consumer in &group.consumers {
            let len = group.pending.values().filter(|(holder, _)| holder == consumer).count();
            let found = data.run(&format!("xpending s g{name} - + 1000000 c{consumer}"));
            assert!(found.starts_with(&format!("*{len}")), "{found}");
        }
    }
}

#[test]
fn streams_and_groups_do_what_maps_do_and_a_replay_gives_the_same_pages() {
    for seed in 0..3 {
        eprintln!("seed {seed}");
        let mut random = SmallRng::seed_from_u64(seed);
        let (mut data, mut model) = (Data::new(), Model::default());
        data.run("xgroup create s first $ mkstream");
        for round in 0..12 {
            let adds = [90, 60, 20][round % 3];
            for _ in 0..200 {
                let (command, reply, expected) = step(&mut random, &mut data, &mut model, adds);
                assert!(reply == expected, "{command}: {}", String::from_utf8_lossy(&reply));
            }
            data.publish();
            assert_same(&mut data, &model);
        }
        assert_eq!(data.replayed().dump(), data.dump());
        data.run("del s");
        data.publish();
        assert!(data.dump().is_empty());
    }
}

#[test]
fn what_a_long_stream_is_cut_by_costs_the_same_however_much_it_is() {
    let mut data = Data::new();
    (1..=20_000).for_each(|ms| drop(data.run(&format!("xadd s {ms} f v"))));
    data.publish();
    let dirty = data.writer.dirty_pages();
    data.expect(&[("xtrim s minid 19000", ":18999"), ("xlen s", ":1001")]);
    assert!(data.writer.dirty_pages() - dirty < 20, "{} pages", data.writer.dirty_pages() - dirty);
    data.expect(&[("xrange s - + count 1", "*1|*2|$7|19000-0|*2|$1|f|$1|v")]);
}

/// Two entries, which the consumers of two groups have.
fn two_groups() -> Data {
    let mut data = Data::new();
    for line in ["xadd s 1-0 f v", "xadd s 2-0 f v", "xgroup create s g 0", "xgroup create s h 0"] {
        data.run(line);
    }
    for line in ["xreadgroup group g c streams s >", "xreadgroup group h d streams s >"] {
        data.run(line);
    }
    data
}

#[test]
fn entries_are_acknowledged_and_deleted_at_once() {
    let none = "*4|:0|$-1|$-1|*-1";
    two_groups().expect(&[
        ("xackdel s g acked ids 2 1-0 2-0", "*2|:2|:2"),
        ("xlen s", ":2"),
        ("xpending s g", none),
        ("xpending s h", "*4|:2|$3|1-0|$3|2-0|*1|*2|$1|d|$1|2"),
        ("xackdel s h acked ids 2 1-0 2-0", "*2|:1|:1"),
        ("xlen s", ":0"),
        ("xpending s h", none),
    ]);
    two_groups().expect(&[
        ("xackdel s g delref ids 2 1-0 2-0", "*2|:1|:1"),
        ("xlen s", ":0"),
        ("xpending s h", none),
        ("xackdel s h delref ids 2 1-0 2-0", "*2|:-1|:-1"),
    ]);
    two_groups().expect(&[
        ("xackdel s g ids 3 1-0 2-0 1-0", "*3|:1|:1|:-1"),
        ("xpending s h", "*4|:2|$3|1-0|$3|2-0|*1|*2|$1|d|$1|2"),
        ("xackdel s h keepref ids 2 1-0 2-0", "*2|:1|:1"),
        ("xackdel none h ids 2 1-0 2-0", "*2|:-1|:-1"),
    ]);
}

#[test]
fn entries_that_a_group_still_needs_can_be_spared() {
    let mut data = two_groups();
    data.expect(&[
        ("xadd s 3-0 f v", "$3|3-0"),
        ("xack s g 1-0", ":1"),
        ("xdelex s acked ids 4 1-0 2-0 3-0 9-0", "*4|:2|:2|:2|:-1"),
        ("xack s h 1-0", ":1"),
        ("xdelex s acked ids 2 1-0 1-0", "*2|:1|:-1"),
        ("xdelex s ids 1 delref", "-ERR Invalid stream ID specified as stream command argument"),
        ("xdelex s ids 1 2-0 delref", "*1|:1"),
        ("xpending s g", "*4|:0|$-1|$-1|*-1"),
        ("xgroup destroy s g", ":1"),
        ("xgroup destroy s h", ":1"),
        ("xdelex s acked ids 1 3-0", "*1|:1"),
        ("xdelex none ids 1 3-0", "*1|:-1"),
        ("xdelex s ids -5 1-1", "-ERR Number of IDs must be a positive integer"),
        ("xdelex s ids 3 1-1 2-2", "-ERR The `numids` parameter must match the number of arguments"),
        ("xdelex s ids 1 1-1 2-2", "-ERR syntax error"),
        ("xdelex s keepref acked ids 1 1-1", "-ERR syntax error"),
    ]);
    assert_eq!(data.replayed().dump(), data.dump());
}

#[test]
fn trimming_spares_or_deletes_what_groups_refer_to() {
    let mut data = Data::new();
    (1..=5).for_each(|ms| drop(data.run(&format!("xadd s {ms}-0 f v"))));
    data.expect(&[
        ("xgroup create s g 0", "+OK"),
        ("xadd s maxlen = 1 acked 6-0 f v", "$3|6-0"),
        ("xlen s", ":6"),
        ("xreadgroup group g c count 1 streams s >", "*1|*2|$1|s|*1|*2|$3|1-0|*2|$1|f|$1|v"),
        ("xack s g 1-0", ":1"),
        ("xadd s maxlen = 1 acked 7-0 f v", "$3|7-0"),
        ("xlen s", ":6"),
    ]);
    data.run("xreadgroup group g c streams s >");
    data.expect(&[
        ("xack s g 3-0 5-0", ":2"),
        ("xtrim s minid 5-0 acked", ":1"),
        ("xrange s - + count 2", "*2|*2|$3|2-0|*2|$1|f|$1|v|*2|$3|4-0|*2|$1|f|$1|v"),
        ("xtrim s maxlen 1 delref", ":4"),
        ("xpending s g", "*4|:1|$3|7-0|$3|7-0|*1|*2|$1|c|$1|1"),
        ("xtrim s maxlen 1 delref acked", "-ERR syntax error"),
    ]);
    assert_eq!(data.replayed().dump(), data.dump());
}
