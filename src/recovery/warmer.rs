//! A thread that runs ahead of the replay and touches the pages that it will change.
//!
//! The pages that a record changes are mapped, read from the device if necessary, and checked before their first use.
//! This happens on another processor, or while the device is busy, at the same time as the changes before.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::batch::Batch;
use crate::effect::{self, Effect};
use crate::keyspace;
use crate::table::{Table, View};

/// Maximum number of batches that are read ahead.
pub(super) const AHEAD_MAX: usize = 64;

/// Maximum number of elements of an effect that are touched.
const ELEMENTS_MAX: usize = 256;

/// The thread, and the channel to it.
pub(super) struct Warmer {
    /// The channel of batches; closed to end the thread.
    batches: Option<SyncSender<Arc<Batch>>>,
    /// The thread.
    thread: Option<JoinHandle<()>>,
}

impl Warmer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system cannot start a thread.
    pub fn start(table: Arc<Table>) -> io::Result<Self> {
        let (batches, taken) = sync_channel(AHEAD_MAX);
        let run = move || warm_all(&table, &taken);
        let thread = std::thread::Builder::new().name("warmer".into()).spawn(run)?;
        Ok(Self { batches: Some(batches), thread: Some(thread) })
    }

    /// Sends a batch to have its pages touched, unless the thread has too much to do already.
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

/// Touches the pages of each batch, unless it is applied already.
fn warm_all(table: &Table, batches: &Receiver<Arc<Batch>>) {
    let checkpoint = table.snapshot();
    for batch in batches {
        // The replay drops what it has applied.
        let is_applied = || Arc::strong_count(&batch) == 1;
        for (_, payload) in batch.payloads() {
            if is_applied() {
                break;
            }
            // An error in a record or page shows up again when it is applied.
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
