//! Messages to a client that are not replies: published messages, invalidations, lines of `MONITOR`.
//!
//! Senders put messages here. The client's connection sends them, after all replies that it has at that time. A message
//! is encoded once for each protocol, and shared by all clients that get it. A client that does not read its messages
//! is disconnected when there are too many: `client-output-buffer-limit`.
//!
//! Invariant: `bytes` is the sum of what the queued messages were charged, and `has_any` says whether any is queued.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::config::{OUTBOX_BYTES_MAX, OutputLimit};
use crate::resp::{Protocol, Reply};

/// Bytes that a message is charged besides its length.
const MESSAGE_OVERHEAD_BYTES: usize = 32;

/// A message for several clients, encoded in the protocols that they speak.
pub struct Message<W> {
    /// Writes it.
    write: W,
    /// Its bytes in RESP2, once they are needed.
    resp2: Option<Arc<[u8]>>,
    /// Its bytes in RESP3, once they are needed.
    resp3: Option<Arc<[u8]>>,
}

impl<W: Fn(&mut Reply<'_>)> Message<W> {
    /// A message that `write` writes.
    pub fn new(write: W) -> Self {
        Self { write, resp2: None, resp3: None }
    }

    /// Its bytes.
    pub fn bytes(&mut self, protocol: Protocol) -> Arc<[u8]> {
        let Self { write, resp2, resp3 } = self;
        let kept = if protocol == Protocol::Resp3 { resp3 } else { resp2 };
        kept.get_or_insert_with(|| {
            let mut bytes = Vec::new();
            write(&mut Reply::new(&mut bytes, protocol));
            bytes.into()
        })
        .clone()
    }
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It is queued after others.
    Queued,
    /// It is the first in the queue, so the connection must be woken.
    First,
    /// The outbox was over its limit, and was cleared.
    Full,
}

/// The queued messages for one client.
#[derive(Default)]
pub struct Outbox {
    /// Whether any is queued. The connection only checks this.
    has_any: AtomicBool,
    /// The messages.
    queue: Mutex<Queue>,
}

/// The messages, and the state of the limits.
#[derive(Default)]
struct Queue {
    /// The messages, oldest first.
    messages: VecDeque<Arc<[u8]>>,
    /// What they are charged, in bytes.
    bytes: usize,
    /// How they are to be encoded.
    protocol: Protocol,
    /// Since when the soft limit has been exceeded, in milliseconds of uptime.
    soft_since_ms: Option<u64>,
    /// Whether the limit was exceeded. Then no message is accepted any more.
    is_full: bool,
}

impl Queue {
    /// Whether `limit` is exceeded at `now_ms`.
    fn is_over(&mut self, limit: OutputLimit, now_ms: u64) -> bool {
        let bytes = self.bytes as u64;
        if bytes > OUTBOX_BYTES_MAX || (limit.hard_bytes > 0 && bytes > limit.hard_bytes) {
            return true;
        }
        if limit.soft_bytes == 0 || limit.soft_s == 0 || bytes <= limit.soft_bytes {
            self.soft_since_ms = None;
            return false;
        }
        let since_ms = *self.soft_since_ms.get_or_insert(now_ms);
        now_ms.saturating_sub(since_ms) > limit.soft_s * 1000
    }
}

impl Outbox {
    /// Adds a message.
    pub fn push<W: Fn(&mut Reply<'_>)>(
        &self,
        message: &mut Message<W>,
        limit: OutputLimit,
        now_ms: u64,
    ) -> Pushed {
        let mut queue = self.lock();
        if queue.is_full {
            return Pushed::Queued;
        }
        let bytes = message.bytes(queue.protocol);
        let is_first = queue.messages.is_empty();
        queue.bytes += bytes.len() + MESSAGE_OVERHEAD_BYTES;
        queue.messages.push_back(bytes);
        if queue.is_over(limit, now_ms) {
            self.fail(&mut queue);
            return Pushed::Full;
        }
        self.has_any.store(true, SeqCst);
        if is_first { Pushed::First } else { Pushed::Queued }
    }

    /// Whether `limit` is exceeded at `now_ms`; then nothing waits any more.
    pub fn is_over(&self, limit: OutputLimit, now_ms: u64) -> bool {
        let mut queue = self.lock();
        let is_over = !queue.is_full && queue.is_over(limit, now_ms);
        if is_over {
            self.fail(&mut queue);
        }
        is_over
    }

    /// Clears the outbox, which accepts nothing any more.
    fn fail(&self, queue: &mut Queue) {
        queue.messages = VecDeque::new();
        queue.bytes = 0;
        queue.is_full = true;
        self.has_any.store(false, SeqCst);
    }

    /// Whether any message is queued.
    pub fn has_any(&self) -> bool {
        self.has_any.load(SeqCst)
    }

    /// Takes messages: appends up to `bytes_max` bytes to `out`. A message that is longer than that is returned
    /// instead.
    pub fn take(&self, out: &mut Vec<u8>, bytes_max: usize) -> Option<Arc<[u8]>> {
        let mut queue = self.lock();
        let mut long = None;
        while let Some(next) = queue.messages.front() {
            let is_long = next.len() > bytes_max;
            if out.len() + next.len() > bytes_max && !(is_long && out.is_empty()) {
                break;
            }
            let Some(next) = queue.messages.pop_front() else { break };
            queue.bytes -= next.len() + MESSAGE_OVERHEAD_BYTES;
            if is_long {
                long = Some(next);
                break;
            }
            out.extend_from_slice(&next);
        }
        if queue.messages.is_empty() {
            queue.messages.shrink_to(64);
            queue.soft_since_ms = None;
            self.has_any.store(false, SeqCst);
        }
        long
    }

    /// Appends all messages to `reply`, so that they are sent before what is written to it next.
    pub fn drain_into(&self, reply: &mut Reply<'_>) {
        let mut queue = self.lock();
        queue.messages.drain(..).for_each(|message| reply.messages(&message));
        queue.bytes = 0;
        queue.soft_since_ms = None;
        self.has_any.store(false, SeqCst);
    }

    /// Encodes messages in `protocol` from now on.
    pub fn set_protocol(&self, protocol: Protocol) {
        self.lock().protocol = protocol;
    }

    /// Number of queued messages, and the bytes that they are charged.
    pub fn size(&self) -> (usize, usize) {
        let queue = self.lock();
        (queue.messages.len(), queue.bytes)
    }

    /// The queue, locked.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(outbox: &Outbox, text: &str, limit: OutputLimit, now_ms: u64) -> Pushed {
        outbox.push(&mut Message::new(|reply: &mut Reply<'_>| reply.bulk(text.as_bytes())), limit, now_ms)
    }

    #[test]
    fn messages_come_out_in_order_and_in_pieces() {
        let outbox = Outbox::default();
        assert_eq!(push(&outbox, "a", OutputLimit::default(), 0), Pushed::First);
        assert_eq!(push(&outbox, "b", OutputLimit::default(), 0), Pushed::Queued);
        push(&outbox, &"c".repeat(100), OutputLimit::default(), 0);
        let mut out = Vec::new();
        assert!(outbox.take(&mut out, 20).is_none());
        assert_eq!(out, b"$1\r\na\r\n$1\r\nb\r\n");
        assert!(outbox.has_any());
        out.clear();
        assert_eq!(outbox.take(&mut out, 20).unwrap().len(), 108);
        assert!(!outbox.has_any() && out.is_empty());
        assert_eq!(outbox.size(), (0, 0));
    }

    #[test]
    fn the_hard_limit_ends_it_at_once_and_the_soft_limit_after_its_time() {
        let limit = OutputLimit { hard_bytes: 1000, soft_bytes: 100, soft_s: 2 };
        let outbox = Outbox::default();
        assert_eq!(push(&outbox, &"x".repeat(200), limit, 5_000), Pushed::First);
        assert!(!outbox.is_over(limit, 7_000));
        assert_eq!(push(&outbox, "y", limit, 7_001), Pushed::Full);
        assert_eq!(outbox.size(), (0, 0));
        assert_eq!(push(&outbox, "y", limit, 7_002), Pushed::Queued);
        assert_eq!(outbox.size(), (0, 0), "a client that was given up gets nothing more");

        let outbox = Outbox::default();
        assert_eq!(push(&outbox, &"x".repeat(1000), limit, 0), Pushed::Full);

        let outbox = Outbox::default();
        push(&outbox, &"x".repeat(200), limit, 0);
        outbox.take(&mut Vec::new(), 1 << 20);
        push(&outbox, &"x".repeat(200), limit, 60_000);
        assert!(!outbox.is_over(limit, 61_000), "the time starts anew when all was taken");
        assert!(outbox.is_over(limit, 62_001));
    }

    #[test]
    fn each_protocol_gets_its_own_bytes_and_clients_share_them() {
        let mut message = Message::new(|reply: &mut Reply<'_>| reply.push(0));
        let (a, b) = (message.bytes(Protocol::Resp2), message.bytes(Protocol::Resp2));
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!((&*a, &*message.bytes(Protocol::Resp3)), (b"*0\r\n".as_slice(), b">0\r\n".as_slice()));
    }
}
