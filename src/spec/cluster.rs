//! `CLUSTER` and related commands. This server is not a cluster node. IDs 739, 742 to 747, and from 860 on.

use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "cluster", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    CLUSTER {
        id: 739, name: "cluster", arity: -2, kind: Local, flags: [],
        summary: "A container for cluster commands.",
        since: "3.0.0", complexity: "Depends on subcommand.",
        subcommands: SUBCOMMANDS,
    }

    ASKING {
        id: 860, name: "asking", arity: 1, kind: Local, flags: [FAST],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        categories: &["connection"],
    }

    READONLY {
        id: 861, name: "readonly", arity: 1, kind: Local, flags: [LOADING STALE FAST],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        categories: &["connection"],
    }

    READWRITE {
        id: 862, name: "readwrite", arity: 1, kind: Local, flags: [LOADING STALE FAST],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        categories: &["connection"],
    }
}

rows! { SUBCOMMANDS from FAMILY:
    CLUSTER_INFO {
        id: 742, name: "cluster|info", arity: 2, kind: Local, flags: [STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        tips: &["nondeterministic_output"],
    }

    CLUSTER_NODES {
        id: 743, name: "cluster|nodes", arity: 2, kind: Local, flags: [STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        tips: &["nondeterministic_output"],
    }

    CLUSTER_SLOTS {
        id: 744, name: "cluster|slots", arity: 2, kind: Local, flags: [STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        tips: &["nondeterministic_output"],
    }

    CLUSTER_SHARDS {
        id: 745, name: "cluster|shards", arity: 2, kind: Local, flags: [STALE],
        summary: "Fails: this server is no cluster node.",
        since: "7.0.0", complexity: "O(1)",
        tips: &["nondeterministic_output"],
    }

    CLUSTER_MYID {
        id: 746, name: "cluster|myid", arity: 2, kind: Local, flags: [STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
    }

    CLUSTER_KEYSLOT {
        id: 747, name: "cluster|keyslot", arity: 3, kind: Local, flags: [STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "key-name",
    }

    CLUSTER_ADDSLOTS {
        id: 863, name: "cluster|addslots", arity: -3, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "slot...",
    }

    CLUSTER_ADDSLOTSRANGE {
        id: 864, name: "cluster|addslotsrange", arity: -4, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "7.0.0", complexity: "O(1)",
        syntax: "(start-slot end-slot)...",
    }

    CLUSTER_BUMPEPOCH {
        id: 865, name: "cluster|bumpepoch", arity: 2, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        tips: &["nondeterministic_output"],
    }

    CLUSTER_COUNT_FAILURE_REPORTS {
        id: 866, name: "cluster|count-failure-reports", arity: 3, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "node-id",
        tips: &["nondeterministic_output"],
    }

    CLUSTER_COUNTKEYSINSLOT {
        id: 867, name: "cluster|countkeysinslot", arity: 3, kind: Local, flags: [STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "slot",
    }

    CLUSTER_DELSLOTS {
        id: 868, name: "cluster|delslots", arity: -3, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "slot...",
    }

    CLUSTER_DELSLOTSRANGE {
        id: 869, name: "cluster|delslotsrange", arity: -4, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "7.0.0", complexity: "O(1)",
        syntax: "(start-slot end-slot)...",
    }

    CLUSTER_FAILOVER {
        id: 870, name: "cluster|failover", arity: -2, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "[FORCE|TAKEOVER]",
    }

    CLUSTER_FLUSHSLOTS {
        id: 871, name: "cluster|flushslots", arity: 2, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
    }

    CLUSTER_FORGET {
        id: 872, name: "cluster|forget", arity: 3, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "node-id",
    }

    CLUSTER_GETKEYSINSLOT {
        id: 873, name: "cluster|getkeysinslot", arity: 4, kind: Local, flags: [STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "slot count",
        tips: &["nondeterministic_output"],
    }

    CLUSTER_HELP {
        id: 874, name: "cluster|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Fails: this server is no cluster node.",
        since: "5.0.0", complexity: "O(1)",
    }

    CLUSTER_LINKS {
        id: 875, name: "cluster|links", arity: 2, kind: Local, flags: [STALE],
        summary: "Fails: this server is no cluster node.",
        since: "7.0.0", complexity: "O(1)",
        tips: &["nondeterministic_output"],
    }

    CLUSTER_MEET {
        id: 876, name: "cluster|meet", arity: -4, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "ip port [bus-port]",
    }

    CLUSTER_REPLICAS {
        id: 877, name: "cluster|replicas", arity: 3, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "5.0.0", complexity: "O(1)",
        syntax: "node-id",
        tips: &["nondeterministic_output"],
    }

    CLUSTER_REPLICATE {
        id: 878, name: "cluster|replicate", arity: 3, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "node-id",
    }

    CLUSTER_RESET {
        id: 879, name: "cluster|reset", arity: -2, kind: Local, flags: [ADMIN NOSCRIPT STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "[HARD|SOFT]",
    }

    CLUSTER_SAVECONFIG {
        id: 880, name: "cluster|saveconfig", arity: 2, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
    }

    CLUSTER_SET_CONFIG_EPOCH {
        id: 881, name: "cluster|set-config-epoch", arity: 3, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "config-epoch",
    }

    CLUSTER_SETSLOT {
        id: 882, name: "cluster|setslot", arity: -4, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "slot <(IMPORTING node-id)|(MIGRATING node-id)|STABLE|(NODE node-id)>",
    }

    CLUSTER_SLAVES {
        id: 883, name: "cluster|slaves", arity: 3, kind: Local, flags: [ADMIN STALE],
        summary: "Fails: this server is no cluster node.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "node-id",
        tips: &["nondeterministic_output"],
    }
}
