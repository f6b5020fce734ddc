//! Conditions of `EXEC`, against the real binary: a transaction runs if all of them hold, and is discarded if not.

mod common;

use common::{Client, TestServer, Value, eventually};

/// A server on a directory of its own.
fn start() -> (tempfile::TempDir, TestServer) {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    (root, server)
}

/// Runs a transaction that sets the key `done` to `mark`; what `exec` replies.
fn transaction(client: &mut Client, mark: &str, exec: &str) -> Value {
    assert_eq!(client.run("MULTI"), Value::Simple("OK".into()));
    assert_eq!(client.run(&format!("SET done {mark}")), Value::Simple("QUEUED".into()));
    client.run(exec)
}

#[test]
fn a_transaction_runs_if_all_its_conditions_hold() {
    let (_root, server) = start();
    let mut client = server.client();
    let long = "v".repeat(50_000);
    for line in ["SET ver 1", "SET empty {}", "SADD set a", &format!("SET long {long}"), "SET past v PX 1"] {
        client.command(
            &line
                .split(' ')
                .map(|word| if word == "{}" { &b""[..] } else { word.as_bytes() })
                .collect::<Vec<_>>(),
        );
    }
    eventually("the key expires", || client.run("TTL past") == Value::Integer(-2));
    let (held, other) = (format!("EXEC IFEQ long {long}"), format!("EXEC IFNE long {long}"));
    let cases = [
        ("EXEC IFEQ ver 1", true),
        ("EXEC ifeq ver 2", false),
        ("EXEC IFEQ none 1", false),
        ("EXEC IFNE ver 2", true),
        ("EXEC IFNE ver 1", false),
        ("EXEC IFNE none 1", true),
        ("EXEC IFNE empty x", true),
        ("EXEC NX none", true),
        ("EXEC NX ver", false),
        ("EXEC NX set", false),
        ("EXEC XX ver", true),
        ("exec xx set", true),
        ("EXEC XX none", false),
        ("EXEC NX past", true),
        ("EXEC XX past", false),
        ("EXEC IFEQ ver 1 NX none XX set IFNE ver 2", true),
        ("EXEC IFEQ ver 1 NX none XX none IFNE ver 2", false),
        ("EXEC NX nx XX xx", false),
        (&held, true),
        (&other, false),
    ];
    for protocol in ["2", "3"] {
        client.run(&format!("HELLO {protocol}"));
        for (number, (exec, runs)) in cases.iter().enumerate() {
            client.run("SET done before");
            let reply = transaction(&mut client, &number.to_string(), exec);
            let expected = if *runs { Value::Array(vec![Value::Simple("OK".into())]) } else { Value::Null };
            assert_eq!(reply, expected, "{exec:.60}");
            let done = if *runs { number.to_string() } else { "before".into() };
            assert_eq!(client.run("GET done").text(), done, "{exec:.60}");
            assert_eq!(client.run("EXEC"), Value::Error("ERR EXEC without MULTI".into()), "{exec:.60}");
        }
    }
}

#[test]
fn a_transaction_with_a_wrong_condition_is_discarded() {
    let (_root, server) = start();
    let mut client = server.client();
    client.run("SADD set a");
    let wrong_type = "WRONGTYPE Operation against a key holding the wrong kind of value";
    let wrong_words = "EXECABORT Transaction discarded because of: invalid check condition syntax";
    for (exec, error) in [
        ("EXEC IFEQ set a", wrong_type),
        ("EXEC XX set IFNE set a", wrong_type),
        ("EXEC IFEQ key", wrong_words),
        ("EXEC IFEQ", wrong_words),
        ("EXEC NX", wrong_words),
        ("EXEC XX set NX", wrong_words),
        ("EXEC IFDEQ set a", wrong_words),
        ("EXEC now", wrong_words),
    ] {
        assert_eq!(transaction(&mut client, "1", exec), Value::Error(error.into()), "{exec}");
        assert_eq!(client.run("EXISTS done"), Value::Integer(0), "{exec}");
        assert_eq!(client.run("EXEC"), Value::Error("ERR EXEC without MULTI".into()), "{exec}");
    }
    assert_eq!(client.run("EXEC NX done"), Value::Error("ERR EXEC without MULTI".into()));
    client.run("MULTI");
    client.run("NOTHING");
    let aborted = "EXECABORT Transaction discarded because of previous errors.";
    assert_eq!(client.run("EXEC NX done"), Value::Error(aborted.into()));
    assert_eq!(client.run("EXEC NX done"), Value::Error("ERR EXEC without MULTI".into()));
}

#[test]
fn conditions_are_on_the_database_and_the_data_before_the_transaction() {
    let (_root, server) = start();
    let (mut client, mut other) = (server.client(), server.client());
    client.run("SET here 1");
    client.run("MULTI");
    client.run("SELECT 1");
    client.run("SET there 1");
    client.run("DEL here");
    let ok = || Value::Simple("OK".into());
    assert_eq!(
        client.run("EXEC XX here NX there"),
        Value::Array(vec![ok(), ok(), Value::Integer(0)]),
        "the keys are those of the database that is selected at EXEC"
    );
    assert_eq!(client.run("GET there").text(), "1", "the client is in the other database");
    // A watched key ends the transaction too, and is not watched any more after one that did not run.
    client.run("WATCH there");
    client.run("MULTI");
    client.run("SET there 2");
    assert_eq!(client.run("EXEC NX there"), Value::Null);
    other.run("SELECT 1");
    other.run("SET there 3");
    client.run("MULTI");
    client.run("SET there 4");
    assert_eq!(client.run("EXEC IFEQ there 3"), Value::Array(vec![ok()]));
    client.run("WATCH there");
    other.run("SET there 5");
    client.run("MULTI");
    client.run("SET there 6");
    assert_eq!(client.run("EXEC XX there"), Value::Null);
    assert_eq!(client.run("GET there").text(), "5");
}
