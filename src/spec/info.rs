//! `INFO`.

use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "server", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    INFO {
        id: 800, name: "info", arity: -1, kind: Local, flags: [LOADING STALE SNAPSHOT],
        summary: "Returns information and statistics about the server.",
        since: "1.0.0", complexity: "O(1)",
        syntax: "[section...]",
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        categories: &["dangerous"],
    }
}
