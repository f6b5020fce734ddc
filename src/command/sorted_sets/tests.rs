//! What commands on sorted sets reply, and what they log.

use std::collections::BTreeSet;

use crate::command::tests::Data;
use crate::resp::Protocol;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

#[test]
fn members_come_and_go_with_their_scores() {
    let mut data = Data::new();
    data.expect(&[
        ("ZADD z 2 b 1 a 3 a", ":2"),
        ("ZADD z CH 2 a 2 b", ":1"),
        ("ZADD z NX 9 a 9 c", ":1"),
        ("ZADD z XX CH 1 c 1 d", ":1"),
        ("ZADD z GT CH 0 c 5 a", ":1"),
        ("ZADD z LT INCR 1 a", "$-1"),
        ("ZADD z INCR 1.5 a", "$3|6.5"),
        ("ZINCRBY z -0.5 a", "$1|6"),
        ("ZINCRBY z inf i", "$3|inf"),
        ("ZINCRBY z -inf i", "-ERR resulting score is not a number (NaN)"),
        ("ZRANGE z 0 -1 WITHSCORES", "*8|$1|c|$1|1|$1|b|$1|2|$1|a|$1|6|$1|i|$3|inf"),
        ("ZRANK z a", ":2"),
        ("ZREVRANK z a", ":1"),
        ("ZRANK z a WITHSCORE", "*2|:2|$1|6"),
        ("ZRANK z nobody WITHSCORE", "*-1"),
        ("ZRANK none a", "$-1"),
        ("ZRANK z a bogus", "-ERR syntax error"),
        ("ZRANK z a WITHSCORE x", "-ERR wrong number of arguments for 'zrank' command"),
        ("ZMSCORE z a nobody", "*2|$1|6|$-1"),
        ("ZCOUNT z (1 6", ":2"),
        ("TYPE z", "+zset"),
        ("OBJECT ENCODING z", "$8|listpack"),
        ("ZREM z a a nobody", ":1"),
        ("ZREM z b c i", ":3"),
        ("EXISTS z", ":0"),
    ]);
    assert_eq!(data.last_effects(), ["zrem", "del"], "the last member took the key along");
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn what_changes_nothing_is_not_logged() {
    let mut data = Data::new();
    data.run("ZADD z 1 a 0 zero");
    for line in
        ["ZADD z 1 a", "ZADD z NX 2 a", "ZADD none XX 2 a", "ZADD z GT 1 a", "ZREM z b", "ZADD z -0 zero"]
    {
        data.run(line);
    }
    assert_eq!(data.records.len(), 1);
    assert_eq!(data.run("EXISTS none"), ":0");
}

#[test]
fn scores_are_doubles_in_resp3() {
    let mut data = Data::new();
    data.protocol = Protocol::Resp3;
    data.expect(&[
        ("ZADD z 0.1 a 2 b -inf c", ":3"),
        ("ZSCORE z a", ",0.1"),
        ("ZSCORE z x", "_"),
        ("ZRANGE z 0 -1 WITHSCORES", "*3|*2|$1|c|,-inf|*2|$1|a|,0.1|*2|$1|b|,2"),
        ("ZRANK z b WITHSCORE", "*2|:2|,2"),
        ("ZUNION 1 z WITHSCORES", "*3|*2|$1|c|,-inf|*2|$1|a|,0.1|*2|$1|b|,2"),
        ("ZPOPMIN z", "*2|$1|c|,-inf"),
        ("ZPOPMIN z 1", "*1|*2|$1|a|,0.1"),
        ("ZMPOP 2 none z MAX", "*2|$1|z|*1|*2|$1|b|,2"),
        ("ZMPOP 2 none z MAX", "_"),
    ]);
}

#[test]
fn what_is_removed_by_range_or_popped_is_logged() {
    let mut data = Data::new();
    let add: String = (0..300).map(|number| format!(" {} m{number:03}", number / 3)).collect();
    data.run(&format!("ZADD z{add}"));
    data.expect(&[
        ("OBJECT ENCODING z", "$8|skiplist"),
        ("ZREMRANGEBYSCORE z 0 (10", ":30"),
        ("ZREMRANGEBYRANK z -30 -1", ":30"),
        ("ZREMRANGEBYLEX z [a [b", ":0"),
        ("ZPOPMIN z 2", "*4|$4|m030|$2|10|$4|m031|$2|10"),
        ("ZPOPMAX z", "*2|$4|m269|$2|89"),
        ("ZCARD z", ":237"),
        ("ZRANGESTORE top z 0 2 REV", ":3"),
        ("ZRANGE top 0 -1", "*3|$4|m266|$4|m267|$4|m268"),
    ]);
    assert_eq!(data.last_effects(), ["zadd"]);
    assert!(data.run("ZMPOP 1 z MIN COUNT 1000").starts_with("*2|$1|z|*237|*2|$4|m032|$2|10|"));
    assert_eq!(data.last_effects(), ["del"]);
    data.expect(&[("ZREMRANGEBYRANK top 0 -1", ":3"), ("EXISTS top z", ":0")]);
    assert_eq!(data.last_effects(), ["del"]);
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn sets_of_both_kinds_are_combined() {
    let mut data = Data::new();
    data.expect(&[
        ("ZADD a 1 x 2 y 3 z", ":3"),
        ("ZADD b 10 y 20 z", ":2"),
        ("SADD s z w", ":2"),
        ("ZUNIONSTORE d 3 a b s WEIGHTS 1 2 100", ":4"),
        ("ZRANGE d 0 -1 WITHSCORES", "*8|$1|x|$1|1|$1|y|$2|22|$1|w|$3|100|$1|z|$3|143"),
        ("ZINTERSTORE d 2 a b AGGREGATE MAX", ":2"),
        ("ZRANGE d 0 -1 WITHSCORES", "*4|$1|y|$2|10|$1|z|$2|20"),
        ("ZDIFFSTORE d 2 a b", ":1"),
        ("ZDIFF 2 a b WITHSCORES", "*2|$1|x|$1|1"),
        ("ZINTERCARD 2 a b LIMIT 1", ":1"),
        ("ZDIFFSTORE a 2 a a", ":0"),
        ("EXISTS a", ":0"),
        ("SET t text", "+OK"),
        ("ZUNION 2 b t", WRONG_TYPE),
        ("ZUNIONSTORE b 2 b t", WRONG_TYPE),
        ("ZUNIONSTORE t 1 b", ":2"),
        ("TYPE t", "+zset"),
    ]);
    assert_eq!(data.dump(), data.replayed().dump());
}

#[test]
fn the_inputs_of_a_store_may_have_expired() {
    let mut data = Data::new();
    data.run("ZADD a 1 x");
    data.run("ZADD b 1 y");
    data.run("PEXPIRE a 100");
    data.now_ms += 200;
    assert_eq!(data.run("ZUNIONSTORE d 2 a b"), ":1");
    assert_eq!(data.last_effects(), ["expired", "zadd"]);
    assert_eq!(data.run("ZRANGE d 0 -1"), "*1|$1|y");
    data.run("PEXPIRE b 100");
    data.now_ms += 200;
    assert_eq!(data.run("ZMPOP 2 b d MIN"), "*2|$1|d|*1|*2|$1|y|$1|1");
    assert_eq!(data.last_effects(), ["expired", "del"]);
}

#[test]
fn random_members_are_members() {
    let mut data = Data::new();
    for large in [false, true] {
        let count = if large { 500 } else { 20 };
        let add: String = (0..count).map(|number| format!(" {number} m{number}")).collect();
        data.run(&format!("ZADD z{add}"));
        let reply = data.run("ZRANDMEMBER z 15 WITHSCORES");
        let parts: Vec<&str> = reply.split('|').skip(2).step_by(2).collect();
        assert!(parts.chunks(2).all(|pair| pair[0][1..] == *pair[1]), "{parts:?}");
        assert_eq!(parts.chunks(2).map(|pair| pair[0]).collect::<BTreeSet<_>>().len(), 15);
        assert!(data.run("ZRANDMEMBER z -700").starts_with("*700|"));
        assert!(data.run("ZRANDMEMBER z").starts_with('$'));
        assert!(data.run("ZRANDMEMBER z 1000").starts_with(&format!("*{count}|")));
    }
}

#[test]
fn a_scan_returns_members_with_scores() {
    let mut data = Data::new();
    let add: String = (0..2000).map(|number| format!(" {number}.5 m{number:04}")).collect();
    data.run(&format!("ZADD z{add}"));
    let (mut cursor, mut found, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
    loop {
        let reply = data.run(&format!("ZSCAN z {cursor} COUNT 50"));
        let parts: Vec<String> = reply.split('|').map(str::to_owned).collect();
        cursor.clone_from(&parts[2]);
        for pair in parts[5..].chunks(4) {
            assert_eq!(format!("{}.5", pair[0][1..].parse::<u32>().unwrap()), pair[2]);
            found.insert(pair[0].clone());
        }
        calls += 1;
        if cursor == "0" {
            break;
        }
    }
    assert!(calls > 15 && found.len() == 2000, "{calls} calls, {} members", found.len());
    assert_eq!(data.run("ZSCAN z 0 MATCH m1999"), "*2|$1|0|*2|$5|m1999|$6|1999.5");
    assert_eq!(data.run("ZSCAN none 0"), "*2|$1|0|*0");
}

#[test]
fn other_types_are_refused() {
    let mut data = Data::new();
    data.run("SET t text");
    for line in [
        "ZADD t 1 a",
        "ZINCRBY t 1 a",
        "ZREM t a",
        "ZCARD t",
        "ZSCORE t a",
        "ZRANK t a",
        "ZCOUNT t 0 1",
        "ZLEXCOUNT t - +",
        "ZRANGE t 0 1",
        "ZRANGESTORE d t 0 1",
        "ZREMRANGEBYRANK t 0 1",
        "ZREMRANGEBYSCORE t 0 1",
        "ZPOPMIN t",
        "ZMPOP 1 t MIN",
        "ZRANDMEMBER t",
        "ZSCAN t 0",
        "ZINTERCARD 1 t",
    ] {
        assert_eq!(data.run(line), WRONG_TYPE, "{line}");
    }
}

#[test]
fn a_member_has_a_greatest_length() {
    let mut data = Data::new();
    let (longest, longer) = (vec![b'm'; 65_536], vec![b'm'; 65_537]);
    assert_eq!(data.run_words(&[b"ZADD", b"z", b"1", &longest]), b":1\r\n");
    assert_eq!(data.run_words(&[b"ZRANK", b"z", &longest]), b":0\r\n");
    let refused = b"-ERR member is too long: 65536 bytes at most\r\n";
    assert_eq!(data.run_words(&[b"ZADD", b"z", b"1", &longer]), refused);
    assert_eq!(data.run_words(&[b"ZSCORE", b"z", &longer]), b"$-1\r\n");
    let bound = [b"[".as_slice(), &longer].concat();
    assert_eq!(data.run_words(&[b"ZLEXCOUNT", b"z", b"-", &bound]), b":1\r\n");
    assert_eq!(data.run_words(&[b"ZLEXCOUNT", b"z", &bound, b"+"]), b":0\r\n");
    assert_eq!(data.run_words(&[b"ZREM", b"z", &longest]), b":1\r\n");
}

#[test]
fn sets_that_have_a_member_are_counted() {
    let mut data = Data::new();
    data.expect(&[
        ("ZADD a 1 x 5 y inf z", ":3"),
        ("ZADD b 7 x -inf z", ":2"),
        ("SADD s x", ":1"),
        ("ZUNION 3 a b s AGGREGATE COUNT WITHSCORES", "*6|$1|y|$1|1|$1|z|$1|2|$1|x|$1|3"),
        ("ZINTER 2 a b WEIGHTS 2 0.5 AGGREGATE count WITHSCORES", "*4|$1|x|$3|2.5|$1|z|$3|2.5"),
        ("ZUNIONSTORE d 2 a b WEIGHTS 10 1 AGGREGATE COUNT", ":3"),
        ("ZRANGE d 0 -1 WITHSCORES", "*6|$1|y|$2|10|$1|x|$2|11|$1|z|$2|11"),
        ("ZINTERSTORE d 2 a s AGGREGATE COUNT", ":1"),
        ("ZSCORE d x", "$1|2"),
        ("ZDIFF 2 a b AGGREGATE COUNT", "-ERR syntax error"),
    ]);
}
