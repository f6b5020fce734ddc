//! Where a reading command, or one that changes nothing, meets the data: a snapshot, on the connection's own thread.

use crate::command::CommandError;
use crate::resp::{Args, Reply};
use crate::spec::Spec;

/// A key that a read found expired: its database and its name.
pub type ExpiredKey = (u16, Box<[u8]>);

/// Brings pages to memory.
pub type Fetch = Box<dyn FnOnce() + Send + Sync>;

/// One command, ready to run.
pub struct ReadCall<'a> {
    /// What is known about the command.
    pub spec: &'static Spec,
    /// The client's database.
    pub db: u16,
    /// Its words.
    pub args: &'a Args<'a>,
    /// The moment that it runs at, in milliseconds since 1970.
    pub now_ms: u64,
}

/// The data as connections see it: everything in it is durable.
pub trait Reads: Send + Sync + 'static {
    /// Runs a reading command on the newest published version and writes its reply. Keys that it found
    /// expired are missing to the command, and are appended to `expired`: the reply is held back until the log says
    /// that they are gone.
    ///
    /// # Errors
    /// The command's failure; the caller takes back what was written of the reply and sends the error instead.
    fn read(
        &self,
        call: ReadCall<'_>,
        reply: &mut Reply<'_>,
        expired: &mut Vec<ExpiredKey>,
    ) -> Result<(), CommandError>;

    /// Runs a writing command on the newest published version if it changes nothing there, and writes its reply. `false`
    /// if it would change something; what was written of the reply is taken back.
    ///
    /// # Errors
    /// The command's failure, as of a reading one.
    fn run_no_op(&self, call: ReadCall<'_>, reply: &mut Reply<'_>) -> Result<bool, CommandError>;

    /// The time by the clock that expiry times are measured with, in milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// What brings the pages of a command's keys to memory, if some of them are not there: to be called where it holds
    /// nobody else up, for it waits for the disk.
    fn missing(&self, spec: &'static Spec, db: u16, args: &Args<'_>) -> Option<Fetch>;

    /// Touches the pages of the keys of a command that is about to be submitted, so that the writer need not wait for
    /// the disk.
    fn warm(&self, spec: &'static Spec, db: u16, args: &Args<'_>);
}
