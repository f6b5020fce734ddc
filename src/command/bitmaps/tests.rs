//! What commands on bits reply, and what they log.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::command::tests::Data;

#[test]
fn bits_are_set_counted_and_found() {
    let mut data = Data::new();
    data.expect(&[
        ("SETBIT b 7 1", ":0"),
        ("SETBIT b 7 1", ":1"),
        ("GETBIT b 7", ":1"),
        ("GETBIT b 4294967295", ":0"),
        ("SETBIT b 4294967296 1", "-ERR bit offset is not an integer or out of range"),
        ("SETBIT b 1 2", "-ERR bit is not an integer or out of range"),
        ("SETBIT b 20 1", ":0"),
        ("STRLEN b", ":3"),
        ("BITCOUNT b", ":2"),
        ("BITCOUNT b 1 -1", ":1"),
        ("BITCOUNT b 8 20 BIT", ":1"),
        ("BITCOUNT b 8 19 BIT", ":0"),
        ("BITPOS b 1", ":7"),
        ("BITPOS b 1 1", ":20"),
        ("BITPOS b 0", ":0"),
        ("BITPOS b 1 21 -1 BIT", ":-1"),
        ("BITOP NOT n b", ":3"),
        ("BITCOUNT n", ":22"),
        ("BITPOS n 0 21 -1 BIT", ":-1"),
        ("BITPOS n 0 2", ":20"),
        ("BITOP AND x n b", ":3"),
        ("BITCOUNT x", ":0"),
        ("BITOP XOR x n b none", ":3"),
        ("BITPOS x 0", ":24"),
        ("BITPOS x 0 0 -1", ":-1"),
        ("BITOP OR x none", ":0"),
        ("EXISTS x", ":0"),
        ("SADD s a", ":1"),
        ("BITCOUNT s", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SETBIT s 1 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("BITOP AND d b s", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("BITOP DIFF d b s", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("BITOP NOT d b n", "-ERR BITOP NOT must be called with a single source key."),
        ("BITOP diff d b", "-ERR BITOP DIFF must be called with at least two source keys."),
        ("BITOP DIFF1 d b", "-ERR BITOP DIFF1 must be called with at least two source keys."),
        ("BITOP AndOr d s", "-ERR BITOP ANDOR must be called with at least two source keys."),
        ("BITOP DIFF2 d b n", "-ERR syntax error"),
    ]);
    assert_eq!(data.dump(), data.replayed().dump());
}

/// The example of Redis's documentation.
#[test]
fn bits_of_the_first_string_are_told_from_those_of_the_others() {
    let mut data = Data::new();
    for (key, value) in [(b"x", 0b1100_0011_u8), (b"y", 0b0101_1010), (b"z", 0b0100_1001)] {
        data.run_words(&[b"SET", key, &[value]]);
    }
    let cases = [
        ("DIFF r x y z", 0b1000_0000),
        ("DIFF1 r x y z", 0b0001_1000),
        ("ANDOR r x y z", 0b0100_0011),
        ("ONE r x y z", 0b1001_0000),
        ("ONE r x", 0b1100_0011),
        ("DIFF r none x", 0),
        ("DIFF1 r none x", 0b1100_0011),
        ("ANDOR r x none", 0),
        ("ANDOR r none x", 0),
        ("ONE r x x x", 0),
        ("DIFF x x y", 0b1000_0001),
    ];
    for (words, expected) in cases {
        assert_eq!(data.run(&format!("BITOP {words}")), ":1", "{words}");
        let key = words.split(' ').nth(1).unwrap();
        assert_eq!(
            data.run_words(&[b"GET", key.as_bytes()]),
            [b"$1\r\n".as_slice(), &[expected], b"\r\n"].concat()
        );
    }
    assert_eq!(data.run("BITOP DIFF r none none2"), ":0");
    assert_eq!(data.run("EXISTS r"), ":0");
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn a_far_bit_costs_what_is_written() {
    let mut data = Data::new();
    data.run("SETBIT b 4294967295 1");
    assert_eq!(data.run("STRLEN b"), ":536870912");
    assert_eq!(data.records.len(), 1);
    assert!(data.records[0].len() < 40, "{} bytes are logged", data.records[0].len());
    assert_eq!(data.run("BITFIELD b GET u8 #536870911 SET u4 100 9 GET u4 100"), "*3|:1|:0|:9");
    assert_eq!(data.run("BITPOS b 1"), ":100");
}

#[test]
fn a_field_does_what_it_is_told() {
    let mut data = Data::new();
    data.expect(&[
        ("BITFIELD f SET u8 0 255 INCRBY u8 0 2 GET u8 0", "*3|:0|:1|:1"),
        ("BITFIELD f OVERFLOW SAT INCRBY i8 8 200 INCRBY i8 8 -300", "*2|:127|:-128"),
        ("BITFIELD f OVERFLOW FAIL INCRBY i8 8 -1 GET i8 8", "*2|$-1|:-128"),
        ("BITFIELD f SET i64 #1 -1 GET i64 #1 GET u63 64", "*3|:0|:-1|:9223372036854775807"),
        ("BITFIELD f INCRBY i64 #1 9223372036854775807 GET u1 127", "*2|:9223372036854775806|:0"),
        ("BITFIELD none GET u8 0", "*1|:0"),
        ("EXISTS none", ":0"),
        ("BITFIELD g OVERFLOW FAIL SET u2 8 9", "*1|$-1"),
        ("STRLEN g", ":2"),
        ("BITFIELD_RO f GET i8 8", "*1|:-128"),
        ("BITFIELD_RO f SET i8 8 1", "-ERR BITFIELD_RO only supports the GET subcommand"),
        (
            "BITFIELD f GET u64 0",
            "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not \
          supported but i64 is.",
        ),
        ("BITFIELD f OVERFLOW no", "-ERR Invalid OVERFLOW type specified"),
        ("BITFIELD f SET u8 4294967289 1", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
    ]);
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn long_strings_are_counted_as_plain_bits() {
    for seed in 0..4 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut data = Data::new();
        let sparse = seed % 2 == 0;
        let len = random.random_range(1000..6000);
        let bytes: Vec<u8> = (0..len)
            .map(|_| if sparse { 0 } else { 0xFF } ^ (u8::from(random.random_range(0..700) == 0) << 3))
            .collect();
        data.run_words(&[b"SET", b"b", &bytes]);
        let bits: Vec<bool> =
            bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
        for _ in 0..200 {
            let start = random.random_range(0..bits.len());
            let end = random.random_range(start..bits.len());
            let count = bits[start..=end].iter().filter(|bit| **bit).count();
            assert_eq!(
                data.run(&format!("BITCOUNT b {start} {end} BIT")),
                format!(":{count}"),
                "seed {seed}"
            );
            for (bit, wanted) in [(0, false), (1, true)] {
                let found = bits[start..=end].iter().position(|bit| *bit == wanted);
                let expected = found.map_or(-1, |found| (start + found) as i64);
                assert_eq!(data.run(&format!("BITPOS b {bit} {start} {end} BIT")), format!(":{expected}"));
            }
        }
    }
}

/// How two bytes are combined.
type Join = fn(u8, u8) -> u8;

#[test]
fn strings_of_any_length_are_combined_byte_by_byte() {
    let mut random = SmallRng::seed_from_u64(8);
    for _ in 0..12 {
        let mut data = Data::new();
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for key in [b"a", b"b", b"c"] {
            let len = [0, 5, 1279, 1281, 48 * 1280, 70_000, 200_001][random.random_range(0..7)];
            let text: Vec<u8> = (0..len).map(|_| random.random()).collect();
            data.run_words(&[b"SET", key, &text]);
            texts.push(text);
        }
        // Its middle is not stored.
        data.run("SETRANGE a 150000 end");
        let len = texts[0].len().max(150_003);
        texts[0].resize(len, 0);
        texts[0][150_000..150_003].copy_from_slice(b"end");
        let len = texts.iter().map(Vec::len).max().unwrap();
        let byte = |text: &Vec<u8>, at| text.get(at).copied().unwrap_or(0);
        let combined = |join: Join| -> Vec<u8> {
            let each = |at| texts.iter().map(|text| byte(text, at)).reduce(join).unwrap();
            (0..len).map(each).collect()
        };
        let joins: [(&str, Join); 3] = [("AND", |a, b| a & b), ("OR", |a, b| a | b), ("XOR", |a, b| a ^ b)];
        for (name, join) in joins {
            assert_eq!(data.run(&format!("BITOP {name} d a b c")), format!(":{len}"));
            assert!(
                data.run_words(&[b"GET", b"d"]).ends_with(&[&combined(join)[..], b"\r\n"].concat()),
                "{name}"
            );
        }
        let firsts: [(&str, Join); 3] =
            [("DIFF", |a, b| a & !b), ("DIFF1", |a, b| !a & b), ("ANDOR", |a, b| a & b)];
        for (name, join) in firsts {
            assert_eq!(data.run(&format!("BITOP {name} d a b c")), format!(":{len}"));
            let of = |at| join(byte(&texts[0], at), byte(&texts[1], at) | byte(&texts[2], at));
            let expected: Vec<u8> = (0..len).map(of).collect();
            assert!(data.run_words(&[b"GET", b"d"]).ends_with(&[&expected[..], b"\r\n"].concat()), "{name}");
        }
        data.run("BITOP NOT d a");
        let inverted: Vec<u8> = texts[0].iter().map(|byte| !byte).collect();
        assert!(data.run_words(&[b"GET", b"d"]).ends_with(&[&inverted[..], b"\r\n"].concat()));
    }
}
