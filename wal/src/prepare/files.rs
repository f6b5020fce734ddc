//! The steps on files, in an order in which a crash may lose any of them.

use std::io;
use std::time::Duration;

use super::{Pace, Prepared, Problem, Retired, Shared};
use crate::direct::AlignedBuffer;
use crate::error::is_full;
use crate::format::{TEMPORARY_SUFFIX, segment_name};
use crate::storage::{Access, Storage, StorageFile, transfer};

/// Bytes of zeros per write, and the pause between two writes when nobody waits for the segment: a group that is
/// submitted meanwhile waits for at most one such write.
const ZEROS_BYTES: usize = 256 << 10;
const PAUSE: Duration = Duration::from_millis(1);

impl<S: Storage> Shared<S> {
    /// Makes a segment of zeros that is ready for use.
    pub(super) fn create(&self, sequence: u64, bytes: u64, pace: Pace) -> Result<Prepared<S::File>, Problem> {
        let (name, temporary) = (segment_name(sequence), format!("{sequence:016x}{TEMPORARY_SUFFIX}"));
        let made = self.fill(&temporary, bytes, pace).and_then(|file| {
            let renamed = self.storage.rename(&temporary, &name);
            renamed.map_err(|error| Problem::new("rename to", &name, bytes, error))?;
            Ok(file)
        });
        if made.is_err() {
            // Frees the space now; the next start would remove a leftover.
            let _ = self.storage.remove(&temporary);
        }
        let file = made?;
        self.sync_dir(bytes)?;
        Ok(Prepared { sequence, bytes, file, recycled: false })
    }

    /// Makes a file of synced zeros.
    fn fill(&self, name: &str, bytes: u64, pace: Pace) -> Result<S::File, Problem> {
        let problem = |op| move |error| Problem::new(op, name, bytes, error);
        let file = self.storage.create(name).map_err(problem("create"))?;
        file.allocate(bytes).map_err(problem("allocate"))?;
        let pause = || {
            if pace == Pace::Gentle && self.lock().waiting == 0 {
                std::thread::sleep(PAUSE);
            }
        };
        write_zeros(&file, 0, bytes, pause).map_err(problem("fill"))?;
        file.sync().map_err(problem("sync"))?;
        Ok(file)
    }

    /// Gives an old segment a new number.
    pub(super) fn recycle(&self, retired: Retired, sequence: u64) -> Result<Prepared<S::File>, Problem> {
        let (from, to) = (segment_name(retired.sequence), segment_name(sequence));
        let problem = |op| move |error| Problem::new(op, &segment_name(retired.sequence), 0, error);
        let file = self.storage.open(&from, Access::Write).map_err(problem("open"))?;
        self.storage.rename(&from, &to).map_err(problem("rename"))?;
        self.sync_dir(0)?;
        Ok(Prepared { sequence, bytes: retired.bytes, file, recycled: !retired.unused_zeros })
    }

    /// Removes an old segment.
    pub(super) fn remove(&self, retired: Retired) -> Result<(), Problem> {
        let name = segment_name(retired.sequence);
        self.storage.remove(&name).map_err(|error| Problem::new("remove", &name, 0, error))?;
        self.sync_dir(0)
    }

    /// A failed sync of the directory is final even if the reason is a full disk: nobody knows which names are durable.
    fn sync_dir(&self, needed: u64) -> Result<(), Problem> {
        self.storage.sync_dir().map_err(|error| {
            let error = if is_full(&error) { io::Error::other(error) } else { error };
            Problem::new("sync directory", "", needed, error)
        })
    }
}

/// Writes zeros to `start..end`, both multiples of a sector, without a sync; calls `pause` after each slice.
pub(crate) fn write_zeros<F: StorageFile>(
    file: &F,
    start: u64,
    end: u64,
    mut pause: impl FnMut(),
) -> io::Result<()> {
    let zeros = AlignedBuffer::zeroed(end.saturating_sub(start).min(ZEROS_BYTES as u64) as usize);
    let mut at = start;
    while at < end {
        let bytes = (end - at).min(ZEROS_BYTES as u64);
        transfer::write_all(file, &zeros.bytes()[..bytes as usize], at)?;
        pause();
        at += bytes;
    }
    Ok(())
}
