//! One life of the server on recording disks: the shipped recovery, writer, log, table and checkpoints, driven by a plan.

use super::beside::{Results, STORING_MAX, Storing};
use super::logged::Records;
use super::media::{DiskState, Event};
use super::oracle::{Allowed, Class, Timeline};
use super::plan::{Kept, LifePlan, Step};
use super::record::{Behaviour, Disks};
use super::stack::{Stack, digest_of, read_all};
use crate::common::keys::{Command, Model};
use crate::common::{Value, encode_reply};
use ackd::clock::Clock;
use ackd::recovery::{Recovered, RecoveryError, TableSource, recover};
use ackd::table::{MemoryRegion, PAGE_BYTES, Table, TableOptions};
use ackd::writer::{Completion, ExecutorOptions, Promise, WriterOptions};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

/// Where the clock of a new data set starts, in milliseconds since 1970.
const FIRST_MS: u64 = 1_000_000;

/// Pages that only deletes and checkpoints may use: as many as freeing one slice of a tree can need.
const HEADROOM_PAGES: u64 = 72;

/// Free pages that stay at the table's end: few, so that it is often truncated.
const SLACK_PAGES: u64 = 4;

/// What is wrong, and where.
#[derive(Clone, Debug)]
pub struct Failure {
    pub class: Class,
    pub text: String,
    /// The life in which it was found.
    pub life: usize,
    /// The image in which it was found: a moment of the life and what reached the disk, then the same of the recovery
    /// from that image, and so on. Empty if it was the running server that was wrong.
    pub path: Vec<(usize, Vec<u8>)>,
    /// What happened around it.
    pub context: Vec<String>,
}

impl Failure {
    pub fn new(class: Class, text: impl Into<String>) -> Self {
        Self { class, text: text.into(), life: 0, path: Vec::new(), context: Vec::new() }
    }
}

/// The record of a life.
#[derive(Default)]
pub struct Run {
    /// All that was done to the disks.
    pub events: Vec<Event>,
    /// What was sent, starting from the state that recovery found.
    pub timeline: Timeline,
    /// Commands acknowledged.
    pub acknowledged: u64,
    /// Results that were worked out beside the writer.
    pub results: Results,
    /// What the log took.
    pub records: Records,
}

/// What is shared with the observer of the disks.
pub struct Known {
    pub timeline: Timeline,
    table: Arc<Table>,
    /// The published version at the last check.
    generation: u64,
    /// Submissions without a reply.
    pub waiting: VecDeque<Promise>,
    /// Replies that came.
    pub completions: VecDeque<Completion>,
    /// Commands acknowledged.
    acknowledged: usize,
    /// Commands acknowledged or seen by readers.
    promised: usize,
    /// Results that were worked out beside the writer.
    pub results: Results,
    problem: Option<String>,
}

/// The commands of a submission, each with the reply that it should get.
pub type Expected = Vec<(Command, Value)>;

/// A running server, and what is expected of it.
pub struct Serving<'s> {
    pub stack: &'s mut Stack,
    pub disks: &'s Disks,
    known: &'s Mutex<Known>,
    /// What was sent and should be replied, by submission.
    pub expected: VecDeque<Expected>,
    /// Results that are being stored.
    pub storing: VecDeque<Storing>,
}

/// How the table of this life is opened.
pub fn table_options(life: &LifePlan) -> TableOptions {
    TableOptions {
        file_bytes_max: life.pages_max * PAGE_BYTES as u64,
        headroom_pages: HEADROOM_PAGES,
        slack_pages: SLACK_PAGES,
        instance_id: 42,
        seed: life.setup.seed,
    }
}

/// Recovers what is on `disks`.
pub fn open(disks: &Disks, life: &LifePlan) -> Result<Recovered<Disks>, RecoveryError> {
    let source = TableSource::Existing(disks.file());
    recover(source, disks.clone(), &table_options(life), life.setup.log_options())
}

/// Runs the kept steps of `life` on the state `base`. `before` are the states that the disks may hold.
pub fn live(
    base: DiskState,
    life: &LifePlan,
    kept: &Kept,
    before: &Allowed<'_>,
    region: &Arc<MemoryRegion>,
    lying: bool,
) -> Result<Run, Failure> {
    let failing_sync = life.fault.filter(|(number, _)| kept.has(*number)).map(|(_, sync)| sync);
    let behaviour = Behaviour { buffered: life.setup.buffered, failing_sync, lying };
    let disks = Disks::recording(base, region, behaviour);
    let recovered = match open(&disks, life) {
        Ok(recovered) => recovered,
        Err(_) if failing_sync.is_some() => {
            return Ok(Run { events: disks.finish(), ..Run::default() });
        }
        Err(error) => return Err(Failure::new(Class::Refused, format!("recovery refused: {error}"))),
    };
    let start = state_after(&recovered, before)?;
    disks.note(Event::Recovered);
    let options = WriterOptions {
        group_bytes_max: 6000,
        executor: ExecutorOptions {
            log_reserve_bytes: 1024,
            table_reserve_pages: 8,
            ..ExecutorOptions::default()
        },
    };
    let clock = Clock::counting(recovered.report.wall_ms.max(FIRST_MS));
    let mut stack =
        Stack::start_with(recovered.log, (recovered.table, recovered.writer), &life.setup, clock, options);
    let known = Arc::new(Mutex::new(Known {
        timeline: Timeline::new(start),
        generation: stack.table().snapshot().generation(),
        table: stack.table(),
        waiting: VecDeque::new(),
        completions: VecDeque::new(),
        acknowledged: 0,
        promised: 0,
        results: Results::default(),
        problem: None,
    }));
    let observed = known.clone();
    disks.observe(Box::new(move || observed.lock().expect("no panic in here").look()));
    serve(&mut stack, &disks, life, kept, &known)?;
    let stopped = matches!(stack.ended, Some(Ok(())));
    match &stack.ended {
        Some(Err(error)) if failing_sync.is_none() => {
            return Err(Failure::new(Class::Misbehaved, format!("the writer failed: {error}")));
        }
        _ => {}
    }
    let events = disks.finish();
    let records = stack.logged.so_far();
    drop(stack);
    let mut known = known.lock().expect("no panic in here");
    if let Some(problem) = known.problem.take() {
        return Err(Failure::new(Class::Misbehaved, problem));
    }
    if stopped && known.acknowledged != known.timeline.sent() {
        return Err(Failure::new(Class::Misbehaved, "an orderly stop left a command without a reply"));
    }
    let timeline = std::mem::take(&mut known.timeline);
    Ok(Run { events, timeline, acknowledged: known.acknowledged as u64, results: known.results, records })
}

/// Which of the states that the disks may hold was recovered.
fn state_after(recovered: &Recovered<Disks>, before: &Allowed<'_>) -> Result<Model, Failure> {
    let view = recovered.table.snapshot();
    let found = digest_of(&view).map_err(|problem| Failure::new(Class::Damaged, problem))?;
    let Some(position) = before.position(found) else {
        let (class, text) = before.judge(&read_all(&view));
        return Err(Failure::new(class, format!("after recovery: {text}")));
    };
    Ok(before.timeline.at(position))
}

/// Does the steps.
fn serve(
    stack: &mut Stack,
    disks: &Disks,
    life: &LifePlan,
    kept: &Kept,
    known: &Mutex<Known>,
) -> Result<(), Failure> {
    let steps: Vec<&Step> =
        life.steps.iter().filter(|(number, _)| kept.has(*number)).map(|(_, step)| step).collect();
    let together = |a: &&Step, b: &&Step| match (a, b) {
        (Step::Send { submission: a, .. }, Step::Send { submission: b, .. }) => a == b,
        _ => false,
    };
    let storing = VecDeque::with_capacity(STORING_MAX);
    let mut serving = Serving { stack, disks, known, expected: VecDeque::new(), storing };
    for chunk in steps.chunk_by(together) {
        if serving.stack.ended.is_some() {
            break;
        }
        serving.step(chunk)?;
    }
    Ok(())
}

impl Serving<'_> {
    /// Does one step, or sends the commands of one submission.
    fn step(&mut self, steps: &[&Step]) -> Result<(), Failure> {
        match steps[0] {
            Step::Send { .. } => {
                let command = |step: &&Step| match step {
                    Step::Send { command, .. } => command.clone(),
                    _ => unreachable!("only commands go together"),
                };
                self.send(&steps.iter().map(command).collect::<Vec<_>>());
            }
            Step::WorkOut { command } => self.work_out(command)?,
            Step::Store => self.store()?,
            Step::Checkpoint => self.stack.checkpoint(),
            Step::Tick => self.stack.tick(),
            Step::Work => self.stack.work(),
            Step::Stop { checkpoint } => self.stack.stop(*checkpoint),
        }
        self.look()
    }

    /// What is known.
    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("no panic in here")
    }

    /// Checks the replies that came.
    pub fn look(&mut self) -> Result<(), Failure> {
        let completions = {
            let mut known = self.known();
            known.look_without_events(self.disks);
            std::mem::take(&mut known.completions)
        };
        completions.iter().try_for_each(|completion| {
            check_replies(completion, &self.expected.pop_front().expect("a submission"))
        })
    }

    /// Sends commands together.
    pub fn send(&mut self, commands: &[Command]) {
        self.expect(commands);
        let replies = self.stack.submit(commands);
        self.known().waiting.push_back(replies);
    }
}

/// Checks that these are the replies, and all of them.
pub fn check_replies(completion: &Completion, expected: &[(Command, Value)]) -> Result<(), Failure> {
    let wanted: Vec<u8> = expected.iter().flat_map(|(_, reply)| encode_reply(reply)).collect();
    if completion.submission.out == wanted && completion.executed == expected.len() {
        return Ok(());
    }
    let commands: Vec<String> = expected.iter().map(|(command, _)| command.text()).collect();
    let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    let got = text(&completion.submission.out);
    Err(Failure::new(Class::Misbehaved, format!("{commands:?}: {got:?} instead of {:?}", text(&wanted))))
}

impl Known {
    /// Takes the replies that arrived, and checks what readers see.
    fn look(&mut self) -> Vec<Event> {
        let before = self.promised;
        while let Some(replies) = self.waiting.front() {
            let Some(completion) = replies.try_take() else { break };
            self.acknowledged += completion.executed;
            self.completions.push_back(completion);
            self.waiting.pop_front();
        }
        self.promised = self.promised.max(self.acknowledged);
        let view = self.table.snapshot();
        if view.generation() != self.generation {
            self.generation = view.generation();
            match digest_of(&view) {
                Ok(digest) => match self.timeline.find(digest, self.promised) {
                    Some(position) => self.promised = position,
                    None => self.problem = Some("readers saw a state that is none of those to come".into()),
                },
                Err(problem) => self.problem = Some(problem),
            }
        }
        if self.promised > before { vec![Event::Promised(self.promised)] } else { Vec::new() }
    }

    /// The same, and records what became known.
    pub fn look_without_events(&mut self, disks: &Disks) {
        self.look().into_iter().for_each(|event| disks.note(event));
    }
}
