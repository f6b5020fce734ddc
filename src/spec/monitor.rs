//! `MONITOR`.

use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "server", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    MONITOR {
        id: 850, name: "monitor", arity: 1, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Listens for all requests received by the server in real-time.",
        since: "1.0.0", complexity: "O(1)",
    }
}
