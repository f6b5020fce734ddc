//! The functions that run the commands on bits of strings.

use super::{combine, count, field, getbit, setbit};
use crate::command::Run;
use crate::command::long::{self, WorkFn};
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::SETBIT, Run::Write(setbit)),
    (&spec::GETBIT, Run::Read(getbit)),
    (&spec::BITCOUNT, Run::Read(count::bitcount)),
    (&spec::BITPOS, Run::Read(count::bitpos)),
    (&spec::BITOP, Run::Write(combine::bitop)),
    (&spec::BITFIELD, Run::WriteOrRead { write: field::bitfield, read: field::bitfield_reading }),
    (&spec::BITFIELD_RO, Run::Read(field::bitfield_ro)),
];

/// How long those of them take that may be worked out beside the writer.
pub(in crate::command) static WORK: &[(&Spec, WorkFn)] = &[(&spec::BITOP, long::through_sources)];
