//! A fenced log: another server writes to it now.
//!
//! This ends writing, but not the server. Commands that write are refused, and what is durable can be read. What was
//! executed but is not known to be durable may or may not be in the log, so it is not answered: clients that wait for
//! such a reply lose their connection, as if the server had stopped, and the version goes back to the last durable
//! record. Nothing more is written to the log, not even a seal, and no further checkpoint is taken.

use wal::{Log, LogError, LogErrorKind};

use super::Committer;
use super::error::WriterError;
use super::flight::{Executed, Landing};

impl<L: Log> Committer<L> {
    /// Whether the log is fenced.
    pub(super) fn is_fenced(&self) -> bool {
        self.fenced.is_some()
    }

    /// Ignores the error of a fenced log, and notes that it is fenced.
    pub(super) fn unless_fenced<T: Default>(&mut self, done: Result<T, LogError>) -> Result<T, WriterError> {
        match done {
            Err(error) if error.kind() == LogErrorKind::Fenced => {
                self.note_fenced(&error);
                Ok(T::default())
            }
            done => Ok(done?),
        }
    }

    /// The group in flight could not be appended or synced. If the log is fenced, gives up everything that is not
    /// durable; otherwise returns the error.
    pub(super) fn lost(
        &mut self,
        error: LogError,
        executed: &mut Executed<'_, impl Fn() -> usize>,
    ) -> Result<Landing, WriterError> {
        if error.kind() != LogErrorKind::Fenced {
            return Err(error.into());
        }
        self.note_fenced(&error);
        self.secured_bytes = 0;
        let mut flight = self.flight.take();
        let frozen = flight.as_mut().and_then(|flight| flight.frozen.take());
        executed.executor.give_up::<WriterError>(self.log.synced_lsn(), frozen)?;
        self.unpublished = false;
        self.state.publication.set_behind(false);
        let readers = flight.map(|flight| flight.readers).into_iter().flatten();
        for done in readers.chain(self.readers.drain(..)) {
            let _ = done.try_send(());
        }
        Ok(Landing::GivenUp)
    }

    /// Notes, and reports once, that the log is fenced.
    fn note_fenced(&mut self, error: &LogError) {
        if !self.is_fenced() {
            tracing::error!("{error}: writes are refused from now on, reads go on");
            self.gauges.set_writable(false);
            self.fenced = Some(error.to_string());
        }
    }

    /// Refuses requested checkpoints if the log is fenced.
    pub(super) fn refuse_checkpoints(&mut self) {
        if let Some(reason) = &self.fenced {
            self.checkpointer.refuse(reason);
        }
    }
}
