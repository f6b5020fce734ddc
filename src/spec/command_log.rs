//! `SLOWLOG`: the slow commands; `COMMANDLOG`: also those with large requests and replies.

use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "server", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    SLOWLOG {
        id: 760, name: "slowlog", arity: -2, kind: Local, flags: [],
        summary: "A container for slow log commands.",
        since: "2.2.12", complexity: "Depends on subcommand.",
        subcommands: SUBCOMMANDS,
    }

    COMMANDLOG {
        id: 890, name: "commandlog", arity: -2, kind: Local, flags: [],
        summary: "A container for commands on the logs of commands.",
        since: "8.1.0", complexity: "Depends on subcommand.",
        subcommands: LOG_SUBCOMMANDS,
    }
}

rows! { SUBCOMMANDS from FAMILY:
    SLOWLOG_GET {
        id: 761, name: "slowlog|get", arity: -2, kind: Local, flags: [ADMIN LOADING STALE],
        summary: "Returns the slow log's entries.",
        since: "2.2.12", complexity: "O(N) where N is the number of entries returned",
        syntax: "[count]",
        tips: &["request_policy:all_nodes", "nondeterministic_output"],
    }

    SLOWLOG_LEN {
        id: 762, name: "slowlog|len", arity: 2, kind: Local, flags: [ADMIN LOADING STALE],
        summary: "Returns the number of entries in the slow log.",
        since: "2.2.12", complexity: "O(1)",
        tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    }

    SLOWLOG_RESET {
        id: 763, name: "slowlog|reset", arity: 2, kind: Local, flags: [ADMIN LOADING STALE],
        summary: "Clears all entries from the slow log.",
        since: "2.2.12", complexity: "O(N) where N is the number of entries in the slowlog",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    }

    SLOWLOG_HELP {
        id: 764, name: "slowlog|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the different subcommands.",
        since: "6.2.0", complexity: "O(1)",
    }
}

rows! { LOG_SUBCOMMANDS from FAMILY:
    COMMANDLOG_GET {
        id: 891, name: "commandlog|get", arity: 4, kind: Local, flags: [ADMIN LOADING STALE],
        summary: "Returns the newest entries of a log of commands.",
        since: "8.1.0", complexity: "O(N) where N is the number of entries returned",
        syntax: "count <SLOW|LARGE-REQUEST|LARGE-REPLY>",
        tips: &["request_policy:all_nodes", "nondeterministic_output"],
    }

    COMMANDLOG_LEN {
        id: 892, name: "commandlog|len", arity: 3, kind: Local, flags: [ADMIN LOADING STALE],
        summary: "Returns the number of entries in a log of commands.",
        since: "8.1.0", complexity: "O(1)",
        syntax: "<SLOW|LARGE-REQUEST|LARGE-REPLY>",
        tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    }

    COMMANDLOG_RESET {
        id: 893, name: "commandlog|reset", arity: 3, kind: Local, flags: [ADMIN LOADING STALE],
        summary: "Clears a log of commands.",
        since: "8.1.0", complexity: "O(N) where N is the number of entries in the log",
        syntax: "<SLOW|LARGE-REQUEST|LARGE-REPLY>",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    }

    COMMANDLOG_HELP {
        id: 894, name: "commandlog|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the different subcommands.",
        since: "8.1.0", complexity: "O(1)",
    }
}
