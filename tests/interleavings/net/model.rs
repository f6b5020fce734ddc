//! A socket into which bytes come, the thread that takes its events, and the task that reads it.

use super::socket_state::{ENDED, READ, SocketState, WRITE};
use crate::explore;
use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::future::poll_fn;

/// Arrivals of bytes.
const ARRIVALS: u64 = 2;

/// A socket, and what is known of it.
#[derive(Default)]
struct Socket {
    ready: SocketState,
    /// Bytes that came and were not read.
    bytes: AtomicU64,
    /// Whether the other side ended.
    ended: AtomicBool,
    /// Whether there is room to write.
    room: AtomicBool,
}

impl Socket {
    /// Reads everything, one byte per call, as `net::plain` does; waits if there is nothing. Ends when the other side has
    /// ended.
    async fn read_all(&self) -> u64 {
        let mut read = 0;
        loop {
            self.ready.clear(READ);
            let found = self.bytes.swap(0, Ordering::AcqRel);
            read += found.min(1);
            if found > 1 {
                // The rest stays, because the buffer is full.
                self.bytes.fetch_add(found - 1, Ordering::AcqRel);
                self.ready.set(READ);
            }
            if found == 0 && self.ended.load(Ordering::Acquire) && self.bytes.load(Ordering::Acquire) == 0 {
                return read;
            }
            if found == 0 {
                poll_fn(|context| self.ready.poll(READ | ENDED, context)).await;
            }
        }
    }
}

/// No arrival is missed, whenever its event comes.
#[test]
fn a_reader_is_woken_for_every_arrival() {
    let runs = explore("arrivals", || {
        let socket = Arc::new(Socket::default());
        let other = socket.clone();
        let events = loom::thread::spawn(move || {
            for _ in 0..ARRIVALS {
                other.bytes.fetch_add(1, Ordering::AcqRel);
                other.ready.happened(READ);
            }
            other.ended.store(true, Ordering::Release);
            other.ready.happened(READ | ENDED);
        });
        assert_eq!(block_on(socket.read_all()), ARRIVALS);
        events.join().expect("events can be taken");
    });
    assert!(runs > 100);
}

/// A writer that waits for space is woken when there is some, whatever else happens on the socket.
#[test]
fn a_writer_is_woken_for_room() {
    let runs = explore("room", || {
        let socket = Arc::new(Socket::default());
        let other = socket.clone();
        let events = loom::thread::spawn(move || {
            other.ready.happened(READ);
            other.room.store(true, Ordering::Release);
            other.ready.happened(WRITE);
        });
        block_on(async {
            loop {
                socket.ready.clear(WRITE);
                if socket.room.load(Ordering::Acquire) {
                    return;
                }
                poll_fn(|context| socket.ready.poll(WRITE, context)).await;
            }
        });
        events.join().expect("events can be taken");
    });
    assert!(runs > 10);
}
