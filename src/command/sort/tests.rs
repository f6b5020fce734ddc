//! What `SORT` replies.

use crate::command::tests::Data;
use crate::effect::{Effect, HashChange, ItemsBuffer};
use crate::keyspace::Keyspace;

#[test]
fn elements_are_sorted_and_looked_up() {
    let mut data = Data::new();
    data.expect(&[
        ("SADD s 10 9 1", ":3"),
        ("ZADD z 3 a 1 b 2 c", ":3"),
        ("MSET w:10 1 w:9 3 w:1 2 o:9 nine", "+OK"),
        ("SORT s", "*3|$1|1|$1|9|$2|10"),
        ("SORT s DESC", "*3|$2|10|$1|9|$1|1"),
        ("SORT s ALPHA", "*3|$1|1|$2|10|$1|9"),
        ("SORT s BY w:*", "*3|$2|10|$1|1|$1|9"),
        ("SORT s BY w:* GET # GET o:*", "*6|$2|10|$-1|$1|1|$-1|$1|9|$4|nine"),
        ("SORT s LIMIT 1 1", "*1|$1|9"),
        ("SORT s LIMIT 1 -1", "*2|$1|9|$2|10"),
        ("SORT s LIMIT 5 1", "*0"),
        ("SORT z BY nosort", "*3|$1|b|$1|c|$1|a"),
        ("SORT z BY nosort DESC LIMIT 0 2", "*2|$1|a|$1|c"),
        ("SORT z", "-ERR One or more scores can't be converted into double"),
        ("SORT z BY missing:*", "*3|$1|a|$1|b|$1|c"),
        ("SORT_RO z ALPHA DESC", "*3|$1|c|$1|b|$1|a"),
        ("SORT none", "*0"),
        ("SORT none STORE s", ":0"),
        ("EXISTS s", ":0"),
        ("SORT_RO z STORE s", "-ERR syntax error"),
        ("SORT z LIMIT 1", "-ERR syntax error"),
        ("SORT z BY", "-ERR syntax error"),
        ("SORT w:1", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ]);
}

#[test]
fn fields_of_hashes_decide_the_order() {
    let mut data = Data::new();
    data.run("SADD s a b c");
    for (key, weight) in [("h:a", "3"), ("h:b", "1"), ("h:c->", "2")] {
        let pairs: ItemsBuffer = [b"f".as_slice(), weight.as_bytes()].into_iter().collect();
        let effect =
            Effect::on(0, key.as_bytes(), HashChange::Set { pairs: pairs.items(), expire_at_ms: None });
        Keyspace::new(&mut data.writer, None).apply(&effect).unwrap();
    }
    data.expect(&[
        ("SORT s BY h:*->f", "*3|$1|c|$1|b|$1|a"),
        ("SORT s BY h:*->f DESC GET h:*->f", "*3|$1|3|$1|1|$-1"),
        ("SORT s BY h:*->none", "*3|$1|a|$1|b|$1|c"),
        ("SORT s BY h:* GET h:*", "*3|$-1|$-1|$-1"),
        ("SORT s ALPHA GET h:*->", "*3|$-1|$-1|$-1"),
    ]);
}

#[test]
fn keys_that_expired_are_missing_and_deleted() {
    let mut data = Data::new();
    data.run("SADD s 1 2");
    data.run("MSET w:1 20 w:2 10");
    assert_eq!(data.run("SORT s BY w:*"), "*2|$1|2|$1|1");
    data.run("PEXPIRE w:1 10");
    data.now_ms += 20;
    assert_eq!(data.run("SORT s BY w:*"), "*2|$1|1|$1|2");
    assert_eq!(data.last_effects(), ["expired"]);
}

#[test]
fn equal_weights_keep_their_order_if_they_are_texts() {
    let mut data = Data::new();
    data.run("RPUSH l 2.0 1 01 b 2 1.0");
    data.run("LREM l 0 b");
    data.run("MSET t:2.0 x t:1 y t:01 x t:1.0 y");
    data.expect(&[
        ("SORT l", "*5|$2|01|$1|1|$3|1.0|$1|2|$3|2.0"),
        ("SORT l DESC", "*5|$3|2.0|$1|2|$3|1.0|$1|1|$2|01"),
        ("SORT l BY none:*", "*5|$2|01|$1|1|$3|1.0|$1|2|$3|2.0"),
        ("SORT l BY t:* ALPHA", "*5|$1|2|$3|2.0|$2|01|$1|1|$3|1.0"),
        ("SORT l BY t:* ALPHA DESC", "*5|$1|1|$3|1.0|$3|2.0|$2|01|$1|2"),
        ("SORT l ALPHA DESC", "*5|$3|2.0|$1|2|$3|1.0|$1|1|$2|01"),
    ]);
}
