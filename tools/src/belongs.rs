//! Whether the files of a directory belong together and are all there, asked in the same way as the server does at its
//! start.

use std::path::Path;

use ackd::recovery::belongs::{self, Contradiction};
use wal::{LogEnd, ReadOptions, SegmentInfo, SegmentMark, SegmentState};

use crate::error::ToolError;
use crate::source::{Damage, Log};
use crate::table::{self, Checkpoint};

/// What is held against the log.
pub struct Claims {
    /// The newest segment, as the table remembers it.
    mark: Option<SegmentMark>,
    /// The table's checkpoint.
    checkpoint: Checkpoint,
}

impl Claims {
    /// Those of the table in the data directory `dir`. To be read before the log: a server that runs only goes forward.
    pub fn of_dir(dir: &Path, checkpoint: &Checkpoint) -> Result<Self, ToolError> {
        let note = table::note(dir)?;
        let mark = note.as_deref().and_then(belongs::decode_mark);
        Ok(Self { mark, checkpoint: checkpoint.clone() })
    }

    /// Salt of the newest segment, as the table remembers it; 0 if it remembers none.
    pub fn marked_salt(&self) -> u64 {
        self.mark.map_or(0, |mark| mark.salt)
    }

    /// Number of the group whose checksum the end of the log is to tell.
    pub fn marked_group(&self) -> Option<u64> {
        self.mark?.group.map(|group| group.number)
    }

    /// Whether there is a table: beside it there was a log.
    pub fn has_table(&self) -> bool {
        !matches!(self.checkpoint, Checkpoint::NoTable)
    }

    /// That the log's directory is not there although there is a table.
    pub fn no_directory(&self) -> Damage {
        let lsn = self.checkpoint.lsn();
        self.check_segments(&[]).unwrap_or_else(|| Damage {
            segment: String::new(),
            offset: 0,
            lsn: lsn + 1,
            reason: format!(
                "the log is missing: there is a table, whose checkpoint is at LSN {lsn}, and no directory of its log. Is a \
                 volume not mounted, or wal/ not restored? Put the files of wal/ back"
            ),
        })
    }

    /// That there is no segment in use, nor one that cannot be read, although there was a log.
    pub fn no_log(&self, segments: &[SegmentInfo]) -> Option<Damage> {
        if segments.iter().any(|info| !matches!(info.state, SegmentState::Prepared { .. })) {
            return None;
        }
        let was_used = self.mark.is_some() || self.checkpoint.lsn() > 0;
        was_used.then(|| self.no_directory())
    }

    /// What the segments that are there contradict.
    pub fn check_segments(&self, segments: &[SegmentInfo]) -> Option<Damage> {
        let mark = belongs::mark_for(self.mark?, segments)?;
        let found = belongs::check_segments(mark, segments).err()?;
        let lsn = match segments.iter().rev().find_map(|info| info.header()) {
            Some(newest) => newest.first_lsn.max(self.checkpoint.lsn() + 1),
            None => self.checkpoint.lsn() + 1,
        };
        Some(damage(&found, lsn))
    }

    /// What the end of the log contradicts.
    pub fn check_end(&self, segments: &[SegmentInfo], end: &LogEnd) -> Option<Damage> {
        let mark = belongs::mark_for(self.mark?, segments)?;
        let found = belongs::check_end(mark, end).err()?;
        Some(damage(&found, end.last_lsn + 1))
    }

    /// Whether the log is one that the table did not come from.
    pub fn check_history(&self, log: &Log) -> Option<Damage> {
        let Checkpoint::Durable(meta) = &self.checkpoint else { return None };
        let options = ReadOptions { from_lsn: meta.lsn + 1, ..ReadOptions::default() };
        let mut reader = log.reader(options).ok()?;
        // What is wrong with the log itself is found by reading all of it.
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
