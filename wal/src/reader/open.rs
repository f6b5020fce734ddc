//! Finds the segment to start with, and opens segments that a running log may be using.

use std::io;

use super::{CorruptReason, OpenSegment, ReadError, ReadOptions};
use crate::format::{self, SegmentHeader};
use crate::segments::{self, NamedError, SegmentInfo, SegmentState};
use crate::storage::{Access, Storage};

/// The segments of a log, in ascending order of their numbers: the state of each, by its name, length and first sector.
pub fn segments<S: Storage>(storage: &S) -> Result<Vec<SegmentInfo>, ReadError> {
    list(storage, Access::Read, 0)
}

/// How a reader with these options opens files.
pub(super) fn access(options: &ReadOptions) -> Access {
    if options.device { Access::ReadDevice } else { Access::Read }
}

/// The segment files with numbers from `from` on.
pub(super) fn list<S: Storage>(
    storage: &S,
    access: Access,
    from: u64,
) -> Result<Vec<SegmentInfo>, ReadError> {
    segments::list(storage, access, from).map_err(|NamedError { name, error }| ReadError::Io {
        path: storage.path(&name),
        offset: 0,
        source: error,
    })
}

/// The segment with the first record asked for.
pub(super) fn first_segment<S: Storage>(
    storage: &S,
    segments: &[SegmentInfo],
    options: &ReadOptions,
) -> Result<SegmentInfo, ReadError> {
    let used = || segments.iter().filter_map(|info| info.header().map(|header| (info, header)));
    if let Some((info, _)) =
        used().find(|(_, header)| options.instance_id.is_some_and(|id| id != header.instance_id))
    {
        let (segment, lsn, reason) = (info.name.clone(), options.from_lsn, CorruptReason::ForeignInstance);
        return Err(ReadError::Corrupt { segment, offset: 0, lsn, reason });
    }
    let start = match options.from_lsn {
        0 => used().next(),
        lsn => used().rfind(|(_, header)| header.first_lsn <= lsn),
    };
    if let Some((info, _)) = start {
        return Ok(info.clone());
    }
    if let Some((info, header)) = used().next() {
        let found = format!("{} begins with LSN {}", info.name, header.first_lsn);
        return Err(ReadError::Missing { lsn: options.from_lsn, found });
    }
    let unusable = segments.iter().find(|info| !matches!(info.state, SegmentState::Prepared { .. }));
    match unusable.map(|info| (info.name.clone(), info.state)) {
        Some((segment, SegmentState::Unsupported { version })) => {
            Err(ReadError::Unsupported { segment, version })
        }
        Some((segment, _)) => {
            let reason = CorruptReason::SegmentHeader;
            Err(ReadError::Corrupt { segment, offset: 0, lsn: options.from_lsn.max(1), reason })
        }
        None => Err(ReadError::NoLog { path: storage.path("") }),
    }
}

/// The damage before the first segment, if the oldest record was asked for: an earlier segment whose header is
/// damaged, or that looks unused although this one continues it.
pub(super) fn damage_before(
    segments: &[SegmentInfo],
    first: &SegmentHeader,
    options: &ReadOptions,
) -> Option<ReadError> {
    let before = segments.iter().filter(|info| info.sequence < first.sequence);
    let damaged = |info: &&SegmentInfo| match info.state {
        SegmentState::Damaged => true,
        SegmentState::Prepared { .. } => info.sequence == first.previous_sequence,
        SegmentState::InUse(_) | SegmentState::Unsupported { .. } => false,
    };
    let info = before.filter(|_| options.from_lsn == 0).find(damaged)?;
    let reason = match info.state {
        SegmentState::Damaged => CorruptReason::SegmentHeader,
        _ => CorruptReason::SegmentHeaderLost,
    };
    Some(ReadError::Corrupt { segment: info.name.clone(), offset: 0, lsn: 1, reason })
}

/// Opens a segment and checks that it is still what the listing said.
pub(super) fn open_segment<S: Storage>(
    storage: &S,
    info: &SegmentInfo,
    access: Access,
) -> Result<OpenSegment<S::File>, ReadError> {
    let io = |source| ReadError::Io { path: storage.path(&info.name), offset: 0, source };
    let recycled = || ReadError::Recycled { segment: info.name.clone() };
    let file = match storage.open(&info.name, access) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(recycled()),
        other => other.map_err(io)?,
    };
    let (state, bytes) = segments::read_header(&file).map_err(io)?;
    match (state, info.state) {
        (format::SegmentHeaderState::Valid(header), SegmentState::InUse(listed)) if header == listed => {
            Ok(OpenSegment { file, header, bytes, end: None })
        }
        _ => Err(recycled()),
    }
}
