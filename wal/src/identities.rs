//! Whether the log's names still refer to its files. If somebody removes, replaces or truncates a file of a running log,
//! records are lost, and without a check nobody would notice before the next start. So the files are checked from time to
//! time, and before old segments are recycled.

use std::collections::BTreeMap;
use std::io;

use crate::error::LogError;
use crate::format::{SegmentHeaderState, segment_name};
use crate::segments::read_header;
use crate::storage::{FileIdentity, Storage, StorageFile};

/// The segments that hold records: for each number, the file's identity when it was first seen.
#[derive(Debug, Default)]
pub(crate) struct Identities(BTreeMap<u64, FileIdentity>);

impl Identities {
    /// Remembers the file of a segment that was just taken into use.
    pub fn note<F: StorageFile>(&mut self, sequence: u64, file: &F) {
        // If this fails, the first check learns the identity.
        if let Ok(Some(identity)) = file.identity() {
            self.0.insert(sequence, identity);
        }
    }

    /// Forgets a segment that is no longer needed.
    pub fn forget(&mut self, sequence: u64) {
        self.0.remove(&sequence);
    }

    /// Checks some of the segments.
    pub fn look<S: Storage>(
        &mut self,
        storage: &S,
        sequences: impl Iterator<Item = u64>,
    ) -> Result<(), LogError> {
        for sequence in sequences {
            let name = segment_name(sequence);
            let found = find(storage, &name)?;
            let known = self.0.get(&sequence).copied().or(found);
            compare(storage, &name, known, found)?;
            self.0.extend(known.map(|identity| (sequence, identity)));
        }
        Ok(())
    }
}

/// Checks that a segment's name refers to the open file.
pub(crate) fn look_at_open<S: Storage>(storage: &S, sequence: u64, file: &S::File) -> Result<(), LogError> {
    let name = segment_name(sequence);
    let known = file.identity().map_err(LogError::io("look at", storage.path(&name)))?;
    compare(storage, &name, known, find(storage, &name)?)
}

/// Checks that the header of a segment in use is the one that was written to it.
pub(crate) fn look_at_salt<S: Storage>(
    storage: &S,
    sequence: u64,
    salt: u64,
    file: &S::File,
) -> Result<(), LogError> {
    let path = || storage.path(&segment_name(sequence));
    let (header, _) = read_header(file).map_err(LogError::io("read", path()))?;
    match header {
        SegmentHeaderState::Valid(header) if (header.sequence, header.salt) == (sequence, salt) => Ok(()),
        _ => Err(LogError::Displaced { path: path(), what: "was overwritten" }),
    }
}

/// The identity of the file with this name.
fn find<S: Storage>(storage: &S, name: &str) -> Result<Option<FileIdentity>, LogError> {
    storage.identify(name).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            LogError::Displaced { path: storage.path(name), what: "was removed or renamed" }
        }
        _ => LogError::io("look at", storage.path(name))(error),
    })
}

/// Checks that a file is the known one, and not shorter.
fn compare<S: Storage>(
    storage: &S,
    name: &str,
    known: Option<FileIdentity>,
    found: Option<FileIdentity>,
) -> Result<(), LogError> {
    let (Some(known), Some(found)) = (known, found) else { return Ok(()) };
    let what = if (known.device, known.inode) != (found.device, found.inode) {
        "was replaced by another file"
    } else if found.bytes < known.bytes {
        "was cut"
    } else {
        return Ok(());
    };
    Err(LogError::Displaced { path: storage.path(name), what })
}
