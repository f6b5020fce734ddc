//! `LATENCY`: slow events.

use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "server", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    LATENCY {
        id: 765, name: "latency", arity: -2, kind: Local, flags: [],
        summary: "A container for latency diagnostics commands.",
        since: "2.8.13", complexity: "Depends on subcommand.",
        subcommands: SUBCOMMANDS,
    }
}

rows! { SUBCOMMANDS from FAMILY:
    LATENCY_DOCTOR {
        id: 766, name: "latency|doctor", arity: 2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Returns a human-readable latency analysis report.",
        since: "2.8.13", complexity: "O(1)",
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    }

    LATENCY_GRAPH {
        id: 767, name: "latency|graph", arity: 3, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Returns a latency graph for an event.",
        since: "2.8.13", complexity: "O(1)",
        syntax: "event",
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    }

    LATENCY_HISTOGRAM {
        id: 768, name: "latency|histogram", arity: -2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Returns the cumulative distribution of latencies of a subset or all commands.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of commands with latency information being retrieved.",
        syntax: "[command...]",
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    }

    LATENCY_HISTORY {
        id: 769, name: "latency|history", arity: 3, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Returns timestamp-latency samples for an event.",
        since: "2.8.13", complexity: "O(1)",
        syntax: "event",
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    }

    LATENCY_LATEST {
        id: 770, name: "latency|latest", arity: 2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Returns the latest latency samples for all events.",
        since: "2.8.13", complexity: "O(1)",
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    }

    LATENCY_RESET {
        id: 771, name: "latency|reset", arity: -2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Resets the latency data for one or more events.",
        since: "2.8.13", complexity: "O(1)",
        syntax: "[event...]",
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    }

    LATENCY_HELP {
        id: 772, name: "latency|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the different subcommands.",
        since: "2.8.13", complexity: "O(1)",
    }
}
