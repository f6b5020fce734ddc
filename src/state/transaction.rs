//! A transaction: the commands between `MULTI` and `EXEC`, and the watched keys.
//!
//! The connection queues the commands. The writer executes all of them in one go, and logs them as one record. Local
//! commands (`SELECT`, `CONFIG`, `CLIENT` ...) run in order among the others: the transaction carries the client's
//! state with it. Commands that send to others (`PUBLISH`, `SUBSCRIBE` and related commands) are run by the connection
//! afterwards, when the rest is durable; the writer notes where their replies go. They are not run if the transaction
//! is not executed.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{LentClient, Next};
use crate::resp::{Args, Span};
use crate::spec::{Flags, Kind, Spec};

/// Bytes that a command is charged besides its words, for the lists here.
pub const COMMAND_OVERHEAD_BYTES: u64 = 64;

/// A command of a transaction.
#[derive(Clone, Copy)]
pub struct Queued {
    /// The command.
    pub spec: &'static Spec,
    /// The database that is selected at that point.
    pub db: u16,
    /// Index of its first word.
    first_span: u32,
    /// Number of its words.
    spans: u32,
}

impl Queued {
    /// Whether it is a local command, rather than one on data.
    pub fn is_local(&self) -> bool {
        self.spec.is_local()
    }

    /// Whether it sends to others. They must not learn of anything that is not durable, so the connection runs it
    /// afterwards.
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
    /// The database that is selected after the commands so far.
    db: u16,
    /// Whether a command was refused. Then `EXEC` refuses the transaction.
    pub is_failed: bool,
    /// Whether the keys that it reads are remembered for the client, which tracks them.
    pub is_tracked: bool,
    /// The keys watched, if any; set by `EXEC`.
    pub watch: Option<Arc<Watch>>,
    /// The client's state, if any command is local.
    pub client: Option<LentClient>,
    /// The words of `EXEC`, concatenated: its name as the client typed it, and its conditions.
    exec_input: Vec<u8>,
    /// Where each of them is.
    exec_spans: Vec<Span>,
    /// The database that is selected at `EXEC`, before the commands.
    exec_db: u16,
    /// What the local commands asked for besides their replies.
    pub postponed: Vec<Next>,
    /// Where the replies of the commands go that the connection runs afterwards, as offsets into the submission's
    /// replies. Set by the writer when it has executed the transaction.
    pub reply_offsets: Vec<usize>,
    /// Where the first reply begins, as such an offset. Set at the same time.
    pub replies_at: usize,
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
            exec_input: b"exec".to_vec(),
            exec_spans: vec![Span { start: 0, len: 4 }],
            exec_db: db,
            postponed: Vec::new(),
            reply_offsets: Vec::new(),
            replies_at: 0,
        }
    }

    /// Bytes that it is charged.
    pub fn charged_bytes(&self) -> u64 {
        (self.input.len() + self.exec_input.len()) as u64
            + (self.spans.len() + self.exec_spans.len()) as u64 * size_of::<Span>() as u64
            + self.commands.len() as u64 * COMMAND_OVERHEAD_BYTES
    }

    /// Bytes by which [`Transaction::charged_bytes`] would grow with this command.
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
        if spec.flags.has(Flags::SELECTS)
            && let Some(db) = args.integer(1)
            && (0..i64::from(databases)).contains(&db)
        {
            self.db = db as u16;
        }
    }

    /// Undoes what its execution left here: the client is in its first database again, and nothing is to be done
    /// afterwards. What local commands changed besides the data stays.
    pub fn take_back(&mut self) {
        self.reply_offsets.clear();
        self.postponed.clear();
        if let (Some(client), Some(first)) = (&mut self.client, self.commands.first()) {
            client.select(first.db);
        }
    }

    /// The words of one of its commands.
    pub fn args(&self, queued: &Queued) -> Args<'_> {
        Args::new(&self.input, &self.spans[queued.first_span as usize..][..queued.spans as usize])
    }

    /// The database that is selected after all commands.
    pub fn db(&self) -> u16 {
        self.db
    }

    /// Notes the words of `EXEC`, and the database that is selected there.
    pub fn executed_by(&mut self, args: &Args<'_>, db: u16) {
        self.exec_db = db;
        self.exec_input.clear();
        self.exec_spans.clear();
        for word in args.from(0) {
            self.exec_spans.push(Span { start: self.exec_input.len() as u32, len: word.len() as u32 });
            self.exec_input.extend_from_slice(word);
        }
    }

    /// The words of `EXEC` itself.
    pub fn exec_args(&self) -> Args<'_> {
        Args::new(&self.exec_input, &self.exec_spans)
    }

    /// The database of the keys that the conditions of `EXEC` name.
    pub fn exec_db(&self) -> u16 {
        self.exec_db
    }

    /// Whether a pause of writes holds the transaction back.
    pub fn writes(&self) -> bool {
        let may_replicate = |queued: &Queued| queued.spec.flags.has(Flags::MAY_REPLICATE);
        self.commands.iter().any(|queued| queued.is_write() || may_replicate(queued))
    }

    /// Whether any command is local.
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
    /// Whether it had expired, but was not deleted, when it was watched.
    pub was_due: bool,
}

/// The keys that a client watches, shared with the writer. When the client drops it, they are no longer watched.
#[derive(Default)]
pub struct Watch {
    /// Whether any of the keys was changed since then.
    is_touched: AtomicBool,
    /// The keys, added by the writer.
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
