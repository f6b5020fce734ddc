//! Clocks that are ahead, behind, and set while the server runs: absolute expiration times follow the system's clock,
//! relative ones are not extended, and a key that a client saw expire does not come back.

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use ackd::cli::exit;
use common::fake_clock::FakeClock;
use common::{Client, TestServer, Value, eventually, free_port};

/// Seconds of an hour, a day and ten years.
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const TEN_YEARS: i64 = 3652 * DAY;

/// A directory whose servers use a clock that can be set.
struct Place {
    root: tempfile::TempDir,
    clock: FakeClock,
}

impl Place {
    /// A new directory. Setting the clock takes libfaketime.
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let clock = FakeClock::new(root.path()).expect("libfaketime is installed, as tests/run does");
        Self { clock, root }
    }

    fn log(&self) -> PathBuf {
        self.root.path().join("log")
    }

    fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Starts a server with its clock `ahead_s` seconds ahead.
    fn start(&self, ahead_s: i64) -> TestServer {
        self.clock.set(ahead_s);
        let _ = fs::remove_file(self.log());
        let mut command = Command::new(env!("CARGO_BIN_EXE_ackd"));
        self.clock.apply(&mut command);
        let log = self.log().display().to_string();
        let dir = self.root.path().join("data");
        let mut server = TestServer::spawn_by(command, free_port(), &dir, &["--logfile", &log]);
        server.wait_ready();
        server
    }

    /// Ends a server, by a clean stop or a kill.
    fn end(&self, mut server: TestServer, orderly: bool) {
        match orderly {
            true => assert_eq!(server.stop().code(), Some(i32::from(exit::OK)), "{}", self.said()),
            false => server.kill(),
        }
        FakeClock::clean_up(server.pid());
    }

    /// Waits until the server log has these words.
    fn wait_until_said(&self, words: &str) {
        eventually(words, || self.said().contains(words));
    }
}

fn ok(client: &mut Client, line: &str) {
    assert_eq!(client.run(line), Value::Simple("OK".into()), "{line}");
}

fn integer(reply: Value) -> i64 {
    match reply {
        Value::Integer(number) => number,
        Value::Array(mut all) if all.len() == 1 => integer(all.remove(0)),
        other => panic!("{other:?} is no integer"),
    }
}

/// The server's time in seconds.
fn time(client: &mut Client) -> i64 {
    let Value::Array(parts) = client.run("TIME") else { panic!("TIME answers an array") };
    parts[0].text().parse().unwrap()
}

/// `clock_ahead_ms` of the server.
fn ahead_ms(client: &mut Client) -> i64 {
    let info = client.run("INFO durability").text();
    let line = info.lines().find_map(|line| line.strip_prefix("clock_ahead_ms:"));
    line.expect("INFO has clock_ahead_ms").parse().unwrap()
}

/// Gives keys and fields absolute expiration times `left_s` seconds from now, by all commands that can; all must exist.
fn assert_absolute_expiries_hold(client: &mut Client, left_s: i64) {
    let s = time(client) + left_s;
    let ms = s * 1000;
    ok(client, &format!("SET exat v EXAT {s}"));
    ok(client, &format!("SET pxat v PXAT {ms}"));
    for key in ["expireat", "pexpireat", "getex"] {
        ok(client, &format!("SET {key} v"));
    }
    assert_eq!(integer(client.run(&format!("EXPIREAT expireat {s}"))), 1);
    assert_eq!(integer(client.run(&format!("PEXPIREAT pexpireat {ms}"))), 1);
    assert_eq!(client.run(&format!("GETEX getex EXAT {s}")).text(), "v");
    assert!(matches!(client.run("HSET hash a 1 b 2"), Value::Integer(_)));
    assert_eq!(integer(client.run(&format!("HEXPIREAT hash {s} FIELDS 1 a"))), 1);
    assert_eq!(integer(client.run(&format!("HPEXPIREAT hash {ms} FIELDS 1 b"))), 1);
    for key in ["exat", "pxat", "expireat", "pexpireat", "getex"] {
        assert_eq!(client.run(&format!("GET {key}")).text(), "v", "{key}");
        let ttl = integer(client.run(&format!("TTL {key}")));
        assert!((left_s - 60..=left_s).contains(&ttl), "{key}: {ttl} of {left_s}");
        assert_eq!(integer(client.run(&format!("EXPIRETIME {key}"))), s, "{key}");
    }
    for field in ["a", "b"] {
        assert_eq!(integer(client.run(&format!("HEXPIRETIME hash FIELDS 1 {field}"))), s, "{field}");
        let ttl = integer(client.run(&format!("HTTL hash FIELDS 1 {field}")));
        assert!((left_s - 60..=left_s).contains(&ttl), "{field}: {ttl}");
    }
}

#[test]
fn a_clock_that_was_ahead_once_is_told_and_breaks_no_expiry() {
    let place = Place::new();
    for orderly in [true, false] {
        let server = place.start(TEN_YEARS);
        let mut client = server.client();
        ok(&mut client, "SET k v");
        assert_absolute_expiries_hold(&mut client, HOUR);
        place.end(server, orderly);

        let server = place.start(0);
        let mut client = server.client();
        assert_absolute_expiries_hold(&mut client, HOUR);
        ok(&mut client, "SET relative v EX 100");
        assert!((40..=100).contains(&integer(client.run("TTL relative"))));
        ok(&mut client, "SET short v PX 30");
        eventually("a short deadline passes", || client.run("GET short") == Value::Null);
        place.wait_until_said("is ahead of the system's clock");
        let ahead = ahead_ms(&mut client);
        assert!((TEN_YEARS - DAY..=TEN_YEARS).contains(&(ahead / 1000)), "{ahead}");
        // This stores the present time.
        ok(&mut client, "SAVE");
        eventually("the stored time is right", || ahead_ms(&mut client) == 0);
        place.end(server, orderly);

        let server = place.start(0);
        assert_absolute_expiries_hold(&mut server.client(), HOUR);
        assert_eq!(ahead_ms(&mut server.client()), 0);
        assert!(!place.said().contains("is ahead of the system's clock"), "{}", place.said());
        place.end(server, orderly);
    }
}

#[test]
fn a_clock_that_is_behind_after_a_restart_brings_nothing_back() {
    let place = Place::new();
    for (orderly, back) in [(true, -HOUR), (false, -DAY), (false, -TEN_YEARS)] {
        let server = place.start(0);
        let mut client = server.client();
        ok(&mut client, "SET gone v PX 30");
        ok(&mut client, "SET there v EX 1000");
        assert!(matches!(client.run("HSET hash gone 1 there 2"), Value::Integer(_)));
        assert_eq!(integer(client.run("HPEXPIRE hash 30 FIELDS 1 gone")), 1);
        let now = time(&mut client);
        eventually("the key expires", || client.run("GET gone") == Value::Null);
        eventually("the field expires", || client.run("HGET hash gone") == Value::Null);
        // The deletion was in the log before a client learned of it.
        place.end(server, orderly);

        let server = place.start(back);
        let mut client = server.client();
        assert_eq!(client.run("GET gone"), Value::Null);
        assert_eq!(client.run("HGET hash gone"), Value::Null);
        assert_eq!(client.run("GET there").text(), "v");
        assert!((now..now + 1100).contains(&integer(client.run("EXPIRETIME there"))));
        assert_absolute_expiries_hold(&mut client, HOUR);
        place.end(server, orderly);
        let _ = fs::remove_dir_all(place.root.path().join("data"));
    }
}

#[test]
fn a_clock_that_is_set_back_while_the_server_runs_lengthens_no_relative_expiry() {
    let place = Place::new();
    for (from, to) in [(0, -HOUR), (TEN_YEARS, 0)] {
        let server = place.start(from);
        let mut client = server.client();
        ok(&mut client, "SET lock me PX 3000");
        ok(&mut client, "SET renewed v PX 10000");
        ok(&mut client, "SET far v EX 100000");
        assert!(matches!(client.run("HSET hash short 1 far 2"), Value::Integer(_)));
        let start = Instant::now();
        assert_eq!(integer(client.run("HPEXPIRE hash 3000 FIELDS 1 short")), 1);
        place.clock.set(to);
        place.wait_until_said("was set back");
        // Expiration times set from now on follow the new clock.
        assert_eq!(integer(client.run("EXPIRE renewed 1000")), 1);
        ok(&mut client, "SET later v EX 1000");
        assert_absolute_expiries_hold(&mut client, 2 * HOUR);
        eventually("the lock is free", || client.run("GET lock") == Value::Null);
        eventually("the field is gone", || client.run("HGET hash short") == Value::Null);
        assert!(start.elapsed() >= Duration::from_millis(2900), "not earlier: {:?}", start.elapsed());
        for key in ["renewed", "later"] {
            let ttl = integer(client.run(&format!("TTL {key}")));
            assert!((900..=1000).contains(&ttl), "{key}: {ttl}");
        }
        assert_eq!(client.run("HGET hash far").text(), "2");
        assert_eq!(client.run("GET far").text(), "v");
        place.end(server, false);

        let server = place.start(to);
        let mut client = server.client();
        assert_eq!(client.run("GET lock"), Value::Null);
        assert!((800..=1000).contains(&integer(client.run("TTL later"))));
        assert_absolute_expiries_hold(&mut client, HOUR);
        place.end(server, true);
        let _ = fs::remove_dir_all(place.root.path().join("data"));
    }
}

/// Commands that set the expiration time that the key or field already has; `T` is that time in seconds. The value is in
/// `KEY`, or in its field `f`.
const AGAIN: [(&str, &[&str]); 11] = [
    ("set", &["SET KEY new EXAT T"]),
    ("pxat", &["SET KEY new PXAT T000"]),
    ("transaction", &["MULTI", "SET KEY new EXAT T", "EXEC"]),
    ("expireat", &["EXPIREAT KEY T"]),
    ("getex", &["GETEX KEY EXAT T"]),
    ("deleted", &["DEL KEY", "SET KEY new", "PEXPIREAT KEY T000"]),
    ("renamed", &["SET other new EXAT T", "RENAME other KEY"]),
    ("copied", &["SET source new EXAT T", "COPY source KEY REPLACE"]),
    ("hexpireat", &["HEXPIREAT KEY T FIELDS 1 f"]),
    ("hsetex", &["HSETEX KEY EXAT T FIELDS 1 f 2"]),
    ("hgetex", &["HGETEX KEY EXAT T FIELDS 1 f"]),
];

/// Commands that change a value and keep its expiration time.
const KEPT: [(&str, &str); 7] = [
    ("incr", "INCR KEY"),
    ("incrbyfloat", "INCRBYFLOAT KEY 1"),
    ("append", "APPEND KEY 1"),
    ("keepttl", "SET KEY 2 KEEPTTL"),
    ("hincrby", "HINCRBY KEY f 1"),
    ("hincrbyfloat", "HINCRBYFLOAT KEY f 1"),
    ("hsetex-keepttl", "HSETEX KEY KEEPTTL FIELDS 1 f 2"),
];

/// Makes a key, or a field of a hash, with an expiration time.
fn make_until(client: &mut Client, key: &str, second: i64) {
    if key.starts_with('h') {
        assert_eq!(client.run(&format!("HSET {key} f 1 g 1")), Value::Integer(2));
        assert_eq!(integer(client.run(&format!("HEXPIREAT {key} {second} FIELDS 1 f"))), 1);
    } else {
        ok(client, &format!("SET {key} 1 EXAT {second}"));
    }
}

/// Seconds that a key, or the field of a hash, has left; below zero if it is gone.
fn left_s(client: &mut Client, key: &str) -> i64 {
    let is_hash = key.starts_with('h');
    integer(client.run(&if is_hash { format!("HTTL {key} FIELDS 1 f") } else { format!("TTL {key}") }))
}

#[test]
fn an_expiry_that_is_given_again_after_the_clock_was_set_back_follows_the_clock() {
    let place = Place::new();
    let server = place.start(0);
    let mut client = server.client();
    let until = time(&mut client) + 15;
    let all = || AGAIN.iter().map(|(key, _)| *key).chain(KEPT.iter().map(|(key, _)| *key));
    all().for_each(|key| make_until(&mut client, key, until));
    place.clock.set(-HOUR);
    place.wait_until_said("was set back");
    for (key, lines) in AGAIN {
        for line in lines {
            let words = line.split(' ').map(|word| match word {
                "KEY" => key.to_owned(),
                "T" => until.to_string(),
                "T000" => format!("{until}000"),
                other => other.to_owned(),
            });
            let line = words.collect::<Vec<_>>().join(" ");
            let reply = client.run(&line);
            assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
        }
    }
    for (key, line) in KEPT {
        let reply = client.run(&line.replace("KEY", key));
        assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
    }
    for (key, _) in KEPT {
        eventually(&format!("{key} is gone"), || left_s(&mut client, key) < 0);
    }
    // Now everything noted has expired; it is deleted within a few ticks.
    std::thread::sleep(Duration::from_millis(1100));
    for (key, _) in AGAIN {
        let left = left_s(&mut client, key);
        assert!((HOUR - 120..=HOUR + 15).contains(&left), "{key}: {left}");
    }
    place.clock.set(0);
    for (key, _) in AGAIN {
        eventually(&format!("{key} is gone"), || left_s(&mut client, key) < 0);
    }
    place.end(server, true);
}

#[test]
fn what_expired_while_the_clock_was_ahead_for_a_moment_stays_gone() {
    let place = Place::new();
    let server = place.start(0);
    let mut client = server.client();
    let until = time(&mut client) + HOUR;
    ok(&mut client, "SET session v EX 1000");
    ok(&mut client, &format!("SET until v EXAT {until}"));
    ok(&mut client, "SET for-ever v");
    place.clock.set(TEN_YEARS);
    eventually("it expires", || client.run("GET session") == Value::Null);
    place.clock.set(0);
    place.wait_until_said("was set back");
    assert_eq!(client.run("GET session"), Value::Null);
    assert_eq!(client.run("GET for-ever").text(), "v");
    assert_absolute_expiries_hold(&mut client, HOUR);
    eventually("the clock is followed", || ahead_ms(&mut client) > 0);
    place.end(server, false);
    let server = place.start(0);
    assert_eq!(server.client().run("GET session"), Value::Null);
    assert_absolute_expiries_hold(&mut server.client(), HOUR);
    place.end(server, true);
}
