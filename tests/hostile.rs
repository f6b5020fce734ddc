//! Hostile clients, against the real server: what they announce costs no memory, what they leave unread costs little, and
//! other clients are served meanwhile.
//!
//! The long form is `ACKD_HOSTILE_CLIENTS=10000 cargo test --test hostile idle -- --nocapture`: 10,000 idle clients.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Client, TestServer, Value, encode, eventually};

/// Bytes of the server's memory that a client may cost that has announced much and sent little.
const ANNOUNCED_BYTES_MAX: u64 = 64 << 10;
/// Bytes of the server's memory that an idle client may cost.
const IDLE_BYTES_MAX: u64 = 10 << 10;
/// Bytes of replies that wait for a client that does not read: 1 MiB, and the value that went beyond it.
const UNREAD_BYTES_MAX: u64 = (1 << 20) + VALUE_BYTES as u64;
/// Length of the value that is asked for again and again.
const VALUE_BYTES: usize = 1_000_000;

fn start(flags: &[&str]) -> (tempfile::TempDir, TestServer) {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), flags);
    (root, server)
}

/// Memory is allocated and freed in huge pages of 2 MiB: a difference of two or three is not due to clients.
const STEP_BYTES: u64 = 6 << 20;

/// A field of each line of `CLIENT LIST`, the asking client's own line left out.
fn fields(client: &mut Client, name: &str) -> Vec<u64> {
    let own = match client.run("CLIENT ID") {
        Value::Integer(id) => format!("id={id} "),
        other => panic!("{other:?}"),
    };
    let list = client.run("CLIENT LIST").text();
    let lines = list.lines().filter(|line| !line.starts_with(&own));
    let field = |line: &str| {
        line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
    };
    lines.map(|line| field(line).unwrap().parse().unwrap()).collect()
}

/// Connections that have sent `bytes`, once the server has read them; `client` is the only other one.
fn crowd(server: &TestServer, client: &mut Client, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let crowd: Vec<TcpStream> = (0..count).map(|_| server.tcp()).collect();
    crowd.iter().for_each(|mut stream| stream.write_all(bytes).unwrap());
    eventually("all clients are read", || {
        let read = fields(client, "tot-net-in");
        read.len() == count && read.iter().all(|read| *read == bytes.len() as u64)
    });
    crowd
}

/// Connects and disconnects many clients, so that the server's threads have the memory that they keep for later clients.
fn warm(server: &TestServer, client: &mut Client, count: usize) {
    drop(crowd(server, client, count, b"*1\r\n$1"));
    eventually("they are gone", || fields(client, "id").is_empty());
}

/// Sends until the server has not taken anything for a while, or `bytes_max` are sent; returns how many bytes were taken.
fn stuff(stream: &TcpStream, bytes: &[u8], bytes_max: usize) -> usize {
    stream.set_nonblocking(true).unwrap();
    let (mut sent, mut stuck) = (0, 0);
    while stuck < 30 && sent < bytes_max {
        match (&*stream).write(&bytes[sent % bytes.len()..]) {
            Ok(bytes) => (sent, stuck) = (sent + bytes, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                stuck += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("{error}"),
        }
    }
    sent
}

/// Whether the connection ends, after whatever the server still says.
fn ends(mut stream: &TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}")
        }
    }
    said
}

#[test]
fn what_is_announced_costs_no_memory() {
    let (_root, server) = start(&[]);
    let mut client = server.client();
    warm(&server, &mut client, 400);
    for header in [
        "*1\r\n$536870912\r\n",
        "*1048576\r\n",
        "*1048576\r\n$536870912\r\n",
        "*2\r\n$536870912\r\nxyz",
        "*1\r\n$3\r\nGET\r\n*1048576\r\n$500000000\r\n",
    ] {
        let before = server.anonymous_bytes();
        let crowd = crowd(&server, &mut client, 400, header.as_bytes());
        let accounted = fields(&mut client, "tot-mem").into_iter().max().unwrap();
        let each = server.anonymous_bytes().saturating_sub(before) / crowd.len() as u64;
        eprintln!("{:?}: {each} bytes resident for each client, {accounted} accounted at most", header);
        assert!(
            each <= ANNOUNCED_BYTES_MAX && accounted <= ANNOUNCED_BYTES_MAX,
            "{header:?}: {each}, {accounted}"
        );
        drop(crowd);
        eventually("they are gone", || fields(&mut client, "id").is_empty());
    }
}

#[test]
fn what_nobody_may_announce_ends_the_connection() {
    let (_root, server) = start(&[]);
    for (sent, text) in [
        ("*1000000000\r\n", "invalid multibulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$18446744073709551616\r\n", "invalid bulk length"),
        ("*99999999999999999999\r\n", "invalid multibulk length"),
    ] {
        let mut stream = server.tcp();
        stream.write_all(sent.as_bytes()).unwrap();
        let said = format!("-ERR Protocol error: {text}\r\n");
        assert_eq!(String::from_utf8(ends(&stream)).unwrap(), said, "{sent:?}");
    }
}

#[test]
fn replies_that_nobody_reads_do_not_pile_up() {
    let (_root, server) = start(&[]);
    let mut client = server.client();
    assert_eq!(client.command(&[b"SET", b"v", &vec![b'v'; VALUE_BYTES]]), Value::Simple("OK".into()));
    assert_eq!(client.command(&[b"GET", b"v"]).text().len(), VALUE_BYTES);
    let before = server.anonymous_bytes();
    let gets = encode(&[b"GET", b"v"]);
    let gets = gets.repeat(10_000 / gets.len());
    let deaf: Vec<TcpStream> = (0..8).map(|_| server.tcp()).collect();
    deaf.iter().for_each(|mut stream| stream.write_all(&gets).unwrap());
    let (mut sent, mut waiting) = (Vec::new(), 0);
    eventually("the server stops sending, with replies that wait for each client", || {
        std::thread::sleep(Duration::from_millis(200));
        let held = fields(&mut client, "omem");
        waiting = waiting.max(*held.iter().max().unwrap());
        let now = fields(&mut client, "tot-net-out");
        let same = now == sent && held.iter().all(|bytes| *bytes > 0);
        sent = now;
        same
    });
    let each = server.anonymous_bytes().saturating_sub(before) / deaf.len() as u64;
    eprintln!(
        "{} bytes of GET unread: {each} bytes resident for each client, {waiting} in replies",
        gets.len()
    );
    assert!(waiting <= UNREAD_BYTES_MAX, "{waiting} bytes of replies wait");
    assert!(each <= 2 * UNREAD_BYTES_MAX, "{each} bytes for each client");
    assert_eq!(client.run("PING"), Value::Simple("PONG".into()));
}

#[test]
fn replies_that_nobody_without_the_password_reads_do_not_pile_up() {
    let (_root, server) = start(&["--requirepass", "secret", "--unauthenticated-timeout", "0"]);
    let mut client = server.client();
    assert_eq!(client.run("AUTH secret"), Value::Simple("OK".into()));
    warm(&server, &mut client, 100);
    let bad = b"nosuchcommand\r\n".repeat(1000);
    let before = server.anonymous_bytes();
    let stream = server.tcp();
    let sent = stuff(&stream, &bad, 64 << 20);
    let held = fields(&mut client, "tot-mem")[0];
    let grown = server.anonymous_bytes().saturating_sub(before);
    eprintln!(
        "{sent} bytes sent without a password, no reply read: {held} bytes accounted, {grown} resident"
    );
    assert!(sent < 64 << 20, "the server reads on although nobody reads its replies");
    assert!(held <= 128 << 10 && grown <= (1 << 20) + STEP_BYTES, "{held} accounted, {grown} resident");
}

#[test]
fn who_sends_on_and_never_reads_costs_what_was_sent_up_to_a_limit() {
    const LIMIT: u64 = 2 << 20;
    let (_root, server) = start(&["--client-query-buffer-limit", "2mb"]);
    let mut client = server.client();
    assert_eq!(client.command(&[b"SET", b"v", &vec![b'v'; VALUE_BYTES]]), Value::Simple("OK".into()));
    assert_eq!(client.run("STRLEN v"), Value::Integer(VALUE_BYTES as i64));
    let gets = encode(&[b"GET", b"v"]).repeat(1000);
    let stuffed = |stream: TcpStream| {
        let sent = stuff(&stream, &gets, 256 << 20);
        assert!(sent < 256 << 20, "the server reads on although nobody reads its replies");
        (stream, sent)
    };
    // After the first client, the server has the memory that it keeps for later clients.
    let (stream, sent) = stuffed(server.tcp());
    let before = server.anonymous_bytes();
    let others: Vec<_> = (0..4).map(|_| stuffed(server.tcp())).collect();
    let held = fields(&mut client, "tot-mem").into_iter().max().unwrap();
    let grown = server.anonymous_bytes().saturating_sub(before) / others.len() as u64;
    eprintln!(
        "{sent} bytes of GET sent, no reply read: {held} bytes accounted, {grown} resident for each client"
    );
    drop(others);
    // What was read ahead, and the replies that wait; both may be held twice for a moment.
    assert!(held <= LIMIT + UNREAD_BYTES_MAX + (64 << 10), "{held} bytes accounted");
    assert!(grown <= 2 * (LIMIT + UNREAD_BYTES_MAX), "{grown} bytes resident for each client");
    assert_eq!(client.run("PING"), Value::Simple("PONG".into()));
    // A client that begins to read gets all replies.
    stream.set_nonblocking(false).unwrap();
    let mut reader = Client::new(Box::new(stream.try_clone().unwrap()));
    for _ in 0..20 {
        assert_eq!(reader.reply().unwrap().text().len(), VALUE_BYTES);
    }
}

#[test]
fn idle_clients_cost_little() {
    let count = common::setting("ACKD_HOSTILE_CLIENTS", 2000) as usize;
    let limit = raise_file_limit();
    assert!(limit > count as u64 + 100, "{count} clients need more than {limit} open files (ulimit -n)");
    let (_root, server) = start(&["--maxclients", &(count + 10).to_string()]);
    let mut client = server.client();
    warm(&server, &mut client, 100);
    let before = server.anonymous_bytes();
    let crowd = crowd(&server, &mut client, count, b"PING\r\n");
    for mut stream in &crowd {
        let mut reply = [0; 7];
        stream.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"+PONG\r\n");
    }
    let each = server.anonymous_bytes().saturating_sub(before) / count as u64;
    eprintln!("{count} idle clients: {each} bytes resident for each");
    let bytes_max = IDLE_BYTES_MAX * count as u64 + STEP_BYTES;
    assert!(each * count as u64 <= bytes_max, "{each} bytes for each of {count} idle clients");
}

/// Raises this process's limit of open files, which the server inherits, as far as it goes.
fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    maximum.unwrap_or(u64::MAX)
}

/// The slowest of many round trips, and the median.
fn round_trips(client: &mut Client) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..300)
        .map(|number| {
            let start = Instant::now();
            match number % 2 {
                0 => assert_eq!(client.run("SET good 1"), Value::Simple("OK".into())),
                _ => assert_eq!(client.run("GET good"), Value::Bulk(b"1".into())),
            }
            start.elapsed()
        })
        .collect();
    times.sort();
    (times[times.len() - 1], times[times.len() / 2])
}

#[test]
fn clients_that_send_byte_by_byte_hurt_nobody() {
    let (_root, server) = start(&[]);
    let mut client = server.client();
    let alone = round_trips(&mut client);
    let crowd: Vec<TcpStream> = (0..100).map(|_| server.tcp()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let dripping = std::thread::spawn({
        let stop = stop.clone();
        move || {
            let bytes = encode(&[b"SET", b"drip", &[b'd'; 200]]);
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                crowd
                    .iter()
                    .for_each(|mut stream| stream.write_all(&bytes[sent % bytes.len()..][..1]).unwrap());
                sent += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            sent
        }
    });
    let received = fields(&mut client, "tot-net-in").iter().sum::<u64>();
    eventually("bytes come one by one", || {
        fields(&mut client, "tot-net-in").iter().sum::<u64>() > received + 1000
    });
    let beside = round_trips(&mut client);
    stop.store(true, Ordering::Relaxed);
    let dripped = dripping.join().unwrap();
    eprintln!(
        "slowest and median alone {alone:?}; beside 100 clients that sent {dripped} bytes one by one {beside:?}"
    );
    assert!(dripped > 10, "{dripped} bytes");
}

#[test]
fn a_command_may_come_byte_by_byte() {
    let (_root, server) = start(&[]);
    let stream = server.tcp();
    let sent = [&encode(&[b"SET", b"slow", b"a\r\n*1"])[..], b"GET \"slow\"\r\n"].concat();
    for byte in &sent {
        (&stream).write_all(&[*byte]).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut reader = Client::new(Box::new(stream));
    assert_eq!(reader.reply().unwrap(), Value::Simple("OK".into()));
    assert_eq!(reader.reply().unwrap(), Value::Bulk(b"a\r\n*1".into()));
}

#[test]
fn a_password_is_wrong_in_one_way_only() {
    let (_root, server) = start(&["--requirepass", "secret", "--auth-failures-max", "100"]);
    let mut client = server.client();
    let wrong = Value::Error("WRONGPASS invalid username-password pair or user is disabled.".into());
    let long = vec![b's'; 16_000];
    for guess in [&b"secre"[..], b"secrets", b"Secret", b"", b"\0", &long] {
        assert_eq!(client.command(&[b"AUTH", guess]), wrong, "{}", guess.escape_ascii());
    }
    // Unknown users, too, and the right password does not say that only the name was wrong.
    for user in [&b"admin"[..], b"defaul", b"default\0", b""] {
        assert_eq!(client.command(&[b"AUTH", user, b"secret"]), wrong, "{}", user.escape_ascii());
        assert_eq!(client.command(&[b"AUTH", user, b"wrong"]), wrong, "{}", user.escape_ascii());
    }
    assert_eq!(client.command(&[b"HELLO", b"2", b"AUTH", b"default", b"secre"]), wrong);
    assert!(matches!(client.run("GET k"), Value::Error(text) if text.starts_with("NOAUTH")));
    assert_eq!(client.run("AUTH default secret"), Value::Simple("OK".into()));
}

#[test]
fn who_guesses_passwords_is_closed() {
    let (_root, server) = start(&["--requirepass", "secret", "--auth-failures-max", "3"]);
    let mut stream = server.tcp();
    stream.write_all(&b"AUTH guess\r\n".repeat(3)).unwrap();
    let said = String::from_utf8(ends(&stream)).unwrap();
    assert!(said.matches("-WRONGPASS").count() >= 2, "{said}");
    // After the last guess nothing counts, not even the right password.
    let mut stream = server.tcp();
    stream.write_all(b"AUTH a\r\nAUTH b\r\nAUTH c\r\nAUTH secret\r\nSET k 1\r\n").unwrap();
    assert!(!String::from_utf8(ends(&stream)).unwrap().contains("+OK"));
    let mut client = server.client();
    assert_eq!(client.run("AUTH secret"), Value::Simple("OK".into()));
    assert_eq!(client.run("GET k"), Value::Null);
}

#[test]
fn who_has_no_password_may_send_little() {
    let (_root, server) = start(&["--requirepass", "secret", "--unauthenticated-timeout", "0"]);
    for (sent, text) in [
        (&b"*11\r\n"[..], "unauthenticated multibulk length"),
        (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "unauthenticated bulk length"),
    ] {
        let mut stream = server.tcp();
        stream.write_all(sent).unwrap();
        assert_eq!(ends(&stream), format!("-ERR Protocol error: {text}\r\n").into_bytes());
    }
    // Words that are short enough, but too long in total; and one that never ends.
    let mut stream = server.tcp();
    let word = [b"$16000\r\n", &*vec![b'w'; 16_000], b"\r\n"].concat();
    let _ = stream.write_all(&[b"*10\r\n", &*word.repeat(9)].concat());
    ends(&stream);
    let mut client = server.client();
    assert_eq!(client.run("AUTH secret"), Value::Simple("OK".into()));
    assert_eq!(client.run("CONFIG SET unauthenticated-timeout 1"), Value::Simple("OK".into()));
    let start = Instant::now();
    let mut stream = server.tcp();
    stream.write_all(b"*2\r\n$4\r\nAUTH\r\n$6\r\nsec").unwrap();
    ends(&stream);
    assert!(start.elapsed() >= Duration::from_millis(900), "closed after {:?}", start.elapsed());
}

#[test]
fn patterns_made_to_take_forever_do_not() {
    let (_root, server) = start(&[]);
    let mut client = server.client();
    for number in 0..20 {
        let key = [&[b'a'; 10_000][..], number.to_string().as_bytes()].concat();
        assert_eq!(client.command(&[b"SET", &key, b"v"]), Value::Simple("OK".into()));
    }
    for pattern in [
        "a*".repeat(60) + "b",
        "*a".repeat(60) + "b",
        "[a-z]*".repeat(60) + "[^a-z0-9]",
        "?*".repeat(60) + "b",
    ] {
        let start = Instant::now();
        assert_eq!(client.command(&[b"KEYS", pattern.as_bytes()]), Value::Array(vec![]));
        let keys = start.elapsed();
        let scanned = client.command(&[b"SCAN", b"0", b"MATCH", pattern.as_bytes(), b"COUNT", b"100"]);
        assert!(matches!(scanned, Value::Array(parts) if parts[1] == Value::Array(vec![])));
        eprintln!("KEYS {}...: {keys:?}", &pattern[..8]);
    }
}

#[test]
fn errors_stay_on_one_line_whatever_they_repeat() {
    let (_root, server) = start(&[]);
    let mut client = server.client();
    assert_eq!(client.run("SET string 1"), Value::Simple("OK".into()));
    let bad: &[u8] = b"x\r\n+OK\r\n\0$3\r\n:7\n\r\xff";
    let long = bad.repeat(2000);
    let commands: Vec<Vec<&[u8]>> = vec![
        vec![bad],
        vec![bad, bad, bad],
        vec![&long, &long],
        vec![b"nosuch", bad, &long],
        vec![b"CONFIG", bad],
        vec![b"CONFIG", b"SET", bad, bad],
        vec![b"CONFIG", b"SET", b"maxclients", bad],
        vec![b"CLIENT", bad],
        vec![b"CLIENT", b"SETNAME", bad],
        vec![b"CLIENT", b"KILL", b"TYPE", bad],
        vec![b"CLIENT", b"SETINFO", bad, bad],
        vec![b"OBJECT", bad, b"string"],
        vec![b"HELLO", bad],
        vec![b"HELLO", b"3", b"AUTH", bad, bad],
        vec![b"SET", b"k", b"v", bad],
        vec![b"SCAN", bad],
        vec![b"SCAN", b"0", b"TYPE", bad, bad],
        vec![b"COMMAND", bad],
        vec![b"PUBSUB", bad],
        vec![b"DEBUG", bad],
        vec![b"SELECT", bad],
        vec![b"EXPIRE", b"string", b"1", bad],
        vec![b"INCRBY", b"string", bad],
        vec![b"HSET", b"string", bad, bad],
        vec![b"AUTH", bad, bad],
    ];
    for words in commands {
        let shown = words[..words.len().min(2)]
            .iter()
            .map(|word| word[..word.len().min(20)].escape_ascii().to_string());
        let shown = shown.collect::<Vec<_>>().join(" ");
        client.send(&encode(&words)).unwrap();
        client.send(&encode(&[b"ECHO", b"behind"])).unwrap();
        let reply = client.reply().unwrap();
        let Value::Error(text) = &reply else { panic!("{shown}: {reply:?}") };
        assert!(!text.contains(['\r', '\n', '\0']) && text.len() < 1000, "{shown}: {text:?}");
        assert_eq!(client.reply().unwrap(), Value::Bulk(b"behind".into()), "{shown}");
    }
}

#[test]
fn a_browser_gets_nothing_done() {
    let (_root, server) = start(&[]);
    let mut client = server.client();
    for sent in ["POST / HTTP/1.1\r\n", "GET / HTTP/1.1\r\n", "Host: localhost\r\n", "OPTIONS * HTTP/1.0\r\n"]
    {
        let mut stream = server.tcp();
        stream.write_all(format!("{sent}\r\nSET http 1\r\n").as_bytes()).unwrap();
        assert_eq!(ends(&stream), b"", "{sent}");
    }
    assert_eq!(client.run("GET http"), Value::Null);
}
