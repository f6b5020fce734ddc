//! What commands on sets reply, and what they log.

use std::collections::BTreeSet;

use crate::command::tests::Data;
use crate::resp::Protocol;

#[test]
fn members_come_and_go() {
    let mut data = Data::new();
    data.expect(&[
        ("SADD s b a b", ":2"),
        ("SADD s a c", ":1"),
        ("TYPE s", "+set"),
        ("SCARD s", ":3"),
        ("SMEMBERS s", "*3|$1|a|$1|b|$1|c"),
        ("SISMEMBER s a", ":1"),
        ("SMISMEMBER s a x", "*2|:1|:0"),
        ("SMISMEMBER none a x", "*2|:0|:0"),
        ("SREM s x y", ":0"),
        ("SREM s a a", ":1"),
        ("SMOVE s t b", ":1"),
        ("SMOVE s t b", ":0"),
        ("SMOVE s s c", ":1"),
        ("SMOVE none t b", ":0"),
        ("SMEMBERS t", "*1|$1|b"),
        ("SREM s c", ":1"),
        ("EXISTS s", ":0"),
        ("SMEMBERS s", "*0"),
        ("SCARD s", ":0"),
    ]);
    assert_eq!(data.last_effects(), ["srem", "del"], "the last member took the key along");
    data.protocol = Protocol::Resp3;
    assert_eq!(data.run("SMEMBERS t"), "~1|$1|b");
    assert_eq!(data.run("SMEMBERS none"), "~0");
}

#[test]
fn encodings_are_those_of_redis() {
    let mut data = Data::new();
    let long = "x".repeat(65);
    data.expect(&[
        ("SADD s 1 2 -3", ":3"),
        ("OBJECT ENCODING s", "$6|intset"),
        ("SADD s a", ":1"),
        ("OBJECT ENCODING s", "$8|listpack"),
        (&format!("SADD s {long}"), ":1"),
        ("OBJECT ENCODING s", "$9|hashtable"),
        ("HSET h a 1", ":1"),
        ("OBJECT ENCODING h", "$8|listpack"),
        ("HEXPIRE h 100 FIELDS 1 a", "*1|:1"),
        ("OBJECT ENCODING h", "$10|listpackex"),
        (&format!("HSET h b {long}"), ":1"),
        ("OBJECT ENCODING h", "$9|hashtable"),
    ]);
    let line: String = (0..513).map(|number| format!(" {number}")).collect();
    data.run(&format!("SADD many{line}"));
    assert_eq!(data.run("OBJECT ENCODING many"), "$9|hashtable");
    data.run("SREM many 7");
    assert_eq!(data.run("OBJECT ENCODING many"), "$6|intset");
    data.limits.encodings.set_integers = 100;
    assert_eq!(data.run("OBJECT ENCODING many"), "$9|hashtable");
    let usage: u64 = data.run("MEMORY USAGE many")[1..].parse().unwrap();
    assert!((4000..20_000).contains(&usage), "{usage}");
}

#[test]
fn sets_are_combined() {
    let mut data = Data::new();
    data.expect(&[
        ("SADD a 1 2 3 4", ":4"),
        ("SADD b 2 4 6", ":3"),
        ("SADD c 4", ":1"),
        ("SINTER a b", "*2|$1|2|$1|4"),
        ("SINTER a b c", "*1|$1|4"),
        ("SINTER a none", "*0"),
        ("SUNION b c none", "*3|$1|2|$1|4|$1|6"),
        ("SDIFF a b c", "*2|$1|1|$1|3"),
        ("SDIFF none a", "*0"),
        ("SINTERCARD 2 a b", ":2"),
        ("SINTERCARD 2 a b LIMIT 1", ":1"),
        ("SINTERCARD 2 a b LIMIT 0", ":2"),
        ("SINTERCARD 0 a", "-ERR numkeys should be greater than 0"),
        ("SINTERCARD 3 a b", "-ERR Number of keys can't be greater than number of args"),
        ("SINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative"),
        ("SINTERCARD 1 a b", "-ERR syntax error"),
        ("SINTERCARD 1 a APPROX", "-ERR syntax error"),
        ("SINTERSTORE a a b", ":2"),
        ("SMEMBERS a", "*2|$1|2|$1|4"),
        ("SET d string", "+OK"),
        ("SUNIONSTORE d a b", ":3"),
        ("TYPE d", "+set"),
        ("SDIFFSTORE d c a", ":0"),
        ("EXISTS d", ":0"),
        ("SET d string", "+OK"),
        ("SINTER none d", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SUNIONSTORE x d", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ]);
}

#[test]
fn what_is_popped_is_logged() {
    let mut data = Data::new();
    let line: String = (0..200).map(|number| format!(" m{number}")).collect();
    data.run(&format!("SADD s{line}"));
    let popped = data.run("SPOP s 50");
    assert!(popped.starts_with("*50|"));
    assert_eq!(data.last_effects(), ["srem"]);
    let popped: BTreeSet<&str> = popped.split('|').filter(|part| part.starts_with('m')).collect();
    assert_eq!((popped.len(), data.run("SCARD s")), (50, ":150".into()));
    assert!(popped.iter().all(|member| data.run(&format!("SISMEMBER s {member}")) == ":0"));
    assert!(data.run("SPOP s").starts_with('$'));
    assert!(data.run("SPOP s 1000").starts_with("*149|"));
    assert_eq!(data.last_effects(), ["del"]);
    data.expect(&[
        ("SPOP s", "$-1"),
        ("SPOP s 5", "*0"),
        ("SPOP s -1", "-ERR value is out of range, must be positive"),
        ("SPOP s 1 2", "-ERR syntax error"),
        ("SRANDMEMBER s", "$-1"),
        ("SRANDMEMBER s 5", "*0"),
        ("SADD s a", ":1"),
        ("SRANDMEMBER s", "$1|a"),
        ("SRANDMEMBER s 5", "*1|$1|a"),
        ("SRANDMEMBER s -3", "*3|$1|a|$1|a|$1|a"),
        ("SRANDMEMBER s 0", "*0"),
        ("SPOP s 0", "*0"),
    ]);
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn a_scan_returns_what_is_there_from_start_to_end() {
    let mut data = Data::new();
    let add: String = (0..3000).map(|number| format!(" {number}")).collect();
    data.run(&format!("SADD s{add}"));
    let (mut cursor, mut found, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
    loop {
        let reply = data.run(&format!("SSCAN s {cursor} COUNT 50"));
        let parts: Vec<&str> = reply.split('|').collect();
        cursor = parts[2].to_owned();
        found.extend(parts[4..].iter().skip(1).step_by(2).map(|part| part.to_string()));
        calls += 1;
        data.run(&format!("SREM s {}", 2999 - calls));
        data.run(&format!("SADD s new:{calls}"));
        if cursor == "0" {
            break;
        }
    }
    assert!(calls > 20, "{calls} calls");
    assert!((0..2900).all(|number| found.contains(&number.to_string())));
    assert_eq!(data.run("SSCAN s 0 MATCH 2999"), "*2|$1|0|*1|$4|2999");
    assert_eq!(data.run("SSCAN none 0"), "*2|$1|0|*0");
    assert_eq!(data.run("SSCAN none x"), "-ERR invalid cursor");
    assert_eq!(data.run("SSCAN s 0 COUNT 0"), "-ERR syntax error");
}

#[test]
fn a_member_has_a_greatest_length() {
    let mut data = Data::new();
    let longest = vec![b'm'; 65_536];
    assert_eq!(data.run_words(&[b"SADD", b"s", &longest]), b":1\r\n");
    assert_eq!(data.run_words(&[b"SISMEMBER", b"s", &longest]), b":1\r\n");
    let longer = vec![b'm'; 65_537];
    assert_eq!(
        data.run_words(&[b"SADD", b"s", &longer]),
        b"-ERR member is too long: 65536 bytes at most\r\n"
    );
    assert_eq!(data.run_words(&[b"SISMEMBER", b"s", &longer]), b":0\r\n");
    assert_eq!(data.run_words(&[b"SREM", b"s", &longer]), b":0\r\n");
}

#[test]
fn members_of_unions_and_differences_are_counted() {
    let mut data = Data::new();
    data.expect(&[
        ("SADD a 1 2 3", ":3"),
        ("SADD b 3 4", ":2"),
        ("SUNIONCARD 2 a b", ":4"),
        ("SUNIONCARD 3 a none b LIMIT 3", ":3"),
        ("SUNIONCARD 2 a b LIMIT 0", ":4"),
        ("SUNIONCARD 2 a b APPROX", ":4"),
        ("SUNIONCARD 2 a b approx limit 2", ":2"),
        ("SUNIONCARD 1 none", ":0"),
        ("SDIFFCARD 2 a b", ":2"),
        ("SDIFFCARD 2 a b LIMIT 1", ":1"),
        ("SDIFFCARD 2 none a", ":0"),
        ("SDIFFCARD 1 a", ":3"),
        ("SDIFFCARD 1 a APPROX", "-ERR syntax error"),
        ("SUNIONCARD 0 a", "-ERR numkeys should be greater than 0"),
        ("SDIFFCARD 3 a b", "-ERR Number of keys can't be greater than number of args"),
        ("SUNIONCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative"),
        ("SET s x", "+OK"),
        ("SUNIONCARD 2 a s", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SDIFFCARD 2 none s", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ]);
}
