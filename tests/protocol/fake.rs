//! A server with real sockets, connections, queue and commands of the connection, but with a map instead of log and table.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ackd::command::CommandError;
use ackd::config::{self, Settings, Sources};
use ackd::connection::{Ahead, ExpiredKey, Fetch, LongEnd, LongRead, ReadCall, ReadOutcome, Reads, Services};
use ackd::net::Listener;
use ackd::own_names::OwnNames;
use ackd::resp::{Args, Reply, Sink};
use ackd::server::{Executors, run};
use ackd::spec::{self, Spec};
use ackd::state::{Limits, RunEnd, ServerState, ShutdownMode};
use ackd::table::{Budget, Hint, Snapshot};
use ackd::writer::{Completion, Item, Job, Submission, WriterInbox, writer_queue_with};

/// A database and a name.
type Key = (u16, Vec<u8>);
/// What the fake does with a command.
type Outcome = Result<(), CommandError>;

/// The keys of all databases, and what the fake writer saw.
#[derive(Default)]
pub struct Store {
    keys: Mutex<HashMap<Key, Vec<u8>>>,
    /// Closed while the writer must not run.
    gate: (Mutex<bool>, Condvar),
    /// Closed while keys that start with `cold:` cannot be fetched.
    disk: Arc<(Mutex<bool>, Condvar)>,
    /// Times that such keys were fetched.
    pub fetched: Arc<AtomicUsize>,
    /// Numbers of keys that were looked up together, in order.
    pub looked_ahead: Mutex<Vec<usize>>,
    /// Items of each submission, in order.
    pub submissions: Mutex<Vec<usize>>,
    /// Bytes of replies after which the writer hands a submission back unfinished.
    pub out_bytes_max: AtomicUsize,
    /// Keys that were purged.
    pub purged: Mutex<Vec<Vec<u8>>>,
    /// Checkpoints taken.
    pub checkpoints: AtomicUsize,
}

impl Store {
    pub fn hold_writer(&self, hold: bool) {
        hold_gate(&self.gate, hold);
    }

    pub fn hold_disk(&self, hold: bool) {
        hold_gate(&self.disk, hold);
    }

    pub fn put(&self, db: u16, key: &[u8], value: &[u8]) {
        self.keys.lock().unwrap().insert((db, key.to_vec()), value.to_vec());
    }

    fn get(&self, db: u16, key: &[u8], reply: &mut Reply<'_>) {
        match self.keys.lock().unwrap().get(&(db, key.to_vec())) {
            Some(value) => reply.bulk(value),
            None => reply.null(),
        }
    }

    /// Whether a command changes anything: all writing commands do, except a `SET` to the present value.
    fn changes(&self, spec: &Spec, db: u16, args: &Args<'_>) -> bool {
        let is_there = || self.keys.lock().unwrap().get(&(db, args[1].to_vec())) == Some(&args[2].to_vec());
        spec.is_write() && !(spec.id == spec::SET.id && is_there())
    }

    fn execute(&self, spec: &Spec, db: u16, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
        match spec.name {
            "set" => {
                self.put(db, &args[1], &args[2]);
                reply.ok();
            }
            "incr" => {
                let mut keys = self.keys.lock().unwrap();
                let value = keys.entry((db, args[1].to_vec())).or_insert_with(|| b"0".to_vec());
                let number: i64 = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse().ok())
                    .ok_or(CommandError::NOT_AN_INTEGER)?;
                *value = (number + 1).to_string().into_bytes();
                reply.integer(number + 1);
            }
            "get" => self.get(db, &args[1], reply),
            "mget" => {
                reply.array(args.len() - 1);
                args.from(1).for_each(|key| self.get(db, key, reply));
            }
            "getrange" => reply.bulk(&vec![b'x'; std::str::from_utf8(&args[3]).unwrap().parse().unwrap()]),
            other => panic!("the fake does not know {other}"),
        }
        Ok(())
    }
}

impl Reads for Store {
    fn read(
        &self,
        call: &ReadCall<'_>,
        _: Ahead<'_>,
        reply: &mut Reply<'_>,
        expired: &mut Vec<ExpiredKey>,
    ) -> Result<ReadOutcome, CommandError> {
        for key in call.args.from(1).filter(|key| key.starts_with(b"stale:")) {
            if self.keys.lock().unwrap().remove(&(call.db, key.to_vec())).is_some() {
                expired.push((call.db, key.into()));
            }
        }
        let start = reply.len_bytes();
        self.execute(call.spec, call.db, call.args, reply)?;
        if !reply.is_cut() {
            return Ok(ReadOutcome::Replied);
        }
        reply.truncate(start);
        Ok(ReadOutcome::Long)
    }

    fn read_long(&self, read: &LongRead, _: &Budget, sink: &mut dyn Sink, rest: &mut Vec<u8>) -> LongEnd {
        let mut reply = Reply::streaming(rest, read.protocol, sink, usize::MAX);
        LongEnd::Replied(self.execute(read.spec, read.db, &read.args(), &mut reply), Vec::new())
    }

    fn holds_too_much(&self) -> bool {
        false
    }

    fn run_no_op(&self, call: ReadCall<'_>, reply: &mut Reply<'_>) -> Result<bool, CommandError> {
        if self.changes(call.spec, call.db, call.args) {
            return Ok(false);
        }
        self.execute(call.spec, call.db, call.args, reply).map(|()| true)
    }

    fn look_ahead<'t>(&'t self, _: u16, keys: &[&[u8]], _: &mut Vec<Hint>) -> Option<Snapshot<'t>> {
        self.looked_ahead.lock().unwrap().push(keys.len());
        None
    }

    fn now_ms(&self) -> u64 {
        0
    }

    fn missing(&self, _: &'static Spec, _: u16, args: &Args<'_>) -> Option<Fetch> {
        let (disk, fetched) = (self.disk.clone(), self.fetched.clone());
        args[1].starts_with(b"cold:").then(|| -> Fetch {
            Box::new(move || {
                pass_gate(&disk);
                fetched.fetch_add(1, SeqCst);
            })
        })
    }

    fn warm(&self, _: &'static Spec, _: u16, _: &Args<'_>) {}
}

fn hold_gate(gate: &(Mutex<bool>, Condvar), hold: bool) {
    *gate.0.lock().unwrap() = hold;
    gate.1.notify_all();
}

fn pass_gate(gate: &(Mutex<bool>, Condvar)) {
    let mut held = gate.0.lock().unwrap();
    while *held {
        held = gate.1.wait(held).unwrap();
    }
}

/// Plays the writer until it is told to stop.
fn write(store: &Store, state: &ServerState, inbox: &WriterInbox) {
    while let Some(job) = smol::future::block_on(inbox.recv()) {
        pass_gate(&store.gate);
        match job {
            Job::Submission(submission) => answer(store, state, submission),
            Job::Checkpoint { done } => {
                store.checkpoints.fetch_add(1, SeqCst);
                let _ = done.try_send(Ok(()));
            }
            Job::Publish { done } => {
                let _ = done.try_send(());
            }
            Job::Tick | Job::Unblock { .. } => {}
            Job::Shutdown { done, .. } => {
                let _ = done.try_send(Ok(()));
                return;
            }
        }
    }
}

fn answer(store: &Store, state: &ServerState, mut submission: Box<Submission>) {
    store.submissions.lock().unwrap().push(submission.items.len());
    let mut out = std::mem::take(&mut submission.out);
    let before = out.len();
    let mut executed = 0;
    submission.changed = submission.items.iter().any(|item| match item {
        Item::Execute { spec, db, first_span, spans } => {
            store.changes(spec, *db, &submission.args(*first_span, *spans))
        }
        _ => false,
    });
    for item in &submission.items {
        match item {
            Item::Execute { spec, db, first_span, spans } => {
                let args = submission.args(*first_span, *spans);
                let from = out.len();
                let mut reply = Reply::new(&mut out, submission.protocol);
                let result = store.execute(spec, *db, &args, &mut reply);
                if let Err(error) = &result {
                    reply.truncate(from);
                    reply.error(error.to_string());
                }
                let reply_bytes = (reply.len_bytes() - from) as u64;
                let run = RunEnd { took: Duration::from_micros(1), reply_bytes, failed: result.is_err() };
                state.ran(submission.client_id, spec, &args, run);
            }
            Item::KnownReply(span) => out.extend_from_slice(span.of(&submission.known_replies)),
            Item::Transaction(_) | Item::Watch { .. } => unreachable!("the fake knows no transactions"),
            Item::Store { .. } => unreachable!("the fake finds no command long"),
            Item::Purge { key, .. } => store.purged.lock().unwrap().push(key.to_vec()),
        }
        executed += 1;
        if out.len() - before >= store.out_bytes_max.load(SeqCst) {
            break;
        }
    }
    submission.out = out;
    if let Some(waker) =
        (Completion { submission, executed, is_next_long: false, replies_at: before }).resolve()
    {
        waker.wake();
    }
}

/// A port of this machine.
fn listeners() -> Vec<Listener> {
    Listener::bind_all(&["127.0.0.1".to_owned()], 0, 128).unwrap()
}

/// A running server; stops when dropped.
pub struct Fake {
    pub address: SocketAddr,
    pub store: Arc<Store>,
    pub state: Arc<ServerState>,
    main: Option<JoinHandle<()>>,
}

impl Fake {
    pub fn start() -> Self {
        Self::start_with(Limits::default(), 2)
    }

    pub fn start_with(limits: Limits, threads: usize) -> Self {
        Self::start_on(limits, threads, listeners())
    }

    pub fn start_on(limits: Limits, threads: usize, listeners: Vec<Listener>) -> Self {
        Self::start_server(ServerState::new(limits), threads, listeners)
    }

    /// A server that lets clients use `DEBUG`.
    pub fn start_debuggable() -> Self {
        let text = b"enable-debug-command yes".as_slice();
        let sources = Sources { standard_input: Some(text.into()), ..Sources::default() };
        let state = ServerState::new(Limits::default());
        state.set_settings(Settings::new(config::load(&sources).unwrap()));
        Self::start_server(state, 2, listeners())
    }

    fn start_server(state: ServerState, threads: usize, listeners: Vec<Listener>) -> Self {
        let address = listeners[0].address().unwrap_or(([0, 0, 0, 0], 0).into());
        let state = Arc::new(state);
        let store = Arc::new(Store { out_bytes_max: AtomicUsize::new(usize::MAX), ..Store::default() });
        let (queue, inbox) = writer_queue_with(64, 1 << 20);
        let writer = std::thread::spawn({
            let (store, state) = (store.clone(), state.clone());
            move || write(&store, &state, &inbox)
        });
        let main = std::thread::spawn({
            let services = Services {
                state: state.clone(),
                writer: queue.clone(),
                reads: store.clone(),
                records_origins: true,
            };
            move || {
                let executors = Executors::start(threads, &queue).unwrap();
                smol::future::block_on(async {
                    run(services, listeners, OwnNames::new([]), executors.spawner()).await;
                    queue.shutdown(false).await.unwrap();
                });
                writer.join().unwrap();
            }
        });
        Self { address, store, state, main: Some(main) }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.store.hold_writer(false);
        self.state.shutdown.request(ShutdownMode { checkpoint: false, now: true });
        if let Some(main) = self.main.take()
            && main.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server's main thread panicked");
        }
    }
}
