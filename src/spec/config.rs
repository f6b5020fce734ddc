//! `CONFIG`: the configuration of the running server.

use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "server", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    CONFIG {
        id: 750, name: "config", arity: -2, kind: Local, flags: [],
        summary: "A container for server configuration commands.",
        since: "2.0.0", complexity: "Depends on subcommand.",
        subcommands: SUBCOMMANDS,
    }
}

rows! { SUBCOMMANDS from FAMILY:
    CONFIG_GET {
        id: 751, name: "config|get", arity: -3, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Returns the effective values of configuration parameters.",
        since: "2.0.0", complexity: "O(N) when N is the number of configuration parameters provided",
        syntax: "parameter...",
    }

    CONFIG_SET {
        id: 752, name: "config|set", arity: -4, kind: Local,
        flags: [ADMIN NOSCRIPT LOADING STALE SKIP_MONITOR SKIP_SLOWLOG],
        summary: "Sets configuration parameters in-flight.",
        since: "2.0.0", complexity: "O(N) when N is the number of configuration parameters provided",
        syntax: "(parameter value)...",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    }

    CONFIG_RESETSTAT {
        id: 753, name: "config|resetstat", arity: 2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Resets the server's statistics.",
        since: "2.0.0", complexity: "O(1)",
    }

    CONFIG_REWRITE {
        id: 754, name: "config|rewrite", arity: 2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Persists the effective configuration to file.",
        since: "2.8.0", complexity: "O(N) when N is the length of the file",
    }

    CONFIG_HELP {
        id: 755, name: "config|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the different subcommands.",
        since: "5.0.0", complexity: "O(1)",
    }
}
