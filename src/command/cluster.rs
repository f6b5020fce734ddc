//! `CLUSTER` and related commands. This server is not a cluster node, and replies with Redis's error for that.

use super::local::{Outcome, unknown_subcommand};
use super::{LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::CLUSTER, Run::Local(unknown_subcommand)),
    (&spec::CLUSTER_INFO, Run::Local(no_cluster)),
    (&spec::CLUSTER_NODES, Run::Local(no_cluster)),
    (&spec::CLUSTER_SLOTS, Run::Local(no_cluster)),
    (&spec::CLUSTER_SHARDS, Run::Local(no_cluster)),
    (&spec::CLUSTER_MYID, Run::Local(no_cluster)),
    (&spec::CLUSTER_KEYSLOT, Run::Local(no_cluster)),
    (&spec::CLUSTER_ADDSLOTS, Run::Local(no_cluster)),
    (&spec::CLUSTER_ADDSLOTSRANGE, Run::Local(no_cluster)),
    (&spec::CLUSTER_BUMPEPOCH, Run::Local(no_cluster)),
    (&spec::CLUSTER_COUNT_FAILURE_REPORTS, Run::Local(no_cluster)),
    (&spec::CLUSTER_COUNTKEYSINSLOT, Run::Local(no_cluster)),
    (&spec::CLUSTER_DELSLOTS, Run::Local(no_cluster)),
    (&spec::CLUSTER_DELSLOTSRANGE, Run::Local(no_cluster)),
    (&spec::CLUSTER_FAILOVER, Run::Local(no_cluster)),
    (&spec::CLUSTER_FLUSHSLOTS, Run::Local(no_cluster)),
    (&spec::CLUSTER_FORGET, Run::Local(no_cluster)),
    (&spec::CLUSTER_GETKEYSINSLOT, Run::Local(no_cluster)),
    (&spec::CLUSTER_HELP, Run::Local(no_cluster)),
    (&spec::CLUSTER_LINKS, Run::Local(no_cluster)),
    (&spec::CLUSTER_MEET, Run::Local(no_cluster)),
    (&spec::CLUSTER_REPLICAS, Run::Local(no_cluster)),
    (&spec::CLUSTER_REPLICATE, Run::Local(no_cluster)),
    (&spec::CLUSTER_RESET, Run::Local(no_cluster)),
    (&spec::CLUSTER_SAVECONFIG, Run::Local(no_cluster)),
    (&spec::CLUSTER_SET_CONFIG_EPOCH, Run::Local(no_cluster)),
    (&spec::CLUSTER_SETSLOT, Run::Local(no_cluster)),
    (&spec::CLUSTER_SLAVES, Run::Local(no_cluster)),
    (&spec::ASKING, Run::Local(no_cluster)),
    (&spec::READONLY, Run::Local(no_cluster)),
    (&spec::READWRITE, Run::Local(no_cluster)),
];

/// The reply to all of these commands.
fn no_cluster(_: &mut LocalCtx<'_>, _: &Args<'_>, _: &mut Reply<'_>) -> Outcome {
    Err("ERR This instance has cluster support disabled".into())
}
