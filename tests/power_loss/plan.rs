//! The plan of a history, drawn from its seed before anything runs, so that parts of it can be left out.
//!
//! A plan is a list of lives of the server. Each step of a life has a number of its own; a [`Kept`] set of these numbers says
//! which steps happen. Leaving some out does not change the others.

use super::image::Atom;
use super::results_plan;
use super::stack::Setup;
use crate::common::collections::{any_collection_command, join};
use crate::common::keys::{Command, Shape, any_command};
use crate::common::streams::any_stream_command;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Lives of one history.
const LIVES: usize = 5;
/// Pages of a table at first.
pub const FIRST_PAGES: u64 = 40;
/// Pages by which it may grow from life to life.
const LIFE_PAGES: u64 = 40;
/// Pages for the collections.
const COLLECTION_PAGES: u64 = 120;
/// Additional pages of a history with large values.
const LARGE_PAGES: u64 = 1200;

/// All of a history.
pub struct Plan {
    pub lives: Vec<LifePlan>,
    /// Pages that the table has at most.
    pub pages_max: u64,
    /// What a device writes at once.
    pub atom: Atom,
    /// Number of all steps, ends and faults.
    pub numbers: u32,
}

/// One life of the server.
pub struct LifePlan {
    pub setup: Setup,
    /// Pages that the table may have in this life.
    pub pages_max: u64,
    /// What happens, in order, with its number.
    pub steps: Vec<(u32, Step)>,
    /// The sync that fails, if one does, with its number.
    pub fault: Option<(u32, u64)>,
    /// How it ends.
    pub end: End,
}

/// One thing that happens.
pub enum Step {
    /// A command is sent; commands of the same submission are sent together.
    Send { submission: u32, command: Command },
    /// A command is worked out beside the writer.
    WorkOut { command: Command },
    /// The next part of each result that was worked out is stored.
    Store,
    /// A checkpoint is asked for.
    Checkpoint,
    /// A quiet moment.
    Tick,
    /// The writer does what it can.
    Work,
    /// A clean stop.
    Stop { checkpoint: bool },
}

/// How a life ends, at one of its moments.
#[derive(Clone, Copy)]
pub struct End {
    /// The moment, in millionths of the life.
    pub at: u32,
    /// Whether the process is killed; otherwise the power is cut.
    pub kill: bool,
    /// Chooses what the power cut leaves.
    pub seed: u64,
}

/// Which numbers happen.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept(pub Vec<bool>);

impl Kept {
    /// All of them.
    pub fn all(plan: &Plan) -> Self {
        Self(vec![true; plan.numbers as usize])
    }

    /// Whether this one happens.
    pub fn has(&self, number: u32) -> bool {
        self.0[number as usize]
    }

    /// Ranges of numbers, as they are printed.
    pub fn text(&self) -> String {
        let mut ranges = Vec::new();
        let mut number = 0;
        for run in self.0.chunk_by(|a, b| a == b) {
            let end = number + run.len();
            if run[0] {
                ranges.push(if run.len() == 1 {
                    number.to_string()
                } else {
                    format!("{number}-{}", end - 1)
                });
            }
            number = end;
        }
        ranges.join(",")
    }

    /// Reads what `text` wrote.
    pub fn parse(text: &str, plan: &Plan) -> Option<Self> {
        let mut kept = vec![false; plan.numbers as usize];
        for range in text.split(',').filter(|range| !range.is_empty()) {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let range = first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?;
            kept.get_mut(range)?.fill(true);
        }
        Some(Self(kept))
    }
}

/// What the commands of a history are like.
struct Style {
    shape: Shape,
    /// Bytes to which words are cut.
    word_bytes_max: usize,
    /// Pages that the table has from the first life on.
    pages: u64,
    /// Whether there is a value of more than one write.
    large: bool,
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64) -> Self {
        if seed >= results_plan::FIRST_SEED {
            return results_plan::plan(seed);
        }
        let mut random = SmallRng::seed_from_u64(seed);
        let style = any_style(&mut random);
        let atom = if random.random_range(0..3) == 0 { Atom::Block } else { Atom::Sector };
        let mut plan = Self { lives: Vec::new(), pages_max: 0, atom, numbers: 0 };
        let setup = Setup {
            buffered: random.random(),
            segment_bytes: [16, 16, 32, 64][random.random_range(0..4)] << 10,
            block_bytes: [512, 512, 4096][random.random_range(0..3)],
            checkpoint_turns: 0,
            recovery_target_ms: 1,
            inline: false,
            is_read: false,
            sync_asks: 0,
            seed,
        };
        for life in 0..LIVES {
            let large = style.large && life == 2;
            let pages_max = style.pages
                + LIFE_PAGES * life as u64
                + if style.large && life >= 2 { LARGE_PAGES } else { 0 };
            plan.pages_max = pages_max;
            let life = plan.any_life(&mut random, &style, setup, pages_max, large);
            plan.lives.push(life);
        }
        plan
    }

    /// The number of the next step.
    pub fn next_number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers - 1
    }

    fn any_life(
        &mut self,
        random: &mut SmallRng,
        style: &Style,
        setup: Setup,
        pages_max: u64,
        large: bool,
    ) -> LifePlan {
        let slow = random.random_range(0..4) == 0;
        let seed: u64 = random.random();
        let setup = Setup {
            seed,
            inline: seed & 1 == 1,
            sync_asks: (seed >> 1) as u32 % 4,
            is_read: seed >> 3 & 1 == 1,
            checkpoint_turns: random.random_range(0..4),
            recovery_target_ms: if slow { 1000 } else { 1 },
            ..setup
        };
        let turns = [0, 3, 8, 20, 40][random.random_range(0..5)];
        let mut steps = Vec::new();
        let mut submission = 0;
        for turn in 0..turns {
            for _ in 0..random.random_range(1..4) {
                submission += 1;
                for _ in 0..random.random_range(1..3) {
                    let command = command(random, style);
                    steps.push((self.next_number(), Step::Send { submission, command }));
                }
            }
            if large && turn == turns / 2 {
                submission += 1;
                let words = vec![b"SET".to_vec(), b"large".to_vec(), vec![b'l'; 1_200_000]];
                steps
                    .push((self.next_number(), Step::Send { submission, command: Command { db: 0, words } }));
            }
            if random.random_range(0..12) == 0 {
                steps.push((self.next_number(), Step::Checkpoint));
            }
            if random.random_range(0..5) == 0 {
                steps.push((self.next_number(), Step::Tick));
            }
            if random.random_range(0..8) > 0 {
                steps.push((self.next_number(), Step::Work));
            }
        }
        let stop = random.random_range(0..3) > 0;
        let checkpoint = random.random();
        if stop {
            steps.push((self.next_number(), Step::Stop { checkpoint }));
        }
        let fault = (random.random_range(0..5) == 0).then(|| random.random_range(0..2 * turns.max(4)));
        let fault = fault.map(|sync| (self.next_number(), sync));
        let mut end = End {
            at: if random.random_range(0..3) == 0 { 1_000_000 } else { random.random_range(0..=1_000_000) },
            kill: random.random_range(0..3) == 0,
            seed: random.random(),
        };
        if fault.is_some() {
            // Then the server ends by itself. Mostly the machine keeps running, and its cache shows what the disk lost.
            (end.at, end.kill) = (1_000_000, end.kill || !end.seed.is_multiple_of(4));
        }
        LifePlan { setup, pages_max, steps, fault, end }
    }
}

fn any_style(random: &mut SmallRng) -> Style {
    let (keys, value_bytes_max, word_bytes_max, pages) = match random.random_range(0..8) {
        0 => (30, 6000, 6000, 600),
        1..3 => (20, 1500, 2000, 300),
        _ => (12, 300, 250, 176),
    };
    let long_keys = if random.random_range(0..40) == 0 { 10 } else { 0 };
    let large = random.random_range(0..48) == 0;
    let word_bytes_max = if long_keys > 0 { 70_000 } else { word_bytes_max };
    let pages = COLLECTION_PAGES + if long_keys > 0 { LARGE_PAGES } else { pages };
    Style { shape: Shape { databases: 3, keys, value_bytes_max, long_keys }, word_bytes_max, pages, large }
}

/// A command whose effect does not depend on the wall clock, or several of them in a transaction.
fn command(random: &mut SmallRng, style: &Style) -> Command {
    if random.random_range(0..12) > 0 {
        return single(random, style);
    }
    let db = random.random_range(0..style.shape.databases);
    let mut words = vec![b"EXEC".to_vec()];
    for _ in 0..random.random_range(1..5) {
        let command = std::iter::repeat_with(|| single(random, style)).find(|command| command.db == db);
        words.push(join(&command.expect("there is no end of commands").words));
    }
    Command { db, words }
}

fn single(random: &mut SmallRng, style: &Style) -> Command {
    loop {
        let mut command = match random.random_range(0..10) {
            0..3 => any_collection_command(random, style.shape.databases),
            3..5 => any_stream_command(random, style.shape.databases),
            _ => any_command(random, &style.shape),
        };
        command.words.iter_mut().for_each(|word| word.truncate(style.word_bytes_max));
        let onto_itself = command.words[0] == b"COPY" && command.words[1] == command.words[2];
        if command.words[0] != b"EXPIRE" && !onto_itself {
            return command;
        }
    }
}
