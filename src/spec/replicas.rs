//! `WAIT` and `WAITAOF`.

use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "generic", categories: &["connection"], ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    WAIT {
        id: 160, name: "wait", arity: 3, kind: Local, flags: [NOSCRIPT],
        summary: "Waits for replicas to have the client's writes; there are none, so it waits as long as it \
                  may.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "numreplicas timeout",
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
    }

    WAITAOF {
        id: 161, name: "waitaof", arity: 4, kind: Local, flags: [NOSCRIPT],
        summary: "Waits for the client's writes to be on disk; they are before they are answered.",
        since: "7.2.0", complexity: "O(1)",
        syntax: "numlocal numreplicas timeout",
    }
}
