//! Replies longer than `reply-bytes-max`, against the real server: each command that would make one before it is sent is
//! refused with the same error and changes nothing, also in a transaction, after other commands and after a crash. Other
//! reads have no limit. Memory is bounded while a reply is made.

mod common;

use std::path::Path;

use common::{Client, TestServer, Value, encode, eventually};

/// What `reply-bytes-max` is set to.
const REPLY_BYTES_MAX: usize = 1 << 20;
/// Bytes of a value of which one fits a reply and two do not.
const VALUE_BYTES: usize = 600_000;
/// Elements of the collections; with their values they do not fit a reply.
const ELEMENTS: usize = 3000;
/// Bytes of an element.
const ELEMENT_BYTES: usize = 400;

/// A server on which replies are short.
fn start(dir: &Path) -> TestServer {
    TestServer::start(dir, &["--reply-bytes-max", "1mb"])
}

/// An element that is not like any other.
fn element(index: usize) -> Vec<u8> {
    format!("{index:0ELEMENT_BYTES$}").into_bytes()
}

/// One key of each type that is too long for a reply, and strings of which two together are too long.
fn fill(client: &mut Client) {
    for key in ["a", "b", "c"] {
        client.command(&[b"SET", key.as_bytes(), &vec![b'v'; VALUE_BYTES]]);
    }
    client.command(&[b"SET", b"long", &vec![b'v'; REPLY_BYTES_MAX + 1]]);
    let elements: Vec<Vec<u8>> = (0..ELEMENTS).map(element).collect();
    for (name, key, ahead) in [
        ("RPUSH", "list", None),
        ("SADD", "set", None),
        ("HSET", "hash", None),
        ("ZADD", "sorted", Some("1")),
    ] {
        let mut words = vec![name.as_bytes(), key.as_bytes()];
        for element in &elements {
            words.extend(ahead.map(str::as_bytes));
            words.push(element);
            words.extend((name == "HSET").then_some(&b"1"[..]));
        }
        assert!(matches!(client.command(&words), Value::Integer(_)), "{name}");
    }
}

/// Asserts that a reply is the refusal.
fn assert_refused(reply: &Value, line: &str) {
    let expected = format!(
        "ERR the reply would be longer than {REPLY_BYTES_MAX} bytes; reply-bytes-max sets how long it may be"
    );
    assert_eq!(*reply, Value::Error(expected), "{line}");
}

/// Commands that only read, and collect what they read.
const COLLECTING: &[&str] =
    &["SSCAN set 0 COUNT 3000", "HSCAN hash 0 COUNT 3000", "ZSCAN sorted 0 COUNT 3000"];

/// Commands that only read, and whose reply is sent while it is made.
const READS: &[&str] = &[
    "GET long",
    "GETRANGE long 0 -1",
    "MGET a b",
    "MGET a a a a a a a a",
    "LRANGE list 0 -1",
    "SORT list ALPHA",
    "SORT_RO list ALPHA",
    "SMEMBERS set",
    "SUNION set nothing",
    "SINTER set set",
    "SDIFF set nothing",
    "SRANDMEMBER set 3000",
    "HGETALL hash",
    "HKEYS hash",
    "HRANDFIELD hash 3000 WITHVALUES",
    "ZRANGE sorted 0 -1 WITHSCORES",
    "ZREVRANGEBYLEX sorted + -",
    "ZUNION 2 sorted nothing",
    "ZRANDMEMBER sorted 3000",
];

/// Commands that would take something away, or change it, and reply with it.
const WRITES: &[&str] = &[
    "GETDEL long",
    "GETEX long PX 60000",
    "GETSET long x",
    "SET long x GET",
    "LPOP list 3000",
    "RPOP list 3000",
    "LMPOP 1 list RIGHT COUNT 3000",
    "BLMPOP 0 1 list LEFT COUNT 3000",
    "SPOP set 3000",
    "SPOP set 2999",
    "ZPOPMIN sorted 3000",
    "ZPOPMAX sorted 2999",
    "ZMPOP 1 sorted MIN COUNT 3000",
    "BZMPOP 0 1 sorted MAX COUNT 3000",
];

/// The types and sizes of the keys.
fn shape(client: &mut Client) -> Vec<Value> {
    let lines = [
        "STRLEN long",
        "PTTL long",
        "LLEN list",
        "LINDEX list 0",
        "LINDEX list -1",
        "SCARD set",
        "HLEN hash",
        "ZCARD sorted",
        "DBSIZE",
    ];
    lines.map(|line| client.run(line)).to_vec()
}

#[test]
fn what_is_too_long_is_refused_and_nothing_is_changed() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = start(&dir);
    let mut client = server.client();
    fill(&mut client);
    let before = shape(&mut client);
    for line in READS {
        assert!(matches!(client.run(line), Value::Bulk(_) | Value::Array(_)), "{line}");
        assert_eq!(shape(&mut client), before, "{line}");
    }
    for line in COLLECTING.iter().chain(WRITES) {
        assert_refused(&client.run(line), line);
        assert_eq!(shape(&mut client), before, "{line}");
    }
    for line in WRITES {
        // Between two writes: the writer runs all three.
        client.send(format!("INCR n\r\n{line}\r\nINCR n\r\n").as_bytes()).unwrap();
        let replies: Vec<Value> = (0..3).map(|_| client.reply().unwrap()).collect();
        assert!(matches!(replies[0], Value::Integer(_)) && matches!(replies[2], Value::Integer(_)), "{line}");
        assert_refused(&replies[1], line);
    }
    assert_eq!(client.run("GET n"), Value::Bulk((2 * WRITES.len()).to_string().into_bytes()));
    client.run("DEL n");
    assert_eq!(shape(&mut client), before);
    server.kill();
    let server = start(&dir);
    assert_eq!(shape(&mut server.client()), before, "after a crash");
}

#[test]
fn a_transaction_whose_replies_are_too_long_is_not_done() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    fill(&mut client);
    let before = shape(&mut client);
    for last in ["GET b", "SPOP set 2500", "LRANGE list 0 2000", "GETDEL b"] {
        for line in ["MULTI", "SET new 1", "GET a", "LPOP list", last, "SELECT 1", "SET elsewhere 1"] {
            client.run(line);
        }
        let Value::Error(text) = client.run("EXEC") else { panic!("{last}") };
        assert!(
            text.starts_with("EXECABORT Transaction discarded because of: the reply would be longer"),
            "{text}"
        );
        assert_eq!(shape(&mut client), before, "{last}");
        client.run("SELECT 1");
        assert_eq!(client.run("DBSIZE"), Value::Integer(0));
        client.run("SELECT 0");
    }
    assert_eq!(client.run("MULTI"), Value::Simple("OK".into()));
    client.run("GET a");
    assert!(matches!(client.run("EXEC"), Value::Array(replies) if replies.len() == 1));
}

#[test]
fn a_transaction_that_is_not_done_tells_nothing_of_missing_keys() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let (mut client, mut listener) = (server.client(), server.client());
    fill(&mut client);
    client.run("CONFIG SET notify-keyspace-events KEAm");
    listener.run("SUBSCRIBE __keyevent@0__:keymiss");
    for line in ["MULTI", "GET first", "GETEX first", "GET a", "GET b"] {
        client.run(line);
    }
    assert!(matches!(client.run("EXEC"), Value::Error(_)));
    client.run("GET second");
    let Value::Array(parts) = listener.reply().unwrap() else { panic!("a message comes") };
    assert_eq!(parts[2], Value::Bulk(b"second".to_vec()));
}

#[test]
fn the_limit_can_be_lifted() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    fill(&mut client);
    assert_eq!(client.run("CONFIG SET reply-bytes-max 2mb"), Value::Simple("OK".into()));
    assert_eq!(client.run("GETEX long PERSIST").text().len(), REPLY_BYTES_MAX + 1);
    assert!(matches!(client.run("LPOP list 3000"), Value::Array(popped) if popped.len() == ELEMENTS));
    assert_eq!(client.run("EXISTS list"), Value::Integer(0));
}

#[test]
fn memory_is_bounded_while_a_reply_is_made() {
    const VALUE_MB: usize = 32;
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--reply-bytes-max", "48mb"]);
    let mut client = server.client();
    client.command(&[b"SET", b"v", &vec![b'v'; VALUE_MB << 20]]);
    eventually("what the command was sent in is given back", || {
        server.anonymous_bytes() < (VALUE_MB << 20) as u64
    });
    // The value's own pages count, too; they are read before.
    assert_eq!(client.run("BITCOUNT v"), Value::Integer((VALUE_MB << 20) as i64 * 5));
    std::fs::write(format!("/proc/{}/clear_refs", server.pid()), "5").unwrap();
    let before = server.peak_bytes();
    let line = encode(&[&b"MGET"[..], b"v", b"v", b"v", b"v", b"v", b"v", b"v", b"v"]);
    let mut clients: Vec<Client> = (0..8).map(|_| server.client()).collect();
    clients.iter_mut().for_each(|client| client.send(&line).unwrap());
    for client in &mut clients {
        assert!(matches!(client.reply().unwrap(), Value::Array(values) if values.len() == 8));
    }
    let grown = server.peak_bytes().saturating_sub(before) >> 20;
    eprintln!("eight MGETs of eight values of {VALUE_MB} MiB: {grown} MiB more at the most");
    assert!(grown <= 32, "{grown} MiB more");
}

/// Channels whose confirmations do not fit a reply.
const CHANNELS: usize = 1200;

/// A command with a name of 1 kB for each channel.
fn on_channels(name: &str) -> Vec<u8> {
    let channels: Vec<Vec<u8>> = (0..CHANNELS).map(|index| format!("{index:01000}").into_bytes()).collect();
    let words: Vec<&[u8]> = [name.as_bytes()].into_iter().chain(channels.iter().map(Vec::as_slice)).collect();
    encode(&words)
}

#[test]
fn listening_that_would_be_confirmed_at_too_great_a_length_neither_begins_nor_ends() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let (mut client, mut other) = (server.client(), server.client());
    let listening = |other: &mut Client, commands: [&str; 2]| commands.map(|command| other.run(command));
    let nobody = [Value::Array(Vec::new()), Value::Integer(0)];
    for line in ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"] {
        client.send(&on_channels(line)).unwrap();
        assert_refused(&client.reply().unwrap(), line);
        assert_eq!(listening(&mut other, ["PUBSUB CHANNELS", "PUBSUB NUMPAT"]), nobody, "{line}");
        assert_eq!(client.run("GET nothing"), Value::Null, "the client listens to nothing");
    }
    // With twice the room it listens, and back in less it cannot end that in one go.
    for (begin, end, shown) in [
        ("SUBSCRIBE", "UNSUBSCRIBE", "PUBSUB CHANNELS"),
        ("PSUBSCRIBE", "PUNSUBSCRIBE", "PUBSUB NUMPAT"),
        ("SSUBSCRIBE", "SUNSUBSCRIBE", "PUBSUB SHARDCHANNELS"),
    ] {
        other.run("CONFIG SET reply-bytes-max 4mb");
        client.send(&on_channels(begin)).unwrap();
        (0..CHANNELS).for_each(|_| assert!(matches!(client.reply().unwrap(), Value::Array(_))));
        let before = other.run(shown);
        other.run("CONFIG SET reply-bytes-max 1mb");
        assert_refused(&client.run(end), end);
        client.send(&on_channels(end)).unwrap();
        assert_refused(&client.reply().unwrap(), end);
        other.run("CONFIG SET reply-bytes-max 4mb");
        let names = |value: Value| match value {
            Value::Array(mut names) => {
                names.sort_by_key(Value::text);
                Value::Array(names)
            }
            number => number,
        };
        assert_eq!(names(other.run(shown)), names(before), "{end}");
        client.send(&on_channels(end)).unwrap();
        (0..CHANNELS).for_each(|_| assert!(matches!(client.reply().unwrap(), Value::Array(_))));
        other.run("CONFIG SET reply-bytes-max 1mb");
        assert_eq!(client.run("GET nothing"), Value::Null, "{end}");
    }
}

#[test]
fn messages_do_not_count_to_the_reply_that_they_stand_with() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    client.run("HELLO 3");
    client.run("SUBSCRIBE c");
    let message = vec![b'm'; REPLY_BYTES_MAX];
    let heard = |client: &mut Client| {
        let Value::Array(parts) = client.reply().unwrap() else { panic!("a message comes") };
        assert_eq!(parts[2], Value::Bulk(message.clone()));
    };
    assert_eq!(client.command(&[b"PUBLISH", b"c", &message]), Value::Integer(1));
    heard(&mut client);
    // What it published without a reply waits until the commands sent with it are done: RESET sends it first.
    let mut lines = encode(&[&b"CLIENT"[..], b"REPLY", b"SKIP"]);
    lines.extend(encode(&[b"PUBLISH", b"c", &message]));
    lines.extend(encode(&[b"RESET"]));
    client.send(&lines).unwrap();
    heard(&mut client);
    assert_eq!(client.reply().unwrap(), Value::Simple("RESET".into()));
}

#[test]
fn a_transaction_that_is_too_long_names_the_limit_whatever_command_it_ends_at() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    fill(&mut client);
    // Leaves little room: not even that of a short reply of the connection's.
    let rest = REPLY_BYTES_MAX - "*3\r\n$1048550\r\n\r\n".len();
    client.command(&[b"SET", b"all", &vec![b'v'; rest]]);
    for last in ["GET b", "CLIENT LIST", "CLIENT GETNAME", "SET new 2"] {
        for line in ["MULTI", "SET new 1", "GET all", last] {
            client.run(line);
        }
        let Value::Error(text) = client.run("EXEC") else { panic!("{last}") };
        let expected = format!("the reply would be longer than {REPLY_BYTES_MAX} bytes; reply-bytes-max");
        assert!(text.starts_with("EXECABORT") && text.contains(&expected), "{last}: {text}");
        assert_eq!(client.run("EXISTS new"), Value::Integer(0), "{last}");
    }
}
