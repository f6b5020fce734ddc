//! A power cut while the last group was written, from what a killed server leaves: the group's last block is missing, and so is
//! all that was written later, the seal and what the table remembers of the group from the next quiet moment on.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use wal::{DirStorage, ReadOptions, Reader, Step};

/// Bytes at the start of the table in which its meta pages and notes stand.
const NOTES_BYTES: usize = 8192;
/// The last bytes of a group that are lost.
const LOST_BYTES: u64 = 4096;

/// A data directory as it is before the group that is to be torn.
pub struct PowerCut {
    wal: PathBuf,
    table: File,
    notes: [u8; NOTES_BYTES],
}

impl PowerCut {
    /// To be called before the group is written.
    pub fn before_group(data_dir: &Path) -> PowerCut {
        let table = fs::File::options().read(true).write(true).open(data_dir.join("table.ackd")).unwrap();
        let mut notes = [0; NOTES_BYTES];
        table.read_exact_at(&mut notes, 0).unwrap();
        PowerCut { wal: data_dir.join("wal"), table, notes }
    }

    /// Tears the last group. The server must be gone.
    pub fn tear(&self) {
        self.table.write_all_at(&self.notes, 0).unwrap();
        let (segment, group_end, end) = last_group(&self.wal);
        let file = fs::File::options().write(true).open(&segment).unwrap();
        let torn = group_end - LOST_BYTES..end;
        file.write_all_at(&vec![0; (torn.end - torn.start) as usize], torn.start).unwrap();
    }
}

/// The last segment, the offset at which its last group of records ends, and the offset at which the seal after it ends, if
/// there is one.
fn last_group(wal: &Path) -> (PathBuf, u64, u64) {
    let storage = DirStorage::open_buffered(wal).unwrap();
    let mut reader = Reader::open(&storage, ReadOptions::default()).unwrap();
    let mut group_end = 0;
    loop {
        match reader.next().unwrap() {
            Step::Record(record) => group_end = record.group.offset + record.group.disk_bytes,
            Step::CleanEnd(end) | Step::TornTail(end) => {
                return (wal.join(end.segment), group_end, end.offset);
            }
        }
    }
}
