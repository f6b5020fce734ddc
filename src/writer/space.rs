//! Space before work: what commands may need in log and table is secured before they run, so that a full disk is met
//! while there is still nothing to undo.
//!
//! A command that cannot be given its space is refused with `-MISCONF`; nothing was changed, reads go on, and the next
//! command asks again, so writes resume by themselves. Commands that only free space ([`Flags::DENYOOM`] is not set)
//! may use a reserve that the others leave alone.

use std::time::{Duration, Instant};

use wal::{Group, Log, LogError};

use super::transaction::TRANSACTION_LOG_BYTES_MAX;
use super::{Item, OpenGroup, Submission, Writer, WriterError};
use crate::command::{self, Call, Flags, Run, Spec};
use crate::keyspace::Estimate;
use crate::table::{TableError, View};

/// Time between two reports that space is short.
const SPACE_TOLD_INTERVAL: Duration = Duration::from_secs(10);

/// What the log of events was last told about space.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpaceTold {
    /// When.
    at: Instant,
    /// Whether that there is space again, as against: that there is none.
    resumed: bool,
}

/// What a submission's commands may do.
pub(super) enum Space {
    /// Everything.
    Ample,
    /// Reads, and commands that free space. Holds the refusal for the others.
    Scarce(String),
    /// Reads only.
    Exhausted(String),
}

impl Space {
    /// The error reply that the command gets instead of running, if it must not run.
    pub(super) fn refusal(&self, spec: &Spec) -> Option<&str> {
        let writes = matches!(spec.run, Run::Write(_));
        match self {
            Space::Scarce(refusal) if writes && spec.flags.has(Flags::DENYOOM) => Some(refusal),
            Space::Exhausted(refusal) if writes => Some(refusal),
            _ => None,
        }
    }
}

impl<L: Log> Writer<L> {
    /// Secures what the commands of a submission may need, together with what the open group holds already.
    pub(super) fn secure(&mut self, open: &OpenGroup, submission: &Submission) -> Result<Space, WriterError> {
        let mut need = Estimate::default();
        let (mut commands, mut copied_pages) = (submission.items.len(), 0);
        for item in &submission.items {
            match item {
                Item::Execute { spec, .. } if spec.flags.has(Flags::DATA_SIZED) => {}
                Item::Execute { spec, db, first_span, spans } => {
                    let args = submission.args(*first_span, *spans);
                    let (db, now_ms) = (usize::from(*db), open.now_ms);
                    let call = Call { spec, args, db, now_ms, limits: self.limits };
                    // What cannot be read is met again when the command runs, and refused there.
                    let one = command::estimate(&call, &self.table.view()).unwrap_or_default();
                    need.log_bytes += Group::record_bytes(one.log_bytes as usize) as u64;
                    need.table_pages += one.table_pages;
                }
                Item::Purge { db, key } => {
                    let one = delete_estimate(&self.table.view(), usize::from(*db), key);
                    need.log_bytes += Group::record_bytes(one.log_bytes as usize) as u64;
                    need.table_pages += one.table_pages;
                }
                Item::Transaction(transaction) => {
                    let one = self.estimate(open, transaction)?;
                    if one.log_bytes <= TRANSACTION_LOG_BYTES_MAX {
                        // A longer one is refused when its turn comes.
                        need.log_bytes += Group::record_bytes(one.log_bytes as usize) as u64;
                        need.table_pages += one.table_pages;
                        commands += transaction.commands.len();
                        copied_pages += self.copied_pages(transaction)?;
                    }
                }
                Item::Watch { db, first_span, spans, .. } => {
                    for key in submission.args(*first_span, *spans).from(1) {
                        let one = delete_estimate(&self.table.view(), usize::from(*db), key);
                        need.log_bytes += Group::record_bytes(one.log_bytes as usize) as u64;
                        need.table_pages += one.table_pages;
                    }
                }
                Item::Ready(_) => {}
            }
        }
        self.secure_need(open, need, commands, copied_pages)
    }

    /// Secures what one command may need that could not be told before the commands ahead of it had run, together with
    /// what the open group holds already.
    pub(super) fn secure_command(&mut self, open: &OpenGroup, call: &Call<'_>) -> Result<Space, WriterError> {
        let one = command::estimate(call, &self.table.view()).unwrap_or_default();
        let log_bytes = Group::record_bytes(one.log_bytes as usize) as u64;
        self.secure_need(open, Estimate { log_bytes, ..one }, 1, 0)
    }

    /// Secures what `commands` commands may need, which copy at most `copied_pages` pages within the table.
    fn secure_need(
        &mut self,
        open: &OpenGroup,
        mut need: Estimate,
        commands: usize,
        copied_pages: u64,
    ) -> Result<Space, WriterError> {
        need.table_pages = need.table_pages.min(self.pages_at_most(need.log_bytes, commands)) + copied_pages;
        let with_reserve = Estimate {
            log_bytes: need.log_bytes + self.options.log_reserve_bytes,
            table_pages: need.table_pages + self.options.table_reserve_pages,
        };
        let refusal = self.reserve(open, with_reserve)?;
        self.note_space(refusal.as_deref());
        let Some(refusal) = refusal else { return Ok(Space::Ample) };
        Ok(match self.reserve(open, need)? {
            None => Space::Scarce(refusal),
            Some(refusal) => Space::Exhausted(refusal),
        })
    }

    /// Pages that commands which log so many bytes can need at most, whatever their estimates add up to: a group copies
    /// each page once, and fills new ones with what is logged: small elements in half-empty pages of two trees at worst.
    fn pages_at_most(&self, log_bytes: u64, commands: usize) -> u64 {
        let table = self.gauges.table_stats();
        (table.pages - table.pages_free) + log_bytes / 128 + 4 * commands as u64
    }

    /// Secures the delete of one key. Says whether there is space for it.
    pub(super) fn secure_delete(
        &mut self,
        open: &OpenGroup,
        db: usize,
        key: &[u8],
    ) -> Result<bool, WriterError> {
        let need = delete_estimate(&self.table.view(), db, key);
        Ok(self.reserve(open, need)?.is_none())
    }

    /// Reserves space in log and table, or returns the refusal for the client.
    fn reserve(&mut self, open: &OpenGroup, need: Estimate) -> Result<Option<String>, WriterError> {
        match self.log.reserve(open.group.len_bytes() as u64 + need.log_bytes) {
            Ok(()) => {}
            Err(error @ LogError::Full { .. }) => return Ok(Some(refusal(&error))),
            Err(error @ LogError::TooLarge { .. }) => return Ok(Some(too_large(&error))),
            Err(error) => return Err(error.into()),
        }
        match self.table.reserve(need.table_pages) {
            Ok(()) => Ok(None),
            Err(error @ TableError::Full { .. }) => Ok(Some(refusal(&error))),
            Err(error) => Err(error.into()),
        }
    }

    /// Shows in `INFO`, and says in the log of events, whether there is space for writes. While there is none, a
    /// checkpoint is asked for: only that gives back the log before it, and the pages that deletes left.
    fn note_space(&mut self, refusal: Option<&str>) {
        self.gauges.set_writable(refusal.is_none());
        let Some(refusal) = refusal else {
            if self.space_told.is_some_and(|told| !told.resumed) {
                tracing::info!("there is space again: writes go on");
                self.space_told = Some(SpaceTold { at: Instant::now(), resumed: true });
            }
            return;
        };
        self.checkpoints.short_of_space();
        // A disk that is nearly full takes small writes and refuses large ones in turn: that is told once in a while.
        if self.space_told.is_none_or(|told| told.resumed && told.at.elapsed() >= SPACE_TOLD_INTERVAL) {
            tracing::warn!("{refusal}");
            self.space_told = Some(SpaceTold { at: Instant::now(), resumed: false });
        }
    }
}

/// The error reply to a command that cannot be given its space.
fn refusal(error: &dyn std::fmt::Display) -> String {
    format!(
        "MISCONF No space left for this write, nothing was changed: {error}. Reads and deletes go on. Free space \
         there, raise the limit, or delete keys: writes resume by themselves."
    )
}

/// The error reply to commands that were sent at once and may change more than one group of the log can hold.
fn too_large(error: &dyn std::fmt::Display) -> String {
    format!(
        "ERR These commands may change too much at once, nothing was changed: {error}. Send fewer of them at once."
    )
}

/// What the delete of one key, or of fields of it, may need.
fn delete_estimate(view: &View<'_>, db: usize, key: &[u8]) -> Estimate {
    let mut need = Estimate::default();
    need.add_key(view, db, key);
    // What cannot be read is met again when the key is deleted.
    let _ = need.add_purge(view, db, key);
    need
}
