//! The server as a whole: time, checkpoints, shutdown, role.

use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "server", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    TIME {
        id: 730, name: "time", arity: 1, kind: Local, flags: [LOADING STALE FAST],
        summary: "Returns the server time.",
        since: "2.6.0", complexity: "O(1)",
        tips: &["nondeterministic_output"],
    }

    SAVE {
        id: 731, name: "save", arity: 1, kind: Local, flags: [ADMIN NOSCRIPT NO_MULTI],
        summary: "Makes a checkpoint and waits for it.",
        since: "1.0.0", complexity: "O(N) where N is the number of pages written since the last checkpoint",
    }

    BGSAVE {
        id: 732, name: "bgsave", arity: -1, kind: Local, flags: [ADMIN NOSCRIPT],
        summary: "Makes a checkpoint in the background.",
        since: "1.0.0", complexity: "O(1)",
        syntax: "[SCHEDULE]",
    }

    BGREWRITEAOF {
        id: 733, name: "bgrewriteaof", arity: 1, kind: Local, flags: [ADMIN NOSCRIPT],
        summary: "Makes a checkpoint in the background, after which the log is recycled.",
        since: "1.0.0", complexity: "O(1)",
    }

    LASTSAVE {
        id: 734, name: "lastsave", arity: 1, kind: Local, flags: [LOADING STALE FAST],
        summary: "Returns the Unix timestamp of the last checkpoint.",
        since: "1.0.0", complexity: "O(1)",
        tips: &["nondeterministic_output"],
        categories: &["admin", "dangerous"],
    }

    SHUTDOWN {
        id: 735, name: "shutdown", arity: -1, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE NO_MULTI],
        summary: "Makes a last checkpoint and stops the server.",
        since: "1.0.0", complexity: "O(N) where N is the number of pages to write",
        syntax: "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]",
    }

    ROLE {
        id: 736, name: "role", arity: 1, kind: Local, flags: [NOSCRIPT LOADING STALE FAST],
        summary: "Returns the replication role.",
        since: "2.8.12", complexity: "O(1)",
        categories: &["admin", "dangerous"],
    }

    LOLWUT {
        id: 737, name: "lolwut", arity: -1, kind: Local, flags: [FAST],
        summary: "Shows the version, or a wave.",
        since: "5.0.0", complexity: "O(1)",
        syntax: "[VERSION version]",
    }

    REPLICAOF {
        id: 748, name: "replicaof", arity: 3, kind: Local, flags: [ADMIN NOSCRIPT STALE],
        summary: "Says that the server is no replica; it cannot become one.",
        since: "5.0.0", complexity: "O(1)",
        syntax: "<host port | NO ONE>",
    }

    SLAVEOF {
        id: 749, name: "slaveof", arity: 3, kind: Local, flags: [ADMIN NOSCRIPT STALE],
        summary: "Says that the server is no replica; it cannot become one.",
        since: "1.0.0", complexity: "O(1)",
        syntax: "<host port | NO ONE>",
    }

    MODULE {
        id: 738, name: "module", arity: -2, kind: Local, flags: [],
        summary: "A container for module commands.",
        since: "4.0.0", complexity: "Depends on subcommand.",
        subcommands: SUBCOMMANDS,
    }
}

rows! { SUBCOMMANDS from FAMILY:
    MODULE_LIST {
        id: 740, name: "module|list", arity: 2, kind: Local, flags: [ADMIN NOSCRIPT],
        summary: "Returns all loaded modules.",
        since: "4.0.0", complexity: "O(N) where N is the number of loaded modules.",
        tips: &["nondeterministic_output_order"],
    }

    MODULE_HELP {
        id: 741, name: "module|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the different subcommands.",
        since: "5.0.0", complexity: "O(1)",
    }
}
