//! Limits and order of messages between clients: slow readers, transactions that are too large, notifications that wait
//! for the disk, latency events.

mod common;

use std::io::{Read, Write};

use common::{Client, TestServer, Value, encode, eventually};

/// A server in a directory of its own.
fn server(flags: &[&str]) -> (tempfile::TempDir, TestServer) {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), flags);
    (root, server)
}

fn bulk(text: &str) -> Value {
    Value::Bulk(text.as_bytes().to_vec())
}

/// Waits until `INFO` shows `line`.
fn wait_for(client: &mut Client, section: &str, line: &str) {
    eventually(line, || client.run(&format!("INFO {section}")).text().lines().any(|shown| shown == line));
}

#[test]
fn subscribers_that_do_not_read_are_cut_off_before_they_take_much_memory() {
    const LIMIT: u64 = 4 << 20;
    const SUBSCRIBERS: usize = 8;
    let limit = format!("pubsub {LIMIT} 0 0");
    let (_root, server) = server(&["--client-output-buffer-limit", &limit]);
    let mut slow: Vec<_> = (0..SUBSCRIBERS)
        .map(|_| {
            let mut stream = server.tcp();
            stream.write_all(b"subscribe c\r\n").unwrap();
            stream
        })
        .collect();
    let mut publisher = server.client();
    wait_for(&mut publisher, "clients", "pubsub_clients:8\r".trim_end());
    let before = server.anonymous_bytes();
    let message = vec![b'm'; 64 << 10];
    let (mut published, mut most) = (0u64, 0);
    loop {
        let listeners = publisher.command(&[b"PUBLISH", b"c", &message]);
        published += message.len() as u64;
        most = most.max(server.anonymous_bytes().saturating_sub(before));
        if listeners == Value::Integer(0) {
            break;
        }
        assert!(published < 512 << 20, "slow subscribers are still there after {published} bytes");
    }
    // Messages are shared: those for eight clients take little more memory than those for one.
    assert!(most < 3 * LIMIT + (8 << 20), "{most} bytes for a limit of {LIMIT}");
    eprintln!(
        "{published} bytes published to {SUBSCRIBERS} readers that stand still: {most} bytes of memory at most"
    );
    for stream in &mut slow {
        let mut received = Vec::new();
        let ended = stream.read_to_end(&mut received);
        assert!(ended.is_ok() || ended.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset);
        assert!((received.len() as u64) < published, "the rest was not sent");
    }
    assert_eq!(publisher.run("PUBSUB NUMSUB c"), Value::Array(vec![bulk("c"), Value::Integer(0)]));
}

#[test]
fn the_soft_limit_cuts_off_after_its_time_even_when_nothing_more_comes() {
    let (_root, server) = server(&["--client-output-buffer-limit", "pubsub 0 1mb 1"]);
    let mut slow = server.tcp();
    slow.write_all(b"subscribe c\r\n").unwrap();
    let mut publisher = server.client();
    wait_for(&mut publisher, "clients", "pubsub_clients:1");
    // More than what the system's own buffers take.
    let message = vec![b'm'; 1 << 20];
    for number in 0..24 {
        let listeners = publisher.command(&[b"PUBLISH", b"c", &message]);
        // On a slow machine the time may be over before all messages are published.
        if listeners != Value::Integer(1) {
            assert!(number > 0 && listeners == Value::Integer(0), "{listeners:?}");
        }
    }
    wait_for(&mut publisher, "clients", "pubsub_clients:0");
}

#[test]
fn a_reader_gets_every_message_in_order_however_many_there_are() {
    let (_root, server) = server(&[]);
    let mut listener = server.client();
    listener.run("HELLO 3");
    listener.run("SUBSCRIBE c");
    let mut publisher = server.client();
    const MESSAGES: usize = 20_000;
    let bytes: Vec<u8> =
        (0..MESSAGES).flat_map(|number| encode(&[b"PUBLISH", b"c", number.to_string().as_bytes()])).collect();
    let writer = std::thread::spawn(move || {
        publisher.send(&bytes).unwrap();
        (0..MESSAGES).for_each(|_| assert_eq!(publisher.reply().unwrap(), Value::Integer(1)));
    });
    for number in 0..MESSAGES {
        if number % 1000 == 0 {
            // Replies come between messages.
            listener.send(&encode(&[b"ECHO", b"still here"])).unwrap();
        }
        let mut received = listener.reply().unwrap();
        while received == bulk("still here") {
            received = listener.reply().unwrap();
        }
        assert_eq!(received, Value::Array(vec![bulk("message"), bulk("c"), bulk(&number.to_string())]));
    }
    writer.join().unwrap();
}

#[test]
fn transactions_are_bounded_in_bytes_and_commands_and_refused_whole() {
    let (_root, server) = server(&["--transaction-bytes-max", "1mb", "--transaction-commands-max", "3"]);
    let mut client = server.client();
    let refused = |reply: Value| match reply {
        Value::Error(text) => text,
        other => panic!("{other:?} is no error"),
    };
    client.run("MULTI");
    for _ in 0..3 {
        assert_eq!(client.run("INCR n"), Value::Simple("QUEUED".into()));
    }
    assert!(refused(client.run("INCR n")).contains("transaction-commands-max is 3"));
    assert!(refused(client.run("EXEC")).starts_with("EXECABORT "));
    assert_eq!(client.run("GET n"), Value::Null);
    let value = vec![b'v'; 600 << 10];
    client.run("MULTI");
    assert_eq!(client.command(&[b"SET", b"a", &value]), Value::Simple("QUEUED".into()));
    assert!(refused(client.command(&[b"SET", b"b", &value])).contains("transaction-bytes-max is 1048576"));
    assert!(refused(client.run("EXEC")).starts_with("EXECABORT "));
    let keys: Vec<Vec<u8>> = (0..20u8).map(|key| vec![key; 60_000]).collect();
    let watch: Vec<&[u8]> =
        std::iter::once(b"WATCH".as_slice()).chain(keys.iter().map(Vec::as_slice)).collect();
    assert!(refused(client.command(&watch)).contains("too many watched keys"));
    assert_eq!(client.run("DBSIZE"), Value::Integer(0));
}

#[test]
fn a_transaction_takes_what_it_changes_and_not_what_it_could() {
    let (_root, server) = server(&[]);
    let mut client = server.client();
    // One of these deletes passes the limit for the record.
    let words: Vec<&[u8]> =
        std::iter::once(b"DEL".as_slice()).chain(std::iter::repeat_n(b"k".as_slice(), 99_999)).collect();
    let mut bytes = encode(&[b"MULTI"]);
    bytes.extend(encode(&[b"SET", b"k", b"v"]));
    (0..60).for_each(|_| bytes.extend(encode(&words)));
    bytes.extend(encode(&[b"EXEC"]));
    client.send(&bytes).unwrap();
    (0..62).for_each(|_| assert!(matches!(client.reply().unwrap(), Value::Simple(_))));
    let mut expected = vec![Value::Simple("OK".into()), Value::Integer(1)];
    expected.resize(61, Value::Integer(0));
    assert_eq!(client.reply().unwrap(), Value::Array(expected));
    assert_eq!(client.run("EXISTS k"), Value::Integer(0));
}

#[test]
fn the_replies_of_a_transaction_have_one_limit_together() {
    const LIMIT: usize = 1 << 20;
    let (_root, server) = server(&["--reply-bytes-max", "1mb"]);
    let (mut listener, mut client) = (server.client(), server.client());
    // A reply of 200 KB that the connection makes, and one of 600 KB that the writer makes.
    let channel = |number: u32| format!("{number:0>1000}");
    for number in 0..200 {
        listener.run(&format!("SUBSCRIBE {}", channel(number)));
    }
    client.command(&[b"SET", b"text", &vec![b'v'; 600_000]]);
    for (before, behind, fit) in [(0, 0, 5), (1, 0, 2), (0, 1, 2), (1, 1, 0)] {
        client.run("MULTI");
        let texts = |client: &mut Client, count| (0..count).for_each(|_| drop(client.run("GET text")));
        texts(&mut client, before);
        (0..8).for_each(|_| drop(client.run("PUBSUB CHANNELS")));
        texts(&mut client, behind);
        let reply = client.run("EXEC");
        if before + behind > 1 {
            assert!(matches!(&reply, Value::Error(text) if text.contains("reply-bytes-max")), "{reply:?}");
            continue;
        }
        let Value::Array(replies) = reply else { panic!("{before} before and {behind} behind: {reply:?}") };
        let of_channels = &replies[before..before + 8];
        let is_refused = |reply: &&Value| matches!(reply, Value::Error(text) if text.contains(&format!("than {LIMIT} bytes")));
        assert_eq!(
            of_channels.iter().filter(is_refused).count(),
            8 - fit,
            "{before} before, {behind} behind"
        );
        assert!(
            of_channels[..fit].iter().all(|reply| matches!(reply, Value::Array(all) if all.len() == 200))
        );
    }
}

#[test]
fn a_change_between_watch_and_read_is_never_missed() {
    // Optimistic locking: the reader watches, reads, and writes back what it read, while others write all the time. What
    // it writes back must be the value at that moment: otherwise it has undone another client's write.
    let (_root, server) = server(&[]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut client = server.client();
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    client.run("INCR n");
                }
            });
        }
        let mut client = server.client();
        let (mut done, mut broken) = (0, 0);
        for _ in 0..600 {
            client.send(b"WATCH n\r\nGET n\r\n").unwrap();
            client.reply().unwrap();
            let seen = client.reply().unwrap();
            client.send(b"MULTI\r\nGET n\r\nEXEC\r\n").unwrap();
            (0..2).for_each(|_| drop(client.reply().unwrap()));
            match client.reply().unwrap() {
                Value::Array(values) => {
                    assert_eq!(values[0], seen, "changed since it was read, and nobody noticed");
                    done += 1;
                }
                Value::Null => broken += 1,
                other => panic!("{other:?}"),
            }
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        eprintln!("{done} transactions done, {broken} given up");
        assert!(broken > 0, "nothing was ever changed in between");
    });
}

#[test]
fn what_was_told_by_an_event_survives_sigkill() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    for _ in 0..4 {
        let mut server = TestServer::start(&dir, &["--notify-keyspace-events", "E$"]);
        let mut listener = server.client();
        listener.run("FLUSHALL");
        listener.run("HELLO 3");
        listener.run("SUBSCRIBE __keyevent@0__:set");
        let mut writer = server.client();
        let bytes: Vec<u8> =
            (0..20_000).flat_map(|n| encode(&[b"SET", format!("k{n}").as_bytes(), b"v"])).collect();
        let writing = std::thread::spawn(move || writer.send(&bytes));
        let told: Vec<Value> = (0..50).map(|_| listener.reply().unwrap()).collect();
        server.kill();
        let _ = writing.join().unwrap();
        let server = TestServer::start(&dir, &[]);
        let mut client = server.client();
        for event in &told {
            let Value::Array(parts) = event else { panic!("{event:?} is no event") };
            let key = parts[2].text();
            assert_eq!(client.run(&format!("GET {key}")), bulk("v"), "{key} was told of, and is gone");
        }
    }
}

#[test]
fn a_client_that_caches_never_keeps_an_old_value() {
    // One client caches a key in RESP3 and drops it at an invalidation; another one writes. After a write is acknowledged
    // and its invalidation has arrived, a read must return the last write.
    let (_root, server) = server(&[]);
    let mut writer = server.client();
    let mut reader = server.client();
    reader.run("HELLO 3");
    assert_eq!(reader.run("CLIENT TRACKING ON"), Value::Simple("OK".into()));
    for number in 0..300 {
        let text = number.to_string();
        // The read and the write run at the same time.
        reader.send(&encode(&[b"GET", b"k"])).unwrap();
        assert_eq!(writer.command(&[b"SET", b"k", text.as_bytes()]), Value::Simple("OK".into()));
        reader.send(&encode(&[b"ECHO", b"mark"])).unwrap();
        let mut cached = None;
        loop {
            match reader.reply().unwrap() {
                Value::Array(parts) if parts[0] == bulk("invalidate") => cached = None,
                reply if reply == bulk("mark") => break,
                reply => cached = Some(reply),
            }
        }
        if let Some(cached) = cached
            && cached != bulk(&text)
        {
            // The invalidation may not have arrived yet; it must come.
            let pushed = reader.reply().unwrap();
            assert!(matches!(&pushed, Value::Array(parts) if parts[0] == bulk("invalidate")), "{pushed:?}");
        }
    }
}

#[test]
fn slow_work_is_kept_as_events_of_latency() {
    let (_root, server) = server(&[]);
    let mut client = server.client();
    assert_eq!(client.run("LATENCY LATEST"), Value::Array(vec![]));
    assert_eq!(client.run("CONFIG SET latency-monitor-threshold 1"), Value::Simple("OK".into()));
    // The test cannot make a sync slow, but it can make a command slow.
    let text = "abcde".repeat(600);
    client.command(&[b"MSET", b"a", text.as_bytes(), b"b", text.replace('c', "x").as_bytes()]);
    eventually("an LCS takes a millisecond", || {
        client.run("LCS a b LEN");
        client.run("LATENCY HISTORY command") != Value::Array(vec![])
    });
    let Value::Array(latest) = client.run("LATENCY LATEST") else { panic!("LATEST is an array") };
    let command =
        latest.iter().find(|event| matches!(event, Value::Array(parts) if parts[0] == bulk("command")));
    let Some(Value::Array(parts)) = command else { panic!("no event in {latest:?}") };
    assert!(matches!(parts[3], Value::Integer(ms) if ms >= 1), "{parts:?}");
    assert!(client.run("LATENCY GRAPH command").text().starts_with("command - high "));
    assert!(client.run("LATENCY DOCTOR").text().contains("command: "));
    // On a busy machine any command may take a millisecond.
    assert_eq!(client.run("CONFIG SET latency-monitor-threshold 0"), Value::Simple("OK".into()));
    assert!(matches!(client.run("LATENCY RESET command"), Value::Integer(1)));
    assert_eq!(client.run("LATENCY HISTORY command"), Value::Array(vec![]));
    assert_eq!(client.run("LATENCY RESET command"), Value::Integer(0));
}

/// The next replies and messages, as many as `count`.
fn next(client: &mut Client, count: usize) -> Vec<Value> {
    (0..count).map(|_| client.reply().unwrap()).collect()
}

#[test]
fn a_message_to_oneself_comes_behind_the_reply() {
    let (_root, server) = server(&[]);
    let mut client = server.client();
    client.run("HELLO 3");
    let pipeline: [&[&[u8]]; 5] = [
        &[b"SUBSCRIBE", b"c"],
        &[b"PUBLISH", b"c", b"one"],
        &[b"SSUBSCRIBE", b"s"],
        &[b"SPUBLISH", b"s", b"two"],
        &[b"PING"],
    ];
    let bytes: Vec<u8> = pipeline.iter().flat_map(|words| encode(words)).collect();
    let push = |parts: &[&str]| Value::Array(parts.iter().map(|part| bulk(part)).collect());
    let confirmed = |kind: &str, name: &str| Value::Array(vec![bulk(kind), bulk(name), Value::Integer(1)]);
    for _ in 0..20 {
        client.send(&bytes).unwrap();
        let expected = [
            confirmed("subscribe", "c"),
            Value::Integer(1),
            push(&["message", "c", "one"]),
            confirmed("ssubscribe", "s"),
            Value::Integer(1),
            push(&["smessage", "s", "two"]),
            Value::Simple("PONG".into()),
        ];
        assert_eq!(next(&mut client, expected.len()), expected);
    }
    // A client without replies still gets messages.
    for line in ["CLIENT REPLY OFF", "PUBLISH c three", "CLIENT REPLY ON"] {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        client.send(&encode(&words)).unwrap();
    }
    let mut rest = next(&mut client, 2);
    rest.sort_by_key(|value| matches!(value, Value::Array(_)));
    assert_eq!(rest, [Value::Simple("OK".into()), push(&["message", "c", "three"])]);
}

#[test]
fn keys_remembered_for_caching_clients_are_forgotten_as_soon_as_they_are_too_many_or_gone() {
    let (_root, server) = server(&[]);
    let (mut client, mut other) = (server.client(), server.client());
    client.run("HELLO 3");
    client.run("CLIENT TRACKING ON");
    for key in 0..10 {
        client.run(&format!("GET k{key}"));
    }
    wait_for(&mut other, "stats", "tracking_total_keys:10");
    other.run("CONFIG SET tracking-table-max-keys 3");
    let told = next(&mut client, 7);
    assert!(told.iter().all(|told| matches!(told, Value::Array(_))), "{told:?}");
    wait_for(&mut other, "stats", "tracking_total_keys:3");
    // No client tracks now, but the keys that were read are still remembered.
    client.run("CLIENT TRACKING OFF");
    wait_for(&mut other, "stats", "tracking_total_keys:3");
    other.run("FLUSHALL");
    assert!(other.run("INFO stats").text().contains("tracking_total_keys:0\r\n"));
}

/// What a listener to all events is told of each line, before the next one runs.
fn assert_told(server: &TestServer, lines: &[(&str, &str)]) {
    let (mut listener, mut client) = (server.client(), server.client());
    listener.run("PSUBSCRIBE __keyevent*");
    for (line, expected) in lines {
        client.run(line);
        client.run("SETRANGE end 0 v");
        let mut events = Vec::new();
        loop {
            let Value::Array(parts) = listener.reply().unwrap() else { panic!("a message comes") };
            if parts[3] == bulk("end") {
                break;
            }
            events.push(format!("{}:{}", parts[2].text().rsplit(':').next().unwrap(), parts[3].text()));
        }
        assert_eq!(events.join(" "), *expected, "{line:.80}");
    }
}

#[test]
fn conditional_commands_tell_what_they_changed() {
    let (_root, server) = server(&["--notify-keyspace-events", "EA"]);
    let cases = [
        ("SET k v IFEQ w", ""),
        ("SET k v IFNE w EX 100", "set:k expire:k"),
        ("DELEX k IFEQ w", ""),
        ("DELEX k IFEQ v", "del:k"),
        ("MSETEX 2 a 1 b 2 EX 100", "set:a expire:a set:b expire:b"),
        ("MSETEX 2 a 1 b 2 NX", ""),
        ("MSETEX 1 a 1 KEEPTTL", "set:a"),
        ("DELIFEQ a 2", ""),
        ("DELIFEQ a 1", "del:a"),
        ("INCREX n BYINT 5", "incrby:n"),
        ("INCREX n UBOUND 5", ""),
        ("INCREX n BYFLOAT 0.5 EX 100", "incrbyfloat:n expire:n"),
        ("INCREX n BYFLOAT 0.5 EX 100 ENX", "incrbyfloat:n"),
        ("INCREX n PERSIST", "incrby:n persist:n"),
        ("INCREX n PERSIST", "incrby:n"),
        ("INCREX n EXAT 1", "del:n"),
        ("RPUSH l x y z", "rpush:l"),
        ("LMOVEM l m LEFT LEFT COUNT 2 OBO", "lpush:m lpop:l"),
        ("LMOVEM l m RIGHT RIGHT COUNT 2 OBO", "rpush:m rpop:l del:l"),
    ];
    assert_told(&server, &cases);
}

#[test]
fn that_a_value_was_replaced_is_told_before_the_command_and_after_a_copy() {
    let (_root, server) = server(&["--notify-keyspace-events", "EAoc", "--databases", "2"]);
    let lines = [
        ("SET k 1", "set:k"),
        ("SET k 2", "overwritten:k set:k"),
        ("SET k 3 NX", ""),
        ("SET k 3 KEEPTTL", "overwritten:k set:k"),
        ("RPUSH l a b", "rpush:l"),
        ("SET l v EX 100", "overwritten:l type_changed:l set:l expire:l"),
        ("GETSET l w", "overwritten:l set:l"),
        ("SETEX l 100 w", "overwritten:l set:l expire:l"),
        ("SADD t 1 2", "sadd:t"),
        ("MSET t 1 new 2 k 3", "overwritten:t type_changed:t set:t set:new overwritten:k set:k"),
        ("MSETEX 1 t 1", "overwritten:t set:t"),
        ("SET t 2 IFEQ 1", "overwritten:t set:t"),
        // Those that change a value do not replace it.
        ("APPEND t x", "append:t"),
        ("SETRANGE t 0 7", "setrange:t"),
        ("INCR k", "incrby:k"),
        ("INCRBYFLOAT k 0.5", "incrbyfloat:k"),
        ("SETBIT k 7 1", "setbit:k"),
        ("PFADD p a", "pfadd:p"),
        ("PFMERGE p p", "pfadd:p"),
        ("SADD set a b", "sadd:set"),
        ("SUNIONSTORE k set", "overwritten:k type_changed:k sunionstore:k"),
        ("SINTERSTORE k set set", "overwritten:k sinterstore:k"),
        ("SDIFFSTORE k set set", "del:k"),
        ("ZADD z 1 a 2 b", "zadd:z"),
        ("ZUNIONSTORE set 1 z", "overwritten:set type_changed:set zunionstore:set"),
        ("ZRANGESTORE set z 0 -1", "overwritten:set zrangestore:set"),
        ("SORT z BY nosort STORE set", "overwritten:set type_changed:set sortstore:set"),
        ("GEOADD g 1 1 x", "zadd:g"),
        (
            "GEOSEARCHSTORE set g FROMLONLAT 1 1 BYRADIUS 1 km",
            "overwritten:set type_changed:set geosearchstore:set",
        ),
        ("BITOP NOT set t", "overwritten:set type_changed:set set:set"),
        ("BITOP OR set t t", "overwritten:set set:set"),
        ("COPY z set", ""),
        ("COPY z set REPLACE", "copy_to:set overwritten:set type_changed:set"),
        ("COPY z set DB 1", "copy_to:set"),
        ("COPY z set DB 1 REPLACE", "copy_to:set overwritten:set"),
        ("RENAME set z", "rename_from:set rename_to:z overwritten:z"),
        ("RENAME z z", ""),
        ("RENAME z t", "rename_from:z rename_to:t overwritten:t type_changed:t"),
        ("SET t v PXAT 1", "overwritten:t type_changed:t set:t expire:t expired:t"),
    ];
    assert_told(&server, &lines);
}

#[test]
fn that_a_value_was_replaced_is_told_also_of_what_is_stored_in_steps() {
    let (_root, server) = server(&["--notify-keyspace-events", "EAoc"]);
    let many: String = (0..9000).map(|number| format!(" member:{number}")).collect();
    let long = "v".repeat(1_500_000);
    let (sadd, set) = (format!("SADD many{many}"), format!("SET text {long}"));
    let lines = [
        (&*sadd, "sadd:many"),
        (&*set, "set:text"),
        ("SET d v", "set:d"),
        ("SUNIONSTORE d many", "overwritten:d type_changed:d sunionstore:d"),
        ("SORT many BY nosort STORE d", "overwritten:d type_changed:d sortstore:d"),
        ("BITOP NOT d text", "overwritten:d type_changed:d set:d"),
        ("BITOP ONE d text text", "overwritten:d set:d"),
        ("COPY many d REPLACE", "copy_to:d overwritten:d type_changed:d"),
        ("SPOP d 8000", "spop:d"),
        ("COPY text d REPLACE", "copy_to:d overwritten:d type_changed:d"),
        ("GETDEL d", "del:d"),
    ];
    assert_told(&server, &lines);
}

#[test]
fn that_a_value_was_replaced_is_told_after_its_restore() {
    let (_root, server) = server(&["--notify-keyspace-events", "EAoc"]);
    let mut client = server.client();
    client.run("SET new v");
    client.run(&format!(
        "SADD many{}",
        (0..9000).map(|number| format!(" member:{number}")).collect::<String>()
    ));
    client.run("SET short v");
    for key in ["many", "short"] {
        let Value::Bulk(payload) = client.run(&format!("DUMP {key}")) else { panic!("{key} is there") };
        let mut listener = server.client();
        listener.run("PSUBSCRIBE __keyevent*");
        let ok = client.command(&[b"RESTORE", b"new", b"0", &payload, b"REPLACE"]);
        assert_eq!(ok, Value::Simple("OK".into()));
        for expected in ["restore:new", "overwritten:new", "type_changed:new"] {
            let Value::Array(parts) = listener.reply().unwrap() else { panic!("a message comes") };
            let told = format!("{}:{}", parts[2].text().rsplit(':').next().unwrap(), parts[3].text());
            assert_eq!(told, expected, "{key}");
        }
    }
}

#[test]
fn that_a_key_expired_is_told_before_that_it_is_missing() {
    let (_root, server) = server(&["--notify-keyspace-events", "Exm"]);
    let (mut listener, mut client) = (server.client(), server.client());
    listener.run("PSUBSCRIBE __keyevent*");
    let mut heard = |client: &mut Client, key: &str| {
        client.run(&format!("GET end:{key}"));
        let mut events = Vec::new();
        loop {
            let Value::Array(parts) = listener.reply().unwrap() else { panic!("a message comes") };
            if parts[3] == bulk(&format!("end:{key}")) {
                return events;
            }
            events.push(parts[2].text().rsplit(':').next().unwrap().to_owned());
        }
    };
    for key in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        client.run(&format!("SET {key} v PX 2"));
        eventually("the key expires", || client.run(&format!("TTL {key}")) == Value::Integer(-2));
        client.run(&format!("SET {key} v PX 2"));
        eventually("the key expires once more", || client.run(&format!("GET {key}")) == Value::Null);
        let events = heard(&mut client, key);
        let expiries: Vec<_> = (0..events.len()).filter(|index| events[*index] == "expired").collect();
        assert!(
            expiries.len() == 2 && expiries[0] == 0 && events[expiries[1] - 1] == "keymiss",
            "{events:?}"
        );
        assert!(expiries[1] < events.len() - 1, "{events:?}");
    }
}

#[test]
fn hits_and_misses_are_counted_as_by_redis() {
    const LINES: &[&str] = &[
        "SET s 5",
        "RPUSH l 2 1",
        "SADD t 1 2",
        "ZADD z 1 a 2 b",
        "SET w_1 3",
        "PFADD p a",
        "GEOADD g 1 1 x",
        "SORT l BY w_* GET q_* GET w_*",
        "SORT nope STORE d",
        "COPY s d",
        "COPY nope d",
        "BITOP AND d s nope",
        "BITOP NOT d nope",
        "ZUNIONSTORE d 3 z t nope",
        "ZINTERSTORE d 2 nope z",
        "ZRANGESTORE d z 0 1",
        "ZRANGESTORE d nope 0 1",
        "PFMERGE p p nope",
        "PFMERGE p2 p",
        "SUNIONSTORE d t nope",
        "SINTERSTORE d nope t",
        "SDIFFSTORE d t t",
        "GEOSEARCHSTORE d g FROMLONLAT 1 1 BYRADIUS 1 m",
        "GETEX s",
        "GETEX nope",
        "GETSET s x",
        "SET s x GET",
        "SET nope2 x NX GET",
        "GETDEL s",
        "GETDEL s",
        "GETDEL s",
        "BITFIELD nope GET u8 0",
        "BITFIELD w_1 GET u8 0",
        "BITFIELD w_1 SET u8 0 1",
        "OBJECT REFCOUNT l",
        "OBJECT REFCOUNT nope",
        "ZMPOP 2 nope z MIN",
        "LMPOP 2 nope l LEFT",
        "SETNX w_1 1",
        "SMOVE t d 1",
    ];
    let (root, server) = server(&[]);
    let reference = common::reference::Reference::start(root.path());
    let counts = |client: &mut Client| -> Vec<String> {
        let stats = client.run("INFO stats").text();
        stats.lines().filter(|line| line.starts_with("keyspace_")).map(str::to_owned).collect()
    };
    let (mut ours, mut theirs) = (server.client(), reference.client());
    for line in LINES {
        assert_eq!(ours.run(line), theirs.run(line), "{line}");
        assert_eq!(counts(&mut ours), counts(&mut theirs), "{line}");
    }
}
