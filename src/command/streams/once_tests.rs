//! Entries that producers send twice.

use crate::command::tests::Data;

/// Adds an entry as a producer does; returns its ID.
fn add(data: &mut Data, words: &str) -> String {
    data.now_ms += 1;
    let reply = data.run(&format!("xadd s {words}"));
    assert!(reply.starts_with('$') && reply.contains('-'), "{words}: {reply}");
    reply
}

/// A figure of `XINFO STREAM`.
fn figure(data: &mut Data, name: &str) -> Option<u64> {
    let reply = data.run("xinfo stream s");
    let mut lines = reply.split('|').skip_while(|line| *line != name);
    lines.nth(1).and_then(|line| line.strip_prefix(':')?.parse().ok())
}

#[test]
fn a_message_that_is_sent_again_is_not_added_again() {
    let mut data = Data::new();
    data.expect(&[("xadd s nomkstream idmp p one * f v", "$-1")]);
    let first = add(&mut data, "idmp p one * amount 100");
    assert_eq!(data.last_effects(), ["xadd", "xadd-once"]);
    assert_eq!(add(&mut data, "maxlen 0 idmp p one * amount 200 currency EUR"), first);
    assert_eq!(data.last_effects(), ["xcfgset"]);
    let other = add(&mut data, "idmp q one * amount 100");
    let second = add(&mut data, "nomkstream idmp p * * amount 100");
    assert!(first < other && other < second);
    assert_eq!(add(&mut data, "idmp q one * f v"), other);
    data.run("xdel s 0-1");
    assert_eq!(add(&mut data, "idmp p * * f v"), second);
    data.expect(&[("xlen s", ":3")]);
    for (name, number) in [
        ("pids-tracked", 2),
        ("iids-tracked", 3),
        ("iids-added", 3),
        ("iids-duplicates", 3),
        ("idmp-maxsize", 100),
    ] {
        assert_eq!(figure(&mut data, name), Some(number), "{name}");
    }
    let mut copy = data.replayed();
    copy.now_ms = data.now_ms;
    assert_eq!(copy.dump(), data.dump());
    assert_eq!(add(&mut copy, "idmp q one * f v"), other);
    data.expect(&[("copy s t", ":1"), ("del s", ":1"), ("rename t s", "+OK")]);
    assert_eq!(add(&mut data, "idmp q one * f v"), other);
}

#[test]
fn fields_and_values_name_a_message_in_any_order() {
    let mut data = Data::new();
    let first = add(&mut data, "idmpauto p * a 1 b 2");
    assert_eq!(add(&mut data, "idmpauto p * b 2 a 1"), first);
    for words in
        ["idmpauto p * a 1 b 3", "idmpauto p * a 1", "idmpauto p * a1 '' b 2", "idmpauto q * a 1 b 2"]
    {
        assert_ne!(add(&mut data, words), first, "{words}");
    }
    data.expect(&[("xlen s", ":5")]);
}

#[test]
fn messages_are_forgotten_when_they_are_old_or_too_many() {
    let mut data = Data::new();
    assert_eq!(figure(&mut data, "iids-added"), None);
    data.run("xadd s 1-1 f v");
    assert_eq!(figure(&mut data, "iids-added"), None, "nobody has asked for it");
    data.expect(&[("xcfgset s idmp-maxsize 3 idmp-duration 60", "+OK")]);
    let sent: Vec<String> = (1..=3).map(|name| add(&mut data, &format!("idmp p {name} * f v"))).collect();
    let other = add(&mut data, "idmp q 1 * f v");
    for (name, id) in (1..).zip(&sent) {
        assert_eq!(&add(&mut data, &format!("idmp p {name} * f v")), id);
    }
    // The fourth takes the place of the first.
    add(&mut data, "idmp p 4 * f v");
    assert_ne!(add(&mut data, "idmp p 1 * f v"), sent[0]);
    assert_eq!(add(&mut data, "idmp p 3 * f v"), sent[2]);
    assert_eq!(add(&mut data, "idmp q 1 * f v"), other);
    assert_eq!((figure(&mut data, "iids-tracked"), figure(&mut data, "iids-added")), (Some(4), Some(6)));
    // The same settings again change nothing; others forget all.
    data.expect(&[("xcfgset s idmp-duration 60", "+OK")]);
    assert_eq!(add(&mut data, "idmp q 1 * f v"), other);
    data.now_ms += 60_000;
    assert_eq!(figure(&mut data, "iids-tracked"), Some(0));
    let other = add(&mut data, "idmp q 1 * f v");
    assert_eq!((figure(&mut data, "pids-tracked"), figure(&mut data, "iids-tracked")), (Some(1), Some(1)));
    data.expect(&[("xcfgset s idmp-maxsize 4", "+OK")]);
    assert_ne!(add(&mut data, "idmp q 1 * f v"), other);
    assert_eq!(data.replayed().dump(), data.dump());
}

#[test]
fn messages_of_producers_that_are_gone_do_not_pile_up() {
    let mut data = Data::new();
    for number in 0..300 {
        data.now_ms += 1000;
        data.run(&format!("xadd s idmp producer{number} one * f v"));
    }
    assert_eq!(figure(&mut data, "pids-tracked"), Some(100));
    assert_eq!(figure(&mut data, "iids-tracked"), Some(100));
    data.run("del s");
    data.publish();
    assert!(data.dump().is_empty());
}

#[test]
fn what_names_no_message_is_refused() {
    let twice = "-ERR IDMP/IDMPAUTO specified multiple times";
    let given = "-ERR IDMP/IDMPAUTO can be used only with auto-generated IDs";
    let invalid = "-ERR Invalid stream ID specified as stream command argument";
    let between = "-ERR IDMP-DURATION must be between 1 and 86400";
    Data::new().expect(&[
        ("xadd s idmp p1 * f v", invalid),
        ("xadd s idmp p1 iid1 1-1 f v", given),
        ("xadd s idmpauto p1 5-* f v", given),
        ("xadd s idmp p1 iid1 idmp p2 iid2 * f v", twice),
        ("xadd s idmpauto p1 idmp p2 iid2 * f v", twice),
        ("xadd s idmp '' iid1 * f v", "-ERR IDMP requires a non-empty producer ID"),
        ("xadd s idmp p1 '' * f v", "-ERR IDMP requires a non-empty idempotent ID"),
        ("xadd s idmpauto '' * f v", "-ERR IDMPAUTO requires a non-empty producer ID"),
        ("xtrim s maxlen 1 idmpauto p", "-ERR syntax error"),
        ("xcfgset s idmp-duration 5", "-ERR no such key"),
        ("xadd s 1-1 f v", "$3|1-1"),
        ("xcfgset s", "-ERR At least one parameter must be specified"),
        ("xcfgset s idmp-duration", "-ERR syntax error"),
        ("xcfgset s bogus", "-ERR syntax error"),
        ("xcfgset s idmp-duration 0", between),
        ("xcfgset s idmp-duration 86401", between),
        ("xcfgset s idmp-maxsize 10001", "-ERR IDMP-MAXSIZE must be between 1 and 10000"),
        ("xcfgset s idmp-maxsize 3.14 idmp-duration", "-ERR value is not an integer or out of range"),
        ("set t v", "+OK"),
        ("xcfgset t idmp-duration 5", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ]);
}
