//! A seeded history of one data set: lives of the server, each ended by a power cut, a kill or an order, and what is
//! known of the data at each moment.

use super::disk::{Disk, Image, Power, When};
use super::stack::{Setup, Stack, open, read_all};
use crate::common::keys::{Command, Model, Shape, any_command};
use crate::common::{Value, encode_reply};
use ackd::writer::{Completion, WriterError};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::VecDeque;

/// Lives of one history.
const LIVES: u32 = 5;
/// Images of each power cut.
const IMAGES: u64 = 5;
/// Databases, keys and values of a history.
const SHAPE: Shape = Shape { databases: 4, keys: 25, value_bytes_max: 30_000, long_keys: 2 };

/// What was seen in all histories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Crash images from which recovery was made.
    pub images: u64,
    /// Those whose crash came inside a recovery.
    pub nested: u64,
    /// Power cuts.
    pub cuts: u64,
    /// Kills.
    pub kills: u64,
    /// Commands sent.
    pub sent: u64,
    /// Commands acknowledged.
    pub acknowledged: u64,
    /// Images with a torn tail.
    pub torn: u64,
    /// Images that held commands which nobody had acknowledged.
    pub ahead: u64,
    /// Images whose recovery started from a checkpoint.
    pub checkpoints: u64,
}

impl Counts {
    /// Adds what was seen elsewhere.
    pub fn add(&mut self, other: &Counts) {
        self.images += other.images;
        self.nested += other.nested;
        self.cuts += other.cuts;
        self.kills += other.kills;
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.torn += other.torn;
        self.ahead += other.ahead;
        self.checkpoints += other.checkpoints;
    }
}

/// A command on its way.
struct Sent {
    command: Command,
    /// The reply that it should get.
    expected: Value,
}

/// What is known of the data.
#[derive(Default)]
struct Oracle {
    /// The state after everything that was acknowledged or seen.
    promised: Model,
    /// What was sent since, in order; some of it may be there.
    in_flight: VecDeque<Sent>,
    /// The state after everything sent.
    ahead: Model,
}

impl Oracle {
    /// A command is being sent.
    fn send(&mut self, command: Command) {
        let expected = self.ahead.apply(&command);
        self.in_flight.push_back(Sent { command, expected });
    }

    /// The oldest command in flight is promised from now on; returns it.
    fn promise_next(&mut self) -> Sent {
        let sent = self.in_flight.pop_front().expect("a command in flight");
        self.promised.apply(&sent.command);
        sent
    }

    /// How many of the commands in flight lead to this state: the fewest.
    fn position(&self, state: &Model) -> Result<usize, String> {
        let first = match self.promised.difference(state) {
            None => return Ok(0),
            Some(difference) => difference,
        };
        let mut candidate = self.promised.clone();
        for (index, sent) in self.in_flight.iter().enumerate() {
            candidate.apply(&sent.command);
            if candidate.difference(state).is_none() {
                return Ok(index + 1);
            }
        }
        let commands: Vec<String> = self.in_flight.iter().map(|sent| sent.command.text()).collect();
        Err(format!(
            "this is no state after what was acknowledged and some of what was sent after it; compared with what was \
             acknowledged: {first}; in flight: {commands:#?}"
        ))
    }

    /// Somebody saw this state, so it must stay.
    fn promise(&mut self, state: &Model) {
        let position = self.position(state).unwrap_or_else(|problem| panic!("{problem}"));
        (0..position).for_each(|_| drop(self.promise_next()));
    }

    /// Nothing is on its way any more.
    fn forget_in_flight(&mut self) {
        self.in_flight.clear();
        self.ahead = self.promised.clone();
    }
}

/// Before, within or after.
fn any_when(random: &mut SmallRng) -> When {
    [When::Before, When::Within, When::After][random.random_range(0..3)]
}

/// One history.
pub struct History {
    random: SmallRng,
    setup: Setup,
    oracle: Oracle,
    disk: Disk,
    /// What was seen.
    pub counts: Counts,
    /// A digest of all operations on log and table.
    pub trace: u64,
}

impl History {
    /// Nothing happened yet.
    pub fn new(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let setup = Setup {
            buffered: random.random(),
            segment_bytes: [64, 320, 352][random.random_range(0..3)] << 10,
            block_bytes: [512, 4096][random.random_range(0..2)],
            checkpoint_turns: 0,
            recovery_target_ms: 1,
            seed,
        };
        let disk = Disk::new(setup.buffered, &setup.table_options());
        Self { random, setup, oracle: Oracle::default(), disk, counts: Counts::default(), trace: 0 }
    }

    /// Lives through all of it.
    pub fn run(&mut self) {
        for life in 0..LIVES {
            self.setup.seed = self.random.random();
            self.setup.checkpoint_turns = self.random.random_range(0..4);
            let slow = self.random.random_range(0..5) == 0;
            self.setup.recovery_target_ms = if slow { 1000 } else { 1 };
            let turns = self.random.random_range(if slow { 100..250 } else { 10..60 });
            eprintln!("life {life}, {turns} turns at most, with {:?}", self.setup);
            let power = self.any_power(turns);
            let ended = self.live(&power, turns);
            self.trace = self.trace.rotate_left(1) ^ power.trace();
            if ended {
                // Stopped in order: what is durable needs no page cache.
                self.power_cut();
            } else if self.random.random_range(0..3) == 0 {
                eprintln!("killed after {} operations", power.operations());
                self.counts.kills += 1;
                self.disk.restart();
            } else {
                eprintln!("power cut after {} operations", power.operations());
                self.power_cut();
            }
        }
    }

    /// A switch that mostly goes off some time in so many turns, often during recovery.
    fn any_power(&mut self, turns: u64) -> Power {
        let at = match self.random.random_range(0..10) {
            0..2 => self.random.random_range(0..30),
            2..9 => self.random.random_range(0..2 * turns),
            _ => return Power::on(),
        };
        Power::cut_at(at, any_when(&mut self.random))
    }

    /// Recovers and serves until the power goes off or it is enough. Says whether it stopped in order.
    fn live(&mut self, power: &Power, turns: u64) -> bool {
        let recovered = match open(&self.disk, power, &self.setup) {
            Ok(recovered) => recovered,
            Err(error) if power.is_off() => {
                eprintln!("recovery ended by {error}");
                return false;
            }
            Err(error) => panic!("recovery failed: {error}"),
        };
        self.oracle.promise(&read_all(&recovered.table.snapshot()));
        self.oracle.forget_in_flight();
        let mut stack = Stack::start(recovered.log, (recovered.table, recovered.writer), &self.setup);
        match self.random.random_range(0..6) {
            // What recovery found is all that is seen before the power goes.
            0 => power.cut_in(0, When::Before),
            // The first groups meet what recovery left behind them.
            1 => power.cut_in(self.random.random_range(0..4), When::Within),
            _ => {}
        }
        let mut waiting = VecDeque::new();
        for _ in 0..turns {
            self.send(&mut stack, &mut waiting);
            if self.random.random_range(0..6 * self.setup.recovery_target_ms) == 0 {
                stack.checkpoint();
            }
            if self.random.random_range(0..5) == 0 {
                stack.tick();
            }
            stack.work();
            self.receive(&mut waiting);
            if stack.ended.is_some() {
                break;
            }
        }
        let cut_short = stack.ended.is_none() && self.random.random_range(0..3) == 0;
        if stack.ended.is_none() && !cut_short {
            stack.stop(self.random.random());
            self.receive(&mut waiting);
        }
        // Readers saw what was published, acknowledged or not.
        self.oracle.promise(&stack.published());
        match stack.ended {
            Some(Ok(())) => {
                assert!(self.oracle.in_flight.is_empty(), "an orderly stop answers everything");
                true
            }
            Some(Err(error)) if power.is_off() => {
                let ends =
                    matches!(error, WriterError::Log(_) | WriterError::Table(_) | WriterError::Checkpoint(_));
                assert!(ends, "{error}");
                false
            }
            Some(Err(error)) => panic!("the writer failed: {error}"),
            None => false,
        }
    }

    /// Sends a few submissions.
    fn send(&mut self, stack: &mut Stack, waiting: &mut VecDeque<async_channel::Receiver<Completion>>) {
        for _ in 0..self.random.random_range(1..5) {
            let commands: Vec<Command> =
                (0..self.random.random_range(1..4)).map(|_| any_command(&mut self.random, &SHAPE)).collect();
            self.counts.sent += commands.len() as u64;
            commands.iter().for_each(|command| self.oracle.send(command.clone()));
            waiting.push_back(stack.submit(&commands));
        }
    }

    /// Takes the replies that have come.
    fn receive(&mut self, waiting: &mut VecDeque<async_channel::Receiver<Completion>>) {
        while let Some(Ok(completion)) = waiting.front().map(async_channel::Receiver::try_recv) {
            waiting.pop_front();
            let items = completion.submission.items.len();
            assert_eq!(completion.executed, items, "replies this short go in one submission");
            let sent: Vec<Sent> = (0..items).map(|_| self.oracle.promise_next()).collect();
            self.counts.acknowledged += items as u64;
            let expected: Vec<u8> = sent.iter().flat_map(|sent| encode_reply(&sent.expected)).collect();
            if completion.submission.out != expected {
                let commands: Vec<String> = sent.iter().map(|sent| sent.command.text()).collect();
                let got = String::from_utf8_lossy(&completion.submission.out).into_owned();
                panic!("{commands:#?}: {got:?} instead of {:?}", String::from_utf8_lossy(&expected));
            }
        }
        let later = waiting.iter().any(|replies| !replies.is_empty());
        assert!(!later, "a later submission was answered before an earlier one");
    }

    /// Looks at several things that a power cut now may leave, and goes on with one of them.
    fn power_cut(&mut self) {
        self.counts.cuts += 1;
        let seed: u64 = self.random.random();
        let mut torn = None;
        for image in 0..IMAGES {
            let crashed = self.disk.crash(seed.wrapping_add(image));
            let nested = self.random.random();
            if self.look_at(&crashed, nested) {
                torn = Some(image);
            }
        }
        // Mostly one with a torn tail, if there is any: it is the harder one.
        let chosen = torn.filter(|_| self.random.random_range(0..3) > 0);
        let chosen = chosen.unwrap_or_else(|| self.random.random_range(0..IMAGES));
        self.disk = self.disk.crash(seed.wrapping_add(chosen)).disk();
    }

    /// Recovers from an image, undisturbed and with a second power cut on the way: always the same allowed state. Says
    /// whether it has a torn tail.
    fn look_at(&mut self, image: &Image, seed: u64) -> bool {
        let mut random = SmallRng::seed_from_u64(seed);
        let report = ackd::table::verify(image.table(), &mut |_| {}).expect("the image can be read");
        assert!(report.findings.is_empty(), "the durable checkpoint is damaged: {:?}", report.findings);
        let disk = image.disk();
        let power = Power::on();
        let (state, torn, lsn) = self.recovered(&disk, &power);
        let position = self.oracle.position(&state).unwrap_or_else(|problem| panic!("{problem}"));
        self.counts.images += 1;
        self.counts.torn += u64::from(torn > 0);
        self.counts.ahead += u64::from(position > 0);
        self.counts.checkpoints += u64::from(lsn > 0);
        // Once more on what recovery left, after a kill, and after another power cut.
        self.same(&state, &disk.crash(random.random()).disk());
        disk.restart();
        self.same(&state, &disk);
        let operations = power.operations();
        for _ in 0..2 {
            let at = random.random_range(0..operations.max(1));
            let disk = image.disk();
            let opened = open(&disk, &Power::cut_at(at, any_when(&mut random)), &self.setup);
            assert!(opened.is_err() || operations == 0, "the power cut was not noticed");
            drop(opened);
            self.counts.nested += 1;
            self.same(&state, &disk.crash(random.random()).disk());
        }
        torn > 0
    }

    /// Recovers and compares.
    fn same(&mut self, state: &Model, disk: &Disk) {
        let (again, ..) = self.recovered(disk, &Power::on());
        self.counts.images += 1;
        if let Some(difference) = state.difference(&again) {
            panic!("a second recovery led to another state: {difference}");
        }
    }

    /// What recovery makes of a disk, the bytes of its torn tail, and the LSN of its checkpoint.
    fn recovered(&self, disk: &Disk, power: &Power) -> (Model, u64, u64) {
        let recovered =
            open(disk, power, &self.setup).unwrap_or_else(|error| panic!("recovery refused: {error}"));
        let report = recovered.report;
        (read_all(&recovered.table.snapshot()), report.torn_bytes, report.checkpoint_lsn)
    }
}
