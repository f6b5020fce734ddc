//! The functions that run `SORT`.

use super::{sort, sort_reading, sort_ro};
use crate::command::Run;
use crate::command::long::{self, WorkFn};
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::SORT, Run::WriteOrRead { write: sort, read: sort_reading }),
    (&spec::SORT_RO, Run::Read(sort_ro)),
];

/// How long those of them take that may be worked out beside the writer.
pub(in crate::command) static WORK: &[(&Spec, WorkFn)] = &[(&spec::SORT, long::through_first)];
