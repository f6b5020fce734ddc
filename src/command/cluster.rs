//! `CLUSTER` and its kin: this server is no cluster node, and says so as Redis does.

use super::local::{Outcome, specs, unknown_subcommand};
use super::{LocalCtx, Spec};
use crate::resp::{Args, Reply};

/// The commands of this file. Ids 739, 742 to 747, and 860 on.
pub static SPECS: &[Spec] = specs! { "cluster":
    739 "cluster" -2 [] "3.0.0" "Depends on subcommand." unknown_subcommand
        => "A container for cluster commands.", SUBCOMMANDS;
    860 "asking" 1 [FAST] "3.0.0" "O(1)" no_cluster => "Fails: this server is no cluster node.";
    861 "readonly" 1 [LOADING STALE FAST] "3.0.0" "O(1)" no_cluster => "Fails: this server is no cluster node.";
    862 "readwrite" 1 [LOADING STALE FAST] "3.0.0" "O(1)" no_cluster => "Fails: this server is no cluster node.";
};

/// Rows of the table of subcommands: `id "name" arity [flags] "since";`.
macro_rules! subcommands {
    ($($id:literal $name:literal $arity:literal [$($flag:ident)*] $since:literal;)+) => {
        specs! { "cluster":
            $($id $name $arity [$($flag)*] $since "O(1)" no_cluster => "Fails: this server is no cluster node.";)+
        }
    };
}

static SUBCOMMANDS: &[Spec] = subcommands! {
    742 "cluster|info" 2 [STALE] "3.0.0";
    743 "cluster|nodes" 2 [STALE] "3.0.0";
    744 "cluster|slots" 2 [STALE] "3.0.0";
    745 "cluster|shards" 2 [STALE] "7.0.0";
    746 "cluster|myid" 2 [STALE] "3.0.0";
    747 "cluster|keyslot" 3 [STALE] "3.0.0";
    863 "cluster|addslots" -3 [ADMIN STALE] "3.0.0";
    864 "cluster|addslotsrange" -4 [ADMIN STALE] "7.0.0";
    865 "cluster|bumpepoch" 2 [ADMIN STALE] "3.0.0";
    866 "cluster|count-failure-reports" 3 [ADMIN STALE] "3.0.0";
    867 "cluster|countkeysinslot" 3 [STALE] "3.0.0";
    868 "cluster|delslots" -3 [ADMIN STALE] "3.0.0";
    869 "cluster|delslotsrange" -4 [ADMIN STALE] "7.0.0";
    870 "cluster|failover" -2 [ADMIN STALE] "3.0.0";
    871 "cluster|flushslots" 2 [ADMIN STALE] "3.0.0";
    872 "cluster|forget" 3 [ADMIN STALE] "3.0.0";
    873 "cluster|getkeysinslot" 4 [STALE] "3.0.0";
    874 "cluster|help" 2 [LOADING STALE] "5.0.0";
    875 "cluster|links" 2 [STALE] "7.0.0";
    876 "cluster|meet" -4 [ADMIN STALE] "3.0.0";
    877 "cluster|replicas" 3 [ADMIN STALE] "5.0.0";
    878 "cluster|replicate" 3 [ADMIN STALE] "3.0.0";
    879 "cluster|reset" -2 [ADMIN NOSCRIPT STALE] "3.0.0";
    880 "cluster|saveconfig" 2 [ADMIN STALE] "3.0.0";
    881 "cluster|set-config-epoch" 3 [ADMIN STALE] "3.0.0";
    882 "cluster|setslot" -4 [ADMIN STALE] "3.0.0";
    883 "cluster|slaves" 3 [ADMIN STALE] "3.0.0";
};

/// Any of these commands.
fn no_cluster(_: &mut LocalCtx<'_>, _: &Args<'_>, _: &mut Reply<'_>) -> Outcome {
    Err("ERR This instance has cluster support disabled".into())
}
