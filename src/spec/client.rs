//! `CLIENT`: the connected clients.

use super::{Flags, Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "connection", ..Spec::DEFAULT };
/// What its subcommands have in common.
const SUBCOMMAND: Spec = Spec { flags: Flags::KEEPS_CACHING, ..FAMILY };

rows! { ROWS from FAMILY:
    CLIENT {
        id: 710, name: "client", arity: -2, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "A container for client connection commands.",
        since: "2.4.0", complexity: "Depends on subcommand.",
        subcommands: SUBCOMMANDS,
    }
}

rows! { SUBCOMMANDS from SUBCOMMAND:
    CLIENT_CACHING {
        id: 711, name: "client|caching", arity: 3, kind: Local, flags: [NOSCRIPT LOADING STALE OVERTAKES],
        summary: "Instructs the server whether to track the keys in the next request.",
        since: "6.0.0", complexity: "O(1)",
        syntax: "<YES|NO>",
    }

    CLIENT_GETNAME {
        id: 712, name: "client|getname", arity: 2, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "Returns the name of the connection.",
        since: "2.6.9", complexity: "O(1)",
    }

    CLIENT_GETREDIR {
        id: 713, name: "client|getredir", arity: 2, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "Returns the client ID to which the connection's tracking notifications are redirected.",
        since: "6.0.0", complexity: "O(1)",
    }

    CLIENT_HELP {
        id: 714, name: "client|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the different subcommands.",
        since: "5.0.0", complexity: "O(1)",
    }

    CLIENT_ID {
        id: 715, name: "client|id", arity: 2, kind: Local, flags: [NOSCRIPT LOADING STALE OVERTAKES],
        summary: "Returns the unique client ID of the connection.",
        since: "5.0.0", complexity: "O(1)",
    }

    CLIENT_INFO {
        id: 716, name: "client|info", arity: 2, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "Returns information about the connection.",
        since: "6.2.0", complexity: "O(1)",
        tips: &["nondeterministic_output"],
    }

    CLIENT_KILL {
        id: 717, name: "client|kill", arity: -3, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Terminates open connections.",
        since: "2.4.0", complexity: "O(N) where N is the number of client connections",
        syntax: "<ip:port|<ID client-id...|TYPE <NORMAL|MASTER|SLAVE|REPLICA|PUBSUB>|USER username|ADDR \
                 ip:port|LADDR ip:port|SKIPME <YES|NO>|MAXAGE maxage|NAME name|IDLE idle|FLAGS flags|LIB-NAME \
                 lib-name|LIB-VER lib-ver|DB db|IP ip>...>",
    }

    CLIENT_LIST {
        id: 718, name: "client|list", arity: -2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Lists open connections.",
        since: "2.4.0", complexity: "O(N) where N is the number of client connections",
        syntax: "[TYPE <NORMAL|MASTER|REPLICA|PUBSUB>] [ID client-id...] [USER username] [ADDR ip:port] [LADDR \
                 ip:port] [SKIPME <YES|NO>] [MAXAGE maxage] [NAME name] [IDLE idle] [FLAGS flags] [LIB-NAME \
                 lib-name] [LIB-VER lib-ver] [DB db] [IP ip]",
        tips: &["nondeterministic_output"],
    }

    CLIENT_NO_EVICT {
        id: 719, name: "client|no-evict", arity: 3, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Sets the client eviction mode of the connection.",
        since: "7.0.0", complexity: "O(1)",
        syntax: "<ON|OFF>",
    }

    CLIENT_NO_TOUCH {
        id: 720, name: "client|no-touch", arity: 3, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.",
        since: "7.2.0", complexity: "O(1)",
        syntax: "<ON|OFF>",
    }

    CLIENT_PAUSE {
        id: 721, name: "client|pause", arity: -3, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Suspends commands processing.",
        since: "3.0.0", complexity: "O(1)",
        syntax: "timeout [WRITE|ALL]",
    }

    CLIENT_REPLY {
        id: 722, name: "client|reply", arity: 3, kind: Local, flags: [NOSCRIPT LOADING STALE NO_MULTI],
        summary: "Instructs the server whether to reply to commands.",
        since: "3.2.0", complexity: "O(1)",
        syntax: "<ON|OFF|SKIP>",
    }

    CLIENT_SETINFO {
        id: 723, name: "client|setinfo", arity: 4, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "Sets information specific to the client or connection.",
        since: "7.2.0", complexity: "O(1)",
        syntax: "<LIB-NAME libname|LIB-VER libver>",
    }

    CLIENT_SETNAME {
        id: 724, name: "client|setname", arity: 3, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "Sets the connection name.",
        since: "2.6.9", complexity: "O(1)",
        syntax: "connection-name",
    }

    CLIENT_TRACKING {
        id: 725, name: "client|tracking", arity: -3, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "Controls server-assisted client-side caching for the connection.",
        since: "6.0.0", complexity: "O(1). Some options may introduce additional complexity.",
        syntax: "<ON|OFF> [REDIRECT client-id] [PREFIX prefix]... [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
    }

    CLIENT_TRACKINGINFO {
        id: 726, name: "client|trackinginfo", arity: 2, kind: Local, flags: [NOSCRIPT LOADING STALE],
        summary: "Returns information about server-assisted client-side caching for the connection.",
        since: "6.2.0", complexity: "O(1)",
    }

    CLIENT_UNBLOCK {
        id: 727, name: "client|unblock", arity: -3, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Unblocks a client blocked by a blocking command from a different connection.",
        since: "5.0.0", complexity: "O(log N) where N is the number of client connections",
        syntax: "client-id [TIMEOUT|ERROR]",
    }

    CLIENT_UNPAUSE {
        id: 728, name: "client|unpause", arity: 2, kind: Local, flags: [ADMIN NOSCRIPT LOADING STALE],
        summary: "Resumes processing commands from paused clients.",
        since: "6.2.0", complexity: "O(N) Where N is the number of paused clients",
    }
}
