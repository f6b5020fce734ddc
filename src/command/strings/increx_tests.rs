//! What `INCREX` replies, and what it logs.

use crate::command::tests::Data;
use crate::resp::Protocol;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

#[test]
fn increx_counts_within_bounds() {
    let mut data = Data::new();
    data.expect(&[
        ("INCREX k", "*2|:1|:1"),
        ("INCREX k BYINT -11", "*2|:-10|:-11"),
        ("INCREX k BYINT 10 UBOUND -1", "*2|:-10|:0"),
        ("INCREX k BYINT 10 UBOUND -1 SATURATE", "*2|:-1|:9"),
        ("INCREX k UBOUND 0", "*2|:0|:1"),
        ("INCREX k BYINT -9 LBOUND -5", "*2|:0|:0"),
        ("INCREX k LBOUND -5 BYINT -9 SATURATE UBOUND 5", "*2|:-5|:-5"),
        ("INCREX none LBOUND 5", "*2|:0|:0"),
        ("EXISTS none", ":0"),
        ("INCREX none LBOUND 5 SATURATE", "*2|:5|:5"),
        ("SET k 50", "+OK"),
        ("INCREX k BYINT 5 UBOUND 30", "*2|:50|:0"),
        ("INCREX k BYINT -25 UBOUND 30", "*2|:25|:-25"),
        ("SET k 9223372036854775800", "+OK"),
        ("INCREX k BYINT 9223372036854775800", "*2|:9223372036854775800|:0"),
        ("INCREX k UBOUND -9223372036854775808 SATURATE", "-ERR applied increment would overflow"),
        ("INCREX k BYINT 9223372036854775800 SATURATE", "*2|:9223372036854775807|:7"),
        ("OBJECT ENCODING k", "$3|int"),
        ("SET f 10.5", "+OK"),
        ("INCREX f BYFLOAT 0.25", "*2|$5|10.75|$4|0.25"),
        ("INCREX f BYFLOAT 100 UBOUND 42.5", "*2|$5|10.75|$1|0"),
        ("INCREX f BYFLOAT 100 UBOUND 42.5 SATURATE", "*2|$4|42.5|$5|31.75"),
        ("INCREX f BYFLOAT -100 LBOUND -5.5 SATURATE", "*2|$4|-5.5|$3|-48"),
        ("GET f", "$4|-5.5"),
    ]);
    data.protocol = Protocol::Resp3;
    data.expect(&[("INCREX f BYFLOAT 1", "*2|,-4.5|,1"), ("INCREX k", "*2|:9223372036854775807|:0")]);
}

#[test]
fn increx_sets_and_keeps_the_expiry() {
    let mut data = Data::new();
    data.expect(&[
        ("INCREX k EX 100 ENX", "*2|:1|:1"),
        ("TTL k", ":100"),
        ("INCREX k EX 10 ENX", "*2|:2|:1"),
        ("INCREX k EXAT 1 ENX", "*2|:3|:1"),
        ("INCREX k", "*2|:4|:1"),
        ("TTL k", ":100"),
        ("INCREX k UBOUND 4 EX 10", "*2|:4|:0"),
        ("INCREX k UBOUND 4 PERSIST", "*2|:4|:0"),
        ("TTL k", ":100"),
        ("INCREX k UBOUND 4 EX 10 SATURATE", "*2|:4|:0"),
        ("TTL k", ":10"),
        ("INCREX k PERSIST", "*2|:5|:1"),
        ("TTL k", ":-1"),
        ("INCREX k PXAT 1700000001500", "*2|:6|:1"),
        ("PTTL k", ":1500"),
        ("INCREX k EXAT 1", "*2|:7|:1"),
        ("EXISTS k", ":0"),
        ("INCREX k EXAT 1", "*2|:1|:1"),
        ("EXISTS k", ":0"),
    ]);
    assert_eq!(data.last_effects(), ["expired"], "and the last one changed nothing");
}

#[test]
fn increx_refuses_what_it_does_not_understand() {
    let mut data = Data::new();
    for options in [
        "FOO",
        "BYINT",
        "BYINT 1 BYINT 2",
        "BYINT 1 BYFLOAT 2",
        "LBOUND 1 LBOUND 1",
        "UBOUND 1 UBOUND 1",
        "SATURATE SATURATE",
        "ENX ENX EX 10",
        "EX 10 PX 10",
        "EX 10 EX 10",
        "PERSIST PERSIST",
        "EX 10 PERSIST",
        "PERSIST ENX",
        "EX",
        "NX",
    ] {
        assert_eq!(data.run(&format!("INCREX k {options}")), "-ERR syntax error", "{options}");
    }
    data.expect(&[
        ("INCREX k ENX", "-ERR ENX flag requires an expiration"),
        ("INCREX k BYINT 1.5", "-ERR Increment is not an integer or out of range"),
        ("INCREX k LBOUND a", "-ERR LBOUND is not an integer or out of range"),
        ("INCREX k UBOUND 1.5", "-ERR UBOUND is not an integer or out of range"),
        ("INCREX k BYFLOAT a", "-ERR Increment is not a valid float"),
        ("INCREX k BYFLOAT 1 UBOUND a", "-ERR UBOUND is not a valid float"),
        ("INCREX k LBOUND 2 UBOUND 1", "-ERR LBOUND can't be greater than UBOUND"),
        ("INCREX k BYFLOAT 1 LBOUND 2.5 UBOUND 1", "-ERR LBOUND can't be greater than UBOUND"),
        ("INCREX k BYFLOAT inf", "-ERR BYFLOAT increment cannot be Infinity"),
        ("INCREX k EX 0", "-ERR invalid expire time in 'increx' command"),
        ("SET k inf", "+OK"),
        ("INCREX k BYFLOAT 1", "-ERR value cannot be Infinity"),
        ("INCREX k", "-ERR value is not an integer or out of range"),
        ("SET k hello", "+OK"),
        ("INCREX k BYFLOAT 1", "-ERR value is not a valid float"),
        ("RPUSH l x", ":1"),
        ("INCREX l", WRONG_TYPE),
        ("INCREX l BYFLOAT 1", WRONG_TYPE),
    ]);
}
