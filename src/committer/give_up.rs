//! Groups that do not become durable, because the log is fenced or cannot be reached. This does not end the server: the
//! version goes back to the last durable record, and readers never see what was given up.
//!
//! If the log was not given a group, or refused it, the log does not have it, and its commands get an error reply. A group
//! that was submitted when the log turned out to be fenced may or may not be in the log, so it is not answered: clients that
//! wait for such a reply lose their connection, as if the server had stopped.

use wal::Log;

use super::Committer;
use super::error::WriterError;
use super::flight::{Executed, Landing};
use crate::executor::{Executor, Shortage};
use crate::submission::Completion;
use crate::table::Frozen;

impl<L: Log> Committer<L> {
    /// The log refused the group that was to be in flight.
    pub(super) fn flight_dropped(
        &mut self,
        executor: &mut Executor,
        shortage: &Shortage,
    ) -> Result<(), WriterError> {
        let (answered, _) = self.end_flight();
        if let Shortage::Full(_) = shortage {
            self.note_space(true);
        }
        self.take_back(executor, None)?;
        self.refuse(executor, answered, shortage);
        Ok(())
    }

    /// The log was fenced with a group in flight. The log was not given what was executed since.
    pub(super) fn flight_lost(
        &mut self,
        executed: &mut Executed<'_, impl Fn() -> usize>,
    ) -> Result<Landing, WriterError> {
        let executor = &mut *executed.executor;
        let (_, frozen) = self.end_flight();
        let open = std::mem::take(executor.answered());
        self.take_back(executor, frozen)?;
        let reason = self.log.fence().unwrap_or_default().to_owned();
        self.refuse(executor, open, &Shortage::Fenced(reason));
        Ok(Landing::GivenUp)
    }

    /// Ends the flight; readers that wait for its publication wait for the next one. Returns its submissions, and its
    /// version if that was frozen.
    fn end_flight(&mut self) -> (Vec<Completion>, Option<Frozen>) {
        let Some(flight) = self.flight.take() else { return (Vec::new(), None) };
        self.readers.extend(flight.readers);
        (flight.answered, flight.frozen)
    }

    /// Takes back what is not durable, and publishes the rest. `withdrawn` is the frozen version, if there is one.
    fn take_back(&mut self, executor: &mut Executor, withdrawn: Option<Frozen>) -> Result<(), WriterError> {
        executor.give_up::<WriterError>(self.log.synced_lsn(), withdrawn)?;
        self.unpublished = false;
        self.state.publication.set_behind(false);
        for done in self.readers.drain(..) {
            let _ = done.try_send(());
        }
        Ok(())
    }

    /// Refuses submissions that were executed, and whose changes were taken back.
    fn refuse(&mut self, executor: &mut Executor, mut answered: Vec<Completion>, shortage: &Shortage) {
        executor.refuse(&mut answered, shortage);
        self.resolve(&mut answered);
        if executor.answered().is_empty() {
            *executor.answered() = answered;
        }
    }
}
