//! When a write is tried on the published version first: if it changes nothing there, it needs no writer.
//!
//! Clients that poll an empty queue, try for a lock that another one holds, or add what is there already, do so again and
//! again. So what a client wrote last tells what to expect: only behind a row of writes that changed nothing is the next
//! one tried, and clients whose writes change something pay for nothing.

use super::buffers::Buffers;
use super::session::Session;
use crate::command::{Args, Run, Spec};
use crate::keyspace::Classes;
use crate::resp::Reply;
use crate::writer::doorbell;

/// Writes in a row that changed nothing before the next one is tried.
const TRIED_AFTER: u32 = 4;
/// As many that the writer answered are worth a publication, which may cost those who write at the same time some
/// copies of pages.
const PUBLISHED_AFTER: u32 = 64;

/// What became of a client's last writes.
#[derive(Debug, Default)]
pub(super) struct NoOps {
    /// Those in a row that changed nothing.
    in_a_row: u32,
    /// Those of them that the writer answered since it was last asked to publish.
    submitted: u32,
}

impl NoOps {
    /// The writer answered so many commands.
    pub fn submitted(&mut self, commands: usize, changed: bool) {
        if changed {
            *self = Self::default();
        } else {
            self.in_a_row = self.in_a_row.saturating_add(commands as u32);
            self.submitted = self.submitted.saturating_add(commands as u32);
        }
    }

    /// The write that was tried would have changed something.
    pub fn missed(&mut self) {
        *self = Self::default();
    }

    /// Whether the next write is likely to change nothing.
    pub fn are_likely(&self) -> bool {
        self.in_a_row >= TRIED_AFTER
    }

    /// Whether it is worth a publication to try the next write. The writer is asked for it then.
    pub fn take_publication(&mut self) -> bool {
        let worth = self.submitted >= PUBLISHED_AFTER;
        if worth {
            self.submitted = 0;
        }
        worth
    }
}

/// How a command that writes begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BeginWrite {
    /// It goes to the writer.
    Submit,
    /// It is tried on the published version.
    Try,
    /// It is tried on the published version, but the writer is to publish what was acknowledged first.
    Publish,
}

impl Session {
    /// How the next command begins, if it writes.
    pub(super) fn begin_write(&mut self, work: &Buffers, spec: &Spec) -> BeginWrite {
        if !matches!(spec.run, Run::Write(_)) || work.is_pending() {
            return BeginWrite::Submit;
        }
        let published = std::mem::take(&mut self.published);
        // The writer tells who was looked for and is missing.
        let is_told = self.state.limits.notified().wants(Classes::KEY_MISS);
        if !self.no_ops.are_likely() || !spec.may_be_no_op() || is_told {
            BeginWrite::Submit
        } else if published || !self.state.publication.is_behind() {
            BeginWrite::Try
        } else if self.no_ops.take_publication() {
            BeginWrite::Publish
        } else {
            BeginWrite::Submit
        }
    }

    /// Runs a writing command on the published version. `false` if it would change something: then nothing was done.
    pub(super) fn run_no_op(&mut self, work: &mut Buffers, first_span: usize, spec: &'static Spec) -> bool {
        let args = Args::new(&work.input, &work.spans[first_span..]);
        let (reply_at, protocol) = (work.out.len(), self.client.protocol());
        doorbell::ring_held();
        let mut reply = Reply::new(&mut work.out, protocol);
        let result = match self.reads.run_no_op(spec, self.client.db(), &args, &mut reply) {
            Ok(false) => {
                self.no_ops.missed();
                return false;
            }
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        self.settle(spec, &args, result, &mut work.out, reply_at, protocol);
        work.spans.truncate(first_span);
        self.enter_reply(work, reply_at);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_tried_behind_a_row_that_changed_nothing() {
        let mut no_ops = NoOps::default();
        no_ops.submitted(TRIED_AFTER as usize - 1, false);
        assert!(!no_ops.are_likely());
        no_ops.submitted(1, false);
        assert!(no_ops.are_likely());
        no_ops.missed();
        assert!(!no_ops.are_likely());
        no_ops.submitted(100, false);
        no_ops.submitted(1, true);
        assert!(!no_ops.are_likely());
    }

    #[test]
    fn a_publication_is_asked_for_once_in_so_many() {
        let mut no_ops = NoOps::default();
        no_ops.submitted(PUBLISHED_AFTER as usize - 1, false);
        assert!(!no_ops.take_publication());
        no_ops.submitted(1, false);
        assert!(no_ops.take_publication());
        assert!(!no_ops.take_publication() && no_ops.are_likely());
    }
}
