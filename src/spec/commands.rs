//! `COMMAND`: descriptions of all commands.

use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "server", categories: &["connection"], ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    COMMAND {
        id: 810, name: "command", arity: -1, kind: Local, flags: [LOADING STALE],
        summary: "Returns detailed information about all commands.",
        since: "2.8.13", complexity: "O(N) where N is the total number of commands",
        tips: &["nondeterministic_output_order"],
        subcommands: SUBCOMMANDS,
    }
}

rows! { SUBCOMMANDS from FAMILY:
    COMMAND_COUNT {
        id: 811, name: "command|count", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns a count of commands.",
        since: "2.8.13", complexity: "O(1)",
    }

    COMMAND_DOCS {
        id: 812, name: "command|docs", arity: -2, kind: Local, flags: [LOADING STALE],
        summary: "Returns documentary information about one, multiple or all commands.",
        since: "7.0.0", complexity: "O(N) where N is the number of commands to look up",
        syntax: "[command-name...]",
        tips: &["nondeterministic_output_order"],
    }

    COMMAND_GETKEYS {
        id: 813, name: "command|getkeys", arity: -4, kind: Local, flags: [LOADING STALE],
        summary: "Extracts the key names from an arbitrary command.",
        since: "2.8.13", complexity: "O(N) where N is the number of arguments to the command",
        syntax: "command [arg...]",
    }

    COMMAND_GETKEYSANDFLAGS {
        id: 814, name: "command|getkeysandflags", arity: -4, kind: Local, flags: [LOADING STALE],
        summary: "Extracts the key names and access flags for an arbitrary command.",
        since: "7.0.0", complexity: "O(N) where N is the number of arguments to the command",
        syntax: "command [arg...]",
    }

    COMMAND_INFO {
        id: 815, name: "command|info", arity: -2, kind: Local, flags: [LOADING STALE],
        summary: "Returns information about one, multiple or all commands.",
        since: "2.8.13", complexity: "O(N) where N is the number of commands to look up",
        syntax: "[command-name...]",
        tips: &["nondeterministic_output_order"],
    }

    COMMAND_LIST {
        id: 816, name: "command|list", arity: -2, kind: Local, flags: [LOADING STALE],
        summary: "Returns a list of command names.",
        since: "7.0.0", complexity: "O(N) where N is the total number of commands",
        syntax: "[FILTERBY <MODULE module-name|ACLCAT category|PATTERN pattern>]",
        tips: &["nondeterministic_output_order"],
    }

    COMMAND_HELP {
        id: 817, name: "command|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the different subcommands.",
        since: "5.0.0", complexity: "O(1)",
    }
}
