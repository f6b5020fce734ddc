//! What a connection does with the commands in its input buffer, up to the point where it has to wait.
//!
//! Nothing here waits for the writer or the socket: [`Session::take`] runs what can run at once, collects what the
//! writer has to answer, and returns a [`Step`] that says what must happen before the next call.
//!
//! Invariant: replies come in the order of the commands. While `Buffers::items` is not empty, every reply goes there,
//! too. A command whose reply cannot go there (another protocol, replies switched off), or that must not run before the
//! items, is held back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::ahead::Round;
use super::buffers::{Buffers, ITEMS_MAX, TRANSACTION_BYTES_MAX, UNAUTHENTICATED_OUT_BYTES_MAX};
use super::found::Found;
use super::history::NoOps;
use super::read::{ExpiredKey, Fetch, LongRead, ReadCall, ReadOutcome, Reads};
use crate::command::{self, Admission, Caller, LocalCtx, Run, run_of};
use crate::resp::{Args, Protocol, ProtocolError, Reply, RequestLimits, RequestParser, Span};
use crate::spec::{Flags, Kind, Spec};
use crate::state::{ClientState, Next, ReplyMode, RunEnd, ServerState};
use crate::writer::{Item, WriterQueue};

/// What has to happen before the session goes on. All steps but [`Step::Abort`] begin with answering the items and
/// sending the replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// No whole command is left: read on.
    Read,
    /// Replies or items are waiting, and there is more to do after them.
    Answer,
    /// A command asked for more than a reply. Its own reply starts at `reply_at` and is held back until it is done.
    Wait {
        /// What the command asked for.
        next: Next,
        /// Where its reply starts in the replies.
        reply_at: usize,
    },
    /// The next command reads, and acknowledged writes are not published yet: the writer must publish them first.
    Publish,
    /// The next command's keys are not in memory: they must be fetched first, while other clients go on.
    Fetch,
    /// A read takes long: it must run beside.
    Beside,
    /// `CLIENT PAUSE` holds the next command back.
    Pause {
        /// Whether it may change data.
        is_write: bool,
    },
    /// Close when all is sent.
    Close,
    /// Close now.
    Abort,
}

/// One client's commands.
pub(super) struct Session {
    /// What all connections share.
    pub(super) state: Arc<ServerState>,
    /// The data as connections see it.
    pub(super) reads: Arc<dyn Reads>,
    /// The writer.
    pub(super) writer: WriterQueue,
    /// The client's own state.
    pub(super) client: ClientState,
    /// What commands of a transaction asked for besides their replies.
    pub(super) postponed: VecDeque<Next>,
    /// Finds commands in the input.
    parser: RequestParser,
    /// When the command before this one ended: the start of the current command's run time.
    pub(super) clock: Instant,
    /// The time for expiry times, read in this round, in milliseconds since 1970; and when it was read.
    wall_ms: Option<(u64, Instant)>,
    /// Keys that the last read found expired.
    pub(super) expired: Vec<ExpiredKey>,
    /// Whether everything that was acknowledged before the next command came is published.
    published: bool,
    /// Whether the client's last writes changed anything.
    pub(super) no_ops: NoOps,
    /// Fetches the next command's keys into memory.
    fetch: Option<Fetch>,
    /// Whether the next command's keys were fetched.
    fetched: bool,
    /// The read that must run beside.
    pub(super) long: Option<LongRead>,
}

impl Session {
    /// The session of a client that just connected.
    pub fn new(
        state: Arc<ServerState>,
        reads: Arc<dyn Reads>,
        writer: WriterQueue,
        client: ClientState,
    ) -> Self {
        Self {
            state,
            reads,
            writer,
            client,
            postponed: VecDeque::new(),
            parser: RequestParser::default(),
            clock: Instant::now(),
            wall_ms: None,
            expired: Vec::new(),
            published: false,
            no_ops: NoOps::default(),
            fetch: None,
            fetched: false,
            long: None,
        }
    }

    /// The client's ID.
    pub fn client_id(&self) -> u64 {
        self.client.id()
    }

    /// Whether the client may run commands.
    pub fn is_authenticated(&self) -> bool {
        self.client.is_authenticated()
    }

    /// How many bytes of the current word are missing; 0 if unknown.
    pub fn missing_bytes(&self, received: usize) -> usize {
        self.parser.missing_bytes(received)
    }

    /// Notes that the input now starts where `Buffers::taken` was.
    pub fn rewind(&mut self, work: &mut Buffers) {
        self.parser.rewind(&mut work.found.spans);
        work.found.clear();
    }

    /// Notes that the writer published everything that the next command must see.
    pub fn published(&mut self) {
        self.published = true;
    }

    /// The function that fetches the next command's keys, to be called before the command runs.
    pub fn fetch(&mut self) -> Option<Fetch> {
        self.fetched = true;
        self.fetch.take()
    }

    /// Runs or collects the commands of the input until something else must happen first. `reads` is the data that the
    /// session was made with.
    pub fn take(&mut self, reads: &dyn Reads, work: &mut Buffers) -> Step {
        if let Some(step) = self.take_postponed(work) {
            return step;
        }
        self.clock = Instant::now();
        self.wall_ms = None;
        let mut round = Round::new(reads);
        let (mut commands, mut last_id) = (0, None);
        let step = loop {
            if self.client.info().is_killed() {
                break Step::Abort;
            }
            if self.is_full(work) {
                break Step::Answer;
            }
            let first_span = work.spans.len();
            let found = match self.next_command(work, &mut round) {
                Ok(Some(found)) => found,
                Ok(None) => {
                    work.taken = self.parser.consumed();
                    break Step::Read;
                }
                Err(error) => {
                    self.refuse(work, error.to_string().as_bytes());
                    break Step::Close;
                }
            };
            let (spec, step) = self.command(work, first_span, found.spec, &mut round);
            if work.held.is_empty() {
                commands += 1;
                last_id = spec.map(|spec| spec.id).or(last_id);
            }
            work.taken = found.end;
            if let Some(step) = step {
                break step;
            }
        };
        self.client.info().took(commands, last_id);
        step
    }

    /// Whether enough is collected that it should be answered first.
    fn is_full(&self, work: &Buffers) -> bool {
        let out_bytes_max = match self.is_authenticated() {
            true => usize::try_from(self.state.limits.output_bytes_max()).unwrap_or(usize::MAX),
            false => UNAUTHENTICATED_OUT_BYTES_MAX,
        };
        work.items.len() >= ITEMS_MAX
            || work.transaction_bytes >= TRANSACTION_BYTES_MAX
            || work.known_replies.len() >= out_bytes_max
            || work.out.len() >= out_bytes_max
    }

    /// Takes the next command of the input, and appends its words to the spans. `None` if no whole command is left.
    fn next_command(
        &mut self,
        work: &mut Buffers,
        round: &mut Round<'_>,
    ) -> Result<Option<Found>, ProtocolError> {
        let mut found = work.found.take(&mut work.spans);
        if found.is_none() {
            round.unpin();
            let limits = RequestLimits {
                bulk_bytes_max: self.state.limits.bulk_bytes_max(),
                authenticated: self.is_authenticated(),
            };
            let looks_ahead = !work.is_pending() && self.may_look_ahead();
            work.found.find(&mut self.parser, &mut work.input, &limits, looks_ahead)?;
            found = work.found.take(&mut work.spans);
        }
        if let Some(found) = &found {
            round.begin(found);
        }
        Ok(found)
    }

    /// Whether several reads of this client may share a version. Not if it tracks what it reads: a key must be remembered
    /// before the version is pinned, or a change in between is missed.
    fn may_look_ahead(&self) -> bool {
        self.is_authenticated() && !self.client.is_special() && self.client.reply_mode() == ReplyMode::On
    }

    /// Handles the command whose words are the spans from `first_span` on; `known` says which it is, if that is known.
    /// Returns it, and a step if something must happen before the next command.
    fn command(
        &mut self,
        work: &mut Buffers,
        first_span: usize,
        known: Option<&'static Spec>,
        round: &mut Round<'_>,
    ) -> (Option<&'static Spec>, Option<Step>) {
        let args = Args::new(&work.input, &work.spans[first_span..]);
        let caller = Caller::Client(&self.client);
        let admission = match known {
            Some(spec) => caller.admit_command(&self.state, spec, &args),
            None => caller.admit(&self.state, &args),
        };
        let spec = match admission {
            Admission::Run(spec) => spec,
            other => return self.turned_away(work, first_span, other),
        };
        if work.is_pending() && !self.may_follow(work, first_span, spec) {
            hold(work, first_span);
            return (Some(spec), Some(Step::Answer));
        }
        if !spec.is_local() && !work.is_pending() && !round.is_pinned() && !std::mem::take(&mut self.fetched)
        {
            let args = Args::new(&work.input, &work.spans[first_span..]);
            self.fetch = self.reads.missing(spec, self.client.db(), &args);
            if self.fetch.is_some() {
                hold(work, first_span);
                return (Some(spec), Some(Step::Fetch));
            }
        }
        let only_reads = spec.only_reads(&Args::new(&work.input, &work.spans[first_span..]));
        let reads_snapshot = only_reads || spec.flags.has(Flags::SNAPSHOT);
        if reads_snapshot && !work.is_pending() && !round.is_pinned() && !self.sees_all() {
            hold(work, first_span);
            return (Some(spec), Some(Step::Publish));
        }
        let is_tried = !only_reads && self.tries(work, spec, work.spans.len() - first_span);
        if self.state.monitors.any() && !spec.is_local() {
            self.show_to_monitors(spec, &Args::new(&work.input, &work.spans[first_span..]));
        }
        let step = match spec.kind {
            Kind::Local => self.run_local(work, first_span, spec),
            Kind::Read | Kind::Write if only_reads && !work.is_pending() => {
                self.run_read(work, first_span, spec, round)
            }
            Kind::Write if is_tried && self.run_no_op(work, first_span, spec) => None,
            Kind::Read | Kind::Write => self.submit_later(work, first_span, spec),
        };
        if self.client.is_caching()
            && self.client.transaction().is_none()
            && !spec.flags.has(Flags::KEEPS_CACHING)
        {
            self.client.set_caching(false);
        }
        (Some(spec), step)
    }

    /// Handles a command that does not run now; returns the same as [`Session::command`].
    fn turned_away(
        &mut self,
        work: &mut Buffers,
        first_span: usize,
        admission: Admission,
    ) -> (Option<&'static Spec>, Option<Step>) {
        match admission {
            Admission::Malformed(malformed) => (None, self.malformed(work, first_span, malformed)),
            Admission::Refuse(spec, text) => {
                self.published = false;
                self.reject(work, spec, text.as_bytes());
                work.spans.truncate(first_span);
                (Some(spec), None)
            }
            Admission::Hold { spec, is_write } => {
                hold(work, first_span);
                // The command was already counted.
                self.client.info().took(0, Some(spec.id));
                (Some(spec), Some(Step::Pause { is_write }))
            }
            Admission::Queue(spec) => {
                self.queue(work, first_span, spec);
                (Some(spec), None)
            }
            Admission::Run(spec) => (Some(spec), None),
        }
    }

    /// The time that the next command sees, in milliseconds since 1970. The clock is read once per round, and the
    /// monotonic time since then is added.
    pub(super) fn now_ms(&mut self) -> u64 {
        let (wall_ms, at) = *self.wall_ms.get_or_insert_with(|| (self.reads.now_ms(), Instant::now()));
        wall_ms + self.clock.saturating_duration_since(at).as_millis() as u64
    }

    /// Whether a snapshot that is taken now has everything that was acknowledged before the command came.
    fn sees_all(&mut self) -> bool {
        // Always asked, so that the writer goes on publishing while somebody reads.
        self.state.publication.ask() | std::mem::take(&mut self.published)
    }

    /// Whether a command may be added to the waiting items: its reply must be handled like theirs.
    fn may_follow(&self, work: &Buffers, first_span: usize, spec: &Spec) -> bool {
        if spec.may_wait(&Args::new(&work.input, &work.spans[first_span..])) {
            return false;
        }
        if spec.is_local() && !spec.flags.has(Flags::SUBMITS) {
            return spec.flags.has(Flags::OVERTAKES) && !work.discard;
        }
        work.protocol == self.client.protocol()
            && work.is_tracked == self.client.tracks_next()
            && match self.client.reply_mode() {
                ReplyMode::On => !work.discard,
                ReplyMode::Off => work.discard,
                ReplyMode::Skip | ReplyMode::SkipNext => false,
            }
    }

    /// Runs a command on this thread.
    fn run_local(&mut self, work: &mut Buffers, first_span: usize, spec: &'static Spec) -> Option<Step> {
        let Run::Local(run) = run_of(spec) else {
            unreachable!("{} is no command of the connection", spec.name)
        };
        let pending = work.is_pending();
        let args = Args::new(&work.input, &work.spans[first_span..]);
        let replies = if pending { &mut work.known_replies } else { &mut work.out };
        let reply_at = replies.len();
        let protocol = self.client.protocol();
        let mut context = LocalCtx::new(&mut self.client, &self.state);
        self.writer.hand_over_before(spec);
        let mut reply = Reply::within(replies, protocol, self.state.limits.reply_bytes_max());
        let result = run(&mut context, &args, &mut reply).and_then(|()| command::whole(&reply));
        let next = context.next;
        if self.state.monitors.any() && next != Next::Exec {
            self.show_to_monitors(spec, &args);
        }
        match next {
            Next::Exec => {
                work.spans.truncate(first_span);
                return self.submit_transaction(work);
            }
            Next::Watch => {
                let run = RunEnd { took: self.clock.elapsed(), reply_bytes: 0, failed: false };
                self.state.ran(self.client.id(), spec, &args, run);
                return self.submit_watch(work, first_span);
            }
            _ => {}
        }
        self.settle(spec, &args, result, replies, reply_at, protocol);
        work.spans.truncate(first_span);
        if spec.flags.has(Flags::PUBSUB) && spec.flags.has(Flags::WHILE_LISTENING) {
            self.enter_push(work, reply_at);
        } else {
            self.enter_reply(work, reply_at);
        }
        match next {
            Next::Continue => None,
            Next::Close => Some(Step::Close),
            next => {
                debug_assert!(!pending, "{} waits, and has overtaken others", spec.name);
                Some(Step::Wait { next, reply_at: if pending { work.out.len() } else { reply_at } })
            }
        }
    }

    /// Runs a reading command on a snapshot.
    fn run_read(
        &mut self,
        work: &mut Buffers,
        first_span: usize,
        spec: &'static Spec,
        round: &mut Round<'_>,
    ) -> Option<Step> {
        let args = Args::new(&work.input, &work.spans[first_span..]);
        let (reply_at, protocol) = (work.out.len(), self.client.protocol());
        if self.client.tracks_next() && spec.flags.has(Flags::READONLY) {
            // Before the read: a change that the read does not see is looked up after this.
            self.state.tracking.remember(&self.state, self.client.id(), spec.keys_in(&args));
        }
        let now_ms = self.now_ms();
        let call = ReadCall { spec, db: self.client.db(), args: &args, now_ms };
        self.writer.hand_over_before(spec);
        round.look_ahead(&mut work.found, &work.input, call.db);
        let ahead = round.ahead(&work.found);
        let bytes_max = command::short_reply_bytes_max(spec, &args, self.state.limits.reply_bytes_max());
        let mut reply = Reply::within(&mut work.out, protocol, bytes_max);
        let result = match self.reads.read(&call, ahead, &mut reply, &mut self.expired) {
            Ok(ReadOutcome::OnWriter) => return self.submit_later(work, first_span, spec),
            Ok(ReadOutcome::Long) => {
                self.long = Some(LongRead::new(&call, protocol, self.is_silent()));
                work.spans.truncate(first_span);
                return Some(Step::Beside);
            }
            result => result.map(|_| ()),
        };
        self.settle(spec, &args, result, &mut work.out, reply_at, protocol);
        work.spans.truncate(first_span);
        if !self.expired.is_empty() && self.state.pauses_writes() {
            self.expired.clear();
        }
        if self.expired.is_empty() {
            self.enter_reply(work, reply_at);
            return None;
        }
        self.purge_before(work, reply_at, now_ms);
        self.close_items()
    }

    /// Holds back the reply of a read until the deletion of the keys that it found expired is in the log. The read saw
    /// the time `read_at_ms`, and its reply starts at `reply_at`.
    pub(super) fn purge_before(&mut self, work: &mut Buffers, reply_at: usize, read_at_ms: u64) {
        let expired = std::mem::take(&mut self.expired);
        self.purge(work, expired, read_at_ms);
        let start = work.known_replies.len();
        work.known_replies.extend_from_slice(&work.out[reply_at..]);
        work.out.truncate(reply_at);
        work.items.push(Item::KnownReply(span(start, work.known_replies.len())));
    }

    /// Adds a command to the items.
    fn submit_later(&mut self, work: &mut Buffers, first_span: usize, spec: &'static Spec) -> Option<Step> {
        let args = Args::new(&work.input, &work.spans[first_span..]);
        self.reads.warm(spec, self.client.db(), &args);
        let spans = args.len() as u32;
        self.begin_items(work);
        work.items.push(Item::Execute { spec, db: self.client.db(), first_span: first_span as u32, spans });
        // A command that may wait is submitted alone.
        let waits = spec.may_wait(&Args::new(&work.input, &work.spans[first_span..])).then_some(Step::Answer);
        self.close_items().or(waits)
    }

    /// Notes that the command of the newest item is complete. If its reply is to be skipped, all replies of the
    /// submission are discarded, so it is submitted at once.
    pub(super) fn close_items(&mut self) -> Option<Step> {
        let skips = self.client.reply_mode() == ReplyMode::Skip;
        self.advance_reply_mode();
        skips.then_some(Step::Answer)
    }

    /// Sets how the writer handles the items, if there are none yet.
    pub(super) fn begin_items(&self, work: &mut Buffers) {
        if !work.is_pending() {
            work.protocol = self.client.protocol();
            work.is_tracked = self.client.tracks_next();
            work.discard = self.is_silent();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.client.leave(&self.state);
    }
}

/// Puts a parsed command back in front of the input, to be parsed again when the items are answered.
///
/// It goes back as an array, because the quotes of an inline command are already decoded.
fn hold(work: &mut Buffers, first_span: usize) {
    debug_assert!(work.held.is_empty());
    let Buffers { held, spans, input, .. } = work;
    let mut out = Reply::new(held, Protocol::Resp2);
    out.array(spans.len() - first_span);
    spans[first_span..].iter().for_each(|span| out.bulk(span.of(input)));
    spans.truncate(first_span);
}

/// The range from `start` to `end`.
pub(super) fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, len: (end - start) as u32 }
}
