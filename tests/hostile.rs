//! Clients that mean harm, against the real server: what they announce costs nothing, what they leave unread costs little,
//! and those who mean well are served meanwhile.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{Client, TestServer, Value, encode};

/// How long anything may take that is to happen by itself.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of the server's memory that a client may cost that has announced much and sent little.
const ANNOUNCED_BYTES_MAX: u64 = 64 << 10;
/// Bytes of the server's memory that an idle client may cost.
const IDLE_BYTES_MAX: u64 = 10 << 10;
/// Bytes of replies that wait for a client that does not read: 1 MiB, and the value that went beyond it.
const UNREAD_BYTES_MAX: u64 = (1 << 20) + VALUE_BYTES as u64;
/// Length of the value that is asked for again and again.
const VALUE_BYTES: usize = 1_000_000;
/// How long a command may take beside clients that mean harm: far more than on a busy machine, far less than harm.
const PROMPT: Duration = Duration::from_secs(2);

fn start(flags: &[&str]) -> (tempfile::TempDir, TestServer) {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), flags);
    (root, server)
}

/// Bytes of memory that the server's process has.
fn resident_bytes(server: &TestServer) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

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

/// Waits until `condition` holds.
fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < TIMEOUT, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Connections that have sent `bytes`, once the server has read them.
fn crowd(server: &TestServer, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let crowd: Vec<TcpStream> = (0..count).map(|_| server.tcp()).collect();
    crowd.iter().for_each(|mut stream| stream.write_all(bytes).unwrap());
    let mut client = server.client();
    eventually("all clients are read", || {
        let read = fields(&mut client, "tot-net-in");
        read.len() == count && read.iter().all(|read| *read == bytes.len() as u64)
    });
    crowd
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
    // A warm server: its threads keep a few buffers for whoever comes next.
    drop(crowd(&server, 100, b"*1\r\n$1"));
    eventually("they are gone", || fields(&mut client, "id").is_empty());
    for header in
        ["*1\r\n$536870912\r\n", "*1048576\r\n", "*1048576\r\n$536870912\r\n", "*2\r\n$536870912\r\nxyz"]
    {
        let before = resident_bytes(&server);
        let crowd = crowd(&server, 400, header.as_bytes());
        let accounted = fields(&mut client, "tot-mem").into_iter().max().unwrap();
        let each = resident_bytes(&server).saturating_sub(before) / crowd.len() as u64;
        println!("{:?}: {each} bytes resident for each client, {accounted} accounted at most", header);
        assert!(
            each <= ANNOUNCED_BYTES_MAX && accounted <= ANNOUNCED_BYTES_MAX,
            "{header:?}: {each}, {accounted}"
        );
        drop(crowd);
        eventually("they are gone", || fields(&mut client, "id").is_empty());
    }
}

#[test]
fn replies_that_nobody_reads_do_not_pile_up() {
    let (_root, server) = start(&[]);
    let mut client = server.client();
    assert_eq!(client.command(&[b"SET", b"v", &vec![b'v'; VALUE_BYTES]]), Value::Simple("OK".into()));
    assert_eq!(client.command(&[b"GET", b"v"]).text().len(), VALUE_BYTES);
    let before = resident_bytes(&server);
    let gets = encode(&[b"GET", b"v"]);
    let gets = gets.repeat(10_000 / gets.len());
    let deaf: Vec<TcpStream> = (0..8).map(|_| server.tcp()).collect();
    deaf.iter().for_each(|mut stream| stream.write_all(&gets).unwrap());
    let mut sent = Vec::new();
    eventually("the server stops sending", || {
        std::thread::sleep(Duration::from_millis(300));
        let now = fields(&mut client, "tot-net-out");
        let same = now == sent && now.iter().all(|bytes| *bytes > 0);
        sent = now;
        same
    });
    let waiting = fields(&mut client, "omem").into_iter().max().unwrap();
    let each = resident_bytes(&server).saturating_sub(before) / deaf.len() as u64;
    println!(
        "{} bytes of GET unread: {each} bytes resident for each client, {waiting} in replies",
        gets.len()
    );
    assert!(waiting > 0 && waiting <= UNREAD_BYTES_MAX, "{waiting} bytes of replies wait");
    assert!(each <= 2 * UNREAD_BYTES_MAX, "{each} bytes for each client");
    assert_eq!(client.run("PING"), Value::Simple("PONG".into()));
}

#[test]
fn replies_that_nobody_without_the_password_reads_do_not_pile_up() {
    let (_root, server) = start(&["--requirepass", "secret", "--unauthenticated-timeout", "0"]);
    let mut client = server.client();
    assert_eq!(client.run("AUTH secret"), Value::Simple("OK".into()));
    let before = resident_bytes(&server);
    let stream = server.tcp();
    stream.set_nonblocking(true).unwrap();
    let pings = b"nosuchcommand\r\n".repeat(1000);
    let (mut sent, mut stuck) = (0, 0);
    while stuck < 30 && sent < 64 << 20 {
        match (&stream).write(&pings[sent % pings.len()..]) {
            Ok(bytes) => (sent, stuck) = (sent + bytes, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                stuck += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("{error}"),
        }
    }
    let held = fields(&mut client, "tot-mem")[0];
    let grown = resident_bytes(&server).saturating_sub(before);
    println!("{sent} bytes sent without a password, no reply read: {held} bytes accounted, {grown} resident");
    assert!(sent < 64 << 20, "the server reads on although nobody reads its replies");
    assert!(held <= 128 << 10 && grown <= 1 << 20, "{held} accounted, {grown} resident");
}

#[test]
fn idle_clients_cost_little() {
    let (_root, server) = start(&[]);
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = (files / 4).min(2000) as usize;
    let mut client = server.client();
    drop(crowd(&server, 100, b"PING\r\n"));
    eventually("they are gone", || fields(&mut client, "id").is_empty());
    let before = resident_bytes(&server);
    let crowd = crowd(&server, count, b"PING\r\n");
    for mut stream in &crowd {
        let mut reply = [0; 7];
        stream.read_exact(&mut reply).unwrap();
    }
    let each = resident_bytes(&server).saturating_sub(before) / count as u64;
    println!("{count} idle clients: {each} bytes resident for each");
    assert!(each <= IDLE_BYTES_MAX, "{each} bytes for each of {count} idle clients");
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
    std::thread::sleep(Duration::from_millis(200));
    let beside = round_trips(&mut client);
    stop.store(true, Ordering::Relaxed);
    let dripped = dripping.join().unwrap();
    println!(
        "slowest and median alone {alone:?}; beside 100 clients that sent {dripped} bytes one by one {beside:?}"
    );
    assert!(dripped > 10 && beside.0 < PROMPT, "{dripped} bytes, {beside:?}");
}

#[test]
fn who_guesses_passwords_is_closed() {
    let (_root, server) = start(&["--requirepass", "secret", "--auth-failures-max", "3"]);
    let mut stream = server.tcp();
    stream.write_all(&b"AUTH guess\r\n".repeat(3)).unwrap();
    let said = String::from_utf8(ends(&stream)).unwrap();
    assert!(said.matches("-WRONGPASS").count() >= 2, "{said}");
    // Behind the last guess nothing counts, not even the right one.
    let mut stream = server.tcp();
    stream.write_all(b"AUTH a\r\nAUTH b\r\nAUTH c\r\nAUTH secret\r\nSET k 1\r\n").unwrap();
    assert!(!String::from_utf8(ends(&stream)).unwrap().contains("+OK"));
    let mut client = server.client();
    assert_eq!(client.run("AUTH secret"), Value::Simple("OK".into()));
    assert_eq!(client.run("GET k"), Value::Null);
}

#[test]
fn who_has_no_password_may_send_little() {
    let (_root, server) = start(&["--requirepass", "secret", "--unauthenticated-timeout", "1"]);
    for (sent, text) in [
        (&b"*11\r\n"[..], "unauthenticated multibulk length"),
        (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "unauthenticated bulk length"),
    ] {
        let mut stream = server.tcp();
        stream.write_all(sent).unwrap();
        assert_eq!(ends(&stream), format!("-ERR Protocol error: {text}\r\n").into_bytes());
    }
    // Words that are short enough, but too many bytes together; and one that never comes to its end.
    let mut stream = server.tcp();
    let word = [b"$16000\r\n", &*vec![b'w'; 16_000], b"\r\n"].concat();
    let _ = stream.write_all(&[b"*10\r\n", &*word.repeat(9)].concat());
    ends(&stream);
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
        println!("KEYS {}...: {keys:?}", &pattern[..8]);
        assert!(start.elapsed() < 2 * PROMPT, "{:?} for {pattern}", start.elapsed());
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
