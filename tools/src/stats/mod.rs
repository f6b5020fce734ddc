//! `stats`: counts what was written. One walk over the log; memory use does not grow with it.

mod histogram;
mod summary;
mod text;
mod top;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::ControlFlow;

use ackd::effect::{Change, Effect, StringChange};
use wal::{GroupInfo, Lsn, RecordRef};

use crate::Out;
use crate::cli::{StatsArgs, StatsFormat};
use crate::dump::{conclude, first_lsn, remark};
use crate::error::{Outcome, ToolError};
use crate::filter::Filter;
use crate::output::fields::{Number, VERSION};
use crate::output::jsonl;
use crate::progress::{Progress, say};
use crate::record::Taken;
use crate::source::{Log, ScanOptions, Seen};
use crate::time;
use histogram::Histogram;
use summary::{AllQuantiles, BigValue, OpShare, Quantiles, Summary, TopName, ratio, rounded};
use top::Top;

/// Names counted for each top list; many more than are shown, so that those shown are right.
const COUNTERS: usize = 4096;

pub fn run(args: &StatsArgs, out: &mut Out) -> Result<Outcome, ToolError> {
    if args.sep.is_empty() {
        return Err(ToolError::Usage("--sep must not be empty".into()));
    }
    let log = Log::open(&args.dir)?;
    let mut collector = Collector::new(args)?;
    let progress = Progress::over(&log.segments()?);
    let options = ScanOptions {
        from_lsn: first_lsn(&log, args.from_lsn)?,
        keep_going: args.keep_going,
        ..ScanOptions::default()
    };
    let scanned = log.scan(options, &progress, |seen| match seen {
        Seen::Record(record) => Ok(collector.visit(record)),
        other => Ok(remark(&progress, &other)),
    })?;
    drop(progress);
    let outcome = conclude(&scanned, args.keep_going);
    if collector.unreadable > 0 {
        say(&format!("ackd-wal: the payloads of {} records cannot be read", collector.unreadable));
    }
    let unreadable = if collector.unreadable > 0 { Outcome::Damage } else { Outcome::Fine };
    let summary = collector.summary();
    match args.format {
        StatsFormat::Json => jsonl::line(out, &summary)?,
        StatsFormat::Text => text::print(&summary, out)?,
    }
    Ok(outcome.and(unreadable))
}

/// What the walk has counted so far.
struct Collector<'a> {
    args: &'a StatsArgs,
    filter: Filter,
    /// First and last LSN counted.
    lsns: Option<(Lsn, Lsn)>,
    /// Earliest and latest time of a group.
    times: Option<(u64, u64)>,
    /// Number of the group of the last record.
    group: Option<u64>,
    /// Time of that group.
    group_micros: u64,
    /// Records of that group which were counted.
    group_records: u64,
    records: u64,
    groups: u64,
    payload_bytes: u64,
    disk_bytes: u64,
    unreadable: u64,
    ops: BTreeMap<&'static str, OpCount>,
    sets: u64,
    sets_with_deadline: u64,
    group_sizes: Histogram,
    group_disk_bytes: Histogram,
    intervals: Histogram,
    value_sizes: Histogram,
    keys_by_writes: Top,
    keys_by_bytes: Top,
    prefixes_by_writes: Top,
    prefixes_by_bytes: Top,
    biggest: BinaryHeap<Reverse<Big>>,
}

/// Totals of one kind of effect.
#[derive(Clone, Copy, Default)]
struct OpCount {
    count: u64,
    bytes: u64,
}

/// A big value: ordered by size, older ones first among equals.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Big {
    bytes: u64,
    older: Reverse<Lsn>,
    db: usize,
    key: Vec<u8>,
}

impl<'a> Collector<'a> {
    fn new(args: &'a StatsArgs) -> Result<Self, ToolError> {
        let top = || Top::new(COUNTERS.max(usize::from(args.top)));
        Ok(Self {
            args,
            filter: Filter::new(&args.filter, time::now_micros())?,
            lsns: None,
            times: None,
            group: None,
            group_micros: 0,
            group_records: 0,
            records: 0,
            groups: 0,
            payload_bytes: 0,
            disk_bytes: 0,
            unreadable: 0,
            ops: BTreeMap::new(),
            sets: 0,
            sets_with_deadline: 0,
            group_sizes: Histogram::default(),
            group_disk_bytes: Histogram::default(),
            intervals: Histogram::default(),
            value_sizes: Histogram::default(),
            keys_by_writes: top(),
            keys_by_bytes: top(),
            prefixes_by_writes: top(),
            prefixes_by_bytes: top(),
            biggest: BinaryHeap::new(),
        })
    }

    fn visit(&mut self, record: &RecordRef<'_>) -> ControlFlow<()> {
        if self.args.to_lsn.is_some_and(|to_lsn| record.lsn > to_lsn) {
            return ControlFlow::Break(());
        }
        if !self.filter.takes_group(record.group.number, record.group.wall_micros) {
            return ControlFlow::Continue(());
        }
        let taken = match Taken::from_payload(record.payload, &self.filter) {
            Ok(taken) if taken.is_unwanted(&self.filter) => return ControlFlow::Continue(()),
            Ok(taken) => taken,
            Err(_) => {
                self.unreadable += 1;
                return ControlFlow::Continue(());
            }
        };
        self.count_record(record);
        for (_, effect) in taken.view().effects {
            self.count_effect(effect, record.lsn);
        }
        ControlFlow::Continue(())
    }

    fn count_record(&mut self, record: &RecordRef<'_>) {
        if self.group != Some(record.group.number) {
            self.count_group(record.group);
        }
        self.group_records += 1;
        self.records += 1;
        self.payload_bytes += record.payload.len() as u64;
        let (first, _) = self.lsns.unwrap_or((record.lsn, record.lsn));
        self.lsns = Some((first, record.lsn));
    }

    fn count_group(&mut self, group: &GroupInfo) {
        self.finish_group();
        let micros = group.wall_micros;
        if self.group.is_some() {
            self.intervals.add(micros.saturating_sub(self.group_micros));
        }
        let (first, last) = self.times.unwrap_or((micros, micros));
        self.times = Some((first.min(micros), last.max(micros)));
        self.group = Some(group.number);
        self.group_micros = micros;
        self.groups += 1;
        self.disk_bytes += group.disk_bytes;
        self.group_disk_bytes.add(group.disk_bytes);
    }

    /// Counts the records of the group that ends here.
    fn finish_group(&mut self) {
        if self.group_records > 0 {
            self.group_sizes.add(self.group_records);
            self.group_records = 0;
        }
    }

    fn count_effect(&mut self, effect: &Effect<'_>, lsn: Lsn) {
        let value_bytes = effect.stored_bytes().unwrap_or(0);
        let key_bytes = effect.key().map_or(0, |key| key.len() as u64);
        let bytes = value_bytes + key_bytes;
        let op = self.ops.entry(effect.name()).or_default();
        op.count += 1;
        op.bytes += bytes;
        if matches!(effect, Effect::Key { change: Change::String(StringChange::Set { .. }), .. }) {
            self.sets += 1;
            self.sets_with_deadline += u64::from(effect.expire_at_ms().is_some());
        }
        let (Some(db), Some(key)) = (effect.db(), effect.key()) else { return };
        self.count_key(db, key, bytes);
        if effect.stored_bytes().is_some() {
            self.value_sizes.add(value_bytes);
            self.keep_if_big(value_bytes, lsn, db, key);
        }
    }

    fn count_key(&mut self, db: usize, key: &[u8], bytes: u64) {
        let name = name_of(db, key);
        self.keys_by_writes.add(&name, 1);
        self.keys_by_bytes.add(&name, bytes);
        if let Some(prefix) = prefix(key, self.args.sep.as_bytes()) {
            let name = name_of(db, prefix);
            self.prefixes_by_writes.add(&name, 1);
            self.prefixes_by_bytes.add(&name, bytes);
        }
    }

    fn keep_if_big(&mut self, bytes: u64, lsn: Lsn, db: usize, key: &[u8]) {
        let top = usize::from(self.args.top);
        let smallest = self.biggest.peek().map_or(0, |Reverse(big)| big.bytes);
        if self.biggest.len() >= top && bytes <= smallest {
            return;
        }
        let key = key[..key.len().min(top::NAME_BYTES_MAX)].to_vec();
        self.biggest.push(Reverse(Big { bytes, older: Reverse(lsn), db, key }));
        if self.biggest.len() > top {
            self.biggest.pop();
        }
    }

    fn summary(mut self) -> Summary {
        self.finish_group();
        let top = usize::from(self.args.top);
        let list = |counters: &Top| counters.heaviest(top).into_iter().map(TopName::of).collect();
        let (first_lsn, last_lsn) = self.lsns.unwrap_or((0, 0));
        let (first_micros, last_micros) = self.times.unwrap_or((0, 0));
        let span_micros = last_micros - first_micros;
        let rate = |count: u64| match span_micros {
            0 => 0.0,
            micros => count as f64 * time::SECOND_MICROS as f64 / micros as f64,
        };
        let mut biggest: Vec<Reverse<Big>> = self.biggest.into_vec();
        biggest.sort_unstable();
        Summary {
            v: VERSION,
            records: self.records,
            groups: self.groups,
            first_lsn: Number(first_lsn),
            last_lsn: Number(last_lsn),
            first_ts: self.times.map(|_| time::show(first_micros)),
            last_ts: self.times.map(|_| time::show(last_micros)),
            span_micros: Number(span_micros),
            records_per_second: rounded(rate(self.records)),
            payload_bytes_per_second: rounded(rate(self.payload_bytes)),
            payload_bytes: Number(self.payload_bytes),
            disk_bytes: Number(self.disk_bytes),
            write_amplification: rounded(ratio(self.disk_bytes, self.payload_bytes)),
            ops: self.ops.into_iter().map(|(op, count)| OpShare::of(op, count)).collect(),
            sets: self.sets,
            sets_with_deadline: self.sets_with_deadline,
            quantiles: AllQuantiles {
                records_per_group: Quantiles::of(&self.group_sizes),
                disk_bytes_per_group: Quantiles::of(&self.group_disk_bytes),
                micros_between_groups: Quantiles::of(&self.intervals),
                value_bytes: Quantiles::of(&self.value_sizes),
            },
            records_per_group: self.group_sizes,
            disk_bytes_per_group: self.group_disk_bytes,
            micros_between_groups: self.intervals,
            value_bytes: self.value_sizes,
            top_keys_by_writes: list(&self.keys_by_writes),
            top_keys_by_bytes: list(&self.keys_by_bytes),
            top_prefixes_by_writes: list(&self.prefixes_by_writes),
            top_prefixes_by_bytes: list(&self.prefixes_by_bytes),
            biggest_values: biggest.into_iter().map(|Reverse(big)| BigValue::of(big)).collect(),
        }
    }
}

/// Database and key as one name; a database number is below 256.
fn name_of(db: usize, key: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(key.len() + 1);
    name.push(u8::try_from(db).unwrap_or(u8::MAX));
    name.extend_from_slice(key);
    name
}

/// The key up to and including the first separator.
fn prefix<'k>(key: &'k [u8], separator: &[u8]) -> Option<&'k [u8]> {
    let at = key.windows(separator.len()).position(|window| window == separator)?;
    Some(&key[..at + separator.len()])
}
