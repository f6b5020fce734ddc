//! `ACL`: access control. IDs 780 to 789, 851 and 852.

use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "server", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    ACL {
        id: 780, name: "acl", arity: -2, kind: Local, flags: [],
        summary: "A container for Access List Control commands.",
        since: "6.0.0", complexity: "Depends on subcommand.",
        subcommands: SUBCOMMANDS,
    }
}

rows! { SUBCOMMANDS from FAMILY:
    ACL_CAT {
        id: 781, name: "acl|cat", arity: -2, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "Lists the ACL categories, or the commands inside a category.",
        since: "6.0.0", complexity: "O(1) since the categories and commands are a fixed set.",
        syntax: "[category]",
    }

    ACL_GETUSER {
        id: 782, name: "acl|getuser", arity: 3, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Lists the ACL rules of a user.",
        since: "6.0.0", complexity: "O(1)",
        syntax: "username",
    }

    ACL_LIST {
        id: 783, name: "acl|list", arity: 2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Dumps the effective rules in ACL file format.",
        since: "6.0.0", complexity: "O(1)",
    }

    ACL_USERS {
        id: 784, name: "acl|users", arity: 2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Lists all ACL users.",
        since: "6.0.0", complexity: "O(1)",
    }

    ACL_WHOAMI {
        id: 785, name: "acl|whoami", arity: 2, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "Returns the authenticated username of the current connection.",
        since: "6.0.0", complexity: "O(1)",
    }

    ACL_LOG {
        id: 787, name: "acl|log", arity: -2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Returns no entries: there is one user, who may do everything.",
        since: "6.0.0", complexity: "O(1)",
        syntax: "[count|RESET]",
    }

    ACL_GENPASS {
        id: 788, name: "acl|genpass", arity: -2, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "Generates a password of random hexadecimal digits.",
        since: "6.0.0", complexity: "O(1)",
        syntax: "[bits]",
    }

    ACL_DRYRUN {
        id: 789, name: "acl|dryrun", arity: -4, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Tells whether a user may run a command, without running it.",
        since: "7.0.0", complexity: "O(1)",
        syntax: "username command [arg...]",
    }

    ACL_SAVE {
        id: 851, name: "acl|save", arity: 2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Fails: there is no ACL file.",
        since: "6.0.0", complexity: "O(1)",
    }

    ACL_LOAD {
        id: 852, name: "acl|load", arity: 2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Fails: there is no ACL file.",
        since: "6.0.0", complexity: "O(1)",
    }

    ACL_HELP {
        id: 786, name: "acl|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the different subcommands.",
        since: "6.0.0", complexity: "O(1)",
    }
}
