//! Clients that wait for elements, against the real binary: which client is served, when, with what, and that no element
//! is lost when a client goes away.

mod common;
#[path = "blocking/streams.rs"]
mod streams;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::{Client, TestServer, Value, eventually, seed, setting};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const FLAGS: [&str; 2] = ["--loglevel", "warning"];

/// A server on a directory of its own.
fn start() -> (tempfile::TempDir, TestServer) {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &FLAGS);
    (root, server)
}

/// Sends a command and does not wait for its reply.
fn send(client: &mut Client, line: &str) {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    client.send(&common::encode(&words)).unwrap();
}

/// A number of `INFO`.
fn info(client: &mut Client, name: &str) -> u64 {
    let text = client.run("INFO").text();
    let line = text.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    line.split(':').nth(1).unwrap().trim().parse().unwrap()
}

/// Waits until `count` clients are blocked.
fn wait_for_blocked(client: &mut Client, count: u64) {
    eventually(&format!("{count} clients are blocked"), || info(client, "blocked_clients") == count);
}

/// Clients that sent these commands, one after the other, and wait.
fn waiting<const N: usize>(server: &TestServer, observer: &mut Client, lines: [&str; N]) -> [Client; N] {
    let before = info(observer, "blocked_clients");
    let mut place = 0;
    lines.map(|line| {
        let mut client = server.client();
        send(&mut client, line);
        place += 1;
        wait_for_blocked(observer, before + place);
        client
    })
}

fn bulk(text: &str) -> Value {
    Value::Bulk(text.into())
}

/// What `BLPOP` replies.
fn popped(key: &str, element: &str) -> Value {
    Value::Array(vec![bulk(key), bulk(element)])
}

#[test]
fn clients_are_served_in_the_order_of_their_coming() {
    let (_root, server) = start();
    let mut other = server.client();
    let mut all = waiting(&server, &mut other, ["BLPOP q 0", "BRPOP x q 0", "BLPOP q q 0", "BLPOP y 0"]);
    assert_eq!(other.run("RPUSH q a b"), Value::Integer(2), "the length before anybody is served");
    assert_eq!(all[0].reply().unwrap(), popped("q", "a"));
    assert_eq!(all[1].reply().unwrap(), popped("q", "b"));
    wait_for_blocked(&mut other, 2);
    assert_eq!(other.run("EXISTS q"), Value::Integer(0));
    assert_eq!(other.run("LPUSH q 1 2 3"), Value::Integer(3));
    assert_eq!(all[2].reply().unwrap(), popped("q", "3"));
    assert_eq!(other.run("LRANGE q 0 -1"), Value::Array(vec![bulk("2"), bulk("1")]));
    // A client that was served can wait again.
    send(&mut all[0], "BLPOP z y 0");
    wait_for_blocked(&mut other, 2);
    assert_eq!(other.run("RPUSH y one two"), Value::Integer(2));
    assert_eq!(all[3].reply().unwrap(), popped("y", "one"));
    assert_eq!(all[0].reply().unwrap(), popped("y", "two"));
    wait_for_blocked(&mut other, 0);
}

#[test]
fn every_way_to_make_a_list_serves() {
    let (_root, server) = start();
    let mut other = server.client();
    let ways: [(&str, &[&str]); 9] = [
        ("a push", &["RPUSH q e"]),
        ("a rename", &["RPUSH from e", "RENAME from q"]),
        ("a rename of a new key", &["RPUSH from e", "RENAMENX from q"]),
        ("a copy", &["RPUSH from e", "COPY from q", "DEL from"]),
        ("a move", &["SELECT 1", "RPUSH q e", "MOVE q 0", "SELECT 0"]),
        ("a swap", &["SELECT 1", "RPUSH q e", "SELECT 0", "SWAPDB 0 1"]),
        ("an insertion that makes no list", &["LPUSHX q e", "RPUSH q e"]),
        ("another list's last element", &["RPUSH from e", "LMOVE from q LEFT LEFT"]),
        ("a list in place of a string", &["SET q text", "DEL q", "RPUSH q e"]),
    ];
    for (name, lines) in ways {
        let [mut client] = waiting(&server, &mut other, ["BLPOP q 0"]);
        for line in lines {
            let reply = other.run(line);
            assert!(!matches!(reply, Value::Error(_)), "{name}: {line}: {reply:?}");
        }
        assert_eq!(client.reply().unwrap(), popped("q", "e"), "{name}");
        assert_eq!(other.run("DBSIZE"), Value::Integer(0), "{name}");
    }
}

#[test]
fn moves_wait_too_and_serve_each_other() {
    let (_root, server) = start();
    let mut other = server.client();
    let mut all = waiting(
        &server,
        &mut other,
        ["BLMOVE a b LEFT RIGHT 0", "BRPOPLPUSH b c 0", "BLMPOP 0 2 x c LEFT COUNT 5", "BLPOP s 0"],
    );
    assert_eq!(other.run("RPUSH a e"), Value::Integer(1));
    assert_eq!(all[0].reply().unwrap(), bulk("e"));
    assert_eq!(all[1].reply().unwrap(), bulk("e"));
    assert_eq!(all[2].reply().unwrap(), Value::Array(vec![bulk("c"), Value::Array(vec![bulk("e")])]));
    assert_eq!(other.run("DBSIZE"), Value::Integer(0));
    // A value of another type serves nobody, and an element that cannot be moved stays.
    assert_eq!(other.run("SET s text"), Value::Simple("OK".into()));
    send(&mut all[0], "BLMOVE a s LEFT LEFT 0");
    wait_for_blocked(&mut other, 2);
    assert_eq!(other.run("RPUSH a stays"), Value::Integer(1));
    assert!(matches!(all[0].reply().unwrap(), Value::Error(text) if text.starts_with("WRONGTYPE")));
    assert_eq!(other.run("LRANGE a 0 -1"), Value::Array(vec![bulk("stays")]));
    assert!(matches!(other.run("BLPOP none s 0"), Value::Error(text) if text.starts_with("WRONGTYPE")));
    assert_eq!(other.run("DEL s"), Value::Integer(1));
    assert_eq!(other.run("RPUSH s e"), Value::Integer(1));
    assert_eq!(all[3].reply().unwrap(), popped("s", "e"));
}

#[test]
fn moves_of_several_elements_wait_for_enough() {
    let (_root, server) = start();
    let mut observer = server.client();
    let lines = ["BLMOVEM src dst LEFT RIGHT 0 EXACTLY 3 BULK", "BLMOVEM src rest LEFT RIGHT 0 COUNT 5 BULK"];
    let [mut exactly, mut any] = waiting(&server, &mut observer, lines);
    assert_eq!(observer.run("RPUSH src 1 2"), Value::Integer(2));
    // Too few for the first: they go to who takes any number.
    assert_eq!(any.reply().unwrap(), Value::Array(vec![bulk("1"), bulk("2")]));
    wait_for_blocked(&mut observer, 1);
    assert_eq!(observer.run("RPUSH src 1 2"), Value::Integer(2));
    assert_eq!(observer.run("LINSERT src BEFORE 1 0"), Value::Integer(3));
    assert_eq!(exactly.reply().unwrap(), Value::Array(vec![bulk("0"), bulk("1"), bulk("2")]));
    assert_eq!(observer.run("LRANGE dst 0 -1"), Value::Array(vec![bulk("0"), bulk("1"), bulk("2")]));
    assert_eq!(observer.run("EXISTS src"), Value::Integer(0));
    assert_eq!(observer.run("BLMOVEM src dst LEFT RIGHT 0.01 EXACTLY 1 OBO"), Value::Null);
}

#[test]
fn a_wait_ends_by_its_timeout_or_by_another_client() {
    let (_root, server) = start();
    let mut other = server.client();
    for line in [
        "BLPOP none 0.1",
        "BRPOP none none 0.1",
        "BLMOVE none q LEFT LEFT 0.1",
        "BRPOPLPUSH none q 0.1",
        "BLMPOP 0.1 1 none LEFT",
    ] {
        let (mut client, start) = (server.client(), Instant::now());
        client.send(format!("{line}\r\n").as_bytes()).unwrap();
        let mut bytes = [0; 5];
        assert_eq!(client.reply().unwrap(), Value::Null, "{line}");
        assert!(start.elapsed() >= Duration::from_millis(99), "{line} ended after {:?}", start.elapsed());
        let mut raw = server.tcp();
        std::io::Write::write_all(&mut raw, format!("{line}\r\n").as_bytes()).unwrap();
        raw.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"*-1\r\n", "{line}");
    }
    let [mut client] = waiting(&server, &mut other, ["BLPOP none 100"]);
    let list = other.run("CLIENT LIST").text();
    let line = list.lines().find(|line| line.contains(" flags=b")).unwrap();
    assert!(line.contains("cmd=blpop"), "{line}");
    let id = line.strip_prefix("id=").unwrap().split(' ').next().unwrap();
    assert_eq!(info(&mut other, "clients_in_timeout_table"), 1);
    assert_eq!(other.run(&format!("CLIENT UNBLOCK {id}")), Value::Integer(1));
    assert_eq!(client.reply().unwrap(), Value::Null);
    assert_eq!(other.run(&format!("CLIENT UNBLOCK {id}")), Value::Integer(0));
    send(&mut client, "BLPOP none 0");
    wait_for_blocked(&mut other, 1);
    assert_eq!(other.run(&format!("CLIENT UNBLOCK {id} ERROR")), Value::Integer(1));
    assert_eq!(client.reply().unwrap(), Value::Error("UNBLOCKED client unblocked via CLIENT UNBLOCK".into()));
    assert_eq!(other.run("CLIENT UNBLOCK 999999"), Value::Integer(0));
    // A client that was unblocked takes no element.
    assert_eq!(other.run("RPUSH none e"), Value::Integer(1));
    assert_eq!(other.run("LLEN none"), Value::Integer(1));
    assert_eq!(client.run("PING"), Value::Simple("PONG".into()));
}

#[test]
fn what_stands_behind_a_waiting_command_waits() {
    let (_root, server) = start();
    let mut other = server.client();
    let mut client = server.client();
    let mut pipeline = Vec::new();
    for line in ["SET before 1", "BLPOP q 0", "SET after 1", "BLPOP q 0.01", "PING"] {
        pipeline.extend(common::encode(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>()));
    }
    client.send(&pipeline).unwrap();
    assert_eq!(client.reply().unwrap(), Value::Simple("OK".into()), "what stands before it does not wait");
    wait_for_blocked(&mut other, 1);
    // Nor does what the connection answers by itself.
    let mut second = server.client();
    second.send(b"SELECT 0\r\nPING\r\nBLPOP none 0\r\n").unwrap();
    assert_eq!(second.reply().unwrap(), Value::Simple("OK".into()));
    assert_eq!(second.reply().unwrap(), Value::Simple("PONG".into()));
    wait_for_blocked(&mut other, 2);
    assert_eq!(other.run("EXISTS before after"), Value::Integer(1));
    assert_eq!(other.run("RPUSH q e"), Value::Integer(1));
    assert_eq!(client.reply().unwrap(), popped("q", "e"));
    assert_eq!(client.reply().unwrap(), Value::Simple("OK".into()));
    assert_eq!(client.reply().unwrap(), Value::Null);
    assert_eq!(client.reply().unwrap(), Value::Simple("PONG".into()));
}

#[test]
fn clients_that_go_away_are_noticed_and_take_nothing() {
    let root = tempfile::tempdir().unwrap();
    let log = root.path().join("log").display().to_string();
    let mut server = TestServer::start(&root.path().join("data"), &["--logfile", &log]);
    let mut other = server.client();
    // Without more, with commands after the waiting one, with half a command, and by CLIENT KILL.
    let mut streams: Vec<TcpStream> = (0..4).map(|_| server.tcp()).collect();
    for (place, stream) in streams.iter_mut().enumerate() {
        std::io::Write::write_all(stream, b"BLPOP q 0\r\n").unwrap();
        wait_for_blocked(&mut other, place as u64 + 1);
    }
    std::io::Write::write_all(&mut streams[1], b"PING\r\nPING\r\n").unwrap();
    let killed = streams.pop().unwrap();
    let half = streams.pop().unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    drop(streams);
    let address = killed.local_addr().unwrap();
    assert_eq!(other.run(&format!("CLIENT KILL {address}")), Value::Simple("OK".into()));
    wait_for_blocked(&mut other, 0);
    assert_eq!(other.run("RPUSH q e"), Value::Integer(1));
    assert_eq!(other.run("LLEN q"), Value::Integer(1));
    for mut stream in [killed, half] {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "{rest:?}");
    }
    // A waiting client does not delay the server's exit.
    let [mut waits] = waiting(&server, &mut other, ["BLPOP none 0"]);
    assert!(server.stop().success());
    assert!(waits.reply().is_err());
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("msg=stopped") && !log.contains("cut off"), "{log}");
}

#[test]
fn a_pause_holds_waiting_commands_and_pushes() {
    let (_root, server) = start();
    let mut other = server.client();
    let [mut waits] = waiting(&server, &mut other, ["BLPOP q 0"]);
    let [mut short] = waiting(&server, &mut other, ["BLPOP q2 2"]);
    assert_eq!(other.run("CLIENT PAUSE 60000 WRITE"), Value::Simple("OK".into()));
    assert_eq!(short.reply().unwrap(), Value::Null, "a timeout runs on");
    // Each of them counts as blocked as soon as it is.
    let lines = ["RPUSH q e", "BLPOP q3 0.01", "PUBLISH c x", "SPUBLISH c x", "PFCOUNT h"];
    let [mut pusher, mut late, mut publisher, mut sharded, mut counter] = waiting(&server, &mut other, lines);
    let mut queues = server.client();
    queues.run("MULTI");
    send(&mut queues, "SET k v");
    wait_for_blocked(&mut other, 7);
    let list = other.run("CLIENT LIST").text();
    for name in ["rpush", "publish", "spublish", "pfcount", "set"] {
        let line = list.lines().find(|line| line.contains(&format!(" cmd={name} "))).expect(name);
        assert!([" flags=b", " flags=xb"].iter().any(|flags| line.contains(flags)), "{line}");
    }
    let id = list.lines().find(|line| line.contains(" cmd=rpush ")).unwrap().strip_prefix("id=").unwrap();
    let id = id.split(' ').next().unwrap();
    assert_eq!(other.run(&format!("CLIENT UNBLOCK {id}")), Value::Integer(0), "a pause is not ended so");
    assert_eq!(other.run("EXISTS q"), Value::Integer(0));
    assert_eq!(other.run("CLIENT UNPAUSE"), Value::Simple("OK".into()));
    assert_eq!(waits.reply().unwrap(), popped("q", "e"));
    assert_eq!(pusher.reply().unwrap(), Value::Integer(1));
    assert_eq!(late.reply().unwrap(), Value::Null);
    assert_eq!(publisher.reply().unwrap(), Value::Integer(0));
    assert_eq!(sharded.reply().unwrap(), Value::Integer(0));
    assert_eq!(counter.reply().unwrap(), Value::Integer(0));
    assert_eq!(queues.reply().unwrap(), Value::Simple("QUEUED".into()));
    wait_for_blocked(&mut other, 0);
}

#[test]
fn nothing_expires_while_writes_are_paused() {
    let (_root, server) = start();
    let (mut client, mut busy) = (server.client(), server.client());
    pause_before_expiry(&mut client);
    let expired = info(&mut client, "expired_keys");
    while client.run("EXISTS k") == Value::Integer(1) {}
    // The writer closes groups, each of which could delete expired keys.
    for _ in 0..50 {
        for line in ["GET k", "GET j", "TYPE j"] {
            client.run(line);
        }
        for line in ["WATCH x", "UNWATCH"] {
            busy.run(line);
        }
    }
    assert_eq!(info(&mut client, "expired_keys"), expired);
    assert_eq!(keys(&mut client), 3);
    // Deleting a key that had already expired when it was watched does not count as a change.
    for line in ["WATCH k", "MULTI", "GET k"] {
        client.run(line);
    }
    busy.run("CLIENT UNPAUSE");
    eventually("what is due is deleted", || keys(&mut busy) == 1);
    assert_eq!(client.run("EXEC"), Value::Array(vec![Value::Null]));
    assert_eq!(info(&mut busy, "expired_keys"), expired + 2);
}

/// Makes three keys, and pauses writes before two of them expire, however slow the machine is.
fn pause_before_expiry(client: &mut Client) {
    for ttl_ms in (0..10).map(|doubled| 40 << doubled) {
        client.run("FLUSHALL");
        client.run("HSET h f v g v");
        for key in ["j", "k"] {
            client.run(&format!("SET {key} v PX {ttl_ms}"));
        }
        client.run("CLIENT PAUSE 60000 WRITE");
        if client.run("EXISTS j k") == Value::Integer(2) {
            return;
        }
        client.run("CLIENT UNPAUSE");
    }
    panic!("the machine is too slow");
}

/// Number of keys of database 0, expired ones included.
fn keys(client: &mut Client) -> u64 {
    let text = client.run("INFO keyspace").text();
    let line = text.lines().find(|line| line.starts_with("db0:keys=")).expect("there are keys");
    line["db0:keys=".len()..].split(',').next().unwrap().parse().unwrap()
}

#[test]
fn the_keys_that_are_waited_for_are_counted() {
    let (_root, server) = start();
    let mut other = server.client();
    let lines = ["BLPOP a b 0", "BLPOP b c 0", "BZPOPMIN z 0", "WAIT 1 0"];
    let [mut first, mut second, mut third, mut replicas] = waiting(&server, &mut other, lines);
    assert_eq!(info(&mut other, "total_blocking_keys"), 4);
    assert_eq!(info(&mut other, "total_blocking_keys_on_nokey"), 0);
    other.run("RPUSH b x");
    assert_eq!(first.reply().unwrap(), popped("b", "x"));
    assert_eq!(info(&mut other, "total_blocking_keys"), 3);
    other.run("ZADD z 1 m");
    third.reply().unwrap();
    other.run("RPUSH c x");
    second.reply().unwrap();
    assert_eq!(info(&mut other, "total_blocking_keys"), 0);
    let list = other.run("CLIENT LIST").text();
    let line = list.lines().find(|line| line.contains(" cmd=wait ")).unwrap();
    assert!(line.contains(" flags=b"), "{line}");
    let id = line.strip_prefix("id=").unwrap().split(' ').next().unwrap();
    assert_eq!(other.run(&format!("CLIENT UNBLOCK {id}")), Value::Integer(1));
    assert_eq!(replicas.reply().unwrap(), Value::Integer(0));
}

#[test]
fn waiting_for_replicas_takes_as_long_as_it_may() {
    let (_root, server) = start();
    let mut client = server.client();
    let start = Instant::now();
    assert_eq!(client.run("WAIT 1 100"), Value::Integer(0));
    assert_eq!(client.run("WAITAOF 0 1 100"), Value::Array(vec![Value::Integer(1), Value::Integer(0)]));
    assert!(start.elapsed() >= Duration::from_millis(199), "{:?}", start.elapsed());
    for line in ["WAIT 0 0", "WAITAOF 1 0 0"] {
        // They would never end.
        client.run(line);
    }
}

/// Pops until the connection ends; counts what came.
fn consume(stream: TcpStream, random: &mut SmallRng, popped: &AtomicU64, stop: &AtomicBool) {
    let mut client = Client::new(Box::new(stream.try_clone().unwrap()));
    let leaves_after = random.random_range(1..30);
    for turn in 0.. {
        let command =
            if random.random() { "BLPOP other jobs 0.02\r\n" } else { "BLMPOP 0.02 1 jobs RIGHT\r\n" };
        if client.send(command.as_bytes()).is_err() {
            return;
        }
        if turn == leaves_after {
            // Nothing more is sent; elements popped before the server notices still arrive. A killed client is not
            // connected.
            match stream.shutdown(Shutdown::Write) {
                Err(error) if error.kind() != ErrorKind::NotConnected => panic!("{error}"),
                _ => {}
            }
        }
        match client.reply() {
            Ok(Value::Array(_)) => drop(popped.fetch_add(1, SeqCst)),
            Ok(Value::Null) if stop.load(SeqCst) => return,
            Ok(Value::Null) => {}
            Ok(other) => panic!("{other:?}"),
            Err(_) => return,
        }
    }
}

#[test]
fn nothing_is_lost_while_clients_come_and_go() {
    let (_root, server) = start();
    let seed = seed("--test blocking");
    let jobs = setting("ACKD_BLOCKING_JOBS", 3000);
    let (received, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (server, received, stop) = (&server, &received, &stop);
            scope.spawn(move || {
                let mut random = SmallRng::seed_from_u64(seed + number);
                while !stop.load(SeqCst) {
                    consume(server.tcp(), &mut random, received, stop);
                }
            });
        }
        let killer = scope.spawn(|| {
            let mut random = SmallRng::seed_from_u64(seed + 100);
            let mut client = server.client();
            while !stop.load(SeqCst) {
                let list = client.run("CLIENT LIST").text();
                let blocked: Vec<&str> = list.lines().filter(|line| line.contains(" flags=b")).collect();
                if !blocked.is_empty() {
                    let line = blocked[random.random_range(0..blocked.len())];
                    let id = line.strip_prefix("id=").unwrap().split(' ').next().unwrap();
                    let command = ["CLIENT KILL ID", "CLIENT UNBLOCK"][random.random_range(0..2)];
                    client.run(&format!("{command} {id}"));
                }
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        let mut pusher = server.client();
        for job in 0..jobs {
            assert!(matches!(pusher.run(&format!("LPUSH jobs {job}")), Value::Integer(_)));
        }
        eventually("the queue drains", || pusher.run("LLEN jobs") == Value::Integer(0));
        stop.store(true, SeqCst);
        killer.join().unwrap();
    });
    assert_eq!(received.load(SeqCst), jobs, "every element reached exactly one client");
}

/// What one life of the queue's clients knows.
#[derive(Default)]
struct Known {
    /// Jobs whose push was acknowledged.
    pushed: Vec<String>,
    /// Jobs that a `BLPOP` brought.
    popped: Vec<String>,
    /// Jobs whose move was acknowledged.
    moved: Vec<String>,
}

/// One life: producers and consumers until the server is killed.
fn live(server: &mut TestServer, round: u64, random: &mut SmallRng) -> Known {
    let mut known = Known::default();
    let clients: Vec<Client> = (0..6).map(|_| server.client()).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(number, mut client)| {
                scope.spawn(move || {
                    let mut done = Vec::new();
                    for job in 0.. {
                        let name = format!("{round}:{number}:{job}");
                        let command = match number % 3 {
                            0 => format!("RPUSH jobs {name}"),
                            1 => "BLPOP jobs 0".into(),
                            _ => "BLMOVE jobs processing LEFT RIGHT 0".into(),
                        };
                        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
                        match client.try_command(&words) {
                            Ok(Value::Integer(_)) => done.push(name),
                            Ok(Value::Array(reply)) => done.push(reply[1].text()),
                            Ok(Value::Bulk(job)) => done.push(String::from_utf8(job).unwrap()),
                            Ok(other) => panic!("{other:?}"),
                            Err(_) => break,
                        }
                    }
                    (number % 3, done)
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(random.random_range(50..300)));
        server.kill();
        for thread in threads {
            let (kind, done) = thread.join().unwrap();
            [&mut known.pushed, &mut known.popped, &mut known.moved][kind].extend(done);
        }
    });
    known
}

fn elements(client: &mut Client, key: &str) -> Vec<String> {
    let Value::Array(elements) = client.run(&format!("LRANGE {key} 0 -1")) else { panic!("no list") };
    elements.iter().map(Value::text).collect()
}

#[test]
fn a_queue_survives_kills_with_each_job_in_one_place() {
    let mut random = SmallRng::seed_from_u64(seed("--test blocking"));
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let flags = ["--loglevel", "warning", "--wal-segment-size", "4mb", "--recovery-target-ms", "10"];
    let mut all = Known::default();
    let rounds = setting("ACKD_BLOCKING_ROUNDS", 5);
    let is_enough =
        |all: &Known| all.pushed.len() as u64 > 50 * rounds && all.popped.len() > 10 && all.moved.len() > 10;
    // Where clients get little done before the kill, it takes more rounds.
    for round in 0.. {
        if round >= rounds && is_enough(&all) {
            break;
        }
        assert!(round < 20 * rounds, "next to nothing is acknowledged in {round} rounds");
        let mut server = TestServer::start(&dir, &flags);
        let known = live(&mut server, round, &mut random);
        all.pushed.extend(known.pushed);
        all.popped.extend(known.popped);
        all.moved.extend(known.moved);
        let server = TestServer::start(&dir, &flags);
        let mut client = server.client();
        let (jobs, processing) = (elements(&mut client, "jobs"), elements(&mut client, "processing"));
        let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (place, found) in [("jobs", &jobs), ("processing", &processing), ("popped", &all.popped)] {
            found.iter().for_each(|job| places.entry(job).or_default().push(place));
        }
        assert!(places.values().all(|found| found.len() == 1), "a job is in two places");
        assert!(
            all.moved
                .iter()
                .all(|job| places.get(job.as_str()).is_some_and(|found| found == &["processing"]))
        );
        // Each of the two popping clients may have one job whose reply did not arrive.
        let lost = all.pushed.iter().filter(|job| !places.contains_key(job.as_str())).count() as u64;
        assert!(lost <= 2 * (round + 1), "{lost} of {} jobs are nowhere", all.pushed.len());
        eprintln!(
            "round {round}: {} pushed, {} popped, {} moved",
            all.pushed.len(),
            all.popped.len(),
            all.moved.len()
        );
    }
}

#[test]
fn who_waits_for_what_others_do_is_not_idle() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &FLAGS);
    let [mut observer, mut monitor, mut listener, mut idle] = [(); 4].map(|()| server.client());
    assert_eq!(monitor.run("MONITOR"), Value::Simple("OK".into()));
    assert!(matches!(listener.run("SUBSCRIBE c"), Value::Array(_)));
    let [mut waiting] = waiting(&server, &mut observer, ["BLPOP q 0"]);
    // They all have been silent for at least as long as the client that is disconnected for it.
    assert_eq!(idle.run("PING"), Value::Simple("PONG".into()));
    assert_eq!(observer.run("CONFIG SET timeout 1"), Value::Simple("OK".into()));
    assert_eq!(idle.reply().unwrap_err().kind(), ErrorKind::UnexpectedEof, "who is idle is disconnected");
    // From here on nobody is, however slow this test is.
    let mut other = server.client();
    eventually("there is no timeout any more", || {
        other = server.client();
        other.try_command(&[b"CONFIG", b"SET", b"timeout", b"0"]).is_ok()
    });
    assert_eq!(other.run("PUBLISH c hello"), Value::Integer(1));
    assert!(matches!(listener.reply(), Ok(Value::Array(_))));
    let list = other.run("CLIENT LIST").text();
    let line = list.lines().find(|line| line.contains(" cmd=blpop ")).unwrap();
    assert!(!line.contains(" idle=0 "), "{line}");
    let id = line.split(' ').next().unwrap().replace('=', " ");
    let pushed = Instant::now();
    assert_eq!(other.run("RPUSH q x"), Value::Integer(1));
    assert_eq!(waiting.reply().unwrap(), Value::Array(vec![bulk("q"), bulk("x")]));
    let line = other.run(&format!("CLIENT LIST {id}")).text();
    let idle_s = line.split(' ').find_map(|field| field.strip_prefix("idle=")).unwrap();
    let idle_s: u64 = idle_s.parse().unwrap();
    assert!(idle_s <= pushed.elapsed().as_secs(), "silence counts from the reply on: {line}");
    let is_shown =
        |reply: std::io::Result<Value>| reply.expect("monitors are not idle").text().contains("RPUSH");
    while !is_shown(monitor.reply()) {}
}
