//! Directives of the configuration: which values both servers accept, with which errors they refuse others, and which values
//! they show afterwards; at run time and on the command line.
//!
//! Known differences: fixed values of ackd are shown whatever was set; some limits of ackd are narrower; ackd refuses
//! unsupported directives with its own errors.

use std::collections::BTreeMap;
use std::process::Command;

use super::*;

/// Values that are tried with every directive.
const VALUES: &[&str] = &[
    "",
    "x",
    "yes",
    "NO",
    "-1",
    "0",
    "1",
    "05",
    "+5",
    "3",
    "100",
    "1001",
    "65536",
    "99999999999",
    "1kb",
    "2MB",
    "1.5gb",
    "50%",
    "101%",
    "a b",
    "1 2 3",
    "900 1",
    "900 1 x",
    "normal 1 2 3",
    "always",
    "everysec",
    "bogus",
    "noeviction",
    "allkeys-lru",
    "optional",
    "Clients",
    "absolute",
    "now force",
    "save nosave",
    "{title}",
    "{port}x",
    "\u{fc}",
    "KEA",
    "on-empty-db",
    "local",
    "panic",
    "ip",
    "resetchannels",
    "debug",
    "\n",
    " ",
    "x\n",
    "normal\n1 2 3",
    "normal  1 2 3",
    "normal 1 2 3 ",
    "normal 1 2 3\tpubsub 1 2 3",
    "normal 1 2 \n3",
    "normal 1 2 +3",
];

/// Directives that are not tried: in redis-server their effect depends on the machine, or breaks the test.
const LEFT_OUT: &[&str] =
    &["bind", "port", "oom-score-adj", "activedefrag", "maxclients", "requirepass", "masterauth"];

/// Directives whose errors differ, or for which ackd refuses values that redis-server accepts.
const OTHER_WORDS: &[&str] = &["tls-port", "tls-cluster", "tls-replication"];

/// Directives for which redis-server accepts values that ackd cannot have, or ackd accepts more.
const OTHER_VALUES: &[(&str, &[&str])] = &[
    ("proto-max-bulk-len", &["99999999999"]),
    ("client-query-buffer-limit", &["99999999999"]),
    ("loglevel", &[]),
    ("slowlog-max-len", &["99999999999"]),
];

/// Directives with a fixed value in ackd, and how it is shown.
const ALWAYS: &[&str] = &[
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "save",
    "maxmemory",
    "maxmemory-policy",
    "latency-tracking",
    "tls-key-file-pass",
    "tls-client-key-file-pass",
];

/// What a server shows of all directives.
fn shown(client: &mut Client) -> BTreeMap<String, Value> {
    let Value::Array(all) = client.run("CONFIG GET *") else { panic!("CONFIG GET answers with an array") };
    all.chunks(2).map(|pair| (pair[0].text(), pair[1].clone())).collect()
}

/// Sets a directive; returns the reply and, if it was set, the value shown afterwards.
fn try_value(client: &mut Client, name: &str, value: &str) -> (Value, Option<Value>) {
    let reply = client.command(&[b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()]);
    let is_set = reply == Value::Simple("OK".into());
    (reply, is_set.then(|| client.run(&format!("CONFIG GET {name}"))))
}

/// Whether a reply is an error.
fn is_error(reply: &Value) -> bool {
    matches!(reply, Value::Error(_))
}

#[test]
fn values_are_taken_and_refused_as_by_redis() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "nothing"]);
    let reference = Reference::start(root.path());
    let (mut our, mut their) = (server.client(), reference.client());
    let (ours, theirs) = (shown(&mut our), shown(&mut their));
    let missing: Vec<&String> = theirs.keys().filter(|name| !ours.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} are not known");
    let (mut compared, mut differences) = (0, Vec::new());
    for (name, default) in theirs.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str())) {
        let other = OTHER_VALUES.iter().find(|(other, _)| other == name).map(|(_, values)| *values);
        for value in VALUES.iter().filter(|value| !other.is_some_and(|values| values.contains(value))) {
            let (ours, theirs) = (try_value(&mut our, name, value), try_value(&mut their, name, value));
            let same_outcome = is_error(&ours.0) == is_error(&theirs.0);
            let same_words = OTHER_WORDS.contains(&name.as_str()) || other.is_some() || ours.0 == theirs.0;
            let same_shown = ALWAYS.contains(&name.as_str()) || ours.1 == theirs.1;
            let narrow = OTHER_WORDS.contains(&name.as_str()) && is_error(&ours.0);
            if !(narrow || same_outcome && same_words && same_shown) {
                differences.push(format!("{name} {value:?}: {ours:?}, in redis-server {theirs:?}"));
            }
            compared += 1;
        }
        for client in [&mut our, &mut their] {
            try_value(client, name, &default.text());
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(compared > 5000, "{compared} pairs are compared");
}

#[test]
fn several_pairs_are_set_or_none_as_by_redis() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "nothing"]);
    let reference = Reference::start(root.path());
    let (mut our, mut their) = (server.client(), reference.client());
    for line in [
        "CONFIG SET timeout 5 hz x",
        "CONFIG SET hz x timeout 5",
        "CONFIG SET timeout 5 nosuch 1",
        "CONFIG SET nosuch 1 daemonize yes",
        "CONFIG SET daemonize yes nosuch 1",
        "CONFIG SET timeout 5 TIMEOUT 6",
        "CONFIG SET slave-priority 5 replica-priority 6",
        "CONFIG SET timeout 5 appendfsync bogus",
        "CONFIG SET timeout 5 dir /",
        "CONFIG SET timeout 5 bind 203.0.113.7",
        "CONFIG SET bind nonsense timeout 5",
        "CONFIG SET timeout",
        "CONFIG SET timeout 7 tcp-keepalive 9 save",
        "CONFIG SET timeout 7 tcp-keepalive 9",
        "CONFIG GET SLAVE-priority",
        "CONFIG GET hash-max-zip*-value",
        "CONFIG GET nosuch",
        "CONFIG GET timeout",
    ] {
        assert_eq!(our.run(line), their.run(line), "{line}");
        assert_eq!(our.run("CONFIG GET timeout"), their.run("CONFIG GET timeout"), "after {line}");
    }
}

/// The output of a server that was started with a directive, and then one that ends the start.
fn started_with(program: &str, arguments: &[&str], directive: &str) -> String {
    let words = directive.split(' ');
    let mut command = Command::new(program);
    command.args(arguments).args(words).args(["--hz", "wrong"]);
    common::without_settings(&mut command);
    let output = command.output().expect("the server can be started");
    assert_eq!(output.status.code(), Some(1), "{directive}");
    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
}

#[test]
fn the_command_line_is_checked_as_by_redis() {
    for directive in [
        "--appendfsync bogus",
        "--appendfsync no",
        "--maxmemory -1",
        "--maxmemory 1gb",
        "--maxmemory-clients 101%",
        "--maxmemory-clients 10%",
        "--save abc def",
        "--save 900 1",
        "--daemonize maybe",
        "--io-threads 129",
        "--io-threads 4",
        "--lfu-log-factor -1",
        "--oom-score-adj-values 1 2",
        "--shutdown-on-sigterm nosave now",
        "--shutdown-on-sigterm never",
        "--slave-priority x",
        "--hash-max-ziplist-value 1kb",
        "--appendfilename a/b",
        "--dbfilename a/b",
        "--enable-debug-command sometimes",
        "--syslog-facility local9",
        "--repl-diskless-load swapdb",
        "--cluster-announce-hostname a_b",
        "--timeout 05",
        "--port 65536",
        "--unixsocketperm 999",
        "--activerehashing",
    ] {
        let ours = started_with(env!("CARGO_BIN_EXE_ackd"), &["--check-config"], directive);
        let theirs = started_with("redis-server", &[], directive);
        let (our_is_taken, their_is_taken) = (ours.contains("hz: "), theirs.contains(">>> 'hz"));
        assert_eq!(our_is_taken, their_is_taken, "{directive}:\n{ours}\n{theirs}");
    }
}
