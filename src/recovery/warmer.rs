//! A thread that runs ahead of the replay, and touches the pages that it is going to change.
//!
//! What a record changes is mapped, read from the disk if need be, and checked before its first use. On another processor,
//! or while the disk is busy, that happens at the same time as the changes before it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::batch::Batch;
use crate::effect::{self, Effect};
use crate::keyspace;
use crate::table::{Table, View};

/// Batches that are read ahead of the one that is applied.
pub(super) const AHEAD_MAX: usize = 64;

/// Elements of an effect that are touched at most.
const ELEMENTS_MAX: usize = 256;

/// The thread, and the way to it.
pub(super) struct Warmer {
    /// Where it takes batches from; closed to end it.
    batches: Option<SyncSender<Arc<Batch>>>,
    /// The thread.
    thread: Option<JoinHandle<()>>,
}

impl Warmer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(table: Arc<Table>) -> io::Result<Self> {
        let (batches, taken) = sync_channel(AHEAD_MAX);
        let run = move || warm_all(&table, &taken);
        let thread = std::thread::Builder::new().name("warmer".into()).spawn(run)?;
        Ok(Self { batches: Some(batches), thread: Some(thread) })
    }

    /// Has the pages of a batch touched, unless the thread has too much to do already.
    pub fn warm(&self, batch: &Arc<Batch>) {
        let batches = self.batches.as_ref().expect("it was not told to end");
        let _ = batches.try_send(batch.clone());
    }
}

impl Drop for Warmer {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened.
            let _ = thread.join();
        }
    }
}

/// Touches the pages of all batches that are not applied yet when their turn comes.
fn warm_all(table: &Table, batches: &Receiver<Arc<Batch>>) {
    let checkpoint = table.snapshot();
    for batch in batches {
        // The replay drops what it has applied.
        let is_applied = || Arc::strong_count(&batch) == 1;
        for (_, payload) in batch.payloads() {
            if is_applied() {
                break;
            }
            // What is wrong with a record or a page shows again where it is applied.
            let Ok(decoded) = effect::decode(payload) else { return };
            decoded.effects().for_each(|effect| warm(&checkpoint, &effect));
        }
    }
}

/// Touches the pages of one effect.
fn warm(checkpoint: &View<'_>, effect: &Effect<'_>) {
    let (Some(db), Some(key)) = (effect.db(), effect.key()) else { return };
    let elements = effect.items().into_iter().flat_map(|items| items.iter()).take(ELEMENTS_MAX);
    keyspace::warm(checkpoint, db, key, elements);
}
