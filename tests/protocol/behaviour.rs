//! Behaviour that replies do not show: batching, back-pressure, limits, the end of connections.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use ackd::config::Password;
use ackd::net::Listener;
use ackd::spec;
use ackd::state::{Limits, Logged};

use crate::fake::Fake;
use crate::waiting::eventually;
use crate::wire::{Wire, command};

/// The most keys that are looked up together.
const KEYS_MAX: usize = 128;

#[test]
fn a_pipeline_travels_to_the_writer_in_one_piece() {
    let fake = Fake::start();
    let mut wire = Wire::connect(fake.address);
    wire.send("PING\r\nGET a\r\nSET a 1\r\nGET a\r\nPING\r\nSELECT 1\r\nGET a\r\nSET a 2\r\n");
    wire.expect("+PONG\r\n$-1\r\n+OK\r\n$1\r\n1\r\n+PONG\r\n+OK\r\n$-1\r\n+OK\r\n");
    assert_eq!(*fake.store.submissions.lock().unwrap(), [6]);
}

#[test]
fn reads_alone_do_not_bother_the_writer() {
    let fake = Fake::start();
    fake.store.hold_writer(true);
    let mut wire = Wire::connect(fake.address);
    wire.send("GET a\r\nPING\r\nMGET a b\r\n").expect("$-1\r\n+PONG\r\n*2\r\n$-1\r\n$-1\r\n");
    assert!(fake.store.submissions.lock().unwrap().is_empty());
}

/// Lines as commands in one piece.
fn commands(lines: &[&str]) -> Vec<u8> {
    let words = |line: &&str| command(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>());
    lines.iter().flat_map(words).collect()
}

#[test]
fn the_keys_of_reads_are_looked_up_together_up_to_anything_else() {
    let fake = Fake::start();
    let mut wire = Wire::connect(fake.address);
    let mut looked_ahead = |lines: &[&str], expected: &str| {
        fake.store.looked_ahead.lock().unwrap().clear();
        wire.send(commands(lines)).expect(expected);
        fake.store.looked_ahead.lock().unwrap().clone()
    };
    let none = "$-1\r\n";
    assert_eq!(looked_ahead(&["GET a"], none), []);
    assert_eq!(looked_ahead(&["GET a", "PING"], "$-1\r\n+PONG\r\n"), []);
    assert_eq!(looked_ahead(&["MGET a b"], "*2\r\n$-1\r\n$-1\r\n"), [2]);
    assert_eq!(
        looked_ahead(&["GET a", "MGET b", "GET a", "PING"], "$-1\r\n*1\r\n$-1\r\n$-1\r\n+PONG\r\n"),
        [3]
    );
    let parts = ["GET a", "GET b", "SELECT 1", "GET a", "GET b", "GET c"];
    assert_eq!(looked_ahead(&parts, "$-1\r\n$-1\r\n+OK\r\n$-1\r\n$-1\r\n$-1\r\n"), [2, 3]);
    let wrong = ["GET a", "GET b", "GET", "GET a"];
    let text = "-ERR wrong number of arguments for 'get' command\r\n";
    assert_eq!(looked_ahead(&wrong, &[none, none, text, none].concat()), [2]);
    let transaction = ["MULTI", "GET a", "GET b", "DISCARD"];
    assert_eq!(looked_ahead(&transaction, "+OK\r\n+QUEUED\r\n+QUEUED\r\n+OK\r\n"), []);
    // What follows a write is read by the writer.
    let write = ["GET a", "GET b", "SET a 1", "GET a", "GET b"];
    assert_eq!(looked_ahead(&write, "$-1\r\n$-1\r\n+OK\r\n$1\r\n1\r\n$-1\r\n"), [2]);
    assert_eq!(looked_ahead(&["GET b"; 100], &none.repeat(100)), [64, 36]);
    let many = ["MGET", &" b".repeat(500)].concat();
    let replies = ["*500\r\n", &none.repeat(500), none].concat();
    assert_eq!(looked_ahead(&[&many, "GET b"], &replies), [KEYS_MAX]);
}

#[test]
fn what_comes_after_reads_in_one_piece_is_parsed_once() {
    let fake = Fake::start();
    let mut wire = Wire::connect(fake.address);
    let reads = commands(&["GET a", "GET b"]);
    // Inline commands, whose quotes are decoded in place, also after an array without words.
    for between in ["", "*0\r\n", "*-1\r\n", "\r\n"] {
        let bytes = [&reads, between.as_bytes(), b"ECHO \"a\\x5cx41\"\r\n", &reads].concat();
        wire.send(bytes).expect("$-1\r\n$-1\r\n$5\r\na\\x41\r\n$-1\r\n$-1\r\n");
    }
    // A command that arrives in two parts.
    for cut in 1..reads.len() {
        wire.send([&reads, &reads[..cut]].concat()).expect("$-1\r\n$-1\r\n");
        wire.send(&reads[cut..]).expect("$-1\r\n$-1\r\n");
    }
    wire.send([&reads[..], b"*2\r\n$3\r\nGET\r\n$1\r\naXX"].concat());
    wire.expect("$-1\r\n$-1\r\n-ERR Protocol error").done();
}

/// A client whose last writes, all `SET a 1`, changed nothing.
fn behind_no_ops() -> (Fake, Wire) {
    let fake = Fake::start();
    let mut wire = Wire::connect(fake.address);
    for _ in 0..5 {
        wire.ask("SET a 1", "+OK");
    }
    (fake, wire)
}

#[test]
fn writes_that_change_nothing_soon_need_no_writer() {
    let (fake, mut wire) = behind_no_ops();
    fake.store.hold_writer(true);
    wire.send("SET a 1\r\nSET a 1\r\nPING\r\n").expect("+OK\r\n+OK\r\n+PONG\r\n");
    wire.send("SET a 2\r\nSET a 2\r\n").expect_silence();
    fake.store.hold_writer(false);
    wire.expect("+OK\r\n+OK\r\n").send("SET a 2\r\n").expect("+OK\r\n");
    fake.store.hold_writer(true);
    wire.send("SET a 2\r\n").expect_silence();
    fake.store.hold_writer(false);
    wire.expect("+OK\r\n");
}

#[test]
fn what_changes_nothing_in_an_old_version_is_not_answered_from_there() {
    let (fake, mut wire) = behind_no_ops();
    fake.state.publication.set_behind(true);
    fake.store.hold_writer(true);
    wire.send("SET a 1\r\n").expect_silence();
    fake.store.hold_writer(false);
    wire.expect("+OK\r\n");
    fake.state.publication.set_behind(false);
    fake.store.hold_writer(true);
    wire.send("SET a 1\r\n").expect("+OK\r\n");
    fake.store.hold_writer(false);
}

#[test]
fn who_waits_for_the_disk_holds_nobody_else_up() {
    let fake = Fake::start_with(Limits::default(), 1);
    fake.store.hold_disk(true);
    let mut waits = Wire::connect(fake.address);
    waits.send("PING\r\nGET cold:a\r\nSET cold:a 1\r\nGET cold:a\r\nPING\r\n").expect("+PONG\r\n");
    let mut goes_on = Wire::connect(fake.address);
    goes_on.send("SET a 1\r\nGET a\r\n").expect("+OK\r\n$1\r\n1\r\n");
    assert_eq!(fake.store.fetched.load(SeqCst), 0);
    fake.store.hold_disk(false);
    waits.expect("$-1\r\n+OK\r\n$1\r\n1\r\n+PONG\r\n");
    // Once for the first GET and once for the SET; the commands after the SET go to the writer with it.
    assert_eq!(fake.store.fetched.load(SeqCst), 2);
}

#[test]
fn a_submission_that_was_answered_in_part_is_finished_later() {
    let fake = Fake::start();
    fake.store.out_bytes_max.store(10, SeqCst);
    let mut wire = Wire::connect(fake.address);
    wire.send("SET a 12345678\r\nGET a\r\nPING\r\nGET a\r\nGET a\r\nSET a 2\r\nGET a\r\nGE");
    let value = "$8\r\n12345678\r\n";
    wire.expect(format!("+OK\r\n{value}+PONG\r\n{value}{value}+OK\r\n$1\r\n2\r\n"))
        .send("T a\r\n")
        .expect("$1\r\n2\r\n");
    assert!(fake.store.submissions.lock().unwrap().len() > 2);
}

#[test]
fn a_barrier_waits_for_what_came_before() {
    let fake = Fake::start();
    fake.store.hold_writer(true);
    let mut wire = Wire::connect(fake.address);
    wire.send("SET a 1\r\nSAVE\r\n\"GET\" \"a\"\r\n");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(fake.store.checkpoints.load(SeqCst), 0);
    fake.store.hold_writer(false);
    wire.expect("+OK\r\n+OK\r\n$1\r\n1\r\n");
    assert_eq!(fake.store.checkpoints.load(SeqCst), 1);
}

#[test]
fn a_quoted_line_survives_being_held_back() {
    let fake = Fake::start_debuggable();
    let mut wire = Wire::connect(fake.address);
    wire.send("SET a 1\r\nDEBUG \"sl\\x65ep\" '0.01'\r\nSET \"a \\\" b\" 'x y'\r\nGET 'a \" b'\r\n");
    wire.expect("+OK\r\n+OK\r\n+OK\r\n$3\r\nx y\r\n");
}

#[test]
fn earlier_replies_leave_before_a_command_that_sleeps() {
    let fake = Fake::start_debuggable();
    let mut wire = Wire::connect(fake.address);
    wire.send("SET a 1\r\nPING\r\nDEBUG SLEEP 30\r\nPING\r\n").expect("+OK\r\n+PONG\r\n").expect_silence();
    let mut other = Wire::connect(fake.address);
    other.ask("CLIENT KILL ID 1", ":1");
    wire.expect_closed();
}

#[test]
fn a_reply_that_saw_an_expired_key_waits_for_its_purge() {
    let fake = Fake::start();
    fake.store.put(0, b"stale:a", b"1");
    fake.store.hold_writer(true);
    let mut wire = Wire::connect(fake.address);
    wire.send("PING\r\nGET stale:a\r\nGET b\r\n").expect_silence();
    fake.store.hold_writer(false);
    wire.expect("+PONG\r\n$-1\r\n$-1\r\n");
    assert_eq!(*fake.store.purged.lock().unwrap(), [b"stale:a"]);
    fake.store.put(0, b"stale:a", b"1");
    wire.send("CLIENT REPLY SKIP\r\nGET stale:a\r\nGET b\r\n").expect("$-1\r\n").expect_silence();
}

#[test]
fn who_does_not_read_is_read_up_to_the_limit_of_its_requests() {
    let fake = Fake::start();
    fake.state.limits.set_query_buffer_bytes_max(1 << 20);
    fake.store.put(0, b"k", &vec![b'v'; 10_000]);
    let mut wire = Wire::connect(fake.address);
    let piece = command(&[b"GET", b"k"]);
    let sent = wire.send_until_stuck(&piece, 64 << 20);
    assert!(sent < 64 << 20, "the server took {sent} bytes from a client that does not read");
    let info = fake.state.clients.list()[0].clone();
    assert!(info.reply_bytes() > 0 && info.reply_bytes() < 1 << 20);
    let expected = [b"$10000\r\n", &*vec![b'v'; 10_000], b"\r\n"].concat();
    for _ in 0..sent / piece.len() {
        wire.expect(&expected);
    }
}

#[test]
fn a_pipeline_may_be_sent_whole_before_its_replies_are_read() {
    let fake = Fake::start();
    let mut wire = Wire::connect(fake.address);
    let (text, pieces) = (vec![b't'; 1000], 40_000);
    let piece = command(&[b"ECHO", &text]);
    let mut sent = piece.repeat(pieces);
    sent.extend(b"PING\r\n");
    wire.send(&sent).half_close();
    let info = fake.state.clients.list()[0].clone();
    assert!(info.reply_bytes() < 1 << 20, "{} bytes of replies are held", info.reply_bytes());
    let expected = [b"$1000\r\n", &*text, b"\r\n"].concat();
    for _ in 0..pieces {
        wire.expect(&expected);
    }
    wire.expect("+PONG\r\n").expect_closed();
}

#[test]
fn a_full_queue_stops_readers_and_loses_nothing() {
    let fake = Fake::start();
    fake.store.hold_writer(true);
    let value = vec![b'v'; 100_000];
    let mut wires: Vec<Wire> = (0..40).map(|_| Wire::connect(fake.address)).collect();
    for (number, wire) in wires.iter_mut().enumerate() {
        wire.send(command(&[b"SET", format!("k{number}").as_bytes(), &value]));
    }
    std::thread::sleep(Duration::from_millis(50));
    Wire::connect(fake.address).ask("PING", "+PONG");
    fake.store.hold_writer(false);
    wires.iter_mut().for_each(|wire| wire.expect("+OK\r\n").done());
    for (number, wire) in wires.iter_mut().enumerate() {
        wire.send(format!("GET k{number}\r\n")).expect("$100000\r\n").expect(&value).expect("\r\n");
    }
}

#[test]
fn replies_of_a_burst_of_reads_do_not_pile_up() {
    let fake = Fake::start();
    let mut wire = Wire::connect(fake.address);
    let count = 300;
    wire.send(command(&[b"GETRANGE", b"k", b"0", b"100000"]).repeat(count));
    let expected = [b"$100000\r\n", &*vec![b'x'; 100_000], b"\r\n"].concat();
    (0..count).for_each(|_| wire.expect(&expected).done());
}

#[test]
fn clients_are_listed_and_killed() {
    let fake = Fake::start();
    let mut idle = Wire::connect(fake.address);
    idle.ask("CLIENT ID", ":1");
    let mut other = Wire::connect(fake.address);
    other.ask("SELECT 5", "+OK").ask("CLIENT ID", ":2");
    let infos = fake.state.clients.list();
    assert_eq!(infos.iter().map(|info| (info.id(), info.db())).collect::<Vec<_>>(), [(1, 0), (2, 5)]);
    assert!(infos[0].addr().starts_with("127.0.0.1:") && infos[0].commands() == 1);
    other.ask("CLIENT KILL ID 1", ":1");
    idle.expect_closed();
    other.ask("CLIENT KILL ID 1", ":0");
    other.ask("CLIENT KILL ID 2 SKIPME NO", ":1").expect_closed();
    eventually("all clients are gone", || fake.state.clients.is_empty());
}

#[test]
fn a_client_killed_while_the_writer_has_its_command_gets_nothing() {
    let fake = Fake::start();
    fake.store.hold_writer(true);
    let mut wire = Wire::connect(fake.address);
    wire.send("SET a 1\r\nSET a 2\r\n");
    eventually("the command is with the writer", || {
        fake.state.clients.get(1).is_some_and(|info| info.is_waiting())
    });
    Wire::connect(fake.address).ask("CLIENT KILL ID 1", ":1");
    fake.store.hold_writer(false);
    wire.expect_closed();
    assert!(fake.state.clients.get(1).is_none());
    Wire::connect(fake.address).ask("GET a", "$1\r\n2");
}

#[test]
fn a_pause_holds_writes_or_everything() {
    let fake = Fake::start();
    let (mut admin, mut wire) = (Wire::connect(fake.address), Wire::connect(fake.address));
    admin.ask("CLIENT PAUSE 60000 WRITE", "+OK");
    wire.send("GET a\r\nSET a 1\r\nGET a\r\n").expect("$-1\r\n").expect_silence();
    admin.ask("CLIENT UNPAUSE", "+OK");
    wire.expect("+OK\r\n$1\r\n1\r\n");
    admin.ask("CLIENT PAUSE 60000", "+OK");
    wire.send("GET a\r\n").expect_silence();
    admin.ask("CLIENT UNPAUSE", "+OK");
    wire.expect("$1\r\n1\r\n");
    admin.ask("CLIENT PAUSE 30 WRITE", "+OK");
    wire.ask("SET a 2", "+OK");
}

#[test]
fn without_the_password_little_is_answered() {
    let limits = Limits::default();
    limits.set_unauthenticated_timeout_s(0);
    let fake = Fake::start_with(limits, 2);
    let password = Password::digest_of(&[b'p'; 32]);
    fake.state.users.default_user().set_password_digest(Some(password));
    let mut wire = Wire::connect(fake.address);
    wire.ask("PING", "-NOAUTH Authentication required.");
    wire.ask("SET a 1", "-NOAUTH Authentication required.");
    wire.ask("nosuch", "-ERR unknown command 'nosuch', with args beginning with: ");
    wire.ask("GET", "-ERR wrong number of arguments for 'get' command");
    wire.ask("AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled.");
    let password = "p".repeat(32);
    wire.send(format!("AUTH {password}\r\nSET a 1\r\nGET a\r\n")).expect("+OK\r\n+OK\r\n$1\r\n1\r\n");
    wire.send("*11\r\n".to_owned() + &"$1\r\na\r\n".repeat(11));
    wire.expect(
        "-ERR unknown command 'a', with args beginning with: 'a' 'a' 'a' 'a' 'a' 'a' 'a' 'a' 'a' 'a' \r\n",
    );

    let refused = |sent: &str, text: &str| {
        let mut wire = Wire::connect(fake.address);
        wire.send(sent).expect(format!("-ERR Protocol error: {text}\r\n")).expect_closed();
    };
    refused("*11\r\n", "unauthenticated multibulk length");
    refused("*2\r\n$16385\r\n", "unauthenticated bulk length");
    let mut wire = Wire::connect(fake.address);
    let word = [b"$16384\r\n", &*vec![b'x'; 16_384], b"\r\n"].concat();
    wire.send(b"*10\r\n")
        .send(&word)
        .send(&word)
        .send(&word)
        .send(&word[..16_000])
        .send(&word[16_000..])
        .expect_closed();
}

#[test]
fn who_gives_no_password_in_time_is_closed() {
    let limits = Limits::default();
    limits.set_unauthenticated_timeout_s(0);
    let fake = Fake::start_with(limits, 2);
    let password = Password::digest_of(&[b'p'; 32]);
    fake.state.users.default_user().set_password_digest(Some(password));
    let (mut silent, mut known) = (Wire::connect(fake.address), Wire::connect(fake.address));
    known.ask(&format!("AUTH {}", "p".repeat(32)), "+OK");
    fake.state.limits.set_unauthenticated_timeout_s(1);
    silent.send("*1\r\n$4\r\nPI").expect_closed();
    known.ask("PING", "+PONG");
}

#[test]
fn idle_clients_are_closed_when_asked_for() {
    let fake = Fake::start();
    let mut wire = Wire::connect(fake.address);
    wire.ask("PING", "+PONG");
    fake.state.limits.set_timeout_s(1);
    wire.expect_closed();
}

#[test]
fn more_clients_than_allowed_are_told_so() {
    let limits = Limits::default();
    limits.set_clients_max(2);
    let fake = Fake::start_with(limits, 2);
    let (mut first, mut second) = (Wire::connect(fake.address), Wire::connect(fake.address));
    first.ask("PING", "+PONG");
    second.ask("PING", "+PONG");
    let mut third = Wire::connect(fake.address);
    third.expect("-ERR max number of clients reached\r\n").expect_closed();
    drop(first);
    eventually("a place is free", || fake.state.clients.len() == 1);
    Wire::connect(fake.address).ask("PING", "+PONG");
    assert_eq!(fake.state.stats.totals().connections_rejected, 1);
}

#[test]
fn what_was_taken_is_answered_before_the_server_stops() {
    let fake = Fake::start();
    fake.store.hold_writer(true);
    let (mut busy, mut idle) = (Wire::connect(fake.address), Wire::connect(fake.address));
    idle.ask("PING", "+PONG");
    busy.send("SET a 1\r\nGET a\r\n");
    eventually("the command is with the writer", || {
        fake.state.clients.list().iter().any(|info| info.is_waiting())
    });
    Wire::connect(fake.address).send("PING\r\nSHUTDOWN\r\nPING\r\n").expect("+PONG\r\n").expect_closed();
    idle.expect_closed();
    fake.store.hold_writer(false);
    busy.expect("+OK\r\n$1\r\n1\r\n").expect_closed();
}

#[test]
fn unix_sockets_serve_too() {
    use std::io::{Read, Write};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ackd.sock");
    let fake = Fake::start_on(Limits::default(), 1, vec![Listener::unix(&path, Some(0o700), 16).unwrap()]);
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    stream.write_all(b"SET a 1\r\nGET a\r\nQUIT\r\n").unwrap();
    let mut replies = String::new();
    stream.read_to_string(&mut replies).unwrap();
    assert_eq!(replies, "+OK\r\n$1\r\n1\r\n+OK\r\n");
    drop(fake);
    assert!(!path.exists());
}

#[test]
fn everything_is_counted() {
    let fake = Fake::start();
    let mut wire = Wire::connect(fake.address);
    wire.send("SET a x\r\nGET a\r\nGET a\r\nINCR a\r\nGET\r\nnosuch\r\n");
    wire.expect("+OK\r\n$1\r\nx\r\n$1\r\nx\r\n-ERR value is not an integer or out of range\r\n");
    wire.expect("-ERR wrong number of arguments for 'get' command\r\n");
    wire.expect("-ERR unknown command 'nosuch', with args beginning with: \r\n");
    let stats = &fake.state.stats;
    let get = stats.command(spec::GET.id).unwrap();
    assert_eq!((get.calls, get.rejected, get.failed), (2, 1, 0));
    assert_eq!(stats.command(spec::INCR.id).map(|totals| (totals.calls, totals.failed)), Some((1, 1)));
    assert_eq!(stats.errors(), [("ERR".to_owned(), 2)]);
    let totals = stats.totals();
    assert_eq!((totals.connections_received, totals.commands), (1, 4));
    assert_eq!(totals.net_in_bytes, 44);
}

#[test]
fn slow_commands_are_kept() {
    let fake = Fake::start();
    fake.state.limits.set_slowlog_slower_than_us(0);
    let mut wire = Wire::connect(fake.address);
    wire.ask("GET a", "$-1");
    let records = fake.state.command_logs.of(Logged::Slow).newest(10);
    assert_eq!(records[0].words, [b"GET".to_vec(), b"a".to_vec()]);
    assert!(records[0].addr.starts_with("127.0.0.1:"));
}

#[test]
fn broken_connections_leave_nothing_behind() {
    let fake = Fake::start();
    for round in 0..50 {
        let mut wire = Wire::connect(fake.address);
        wire.send(&command(&[b"SET", b"a", b"12345"])[..round % 30]);
    }
    eventually("all clients are gone", || fake.state.clients.is_empty());
    Wire::connect(fake.address).ask("GET a", "$-1");
}
