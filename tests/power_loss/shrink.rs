//! Shrinks a failing history to a small one that still fails, and makes the command that replays it.

use super::counts::Counts;
use super::explore::{Explorer, Target};
use super::life::Failure;
use super::oracle::Class;
use super::plan::{Kept, Plan, Step};
use super::results_plan;
use super::variants::Effort;
use crate::common::setting;
use std::cell::Cell;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// How long the search for a smaller history goes on, in seconds, unless `ACKD_POWER_SHRINK_S` says otherwise.
const SHRINK_S: u64 = 60;

thread_local! {
    /// Whether this thread prints no message for a panic.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What to go through.
#[derive(Clone)]
pub struct Case {
    pub seed: u64,
    pub kept: Option<Kept>,
    pub effort: Effort,
    pub lying: bool,
    pub target: Option<Target>,
    pub first_life: usize,
}

/// The outcome: the counts, the trace, and the failure, if any.
pub type Outcome = (Counts, u64, Option<Failure>);

impl Case {
    /// All of a seed's history.
    pub fn new(seed: u64, effort: Effort) -> Self {
        // Life 0 of a history with long results only makes their sources.
        let first_life = usize::from(seed >= results_plan::FIRST_SEED);
        Self { seed, kept: None, effort, lying: false, target: None, first_life }
    }

    /// Goes through the case. A panic of the code under test is a failure like others.
    pub fn run(&self) -> Outcome {
        let plan = Plan::new(self.seed);
        let kept = self.kept.clone().unwrap_or_else(|| Kept::all(&plan));
        let mut explorer = Explorer::new(&plan, &kept, self.effort);
        explorer.lying = self.lying;
        explorer.target.clone_from(&self.target);
        explorer.first_life = self.first_life;
        let quiet = QUIET.replace(true);
        let ended = catch_unwind(AssertUnwindSafe(|| explorer.run()));
        QUIET.set(quiet);
        let failure = match ended {
            Ok(ended) => ended.err(),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                Some(Failure::new(Class::Misbehaved, format!("panic: {}", text.unwrap_or_default())))
            }
        };
        (explorer.counts, explorer.trace, failure)
    }

    fn fails(&self) -> Option<Failure> {
        self.run().2
    }

    /// The smallest case that still fails, and how.
    pub fn shrink(&self, failure: Failure) -> (Case, Failure) {
        let plan = Plan::new(self.seed);
        let deadline = Instant::now() + Duration::from_secs(setting("ACKD_POWER_SHRINK_S", SHRINK_S));
        let mut case = Case { kept: Some(Kept::all(&plan)), ..self.clone() };
        let mut failure = failure;
        if Instant::now() < deadline {
            case.drop_later_lives(&plan, &mut failure);
        }
        let mut chunk = plan.numbers.next_power_of_two() as usize;
        while chunk > 0 && Instant::now() < deadline {
            let before = case.kept.clone();
            case.drop_chunks(chunk, deadline, &mut failure);
            // Repeat with small chunks, as long as the case becomes smaller.
            if chunk > 1 || case.kept == before {
                chunk /= 2;
            }
        }
        if failure.path.is_empty() {
            return (case, failure);
        }
        case.target = Some(Target { life: failure.life, path: failure.path.clone() });
        case.shrink_image(deadline, &mut failure);
        (case, failure)
    }

    fn drop_later_lives(&mut self, plan: &Plan, failure: &mut Failure) {
        let mut smaller = self.clone();
        let kept = smaller.kept.as_mut().expect("a kept set");
        for life in plan.lives.iter().skip(failure.life + 1) {
            life.steps.iter().for_each(|(number, _)| kept.0[*number as usize] = false);
            life.fault.iter().for_each(|(number, _)| kept.0[*number as usize] = false);
        }
        smaller.first_life = failure.life;
        self.take(smaller, failure);
    }

    fn drop_chunks(&mut self, chunk: usize, deadline: Instant, failure: &mut Failure) {
        let numbers = self.kept.as_ref().expect("a kept set").0.len();
        for start in (0..numbers).step_by(chunk) {
            let mut smaller = self.clone();
            let kept = smaller.kept.as_mut().expect("a kept set");
            let range = &mut kept.0[start..(start + chunk).min(numbers)];
            if !range.iter().any(|kept| *kept) || Instant::now() > deadline {
                continue;
            }
            range.fill(false);
            self.take(smaller, failure);
        }
    }

    /// Tries to leave out units of the last image: all, then halves, then one by one.
    fn shrink_image(&mut self, deadline: Instant, failure: &mut Failure) {
        let units = failure.path.last().map_or(0, |(_, choice)| choice.len());
        let mut chunk = units.next_power_of_two();
        while chunk > 0 {
            for start in (0..units).step_by(chunk) {
                let mut smaller = self.clone();
                let target = smaller.target.as_mut().expect("a target");
                let choice = &mut target.path.last_mut().expect("an image").1;
                let range = &mut choice[start..(start + chunk).min(units)];
                if range.iter().any(|version| *version > 0) && Instant::now() < deadline {
                    range.fill(0);
                    self.take(smaller, failure);
                }
            }
            chunk /= 2;
        }
    }

    /// Continues with a smaller case if it fails, too.
    fn take(&mut self, smaller: Case, failure: &mut Failure) {
        if let Some(other) = smaller.fails() {
            *self = smaller;
            *failure = other;
        }
    }

    /// The case as text, for a replay.
    pub fn text(&self) -> String {
        let plan = Plan::new(self.seed);
        let kept = self.kept.clone().unwrap_or_else(|| Kept::all(&plan));
        let mut text = format!("{}:{}", self.seed, kept.text());
        if self.lying {
            text.push_str(":lying");
        }
        if let Some(target) = &self.target {
            write!(text, ":{}", target.life).expect("a string takes all");
            for (moment, choice) in &target.path {
                write!(text, ":{moment}={}", versions_text(choice)).expect("a string takes all");
            }
        }
        text
    }

    /// Reads what `text` wrote.
    pub fn parse(text: &str, effort: Effort) -> Option<Self> {
        let mut parts = text.split(':').peekable();
        let seed = parts.next()?.parse().ok()?;
        let mut case = Self::new(seed, effort);
        case.kept = Some(Kept::parse(parts.next()?, &Plan::new(seed))?);
        case.lying = parts.next_if_eq(&"lying").is_some();
        let Some(life) = parts.next() else { return Some(case) };
        let step = |part: &str| {
            let (moment, choice) = part.split_once('=')?;
            Some((moment.parse().ok()?, parse_versions(choice)?))
        };
        let path = parts.map(step).collect::<Option<_>>()?;
        case.target = Some(Target { life: life.parse().ok()?, path });
        Some(case)
    }

    /// What is left of the history, as text.
    pub fn story(&self, failure: &Failure) -> String {
        let plan = Plan::new(self.seed);
        let kept = self.kept.clone().unwrap_or_else(|| Kept::all(&plan));
        let mut story = format!("{:?} in life {}: {}\n", failure.class, failure.life, failure.text);
        for (number, life) in plan.lives.iter().enumerate().take(failure.life + 1) {
            let end = if life.end.kill { "a kill" } else { "a power cut" };
            let setup = life.setup;
            writeln!(
                story,
                "life {number}: {} log, segments of {} KiB, blocks of {} bytes, ends by {end}",
                if setup.buffered { "buffered" } else { "direct" },
                setup.segment_bytes >> 10,
                setup.block_bytes
            )
            .expect("a string takes all");
            for (_, step) in life.steps.iter().filter(|(number, _)| kept.has(*number)) {
                let text = match step {
                    Step::Send { submission, command } => format!("send ({submission}) {}", command.text()),
                    Step::WorkOut { command } => format!("work out {}", command.text()),
                    Step::Store => "store a part of each result".into(),
                    Step::Checkpoint => "ask for a checkpoint".into(),
                    Step::Tick => "tick".into(),
                    Step::Work => "the writer works".into(),
                    Step::Stop { checkpoint } => format!("stop, checkpoint: {checkpoint}"),
                };
                writeln!(story, "  {text}").expect("a string takes all");
            }
            if let Some((_, sync)) = life.fault.filter(|(number, _)| kept.has(*number)) {
                writeln!(story, "  sync {sync} fails").expect("a string takes all");
            }
        }
        failure.context.iter().for_each(|line| writeln!(story, "    {line}").expect("a string takes all"));
        story
    }

    /// Number of steps and faults that are left.
    pub fn len(&self) -> usize {
        let all = Plan::new(self.seed).numbers as usize;
        self.kept.as_ref().map_or(all, |kept| kept.0.iter().filter(|kept| **kept).count())
    }
}

/// Suppresses messages of panics inside [`Case::run`]: the case reports them.
pub fn quiet_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                usual(panic);
            }
        }));
    });
}

/// Digits, with a count after those that repeat: `0x12,1,2x3`.
fn versions_text(choice: &[u8]) -> String {
    let run = |run: &[u8]| match run.len() {
        1 => run[0].to_string(),
        count => format!("{}x{count}", run[0]),
    };
    choice.chunk_by(|a, b| a == b).map(run).collect::<Vec<_>>().join(",")
}

fn parse_versions(text: &str) -> Option<Vec<u8>> {
    let mut choice = Vec::new();
    for run in text.split(',').filter(|run| !run.is_empty()) {
        let (version, count) = run.split_once('x').unwrap_or((run, "1"));
        let count: usize = count.parse().ok()?;
        choice.resize(choice.len() + count, version.parse().ok()?);
    }
    Some(choice)
}
