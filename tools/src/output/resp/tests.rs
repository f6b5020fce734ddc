//! The commands that effects become.

use ackd::effect::{
    Bits, DatabaseChange, EntryId, HashChange, KeyChange, Part, Ranks, SetChange, SortedSetChange,
    StreamChange, StringChange, count_bytes,
};

use super::held::MARGIN_MS;
use super::*;

const NOW_MS: u64 = 1_000_000_000;
const FAR_MS: u64 = NOW_MS + MARGIN_MS + 1;

/// The commands, their words joined by blanks.
fn printed(effects: &[Effect<'_>]) -> Vec<String> {
    printed_records(&[effects])
}

/// The commands that records are printed as.
fn printed_records(records: &[&[Effect<'_>]]) -> Vec<String> {
    let (mut out, mut resp) = (Vec::new(), Resp::new(NOW_MS));
    for effects in records {
        resp.effects(&mut out, &effects.iter().collect::<Vec<_>>()).unwrap();
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
    Effect::on(0, key, StringChange::Set { value: b"v", expire_at_ms, raw: false })
}

#[test]
fn a_far_expiry_is_written_where_it_stands() {
    assert_eq!(printed(&[set(b"k", Some(FAR_MS))]), ["SELECT 0", &format!("SET k v PXAT {FAR_MS}")]);
}

#[test]
fn a_past_expiry_that_was_moved_on_does_not_strike() {
    let moved = Effect::on(0, b"k", KeyChange::Expire { expire_at_ms: Some(FAR_MS) });
    let expected = ["SELECT 0", "SET k v", &format!("PEXPIREAT k {FAR_MS}")];
    assert_eq!(printed(&[set(b"k", Some(5)), moved]), expected);
    let lifted = Effect::on(0, b"k", KeyChange::Expire { expire_at_ms: None });
    assert_eq!(printed(&[set(b"k", Some(5)), lifted]), ["SELECT 0", "SET k v", "PERSIST k"]);
}

#[test]
fn held_expiries_follow_their_values_and_come_last() {
    let effects = [
        set(b"a", Some(5)),
        set(b"b", Some(6)),
        Effect::on(0, b"a", KeyChange::Rename { to: b"c" }),
        Effect::on(0, b"b", KeyChange::Move { to_db: 2 }),
        Effect::on(2, b"b", KeyChange::Copy { to_db: 0, to: b"d" }),
        Effect::Database(DatabaseChange::Swap { a: 2, b: 3 }),
        Effect::on(3, b"b", KeyChange::Delete { expired: true }),
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
        Effect::on(0, b"z", SortedSetChange::Add { elements: elements.items() }),
        Effect::on(0, b"z", SortedSetChange::Remove { members: members.items() }),
    ];
    assert_eq!(printed(&effects), ["SELECT 0", "ZADD z 0.1 a -inf b", "ZREM z a b"]);
}

#[test]
fn streams_and_groups_are_commands_with_the_times_of_the_deliveries() {
    let id = |ms| EntryId { ms, seq: 1 };
    let (group, consumer) = (b"g".as_slice(), b"c".as_slice());
    let fields: ItemsBuffer = [b"f".as_slice(), b"v"].into_iter().collect();
    let ids: ItemsBuffer = [&id(1).to_bytes()[..], &id(2).to_bytes()].into_iter().collect();
    let counted: ItemsBuffer =
        [&id(1).to_bytes()[..], &count_bytes(3), &id(2).to_bytes(), &count_bytes(2)].into_iter().collect();
    let changes = [
        StreamChange::Create,
        StreamChange::Add { id: id(1), fields: fields.items() },
        StreamChange::CreateGroup { group, last: EntryId::MIN, read: None },
        StreamChange::SetConsumer { group, consumer, seen_ms: 5, active_ms: None },
        StreamChange::Deliver { group, consumer, now_ms: 7, last: id(2), read: Some(2), ids: ids.items() },
        StreamChange::Claim {
            group,
            consumer,
            seen_ms: 9,
            active_ms: None,
            delivered_ms: 8,
            entries: counted.items(),
        },
        StreamChange::Acknowledge { group, ids: ids.items() },
        StreamChange::SetGroup { group, last: id(3), read: Some(3) },
        StreamChange::Delete { ids: ids.items() },
        StreamChange::Trim { up_to: id(3), count: 1 },
        StreamChange::Trim { up_to: EntryId::MAX, count: 1 },
        StreamChange::SetLast { last: id(4), added: 9, max_deleted: id(2) },
        StreamChange::DeleteConsumer { group, consumer },
        StreamChange::DeleteGroup { group },
    ];
    let expected = [
        "SELECT 0",
        "XGROUP CREATE s - 0 MKSTREAM",
        "XGROUP DESTROY s -",
        "XADD s 1-1 f v",
        "XGROUP CREATE s g 0-0 ENTRIESREAD -1",
        "XGROUP CREATECONSUMER s g c",
        "XCLAIM s g c 0 1-1 2-1 TIME 7 RETRYCOUNT 1 FORCE JUSTID",
        "XGROUP SETID s g 2-1 ENTRIESREAD 2",
        "XCLAIM s g c 0 2-1 TIME 8 RETRYCOUNT 2 FORCE JUSTID",
        "XCLAIM s g c 0 1-1 TIME 8 RETRYCOUNT 3 FORCE JUSTID",
        "XACK s g 1-1 2-1",
        "XGROUP SETID s g 3-1 ENTRIESREAD 3",
        "XDEL s 1-1 2-1",
        "XTRIM s MINID 3-2",
        "XTRIM s MAXLEN 0",
        "XSETID s 4-1 ENTRIESADDED 9 MAXDELETEDID 2-1",
        "XGROUP DELCONSUMER s g c",
        "XGROUP DESTROY s g",
    ];
    assert_eq!(printed(&changes.map(|change| Effect::on(0, b"s", change))), expected);
}

#[test]
fn overwriting_and_emptying_drop_what_is_held() {
    let effects = [
        set(b"a", Some(5)),
        set(b"a", None),
        set(b"b", Some(5)),
        Effect::Database(DatabaseChange::Flush { db: 0 }),
    ];
    assert_eq!(printed(&effects), ["SELECT 0", "SET a v", "SET a v", "SET b v", "FLUSHDB"]);
    let effects = [set(b"b", Some(5)), Effect::Database(DatabaseChange::FlushAll)];
    assert_eq!(printed(&effects), ["SELECT 0", "SET b v", "FLUSHALL"]);
}

#[test]
fn collections_are_commands_and_near_expiries_of_fields_come_last() {
    let pairs: ItemsBuffer = [b"a".as_slice(), b"1", b"b", b"2"].into_iter().collect();
    let names: ItemsBuffer = [b"a".as_slice(), b"b"].into_iter().collect();
    let (db, key, pairs, names) = (0, b"h".as_slice(), pairs.items(), names.items());
    let commands = printed(&[
        Effect::on(db, key, HashChange::Set { pairs, expire_at_ms: Some(NOW_MS) }),
        Effect::on(db, b"other", HashChange::Set { pairs, expire_at_ms: Some(FAR_MS) }),
        Effect::on(db, b"other", HashChange::Delete { fields: names, expired: false }),
        Effect::on(db, b"s", SetChange::Add { members: names }),
        Effect::on(db, b"s", SetChange::Remove { members: names }),
        Effect::on(db, key, KeyChange::Rename { to: b"renamed" }),
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

#[test]
fn a_result_stored_in_parts_is_printed_when_it_is_whole() {
    let words = |words: &[&'static [u8]]| -> ItemsBuffer { words.iter().copied().collect() };
    let (one, two, other) = (words(&[b"a", b"b"]), words(&[b"c"]), words(&[b"lost"]));
    let part = |draft, items: &'static ItemsBuffer| {
        Effect::on(DRAFTS, draft, SetChange::Add { members: items.items() })
    };
    let leak = |items| -> &'static ItemsBuffer { Box::leak(Box::new(items)) };
    let effects = [
        part(b"1", leak(one)),
        part(b"2", leak(other)),
        set(b"k", None),
        part(b"1", leak(two)),
        Effect::on(DRAFTS, b"2", KeyChange::Delete { expired: false }),
        Effect::on(0, b"k", KeyChange::Delete { expired: false }),
        Effect::on(DRAFTS, b"1", KeyChange::Rename { to: b"k" }),
        Effect::on(DRAFTS, b"k", KeyChange::Move { to_db: 0 }),
    ];
    assert_eq!(printed(&effects), ["SELECT 0", "SET k v", "DEL k", "SADD k a b", "SADD k c"]);
}

/// A copy of elements of `z` that moves to its place; where the key that it replaces is deleted first.
fn copied(ranks: Ranks, (to_db, to): (usize, &'static [u8])) -> Vec<String> {
    let part = Part { from_db: 0, from: b"z", index: 0, count: 9 };
    let draft = |change: SortedSetChange<'static>| Effect::on(DRAFTS, b"1", change);
    printed_records(&[
        &[draft(SortedSetChange::CopyOrder { part })],
        &[set(b"other", None)],
        &[draft(SortedSetChange::CopyMembers { part, ranks })],
        &[
            Effect::on(to_db, to, KeyChange::Delete { expired: false }),
            Effect::on(DRAFTS, b"1", KeyChange::Rename { to }),
            Effect::on(DRAFTS, to, KeyChange::Move { to_db }),
        ],
    ])
}

#[test]
fn elements_that_are_removed_from_a_copy_are_printed_as_their_removal() {
    let gone: ItemsBuffer = [b"a".as_slice(), b"b"].into_iter().collect();
    let removal = SetChange::Remove { members: gone.items() };
    let records = printed_records(&[
        &[Effect::on(0, b"s", KeyChange::Copy { to_db: DRAFTS, to: b"1" })],
        &[set(b"other", None)],
        &[Effect::on(DRAFTS, b"1", removal)],
        &[
            Effect::on(0, b"s", KeyChange::Delete { expired: false }),
            Effect::on(DRAFTS, b"1", KeyChange::Rename { to: b"s" }),
            Effect::on(DRAFTS, b"s", KeyChange::Move { to_db: 0 }),
        ],
    ]);
    assert_eq!(records, ["SELECT 0", "SET other v", "SREM s a b"]);
}

#[test]
fn elements_that_are_copied_are_printed_as_a_command_on_their_source() {
    let (all, some) =
        (Ranks { first: 0, behind: 9, within: true }, Ranks { first: 2, behind: 5, within: true });
    let others = Ranks { within: false, ..some };
    assert_eq!(copied(some, (0, b"to")), ["SELECT 0", "SET other v", "ZRANGESTORE to z 2 4"]);
    assert_eq!(copied(some, (0, b"z")), ["SELECT 0", "SET other v", "ZRANGESTORE z z 2 4"]);
    assert_eq!(copied(others, (0, b"z")), ["SELECT 0", "SET other v", "ZREMRANGEBYRANK z 2 4"]);
    let elsewhere =
        ["SELECT 0", "SET other v", "COPY z to DB 3 REPLACE", "SELECT 3", "ZRANGESTORE to to 0 8"];
    assert_eq!(copied(all, (3, b"to")), elsewhere);
}

#[test]
fn strings_that_are_combined_are_printed_as_a_command_on_their_sources() {
    let two: &'static ItemsBuffer = Box::leak(Box::new([b"a".as_slice(), b"b"].into_iter().collect()));
    let placed = |to_db, to: &'static [u8], bits| {
        let sources = two.items();
        let part = |offset| {
            let change = StringChange::Combine { bits, from_db: 0, sources, offset, count: 5 };
            Effect::on(DRAFTS, b"1", change)
        };
        printed_records(&[
            &[part(0)],
            &[set(b"other", None)],
            &[part(5)],
            &[
                Effect::on(to_db, to, KeyChange::Delete { expired: false }),
                Effect::on(DRAFTS, b"1", KeyChange::Rename { to }),
                Effect::on(DRAFTS, to, KeyChange::Move { to_db }),
            ],
        ])
    };
    assert_eq!(placed(0, b"to", Bits::All), ["SELECT 0", "SET other v", "BITOP AND to a b"]);
    assert_eq!(placed(0, b"a", Bits::Odd), ["SELECT 0", "SET other v", "BITOP XOR a a b"]);
    assert_eq!(placed(0, b"a", Bits::NotFirst), ["SELECT 0", "SET other v", "BITOP DIFF1 a a b"]);
    assert_eq!(placed(4, b"to", Bits::Any), ["SELECT 0", "SET other v", "COPY a to DB 4 REPLACE"]);
}
