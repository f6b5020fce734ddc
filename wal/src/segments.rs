//! The segment files of a directory: the state of each one, by its name and its first sector.
//!
//! A segment is *in use* if its header has the number of its name. A smaller number is from an earlier use: the
//! file was renamed to be recycled, and was not taken into use yet. Zeros mean that the file was prepared and never used.

use std::io;

use crate::Lsn;
use crate::direct::{ALIGNMENT_BYTES, AlignedBuffer};
use crate::format::{SEGMENT_HEADER_BYTES, SegmentHeader, SegmentHeaderState, segment_sequence};
use crate::storage::{Access, Storage, StorageFile, transfer};

/// One segment file.
#[derive(Clone, Debug)]
pub struct SegmentInfo {
    /// File name.
    pub name: String,
    /// Number in the name.
    pub sequence: u64,
    /// Length of the file in bytes, as the directory has it.
    pub bytes: u64,
    /// What the file is.
    pub state: SegmentState,
    /// LSN of its last record: known from the header of the segment that follows it, otherwise `None`.
    pub last_lsn: Option<Lsn>,
    /// Wall clock in microseconds when the next segment was taken into use: an upper bound for the last write to
    /// this one. `None` if there is no next segment.
    pub until_micros: Option<u64>,
}

/// What a segment file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// It holds groups, or will hold the next one.
    InUse(SegmentHeader),
    /// It is not in use yet.
    Prepared {
        /// Whether it held groups before; otherwise it is all zero.
        recycled: bool,
    },
    /// Its header has a format version that this code does not know.
    Unsupported {
        /// The version found.
        version: u32,
    },
    /// Its header is none of these.
    Damaged,
}

impl SegmentInfo {
    /// The header, when the segment is in use.
    pub fn header(&self) -> Option<&SegmentHeader> {
        match &self.state {
            SegmentState::InUse(header) => Some(header),
            _ => None,
        }
    }
}

/// An error together with the file it is about.
pub(crate) struct NamedError {
    /// File name, empty for the directory.
    pub name: String,
    pub error: io::Error,
}

/// The segment files with numbers from `from` on, ascending. A file that vanishes meanwhile is left out.
pub(crate) fn list<S: Storage>(
    storage: &S,
    access: Access,
    from: u64,
) -> Result<Vec<SegmentInfo>, NamedError> {
    let names = storage.list().map_err(|error| NamedError { name: String::new(), error })?;
    let mut segments = Vec::new();
    for name in names {
        let Some(sequence) = segment_sequence(&name).filter(|&sequence| sequence >= from) else { continue };
        match inspect(storage, &name, sequence, access) {
            Ok(info) => segments.push(info),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(NamedError { name, error }),
        }
    }
    segments.sort_unstable_by_key(|info| info.sequence);
    fill_ends(&mut segments);
    Ok(segments)
}

/// What the open file says in its first sector, and its length in bytes.
pub(crate) fn read_header<F: StorageFile>(file: &F) -> io::Result<(SegmentHeaderState, u64)> {
    let bytes = file.len()?;
    let mut buffer = AlignedBuffer::zeroed(ALIGNMENT_BYTES);
    let got = transfer::read_full(file, buffer.bytes_mut(), 0)?;
    if (got as u64) < bytes.min(SEGMENT_HEADER_BYTES as u64) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((SegmentHeader::decode(&buffer.bytes()[..got]), bytes))
}

fn inspect<S: Storage>(storage: &S, name: &str, sequence: u64, access: Access) -> io::Result<SegmentInfo> {
    let (header, bytes) = read_header(&storage.open(name, access)?)?;
    let state = match header {
        SegmentHeaderState::Unused => SegmentState::Prepared { recycled: false },
        SegmentHeaderState::Valid(header) if header.sequence == sequence => SegmentState::InUse(header),
        SegmentHeaderState::Valid(header) if header.sequence < sequence => {
            SegmentState::Prepared { recycled: true }
        }
        SegmentHeaderState::Unsupported { version } => SegmentState::Unsupported { version },
        SegmentHeaderState::Valid(_) | SegmentHeaderState::Damaged => SegmentState::Damaged,
    };
    Ok(SegmentInfo { name: name.to_owned(), sequence, bytes, state, last_lsn: None, until_micros: None })
}

/// Learns from each segment in use where the previous one ended.
fn fill_ends(segments: &mut [SegmentInfo]) {
    let mut next: Option<SegmentHeader> = None;
    for info in segments.iter_mut().rev() {
        let Some(header) = info.header().copied() else { continue };
        if let Some(next) = next.filter(|next| next.previous_sequence == info.sequence) {
            info.last_lsn = Some(next.first_lsn - 1);
            info.until_micros = Some(next.wall_micros);
        }
        next = Some(header);
    }
}
