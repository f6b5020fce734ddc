//! The connection itself: login, database, protocol.

use super::{Secrets, Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "connection", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    PING {
        id: 700, name: "ping", arity: -1, kind: Local, flags: [FAST OVERTAKES WHILE_LISTENING],
        summary: "Returns the server's liveliness response.",
        since: "1.0.0", complexity: "O(1)",
        syntax: "[message]",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    }

    ECHO {
        id: 701, name: "echo", arity: 2, kind: Local, flags: [LOADING STALE FAST OVERTAKES],
        summary: "Returns the given string.",
        since: "1.0.0", complexity: "O(1)",
        syntax: "message",
    }

    SELECT {
        id: 702, name: "select", arity: 2, kind: Local, flags: [LOADING STALE FAST OVERTAKES SELECTS],
        summary: "Changes the selected database.",
        since: "1.0.0", complexity: "O(1)",
        syntax: "index",
    }

    AUTH {
        id: 703, name: "auth", arity: -2, kind: Local,
        flags: [NOSCRIPT LOADING STALE FAST NO_AUTH SKIP_SLOWLOG],
        summary: "Authenticates the connection.",
        since: "1.0.0", complexity: "O(1)",
        syntax: "[username] password",
        secrets: Secrets::All,
    }

    HELLO {
        id: 704, name: "hello", arity: -1, kind: Local,
        flags: [NOSCRIPT LOADING STALE FAST NO_AUTH SKIP_SLOWLOG NO_MULTI],
        summary: "Handshakes with the server.",
        since: "6.0.0", complexity: "O(1)",
        syntax: "[protover [AUTH username password] [SETNAME clientname]]",
        secrets: Secrets::BehindAuth,
    }

    RESET {
        id: 705, name: "reset", arity: 1, kind: Local,
        flags: [NOSCRIPT LOADING STALE FAST NO_AUTH NOT_QUEUED WHILE_LISTENING],
        summary: "Resets the connection.",
        since: "6.2.0", complexity: "O(1)",
    }

    QUIT {
        id: 706, name: "quit", arity: -1, kind: Local,
        flags: [NOSCRIPT LOADING STALE FAST NO_AUTH NOT_QUEUED WHILE_LISTENING],
        summary: "Closes the connection.",
        since: "1.0.0", complexity: "O(1)",
    }
}
