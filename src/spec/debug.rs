//! `DEBUG`.

use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "server", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    DEBUG {
        id: 775, name: "debug", arity: -2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE PROTECTED],
        summary: "A container for debugging commands.",
        since: "1.0.0", complexity: "Depends on subcommand.",
        subcommands: SUBCOMMANDS,
    }
}

rows! { SUBCOMMANDS from FAMILY:
    DEBUG_SLEEP {
        id: 776, name: "debug|sleep", arity: 3, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE PROTECTED],
        summary: "Lets the connection wait; other clients are served meanwhile.",
        since: "1.0.0", complexity: "O(1)",
        syntax: "duration",
    }

    DEBUG_HELP {
        id: 777, name: "debug|help", arity: 2, kind: Local, flags: [LOADING STALE PROTECTED],
        summary: "Returns helpful text about the different subcommands.",
        since: "1.0.0", complexity: "O(1)",
    }
}
