//! A transaction: the commands between `MULTI` and `EXEC`, and the keys that were watched before.
//!
//! The connection queues, the writer executes all of it in one go and logs it as one record. Commands of the connection
//! (`SELECT`, `CONFIG`, `CLIENT` ...) run at their place among the others: the transaction takes the client along. Those that
//! speak to others (`PUBLISH`, `SUBSCRIBE` and their kin) are run by the connection afterwards, when the rest is durable; the
//! writer leaves places for their replies. It never does when the transaction was not executed.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ClientState, Next};
use crate::resp::{Args, Span};
use crate::spec::{self, Flags, Kind, Spec};

/// Bytes that a command is charged besides its words: what the lists here take.
pub const COMMAND_OVERHEAD_BYTES: u64 = 64;

/// A command of a transaction.
#[derive(Clone, Copy)]
pub struct Queued {
    /// The command.
    pub spec: &'static Spec,
    /// The database that is selected where it stands.
    pub db: u16,
    /// Index of its first word.
    first_span: u32,
    /// Number of its words.
    spans: u32,
}

impl Queued {
    /// Whether it is a command of the connection, as against one on data.
    pub fn is_local(&self) -> bool {
        self.spec.is_local()
    }

    /// Whether it speaks to others, who are to hear of nothing that is not durable: the connection runs it afterwards.
    pub fn speaks(&self) -> bool {
        self.is_local() && self.spec.flags.has(Flags::PUBSUB)
    }

    /// Whether it only reads data.
    pub fn is_read(&self) -> bool {
        self.spec.kind == Kind::Read
    }

    /// Whether it may change data.
    pub fn is_write(&self) -> bool {
        self.spec.is_write()
    }
}

/// The commands between `MULTI` and `EXEC`.
pub struct Transaction {
    /// The words of all commands.
    input: Vec<u8>,
    /// Where each word is.
    spans: Vec<Span>,
    /// The commands.
    pub commands: Vec<Queued>,
    /// The database that is selected behind the commands so far.
    db: u16,
    /// Whether a command was refused: `EXEC` then refuses all.
    pub is_failed: bool,
    /// Whether `CLIENT CACHING` was given for its reads.
    pub is_tracked: bool,
    /// The keys watched, if any; set by `EXEC`.
    pub watch: Option<Arc<Watch>>,
    /// The client, if any of the commands is the connection's.
    pub client: Option<Box<ClientState>>,
    /// What these commands asked for beside their replies.
    pub postponed: Vec<Next>,
    /// Where the replies of the commands go that the connection runs afterwards, as offsets into the submission's replies:
    /// set by the writer when it has executed the transaction.
    pub reply_offsets: Vec<usize>,
}

impl Transaction {
    /// An empty transaction of a client in database `db`.
    pub fn new(db: u16) -> Self {
        Self {
            input: Vec::new(),
            spans: Vec::new(),
            commands: Vec::new(),
            db,
            is_failed: false,
            is_tracked: false,
            watch: None,
            client: None,
            postponed: Vec::new(),
            reply_offsets: Vec::new(),
        }
    }

    /// Bytes that it is charged.
    pub fn charged_bytes(&self) -> u64 {
        self.input.len() as u64
            + self.spans.len() as u64 * size_of::<Span>() as u64
            + self.commands.len() as u64 * COMMAND_OVERHEAD_BYTES
    }

    /// What [`Transaction::charged_bytes`] would grow by with this command.
    pub fn charge_of(args: &Args<'_>) -> u64 {
        args.from(0).map(|word| (word.len() + size_of::<Span>()) as u64).sum::<u64>() + COMMAND_OVERHEAD_BYTES
    }

    /// Adds a command. The caller keeps [`Transaction::charged_bytes`] within 32 bits.
    pub fn queue(&mut self, spec: &'static Spec, args: &Args<'_>, databases: u32) {
        let first_span = self.spans.len() as u32;
        for word in args.from(0) {
            self.spans.push(Span { start: self.input.len() as u32, len: word.len() as u32 });
            self.input.extend_from_slice(word);
        }
        self.commands.push(Queued { spec, db: self.db, first_span, spans: args.len() as u32 });
        if spec.is(&spec::SELECT)
            && let Some(db) = args.integer(1)
            && (0..i64::from(databases)).contains(&db)
        {
            self.db = db as u16;
        }
    }

    /// The words of one of its commands.
    pub fn args(&self, queued: &Queued) -> Args<'_> {
        Args::new(&self.input, &self.spans[queued.first_span as usize..][..queued.spans as usize])
    }

    /// The database that is selected behind all commands.
    pub fn db(&self) -> u16 {
        self.db
    }

    /// `EXEC` itself, as if it were one of the commands.
    pub fn exec_args(&self) -> Args<'static> {
        Args::new(b"exec", &[Span { start: 0, len: 4 }])
    }

    /// Whether a pause of writes holds it back.
    pub fn writes(&self) -> bool {
        let may_replicate = |queued: &Queued| queued.spec.flags.has(Flags::MAY_REPLICATE);
        self.commands.iter().any(|queued| queued.is_write() || may_replicate(queued))
    }

    /// Whether any command may grow the data set.
    pub fn grows(&self) -> bool {
        self.commands.iter().any(|queued| queued.is_write() && queued.spec.flags.has(Flags::DENYOOM))
    }

    /// Whether any command is the connection's.
    pub fn has_local(&self) -> bool {
        self.commands.iter().any(Queued::is_local)
    }
}

/// A key that is watched.
pub struct WatchedKey {
    /// Its database.
    pub db: u16,
    /// Its name.
    pub key: Arc<[u8]>,
    /// Whether it had expired already, but was not deleted, when it was watched.
    pub was_due: bool,
}

/// What a client watches, shared with the writer. Nothing is watched any more when the client drops it.
#[derive(Default)]
pub struct Watch {
    /// Whether any of the keys was changed since.
    is_touched: AtomicBool,
    /// The keys, entered by the writer.
    keys: Mutex<Vec<WatchedKey>>,
}

impl Watch {
    /// Notes that one of the keys was changed.
    pub fn touch(&self) {
        self.is_touched.store(true, SeqCst);
    }

    /// Whether one of the keys was changed.
    pub fn is_touched(&self) -> bool {
        self.is_touched.load(SeqCst)
    }

    /// The keys, locked.
    pub fn keys(&self) -> MutexGuard<'_, Vec<WatchedKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
