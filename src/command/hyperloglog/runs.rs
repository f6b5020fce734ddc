//! The functions that run the HyperLogLog commands.

use super::{pfadd, pfcount, pfmerge};
use crate::command::Run;
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::PFADD, Run::Write(pfadd)),
    (&spec::PFCOUNT, Run::Read(pfcount)),
    (&spec::PFMERGE, Run::Write(pfmerge)),
];
