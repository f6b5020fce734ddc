//! The way of a long read's reply from the thread that makes it to the connection that sends it: pieces in a short
//! queue. While it is full the thread waits, so memory does not grow with the reply, nor with a client that does not
//! read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::read::{LongEnd, LongRead};
use crate::resp::{PIECE_BYTES_MAX, Sink};
use crate::table::Budget;

/// The most pieces of a reply that wait to be sent.
const PIECES_MAX: usize = 8;

/// What comes out of the queue.
pub(super) enum Part {
    /// A piece of the reply.
    Piece(Vec<u8>),
    /// The end of the read.
    End(Box<Finished>),
}

/// A long read that has ended.
pub(super) struct Finished {
    /// The read.
    pub read: LongRead,
    /// The end of the reply, or all of it.
    pub rest: Vec<u8>,
    /// How it ended.
    pub end: LongEnd,
    /// How long it took, without the waits for the client.
    pub busy: Duration,
    /// Number of bytes of the pieces.
    pub given_bytes: u64,
}

/// The thread's end of the queue.
pub(super) struct Giver {
    /// The queue.
    queue: async_channel::Sender<Part>,
    /// Buffers of pieces that were sent. They are used again, because memory that another thread frees is reused late.
    empty: async_channel::Receiver<Vec<u8>>,
    /// Whether the pieces are thrown away: the client wants no reply.
    is_silent: bool,
    /// Bytes given so far.
    given_bytes: u64,
    /// When the read began.
    began: Instant,
    /// How long it has waited for the client.
    waited: Duration,
}

/// The connection's end of the queue. When it is dropped, the read is given up.
pub(super) struct Taker {
    /// The queue.
    pub queue: async_channel::Receiver<Part>,
    /// Where the buffers of pieces that were sent go back.
    empty: async_channel::Sender<Vec<u8>>,
    /// What the read may do.
    budget: Arc<Budget>,
}

impl Taker {
    /// Gives the buffer of a piece back.
    pub fn give_back(&self, mut piece: Vec<u8>) {
        piece.clear();
        // There is room for all buffers; an error means that the read has ended.
        let _ = self.empty.try_send(piece);
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.budget.end();
    }
}

/// A queue, for a read that runs within `budget`.
pub(super) fn queue(budget: Arc<Budget>, is_silent: bool) -> (Giver, Taker) {
    let (sender, receiver) = async_channel::bounded(PIECES_MAX);
    let (empty_sender, empty) = async_channel::bounded(PIECES_MAX + 2);
    let giver = Giver {
        queue: sender,
        empty,
        is_silent,
        given_bytes: 0,
        began: Instant::now(),
        waited: Duration::ZERO,
    };
    (giver, Taker { queue: receiver, empty: empty_sender, budget })
}

impl Giver {
    /// Sends the end of the read.
    pub fn finish(self, read: LongRead, rest: Vec<u8>, end: LongEnd) {
        let busy = self.began.elapsed().saturating_sub(self.waited);
        let finished = Finished { read, rest, end, busy, given_bytes: self.given_bytes };
        // An error means that the connection has ended.
        let _ = self.queue.send_blocking(Part::End(Box::new(finished)));
    }
}

impl Sink for Giver {
    fn take(&mut self, piece: &mut Vec<u8>) -> bool {
        self.given_bytes += piece.len() as u64;
        if self.is_silent {
            piece.clear();
            return !self.queue.is_closed();
        }
        let next = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(PIECE_BYTES_MAX));
        let full = std::mem::replace(piece, next);
        match self.queue.try_send(Part::Piece(full)) {
            Ok(()) => true,
            Err(async_channel::TrySendError::Full(part)) => {
                let since = Instant::now();
                let is_taken = self.queue.send_blocking(part).is_ok();
                self.waited += since.elapsed();
                is_taken
            }
            Err(async_channel::TrySendError::Closed(_)) => false,
        }
    }
}
