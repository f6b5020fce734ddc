//! The shipped parts put together as `ackd::storage` does it, without threads: the same seed gives the same operations.

use super::beside::STORING_MAX;
use super::disk::{Disk, Power, PoweredStorage};
use super::late_log::LateLog;
use super::logged::Logged;
use crate::common::collections::{Kind, join, split};
use crate::common::keys::{Command, DATABASES, Entry, Model};
use ackd::checkpointer::Checkpointer;
use ackd::clock::Clock;
use ackd::command::{self, Call};
use ackd::effect::End;
use ackd::keyspace::{
    DRAFTS, Events, KeyReader, KeyspaceError, Lookups, Prepared, Value, expiries_len, keys_slot,
};
use ackd::recovery::{Recovered, RecoveryError, TableSource, recover};
use ackd::resp::{Args, Protocol, Reply, Span};
use ackd::spec;
use ackd::state::{ClientInfo, Limits, Peer, ServerState, Transaction};
use ackd::table::{Table, TableOptions, View};
use ackd::writer::{
    Item, Progress, Promise, RecoveryFigures, Resolver, Steps, Submission, WorkedOut, Writer, WriterError,
    WriterGauges, WriterOptions, WriterQueue, promise, writer_queue,
};
use smol::future::{block_on, poll_once};
use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use wal::{Log, LogOptions};

/// What differs from history to history.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Whether the log goes through the page cache.
    pub buffered: bool,
    /// Length of a segment in bytes.
    pub segment_bytes: u64,
    /// Block in bytes on which a group starts.
    pub block_bytes: u32,
    /// Turns of the writer between the start of a checkpoint and its run.
    pub checkpoint_turns: u32,
    /// How long a replay may take in milliseconds: it decides when a checkpoint is due.
    pub recovery_target_ms: u64,
    /// Whether the writer runs as on a thread that serves connections: a step waits only if nothing else is left to do.
    pub inline: bool,
    /// Whether somebody reads all the time.
    pub is_read: bool,
    /// How often the writer asks in vain whether a group is durable; 0: it waits for each.
    pub sync_asks: u32,
    /// Seed of salts.
    pub seed: u64,
}

impl Setup {
    /// How the table is opened.
    pub fn table_options(&self) -> TableOptions {
        TableOptions { headroom_pages: 16, instance_id: 42, seed: self.seed, ..TableOptions::default() }
    }

    /// How the log is opened.
    pub fn log_options(&self) -> LogOptions {
        LogOptions {
            segment_bytes: self.segment_bytes,
            block_bytes: self.block_bytes,
            spare_segments: 1,
            spare_segments_max: 2,
            background: false,
            salt_seed: Some(self.seed),
            ..LogOptions::default()
        }
    }
}

/// Recovers what is on `disk`.
pub fn open(disk: &Disk, power: &Power, setup: &Setup) -> Result<Recovered<PoweredStorage>, RecoveryError> {
    let source = TableSource::Existing(disk.file(power));
    recover(source, disk.storage(power), &setup.table_options(), setup.log_options())
}

/// All databases in a version of the table. Checks that the counts agree with the keys.
pub fn read_all(view: &View<'_>) -> Model {
    let mut model = Model::default();
    let mut lookups = Lookups::default();
    for db in 0..DATABASES {
        let mut timed = 0;
        let keys = &mut model.dbs[db];
        let mut reader = KeyReader::new(view, 0, &mut lookups);
        let read = reader.each_from(db, b"", |key, value| {
            let value = value.expect("no deadline has passed at the beginning of time");
            let (kind, bytes) = contents(view, &value)?;
            timed += u64::from(value.expire_at_ms.is_some());
            let value = Entry { kind, value: Arc::new(bytes.into_owned()), expiry: value.expire_at_ms };
            keys.insert(key.into(), value);
            Ok(true)
        });
        read.expect("the keys can be read");
        assert_eq!(view.root(keys_slot(db)).len(), keys.len() as u64, "the count of keys in db {db}");
        assert_eq!(expiries_len(view, db), timed, "the count of deadlines in db {db}");
    }
    model
}

/// A digest of all databases in a version of the table, equal to [`digest`] of the same keys. Checks that the counts agree
/// with the keys.
pub fn digest_of(view: &View<'_>) -> Result<u64, String> {
    let mut total = 0_u64;
    let mut lookups = Lookups::default();
    for db in 0..DATABASES {
        let root = view.root(keys_slot(db));
        let (mut keys, mut timed) = (0, 0);
        let mut reader = KeyReader::new(view, 0, &mut lookups);
        let read = reader.each_from(db, b"", |key, value| {
            let value = value.expect("no deadline has passed at the beginning of time");
            let (kind, bytes) = contents(view, &value)?;
            total = total.wrapping_add(entry_digest(db, key, (kind, &bytes), value.expire_at_ms));
            keys += 1;
            timed += u64::from(value.expire_at_ms.is_some());
            Ok(true)
        });
        read.map_err(|error| format!("the keys of db {db} cannot be read: {error}"))?;
        if root.len() != keys || expiries_len(view, db) != timed {
            let counted = (root.len(), expiries_len(view, db));
            return Err(format!("db {db} counts {counted:?} and has {:?} keys and deadlines", (keys, timed)));
        }
    }
    Ok(total)
}

/// What a key holds, as the model has it. Checks that the counts of collections agree with their elements.
fn contents<'a>(view: &'a View<'_>, value: &Value<'a>) -> Result<(Kind, Cow<'a, [u8]>), KeyspaceError> {
    if let Some(text) = value.text()? {
        return Ok((Kind::String, text.to_contiguous(view)?));
    }
    let mut words = Vec::new();
    let (kind, len) = if let Some(list) = value.list() {
        list.each(view, End::Head, 0, |_, text| {
            words.push(text.to_contiguous(view)?.into_owned());
            Ok(true)
        })?;
        (Kind::List, list.len()? as usize)
    } else if let Some(hash) = value.hash(0) {
        hash.each_from(view, b"", |field, element| {
            words.extend([field.to_vec(), element.text.to_contiguous(view)?.into_owned()]);
            Ok(true)
        })?;
        (Kind::Hash, 2 * hash.len(view)? as usize)
    } else if let Some(set) = value.set() {
        set.each_from(view, b"", |member| {
            words.push(member.to_vec());
            Ok(true)
        })?;
        (Kind::Set, set.len()? as usize)
    } else {
        let set = value.sorted_set().expect("there is no other type");
        let len = 2 * set.len()? as usize;
        let mut in_order = Vec::new();
        set.each_in(view, 0..set.len()?, false, |member, score| {
            in_order.push((member.to_vec(), score.get()));
            Ok(true)
        })?;
        in_order.sort_by(|a, b| a.0.cmp(&b.0));
        set.each_member_from(view, b"", |member, score| {
            let same = in_order
                .get(words.len() / 2)
                .is_some_and(|(other, ordered)| other == member && *ordered == score.get());
            assert!(same, "the two trees of a sorted set say the same");
            words.extend([member.to_vec(), score.get().to_string().into_bytes()]);
            Ok(true)
        })?;
        (Kind::SortedSet, len)
    };
    assert_eq!(len, words.len(), "the count of a collection");
    Ok((kind, join(&words).into()))
}

/// A digest of all databases.
pub fn digest(model: &Model) -> u64 {
    let entries =
        model.dbs.iter().enumerate().flat_map(|(db, keys)| keys.iter().map(move |entry| (db, entry)));
    let digests =
        entries.map(|(db, (key, entry))| entry_digest(db, key, (entry.kind, &entry.value), entry.expiry));
    digests.fold(0, u64::wrapping_add)
}

fn entry_digest(db: usize, key: &[u8], (kind, value): (Kind, &[u8]), expiry: Option<u64>) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = rapidhash::fast::RapidHasher::default();
    hasher.write_usize(db);
    kind.hash(&mut hasher);
    hasher.write_u64(expiry.unwrap_or(0));
    hasher.write_usize(key.len());
    hasher.write(key);
    hasher.write(value);
    hasher.finish()
}

/// A transaction, whose commands are joined in the words after `EXEC`.
fn transaction(command: &Command) -> Transaction {
    let mut transaction = Transaction::new(command.db as u16);
    for words in &command.words[1..] {
        let words = split(words);
        let spec = spec::lookup(&words[0]).expect("a command of the server");
        let (mut input, mut spans) = (Vec::new(), Vec::new());
        for word in &words {
            spans.push(Span { start: input.len() as u32, len: word.len() as u32 });
            input.extend(word);
        }
        transaction.queue(spec, &Args::new(&input, &spans), DATABASES as u32);
    }
    transaction
}

/// Commands to be answered together.
fn submission(commands: &[Command], reply_to: Resolver) -> Box<Submission> {
    let mut submission = Submission::empty(reply_to);
    for command in commands {
        if command.words[0] == b"EXEC" {
            submission.items.push(Item::Transaction(Box::new(transaction(command))));
            continue;
        }
        let spec = spec::lookup(&command.words[0]).expect("a command of the server");
        let first_span = submission.spans.len() as u32;
        for word in &command.words {
            let start = submission.input.len() as u32;
            submission.spans.push(Span { start, len: word.len() as u32 });
            submission.input.extend_from_slice(word);
        }
        let spans = command.words.len() as u32;
        submission.items.push(Item::Execute { spec, db: command.db as u16, first_span, spans });
    }
    submission
}

/// Whether there are parts of results that are not stored yet.
pub fn has_drafts(view: &View<'_>) -> bool {
    !view.root(keys_slot(DRAFTS)).is_empty()
}

/// A running server without sockets.
pub struct Stack {
    writer: Box<dyn Steps>,
    /// Whether its steps wait only if nothing else is left to do.
    inline: bool,
    /// Whether its current step may wait.
    may_wait: Arc<AtomicBool>,
    /// Whether somebody reads all the time.
    is_read: bool,
    /// What clients share.
    state: Arc<ServerState>,
    /// How the writer ended, if it has.
    pub ended: Option<Result<(), WriterError>>,
    queue: WriterQueue,
    table: Arc<Table>,
    /// Clients that have results stored.
    clients: Vec<Arc<ClientInfo>>,
    /// What the log took.
    pub logged: Logged,
}

impl Stack {
    /// Starts the writer on what was recovered.
    pub fn start<L: Log + 'static>(
        log: L,
        recovered: (Arc<Table>, ackd::table::TableWriter),
        setup: &Setup,
    ) -> Self {
        let options = WriterOptions { group_bytes_max: 100_000, ..WriterOptions::default() };
        Self::start_with(log, recovered, setup, Clock::new(0), options)
    }

    /// The same with a clock and the writer's limits.
    pub fn start_with<L: Log + 'static>(
        log: L,
        recovered: (Arc<Table>, ackd::table::TableWriter),
        setup: &Setup,
        clock: Clock,
        options: WriterOptions,
    ) -> Self {
        let limits = Limits::default();
        limits.set_checkpoint_interval_s(0);
        limits.set_recovery_target_ms(setup.recovery_target_ms);
        limits.set_slowlog_slower_than_us(-1);
        let state = Arc::new(ServerState::new(limits));
        let (table, writer) = recovered;
        let gauges = Arc::new(WriterGauges::new(table.clone(), log.status(), RecoveryFigures::default()));
        let (queue, inbox) = writer_queue();
        let checkpointer = Checkpointer::on_caller(state.clone(), setup.checkpoint_turns);
        let may_wait = Arc::new(AtomicBool::new(true));
        let logged = Logged::default();
        let log = LateLog::new(log, setup.sync_asks, may_wait.clone(), setup.is_read, logged.clone());
        let clients =
            std::iter::repeat_with(|| state.clients.add(Peer::default(), state.users.default_user(), 0));
        let clients = clients.take(STORING_MAX).collect();
        let writer =
            Writer::new(log, writer, inbox, state.clone(), gauges, Arc::new(clock), checkpointer, options);
        let Setup { inline, is_read, .. } = *setup;
        let writer: Box<dyn Steps> = Box::new(writer);
        Self { writer, inline, may_wait, is_read, state, ended: None, queue, table, clients, logged }
    }

    /// Puts commands into the writer's queue; the promise has their replies once they are durable.
    pub fn submit(&mut self, commands: &[Command]) -> Promise {
        let (promise, reply_to) = promise();
        let submission = submission(commands, reply_to);
        block_on(self.queue.submit(submission)).expect("the writer runs");
        promise
    }

    /// Puts a submission back into the queue.
    pub fn hand(&mut self, mut submission: Box<Submission>) -> Promise {
        let (promise, reply_to) = promise();
        submission.reply_to = reply_to;
        block_on(self.queue.submit(submission)).expect("the writer runs");
        promise
    }

    /// Works a client's command out on what is published, however short it is. `None` if the writer has to run it, or it
    /// changes nothing.
    pub fn work_out(&self, command: &Command, client: usize) -> Option<Box<Submission>> {
        let mut submission = submission(std::slice::from_ref(command), promise().1);
        submission.client_id = self.clients[client].id();
        let Some(&Item::Execute { spec, db, first_span, spans }) = submission.items.first() else {
            return None;
        };
        let mut prepared = Prepared::new(&submission.client_id.to_be_bytes());
        let mut out = Vec::new();
        let (mut lookups, mut missing) = (Lookups::default(), Events::default());
        let limits = self.state.command_limits();
        let args = submission.args(first_span, spans);
        // No deadline has passed at the beginning of time.
        let call = Call { spec, args, db: command.db, now_ms: 0, limits };
        let mut reply = Reply::new(&mut out, Protocol::default());
        let view = self.table.snapshot();
        command::prepare(&call, &view, &mut reply, &mut lookups, &mut missing, &mut prepared).ok()?;
        if !prepared.changes() {
            return None;
        }
        let result = WorkedOut { prepared, reply: out, took: Duration::ZERO, is_outdated: false };
        submission.items[0] = Item::Store { spec, db, first_span, spans, result: Box::new(result) };
        Some(submission)
    }

    /// Has everything published that was acknowledged so far.
    pub fn publish(&mut self) {
        let queue = self.queue.clone();
        let mut published = pin!(queue.publish());
        while block_on(poll_once(&mut published)).is_none() && self.ended.is_none() {
            self.work();
        }
    }

    /// Asks for a checkpoint.
    pub fn checkpoint(&mut self) {
        drop(block_on(self.queue.checkpoint()).expect("the writer runs"));
    }

    /// A quiet moment.
    pub fn tick(&mut self) {
        self.queue.tick();
    }

    /// Lets the writer do all that it can do now.
    pub fn work(&mut self) {
        let mut may_wait = !self.inline;
        while self.ended.is_none() {
            if self.is_read {
                self.state.publication.ask();
            }
            self.may_wait.store(may_wait, Relaxed);
            match self.writer.step(may_wait) {
                Ok(Progress::Idle) => return,
                Ok(Progress::More) => may_wait = !self.inline,
                Ok(Progress::NeedsThread) => may_wait = true,
                Ok(Progress::Ended) => self.ended = Some(Ok(())),
                Err(error) => self.ended = Some(Err(error)),
            }
        }
    }

    /// Stops the writer cleanly.
    pub fn stop(&mut self, checkpoint: bool) {
        let queue = self.queue.clone();
        let mut shutdown = pin!(queue.shutdown(checkpoint));
        assert!(block_on(poll_once(&mut shutdown)).is_none(), "the writer has to stop first");
        self.work();
        let told = block_on(shutdown);
        let ended = self.ended.as_ref().expect("the writer has stopped");
        assert_eq!(ended.is_ok(), told.is_ok(), "the one who asked learns how it went");
    }

    /// What readers see.
    pub fn table(&self) -> Arc<Table> {
        self.table.clone()
    }
}
