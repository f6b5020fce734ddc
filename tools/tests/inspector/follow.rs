//! `tail -f` on a log that grows, fills segments, and recycles old ones.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::common::{Data, command, set};
use crate::waiting::PATIENCE;

/// A running `tail -f`, ended when dropped.
struct Follower {
    child: Child,
    lines: Receiver<String>,
}

impl Follower {
    fn of(data: &Data, words: &[&str]) -> Self {
        let mut command = command();
        command.args(["tail", data.path().to_str().unwrap(), "-f"]).args(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn next_lsn(&self) -> u64 {
        let line = self.lines.recv_timeout(PATIENCE).expect("a line in time");
        line.strip_prefix("LSN ").unwrap().split("  ").next().unwrap().parse().unwrap()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn lines_of(out: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

#[test]
fn following_goes_on_across_segments_and_restarts() {
    let mut data = Data::with_history();
    let follower = Follower::of(&data, &["-n", "2", "--values", "none"]);
    assert_eq!([follower.next_lsn(), follower.next_lsn()], [45, 46]);
    let segments = |data: &Data| data.places().last().unwrap().0;
    let before = segments(&data);
    let value = vec![b'f'; 5000];
    let mut expected = 47;
    for round in 0..40 {
        if round == 20 {
            data.restart();
        }
        let last = data.group(&[set(b"followed", &value)]);
        data.recycle_through(last.saturating_sub(20));
        // This group proves that the one before is durable.
        while expected < last {
            assert_eq!(follower.next_lsn(), expected);
            expected += 1;
        }
    }
    assert!(segments(&data) > before + 3, "several segments were filled");
    data.seal();
    assert_eq!(follower.next_lsn(), expected);
}

#[test]
fn what_is_not_proven_durable_is_not_shown() {
    let mut data = Data::new();
    data.group(&[set(b"a", b"1")]);
    data.group(&[set(b"b", b"2"), set(b"c", b"3")]);
    let ran = data.run(&["tail", "DIR"]).expect(0);
    assert_eq!(ran.text().lines().count(), 1, "{}", ran.text());
    assert!(ran.err.contains("LSN 2 to 3"), "{}", ran.err);
    data.seal();
    let ran = data.run(&["tail", "DIR"]).expect(0);
    assert_eq!(ran.text().lines().count(), 3);
    assert_eq!(ran.err, "");
}

#[test]
fn filters_apply_to_what_is_followed() {
    let mut data = Data::new();
    let follower = Follower::of(&data, &["--prefix", "wanted:"]);
    // Few enough for one segment: there is no room for a seal at its end.
    for number in 0..6 {
        data.group(&[set(b"other:1", b"x"), set(b"wanted:1", b"y")]);
        data.seal();
        assert_eq!(follower.next_lsn(), 2 * number + 2);
    }
}
