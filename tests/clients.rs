//! Clients that people use, unchanged, against the real binary: the `redis` crate, redis-cli and redis-benchmark.

mod common;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{PATIENCE, TestServer};
use redis::{
    Commands, Connection, ConnectionLike, ErrorKind, ExistenceCheck, Expiry, IntoConnectionInfo,
    ProtocolVersion, RedisConnectionInfo, RedisResult, SetExpiry, SetOptions,
};

/// A server in a directory of its own.
fn server(flags: &[&str]) -> (tempfile::TempDir, TestServer) {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), flags);
    (root, server)
}

/// A client of the `redis` crate.
fn open(server: &TestServer, settings: RedisConnectionInfo) -> redis::Client {
    let info = format!("redis://127.0.0.1:{}/", server.port).into_connection_info().unwrap();
    redis::Client::open(info.set_redis_settings(settings)).unwrap()
}

fn connect(server: &TestServer) -> Connection {
    open(server, RedisConnectionInfo::default()).get_connection().unwrap()
}

/// The code and the text of an error reply.
fn refused<T: std::fmt::Debug>(result: RedisResult<T>) -> String {
    let error = result.unwrap_err();
    format!("{} {}", error.code().unwrap_or_default(), error.detail().unwrap_or_default())
}

#[test]
fn errors_are_counted_whoever_runs_the_command() {
    let (_root, server) = server(&[]);
    let mut client = server.client();
    client.run("SET s x");
    client.run("CONFIG RESETSTAT");
    let failing = ["HGET s f", "LPUSH s x", "HGETALL s", "ZSCORE s m", "BLPOP s 0"];
    for line in failing.repeat(3) {
        assert!(matches!(client.run(line), common::Value::Error(_)), "{line}");
    }
    // After a write in the pipeline, the writer also runs the reads, and those of a transaction.
    let pipeline = ["SET other 1", "HGET s f", "MULTI", "HGET s f", "LPUSH s x", "EXEC"];
    for line in pipeline {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        client.send(&common::encode(&words)).unwrap();
    }
    pipeline.iter().for_each(|_| drop(client.reply().unwrap()));
    let text =
        ["INFO stats", "INFO commandstats", "INFO errorstats"].map(|line| client.run(line).text()).concat();
    for expected in ["errorstat_WRONGTYPE:count=18\r\n", "total_error_replies:18\r\n"] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
    for (name, failed) in [("hget", 5), ("lpush", 4), ("hgetall", 3), ("zscore", 3), ("blpop", 3)] {
        let line = text.lines().find(|line| line.starts_with(&format!("cmdstat_{name}:"))).unwrap();
        assert!(line.ends_with(&format!("failed_calls={failed}")), "{line}");
    }
}

#[test]
fn writes_refused_for_lack_of_space_are_counted_as_errors() {
    let (_root, server) = server(&["--table-max-size", "16mb"]);
    let mut client = server.client();
    let value = vec![b'v'; 500_000];
    let refused = (0..100)
        .map(|number| client.command(&[b"SET", format!("k{number}").as_bytes(), &value]))
        .filter(|reply| matches!(reply, common::Value::Error(text) if text.starts_with("MISCONF ")))
        .count();
    assert!(refused > 10, "{refused} writes were refused");
    let text = client.run("INFO errorstats").text();
    assert!(text.contains(&format!("errorstat_MISCONF:count={refused}\r\n")), "{refused}: {text}");
}

#[test]
fn both_protocols_serve_the_redis_crate() {
    let (_root, server) = server(&[]);
    for (protocol, number) in [(ProtocolVersion::RESP2, 2), (ProtocolVersion::RESP3, 3)] {
        let settings = RedisConnectionInfo::default().set_protocol(protocol).set_db(number);
        let mut client = open(&server, settings).get_connection().unwrap();
        let info: String = redis::cmd("CLIENT").arg("INFO").query(&mut client).unwrap();
        for field in [format!("resp={number} "), format!("db={number} "), "lib-name=redis-rs ".into()] {
            assert!(info.contains(&field), "{field} is missing in {info}");
        }
        strings(&mut client);
        pipelines(&mut client);
        errors(&mut client);
        assert_eq!(redis::cmd("DBSIZE").query::<u32>(&mut client).unwrap(), 6);
    }
    let mut client = connect(&server);
    assert_eq!(client.get::<_, Option<String>>("text").unwrap(), None, "each database has keys of its own");
    redis::cmd("SELECT").arg(3).exec(&mut client).unwrap();
    assert_eq!(client.get::<_, String>("text").unwrap(), "new");
}

/// Reads and writes with their options.
fn strings(client: &mut Connection) {
    let missing: Option<String> = client.get("text").unwrap();
    assert_eq!(missing, None);
    let only_new = SetOptions::default().conditional_set(ExistenceCheck::NX);
    let only_old = SetOptions::default().conditional_set(ExistenceCheck::XX);
    assert!(!client.set_options::<_, _, bool>("text", "old", only_old.clone()).unwrap());
    assert!(client.set_options::<_, _, bool>("text", "old", only_new.clone()).unwrap());
    assert!(!client.set_options::<_, _, bool>("text", "new", only_new).unwrap());
    let and_get = only_old.get(true).with_expiration(SetExpiry::EX(100));
    assert_eq!(client.set_options::<_, _, String>("text", "new", and_get).unwrap(), "old");
    assert!((99..=100).contains(&client.ttl::<_, i64>("text").unwrap()));
    assert_eq!(client.get_ex::<_, String>("text", Expiry::PERSIST).unwrap(), "new");
    assert_eq!(client.ttl::<_, i64>("text").unwrap(), -1);

    let key: Vec<u8> = (0..=255).collect();
    let value: Vec<u8> = key.iter().rev().copied().cycle().take(5000).collect();
    client.set::<_, _, ()>(&key, &value).unwrap();
    assert_eq!(client.get::<_, Vec<u8>>(&key).unwrap(), value);
    assert_eq!(client.getrange::<_, Vec<u8>>(&key, -3, -1).unwrap(), &value[4997..]);
    client.set::<_, _, ()>("", "").unwrap();
    assert_eq!(client.get::<_, Option<String>>("").unwrap(), Some(String::new()));
}

/// Many commands at once, their replies in order.
fn pipelines(client: &mut Connection) {
    let mut pipeline = redis::pipe();
    pipeline.mset(&[("one", 1), ("two", 2)]).ignore();
    (0..1000).for_each(|_| {
        pipeline.incr("count", 1);
    });
    pipeline.mget(&["two", "nothing", "one"]);
    let mut replies: Vec<redis::Value> = pipeline.query(client).unwrap();
    let last: Vec<Option<u32>> = redis::from_redis_value(replies.pop().unwrap()).unwrap();
    assert_eq!(last, [Some(2), None, Some(1)]);
    let counted: Vec<u32> =
        replies.into_iter().map(|reply| redis::from_redis_value(reply).unwrap()).collect();
    assert_eq!(counted, (1..=1000).collect::<Vec<_>>());
}

/// Errors as the crate tells them apart.
fn errors(client: &mut Connection) {
    assert_eq!(refused(client.incr::<_, _, i64>("text", 1)), "ERR value is not an integer or out of range");
    let unknown = refused(redis::cmd("NOSUCH").arg("a").query::<()>(client));
    assert!(unknown.starts_with("ERR unknown command 'NOSUCH'"), "{unknown}");
    let long = vec![b'k'; 70_000];
    assert!(refused(client.set::<_, _, ()>(&long, 1)).contains("key is too long"));
    client.set::<_, _, ()>(&long[..65_528], 1).unwrap();
    client.del::<_, ()>(&long[..65_528]).unwrap();
    assert!(client.check_connection(), "the connection goes on after errors");
}

#[test]
fn a_scan_finds_every_key_once_it_is_there_throughout() {
    let (_root, server) = server(&[]);
    let mut client = connect(&server);
    let keys: BTreeSet<Vec<u8>> =
        (0..3000_u32).map(|number| [b"key:", &number.to_be_bytes()[..]].concat()).collect();
    let mut pipeline = redis::pipe();
    keys.iter().for_each(|key| {
        pipeline.set(key, 0).ignore();
    });
    pipeline.set("another", 0).exec(&mut client).unwrap();
    let mut other = connect(&server);
    let mut found = BTreeSet::new();
    for key in client.scan_match::<_, Vec<u8>>("key:*").unwrap() {
        found.insert(key.unwrap());
        other.set::<_, _, ()>("another", found.len()).unwrap();
    }
    assert_eq!(found, keys);
    let all: Vec<Vec<u8>> = client.scan().unwrap().collect::<RedisResult<_>>().unwrap();
    assert!(all.contains(&b"another".to_vec()));
}

#[test]
fn a_value_of_20_mb_goes_in_and_out_and_through_a_restart() {
    let (root, mut server) = server(&[]);
    let value: Vec<u8> = (0..20_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut client = connect(&server);
    client.set::<_, _, ()>("big", &value).unwrap();
    assert_eq!(client.append::<_, _, usize>("big", b"end").unwrap(), value.len() + 3);
    assert!(client.get::<_, Vec<u8>>("big").unwrap().starts_with(&value));
    server.kill();
    let server = TestServer::start(&root.path().join("data"), &[]);
    let mut client = connect(&server);
    assert_eq!(client.strlen::<_, usize>("big").unwrap(), value.len() + 3);
    let there: Vec<u8> = client.get("big").unwrap();
    assert!(there[..value.len()] == value && there.ends_with(b"end"), "the value is another after a restart");
}

#[test]
fn a_password_is_asked_for_and_taken() {
    let (_root, server) = server(&["--requirepass", "open sesame"]);
    for protocol in [ProtocolVersion::RESP2, ProtocolVersion::RESP3] {
        let settings = || RedisConnectionInfo::default().set_protocol(protocol);
        let wrong = open(&server, settings().set_password("wrong")).get_connection();
        let error = wrong.err().unwrap();
        let told = error.kind() == ErrorKind::AuthenticationFailed || error.code() == Some("WRONGPASS");
        assert!(told, "{protocol:?}: {error:?}");
        let right = settings().set_password("open sesame").set_db(5);
        let mut client = open(&server, right).get_connection().unwrap();
        client.set::<_, _, ()>("a", 1).unwrap();
        let user = settings().set_username("default").set_password("open sesame");
        assert!(open(&server, user).get_connection().unwrap().check_connection());
    }
    let mut client = connect(&server);
    assert_eq!(refused(client.get::<_, ()>("a")), "NOAUTH Authentication required.");
}

#[test]
fn a_key_is_gone_after_its_time() {
    let (root, mut server) = server(&[]);
    let mut client = connect(&server);
    client.pset_ex::<_, _, ()>("short", "x", 50).unwrap();
    client.set_ex::<_, _, ()>("long", "x", 1000).unwrap();
    client.set::<_, _, ()>("none", "x").unwrap();
    std::thread::sleep(Duration::from_millis(80));
    assert_eq!(client.get::<_, Option<String>>("short").unwrap(), None);
    client.pset_ex::<_, _, ()>("while down", "x", 20).unwrap();
    server.kill();
    std::thread::sleep(Duration::from_millis(40));
    let server = TestServer::start(&root.path().join("data"), &[]);
    let mut client = connect(&server);
    assert_eq!(client.exists::<_, u32>(&["short", "while down"]).unwrap(), 0);
    assert!((900..=1000).contains(&client.ttl::<_, i64>("long").unwrap()));
    assert_eq!(client.ttl::<_, i64>("none").unwrap(), -1);
}

#[test]
fn a_client_connects_again_after_a_sigkill() {
    let (root, mut server) = server(&[]);
    let client = open(&server, RedisConnectionInfo::default());
    let mut connection = client.get_connection().unwrap();
    connection.set::<_, _, ()>("a", 1).unwrap();
    server.kill();
    let error = connection.get::<_, u32>("a").unwrap_err();
    assert!(error.is_connection_dropped(), "{error:?}");
    assert!(client.get_connection().err().unwrap().is_connection_refusal());
    let _server = TestServer::start_on(server.port, &root.path().join("data"), &[]);
    assert_eq!(client.get_connection().unwrap().get::<_, u32>("a").unwrap(), 1);
}

/// What a tool prints on standard output; it must succeed and must not complain.
fn tool(name: &str, server: &TestServer, arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(name)
        .args(["-h", "127.0.0.1", "-p", &server.port.to_string()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{name} has to be installed for this test: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let (text, complaints) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} {arguments:?}: {}\n{text}{complaints}", output.status);
    for word in ["ERR", "rror from server", "WARNING", "Could not"] {
        assert!(
            !text.contains(word) && !complaints.contains(word),
            "{name} {arguments:?}: {text}{complaints}"
        );
    }
    text
}

#[test]
fn redis_cli_loads_looks_and_asks() {
    let (_root, server) = server(&[]);
    let cli = |arguments: &[&str], input: &[u8]| tool("redis-cli", &server, arguments, input);

    let mut load = Vec::new();
    for number in 0..5000 {
        load.extend(common::encode(&[b"SET", format!("key:{number}").as_bytes(), &[b'v'; 100]]));
    }
    load.extend(common::encode(&[b"SET", b"the biggest", &[b'v'; 100_000]]));
    let piped = cli(&["--pipe"], &load);
    assert!(piped.contains("errors: 0, replies: 5001"), "{piped}");
    // The input as a user types it.
    let piped = cli(&["--pipe"], b"SET typed 1\nINCR typed\n");
    assert!(piped.contains("errors: 0, replies: 2"), "{piped}");

    assert_eq!(cli(&["dbsize"], b"").trim(), "5002");
    assert_eq!(cli(&["--scan", "--pattern", "key:12*"], b"").lines().count(), 111);
    let biggest = cli(&["--bigkeys"], b"");
    assert!(biggest.contains("Biggest string found '\"the biggest\"' has 100000 bytes"), "{biggest}");
    assert!(biggest.contains("5002 strings"), "{biggest}");
    let largest = cli(&["--memkeys"], b"");
    assert!(largest.contains("Biggest string found '\"the biggest\"' has 1"), "{largest}");

    // `--stat` reads this once a second, without end.
    let info = cli(&["info"], b"");
    for field in [
        "db0:keys=5002,",
        "used_memory:",
        "connected_clients:1\r",
        "blocked_clients:0\r",
        "total_commands_processed:",
        "total_connections_received:",
        "loading:0\r",
        "aof_rewrite_in_progress:0\r",
        "rdb_bgsave_in_progress:0\r",
    ] {
        assert!(info.contains(field), "{field} is missing in {info}");
    }

    assert!(cli(&["-3", "hello"], b"").contains("proto 3"));
    assert_eq!(cli(&["-3", "get", "typed"], b"").trim(), "2");
    assert_eq!(cli(&["-n", "4", "-x", "set", "a"], b"from standard input").trim(), "OK");
    assert_eq!(cli(&["-n", "4", "get", "a"], b"").trim(), "from standard input");
    // Commands from a file, as a person would type them.
    let session = cli(&[], b"set a \"b c\"\nget a\nhelp set\nexists a nothing\n");
    assert!(session.starts_with("OK\nb c\n") && session.trim_end().ends_with('1'), "{session}");
}

#[test]
fn redis_benchmark_runs_through() {
    let (_root, server) = server(&[]);
    let tests = ["ping", "set", "get", "incr", "mset"].join(",");
    let report = tool("redis-benchmark", &server, &["-t", &tests, "-n", "2000", "-P", "16", "-q"], b"");
    for test in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"] {
        let done = report
            .split(['\r', '\n'])
            .any(|line| line.trim().starts_with(&format!("{test}: ")) && line.contains("per second"));
        assert!(done, "{test} is missing in {report}");
    }
    let mut client = connect(&server);
    assert_eq!(client.get::<_, u32>("counter:__rand_int__").unwrap(), 2000);
}

#[test]
fn atomic_pipelines_and_optimistic_locking_lose_no_update() {
    const CLIENTS: usize = 6;
    const UPDATES: usize = 40;
    let (_root, server) = server(&[]);
    let mut client = connect(&server);
    let (old, count): (String, u32) =
        redis::pipe().atomic().set("a", "x").ignore().get("a").incr("n", 1).query(&mut client).unwrap();
    assert_eq!((old.as_str(), count), ("x", 1));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = connect(&server);
                for _ in 0..UPDATES {
                    // Optimistic locking: reads, and writes only if nobody wrote in between.
                    let (_,): (u32,) = redis::transaction(&mut client, &["sum"], |client, pipeline| {
                        let sum: Option<u32> = client.get("sum")?;
                        pipeline.set("sum", sum.unwrap_or(0) + 1).ignore().incr("sums", 1).query(client)
                    })
                    .unwrap();
                }
            });
        }
    });
    let done: (usize, usize) = client.mget(&["sum", "sums"]).unwrap();
    assert_eq!(done, (CLIENTS * UPDATES, CLIENTS * UPDATES));
}

#[test]
fn a_transaction_is_never_seen_by_half() {
    let (_root, server) = server(&[]);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = connect(&server);
            for number in 0..1500 {
                let mut pipeline = redis::pipe();
                pipeline.atomic().set("a", number).ignore().set("b", number).ignore();
                pipeline.exec(&mut client).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut client = connect(&server);
        let mut seen = BTreeSet::new();
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            let (a, b): (Option<u32>, Option<u32>) = client.mget(&["a", "b"]).unwrap();
            assert_eq!(a, b);
            seen.insert(a);
        }
        assert!(seen.len() > 20, "readers saw {} states", seen.len());
    });
}

#[test]
fn the_redis_crate_listens_to_channels_and_events() {
    let (_root, server) = server(&["--notify-keyspace-events", "KEA"]);
    let mut listener = connect(&server);
    let mut channels = listener.as_pubsub();
    channels.subscribe("news").unwrap();
    channels.psubscribe("__keyevent@0__:*").unwrap();
    channels.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = connect(&server);
    assert_eq!(client.publish::<_, _, u32>("news", "hello").unwrap(), 1);
    client.set::<_, _, ()>("k", 1).unwrap();
    assert_eq!(client.publish::<_, _, u32>("elsewhere", "x").unwrap(), 0);
    let message = channels.get_message().unwrap();
    assert_eq!(
        (message.get_channel_name(), message.get_payload::<String>().unwrap().as_str()),
        ("news", "hello")
    );
    let event = channels.get_message().unwrap();
    assert_eq!(event.get_channel_name(), "__keyevent@0__:set");
    assert_eq!(event.get_payload::<String>().unwrap(), "k");
    channels.unsubscribe("news").unwrap();
    assert_eq!(client.publish::<_, _, u32>("news", "nobody").unwrap(), 0);
}
