//! No file descriptor left: connected clients are served, new ones get an error, the server does not spin, and new clients
//! are served again when others leave.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use ackd::cli::exit;
use common::{Client, TestServer, Value, eventually, free_port, strace, uninterrupted};

/// Clients that connect.
const CLIENTS: usize = 100;
/// Time between two of the server's reports that it cannot accept connections.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// What comes back for a PING: `+PONG`, an error, or nothing when the connection is closed.
fn ping(mut stream: &TcpStream) -> String {
    let mut reply = [0; 128];
    let asked = stream.write_all(b"PING\r\n").and_then(|()| uninterrupted(|| stream.read(&mut reply)));
    let got = match asked {
        Ok(got) => got,
        Err(error) => {
            let waited = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut];
            assert!(!waited.contains(&error.kind()), "a client waits without an answer");
            0
        }
    };
    String::from_utf8_lossy(&reply[..got]).trim_end().to_owned()
}

/// Connects all clients at once and returns those that are served; the others got an error.
fn crowd(server: &TestServer) -> Vec<TcpStream> {
    let all: Vec<TcpStream> = (0..CLIENTS).map(|_| server.tcp()).collect();
    let (served, others): (Vec<_>, Vec<_>) =
        all.into_iter().map(|stream| (ping(&stream), stream)).partition(|(reply, _)| reply == "+PONG");
    let told = others.iter().filter(|(reply, _)| reply == "-ERR max number of clients reached").count();
    for (reply, _) in &others {
        let closed = reply.is_empty();
        assert!(closed || reply.starts_with("-ERR max number of clients reached"), "{reply}");
    }
    // A refusal can be lost when the connection is reset with the PING unread; most are not.
    assert!(told * 2 >= others.len(), "{told} of {} were told", others.len());
    eprintln!("{} of {CLIENTS} clients served, {told} told that there are too many", served.len());
    assert!(!served.is_empty() && !others.is_empty());
    served.into_iter().map(|(_, stream)| stream).collect()
}

/// Processor time that a process used so far.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = after_name[11].parse::<u64>().unwrap() + after_name[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}

/// Whether the server does next to nothing for a second.
fn assert_idle(server: &TestServer) {
    let (start, before) = (Instant::now(), processor_time(server.pid()));
    std::thread::sleep(Duration::from_secs(1));
    let (used, passed) = (processor_time(server.pid()) - before, start.elapsed());
    eprintln!("{used:?} of processor time in {passed:?}");
    assert!(used < passed.mul_f32(0.3), "the server spins: {used:?} in {passed:?}");
}

/// Waits until a new client is served.
fn wait_until_served(server: &TestServer) {
    eventually("a client is served", || ping(&server.tcp()) == "+PONG");
}

#[test]
fn a_low_limit_serves_as_many_as_fit() {
    let root = tempfile::tempdir().unwrap();
    let flags = ["--threads", "1"];
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 64 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ackd")]);
    let mut server = TestServer::spawn_by(limited, free_port(), &root.path().join("data"), &flags);
    server.wait_ready();
    let served = crowd(&server);
    assert!(served.len() >= 16, "only {} clients fit 64 descriptors", served.len());
    assert_idle(&server);
    served.iter().for_each(|client| assert_eq!(ping(client), "+PONG"));
    drop(served);
    wait_until_served(&server);
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
}

/// The largest number of clients, as INFO and CONFIG GET show it.
fn clients_max(client: &mut Client) -> (u32, u32) {
    let info = client.run("INFO clients").text();
    let line = info.lines().find_map(|line| line.strip_prefix("maxclients:")).expect("INFO shows it");
    let Value::Array(pair) = client.run("CONFIG GET maxclients") else { panic!("CONFIG GET shows it") };
    (line.parse().unwrap(), pair[1].text().parse().unwrap())
}

#[test]
fn the_number_of_clients_is_the_one_in_force_everywhere() {
    let root = tempfile::tempdir().unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 100 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ackd")]);
    let mut server = TestServer::spawn_by(limited, free_port(), &root.path().join("data"), &[]);
    server.wait_ready();
    let mut client = server.client();
    let (shown, configured) = clients_max(&mut client);
    assert_eq!(shown, configured);
    assert!((20..100).contains(&shown), "{shown} clients fit 100 descriptors");
    // Whatever else is set, descriptors for log and table stay reserved.
    assert_eq!(client.run("CONFIG SET timeout 0 hz 20"), Value::Simple("OK".into()));
    assert_eq!(clients_max(&mut client), (shown, shown));
    let refusal = format!(
        "ERR CONFIG SET failed (possibly related to argument 'maxclients') - \
         The operating system is not able to handle the specified number of clients, try with {shown}"
    );
    let hz = client.run("CONFIG GET hz");
    assert_eq!(client.run("CONFIG SET hz 30 maxclients 1000"), Value::Error(refusal));
    assert_eq!(clients_max(&mut client), (shown, shown));
    assert_eq!(client.run("CONFIG GET hz"), hz);
    for fewer in [shown - 1, 5, shown] {
        assert_eq!(client.run(&format!("CONFIG SET maxclients {fewer}")), Value::Simple("OK".into()));
        assert_eq!(clients_max(&mut client), (fewer, fewer));
    }
}

#[test]
fn the_soft_limit_is_raised_as_far_as_the_hard_one_lets_it() {
    let root = tempfile::tempdir().unwrap();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -S -n 100 && ulimit -H -n 600 && exec \"$@\"", "sh"]);
    limited.arg(env!("CARGO_BIN_EXE_ackd"));
    let server_flags = ["--maxclients", "20"];
    let mut server = TestServer::spawn_by(limited, free_port(), &root.path().join("data"), &server_flags);
    server.wait_ready();
    let mut client = server.client();
    assert_eq!(client.run("CONFIG SET maxclients 500"), Value::Simple("OK".into()));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let soft: u32 = files.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!((520..=600).contains(&soft), "{files}");
    let refused = client.run("CONFIG SET maxclients 600");
    assert!(matches!(&refused, Value::Error(text) if text.contains("try with 5")), "{refused:?}");
    assert_eq!(clients_max(&mut client), (500, 500));
}

/// The descriptors that the server reserves are enough for its own files.
#[test]
fn no_more_files_are_open_than_are_kept_for_the_server() {
    let root = tempfile::tempdir().unwrap();
    for (threads, spares) in [("1", "2"), ("6", "30")] {
        let flags = ["--threads", threads, "--wal-spare-segments", spares, "--wal-segment-size", "1mb"];
        let server = TestServer::start(&root.path().join(threads), &flags);
        let mut client = server.client();
        let mut config = ackd::config::Config::default();
        config.threads = threads.parse().unwrap();
        config.wal_spare_segments = spares.parse().unwrap();
        let reserved = config.descriptors().reserved();
        let mut most = 0;
        for number in 0..60 {
            assert!(set_large(&mut client, number));
            if number % 20 == 0 {
                assert_eq!(client.run("SAVE"), Value::Simple("OK".into()));
            }
            let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count() as u64;
            most = most.max(open - 1);
        }
        eprintln!("{most} files open without the client's, {reserved} kept");
        assert!(most + 4 <= reserved, "{most} files are open, {reserved} are kept");
    }
}

#[test]
fn with_no_descriptor_left_what_runs_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let log = root.path().join("log").display().to_string();
    let flags = ["--wal-segment-size", "1mb", "--logfile", &log];
    let mut server = TestServer::start(&dir, &flags);
    let mut client = server.client();
    assert_eq!(client.run("SET before 1"), Value::Simple("OK".into()));
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count() as u64;
    let limited = Instant::now();
    server.limit_files(open + 12);
    let served = crowd(&server);
    // More clients connect while there is no descriptor to accept them.
    let waiting: Vec<TcpStream> = (0..CLIENTS).map(|_| server.tcp()).collect();
    assert_idle(&server);

    let mut keys = 0;
    let mut refused = 0;
    for number in 0..60 {
        match set_large(&mut client, number) {
            true => keys += 1,
            false => refused += 1,
        }
    }
    assert!(keys > 0);
    assert_eq!(client.run("SAVE"), Value::Simple("OK".into()), "a checkpoint needs no descriptor");
    assert_eq!(client.run("GET before"), Value::Bulk(b"1".into()));
    drop((served, waiting));
    wait_until_served(&server);
    let start = Instant::now();
    eventually("writes resume", || set_large(&mut client, 1000));
    eprintln!("{keys} large writes taken, {refused} refused; writes resumed after {:?}", start.elapsed());
    let lines = std::fs::read_to_string(&log).unwrap();
    let told = lines.lines().filter(|line| line.contains("cannot accept connections")).count();
    // Each of the two listeners reports at most once per interval.
    let told_max = 2 * (1 + limited.elapsed().div_duration_f64(REPORT_INTERVAL) as usize);
    assert!((1..=told_max).contains(&told), "told {told} times:\n{lines}");
    assert!(lines.contains("Too many open files"), "{lines}");

    server.limit_files(1024);
    let Value::Integer(before) = client.run("DBSIZE") else { panic!("DBSIZE is a number") };
    server.kill();
    let server = TestServer::start(&dir, &flags);
    assert_eq!(server.client().run("DBSIZE"), Value::Integer(before));
}

#[test]
fn who_comes_is_told_also_when_the_log_takes_the_spare_descriptor() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--wal-segment-size", "1mb"]);
    let mut client = server.client();
    assert_eq!(client.run("SET before 1"), Value::Simple("OK".into()));
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count() as u64;
    server.limit_files(open + 12);
    let served = crowd(&server);
    // From now on the log needs a descriptor for its next segment, and tries five times a second.
    let mut number = 0;
    eventually("a write is refused", || {
        number += 1;
        !set_large(&mut client, number)
    });
    // When the server frees a spare descriptor, it stays free for longer than that.
    let slow_closes =
        ["-f", "-q", "-P", "/dev/null", "-e", "trace=close", "-e", "inject=close:delay_exit=500000"];
    let mut strace = strace::attach(server.pid(), &slow_closes, &root.path().join("trace"));
    let mut came = Vec::new();
    eventually("there are too many", || {
        came.push(server.tcp());
        ping(&came[came.len() - 1]) == "-ERR max number of clients reached"
    });
    assert!(served.iter().all(|client| ping(client) == "+PONG"));
    assert_eq!(client.run("GET before"), Value::Bulk(b"1".into()));
    drop(server);
    strace.wait().unwrap();
}

/// Sets a large value; returns whether it was accepted. Any error other than the one for missing space is a failure.
fn set_large(client: &mut Client, number: u32) -> bool {
    match client.command(&[b"SET", format!("large:{number}").as_bytes(), &[b'v'; 100_000]]) {
        Value::Simple(_) => true,
        Value::Error(text) => {
            assert!(text.starts_with("MISCONF ") && text.contains("Too many open files"), "{text}");
            false
        }
        other => panic!("SET answered {other:?}"),
    }
}
