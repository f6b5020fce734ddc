//! Wakes the writer, once for many submissions.
//!
//! A thread that serves many connections submits for one after the other. With few processors, waking the writer for
//! each submission would cost a switch to the writer and back each time. So such a thread holds the bell: it rings when
//! enough is submitted, or before it does anything else. All other threads ring at once.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// The number of submitted commands at which the bell is rung.
const HELD_ITEMS_MAX: usize = 16;

thread_local! {
    /// The bell that this thread holds, if it holds bells.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// A bell that is held, if any.
#[derive(Default)]
struct Held {
    /// The bell; `None` if it need not be rung.
    bell: Option<Arc<Doorbell>>,
    /// Commands submitted since the last ring.
    items: usize,
}

/// The waker of a thread.
struct Doorbell {
    /// Whether it was rung since the thread last checked.
    is_rung: AtomicBool,
    /// The thread.
    thread: Thread,
}

/// Runs a future on this thread. When there is nothing to do, the thread sleeps until the bell is rung.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let bell = Arc::new(Doorbell { is_rung: AtomicBool::new(false), thread: thread::current() });
    let waker = Waker::from(bell.clone());
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        while !bell.is_rung.swap(false, SeqCst) {
            thread::park();
        }
    }
}

/// From now on this thread holds bells until it calls [`ring_held`], which it must do before anything that takes time.
pub fn hold() {
    HELD.set(Some(Held::default()));
}

/// Rings the bell that this thread holds, if any.
pub fn ring_held() {
    let bell = HELD.with_borrow_mut(|held| {
        let held = held.as_mut()?;
        held.items = 0;
        held.bell.take()
    });
    if let Some(bell) = bell {
        bell.ring();
    }
}

/// Notes that `items` commands were submitted; rings if that makes enough.
pub(super) fn submitted(items: usize) {
    let is_enough = HELD.with_borrow_mut(|held| {
        let Some(held) = held else { return false };
        held.items += items;
        held.items >= HELD_ITEMS_MAX
    });
    if is_enough {
        ring_held();
    }
}

impl Doorbell {
    fn ring(&self) {
        if !self.is_rung.swap(true, SeqCst) {
            self.thread.unpark();
        }
    }
}

impl Wake for Doorbell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let other = HELD.with_borrow_mut(|held| match held {
            Some(held) => held.bell.replace(self.clone()).filter(|other| !Arc::ptr_eq(other, self)),
            None => Some(self.clone()),
        });
        if let Some(bell) = other {
            bell.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use async_channel::{Receiver, RecvError};

    use super::*;

    /// Long enough for a woken thread to run.
    const SOON: Duration = Duration::from_millis(50);

    /// Receives; reports on `waits` whenever the inbox is empty and the thread is about to sleep.
    async fn recv_or_say(inbox: &Receiver<u32>, waits: &Sender<()>) -> Result<u32, RecvError> {
        let mut recv = pin!(inbox.recv());
        poll_fn(|context| {
            let polled = recv.as_mut().poll(context);
            if polled.is_pending() {
                waits.send(()).unwrap();
            }
            polled
        })
        .await
    }

    #[test]
    fn a_thread_that_holds_the_bell_rings_when_enough_is_submitted_or_when_told_to() {
        let (queue, inbox) = async_channel::bounded::<u32>(64);
        let (heard, hears) = channel();
        let (waits, waiting) = channel();
        let writer = thread::spawn(move || {
            block_on(async move {
                while let Ok(number) = recv_or_say(&inbox, &waits).await {
                    heard.send(number).unwrap();
                }
            });
        });
        let submits = thread::spawn(move || {
            waiting.recv().unwrap();
            hold();
            queue.try_send(1).unwrap();
            submitted(1);
            assert!(hears.recv_timeout(SOON).is_err(), "the bell is held");
            ring_held();
            assert_eq!(hears.recv(), Ok(1));
            waiting.recv().unwrap();
            queue.try_send(2).unwrap();
            submitted(HELD_ITEMS_MAX - 1);
            assert!(hears.recv_timeout(SOON).is_err(), "the bell is held");
            submitted(1);
            assert_eq!(hears.recv(), Ok(2));
            ring_held();
            drop(queue);
            ring_held();
            // The writer may report once more before it ends.
            waiting.iter().for_each(drop);
        });
        submits.join().unwrap();
        writer.join().unwrap();
    }

    #[test]
    fn a_thread_that_holds_no_bell_rings_at_once() {
        let (queue, inbox) = async_channel::bounded::<u32>(1);
        let (waits, waiting) = channel();
        let writer = thread::spawn(move || block_on(recv_or_say(&inbox, &waits)));
        waiting.recv().unwrap();
        queue.try_send(1).unwrap();
        assert_eq!(writer.join().unwrap(), Ok(1));
    }
}
