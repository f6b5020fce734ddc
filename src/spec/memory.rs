//! `MEMORY`: the memory of the process and the size of keys.

use super::key_positions::{EXAMINED, nth};
use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "server", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    MEMORY {
        id: 790, name: "memory", arity: -2, kind: Local, flags: [],
        summary: "A container for memory diagnostics commands.",
        since: "4.0.0", complexity: "Depends on subcommand.",
        subcommands: SUBCOMMANDS,
    }
}

rows! { SUBCOMMANDS from FAMILY:
    MEMORY_USAGE {
        id: 151, name: "memory|usage", arity: -3, kind: Read, flags: [],
        summary: "Estimates the bytes that a key takes in the table.",
        since: "4.0.0", complexity: "O(1)",
        keys: &[nth(2, EXAMINED)],
        syntax: "key [SAMPLES count]",
    }

    MEMORY_DOCTOR {
        id: 791, name: "memory|doctor", arity: 2, kind: Local, flags: [SNAPSHOT],
        summary: "Outputs a memory problems report.",
        since: "4.0.0", complexity: "O(1)",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    }

    MEMORY_MALLOC_STATS {
        id: 792, name: "memory|malloc-stats", arity: 2, kind: Local, flags: [],
        summary: "Returns the allocator statistics.",
        since: "4.0.0", complexity: "O(1)",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    }

    MEMORY_PURGE {
        id: 793, name: "memory|purge", arity: 2, kind: Local, flags: [],
        summary: "Asks the allocator to release memory.",
        since: "4.0.0", complexity: "O(1)",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    }

    MEMORY_STATS {
        id: 794, name: "memory|stats", arity: 2, kind: Local, flags: [SNAPSHOT],
        summary: "Returns details about memory usage.",
        since: "4.0.0", complexity: "O(N) where N is the number of clients",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    }

    MEMORY_HELP {
        id: 795, name: "memory|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the different subcommands.",
        since: "4.0.0", complexity: "O(1)",
    }
}
