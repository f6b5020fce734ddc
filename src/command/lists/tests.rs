//! What commands on lists reply, and what they log.

use crate::command::tests::Data;
use crate::effect::{Change, Effect, KeyChange, decode};
use crate::resp::Protocol;

#[test]
fn elements_come_and_go_at_both_ends() {
    let mut data = Data::new();
    data.expect(&[
        ("RPUSH l a b", ":2"),
        ("LPUSH l x y", ":4"),
        ("TYPE l", "+list"),
        ("OBJECT ENCODING l", "$8|listpack"),
        ("LRANGE l 0 -1", "*4|$1|y|$1|x|$1|a|$1|b"),
        ("LLEN l", ":4"),
        ("LPUSHX none a", ":0"),
        ("RPUSHX none a", ":0"),
        ("LPUSHX l z", ":5"),
        ("RPUSHX l c d", ":7"),
        ("LPOP l", "$1|z"),
        ("RPOP l 2", "*2|$1|d|$1|c"),
        ("LPOP l 0", "*0"),
        ("LPOP l 1 1", "-ERR wrong number of arguments for 'lpop' command"),
        ("RPOP l -1", "-ERR value is out of range, must be positive"),
        ("LPOP none", "$-1"),
        ("LPOP none 1", "*-1"),
        ("LPOP l 10", "*4|$1|y|$1|x|$1|a|$1|b"),
        ("EXISTS l", ":0"),
        ("LLEN l", ":0"),
        ("LRANGE l 0 -1", "*0"),
    ]);
    assert_eq!(data.last_effects(), ["del"]);
    data.protocol = Protocol::Resp3;
    data.expect(&[("LPOP none", "_"), ("LPOP none 1", "_"), ("LMPOP 1 none LEFT", "_")]);
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn elements_are_found_and_replaced_by_index() {
    let mut data = Data::new();
    data.expect(&[
        ("RPUSH l a b c b a", ":5"),
        ("LINDEX l 0", "$1|a"),
        ("LINDEX l -2", "$1|b"),
        ("LINDEX l 5", "$-1"),
        ("LINDEX l -6", "$-1"),
        ("LINDEX l x", "-ERR value is not an integer or out of range"),
        ("LINDEX none x", "$-1"),
        ("LSET l -1 z", "+OK"),
        ("LSET l 5 z", "-ERR index out of range"),
        ("LSET none 0 z", "-ERR no such key"),
        ("LINSERT l BEFORE b new", ":6"),
        ("LINSERT l after z last", ":7"),
        ("LINSERT l BEFORE nothing x", ":-1"),
        ("LINSERT none BEFORE a x", ":0"),
        ("LINSERT none BESIDE a x", "-ERR syntax error"),
        ("LRANGE l 0 -1", "*7|$1|a|$3|new|$1|b|$1|c|$1|b|$1|z|$4|last"),
        ("LRANGE l -3 -2", "*2|$1|b|$1|z"),
        ("LRANGE l 5 1", "*0"),
        ("LPOS l b", ":2"),
        ("LPOS l b RANK 2", ":4"),
        ("LPOS l b RANK -1", ":4"),
        ("LPOS l b COUNT 0", "*2|:2|:4"),
        ("LPOS l b RANK -1 COUNT 0", "*2|:4|:2"),
        ("LPOS l b COUNT 0 MAXLEN 3", "*1|:2"),
        ("LPOS l b MAXLEN 2", "$-1"),
        ("LPOS none b COUNT 1", "*0"),
        ("LPOS l b COUNT -1", "-ERR COUNT can't be negative"),
        ("LPOS l b MAXLEN -1", "-ERR MAXLEN can't be negative"),
        ("LREM l -1 b", ":1"),
        ("LREM l 0 nothing", ":0"),
        ("LTRIM l 1 -2", "+OK"),
        ("LRANGE l 0 -1", "*4|$3|new|$1|b|$1|c|$1|z"),
        ("LTRIM l 9 10", "+OK"),
        ("EXISTS l", ":0"),
    ]);
    let first_zero = data.run("LPOS l b RANK 0");
    assert!(
        first_zero.starts_with("-ERR RANK can't be zero: use 1 to start from the first match"),
        "{first_zero}"
    );
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn elements_move_between_lists() {
    let mut data = Data::new();
    data.expect(&[
        ("RPUSH l a b c", ":3"),
        ("LMOVE l to LEFT RIGHT", "$1|a"),
        ("RPOPLPUSH l to", "$1|c"),
        ("LRANGE to 0 -1", "*2|$1|c|$1|a"),
        ("LMOVE to to LEFT RIGHT", "$1|c"),
        ("LRANGE to 0 -1", "*2|$1|a|$1|c"),
        ("PEXPIRE l 1000", ":1"),
        ("LMOVE l l LEFT RIGHT", "$1|b"),
        ("PTTL l", ":1000"),
        ("LMOVE none to LEFT RIGHT", "$-1"),
        ("LMOVE l to LEFT UP", "-ERR syntax error"),
        ("SET s x", "+OK"),
        ("LMOVE l s LEFT LEFT", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("LMOVE none s LEFT LEFT", "$-1"),
        ("LMPOP 2 none to RIGHT COUNT 5", "*2|$2|to|*2|$1|c|$1|a"),
        ("LMPOP 2 none to RIGHT", "*-1"),
        ("LMPOP 0 to RIGHT", "-ERR numkeys should be greater than 0"),
        ("LMPOP 2 to RIGHT", "-ERR syntax error"),
        ("LMPOP 1 to RIGHT COUNT 0", "-ERR count should be greater than 0"),
        ("LMPOP 1 to RIGHT COUNT 1 COUNT 1", "-ERR syntax error"),
        ("LMOVE l to LEFT LEFT", "$1|b"),
        ("EXISTS l to", ":1"),
    ]);
    assert_eq!(
        data.last_effects(),
        ["del", "rpush"].map(|name| if name == "rpush" { "lpush" } else { name })
    );
    data.now_ms += 10_000;
    data.expect(&[("RPUSH e a", ":1"), ("PEXPIRE e 5", ":1")]);
    data.now_ms += 10;
    data.expect(&[("LMPOP 2 e to LEFT", "*2|$2|to|*1|$1|b"), ("EXISTS e", ":0")]);
    assert_eq!(data.dump(), data.replayed().dump());
}

/// In a transaction no command blocks.
#[test]
fn commands_that_must_not_wait_reply_that_there_is_nothing() {
    let mut data = Data::new();
    data.expect(&[
        ("BLPOP a b 0", "*-1"),
        ("BRPOP a 1.5", "*-1"),
        ("BLMOVE a b LEFT RIGHT 0", "$-1"),
        ("BRPOPLPUSH a b 0", "$-1"),
        ("BLMPOP 0 2 a b LEFT", "*-1"),
        ("BLPOP a x", "-ERR timeout is not a float or out of range"),
        ("BLPOP a -1", "-ERR timeout is negative"),
        ("BLMPOP x 1 a LEFT", "-ERR timeout is not a float or out of range"),
        ("BLMPOP x 0 a LEFT", "-ERR numkeys should be greater than 0"),
        ("RPUSH b 1 2 3 4 5 6", ":6"),
        ("BLPOP a b 0", "*2|$1|b|$1|1"),
        ("BRPOP b a 0", "*2|$1|b|$1|6"),
        ("BLMOVE b c LEFT RIGHT 0", "$1|2"),
        ("BRPOPLPUSH b c 0", "$1|5"),
        ("BLMPOP 0 2 a b LEFT COUNT 7", "*2|$1|b|*2|$1|3|$1|4"),
        ("LRANGE c 0 -1", "*2|$1|5|$1|2"),
        ("SET s x", "+OK"),
        ("BLPOP a s 0", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ]);
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn long_elements_stay_whole() {
    let mut data = Data::new();
    let long = vec![b'j'; 1_200_000];
    let other = vec![b'k'; 100_000];
    assert_eq!(data.run_words(&[b"RPUSH", b"l", &long, b"short", &other]), b":3\r\n");
    data.publish();
    assert_eq!(data.run_words(&[b"LPOS", b"l", &other]), b":2\r\n");
    assert_eq!(data.run_words(&[b"LINSERT", b"l", b"AFTER", &long, &other]), b":4\r\n");
    assert_eq!(data.run_words(&[b"LREM", b"l", b"-1", &other]), b":1\r\n");
    let reply = |value: &[u8]| [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat();
    assert!(data.run_words(&[b"LMOVE", b"l", b"to", b"LEFT", b"RIGHT"]) == reply(&long));
    assert!(data.run_words(&[b"LINDEX", b"to", b"-1"]) == reply(&long));
    assert!(data.run_words(&[b"RPOP", b"l"]) == reply(b"short"));
    assert!(data.run_words(&[b"RPOP", b"l"]) == reply(&other));
    assert_eq!(data.run("OBJECT ENCODING to"), "$9|quicklist");
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn every_list_command_refuses_another_type() {
    let lines = [
        "LPUSH s a",
        "RPUSH s a",
        "LPUSHX s a",
        "RPUSHX s a",
        "LPOP s",
        "RPOP s 2",
        "LLEN s",
        "LINDEX s 0",
        "LSET s 0 a",
        "LRANGE s 0 1",
        "LTRIM s 0 1",
        "LREM s 0 a",
        "LINSERT s BEFORE a b",
        "LPOS s a",
        "LMOVE s l LEFT LEFT",
        "RPOPLPUSH s l",
        "LMPOP 1 s LEFT",
        "BLPOP s 0",
        "BRPOP s 0",
        "BLMOVE s l LEFT LEFT 0",
        "BRPOPLPUSH s l 0",
        "BLMPOP 0 1 s LEFT",
    ];
    let mut data = Data::new();
    data.run("SET s string");
    let records = data.records.len();
    for line in lines {
        assert_eq!(
            data.run(line),
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
            "{line}"
        );
    }
    assert_eq!(data.records.len(), records, "nothing was changed");
}

#[test]
fn the_log_says_what_was_done() {
    let mut data = Data::new();
    data.run("RPUSH l a b a c a");
    let mut effects = |line: &str| {
        data.run(line);
        let decoded = decode(data.records.last().unwrap()).unwrap();
        decoded
            .effects()
            .map(|effect| format!("{} {:?} {:?}", effect.name(), effect.place(), effect.count()))
            .collect::<Vec<_>>()
    };
    assert_eq!(effects("LREM l -5 c"), ["lrem None Some(1)"]);
    assert_eq!(effects("LINSERT l AFTER b new"), ["linsert Some(2) None"]);
    assert_eq!(effects("LSET l -1 z"), ["lset Some(4) None"]);
    assert_eq!(effects("LTRIM l 1 -1"), ["ltrim Some(1) Some(4)"]);
    assert_eq!(effects("RPOP l"), ["rpop None Some(1)"]);
    assert_eq!(effects("LMOVE l to LEFT LEFT"), ["lpop None Some(1)", "lpush None None"]);
    assert_eq!(effects("LREM l 0 new"), ["lrem None Some(1)"]);
    assert_eq!(effects("LREM l 0 a"), ["del None None"]);
    assert!(matches!(
        decode(data.records.last().unwrap()).unwrap().effects().next(),
        Some(Effect::Key { change: Change::Key(KeyChange::Delete { expired: false }), .. })
    ));
}

#[test]
fn inserting_between_the_same_neighbours_finds_its_space_beforehand() {
    let mut data = Data::new();
    let line: String = (0..400).map(|number| format!(" pushed:{number}")).collect();
    data.run(&format!("RPUSH l{line}"));
    data.run("LINSERT l AFTER pushed:200 n0");
    for number in 1..600 {
        // Each between the last two elements.
        let place = if number % 2 == 1 { "AFTER" } else { "BEFORE" };
        let reply = data.run(&format!("LINSERT l {place} n{} n{number}", number - 1));
        assert_eq!(reply, format!(":{}", 401 + number));
    }
    assert_eq!(data.run("LLEN l"), ":1000");
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn several_elements_move_between_lists() {
    let mut data = Data::new();
    let cases = [
        ("LEFT LEFT COUNT 3 OBO", "*3|$1|3|$1|2|$1|1", "4 5", "3 2 1 x y"),
        ("LEFT LEFT COUNT 3 BULK", "*3|$1|1|$1|2|$1|3", "4 5", "1 2 3 x y"),
        ("LEFT RIGHT COUNT 2 OBO", "*2|$1|1|$1|2", "3 4 5", "x y 1 2"),
        ("LEFT RIGHT COUNT 2 BULK", "*2|$1|1|$1|2", "3 4 5", "x y 1 2"),
        ("RIGHT LEFT EXACTLY 2 OBO", "*2|$1|4|$1|5", "1 2 3", "4 5 x y"),
        ("RIGHT LEFT EXACTLY 2 BULK", "*2|$1|4|$1|5", "1 2 3", "4 5 x y"),
        ("RIGHT RIGHT COUNT 3 OBO", "*3|$1|5|$1|4|$1|3", "1 2", "x y 5 4 3"),
        ("RIGHT RIGHT COUNT 3 BULK", "*3|$1|3|$1|4|$1|5", "1 2", "x y 3 4 5"),
        ("LEFT RIGHT", "*1|$1|1", "2 3 4 5", "x y 1"),
        ("LEFT LEFT COUNT 9 BULK", "*5|$1|1|$1|2|$1|3|$1|4|$1|5", "", "1 2 3 4 5 x y"),
        ("LEFT RIGHT EXACTLY 6 BULK", "*-1", "1 2 3 4 5", "x y"),
    ];
    for (how, reply, left, there) in cases {
        data.expect(&[
            ("DEL a b", if data.records.is_empty() { ":0" } else { ":2" }),
            ("RPUSH a 1 2 3 4 5", ":5"),
            ("RPUSH b x y", ":2"),
        ]);
        assert_eq!(data.run(&format!("LMOVEM a b {how}")), reply, "{how}");
        assert_eq!(elements(&mut data, "a"), left, "{how}");
        assert_eq!(elements(&mut data, "b"), there, "{how}");
        assert_eq!(data.dump(), data.replayed().dump(), "{how}");
        data.run("RPUSH a 1");
    }
}

/// The elements of a list of short strings.
fn elements(data: &mut Data, key: &str) -> String {
    let reply = data.run(&format!("LRANGE {key} 0 -1"));
    reply.split('|').skip(2).step_by(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn elements_move_within_a_list() {
    let mut data = Data::new();
    let cases = [
        ("LEFT LEFT COUNT 2 OBO", "2 1 3"),
        ("LEFT LEFT COUNT 2 BULK", "1 2 3"),
        ("LEFT RIGHT COUNT 2 BULK", "3 1 2"),
        ("RIGHT LEFT COUNT 2 OBO", "2 3 1"),
        ("RIGHT RIGHT COUNT 2 OBO", "1 3 2"),
        ("LEFT LEFT COUNT 5 OBO", "3 2 1"),
        ("RIGHT RIGHT EXACTLY 3 OBO", "3 2 1"),
        ("LEFT RIGHT COUNT 3 OBO", "1 2 3"),
        ("RIGHT LEFT", "3 1 2"),
    ];
    for (how, expected) in cases {
        data.run("DEL l");
        data.expect(&[("RPUSH l 1 2 3", ":3"), ("PEXPIRE l 1000", ":1")]);
        let records = data.records.len();
        data.run(&format!("LMOVEM l l {how}"));
        assert_eq!(elements(&mut data, "l"), expected, "{how}");
        assert_eq!(data.run("PTTL l"), ":1000", "{how}");
        assert_eq!(
            data.records.len() > records,
            expected != "1 2 3",
            "{how} is logged if it changes something"
        );
        assert_eq!(data.dump(), data.replayed().dump(), "{how}");
    }
}

#[test]
fn moves_of_several_elements_refuse_what_they_do_not_understand() {
    let mut data = Data::new();
    data.expect(&[
        ("LMOVEM none d LEFT RIGHT", "*0"),
        ("LMOVEM none d LEFT RIGHT COUNT 5 BULK", "*0"),
        ("LMOVEM none d LEFT RIGHT EXACTLY 1 BULK", "*-1"),
        ("BLMOVEM none d LEFT RIGHT 0", "*-1"),
        ("BLMOVEM none d LEFT RIGHT x", "-ERR timeout is not a float or out of range"),
        ("RPUSH l a b c", ":3"),
        ("BLMOVEM l d LEFT RIGHT 0 EXACTLY 4 OBO", "*-1"),
        ("BLMOVEM l d LEFT RIGHT 0 COUNT 2 BULK", "*2|$1|a|$1|b"),
        ("SET s x", "+OK"),
        ("LMOVEM s d LEFT LEFT", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("LMOVEM l s LEFT LEFT", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("LLEN l", ":1"),
    ]);
    for rest in ["COUNT 2", "COUNT 2 OBO x", "MANY 2 OBO", "COUNT 2 ANY", "COUNT"] {
        assert_eq!(data.run(&format!("LMOVEM l d LEFT LEFT {rest}")), "-ERR syntax error", "{rest}");
    }
    for rest in ["COUNT 0 OBO", "EXACTLY 0 BULK", "COUNT -1 BULK", "COUNT a BULK"] {
        let reply = data.run(&format!("LMOVEM l d LEFT LEFT {rest}"));
        assert_eq!(reply, "-ERR count should be greater than 0", "{rest}");
    }
    data.expect(&[("LMOVEM l d UP LEFT", "-ERR syntax error"), ("LMOVEM l d LEFT UP", "-ERR syntax error")]);
}
