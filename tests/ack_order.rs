//! Under `strace`: no reply to a write is sent before the log write that holds it has returned.
//!
//! Every client sends a SET with a unique marker and, in the same pipeline, an ECHO of the marker. The ECHO comes after
//! the write, so its reply sends the marker together with the write's `+OK`. In the trace, the first system call that
//! sends a marker to a socket must start after a log write with the marker has returned.

mod common;

use common::{TestServer, encode, strace};
use std::collections::HashMap;

const CLIENTS: usize = 6;
const WRITES: usize = 40;

/// Strace's flags: the calls that write or send, with all that they write or send.
const FLAGS: [&str; 9] = [
    "-f",
    "-y",
    "-s",
    "200000",
    "-q",
    "-e",
    "trace=pwrite64,pwritev,pwritev2,fdatasync,fsync,write,writev,sendto,sendmsg",
    "-e",
    "signal=none",
];

/// All markers in a line of the trace.
fn markers(line: &str) -> Vec<String> {
    line.match_indices("<mark-")
        .map(|(at, _)| line[at..].split_inclusive('>').next().unwrap().to_owned())
        .collect()
}

/// What one line of the trace says.
enum Event {
    Started,
    Returned,
    Whole,
}

/// Walks the trace and returns, per marker, whether it was logged before it was sent.
fn judge(trace: &str) -> HashMap<String, bool> {
    let mut logged: HashMap<String, bool> = HashMap::new();
    let mut verdicts = HashMap::new();
    // The markers of the log write that each thread has under way.
    let mut under_way: HashMap<&str, Vec<String>> = HashMap::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(char::is_whitespace).expect("a line starts with its thread");
        let call = call.trim_start();
        let event = if call.contains("<unfinished ...>") {
            Event::Started
        } else if call.starts_with("<... ") {
            Event::Returned
        } else {
            Event::Whole
        };
        let is_log = call.contains(".wal>") && call.starts_with("pwrite");
        let succeeded = !call.trim_end().ends_with(')') && !call.contains("= -1");
        match event {
            Event::Started if is_log => {
                under_way.insert(thread, markers(call));
            }
            Event::Returned if call.starts_with("<... pwrite") => {
                for marker in under_way.remove(thread).unwrap_or_default() {
                    logged.insert(marker, succeeded);
                }
            }
            Event::Whole if is_log => {
                for marker in markers(call) {
                    logged.insert(marker, succeeded);
                }
            }
            Event::Started | Event::Whole => {
                for marker in markers(call) {
                    let before = logged.get(&marker).copied().unwrap_or(false);
                    verdicts.entry(marker).or_insert(before);
                }
            }
            Event::Returned => {}
        }
    }
    verdicts
}

#[test]
fn no_reply_leaves_before_its_log_write_returned() {
    let root = tempfile::tempdir().unwrap();
    // Each write syncs its own data, so that it is durable when the write returns.
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let output = root.path().join("trace");
    let mut strace = strace::attach(server.pid(), &FLAGS, &output);

    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let mut client = server.client();
            std::thread::spawn(move || {
                for write in 0..WRITES {
                    let marker = format!("<mark-{number}-{write}>");
                    // A stamp at a sector's end may split a marker: of three copies at least one is intact.
                    let value = marker.repeat(3);
                    let mut pipeline =
                        encode(&[b"SET", format!("key-{number}").as_bytes(), value.as_bytes()]);
                    pipeline.extend(encode(&[b"ECHO", marker.as_bytes()]));
                    client.send(&pipeline).unwrap();
                    assert_eq!(client.reply().unwrap().text(), "OK");
                    assert_eq!(client.reply().unwrap().text(), marker);
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    drop(server);
    strace.wait().unwrap();

    let verdicts = judge(&std::fs::read_to_string(&output).unwrap());
    assert_eq!(verdicts.len(), CLIENTS * WRITES, "every reply was seen in the trace");
    let early: Vec<_> = verdicts.iter().filter(|(_, logged)| !**logged).map(|(marker, _)| marker).collect();
    assert!(early.is_empty(), "replies sent before their log write returned: {early:?}");
}

#[test]
fn the_judge_finds_a_reply_that_left_too_early() {
    let good = "1 pwrite64(5</d/wal/0.wal>, \"<mark-0-0>\", 4096, 0) = 4096\n2 sendto(9<socket:[1]>, \"<mark-0-0>\", 5) = 5\n";
    assert!(judge(good)["<mark-0-0>"]);
    let early = "1 pwrite64(5</d/wal/0.wal>, \"<mark-0-0>\", 4096, 0 <unfinished ...>\n2 sendto(9<socket:[1]>, \"<mark-0-0>\", 5) = 5\n1 <... pwrite64 resumed>) = 4096\n";
    assert!(!judge(early)["<mark-0-0>"]);
    let failed = "1 pwrite64(5</d/wal/0.wal>, \"<mark-0-0>\", 4096, 0) = -1 EIO (Input/output error)\n2 sendto(9<socket:[1]>, \"<mark-0-0>\", 5) = 5\n";
    assert!(!judge(failed)["<mark-0-0>"]);
}
