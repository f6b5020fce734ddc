//! Clients that wait for entries of streams.

use super::*;

/// What a read of one entry of one stream replies.
fn read(key: &str, id: &str, value: &str) -> Value {
    let entry = Value::Array(vec![bulk(id), Value::Array(vec![bulk("f"), bulk(value)])]);
    Value::Array(vec![Value::Array(vec![bulk(key), Value::Array(vec![entry])])])
}

#[test]
fn one_entry_wakes_all_readers_and_one_consumer_of_each_group() {
    let (_root, server) = start();
    let mut other = server.client();
    for group in ["g", "h"] {
        other.run(&format!("XGROUP CREATE s {group} $ MKSTREAM"));
    }
    let mut readers = waiting(&server, &mut other, ["XREAD BLOCK 0 STREAMS s $"; 5]);
    let mut groups = waiting(
        &server,
        &mut other,
        [
            "XREADGROUP GROUP g a BLOCK 0 STREAMS s >",
            "XREADGROUP GROUP h a BLOCK 0 STREAMS s >",
            "XREADGROUP GROUP g b BLOCK 0 STREAMS s >",
        ],
    );
    assert_eq!(other.run("XADD s 1-1 f one"), bulk("1-1"));
    for client in readers.iter_mut().chain(&mut groups[..2]) {
        assert_eq!(client.reply().unwrap(), read("s", "1-1", "one"));
    }
    wait_for_blocked(&mut other, 1);
    assert_eq!(other.run("XADD s 2-1 f two"), bulk("2-1"));
    assert_eq!(groups[2].reply().unwrap(), read("s", "2-1", "two"));
    let Value::Array(pending) = other.run("XPENDING s g") else { panic!("XPENDING answers an array") };
    assert_eq!(pending[0], Value::Integer(2));
}

#[test]
fn what_is_last_is_decided_when_the_command_arrives() {
    let (_root, server) = start();
    let mut other = server.client();
    other.run("XADD s 1-1 f old");
    let mut all = waiting(&server, &mut other, ["XREAD BLOCK 0 STREAMS s none $ $"]);
    // None of these gives it an entry.
    for line in ["XDEL s 1-1", "DEL s", "SET s text", "DEL s", "XGROUP CREATE s g 0 MKSTREAM"] {
        assert!(!matches!(other.run(line), Value::Error(_)), "{line}");
    }
    wait_for_blocked(&mut other, 1);
    other.run("XADD s 1-2 f new");
    assert_eq!(all[0].reply().unwrap(), read("s", "1-2", "new"));
    // There is one already.
    let mut client = server.client();
    assert_eq!(client.run("XREAD BLOCK 0 STREAMS s 1-1"), read("s", "1-2", "new"));
    assert_eq!(client.run("XREAD BLOCK 0 STREAMS s +"), read("s", "1-2", "new"));
}

#[test]
fn the_end_of_a_group_ends_the_wait_of_its_consumers() {
    let (_root, server) = start();
    let mut other = server.client();
    let ways: [(&[&str], &str); 8] = [
        (&["DEL s"], "NOGROUP"),
        (&["XGROUP DESTROY s g"], "NOGROUP"),
        (&["SET s text"], "WRONGTYPE"),
        (&["RENAME s other"], "NOGROUP"),
        (&["FLUSHDB"], "NOGROUP"),
        (&["FLUSHALL"], "NOGROUP"),
        (&["SWAPDB 0 1"], "NOGROUP"),
        (&["PEXPIRE s 1"], "NOGROUP"),
    ];
    for (lines, error) in ways {
        other.run("FLUSHALL");
        other.run("XGROUP CREATE s g $ MKSTREAM");
        let mut all = waiting(&server, &mut other, ["XREADGROUP GROUP g c BLOCK 0 STREAMS s >"]);
        lines.iter().for_each(|line| drop(other.run(line)));
        let reply = all[0].reply().unwrap();
        assert!(matches!(&reply, Value::Error(text) if text.starts_with(error)), "{lines:?}: {reply:?}");
        wait_for_blocked(&mut other, 0);
    }
}

#[test]
fn a_wait_for_an_entry_ends_by_its_timeout_by_another_client_or_at_once() {
    let (_root, server) = start();
    let mut other = server.client();
    other.run("XGROUP CREATE s g $ MKSTREAM");
    for line in ["XREAD BLOCK 50 STREAMS s $", "XREADGROUP GROUP g c BLOCK 50 STREAMS s >"] {
        let start = Instant::now();
        assert_eq!(server.client().run(line), Value::Null, "{line}");
        assert!(start.elapsed() >= Duration::from_millis(49), "{line}");
        let mut client = server.client();
        for line in ["MULTI", line] {
            client.run(line);
        }
        assert_eq!(client.run("EXEC"), Value::Array(vec![Value::Null]));
        let Value::Integer(id) = client.run("CLIENT ID") else { panic!("an ID is a number") };
        send(&mut client, &line.replace("50", "0"));
        wait_for_blocked(&mut other, 1);
        assert_eq!(other.run(&format!("CLIENT UNBLOCK {id} ERROR")), Value::Integer(1));
        let reply = client.reply().unwrap();
        assert!(matches!(&reply, Value::Error(text) if text.starts_with("UNBLOCKED")), "{reply:?}");
    }
}

#[test]
fn a_long_read_that_was_waited_for_is_whole() {
    let (_root, server) = start();
    let mut other = server.client();
    let mut all = waiting(&server, &mut other, ["XREAD BLOCK 0 STREAMS s 0"]);
    let value = "v".repeat(1000);
    other.run("MULTI");
    (0..3000).for_each(|_| drop(other.run(&format!("XADD s * f {value}"))));
    other.run("EXEC");
    let Value::Array(streams) = all[0].reply().unwrap() else { panic!("XREAD answers an array") };
    let Value::Array(parts) = &streams[0] else { panic!("{streams:?}") };
    assert!(matches!(&parts[1], Value::Array(entries) if entries.len() == 3000));
    assert_eq!(all[0].run("XLEN s"), Value::Integer(3000));
}

#[test]
fn a_key_that_clients_wait_for_serves_each_by_its_type() {
    let (_root, server) = start();
    let mut other = server.client();
    let mut all = waiting(&server, &mut other, ["BLPOP k 0", "XREAD BLOCK 0 STREAMS k $", "BZPOPMIN k 0"]);
    other.run("XADD k 1-1 f v");
    assert_eq!(all[1].reply().unwrap(), read("k", "1-1", "v"));
    other.run("DEL k");
    other.run("RPUSH k e");
    assert_eq!(all[0].reply().unwrap(), popped("k", "e"));
    wait_for_blocked(&mut other, 1);
}

/// The ID of the entry in the reply to a reader that claims, and how often it was delivered before.
fn claimed(reply: Value) -> (String, Value) {
    let parts = ["the streams", "a stream", "its entries"].iter().fold(reply, |value, what| match value {
        Value::Array(mut values) => values.pop().expect(what),
        other => panic!("{what}: {other:?}"),
    });
    let Value::Array(entry) = parts else { panic!("{parts:?}") };
    (entry[0].text(), entry[3].clone())
}

#[test]
fn entries_are_claimed_by_those_who_wait_when_they_are_old_enough() {
    let (_root, server) = start();
    let mut other = server.client();
    other.run("XADD s 1-1 f v");
    other.run("XGROUP CREATE s g 0");
    let started = Instant::now();
    other.run("XREADGROUP GROUP g c STREAMS s >");
    let mut all = waiting(
        &server,
        &mut other,
        [
            "XREADGROUP GROUP g plain BLOCK 0 STREAMS s >",
            "XREADGROUP GROUP g late BLOCK 0 CLAIM 60000 STREAMS s >",
            "XREADGROUP GROUP g d BLOCK 0 CLAIM 300 STREAMS s >",
        ],
    );
    assert_eq!(claimed(all[2].reply().unwrap()), ("1-1".into(), Value::Integer(1)));
    assert!(started.elapsed() >= Duration::from_millis(299));
    // Its time is set back by somebody else.
    other.run("XCLAIM s g c 0 1-1 IDLE 70000");
    assert_eq!(claimed(all[1].reply().unwrap()), ("1-1".into(), Value::Integer(3)));
    other.run("XADD s 2-1 f new");
    assert_eq!(all[0].reply().unwrap(), read("s", "2-1", "new"));
    // What is delivered while they wait is claimed, too.
    send(&mut all[0], "XREADGROUP GROUP g late BLOCK 0 CLAIM 200 STREAMS s >");
    wait_for_blocked(&mut other, 1);
    other.run("XACK s g 1-1 2-1");
    other.run("XADD s 3-1 f v");
    assert_eq!(claimed(all[0].reply().unwrap()), ("3-1".into(), Value::Integer(0)));
    send(&mut all[0], "XREADGROUP GROUP g e BLOCK 0 CLAIM 200 STREAMS s >");
    assert_eq!(claimed(all[0].reply().unwrap()), ("3-1".into(), Value::Integer(1)));
    let mut client = server.client();
    assert_eq!(client.run("XREADGROUP GROUP g f BLOCK 10 CLAIM 60000 STREAMS s >"), Value::Null);
}

#[test]
fn reads_that_do_not_block_are_answered_in_order_among_others() {
    let (_root, server) = start();
    let mut client = server.client();
    client.run("XGROUP CREATE s streams 0 MKSTREAM");
    let lines = [
        "XADD s 1-1 f v",
        "XREADGROUP GROUP streams c STREAMS s >",
        "XREADGROUP GROUP streams c STREAMS s >",
        "XADD s 2-1 f v",
        "XREADGROUP GROUP streams block STREAMS s >",
        "XREAD STREAMS s 1-1",
        "XREADGROUP GROUP streams c BLOCK 1 STREAMS s >",
        "XLEN s",
    ];
    let bytes: Vec<u8> = lines
        .iter()
        .flat_map(|line| common::encode(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>()))
        .collect();
    client.send(&bytes).unwrap();
    let expected = [
        bulk("1-1"),
        read("s", "1-1", "v"),
        Value::Null,
        bulk("2-1"),
        read("s", "2-1", "v"),
        read("s", "2-1", "v"),
        Value::Null,
        Value::Integer(2),
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(client.reply().unwrap(), expected, "{line}");
    }
}
