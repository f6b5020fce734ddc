//! What is kept and what is lost, record by record.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use ackd::effect;
use wal::{Lsn, RecordRef};

use super::place::Place;
use crate::belongs::Claims;
use crate::cli::RepairMode;
use crate::error::{Outcome, ToolError};
use crate::progress::Progress;
use crate::source::{Damage, Log, ScanOptions, Seen};
use crate::table::Checkpoint;

/// A repair replaces no more lost records than this. A larger number is most likely damage itself, and must not fill the
/// disk.
const FILLED_MAX: u64 = 100_000_000;
/// Keys of lost records that are listed.
pub const KEYS_MAX: usize = 50;

/// A range of LSNs, first and last.
pub type Range = (Lsn, Lsn);

/// What a repair of the log will do.
pub struct Plan {
    pub mode: RepairMode,
    /// LSN of the table's checkpoint.
    pub checkpoint_lsn: Lsn,
    pub damages: Vec<Damage>,
    /// Bytes of the torn tail. It is not damage: the server puts it aside at its start.
    pub torn_bytes: u64,
    /// First LSN of the new log.
    pub first_lsn: Lsn,
    /// Last LSN of the new log; below the first one if it will be empty.
    pub last_lsn: Lsn,
    /// Kept records before any damage.
    pub kept: u64,
    /// Kept records after damage.
    pub salvaged: u64,
    /// Lost LSNs: neither kept nor in the table.
    pub lost: Vec<Range>,
    /// LSNs that are not kept but in the table: lost only from the history.
    pub history_lost: Vec<Range>,
    /// Records that are lost although they can be read, with the reason.
    pub given_up: BTreeMap<Lsn, &'static str>,
    /// Payload bytes of those that are not in the table.
    pub lost_bytes: u64,
    /// Keys of lost records, as far as they can be read.
    pub lost_keys: Vec<Vec<u8>>,
    /// Whether there are more such keys.
    pub more_keys: bool,
    /// Records without effects, with which an earlier repair replaced lost ones.
    pub placeholders: u64,
    /// Ranges of kept LSNs; those in [`Plan::given_up`] are not kept after all.
    kept_ranges: Vec<Range>,
    /// Whether records after the last known one may be lost too.
    pub open_end: bool,
    pub instance_id: [u8; 16],
    pub segment_bytes: u64,
    /// Epoch of the last writer.
    pub epoch: u64,
    /// What the table knows about its log. The new log must match it.
    pub adopted: Option<wal::Known>,
    /// Salt of the newest segment of the log that the new one replaces.
    pub replaces_salt: u64,
}

/// What the walk has seen so far.
#[derive(Default)]
struct Walk {
    /// First LSN seen; 0 if none.
    first: Lsn,
    /// Last LSN taken or given up.
    last: Lsn,
    /// Ranges of kept LSNs.
    kept: Vec<Range>,
    /// Whether damage was found.
    damaged: bool,
}

impl Plan {
    pub fn make(place: &Place, checkpoint: &Checkpoint, mode: RepairMode) -> Result<Self, ToolError> {
        let mut plan = Self {
            mode,
            checkpoint_lsn: checkpoint.lsn(),
            damages: Vec::new(),
            torn_bytes: 0,
            first_lsn: 0,
            last_lsn: 0,
            kept: 0,
            salvaged: 0,
            lost: Vec::new(),
            history_lost: Vec::new(),
            given_up: BTreeMap::new(),
            lost_bytes: 0,
            lost_keys: Vec::new(),
            more_keys: false,
            placeholders: 0,
            kept_ranges: Vec::new(),
            open_end: false,
            instance_id: [0; 16],
            segment_bytes: wal::SEGMENT_BYTES,
            epoch: 0,
            adopted: None,
            replaces_salt: 0,
        };
        if let Checkpoint::Durable(meta) = checkpoint {
            plan.instance_id[..8].copy_from_slice(&meta.instance_id.to_le_bytes());
            plan.epoch = meta.epoch;
            plan.adopted = meta.log_checksum.map(|checksum| wal::Known { lsn: meta.lsn, checksum });
        }
        let mut walk = Walk::default();
        plan.read(place, checkpoint, &mut walk)?;
        plan.conclude(walk);
        let filled: u64 = plan.lost.iter().chain(&plan.history_lost).map(length).sum();
        if filled > FILLED_MAX {
            let reason = format!("{filled} LSNs are missing, which cannot be right; nothing was changed");
            return Err(ToolError::Refused { path: place.wal(), reason });
        }
        Ok(plan)
    }

    /// Walks over everything that can be read.
    fn read(&mut self, place: &Place, checkpoint: &Checkpoint, walk: &mut Walk) -> Result<(), ToolError> {
        let claims = Claims::of_dir(&place.dir, checkpoint)?;
        self.replaces_salt = claims.marked_salt();
        let log = match place.wal().exists() {
            true => Some(Log::open(&place.dir)?),
            false => None,
        };
        let segments = log.as_ref().map_or(Ok(Vec::new()), Log::segments)?;
        let headers: Vec<_> = segments.iter().filter_map(|info| info.header()).collect();
        let (Some(log), Some(newest)) = (&log, headers.last()) else {
            self.found_no_segment(walk);
            return Ok(());
        };
        if matches!(checkpoint, Checkpoint::NoTable | Checkpoint::Unusable(_)) {
            self.instance_id = newest.instance_id;
        }
        self.epoch = self.epoch.max(newest.epoch);
        // A segment made for one large group is longer than the others.
        let lengths = headers.iter().map(|header| header.segment_bytes);
        self.segment_bytes = lengths.min().unwrap_or(wal::SEGMENT_BYTES);
        let foreign: BTreeSet<u64> = headers
            .iter()
            .filter(|header| header.instance_id != self.instance_id)
            .map(|header| header.sequence)
            .collect();
        let other_history = claims.check_history(log);
        let is_other_history = other_history.is_some();
        let missing_end = claims.check_segments(&segments);
        other_history.into_iter().for_each(|damage| self.add_damage(damage));
        let progress = Progress::over(&segments);
        let options = ScanOptions {
            from_lsn: 0,
            durable_lsn: self.checkpoint_lsn,
            marked_group: claims.marked_group(),
            keep_going: true,
        };
        let scanned = log.scan(options, &progress, |seen| {
            match seen {
                Seen::Record(record) if is_other_history => {
                    self.give_up(record, "it belongs to another history than the table");
                }
                Seen::Record(record) if foreign.contains(&record.group.segment) => {}
                Seen::Record(record) => self.visit(record, walk),
                Seen::Damage(damage) => {
                    walk.damaged = true;
                    self.add_damage(damage.clone());
                }
                Seen::Gap(..) => {}
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if let Some(end) = scanned.end {
            self.torn_bytes = end.torn_bytes;
            let ends_early = missing_end.or_else(|| claims.check_end(&segments, &end));
            if let Some(damage) = ends_early {
                self.add_damage(Damage { lsn: damage.lsn.max(end.last_lsn + 1), ..damage });
            }
            if !foreign.contains(&end.sequence) {
                // A group's header, or what follows the group, tells of records at its end that cannot be read.
                walk.last = walk.last.max(end.last_lsn);
            }
        }
        Ok(())
    }

    /// Notes that there is no log.
    fn found_no_segment(&mut self, walk: &mut Walk) {
        let (segment, lsn) = (String::new(), self.checkpoint_lsn + 1);
        self.add_damage(Damage { segment, offset: 0, lsn, reason: "there is no segment in use".into() });
        walk.damaged = true;
    }

    fn add_damage(&mut self, damage: Damage) {
        if self.damages.len() < crate::source::DAMAGES_MAX {
            self.damages.push(damage);
        }
    }

    /// Decides about a record.
    fn visit(&mut self, record: &RecordRef<'_>, walk: &mut Walk) {
        if walk.first == 0 {
            walk.first = record.lsn;
        }
        if record.lsn <= walk.last {
            // After damage an LSN can come twice. The first one continues the log.
            return;
        }
        walk.last = record.lsn;
        let decoded = effect::decode(record.payload);
        self.placeholders +=
            u64::from(decoded.as_ref().is_ok_and(|decoded| decoded.effects().next().is_none()));
        let Err(error) = decoded else {
            if walk.damaged && self.mode == RepairMode::TrimTail {
                self.give_up(record, "it comes after the damage");
            } else {
                self.keep(record, walk);
            }
            return;
        };
        walk.damaged = true;
        let segment = wal::segment_name(record.group.segment);
        let reason = format!("the payload cannot be read: {error}");
        self.add_damage(Damage { segment, offset: record.offset, lsn: record.lsn, reason });
    }

    fn keep(&mut self, record: &RecordRef<'_>, walk: &mut Walk) {
        self.kept += u64::from(!walk.damaged);
        self.salvaged += u64::from(walk.damaged);
        match walk.kept.last_mut() {
            Some(range) if range.1 + 1 == record.lsn => range.1 = record.lsn,
            _ => walk.kept.push((record.lsn, record.lsn)),
        }
    }

    /// Gives up a record that can be read.
    pub fn give_up(&mut self, record: &RecordRef<'_>, reason: &'static str) {
        self.given_up.insert(record.lsn, reason);
        if record.lsn <= self.checkpoint_lsn {
            return;
        }
        self.lost_bytes += record.payload.len() as u64;
        let Ok(decoded) = effect::decode(record.payload) else { return };
        for key in decoded.effects().filter_map(|effect| effect.key().map(<[u8]>::to_vec)) {
            if self.lost_keys.contains(&key) {
                continue;
            }
            if self.lost_keys.len() == KEYS_MAX {
                self.more_keys = true;
                return;
            }
            self.lost_keys.push(key);
        }
    }

    /// Finds the first and last LSN of the new log, and what is missing in between.
    fn conclude(&mut self, walk: Walk) {
        let after_checkpoint = self.checkpoint_lsn + 1;
        self.first_lsn = if walk.first == 0 { after_checkpoint } else { walk.first.min(after_checkpoint) };
        let kept_last = walk.kept.last().map_or(0, |range| range.1);
        self.last_lsn = kept_last.max(self.checkpoint_lsn).max(self.first_lsn - 1);
        // Records after the last kept one are not replaced: their LSNs are used again.
        let known_last = walk.last.max(self.last_lsn);
        let mut next = self.first_lsn;
        let ranges = walk.kept.iter().copied().chain([(known_last + 1, known_last)]);
        let mut missing = Vec::new();
        for (first, last) in ranges {
            if first > next {
                missing.push((next, first - 1));
            }
            next = last.saturating_add(1).max(next);
        }
        missing.into_iter().for_each(|range| self.miss(range));
        self.kept_ranges = walk.kept;
        self.open_end = self.damages.last().is_some_and(|damage| damage.lsn > known_last);
        // If LSNs are missing without any damage, that is a finding itself.
        if self.damages.is_empty() && !self.lost.is_empty() {
            let (first, last) = self.lost[0];
            let reason = format!("LSN {first} to {last} are neither in the log nor in the table");
            self.damages.push(Damage { segment: String::new(), offset: 0, lsn: first, reason });
        }
    }

    /// Notes missing LSNs as lost, or as lost only from the history if the table has them.
    pub fn miss(&mut self, (first, last): Range) {
        let split = self.checkpoint_lsn;
        if first <= split {
            self.history_lost.push((first, last.min(split)));
        }
        if last > split {
            self.lost.push((first.max(split + 1), last));
        }
    }

    /// Whether there is nothing to repair.
    pub fn is_sound(&self) -> bool {
        self.damages.is_empty()
    }

    /// The outcome if nothing is changed.
    pub fn outcome(&self) -> Outcome {
        match self.torn_bytes {
            _ if !self.is_sound() => Outcome::Damage,
            0 => Outcome::Fine,
            _ => Outcome::TornTail,
        }
    }

    /// Whether records are kept after lost ones that are not in the table either: they may no longer fit.
    pub fn needs_trial(&self) -> bool {
        self.lost.first().is_some_and(|(first, _)| *first <= self.last_lsn)
    }

    /// Whether a record goes into the new log.
    pub fn keeps(&self, lsn: Lsn) -> bool {
        let range = self.kept_ranges.partition_point(|(_, last)| *last < lsn);
        let is_kept = self.kept_ranges.get(range).is_some_and(|(first, _)| *first <= lsn);
        is_kept && !self.given_up.contains_key(&lsn)
    }

    /// Number of lost records, as far as known.
    pub fn lost_records(&self) -> u64 {
        self.lost.iter().map(length).sum::<u64>() + u64::from(self.open_end)
    }
}

/// Number of LSNs in a range.
pub fn length((first, last): &Range) -> u64 {
    last.saturating_sub(*first).saturating_add(1)
}
