//! A slow disk costs time and nothing else.

use std::time::{Duration, Instant};

use super::cases::Phase;
use super::common::{TestServer, Value};
use super::life::Place;
use super::model::{Told, contents, difference};
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

#[test]
fn reads_go_on_while_the_log_waits_for_the_disk() {
    let place = Place::new(false);
    let server = TestServer::start(&place.dir(), &["--wal-segment-size", "1mb"]);
    let trace = Trace {
        call: "pwritev2".into(),
        paths: paths(&place.dir(), "log"),
        inject: Some("delay_exit=400000".into()),
        output: place.trace(),
    };
    let mut told = Told::default();
    let mut reader = server.client();
    assert_eq!(reader.run("GET counter"), Value::Null);
    let mut strace = trace.attach(server.pid());
    let mut writer = server.client();
    let writing = std::thread::spawn(move || {
        told.write(&mut writer, 0..4).expect("a slow disk is no broken one");
        told
    });
    let (start, mut slowest) = (Instant::now(), Duration::ZERO);
    while !writing.is_finished() {
        let one = Instant::now();
        reader.run("GET counter");
        slowest = slowest.max(one.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    let told = writing.join().unwrap();
    assert!(start.elapsed() > Duration::from_millis(1500), "four writes at 400 ms each");
    assert!(slowest < Duration::from_millis(350), "a read waited for the log: {slowest:?}");
    assert_eq!(difference(&contents(&mut reader), &told.acked), None);
    drop(server);
    strace.wait().unwrap();
}
