//! What string commands reply, and what they log.

use crate::command::tests::{Data, START_MS};
use crate::effect::{self, Effect, KeyChange, StringChange};
use crate::resp::Protocol;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

#[test]
fn set_takes_all_its_options() {
    let mut data = Data::new();
    data.expect(&[
        ("SET k v", "+OK"),
        ("SET k w XX", "+OK"),
        ("SET k x NX", "$-1"),
        ("SET k x NX GET", "$1|w"),
        ("SET n x NX GET", "$-1"),
        ("GET n", "$1|x"),
        ("SET k y EX 100", "+OK"),
        ("TTL k", ":100"),
        ("SET k z KEEPTTL", "+OK"),
        ("TTL k", ":100"),
        ("SET k z GET", "$1|z"),
        ("TTL k", ":-1"),
        ("set k z px 1500", "+OK"),
        ("PTTL k", ":1500"),
        ("SET k z EXAT 1700000001", "+OK"),
        ("PTTL k", ":1000"),
        ("SET k z PXAT 1700000000001", "+OK"),
        ("PTTL k", ":1"),
        ("SET k z EX 5 EX 7", "+OK"),
        ("TTL k", ":7"),
    ]);
    for line in [
        "SET k v NX XX",
        "SET k v EX 1 PX 1",
        "SET k v EX",
        "SET k v EX 1 KEEPTTL",
        "SET k v NOPE",
        "SET k v PERSIST",
    ] {
        assert_eq!(data.run(line), "-ERR syntax error", "{line}");
    }
    for line in
        ["SET k v EX 0", "SET k v PX -5", "SET k v EX 9223372036854775", "SET k v PX 9223372036854775807"]
    {
        assert_eq!(data.run(line), "-ERR invalid expire time in 'set' command", "{line}");
    }
    data.expect(&[
        ("SET k v EX 1.5", "-ERR value is not an integer or out of range"),
        ("SETEX k 0 v", "-ERR invalid expire time in 'setex' command"),
        ("PSETEX k -1 v", "-ERR invalid expire time in 'psetex' command"),
        ("GET k", "$1|z"),
    ]);
}

#[test]
fn an_expired_key_is_gone_and_the_log_says_so() {
    let mut data = Data::new();
    data.expect(&[("SET k v PX 100", "+OK"), ("SET l v PX 100", "+OK")]);
    data.now_ms += 100;
    data.expect(&[("GET k", "$-1"), ("DBSIZE", ":1")]);
    assert_eq!(data.last_effects(), ["expired"]);
    data.expect(&[("APPEND l w", ":1")]);
    assert_eq!(data.last_effects(), ["expired", "append"]);
    data.expect(&[("SET k v EXAT 1", "+OK"), ("EXISTS k", ":0"), ("DBSIZE", ":1")]);
}

#[test]
fn effects_are_results() {
    let mut data = Data::new();
    let last = |data: &Data| {
        let record = data.records.last().unwrap().clone();
        let record: &'static [u8] = record.leak();
        effect::decode(record).unwrap().effects().collect::<Vec<_>>()
    };
    let set = |value: &'static str, expire_at_ms| {
        let (db, key, value) = (0, b"k".as_slice(), value.as_bytes());
        vec![Effect::on(db, key, StringChange::Set { value, expire_at_ms, raw: false })]
    };
    data.run("SET k 5 EX 10");
    let expiry = Some(START_MS + 10_000);
    assert_eq!(last(&data), set("5", expiry));
    data.run("INCR k");
    assert_eq!(last(&data), set("6", expiry));
    data.run("INCRBYFLOAT k 0.5");
    assert_eq!(last(&data), set("6.5", expiry));
    data.run("GETEX k PERSIST");
    assert_eq!(last(&data), [Effect::on(0, b"k", KeyChange::Expire { expire_at_ms: None })]);
    data.run("GETDEL k");
    assert_eq!(last(&data), [Effect::on(0, b"k", KeyChange::Delete { expired: false })]);
    let records = data.records.len();
    for line in
        ["SET k v XX", "GETDEL k", "DEL k", "PERSIST k", "GETEX k EX 10", "SETRANGE k 5 ''", "FLUSHALL"]
    {
        data.run(line);
    }
    assert_eq!(data.records.len(), records, "what changes nothing is not logged");
}

#[test]
fn getex_and_the_older_forms() {
    let mut data = Data::new();
    data.expect(&[
        ("GETEX k", "$-1"),
        ("GETSET k v", "$-1"),
        ("GETSET k w", "$1|v"),
        ("GETEX k EX 10", "$1|w"),
        ("TTL k", ":10"),
        ("GETEX k", "$1|w"),
        ("TTL k", ":10"),
        ("GETEX k PERSIST", "$1|w"),
        ("TTL k", ":-1"),
        ("GETEX k KEEPTTL", "-ERR syntax error"),
        ("GETEX k EX 0", "-ERR invalid expire time in 'getex' command"),
        ("GETEX k PXAT 1", "$1|w"),
        ("EXISTS k", ":0"),
        ("SETNX k v", ":1"),
        ("SETNX k w", ":0"),
        ("GETDEL k", "$1|v"),
        ("GETDEL k", "$-1"),
    ]);
    data.protocol = Protocol::Resp3;
    data.expect(&[("GET k", "_"), ("MGET k", "*1|_")]);
}

#[test]
fn several_keys_at_once() {
    let mut data = Data::new();
    data.expect(&[
        ("MSET a 1 b 2 a 3", "+OK"),
        ("MGET a b c", "*3|$1|3|$1|2|$-1"),
        ("MSETNX c 1 a 1", ":0"),
        ("EXISTS c", ":0"),
        ("MSETNX c 1 d 1", ":1"),
        ("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"),
        ("MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command"),
    ]);
}

#[test]
fn integers_are_checked() {
    let mut data = Data::new();
    data.expect(&[
        ("INCR k", ":1"),
        ("DECRBY k 5", ":-4"),
        ("INCRBY k 9223372036854775807", ":9223372036854775803"),
        ("INCRBY k 5", "-ERR increment or decrement would overflow"),
        ("DECRBY k -9223372036854775808", "-ERR decrement would overflow"),
        ("INCRBY k 1.0", "-ERR value is not an integer or out of range"),
        ("SET k 01", "+OK"),
        ("INCR k", "-ERR value is not an integer or out of range"),
        ("SET k 10.50", "+OK"),
        ("INCRBYFLOAT k 0.1", "$4|10.6"),
        ("INCRBYFLOAT k -5.0e0", "$3|5.6"),
        ("INCRBYFLOAT k x", "-ERR value is not a valid float"),
        ("INCRBYFLOAT k inf", "-ERR increment would produce NaN or Infinity"),
        ("SET k x", "+OK"),
        ("INCRBYFLOAT k 1", "-ERR value is not a valid float"),
    ]);
}

#[test]
fn ranges_follow_redis() {
    let mut data = Data::new();
    data.run_words(&[b"SET", b"k", b"This is a string"]);
    data.expect(&[
        ("GETRANGE k 0 3", "$4|This"),
        ("GETRANGE k -3 -1", "$3|ing"),
        ("GETRANGE k 0 -1", "$16|This is a string"),
        ("GETRANGE k 10 100", "$6|string"),
        ("GETRANGE k 5 3", "$0|"),
        ("GETRANGE k -1 -5", "$0|"),
        ("GETRANGE k -100 -90", "$1|T"),
        ("GETRANGE missing 0 -1", "$0|"),
        ("GETRANGE k a 1", "-ERR value is not an integer or out of range"),
        ("GETRANGE k -9223372036854775808 9223372036854775807", "$16|This is a string"),
        ("SETRANGE k 10 STRING", ":16"),
        ("SUBSTR k 8 -1", "$8|a STRING"),
        ("SETRANGE new 3 x", ":4"),
        ("GET new", "$4|\0\0\0x"),
        ("SETRANGE k -1 x", "-ERR offset is out of range"),
        ("SETRANGE k 536870912 x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
        ("SETRANGE k 9223372036854775807 x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
        ("SETRANGE none 0 ''", ":0"),
        ("APPEND k !", ":17"),
        ("APPEND empty ''", ":0"),
        ("EXISTS empty", ":1"),
        ("STRLEN k", ":17"),
        ("STRLEN none", ":0"),
    ]);
}

#[test]
fn a_long_string_can_be_written_far_past_its_end() {
    let mut data = Data::new();
    data.expect(&[
        ("SET k abc", "+OK"),
        ("SETRANGE k 536870900 xyz", ":536870903"),
        ("STRLEN k", ":536870903"),
    ]);
    data.expect(&[
        ("GETRANGE k 536870895 -1", "$8|\0\0\0\0\0xyz"),
        ("GETRANGE k 0 4", "$5|abc\0\0"),
        ("GETRANGE k 300000000 300000001", "$2|\0\0"),
        ("APPEND k 1234567890", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
        ("APPEND k 123456789", ":536870912"),
        ("OBJECT ENCODING k", "$3|raw"),
    ]);
    assert!(data.run("MEMORY USAGE k").strip_prefix(':').unwrap().parse::<u64>().unwrap() < 10_000);
    data.expect(&[("SET k short", "+OK"), ("GET k", "$5|short")]);
}

#[test]
fn encodings_are_those_of_redis() {
    let mut data = Data::new();
    data.expect(&[
        ("SET k 12", "+OK"),
        ("OBJECT ENCODING k", "$3|int"),
        ("APPEND k 3", ":3"),
        ("OBJECT ENCODING k", "$3|raw"),
        ("COPY k l", ":1"),
        ("OBJECT ENCODING l", "$3|raw"),
        ("EXPIRE l 10", ":1"),
        ("OBJECT ENCODING l", "$3|raw"),
        ("INCR k", ":124"),
        ("OBJECT ENCODING k", "$3|int"),
        ("SET k 12345678901234567890", "+OK"),
        ("OBJECT ENCODING k", "$6|embstr"),
        ("SETRANGE m 0 x", ":1"),
        ("OBJECT ENCODING m", "$3|raw"),
        ("APPEND n 5", ":1"),
        ("OBJECT ENCODING n", "$3|int"),
    ]);
    data.run_words(&[b"SET", b"k", &[b'x'; 44]]);
    data.expect(&[("OBJECT ENCODING k", "$6|embstr")]);
    data.run_words(&[b"SET", b"k", &[b'x'; 45]]);
    data.expect(&[("OBJECT ENCODING k", "$3|raw"), ("OBJECT ENCODING none", "$-1")]);
}

#[test]
fn common_subsequences() {
    let mut data = Data::new();
    data.expect(&[
        ("MSET a ohmytext b mynewtext", "+OK"),
        ("LCS a b", "$6|mytext"),
        ("LCS a b LEN", ":6"),
        ("LCS a b IDX", "*4|$7|matches|*2|*2|*2|:4|:7|*2|:5|:8|*2|*2|:2|:3|*2|:0|:1|$3|len|:6"),
        ("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN", "*4|$7|matches|*1|*3|*2|:4|:7|*2|:5|:8|:4|$3|len|:6"),
        ("LCS a none", "$0|"),
        ("LCS a b IDX LEN", "-ERR If you want both the length and indexes, please just use IDX."),
        ("LCS a b MINMATCHLEN", "-ERR syntax error"),
    ]);
    for key in [b"a", b"b"] {
        data.run_words(&[b"SETRANGE", key, b"20000", b"x"]);
    }
    data.expect(&[(
        "LCS a b",
        "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
    )]);
}

#[test]
fn a_key_that_is_too_long_is_refused_before_anything_happens() {
    let mut data = Data::new();
    let key = vec![b'k'; crate::keyspace::KEY_BYTES_MAX + 1];
    let reply = data.run_words(&[b"SET", &key, b"v"]);
    assert!(reply.starts_with(b"-ERR key is too long"));
    assert_eq!(data.run_words(&[b"GET", &key]), b"$-1\r\n");
    let fits = &key[1..];
    assert_eq!(data.run_words(&[b"SET", fits, b"v", b"EX", b"10"]), b"+OK\r\n");
    assert_eq!(data.run_words(&[b"GET", fits]), b"$1\r\nv\r\n");
    data.now_ms += 10_000;
    assert_eq!(data.run_words(&[b"GET", fits]), b"$-1\r\n");
    assert!(data.dump().is_empty());
}

#[test]
fn set_compares_what_it_replaces() {
    let mut data = Data::new();
    data.expect(&[
        ("SET k w IFEQ v", "$-1"),
        ("SET k w IFDEQ 0", "$-1"),
        ("EXISTS k", ":0"),
        ("SET k v IFNE v", "+OK"),
        ("SET k w IFNE v", "$-1"),
        ("SET k w IFNE v GET", "$1|v"),
        ("SET k w IFEQ v EX 100", "+OK"),
        ("TTL k", ":100"),
        ("SET k x ifeq w keepttl GET", "$1|w"),
        ("TTL k", ":100"),
        ("SET new x IFEQ v GET", "$-1"),
        ("EXISTS new", ":0"),
        ("SET new x IFDNE 0000000000000000 GET", "$-1"),
        ("GET new", "$1|x"),
        ("SET k hello", "+OK"),
        ("SET k w IFDEQ 9555e8555c62dcfe", "$-1"),
        ("SET k w IFDNE 9555E8555C62DCFD", "$-1"),
        ("SET k hello IFDEQ 9555E8555C62DCFD", "+OK"),
        ("SET k w IFDNE zzzzzzzzzzzzzzzz", "+OK"),
        ("SET k w IFDEQ 955", "-ERR must be exactly 16 hexadecimal characters"),
        ("RPUSH l v", ":1"),
        ("SET l v IFEQ v", WRONG_TYPE),
        ("SET l v IFNE w", WRONG_TYPE),
        ("SET l v IFDNE 0000000000000000", WRONG_TYPE),
        ("GET k", "$1|w"),
    ]);
    for line in
        ["SET k v NX IFEQ v", "SET k v IFEQ v XX", "SET k v IFEQ", "SET k v IFEQ v IFNE w", "GETEX k IFEQ v"]
    {
        assert_eq!(data.run(line), "-ERR syntax error", "{line}");
    }
}

#[test]
fn digests_are_those_of_xxh3() {
    let mut data = Data::new();
    data.expect(&[
        ("DIGEST k", "$-1"),
        ("SET k hello", "+OK"),
        ("DIGEST k", "$16|9555e8555c62dcfd"),
        ("SET k ''", "+OK"),
        ("DIGEST k", "$16|2d06800538d394c2"),
        ("SET k 123", "+OK"),
        ("DIGEST k", "$16|404a763b3f4c8c9a"),
        ("SET k v8", "+OK"),
        ("DIGEST k", "$16|0cc76dbb41381419"),
        ("RPUSH l x", ":1"),
        ("DIGEST l", WRONG_TYPE),
    ]);
    // In pieces, with a gap, and in one: the same bytes.
    data.run_words(&[b"SETRANGE", b"long", b"70000", b"tail"]);
    let whole = [vec![0; 70_000], b"tail".to_vec()].concat();
    data.run_words(&[b"SET", b"same", &whole]);
    let digest = data.run("DIGEST long");
    assert_eq!(digest, data.run("DIGEST same"));
    assert_eq!(digest, format!("$16|{:016x}", xxhash_rust::xxh3::xxh3_64(&whole)));
    let shown = digest.split_once('|').unwrap().1;
    data.expect(&[
        (format!("SET long x IFDNE {shown}").as_str(), "$-1"),
        (format!("DELEX long IFDEQ {shown}").as_str(), ":1"),
        (format!("SET same x IFDEQ {shown}").as_str(), "+OK"),
    ]);
}

#[test]
fn keys_are_deleted_if_their_value_is_the_expected_one() {
    let mut data = Data::new();
    data.expect(&[
        ("DELEX k", ":0"),
        ("DELEX k IFEQ v", ":0"),
        ("DELEX k FOO v", ":0"),
        ("DELIFEQ k v", ":0"),
        ("SET k hello", "+OK"),
        ("DELEX k IFEQ other", ":0"),
        ("DELEX k IFNE hello", ":0"),
        ("DELEX k IFDEQ 0000000000000000", ":0"),
        ("DELEX k IFDNE 9555e8555c62dcfd", ":0"),
        ("DELIFEQ k other", ":0"),
        ("DELEX k IFDEQ 9555", "-ERR must be exactly 16 hexadecimal characters"),
        ("DELEX k FOO v", "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"),
        ("DELEX k IFEQ", "-ERR wrong number of arguments for 'delex' command"),
        ("DELEX k IFEQ a b", "-ERR wrong number of arguments for 'delex' command"),
        ("DELEX none IFEQ", "-ERR wrong number of arguments for 'delex' command"),
    ]);
    assert_eq!(data.records.len(), 1, "what deletes nothing is not logged");
    data.expect(&[("DELEX k IFEQ hello", ":1"), ("EXISTS k", ":0")]);
    assert_eq!(data.last_effects(), ["del"]);
    for (line, deleted) in [
        ("DELEX k ifne other", ":1"),
        ("DELEX k IFDNE 0000000000000000", ":1"),
        ("DELEX k", ":1"),
        ("DELIFEQ k hello", ":1"),
    ] {
        data.expect(&[("SET k hello", "+OK"), (line, deleted), ("EXISTS k", ":0")]);
    }
    data.expect(&[
        ("RPUSH l v", ":1"),
        ("DELIFEQ l v", WRONG_TYPE),
        ("DELEX l IFEQ v", "-ERR Key should be of string type if conditions are specified"),
        ("DELEX l", ":1"),
    ]);
}

#[test]
fn several_keys_are_set_with_one_expiry() {
    let mut data = Data::new();
    data.expect(&[
        ("MSETEX 2 a 1 b 2 EX 100", ":1"),
        ("MGET a b", "*2|$1|1|$1|2"),
        ("TTL a", ":100"),
        ("TTL b", ":100"),
        ("MSETEX 2 a 3 c 4 NX", ":0"),
        ("MSETEX 2 a 3 c 4 XX", ":0"),
        ("MSETEX 2 a 3 b 4 xx keepttl", ":1"),
        ("TTL a", ":100"),
        ("MSETEX 2 c 5 d 6 px 1500 nx", ":1"),
        ("PTTL d", ":1500"),
        ("MSETEX 1 a 7", ":1"),
        ("TTL a", ":-1"),
        ("MSETEX 2 a 8 a 9", ":1"),
        ("GET a", "$1|9"),
        ("MSETEX 2 a 1 c 1 EXAT 1", ":1"),
        ("EXISTS a c", ":0"),
        ("MSETEX a 1 EX 10", "-ERR invalid numkeys value"),
        ("MSETEX 0 a 1", "-ERR invalid numkeys value"),
        ("MSETEX 2147483648 a 1", "-ERR invalid numkeys value"),
        ("MSETEX 2147483647 a 1", "-ERR wrong number of key-value pairs"),
        ("MSETEX 2 a 1 b", "-ERR wrong number of key-value pairs"),
        ("MSETEX 1 a 1 EX 0", "-ERR invalid expire time in 'msetex' command"),
    ]);
    for options in ["foo", "NX XX", "EX 10 PX 10", "KEEPTTL EX 10", "GET", "PERSIST", "IFEQ 1", "EX"] {
        assert_eq!(data.run(&format!("MSETEX 1 a 1 {options}")), "-ERR syntax error", "{options}");
    }
}
