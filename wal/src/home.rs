//! Where a log is while nobody writes to it: what a start needs of it, whatever keeps the records durable.

use crate::error::LogError;
use crate::format::Known;
use crate::local::LocalLog;
use crate::log::Log;
use crate::options::LogOptions;
use crate::reader::{self, LogEnd, ReadError, ReadOptions, Reader, Step};
use crate::segments::SegmentInfo;
use crate::storage::Storage;

/// Where a log is while nobody writes to it. Any [`Storage`] is the home of a [`LocalLog`].
pub trait LogHome: Sized {
    /// The log, once it takes groups.
    type Log: Log;
    /// The log, while it is read.
    type Replay: Replay;

    /// Reads the log. [`ReadError::NoLog`] says that there is none.
    fn replay(&self, options: ReadOptions) -> Result<Self::Replay, ReadError>;

    /// The segments of the log, ascending in number, for a log that consists of such: what a
    /// [mark](Log::mark) is held against.
    fn segments(&self) -> Result<Vec<SegmentInfo>, ReadError>;

    /// Makes a new log where there is none.
    fn create(self, options: LogOptions) -> Result<Self::Log, LogError>;

    /// Goes on at the end that a replay has found.
    fn resume(self, options: LogOptions, end: LogEnd) -> Result<Self::Log, LogError>;
}

/// A log while it is read.
pub trait Replay {
    /// The next record, or the end.
    fn next(&mut self) -> Result<Step<'_>, ReadError>;

    /// The last group before the first record wanted; `None` if it is not known.
    fn before(&self) -> Option<Known>;

    /// The state that this part of the log was written for by a repair: whatever [`Replay::before`] says, it belongs to it.
    fn before_adopted(&self) -> Option<Known>;
}

impl<S: Storage> LogHome for S {
    type Log = LocalLog<S>;
    type Replay = Reader<S>;

    fn replay(&self, options: ReadOptions) -> Result<Reader<S>, ReadError> {
        Reader::open(self, options)
    }

    fn segments(&self) -> Result<Vec<SegmentInfo>, ReadError> {
        reader::segments(self)
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
