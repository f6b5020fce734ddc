//! `SUBSCRIBE`, `PUBLISH` and related commands. IDs 830 to 849.

use super::key_positions::{CHANNEL, all, key};
use super::{Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "pubsub", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    SUBSCRIBE {
        id: 830, name: "subscribe", arity: -2, kind: Local,
        flags: [NOSCRIPT LOADING STALE PUBSUB WHILE_LISTENING],
        summary: "Listens for messages published to channels.",
        since: "2.0.0", complexity: "O(N) where N is the number of channels to subscribe to.",
        syntax: "channel...",
    }

    UNSUBSCRIBE {
        id: 831, name: "unsubscribe", arity: -1, kind: Local,
        flags: [NOSCRIPT LOADING STALE PUBSUB WHILE_LISTENING],
        summary: "Stops listening to messages posted to channels.",
        since: "2.0.0", complexity: "O(N) where N is the number of channels to unsubscribe.",
        syntax: "[channel...]",
    }

    PSUBSCRIBE {
        id: 832, name: "psubscribe", arity: -2, kind: Local,
        flags: [NOSCRIPT LOADING STALE PUBSUB WHILE_LISTENING],
        summary: "Listens for messages published to channels that match one or more patterns.",
        since: "2.0.0", complexity: "O(N) where N is the number of patterns to subscribe to.",
        syntax: "pattern...",
    }

    PUNSUBSCRIBE {
        id: 833, name: "punsubscribe", arity: -1, kind: Local,
        flags: [NOSCRIPT LOADING STALE PUBSUB WHILE_LISTENING],
        summary: "Stops listening to messages published to channels that match one or more patterns.",
        since: "2.0.0", complexity: "O(N) where N is the number of patterns to unsubscribe.",
        syntax: "[pattern...]",
    }

    SSUBSCRIBE {
        id: 834, name: "ssubscribe", arity: -2, kind: Local,
        flags: [NOSCRIPT LOADING STALE PUBSUB WHILE_LISTENING],
        summary: "Listens for messages published to shard channels.",
        since: "7.0.0", complexity: "O(N) where N is the number of shard channels to subscribe to.",
        keys: &[all(CHANNEL)],
        syntax: "shardchannel...",
    }

    SUNSUBSCRIBE {
        id: 835, name: "sunsubscribe", arity: -1, kind: Local,
        flags: [NOSCRIPT LOADING STALE PUBSUB WHILE_LISTENING],
        summary: "Stops listening to messages posted to shard channels.",
        since: "7.0.0", complexity: "O(N) where N is the number of shard channels to unsubscribe.",
        keys: &[all(CHANNEL)],
        syntax: "[shardchannel...]",
    }

    PUBLISH {
        id: 836, name: "publish", arity: 3, kind: Local, flags: [LOADING STALE PUBSUB FAST MAY_REPLICATE],
        summary: "Posts a message to a channel.",
        since: "2.0.0",
        complexity: "O(N+M) where N is the number of clients subscribed to the channel and M is the number \
                     of patterns.",
        syntax: "channel message",
    }

    SPUBLISH {
        id: 837, name: "spublish", arity: 3, kind: Local, flags: [LOADING STALE PUBSUB FAST MAY_REPLICATE],
        summary: "Posts a message to a shard channel.",
        since: "7.0.0", complexity: "O(N) where N is the number of clients subscribed to the shard channel.",
        keys: &[key(CHANNEL)],
        syntax: "shardchannel message",
    }

    PUBSUB {
        id: 838, name: "pubsub", arity: -2, kind: Local, flags: [],
        summary: "A container for Pub/Sub commands.",
        since: "2.8.0", complexity: "Depends on subcommand.",
        subcommands: SUBCOMMANDS,
    }
}

rows! { SUBCOMMANDS from FAMILY:
    PUBSUB_CHANNELS {
        id: 839, name: "pubsub|channels", arity: -2, kind: Local, flags: [LOADING STALE PUBSUB],
        summary: "Returns the active channels.",
        since: "2.8.0", complexity: "O(N) where N is the number of active channels.",
        syntax: "[pattern]",
    }

    PUBSUB_NUMSUB {
        id: 840, name: "pubsub|numsub", arity: -2, kind: Local, flags: [LOADING STALE PUBSUB],
        summary: "Returns a count of subscribers to channels.",
        since: "2.8.0",
        complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
        syntax: "[channel...]",
    }

    PUBSUB_NUMPAT {
        id: 841, name: "pubsub|numpat", arity: 2, kind: Local, flags: [LOADING STALE PUBSUB],
        summary: "Returns a count of unique pattern subscriptions.",
        since: "2.8.0", complexity: "O(1)",
    }

    PUBSUB_SHARDCHANNELS {
        id: 842, name: "pubsub|shardchannels", arity: -2, kind: Local, flags: [LOADING STALE PUBSUB],
        summary: "Returns the active shard channels.",
        since: "7.0.0", complexity: "O(N) where N is the number of active shard channels.",
        syntax: "[pattern]",
    }

    PUBSUB_SHARDNUMSUB {
        id: 843, name: "pubsub|shardnumsub", arity: -2, kind: Local, flags: [LOADING STALE PUBSUB],
        summary: "Returns the count of subscribers of shard channels.",
        since: "7.0.0",
        complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
        syntax: "[shardchannel...]",
    }

    PUBSUB_HELP {
        id: 844, name: "pubsub|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the different subcommands.",
        since: "6.2.0", complexity: "O(1)",
    }
}
