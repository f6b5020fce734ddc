//! What commands on keys reply, and what `SCAN` guarantees.

use std::collections::BTreeSet;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::command::tests::{Data, START_MS};
use crate::resp::Protocol;

#[test]
fn existence_and_type() {
    let mut data = Data::new();
    data.expect(&[
        ("MSET a 1 b 2", "+OK"),
        ("EXISTS a b a c", ":3"),
        ("TOUCH a c", ":1"),
        ("TYPE a", "+string"),
        ("TYPE c", "+none"),
        ("DEL a a c", ":1"),
        ("UNLINK b", ":1"),
        ("DBSIZE", ":0"),
        ("RANDOMKEY", "$-1"),
        ("SET only v", "+OK"),
        ("RANDOMKEY", "$4|only"),
    ]);
}

#[test]
fn expiries_with_conditions() {
    let mut data = Data::new();
    data.expect(&[
        ("EXPIRE none 10", ":0"),
        ("SET k v", "+OK"),
        ("EXPIRE k 10 XX", ":0"),
        ("EXPIRE k 10 GT", ":0"),
        ("EXPIRE k 10 LT", ":1"),
        ("EXPIRE k 20 NX", ":0"),
        ("EXPIRE k 20 LT", ":0"),
        ("EXPIRE k 20 GT", ":1"),
        ("EXPIRE k 15 XX LT", ":1"),
        ("TTL k", ":15"),
        ("PTTL k", ":15000"),
        ("EXPIRETIME k", ":1700000015"),
        ("PEXPIRETIME k", ":1700000015000"),
        ("PEXPIRE k 1499", ":1"),
        ("TTL k", ":1"),
        ("PEXPIRE k 1500", ":1"),
        ("TTL k", ":2"),
        ("EXPIREAT k 1700000100", ":1"),
        ("TTL k", ":100"),
        ("PEXPIREAT k 1700000000900", ":1"),
        ("PTTL k", ":900"),
        ("PERSIST k", ":1"),
        ("PERSIST k", ":0"),
        ("TTL k", ":-1"),
        ("TTL none", ":-2"),
        ("EXPIRETIME none", ":-2"),
        ("EXPIRE k 10 NX XX", "-ERR NX and XX, GT or LT options at the same time are not compatible"),
        ("EXPIRE k 10 GT LT", "-ERR GT and LT options at the same time are not compatible"),
        ("EXPIRE k 10 YY", "-ERR Unsupported option YY"),
        ("EXPIRE k x", "-ERR value is not an integer or out of range"),
        ("EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command"),
        ("PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"),
        ("EXPIREAT k 9223372036854775807", "-ERR invalid expire time in 'expireat' command"),
        ("PEXPIREAT k 9223372036854775807", ":1"),
        ("PEXPIRETIME k", ":9223372036854775807"),
        ("EXPIRE k -1", ":1"),
        ("EXISTS k", ":0"),
    ]);
    assert_eq!(data.now_ms, START_MS);
}

#[test]
fn renaming_copying_and_moving_take_the_expiry_along() {
    let mut data = Data::new();
    data.expect(&[
        ("RENAME none k", "-ERR no such key"),
        ("RENAMENX none k", "-ERR no such key"),
        ("SET a 1 EX 10", "+OK"),
        ("SET b 2 EX 20", "+OK"),
        ("RENAME a a", "+OK"),
        ("RENAMENX a b", ":0"),
        ("RENAMENX a a", ":0"),
        ("RENAME a b", "+OK"),
        ("TTL b", ":10"),
        ("EXISTS a", ":0"),
        ("COPY b c", ":1"),
        ("TTL c", ":10"),
        ("COPY b c", ":0"),
        ("COPY b c REPLACE", ":1"),
        ("COPY none c REPLACE", ":0"),
        ("COPY b b", "-ERR source and destination objects are the same"),
        ("COPY b b DB 0", "-ERR source and destination objects are the same"),
        ("COPY b b DB 1", ":1"),
        ("COPY b b DB 16", "-ERR DB index is out of range"),
        ("COPY b b DB x", "-ERR value is not an integer or out of range"),
        ("COPY b b NOPE", "-ERR syntax error"),
        ("COPY b b DB", "-ERR syntax error"),
        ("MOVE b 1", ":0"),
        ("MOVE c 1", ":1"),
        ("MOVE c 1", ":0"),
        ("MOVE b 0", "-ERR source and destination objects are the same"),
        ("MOVE b 99", "-ERR DB index is out of range"),
        ("MOVE b x", "-ERR value is not an integer or out of range"),
    ]);
    data.db = 1;
    data.expect(&[("KEYS *", "*2|$1|b|$1|c"), ("TTL c", ":10")]);
    data.now_ms += 10_000;
    data.db = 0;
    data.expect(&[("SET b new", "+OK"), ("MOVE b 1", ":1")]);
    assert_eq!(data.last_effects(), ["expired", "move"], "what is past its deadline is not in the way");
}

#[test]
fn whole_databases() {
    let mut data = Data::new();
    data.expect(&[("SET a 1 EX 10", "+OK"), ("SWAPDB 0 1", "+OK"), ("DBSIZE", ":0")]);
    data.db = 1;
    data.expect(&[
        ("TTL a", ":10"),
        ("FLUSHDB sync", "+OK"),
        ("DBSIZE", ":0"),
        ("FLUSHDB NOPE", "-ERR syntax error"),
        ("FLUSHALL ASYNC SYNC", "-ERR syntax error"),
        ("SWAPDB x 1", "-ERR invalid first DB index"),
        ("SWAPDB 1 x", "-ERR invalid second DB index"),
        ("SWAPDB 1 16", "-ERR DB index is out of range"),
        ("SWAPDB 1 1", "+OK"),
    ]);
    assert!(data.dump().is_empty());
}

#[test]
fn keys_matches_patterns() {
    let mut data = Data::new();
    data.expect(&[
        ("MSET user:1 a user:12 b user:2 c usher d '' e", "+OK"),
        ("KEYS user:1*", "*2|$6|user:1|$7|user:12"),
        ("KEYS us*er*", "*4|$6|user:1|$7|user:12|$6|user:2|$5|usher"),
        ("KEYS user:?", "*2|$6|user:1|$6|user:2"),
        ("KEYS user:1", "*1|$6|user:1"),
        ("KEYS nope", "*0"),
        ("KEYS [^u]*", "*0"),
        ("KEYS *", "*5|$0||$6|user:1|$7|user:12|$6|user:2|$5|usher"),
    ]);
}

#[test]
fn objects() {
    let mut data = Data::new();
    data.expect(&[
        ("SET k v", "+OK"),
        ("OBJECT REFCOUNT k", ":1"),
        ("OBJECT IDLETIME k", ":0"),
        ("object freq none", "$-1"),
        ("MEMORY USAGE none", "$-1"),
        ("MEMORY USAGE k SAMPLES 5", ":26"),
        ("MEMORY USAGE k SAMPLES -5", "-ERR syntax error"),
        ("MEMORY USAGE k NOPE", "-ERR syntax error"),
    ]);
    assert!(data.run("OBJECT FREQ k").starts_with("-ERR An LFU maxmemory policy is not selected"));
    data.protocol = Protocol::Resp3;
    data.expect(&[("OBJECT ENCODING none", "_")]);
}

/// One call of `SCAN`; returns the cursor and the names.
fn scan(data: &mut Data, cursor: u64, options: &[&[u8]]) -> (u64, Vec<Vec<u8>>) {
    let cursor = cursor.to_string();
    let reply = data.run_words(&[&[b"SCAN", cursor.as_bytes()], options].concat());
    let mut lines = reply.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    assert_eq!(lines.next(), Some(b"*2".as_slice()), "{}", String::from_utf8_lossy(&reply));
    lines.next();
    let cursor = std::str::from_utf8(lines.next().unwrap()).unwrap().parse().unwrap();
    lines.next();
    let names =
        lines.enumerate().filter(|(index, _)| index % 2 == 1).map(|(_, name)| name.to_vec()).collect();
    (cursor, names)
}

#[test]
fn scan_checks_its_arguments() {
    let mut data = Data::new();
    data.expect(&[
        ("SCAN x", "-ERR invalid cursor"),
        ("SCAN -1", "-ERR invalid cursor"),
        ("SCAN 18446744073709551616", "-ERR invalid cursor"),
        ("SCAN 0 COUNT", "-ERR syntax error"),
        ("SCAN 0 COUNT 0", "-ERR syntax error"),
        ("SCAN 0 COUNT x", "-ERR value is not an integer or out of range"),
        ("SCAN 0 NOPE x", "-ERR syntax error"),
        ("SCAN 18446744073709551615", "*2|$1|0|*0"),
        ("SET k v", "+OK"),
        ("SCAN 0 MATCH k", "*2|$1|0|*1|$1|k"),
        ("SCAN 0 MATCH k TYPE STRING", "*2|$1|0|*1|$1|k"),
        ("SCAN 0 MATCH k TYPE hash", "*2|$1|0|*0"),
    ]);
}

#[test]
fn scan_of_a_prefix_looks_at_nothing_else() {
    let mut data = Data::new();
    for number in 0..500 {
        data.run(&format!("MSET other:{number} x user:{number:04} x zoo:{number} x"));
    }
    let (mut cursor, mut calls, mut found) = (0, 0, 0);
    loop {
        let (next, names) = scan(&mut data, cursor, &[b"MATCH", b"user:*", b"COUNT", b"50"]);
        assert!(next < 1 << 52, "the place fits the cursor");
        (cursor, calls, found) = (next, calls + 1, found + names.len());
        assert!(calls < 1000, "the scan does not end");
        if cursor == 0 {
            break;
        }
    }
    assert_eq!((calls, found), (10, 500));
}

#[test]
fn scan_returns_what_is_there_all_the_time_whatever_else_comes_and_goes() {
    for seed in 0..20 {
        eprintln!("seed {seed}");
        let mut random = SmallRng::seed_from_u64(seed);
        let mut data = Data::new();
        let prefix = ["", "a-prefix-that-all-keys-share:"][random.random_range(0..2)];
        let name = |random: &mut SmallRng| format!("{prefix}{:x}", random.random_range(0..4000_u64).pow(4));
        let steady: BTreeSet<Vec<u8>> = (0..300).map(|_| name(&mut random).into_bytes()).collect();
        for key in &steady {
            data.run_words(&[b"SET", key, b"v"]);
        }
        let pattern = [b"*".as_slice(), b"a-prefix-that*", b"?*"][random.random_range(0..3)];
        let count = random.random_range(1..30).to_string();
        let (mut cursor, mut found, mut calls) = (0, BTreeSet::new(), 0);
        loop {
            let (next, names) = scan(&mut data, cursor, &[b"MATCH", pattern, b"COUNT", count.as_bytes()]);
            found.extend(names);
            if random.random_range(0..10) > 0 {
                cursor = next;
            }
            if next == 0 {
                break;
            }
            for _ in 0..5 {
                let key = name(&mut random).into_bytes();
                if !steady.contains(&key) {
                    let words: [&[u8]; 3] = [b"SET", &key, b"v"];
                    let delete: [&[u8]; 2] = [b"DEL", &key];
                    data.run_words(if random.random() { &words } else { &delete });
                }
            }
            calls += 1;
            assert!(calls < 5000, "the scan does not end");
        }
        if prefix.is_empty() && pattern == b"a-prefix-that*" {
            assert!(found.is_empty());
        } else {
            assert!(steady.is_subset(&found), "seed {seed}");
        }
    }
}
