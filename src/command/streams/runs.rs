//! The functions that run the commands on streams.

use super::{
    acknowledge, add, auto_claim, claim, groups, info, once, pending, range, read, read_group, references,
};
use crate::command::Run;
use crate::command::local::unknown_subcommand;
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::XADD, Run::Write(add::xadd)),
    (&spec::XLEN, Run::Read(range::xlen)),
    (&spec::XRANGE, Run::Read(range::xrange)),
    (&spec::XREVRANGE, Run::Read(range::xrevrange)),
    (&spec::XREAD, Run::Read(read::xread)),
    (&spec::XDEL, Run::Write(add::xdel)),
    (&spec::XDELEX, Run::Write(references::xdelex)),
    (&spec::XTRIM, Run::Write(add::xtrim)),
    (&spec::XSETID, Run::Write(add::xsetid)),
    (&spec::XCFGSET, Run::Write(once::xcfgset)),
    (&spec::XGROUP, Run::Local(unknown_subcommand)),
    (&spec::XGROUP_CREATE, Run::Write(groups::create)),
    (&spec::XGROUP_CREATECONSUMER, Run::Write(groups::createconsumer)),
    (&spec::XGROUP_DELCONSUMER, Run::Write(groups::delconsumer)),
    (&spec::XGROUP_DESTROY, Run::Write(groups::destroy)),
    (&spec::XGROUP_SETID, Run::Write(groups::setid)),
    (&spec::XGROUP_HELP, Run::Local(groups::help)),
    (&spec::XREADGROUP, Run::Write(read_group::xreadgroup)),
    (&spec::XACK, Run::Write(acknowledge::xack)),
    (&spec::XACKDEL, Run::Write(references::xackdel)),
    (&spec::XPENDING, Run::Read(pending::xpending)),
    (&spec::XCLAIM, Run::Write(claim::xclaim)),
    (&spec::XAUTOCLAIM, Run::Write(auto_claim::xautoclaim)),
    (&spec::XINFO, Run::Local(unknown_subcommand)),
    (&spec::XINFO_CONSUMERS, Run::Read(info::consumers)),
    (&spec::XINFO_GROUPS, Run::Read(info::groups)),
    (&spec::XINFO_STREAM, Run::Read(info::stream_info)),
    (&spec::XINFO_HELP, Run::Local(info::help)),
];
