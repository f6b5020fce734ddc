//! The right to write is lost: somebody else writes to the log.
//!
//! That is the end of writing, and not of the server. Commands that write are refused, and what is durable can be read. What
//! was executed and is not known to be durable may be in the log or not, so nothing is said of it: those who wait for such a
//! reply lose their connection, as if the server had stopped, and the version goes back to the last record that is durable.
//! Nothing more is written to the log, not even a seal, and no further checkpoint is taken.

use wal::{Log, LogError, LogErrorKind};

use super::Committer;
use super::error::WriterError;
use super::flight::{Executed, Landing};

impl<L: Log> Committer<L> {
    /// Whether the right to write is lost.
    pub(super) fn is_fenced(&self) -> bool {
        self.fenced.is_some()
    }

    /// Takes it as done that a fenced log did not do its part.
    pub(super) fn unless_fenced<T: Default>(&mut self, done: Result<T, LogError>) -> Result<T, WriterError> {
        match done {
            Err(error) if error.kind() == LogErrorKind::Fenced => {
                self.note_fenced(&error);
                Ok(T::default())
            }
            done => Ok(done?),
        }
    }

    /// The group in flight, or what is submitted of it, did not become durable. If that is because the right to write is
    /// lost, all that is not durable is given up.
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

    /// Remembers, and says once, that the right to write is lost.
    fn note_fenced(&mut self, error: &LogError) {
        if !self.is_fenced() {
            tracing::error!("{error}: writes are refused from now on, reads go on");
            self.gauges.set_writable(false);
            self.fenced = Some(error.to_string());
        }
    }

    /// Tells those who ask for checkpoints that there will be none, if the right to write is lost.
    pub(super) fn refuse_checkpoints(&mut self) {
        if let Some(reason) = &self.fenced {
            self.checkpointer.refuse(reason);
        }
    }
}
