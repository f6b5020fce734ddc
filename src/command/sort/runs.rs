//! The functions that run `SORT`.

use super::{sort, sort_reading, sort_ro};
use crate::command::Run;
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::SORT, Run::WriteOrRead { write: sort, read: sort_reading }),
    (&spec::SORT_RO, Run::Read(sort_ro)),
];
