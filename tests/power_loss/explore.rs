//! Goes through the moments of a history, and recovers from the images of each moment.

use super::counts::Counts;
use super::image::{Choice, LogImage, TableImage, Units, durable_table, log_image, table_image};
use super::life::{Failure, Run, live, open, table_options};
use super::logged::{self, Records};
use super::media::{DiskState, Event};
use super::oracle::{Allowed, Class, Timeline};
use super::plan::{FIRST_PAGES, Kept, LifePlan, Plan};
use super::record::{Behaviour, Disks};
use super::stack::{digest_of, has_drafts, read_all};
use super::variants::{Effort, Variants};
use ackd::table::{MemoryRegion, PAGE_BYTES, Table, TableOptions};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Events shown before the moment of a failure.
const CONTEXT: usize = 12;

/// What is promised at a moment.
#[derive(Clone, Copy, Default)]
struct Phase {
    recovered: bool,
    promised: usize,
    sent: usize,
}

/// The place of a single image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub life: usize,
    pub path: Vec<(usize, Choice)>,
}

/// Goes through one history.
pub struct Explorer<'p> {
    pub plan: &'p Plan,
    pub kept: &'p Kept,
    pub effort: Effort,
    /// Whether the disks lie.
    pub lying: bool,
    /// The only image to check, if there is one.
    pub target: Option<Target>,
    /// The first life whose images are checked.
    pub first_life: usize,
    pub counts: Counts,
    /// A digest of all events.
    pub trace: u64,
    /// What the log has whose images are checked.
    records: Arc<Records>,
    region: Arc<MemoryRegion>,
}

impl<'p> Explorer<'p> {
    /// An explorer of all of `kept`.
    pub fn new(plan: &'p Plan, kept: &'p Kept, effort: Effort) -> Self {
        let region = Arc::new(MemoryRegion::new(plan.pages_max as usize));
        Self {
            plan,
            kept,
            effort,
            lying: false,
            target: None,
            first_life: 0,
            counts: Counts { histories: 1, ..Counts::default() },
            trace: 0,
            records: Arc::default(),
            region,
        }
    }

    /// Runs all lives.
    pub fn run(&mut self) -> Result<(), Failure> {
        let mut base = self.new_disk();
        let mut before = (Timeline::new(Default::default()), 0..=0);
        for (number, life) in self.plan.lives.iter().enumerate() {
            let last = self.target.as_ref().is_some_and(|target| target.life == number);
            let (state, timeline, positions) = self
                .one_life(number, life, base, &before)
                .map_err(|failure| Failure { life: number, ..failure })?;
            if last {
                break;
            }
            base = state;
            before = (timeline, positions);
        }
        Ok(())
    }

    /// No log, and a table without a key.
    fn new_disk(&self) -> DiskState {
        let life = &self.plan.lives[0];
        let options = TableOptions { file_bytes_max: FIRST_PAGES * PAGE_BYTES as u64, ..table_options(life) };
        let disks = Disks::recording(DiskState::default(), &self.region, Behaviour::default());
        drop(Table::create(disks.file(), &options).expect("a new table"));
        let mut state = DiskState::default();
        disks.finish().iter().for_each(|event| state.apply(event));
        state.table.durable = state.table.cache.clone();
        state.table.pending.clear();
        state
    }

    fn one_life(
        &mut self,
        number: usize,
        life: &LifePlan,
        base: DiskState,
        before: &(Timeline, RangeInclusive<usize>),
    ) -> Result<(DiskState, Timeline, RangeInclusive<usize>), Failure> {
        let allowed = Allowed { timeline: &before.0, positions: before.1.clone() };
        let run = live(base.clone(), life, self.kept, &allowed, &self.region, self.lying)?;
        self.trace = run.events.iter().fold(self.trace, |trace, event| {
            (trace ^ event.digest()).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
        });
        let is_cut = |event: &&Event| matches!(event, Event::Cut { .. });
        self.counts.cuts += run.events.iter().filter(is_cut).count() as u64;
        self.counts.restarts += 1;
        self.counts.sent += run.timeline.sent() as u64;
        self.counts.acknowledged += run.acknowledged;
        self.counts.kills += u64::from(life.end.kill);
        self.counts.faults += u64::from(life.fault.is_some());
        self.counts.results.add(&run.results);
        logged::add(&mut self.counts.logged, &run.records.all());
        let (earlier, all) = (self.records.clone(), Arc::new(self.records.followed_by(&run.records)));
        let moments = moments(&run.events);
        let end = (moments.len() - 1) * life.end.at as usize / 1_000_000;
        let mut next = None;
        walk(&base, &run.events, |moment, state, phase| {
            let allowed = phase.allowed(&allowed, &run.timeline);
            self.records = if phase.recovered { all.clone() } else { earlier.clone() };
            if self.looks_at(number, moment) {
                let path = Vec::new();
                self.moment(life, moment, state, &allowed, self.effort, &path)
                    .map_err(|failure| with_context(failure, &run, moments[moment], state, self.plan))?;
            }
            if moment == end {
                let state = if life.end.kill { state.clone() } else { self.power_cut(state, life.end.seed) };
                next = Some((state, allowed.timeline.clone(), allowed.positions.clone()));
            }
            Ok(())
        })?;
        Ok(next.expect("the end is one of the moments"))
    }

    fn looks_at(&self, life: usize, moment: usize) -> bool {
        match &self.target {
            Some(target) => target.life == life && target.path.first().is_some_and(|at| at.0 == moment),
            None => life >= self.first_life,
        }
    }

    /// What a power cut now leaves to the next life.
    fn power_cut(&self, state: &DiskState, seed: u64) -> DiskState {
        let mut random = SmallRng::seed_from_u64(seed);
        let units = Units::of(state, self.plan.atom);
        let choice = Units::any(&units.list, &mut random);
        let (log_choice, table_choice) = choice.split_at(units.log);
        let table = table_image(state, &durable_table(state), &units.list[units.log..], table_choice);
        log_image(state, &units.list[..units.log], log_choice).state(&table)
    }

    /// Checks the images of one moment. `path` leads to the recovery to which the moment belongs.
    fn moment(
        &mut self,
        life: &LifePlan,
        moment: usize,
        state: &DiskState,
        allowed: &Allowed<'_>,
        effort: Effort,
        path: &[(usize, Choice)],
    ) -> Result<(), Failure> {
        let depth = path.len();
        let seed = life.setup.seed
            ^ (moment as u64) << 8
            ^ path.iter().fold(depth as u64, |hash, (at, choice)| {
                choice.iter().fold(hash.rotate_left(7) ^ *at as u64, |hash, version| {
                    hash.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(u64::from(*version) + 1)
                })
            });
        let mut random = SmallRng::seed_from_u64(seed);
        let target = self.target.as_ref().map(|target| target.path[depth].1.clone());
        let variants = Variants::of(state, self.plan, effort, target.as_ref(), &mut random);
        self.counts.moments += u64::from(depth == 0);
        self.counts.exhausted += u64::from(depth == 0 && variants.exhausted);
        let nested = match &self.target {
            Some(target) => (target.path.len() > depth + 1).then_some(0),
            None if effort.depth > 0 && random.random_range(0..effort.nested_every) == 0 => {
                Some(random.random_range(0..variants.pairs.len()))
            }
            None => None,
        };
        let here = |log: usize, table: usize| {
            let choice = [&variants.logs[log].0[..], &variants.tables[table].0[..]].concat();
            let mut path = path.to_vec();
            path.push((moment, choice));
            path
        };
        for (number, (_, table)) in variants.tables.iter().enumerate() {
            let problem = match ackd::table::verify(table, &mut |_| {}) {
                Ok(report) if report.findings.is_empty() => continue,
                Ok(report) => format!("{:?}", report.findings),
                Err(error) => error.to_string(),
            };
            let failure =
                Failure::new(Class::Damaged, format!("the durable checkpoint is damaged: {problem}"));
            return Err(Failure { path: here(0, number), ..failure });
        }
        for (number, &(log, table)) in variants.pairs.iter().enumerate() {
            let (log_image, table_image) = (&variants.logs[log].1, &variants.tables[table].1);
            let position = self
                .image(life, log_image, table_image, allowed, depth)
                .map_err(|failure| Failure { path: here(log, table), ..failure })?;
            if nested == Some(number) {
                let only = Allowed { timeline: allowed.timeline, positions: position..=position };
                self.recovery(life, log_image.state(table_image), &only, effort.inner(), &here(log, table))?;
            }
        }
        Ok(())
    }

    /// Recovers from one image; returns the position of the state found.
    fn image(
        &mut self,
        life: &LifePlan,
        log: &LogImage,
        table: &TableImage,
        allowed: &Allowed<'_>,
        depth: usize,
    ) -> Result<usize, Failure> {
        let disks = log.plain(table, &self.region, life.setup.buffered);
        let recovered = open(&disks, life)
            .map_err(|error| Failure::new(Class::Refused, format!("recovery refused: {error}")))?;
        let view = recovered.table.snapshot();
        let found = digest_of(&view).map_err(|problem| Failure::new(Class::Damaged, problem))?;
        let Some(position) = allowed.position(found) else {
            let (class, text) = allowed.judge(&read_all(&view));
            return Err(Failure::new(class, text));
        };
        let counts = &mut self.counts;
        match depth {
            0 => {
                counts.images += 1;
                counts.drafts += u64::from(has_drafts(&view));
                let report = &recovered.report;
                let replayed = self.records.within(report.checkpoint_lsn + 1..=report.last_lsn);
                logged::add(&mut counts.replayed, &replayed);
            }
            depth => counts.nested[depth - 1] += 1,
        }
        counts.restarts += 1;
        counts.torn += u64::from(recovered.report.torn_bytes > 0);
        counts.ahead += u64::from(position > *allowed.positions.start());
        counts.checkpoints += u64::from(recovered.report.checkpoint_lsn > 0);
        Ok(position)
    }

    /// Checks the moments of the recovery from one image: all must lead to the same state.
    fn recovery(
        &mut self,
        life: &LifePlan,
        base: DiskState,
        allowed: &Allowed<'_>,
        effort: Effort,
        path: &[(usize, Choice)],
    ) -> Result<(), Failure> {
        let behaviour =
            Behaviour { buffered: life.setup.buffered, lying: self.lying, ..Behaviour::default() };
        let disks = Disks::recording(base.clone(), &self.region, behaviour);
        let failed =
            |error| Failure { path: path.to_vec(), ..Failure::new(Class::Refused, format!("{error}")) };
        let recovered = open(&disks, life).map_err(failed)?;
        let events = disks.finish();
        drop(recovered);
        self.counts.restarts += 1;
        let depth = path.len();
        let wanted = self.target.as_ref().map(|target| target.path[depth].0);
        walk(&base, &events, |moment, state, _| {
            if wanted.is_some_and(|wanted| wanted != moment) {
                return Ok(());
            }
            self.moment(life, moment, state, allowed, effort, path)
        })
    }
}

impl Phase {
    /// The states that are allowed now: those from before while recovery runs, and those of this life's own commands after
    /// it.
    fn allowed<'t>(self, before: &Allowed<'t>, own: &'t Timeline) -> Allowed<'t> {
        if self.recovered {
            Allowed { timeline: own, positions: self.promised..=self.sent }
        } else {
            before.clone()
        }
    }
}

/// Where the moments are: before everything that makes something durable, and at the end.
fn moments(events: &[Event]) -> Vec<usize> {
    let syncs = events.iter().enumerate().filter(|(_, event)| event.is_sync()).map(|(index, _)| index);
    syncs.chain([events.len()]).collect()
}

/// Calls `see` at each moment with its number, the state of the disks and what is promised.
fn walk(
    base: &DiskState,
    events: &[Event],
    mut see: impl FnMut(usize, &DiskState, Phase) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut state = base.clone();
    let (mut phase, mut moment) = (Phase::default(), 0);
    for event in events {
        if event.is_sync() {
            see(moment, &state, phase)?;
            moment += 1;
        }
        match event {
            Event::Recovered => phase = Phase { recovered: true, promised: 0, sent: 0 },
            Event::Sent(sent) => phase.sent = *sent,
            Event::Promised(promised) => phase.promised = *promised,
            _ => {}
        }
        state.apply(event);
    }
    see(moment, &state, phase)
}

/// Adds to a failure what happened before it, and what its image holds.
fn with_context(mut failure: Failure, run: &Run, event: usize, state: &DiskState, plan: &Plan) -> Failure {
    let from = event.saturating_sub(CONTEXT);
    failure.context = run.events[from..event].iter().map(Event::text).collect();
    let next = run.events.get(event).map_or("the end".into(), Event::text);
    failure.context.push(format!("-- power cut before: {next}"));
    if let Some((_, choice)) = failure.path.first() {
        failure.context.push(Units::of(state, plan.atom).text(choice));
    }
    for (moment, choice) in failure.path.iter().skip(1) {
        let kept = choice.iter().filter(|version| **version > 0).count();
        let units = choice.len();
        failure.context.push(format!(
            "-- power cut at moment {moment} of the recovery from that: {kept} of {units} pending units reached the disk"
        ));
    }
    failure
}
