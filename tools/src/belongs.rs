//! Whether the files of a directory belong together and are complete, checked as the server does at its start.

use std::path::Path;

use ackd::recovery::belongs::{self, Contradiction};
use wal::{LogEnd, ReadOptions, SegmentInfo, SegmentMark, SegmentState};

use crate::error::ToolError;
use crate::source::{Damage, Log};
use crate::table::{self, Checkpoint};

/// What the table says about the log.
pub struct Claims {
    /// The newest segment that the table knows.
    mark: Option<SegmentMark>,
    checkpoint: Checkpoint,
}

impl Claims {
    /// Reads the table in `dir`. Must come before the log is read: with a running server the log may only be newer.
    pub fn of_dir(dir: &Path, checkpoint: &Checkpoint) -> Result<Self, ToolError> {
        let note = table::note(dir)?;
        let mark = note.as_deref().and_then(belongs::decode_mark);
        Ok(Self { mark, checkpoint: checkpoint.clone() })
    }

    /// Salt of the newest segment that the table knows; 0 if it knows none.
    pub fn marked_salt(&self) -> u64 {
        self.mark.map_or(0, |mark| mark.salt)
    }

    /// Number of the group whose checksum [`Claims::check_end`] needs.
    pub fn marked_group(&self) -> Option<u64> {
        self.mark?.group.map(|group| group.number)
    }

    /// Whether there is a table. If so, there must be a log.
    pub fn has_table(&self) -> bool {
        !matches!(self.checkpoint, Checkpoint::NoTable)
    }

    /// Damage: there is a table, but the log's directory is missing.
    pub fn no_directory(&self) -> Damage {
        let lsn = self.checkpoint.lsn();
        self.check_segments(&[]).unwrap_or_else(|| Damage {
            segment: String::new(),
            offset: 0,
            lsn: lsn + 1,
            reason: format!(
                "the log is missing: there is a table with a checkpoint at LSN {lsn}, but no wal/ directory. Is a volume \
                 not mounted, or was wal/ not restored? Put the files of wal/ back"
            ),
        })
    }

    /// Damage: there was a log, but no segment is in use or damaged.
    pub fn no_log(&self, segments: &[SegmentInfo]) -> Option<Damage> {
        if segments.iter().any(|info| !matches!(info.state, SegmentState::Prepared { .. })) {
            return None;
        }
        let was_used = self.mark.is_some() || self.checkpoint.lsn() > 0;
        was_used.then(|| self.no_directory())
    }

    /// Damage if the segments contradict the table.
    pub fn check_segments(&self, segments: &[SegmentInfo]) -> Option<Damage> {
        let mark = belongs::mark_for(self.mark?, segments)?;
        let found = belongs::check_segments(mark, segments).err()?;
        let lsn = match segments.iter().rev().find_map(|info| info.header()) {
            Some(newest) => newest.first_lsn.max(self.checkpoint.lsn() + 1),
            None => self.checkpoint.lsn() + 1,
        };
        Some(damage(&found, lsn))
    }

    /// Damage if the end of the log contradicts the table.
    pub fn check_end(&self, segments: &[SegmentInfo], end: &LogEnd) -> Option<Damage> {
        let mark = belongs::mark_for(self.mark?, segments)?;
        let found = belongs::check_end(mark, end).err()?;
        Some(damage(&found, end.last_lsn + 1))
    }

    /// Damage if the table comes from another log.
    pub fn check_history(&self, log: &Log) -> Option<Damage> {
        let Checkpoint::Durable(meta) = &self.checkpoint else { return None };
        let options = ReadOptions { from_lsn: meta.lsn + 1, ..ReadOptions::default() };
        let mut reader = log.reader(options).ok()?;
        // Damage in the log itself is found by the scan.
        reader.next().ok()?;
        let (before, adopted) = (reader.before(), reader.before_adopted());
        let found = belongs::check_history(meta.lsn, meta.log_checksum, before, adopted).err()?;
        Some(damage(&found, meta.lsn + 1))
    }
}

/// A contradiction as a finding.
fn damage(found: &Contradiction, lsn: u64) -> Damage {
    Damage { segment: String::new(), offset: 0, lsn, reason: found.to_string() }
}
