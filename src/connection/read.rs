//! How connections read the data: on a snapshot, on their own thread or beside.

use crate::command::CommandError;
use crate::keyspace::Prepared;
use crate::resp::{Args, Protocol, Reply, Sink, Span};
use crate::spec::Spec;
use crate::table::{Budget, Hint, Snapshot};

/// A key that a read found expired: its database and its name.
pub type ExpiredKey = (u16, Box<[u8]>);

/// Fetches pages into memory.
pub type Fetch = Box<dyn FnOnce() + Send + Sync>;

/// What was done ahead for a command that reads.
#[derive(Clone, Copy, Default)]
pub struct Ahead<'a> {
    /// A version that was pinned after the command was received, and that has everything acknowledged before. `None` if
    /// the command takes the newest one itself.
    pub snapshot: Option<&'a Snapshot<'a>>,
    /// Where the command's keys may be, in the order of the keys. Empty if nothing is known.
    pub hints: &'a [Hint],
}

/// One command, ready to run.
pub struct ReadCall<'a> {
    /// The command's row.
    pub spec: &'static Spec,
    /// The client's database.
    pub db: u16,
    /// Its words.
    pub args: &'a Args<'a>,
    /// The time that it sees, in milliseconds since 1970.
    pub now_ms: u64,
}

/// What became of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// It has replied.
    Replied,
    /// The writer must run it: to send notifications in order, or because it waits for data.
    OnWriter,
    /// It would take long: it must run beside.
    Long,
}

/// A read that takes long. It has its words, so that it can go to another thread.
pub struct LongRead {
    /// The command's row.
    pub spec: &'static Spec,
    /// The client's database.
    pub db: u16,
    /// The time that it sees, in milliseconds since 1970.
    pub now_ms: u64,
    /// How to encode the reply.
    pub protocol: Protocol,
    /// Whether the client wants no reply.
    pub is_silent: bool,
    /// Whether the keys that it found expired were deleted.
    pub is_purged: bool,
    /// The bytes of its words.
    bytes: Vec<u8>,
    /// Its words.
    words: Vec<Span>,
}

impl LongRead {
    /// A read like `call`.
    pub fn new(call: &ReadCall<'_>, protocol: Protocol, is_silent: bool) -> Self {
        let (mut bytes, mut words) = (Vec::new(), Vec::with_capacity(call.args.len()));
        for word in call.args.from(0) {
            words.push(Span { start: bytes.len() as u32, len: word.len() as u32 });
            bytes.extend_from_slice(word);
        }
        let ReadCall { spec, db, now_ms, .. } = *call;
        Self { spec, db, now_ms, protocol, is_silent, is_purged: false, bytes, words }
    }

    /// Its words.
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.words)
    }
}

/// How a long read ended.
#[derive(Debug)]
pub enum LongEnd {
    /// With a reply, or an error in its place. Before the rest of the reply is sent, these expired keys must be deleted.
    Replied(Result<(), CommandError>, Vec<ExpiredKey>),
    /// It found these keys expired, and has replied nothing: they must be deleted before it runs again.
    Stale(Vec<ExpiredKey>),
    /// It failed when parts of the reply had been sent. This is why.
    Broken(String),
}

/// The data as connections see it: everything in it is durable.
pub trait Reads: Send + Sync + 'static {
    /// Runs a reading command on the newest published version, or on the one pinned `ahead`, and writes its reply. Expired
    /// keys do not exist for the command. They are appended to `expired`: the reply must be held back until their deletion
    /// is in the log. Unless it replied, nothing is written.
    ///
    /// # Errors
    /// Why the command failed. The caller removes what was written of the reply, and sends the error instead.
    fn read(
        &self,
        call: &ReadCall<'_>,
        ahead: Ahead<'_>,
        reply: &mut Reply<'_>,
        expired: &mut Vec<ExpiredKey>,
    ) -> Result<ReadOutcome, CommandError>;

    /// Runs a reading command that takes long, on a thread on which nobody waits: on the newest published version, until
    /// `budget` is ended. Its reply goes to `sink`, piece by piece, and the rest of it to `rest`.
    fn read_long(&self, read: &LongRead, budget: &Budget, sink: &mut dyn Sink, rest: &mut Vec<u8>)
    -> LongEnd;

    /// Whether snapshots keep so many old pages from being reused that a client must not hold one and do nothing.
    fn holds_too_much(&self) -> bool;

    /// Pins the newest published version for several commands, looks their keys up together, and appends a hint for each
    /// key. `None` if the keys may not be in memory: then each command looks its keys up itself.
    ///
    /// The caller makes sure that the version has everything that the commands must see.
    fn look_ahead<'t>(&'t self, db: u16, keys: &[&[u8]], hints: &mut Vec<Hint>) -> Option<Snapshot<'t>>;

    /// Runs a writing command on the newest published version if it changes nothing there, and writes its reply.
    /// `false` if it would change something; then nothing is written.
    ///
    /// # Errors
    /// Why the command failed, as for a reading one.
    fn run_no_op(&self, call: ReadCall<'_>, reply: &mut Reply<'_>) -> Result<bool, CommandError>;

    /// Works out a writing command on the newest published version, and writes its reply. What it changes is added to
    /// `prepared`; if that is nothing, the reply holds. `false` if the writer must run the command; then nothing is
    /// written.
    ///
    /// # Errors
    /// Why the command failed, as for a reading one.
    fn prepare(
        &self,
        _call: ReadCall<'_>,
        _reply: &mut Reply<'_>,
        _prepared: &mut Prepared,
    ) -> Result<bool, CommandError> {
        Ok(false)
    }

    /// The time for expiry times, in milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// If some pages of a command's keys are not in memory, a function that fetches them. It waits for the disk, so it
    /// must run on a thread on which no other task waits.
    fn missing(&self, spec: &'static Spec, db: u16, args: &Args<'_>) -> Option<Fetch>;

    /// Reads the pages of the keys of a command before it is submitted, so that the writer need not wait for the disk.
    fn warm(&self, spec: &'static Spec, db: u16, args: &Args<'_>);
}
