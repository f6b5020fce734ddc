//! Keys of all types that are long, and the commands that read them.

use super::common::{Client, Value};

/// Elements of the collections.
pub const ELEMENTS: usize = 20_000;
/// Elements of one command.
const BATCH: usize = 2000;

/// An element: all have the same length, so that byte order is the order of numbers.
fn element(index: usize) -> Vec<u8> {
    format!("element:{index:07}").into_bytes()
}

/// Fills a collection; `words` appends the words of an element.
fn fill_one(client: &mut Client, name: &str, key: &str, words: impl Fn(&mut Vec<Vec<u8>>, usize)) {
    for first in (0..ELEMENTS).step_by(BATCH) {
        let mut command = vec![name.as_bytes().to_vec(), key.as_bytes().to_vec()];
        (first..first + BATCH).for_each(|index| words(&mut command, index));
        let command: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        assert!(matches!(client.command(&command), Value::Integer(_)), "{name}");
    }
}

/// Fills the server with keys of all types.
pub fn fill(client: &mut Client) {
    fill_one(client, "RPUSH", "list", |words, index| words.push(element(index * 7919 % ELEMENTS)));
    fill_one(client, "RPUSH", "numbers", |words, index| {
        words.push((index * 7919 % ELEMENTS).to_string().into_bytes());
    });
    fill_one(client, "SADD", "set", |words, index| words.push(element(index)));
    fill_one(client, "SADD", "odd", |words, index| words.push(element(2 * index + 1)));
    fill_one(client, "HSET", "hash", |words, index| {
        words.extend([element(index), index.to_string().into_bytes()]);
    });
    fill_one(client, "ZADD", "sorted", |words, index| {
        words.extend([(index % 1000).to_string().into_bytes(), element(index)]);
    });
    fill_one(client, "ZADD", "lex", |words, index| words.extend([b"0".to_vec(), element(index)]));
    fill_one(client, "GEOADD", "places", |words, index| {
        words.extend([
            format!("{}", index as f64 * 0.008 - 80.0).into_bytes(),
            format!("{}", (index % 100) as f64 * 0.5).into_bytes(),
            element(index),
        ]);
    });
    client.command(&[b"SET", b"string", &vec![0x55; 3 << 20]]);
    client.command(&[b"SET", b"zeros", &vec![0; 3 << 20]]);
    client.command(&[b"SET", b"a", &b"abcdefghij".repeat(200)]);
    client.command(&[b"SET", b"b", &b"badcfehgji".repeat(200)]);
    for index in 0..3000 {
        client.command(&[b"SETEX", format!("key:{index}").as_bytes(), b"100000", b"value"]);
    }
}

/// Reads that take long, with one reply for the same data.
pub const READS: &[&str] = &[
    "GET string",
    "GETRANGE string 5 -5",
    "SUBSTR string 0 2000000",
    "MGET string none string list a string",
    "BITCOUNT string",
    "BITCOUNT string 1 -2",
    "BITPOS zeros 1",
    "LCS a b",
    "LCS a b LEN",
    "LCS a b IDX MINMATCHLEN 3 WITHMATCHLEN",
    "LRANGE list 0 -1",
    "LRANGE list 100 -100",
    "LPOS list element:9999999",
    "LPOS list element:0000001 COUNT 0 RANK -1",
    "HGETALL hash",
    "HKEYS hash",
    "HVALS hash",
    "HSCAN hash 0 COUNT 100000",
    "SMEMBERS set",
    "SINTER set odd",
    "SUNION set odd",
    "SDIFF set odd",
    "SINTERCARD 2 set odd",
    "SSCAN set 0 COUNT 100000",
    "SRANDMEMBER set 0",
    "ZRANGE sorted 0 -1",
    "ZRANGE sorted 0 -1 REV WITHSCORES",
    "ZREVRANGE sorted 0 -1 WITHSCORES",
    "ZRANGEBYSCORE sorted -inf +inf LIMIT 10 19000",
    "ZREVRANGEBYSCORE sorted +inf 3 WITHSCORES",
    "ZRANGEBYLEX lex - +",
    "ZREVRANGEBYLEX lex + -",
    "ZRANGE lex [element:0000005 + BYLEX",
    "ZUNION 2 sorted lex WITHSCORES",
    "ZINTER 2 sorted odd",
    "ZDIFF 2 sorted odd WITHSCORES",
    "ZINTERCARD 2 sorted set",
    "ZSCAN sorted 0 COUNT 100000",
    "SORT list ALPHA",
    "SORT numbers DESC",
    "SORT_RO numbers LIMIT 5 15000",
    "SORT numbers BY none:* GET # GET key:*",
    "SORT set BY nosort",
    "GEOSEARCH places FROMLONLAT 0 0 BYRADIUS 20000 km ASC WITHCOORD WITHDIST",
    "GEORADIUS places 0 0 20000 km DESC",
    "GEORADIUS_RO places 0 0 20000 km ASC COUNT 20000",
    "GEORADIUSBYMEMBER places element:0000001 20000 km ASC",
    "MEMORY USAGE set SAMPLES 0",
];

/// Reads of random elements, with the number of elements in their replies.
pub const RANDOM: &[(&str, usize)] = &[
    ("SRANDMEMBER set 10000", 10_000),
    ("SRANDMEMBER set 50000", ELEMENTS),
    ("SRANDMEMBER set -100000", 100_000),
    ("HRANDFIELD hash 10000", 10_000),
    ("HRANDFIELD hash -50000 WITHVALUES", 100_000),
    ("ZRANDMEMBER sorted 15000", 15_000),
    ("ZRANDMEMBER sorted -30000 WITHSCORES", 60_000),
];
