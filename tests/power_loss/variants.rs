//! Which images of a moment are tried.

use super::image::{
    Choice, EXHAUSTIVE_MAX, LogImage, TableImage, Unit, Units, durable_table, log_image, table_image,
};
use super::media::DiskState;
use super::plan::Plan;
use rand::Rng;
use rand::rngs::SmallRng;

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Up to this many different choices, all are tried.
    pub exhaustive_max: u64,
    /// Random choices for the log where there are more.
    pub log_random: usize,
    /// Random choices for the table where there are more.
    pub table_random: usize,
    /// One moment in this many has one of its images recovered on recording disks, and the moments of that recovery checked.
    pub nested_every: u32,
    /// Crashes inside recoveries inside recoveries.
    pub depth: usize,
}

impl Effort {
    /// For a life's own moments.
    pub const FULL: Self =
        Self { exhaustive_max: EXHAUSTIVE_MAX, log_random: 20, table_random: 6, nested_every: 2, depth: 2 };

    /// For the moments of a life with long results, whose images take long to recover.
    pub const LONG: Self =
        Self { exhaustive_max: 4, log_random: 1, table_random: 0, nested_every: 12, depth: 1 };

    /// For the moments of a recovery.
    pub fn inner(self) -> Self {
        Self {
            exhaustive_max: self.exhaustive_max.min(16),
            log_random: 3,
            table_random: 2,
            nested_every: 12,
            depth: self.depth - 1,
        }
    }
}

/// The images of one moment: variants of the log, variants of the table, and which of them are combined.
pub struct Variants {
    pub logs: Vec<(Choice, LogImage)>,
    pub tables: Vec<(Choice, TableImage)>,
    pub pairs: Vec<(usize, usize)>,
    pub exhausted: bool,
}

impl Variants {
    /// Those of `state`, or the one of `target`.
    pub fn of(
        state: &DiskState,
        plan: &Plan,
        effort: Effort,
        target: Option<&Choice>,
        random: &mut SmallRng,
    ) -> Self {
        let units = Units::of(state, plan.atom);
        let (log_units, table_units) = units.list.split_at(units.log);
        let (all_logs, all_tables) = (Units::product(log_units), Units::product(table_units));
        let exhausted = all_logs.saturating_mul(all_tables) <= effort.exhaustive_max;
        let (logs, tables) = match target {
            Some(choice) => {
                let mut choice = choice.clone();
                choice.resize(units.list.len(), 0);
                (vec![choice[..units.log].to_vec()], vec![choice[units.log..].to_vec()])
            }
            None => {
                let tables_max = if exhausted { u64::MAX } else { effort.exhaustive_max.min(32) };
                (
                    choices(log_units, effort.exhaustive_max, effort.log_random, random),
                    choices(table_units, tables_max, effort.table_random, random),
                )
            }
        };
        let pairs = pairs(logs.len(), tables.len(), exhausted, random);
        let durable = durable_table(state);
        let logs = logs.into_iter().map(|choice| {
            let image = log_image(state, log_units, &choice);
            (choice, image)
        });
        let logs = logs.collect();
        let tables = tables.into_iter().map(|choice| {
            let image = table_image(state, &durable, table_units, &choice);
            (choice, image)
        });
        let tables = tables.collect();
        Self { logs, tables, pairs, exhausted }
    }
}

/// All choices if they are few; otherwise none of the units, all of them, and random ones.
fn choices(units: &[Unit], exhaustive_max: u64, any: usize, random: &mut SmallRng) -> Vec<Choice> {
    let all = Units::product(units);
    if all <= exhaustive_max {
        return (0..all).map(|number| Units::nth(units, number)).collect();
    }
    let ends = [vec![0; units.len()], units.iter().map(|unit| unit.versions).collect()];
    let random = (0..any).map(|_| Units::any(units, random));
    ends.into_iter().chain(random).collect()
}

/// Which variants of log and table are combined: all, if that is asked for or they are few; otherwise each at least once.
fn pairs(logs: usize, tables: usize, all: bool, random: &mut SmallRng) -> Vec<(usize, usize)> {
    if all || logs * tables <= 48 {
        return (0..logs).flat_map(|log| (0..tables).map(move |table| (log, table))).collect();
    }
    let count = logs.max(tables).max(48);
    let log = |number: usize, random: &mut SmallRng| {
        if number < logs { number } else { random.random_range(0..logs) }
    };
    (0..count)
        .map(|number| {
            let table = if number < tables { number } else { random.random_range(0..tables) };
            (log(number, random), table)
        })
        .collect()
}
