//! Other clients: each sends one small command after the other, with a pause in between, and notes how long it waited.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::client::Client;
use crate::load::LoadError;

/// Pause between two commands.
const PAUSE: Duration = Duration::from_micros(500);

/// The time from sending a command to its reply.
#[derive(Clone, Copy)]
struct Wait {
    /// When the command was sent.
    sent: Instant,
    /// When its reply was there.
    answered: Instant,
}

/// A client that waits on a thread of its own.
pub struct Probe {
    /// Set to end it.
    over: Arc<AtomicBool>,
    /// The thread, which returns all waits.
    thread: JoinHandle<Result<Vec<Wait>, LoadError>>,
}

impl Probe {
    /// Starts a client that sends this command.
    pub fn start(address: SocketAddr, command: &'static [&'static str]) -> Outcome<Self> {
        let mut client = Client::connect(address)?;
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let thread = std::thread::Builder::new().name("probe".into()).spawn(move || {
            let mut waits = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let sent = Instant::now();
                client.run(command)?;
                waits.push(Wait { sent, answered: Instant::now() });
                std::thread::sleep(PAUSE);
            }
            Ok(waits)
        })?;
        Ok(Self { over, thread })
    }

    /// Ends the client and returns its longest wait of which a part lies between two moments.
    pub fn longest(self, from: Instant, to: Instant) -> Outcome<Duration> {
        self.over.store(true, Ordering::Relaxed);
        let waits = self.thread.join().map_err(|_| "a probe panicked")??;
        longest(&waits, from, to).ok_or_else(|| "a probe sent nothing meanwhile".into())
    }
}

/// The longest wait of which a part lies between two moments.
fn longest(waits: &[Wait], from: Instant, to: Instant) -> Option<Duration> {
    let meanwhile = waits.iter().filter(|wait| wait.sent <= to && wait.answered >= from);
    meanwhile.map(|wait| wait.answered - wait.sent).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_count_if_they_touch_the_time_of_the_command() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let wait = |sent, answered| Wait { sent: at(sent), answered: at(answered) };
        let waits = [wait(0, 50), wait(90, 101), wait(110, 112), wait(140, 155), wait(160, 300)];
        let longest = |from, to| longest(&waits, at(from), at(to));
        assert_eq!(longest(100, 150), Some(Duration::from_millis(15)));
        assert_eq!(longest(100, 120), Some(Duration::from_millis(11)));
        assert_eq!(longest(120, 130), None);
    }
}
