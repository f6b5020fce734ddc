//! The writer on the thread that serves connections, and on a thread of its own: what clients see is the same, and it is
//! where it should be.

mod common;

use std::fs;

use common::{Client, TestServer, Value, encode, eventually, threads};

/// Runs that differ in the number of threads.
const RUNS: u64 = 2;
/// Commands of a batch.
const BATCH: u64 = 50;

/// A server on a directory of its own.
fn start(run: u64) -> (tempfile::TempDir, TestServer) {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &flags(run));
    (root, server)
}

fn flags(run: u64) -> Vec<&'static str> {
    [&["--loglevel", "warning"][..], &threads(run)].concat()
}

/// Sends a command and does not wait for its reply.
fn send(client: &mut Client, line: &str) {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    client.send(&encode(&words)).unwrap();
}

/// A number of `INFO`.
fn info(client: &mut Client, name: &str) -> u64 {
    let text = client.run("INFO").text();
    let line = text.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    line.split(':').nth(1).unwrap().trim().parse().unwrap()
}

/// What the kernel says of the writer's own thread; nothing as long as the thread has not named itself.
fn writer_status(server: &TestServer) -> Option<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    tasks
        .map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap_or_default())
        .find(|status| status.starts_with("Name:\twriter\n"))
}

/// How often the writer's own thread went to sleep.
fn rests(server: &TestServer) -> u64 {
    eventually("the writer has a thread", || writer_status(server).is_some());
    let status = writer_status(server).unwrap();
    let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches:")).unwrap();
    line.split(':').nth(1).unwrap().trim().parse().unwrap()
}

/// Runs a batch of commands, one after the other; returns how often the writer's own thread went to sleep.
fn rests_of_batch(server: &TestServer, client: &mut Client) -> u64 {
    let before = rests(server);
    for number in 0..BATCH {
        assert_eq!(client.run(&format!("SET key:{number} value")), Value::Simple("OK".into()));
    }
    rests(server) - before
}

#[test]
fn one_thread_that_serves_connections_runs_the_writer_and_several_do_not() {
    // On a slow disk it does not either.
    let Ok(root) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("SKIPPED: there is no /dev/shm");
        return;
    };
    let server = TestServer::start(&root.path().join("data"), &flags(0));
    let mut client = server.client();
    // On a busy machine the own thread has to help out, but not always.
    eventually("a batch is run by the only thread", || rests_of_batch(&server, &mut client) < BATCH / 2);
    let (_root, server) = start(1);
    let mut client = server.client();
    assert!(rests_of_batch(&server, &mut client) >= BATCH / 2);
}

#[test]
fn blocked_clients_are_served_time_out_and_are_unblocked() {
    for run in 0..RUNS {
        let (_root, server) = start(run);
        let mut other = server.client();
        let mut waiting = server.client();
        assert_eq!(waiting.run("BRPOP q 0.05"), Value::Null);
        let id = waiting.run("CLIENT ID");
        let Value::Integer(id) = id else { panic!("{id:?}") };
        for (how, line) in [("TIMEOUT", None), ("ERROR", None), ("", Some("LPUSH q x"))] {
            send(&mut waiting, "BRPOP q 0");
            eventually("the client is blocked", || info(&mut other, "blocked_clients") == 1);
            match line {
                Some(line) => assert_eq!(other.run(line), Value::Integer(1)),
                None => assert_eq!(other.run(&format!("CLIENT UNBLOCK {id} {how}")), Value::Integer(1)),
            }
            let reply = waiting.reply().unwrap();
            match how {
                "TIMEOUT" => assert_eq!(reply, Value::Null),
                "ERROR" => assert!(matches!(&reply, Value::Error(text) if text.starts_with("UNBLOCKED"))),
                _ => {
                    let popped = ["q", "x"].map(|text| Value::Bulk(text.into()));
                    assert_eq!(reply, Value::Array(popped.into()));
                }
            }
        }
    }
}

#[test]
fn replies_come_in_order_beside_commands_that_take_time() {
    for run in 0..RUNS {
        let (_root, server) = start(run);
        let mut client = server.client();
        let members: Vec<String> = (0..500).map(|number| format!("m{number}")).collect();
        assert_eq!(client.run(&format!("SADD set {}", members.join(" "))), Value::Integer(500));
        std::thread::scope(|scope| {
            for number in 0..4 {
                let mut client = server.client();
                scope.spawn(move || {
                    for round in 0..30_i64 {
                        // Quick ones and others in one pipeline, and in one submission with reads.
                        send(&mut client, &format!("INCR n{number}"));
                        send(&mut client, &format!("SUNIONSTORE to{number} set"));
                        send(&mut client, &format!("GET n{number}"));
                        send(&mut client, &format!("SPOP to{number} 300"));
                        send(&mut client, &format!("SCARD to{number}"));
                        assert_eq!(client.reply().unwrap(), Value::Integer(round + 1));
                        assert_eq!(client.reply().unwrap(), Value::Integer(500));
                        assert_eq!(client.reply().unwrap().text(), (round + 1).to_string());
                        assert!(
                            matches!(client.reply().unwrap(), Value::Array(popped) if popped.len() == 300)
                        );
                        assert_eq!(client.reply().unwrap(), Value::Integer(200));
                    }
                });
            }
        });
    }
}

#[test]
fn what_was_written_by_one_number_of_threads_is_there_for_another_after_an_orderly_stop() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    for life in 0..4 {
        let mut server = TestServer::start(&dir, &flags(life));
        let mut clients: Vec<Client> = (0..10).map(|_| server.client()).collect();
        for client in &mut clients {
            send(client, "INCR lives");
        }
        let mut last = 0;
        for client in &mut clients {
            let Value::Integer(count) = client.reply().unwrap() else { panic!("INCR replies a number") };
            last = last.max(count as u64);
        }
        assert_eq!(last, (life + 1) * 10);
        assert_eq!(clients[0].run("SAVE"), Value::Simple("OK".into()));
        if life % 2 == 0 {
            send(&mut clients[0], "SHUTDOWN");
            assert!(server.wait().success());
        } else {
            assert!(server.stop().success());
        }
    }
}
