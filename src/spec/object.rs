//! `OBJECT`: how values are stored. IDs 140 to 149.

use super::key_positions::{EXAMINED, nth};
use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "generic", categories: &["keyspace"], ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    OBJECT {
        id: 140, name: "object", arity: -2, kind: Local, flags: [],
        summary: "A container for commands that look into values.",
        since: "2.2.3", complexity: "Depends on subcommand.",
        categories: &[],
        subcommands: SUBCOMMANDS,
    }
}

rows! { SUBCOMMANDS from FAMILY:
    OBJECT_ENCODING {
        id: 141, name: "object|encoding", arity: 3, kind: Read, flags: [],
        summary: "Returns how the value of a key would be represented in Redis.",
        since: "2.2.3", complexity: "O(1)",
        keys: &[nth(2, EXAMINED)],
        syntax: "key",
        tips: &["nondeterministic_output"],
    }

    OBJECT_FREQ {
        id: 142, name: "object|freq", arity: 3, kind: Read, flags: [],
        summary: "Fails: access frequencies are not tracked.",
        since: "4.0.0", complexity: "O(1)",
        keys: &[nth(2, EXAMINED)],
        syntax: "key",
        tips: &["nondeterministic_output"],
    }

    OBJECT_IDLETIME {
        id: 143, name: "object|idletime", arity: 3, kind: Read, flags: [],
        summary: "Returns 0 for a key that exists: access times are not tracked.",
        since: "2.2.3", complexity: "O(1)",
        keys: &[nth(2, EXAMINED)],
        syntax: "key",
        tips: &["nondeterministic_output"],
    }

    OBJECT_REFCOUNT {
        id: 144, name: "object|refcount", arity: 3, kind: Read, flags: [],
        summary: "Returns 1 for a key that exists: values are not shared.",
        since: "2.2.3", complexity: "O(1)",
        keys: &[nth(2, EXAMINED)],
        syntax: "key",
        tips: &["nondeterministic_output"],
    }

    OBJECT_HELP {
        id: 145, name: "object|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the subcommands.",
        since: "6.2.0", complexity: "O(1)",
    }
}
