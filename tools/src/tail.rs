//! `tail`: the last durable records, and then each one as it becomes durable.
//!
//! A group that can be read may not be durable: a running server may still wait for its sync. The proof is in the log
//! itself: a later group, a seal or a segment header says how far the log is synced. Records wait in memory for that
//! proof. They belong to one group at most, because the writer issues a group only once the one before is durable.
//! The last group of a killed server has no such proof, nor has a group at the end of its segment while nothing
//! follows. Such a group is mentioned, not shown.

use std::collections::VecDeque;
use std::io::Write;
use std::thread;
use std::time::Duration;

use wal::{DirStorage, Lsn, ReadError, ReadOptions, Reader, RecordRef, Step};

use crate::Out;
use crate::cli::TailArgs;
use crate::dump::{damage_note, gap_text};
use crate::error::{Outcome, ToolError};
use crate::filter::Filter;
use crate::origins::Origins;
use crate::output::{self, Printer};
use crate::progress::say;
use crate::record::{Kept, SegmentName, Taken, is_wanted};
use crate::source::{Damage, Log};
use crate::style::Style;
use crate::time;

/// Pause between two looks at the end of the log.
const PAUSE: Duration = Duration::from_millis(50);

pub fn run(args: &TailArgs, style: Style, out: &mut Out) -> Result<Outcome, ToolError> {
    let now_micros = time::now_micros();
    let mut tail = Tail {
        filter: Filter::new(&args.filter, now_micros)?,
        printer: output::printer(&args.show, style, now_micros / 1000),
        out,
        waiting: VecDeque::new(),
        last: VecDeque::new(),
        lines: usize::try_from(args.lines).unwrap_or(usize::MAX),
        live: false,
        next_lsn: 0,
        name: SegmentName::default(),
        origins: Origins::default(),
    };
    let log = Log::open(&args.dir)?;
    tail.printer.start(tail.out)?;
    let (reader, pause) = tail.catch_up(&log)?;
    tail.show_last()?;
    if args.follow && pause != Pause::Damage {
        tail.follow(&log, reader)?;
        return Ok(Outcome::Damage);
    }
    tail.mention_waiting();
    tail.printer.finish(tail.out)?;
    Ok(match pause {
        Pause::Damage => Outcome::Damage,
        Pause::TornTail => Outcome::TornTail,
        Pause::CleanEnd | Pause::Recycled => Outcome::Fine,
    })
}

/// Why reading paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    /// There is nothing more to read yet.
    CleanEnd,
    /// The same, with part of a group after it.
    TornTail,
    /// Damage, which was reported.
    Damage,
    /// The segment was recycled while it was read.
    Recycled,
}

/// A tail in progress.
struct Tail<'t> {
    filter: Filter,
    printer: Box<dyn Printer>,
    out: &'t mut Out,
    /// Records read but not yet proven durable, oldest first.
    waiting: VecDeque<Kept>,
    /// The last durable records, until following starts.
    last: VecDeque<Kept>,
    /// How many of those are wanted.
    lines: usize,
    /// Whether durable records are printed at once.
    live: bool,
    /// One more than the last LSN read.
    next_lsn: Lsn,
    /// File name of the segment of the last record printed.
    name: SegmentName,
    /// The origins of the group being read.
    origins: Origins,
}

impl Tail<'_> {
    /// Reads to the end of the log, starting as late as the wanted number of records allows.
    fn catch_up(&mut self, log: &Log) -> Result<(Reader<DirStorage>, Pause), ToolError> {
        let starts: Vec<Lsn> =
            log.segments()?.iter().filter_map(|info| info.header().map(|header| header.first_lsn)).collect();
        let mut from = starts.len().saturating_sub(1);
        loop {
            self.waiting.clear();
            self.last.clear();
            let from_lsn = starts.get(from).copied().unwrap_or(0);
            let mut reader = log.reader(options(from_lsn)).map_err(|error| log.fatal(error))?;
            let pause = self.read_to_end(log, &mut reader)?;
            if self.last.len() >= self.lines || from == 0 {
                return Ok((reader, pause));
            }
            // Each attempt reads twice as many segments as the one before.
            from = from.saturating_sub(starts.len() - from);
        }
    }

    /// Reads records up to the current end of the log.
    fn read_to_end(&mut self, log: &Log, reader: &mut Reader<DirStorage>) -> Result<Pause, ToolError> {
        let pause = loop {
            let proven_lsn = reader.progress().proven_lsn;
            self.release(proven_lsn)?;
            match reader.next() {
                Ok(Step::Record(record)) => self.take(&record),
                Ok(Step::CleanEnd(_)) => break Pause::CleanEnd,
                Ok(Step::TornTail(_)) => break Pause::TornTail,
                Err(ReadError::Recycled { .. }) => break Pause::Recycled,
                Err(error) => {
                    let damage = Damage::of(&error).ok_or_else(|| log.fatal(error))?;
                    say(&damage_note(&damage));
                    break Pause::Damage;
                }
            }
        };
        self.release(reader.progress().proven_lsn)?;
        Ok(pause)
    }

    fn take(&mut self, record: &RecordRef<'_>) {
        self.next_lsn = record.lsn + 1;
        self.origins.see(record);
        if is_wanted(record, &self.filter) {
            self.waiting.push_back(Kept::of(record, self.origins.caused(record.payload)));
        }
    }

    /// Moves the records proven durable to the output, or to the last records.
    fn release(&mut self, proven_lsn: Lsn) -> Result<(), ToolError> {
        while self.waiting.front().is_some_and(|kept| kept.lsn() <= proven_lsn) {
            let Some(kept) = self.waiting.pop_front() else { break };
            if self.live {
                self.print(&kept)?;
                continue;
            }
            self.last.push_back(kept);
            if self.last.len() > self.lines {
                self.last.pop_front();
            }
        }
        Ok(())
    }

    fn show_last(&mut self) -> Result<(), ToolError> {
        self.live = true;
        for kept in std::mem::take(&mut self.last) {
            self.print(&kept)?;
        }
        Ok(self.out.flush()?)
    }

    fn print(&mut self, kept: &Kept) -> Result<(), ToolError> {
        let record = kept.view(&mut self.name);
        match Taken::from_payload(record.payload, &self.filter) {
            Ok(taken) => self.printer.record(self.out, &record, &taken.view())?,
            Err(error) => self.printer.unreadable(self.out, &record, &error)?,
        }
        Ok(())
    }

    /// Prints records as they become durable, until the output is closed or the log is damaged.
    fn follow(&mut self, log: &Log, mut reader: Reader<DirStorage>) -> Result<(), ToolError> {
        loop {
            let pause = self.read_to_end(log, &mut reader);
            self.out.flush()?;
            match pause? {
                Pause::Damage => return Ok(()),
                Pause::Recycled => reader = self.reopen(log)?,
                Pause::CleanEnd | Pause::TornTail => thread::sleep(PAUSE),
            }
        }
    }

    /// Opens a new reader after records were recycled before they were read.
    fn reopen(&mut self, log: &Log) -> Result<Reader<DirStorage>, ToolError> {
        let (next_lsn, oldest) = (self.next_lsn, log.oldest_lsn()?);
        if oldest > next_lsn {
            say(&gap_text(next_lsn, oldest - 1));
        }
        self.next_lsn = next_lsn.max(oldest);
        log.reader(options(self.next_lsn)).map_err(|error| log.fatal(error))
    }

    fn mention_waiting(&self) {
        if let (Some(first), Some(last)) = (self.waiting.front(), self.waiting.back()) {
            let (first, last) = (first.lsn(), last.lsn());
            say(&format!(
                "ackd-wal: LSN {first} to {last} are in the log, but nothing proves yet that they are durable"
            ));
        }
    }
}

fn options(from_lsn: Lsn) -> ReadOptions {
    ReadOptions { from_lsn, follow: true, ..ReadOptions::default() }
}
