//! The functions that run the HyperLogLog commands.

use super::{pfadd, pfcount, pfmerge, pfmerge_work};
use crate::command::Run;
use crate::command::long::WorkFn;
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::PFADD, Run::Write(pfadd)),
    (&spec::PFCOUNT, Run::Read(pfcount)),
    (&spec::PFMERGE, Run::Write(pfmerge)),
];

/// How long those of them take that may be worked out beside the writer.
pub(in crate::command) static WORK: &[(&Spec, WorkFn)] = &[(&spec::PFMERGE, pfmerge_work)];
