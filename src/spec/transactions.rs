//! `MULTI`, `EXEC` and related commands. IDs 820 to 829.

use super::key_positions::{EXAMINED, all};
use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "transactions", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    MULTI {
        id: 820, name: "multi", arity: 1, kind: Local,
        flags: [NOSCRIPT LOADING STALE FAST OVERTAKES NOT_QUEUED],
        summary: "Starts a transaction.",
        since: "1.2.0", complexity: "O(1)",
    }

    EXEC {
        id: 821, name: "exec", arity: -1, kind: Local,
        flags: [NOSCRIPT LOADING STALE SKIP_SLOWLOG NOT_QUEUED SUBMITS EXECUTES],
        summary: "Executes all commands in a transaction.",
        since: "1.2.0", complexity: "Depends on commands in the transaction.",
        syntax: "[IFEQ key value|IFNE key value|NX key|XX key]...",
    }

    DISCARD {
        id: 822, name: "discard", arity: 1, kind: Local,
        flags: [NOSCRIPT LOADING STALE FAST OVERTAKES NOT_QUEUED],
        summary: "Discards a transaction.",
        since: "2.0.0", complexity: "O(N), when N is the number of queued commands",
    }

    WATCH {
        id: 823, name: "watch", arity: -2, kind: Local,
        flags: [NOSCRIPT LOADING STALE FAST NOT_QUEUED SUBMITS],
        summary: "Monitors changes to keys to determine the execution of a transaction.",
        since: "2.2.0", complexity: "O(1) for every key.",
        keys: &[all(EXAMINED)],
        syntax: "key...",
    }

    UNWATCH {
        id: 824, name: "unwatch", arity: 1, kind: Local, flags: [NOSCRIPT LOADING STALE FAST OVERTAKES],
        summary: "Forgets about watched keys of a transaction.",
        since: "2.2.0", complexity: "O(1)",
    }
}
