//! A slow disk only costs time.

use rustix::process::{Pid, Signal, kill_process};

use super::cases::Phase;
use super::common::{TestServer, Value, eventually};
use super::life::Place;
use super::model::Told;
use super::tracer::{Trace, paths};

#[test]
fn slow_calls_cost_time_only() {
    for (file, call, delay_us) in
        [("log", "pwritev2", 40_000), ("log", "fdatasync", 200_000), ("any", "msync", 200_000)]
    {
        let place = Place::new(false);
        let trace = Trace {
            call: call.into(),
            paths: paths(&place.dir(), file),
            inject: Some(format!("delay_exit={delay_us}")),
            output: place.trace(),
        };
        let life = place.live(Phase::Running, &trace);
        assert_eq!(life.status.code(), Some(0), "{call}: {}", life.log);
        assert_eq!(life.told.refused, 0, "{call}: {}", life.log);
        place.check_restart(&life.told).unwrap_or_else(|problem| panic!("{call}: {problem}"));
    }
}

/// Reads that are answered while one write waits for the disk.
const READS: usize = 100;

#[test]
fn reads_go_on_while_the_log_waits_for_the_disk() {
    let place = Place::new(false);
    let mut server = TestServer::start(&place.dir(), &["--wal-segment-size", "1mb"]);
    let trace = Trace {
        call: "pwritev2".into(),
        paths: paths(&place.dir(), "log"),
        // Far longer than the test takes.
        inject: Some("delay_exit=600000000".into()),
        output: place.trace(),
    };
    let mut reader = server.client();
    assert_eq!(reader.run("GET counter"), Value::Null);
    let mut strace = trace.attach(server.pid());
    let mut writer = server.client();
    let writing = std::thread::spawn(move || {
        let mut told = Told::default();
        told.write(&mut writer, 0..1).expect_err("the server is killed before the disk is done");
        told
    });
    let waits = |line: &str| line.contains(" cmd=set ") && line.contains(" tot-net-out=0 ");
    eventually("the write is with the server", || reader.run("CLIENT LIST").text().lines().any(waits));
    for _ in 0..READS {
        assert_eq!(reader.run("GET counter"), Value::Null);
    }
    assert!(reader.run("CLIENT LIST").text().lines().any(waits), "the write was answered without the disk");
    // strace would hold the killed process until the delay is over.
    let pid = Pid::from_raw(server.pid() as i32).expect("a process has a number");
    kill_process(pid, Signal::KILL).unwrap();
    strace.kill().unwrap();
    server.wait();
    let told = writing.join().unwrap();
    strace.wait().unwrap();
    assert!(told.acked.is_empty());
    place.check_restart(&told).unwrap();
}
