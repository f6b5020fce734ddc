//! What runs each command.

use super::{
    CommandError, LocalCtx, ReadCtx, WriteCtx, acl, bitmaps, client, cluster, config, connection, debug,
    docs, geo, hashes, hyperloglog, info, keys, latency, lists, memory, monitor, pubsub, replicas, server,
    sets, slowlog, sort, sorted_sets, strings, transactions,
};
use crate::resp::{Args, Reply};
use crate::spec::{COMMAND_IDS_MAX, Kind, Spec};

/// A command on the connection's own thread, with the client's state.
pub type LocalFn = fn(&mut LocalCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;
/// A command that only reads, from a snapshot or from the writer's version.
pub type ReadFn = fn(&mut ReadCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;
/// A command that may change data, on the writer.
pub type WriteFn = fn(&mut WriteCtx<'_>, &Args<'_>, &mut Reply<'_>) -> Result<(), CommandError>;

/// What runs a command, by its [`Kind`].
#[derive(Clone, Copy)]
pub enum Run {
    /// With the client's own state.
    Local(LocalFn),
    /// On a version of the data.
    Read(ReadFn),
    /// On the writer's version, or on one that is not changed.
    Write(WriteFn),
}

/// What runs the commands, family by family.
static FAMILIES: &[&[(&Spec, Run)]] = &[
    strings::RUNS,
    bitmaps::RUNS,
    hyperloglog::RUNS,
    sort::RUNS,
    keys::RUNS,
    keys::OBJECT_RUNS,
    hashes::RUNS,
    sets::RUNS,
    lists::RUNS,
    sorted_sets::RUNS,
    geo::RUNS,
    acl::RUNS,
    client::RUNS,
    cluster::RUNS,
    config::RUNS,
    connection::RUNS,
    debug::RUNS,
    docs::RUNS,
    info::RUNS,
    latency::RUNS,
    memory::RUNS,
    monitor::RUNS,
    pubsub::RUNS,
    replicas::RUNS,
    server::RUNS,
    slowlog::RUNS,
    transactions::RUNS,
];

/// What runs the commands, at their ids.
static BY_ID: [Option<Run>; COMMAND_IDS_MAX] = {
    let mut by_id = [None; COMMAND_IDS_MAX];
    let mut family = 0;
    while family < FAMILIES.len() {
        let mut index = 0;
        while index < FAMILIES[family].len() {
            let (spec, run) = FAMILIES[family][index];
            assert!(fits(spec.kind, run), "a command runs where its row does not say");
            assert!(by_id[spec.id as usize].is_none(), "a command runs in two ways");
            by_id[spec.id as usize] = Some(run);
            index += 1;
        }
        family += 1;
    }
    by_id
};

/// Whether a command of this kind can be run in this way.
const fn fits(kind: Kind, run: Run) -> bool {
    matches!(
        (kind, run),
        (Kind::Local, Run::Local(_)) | (Kind::Read, Run::Read(_)) | (Kind::Write, Run::Write(_))
    )
}

impl Run {
    /// What runs a command.
    pub fn of(spec: &Spec) -> Run {
        BY_ID[usize::from(spec.id)].expect("every command is run by something")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    #[test]
    fn every_command_is_run_by_one_function_of_its_kind() {
        for spec in spec::all() {
            let run = BY_ID[usize::from(spec.id)];
            assert!(run.is_some_and(|run| fits(spec.kind, run)), "nothing runs {}", spec.name);
        }
        let runs: usize = FAMILIES.iter().map(|family| family.len()).sum();
        assert_eq!(runs, spec::all().count());
    }
}
