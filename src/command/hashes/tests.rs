//! What commands on hashes reply, and what they log.

use crate::command::tests::{Data, START_MS};
use crate::resp::Protocol;

#[test]
fn fields_come_and_go() {
    let mut data = Data::new();
    data.expect(&[
        ("HSET h b 1 a 2 b 3", ":2"),
        ("HSET h a 4 c 5", ":1"),
        ("HSET h a 1 b", "-ERR wrong number of arguments for 'hset' command"),
        ("TYPE h", "+hash"),
        ("HGET h b", "$1|3"),
        ("HGET h x", "$-1"),
        ("HGET none x", "$-1"),
        ("HMGET h a x c", "*3|$1|4|$-1|$1|5"),
        ("HGETALL h", "*6|$1|a|$1|4|$1|b|$1|3|$1|c|$1|5"),
        ("HKEYS h", "*3|$1|a|$1|b|$1|c"),
        ("HVALS h", "*3|$1|4|$1|3|$1|5"),
        ("HLEN h", ":3"),
        ("HEXISTS h a", ":1"),
        ("HEXISTS h x", ":0"),
        ("HSTRLEN h a", ":1"),
        ("HSTRLEN h x", ":0"),
        ("HSETNX h a 9", ":0"),
        ("HSETNX h d 9", ":1"),
        ("HMSET h e 1 f 2", "+OK"),
        ("HDEL h a a x", ":1"),
        ("HDEL h b c d e f", ":5"),
        ("EXISTS h", ":0"),
        ("HGETALL h", "*0"),
        ("HDEL h a", ":0"),
        ("SET s v", "+OK"),
        ("HGET s a", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("HSET s a 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ]);
    assert_eq!(data.last_effects(), ["set"]);
    data.protocol = Protocol::Resp3;
    data.expect(&[
        ("HSET h b 1 a 2", ":2"),
        ("HGETALL h", "%2|$1|a|$1|2|$1|b|$1|1"),
        ("HGETALL none", "%0"),
        ("HGET h x", "_"),
        ("HRANDFIELD h 5 WITHVALUES", "*2|*2|$1|a|$1|2|*2|$1|b|$1|1"),
    ]);
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn values_are_numbers() {
    let mut data = Data::new();
    data.expect(&[
        ("HINCRBY h n 5", ":5"),
        ("HINCRBY h n -7", ":-2"),
        ("HINCRBY h n 1.5", "-ERR value is not an integer or out of range"),
        ("HINCRBYFLOAT h n 0.1", "$4|-1.9"),
        ("HINCRBY h n 1", "-ERR hash value is not an integer"),
        ("HSET h t text m 9223372036854775807", ":2"),
        ("HINCRBY h m 1", "-ERR increment or decrement would overflow"),
        ("HINCRBYFLOAT h t 1", "-ERR hash value is not a float"),
        ("HINCRBYFLOAT h n x", "-ERR value is not a valid float"),
        ("HINCRBYFLOAT h n inf", "-ERR value is NaN or Infinity"),
        ("HGET h n", "$4|-1.9"),
    ]);
}

#[test]
fn a_long_value_is_whole_and_its_pages_come_back() {
    let mut data = Data::new();
    let long: Vec<u8> = (0..300_000_u32).map(|number| number as u8).collect();
    assert_eq!(data.run_words(&[b"HSET", b"h", b"f", &long, b"g", b"short"]), b":2\r\n");
    let expected = [b"$300000\r\n", long.as_slice(), b"\r\n"].concat();
    assert!(data.run_words(&[b"HGET", b"h", b"f"]) == expected);
    assert_eq!(data.run("HSTRLEN h f"), ":300000");
    assert_eq!(data.run("COPY h copy"), ":1");
    assert_eq!(data.run("HSET h f short"), ":0");
    assert!(data.run_words(&[b"HGET", b"copy", b"f"]) == expected);
    assert_eq!(data.run("DEL copy"), ":1");
    assert_eq!(data.dump(), data.replayed().dump());
    let longest = vec![b'f'; 65_537];
    let refused = b"-ERR field is too long: 65536 bytes at most\r\n";
    assert_eq!(data.run_words(&[b"HSET", b"h", &longest, b"v"]), refused);
    assert_eq!(data.run_words(&[b"HGET", b"h", &longest]), b"$-1\r\n");
    assert_eq!(data.run_words(&[b"HDEL", b"h", &longest]), b":0\r\n");
}

#[test]
fn random_fields_are_fields() {
    let mut data = Data::new();
    data.expect(&[
        ("HRANDFIELD h", "$-1"),
        ("HRANDFIELD h 3", "*0"),
        ("HSET h a 1 b 2", ":2"),
        ("HRANDFIELD h 9 WITHVALUES", "*4|$1|a|$1|1|$1|b|$1|2"),
        ("HRANDFIELD h 0", "*0"),
        ("HRANDFIELD h 1 VALUES", "-ERR syntax error"),
        ("HRANDFIELD h x", "-ERR value is not an integer or out of range"),
        ("HRANDFIELD h -9223372036854775807 WITHVALUES", "-ERR value is out of range"),
        ("HDEL h b", ":1"),
        ("HRANDFIELD h -3", "*3|$1|a|$1|a|$1|a"),
        ("HRANDFIELD h -2 WITHVALUES", "*4|$1|a|$1|1|$1|a|$1|1"),
        ("HRANDFIELD h", "$1|a"),
    ]);
}

#[test]
fn a_scan_has_fields_with_and_without_values() {
    let mut data = Data::new();
    data.expect(&[
        ("HSCAN h 0", "*2|$1|0|*0"),
        ("HSET h a 1 b 2", ":2"),
        ("HSCAN h 0", "*2|$1|0|*4|$1|a|$1|1|$1|b|$1|2"),
        ("HSCAN h 0 NOVALUES", "*2|$1|0|*2|$1|a|$1|b"),
        ("HSCAN h 0 MATCH b", "*2|$1|0|*2|$1|b|$1|2"),
        ("HSCAN h 0 MATCH", "-ERR syntax error"),
    ]);
}

#[test]
fn fields_have_expiries() {
    let mut data = Data::new();
    data.expect(&[
        ("HSET h a 1 b 2 c 3", ":3"),
        ("HEXPIRE h 10 FIELDS 2 a x", "*2|:1|:-2"),
        ("HEXPIRE none 10 FIELDS 1 a", "*1|:-2"),
        ("HTTL h FIELDS 3 a b x", "*3|:10|:-1|:-2"),
        ("HPTTL h FIELDS 1 a", "*1|:10000"),
        ("HEXPIRETIME h FIELDS 1 a", "*1|:1700000010"),
        ("HPEXPIRETIME h FIELDS 1 a", "*1|:1700000010000"),
        ("HTTL none FIELDS 1 a", "*1|:-2"),
        ("HEXPIRE h 20 NX FIELDS 2 a b", "*2|:0|:1"),
        ("HEXPIRE h 30 XX FIELDS 2 a c", "*2|:1|:0"),
        ("HEXPIRE h 25 GT FIELDS 3 a b c", "*3|:0|:1|:0"),
        ("HEXPIRE h 5 LT FIELDS 2 a c", "*2|:1|:1"),
        ("HEXPIRE h 5 NX FIELDS 2 x x", "*2|:-2|:-2"),
        ("HPEXPIREAT h 1700000007000 FIELDS 1 c", "*1|:1"),
        ("HPERSIST h FIELDS 3 b b x", "*3|:1|:-1|:-2"),
        ("HEXPIRE h 0 FIELDS 2 b b", "*2|:2|:-2"),
        ("HEXPIRE h -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0"),
        ("HEXPIRE h 99999999999999 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command"),
        ("HEXPIRE h 1 FIELD 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position"),
        ("HEXPIRE h 1 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0"),
        ("HTTL h FIELDS 0 a", "-ERR Number of fields must be a positive integer"),
        ("HTTL h FIELDS 2 a", "-ERR The `numfields` parameter must match the number of arguments"),
        ("HLEN h", ":2"),
    ]);
    data.now_ms = START_MS + 5000;
    data.expect(&[
        ("HGET h a", "$-1"),
        ("HLEN h", ":1"),
        ("HGETALL h", "*2|$1|c|$1|3"),
        ("HRANDFIELD h 5", "*1|$1|c"),
        ("HSCAN h 0 NOVALUES", "*2|$1|0|*1|$1|c"),
        ("HSETNX h a 9", ":1"),
        ("HTTL h FIELDS 1 a", "*1|:-1"),
        ("HINCRBY h c 4", ":7"),
        ("HPTTL h FIELDS 1 c", "*1|:2000"),
        ("HSET h c 4", ":0"),
        ("HPTTL h FIELDS 1 c", "*1|:-1"),
        ("HEXPIRE h 1 FIELDS 2 a c", "*2|:1|:1"),
    ]);
    data.now_ms += 1000;
    data.expect(&[("EXISTS h", ":0"), ("TYPE h", "+none"), ("HLEN h", ":0")]);
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn fields_are_read_and_changed_at_once() {
    let mut data = Data::new();
    data.expect(&[
        ("HSETEX h EX 10 FIELDS 2 a 1 b 2", ":1"),
        ("HTTL h FIELDS 2 a b", "*2|:10|:10"),
        ("HSETEX h FNX FIELDS 2 b 9 c 9", ":0"),
        ("HSETEX h FXX FIELDS 2 b 9 c 9", ":0"),
        ("HSETEX h FNX FIELDS 1 c 3", ":1"),
        ("HSETEX h FXX KEEPTTL FIELDS 2 a 5 c 6", ":1"),
        ("HTTL h FIELDS 3 a b c", "*3|:10|:10|:-1"),
        ("HGETEX h FIELDS 3 a b x", "*3|$1|5|$1|2|$-1"),
        ("HGETEX h PX 5000 FIELDS 2 a x", "*2|$1|5|$-1"),
        ("HPTTL h FIELDS 1 a", "*1|:5000"),
        ("HGETEX h PERSIST FIELDS 2 a c", "*2|$1|5|$1|6"),
        ("HTTL h FIELDS 2 a c", "*2|:-1|:-1"),
        ("HGETDEL h FIELDS 2 a a", "*2|$1|5|$-1"),
        ("HGETEX h EXAT 1 FIELDS 1 b", "*1|$1|2"),
        ("HEXISTS h b", ":0"),
        ("HSETEX h PXAT 1 FIELDS 2 c 7 d 8", ":1"),
        ("EXISTS h", ":0"),
        ("HGETDEL h FIELDS 1 a", "*1|$-1"),
        ("HGETEX h FIELDS 1 a", "*1|$-1"),
        ("HSETEX h FXX FIELDS 1 a 1", ":0"),
        (
            "HSETEX h EX 1 PX 1 FIELDS 1 a 1",
            "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
        ),
        ("HSETEX none XX FIELDS 1 a 1", ":0"),
        ("EXISTS none", ":0"),
        ("HSETEX none NX FNX EX 10 FIELDS 1 a 1", ":1"),
        ("HSETEX none NX FIELDS 1 b 1", ":0"),
        ("HSETEX none XX FXX FIELDS 1 b 1", ":0"),
        ("HSETEX none XX KEEPTTL FIELDS 1 a 2", ":1"),
        ("HTTL none FIELDS 1 a", "*1|:10"),
        ("HSETEX none NX XX FIELDS 1 a 1", "-ERR Only one of XX or NX arguments can be specified"),
        ("HSETEX h FXX FNX FIELDS 1 a 1", "-ERR Only one of FXX or FNX arguments can be specified"),
        ("HSETEX h FOO FIELDS 1 a 1", "-ERR unknown argument: FOO"),
        ("HSETEX h FIELDS 2 a 1", "-ERR wrong number of arguments for 'hsetex' command"),
        ("HGETDEL h FIELD 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position"),
    ]);
    assert_eq!(data.dump(), data.replayed().dump());
}
