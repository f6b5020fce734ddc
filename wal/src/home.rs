//! A log that nobody writes to: what a start needs of it, however the records are stored.

use crate::error::LogError;
use crate::format::Known;
use crate::local::LocalLog;
use crate::log::Log;
use crate::options::LogOptions;
use crate::reader::{self, LogEnd, ReadError, ReadOptions, Reader, Step};
use crate::segments::SegmentInfo;
use crate::storage::Storage;

/// A log that nobody writes to. Any [`Storage`] is the home of a [`LocalLog`].
pub trait LogHome: Sized {
    /// The log for writing.
    type Log: Log;
    /// The log for reading.
    type Replay: Replay;

    /// Reads the log. Fails with [`ReadError::NoLog`] if there is none.
    fn replay(&self, options: ReadOptions) -> Result<Self::Replay, ReadError>;

    /// The segments of the log, in ascending order, to compare them with a [mark](Log::mark); `None` for a log without
    /// segments, which has no marks.
    fn segments(&self) -> Result<Option<Vec<SegmentInfo>>, ReadError>;

    /// Makes a new log where there is none.
    fn create(self, options: LogOptions) -> Result<Self::Log, LogError>;

    /// Continues the log at the end that a replay has found.
    fn resume(self, options: LogOptions, end: LogEnd) -> Result<Self::Log, LogError>;
}

/// A log for reading.
pub trait Replay {
    /// The next record, or the end.
    fn next(&mut self) -> Result<Step<'_>, ReadError>;

    /// The last group before the first record asked for; `None` if it is not known.
    fn before(&self) -> Option<Known>;

    /// The state that a repair wrote this part of the log for: it belongs to that state, whatever [`Replay::before`] says.
    fn before_adopted(&self) -> Option<Known>;
}

impl<S: Storage> LogHome for S {
    type Log = LocalLog<S>;
    type Replay = Reader<S>;

    fn replay(&self, options: ReadOptions) -> Result<Reader<S>, ReadError> {
        Reader::open(self, options)
    }

    fn segments(&self) -> Result<Option<Vec<SegmentInfo>>, ReadError> {
        reader::segments(self).map(Some)
    }

    fn create(self, options: LogOptions) -> Result<LocalLog<S>, LogError> {
        LocalLog::create(self, options)
    }

    fn resume(self, options: LogOptions, end: LogEnd) -> Result<LocalLog<S>, LogError> {
        LocalLog::resume(self, options, end)
    }
}

impl<S: Storage> Replay for Reader<S> {
    fn next(&mut self) -> Result<Step<'_>, ReadError> {
        Reader::next(self)
    }

    fn before(&self) -> Option<Known> {
        Reader::before(self)
    }

    fn before_adopted(&self) -> Option<Known> {
        Reader::before_adopted(self)
    }
}
