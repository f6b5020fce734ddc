//! Properties of commands.

/// Properties of a command; combine with [`Flags::with`]. Some are shown by `COMMAND INFO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u32);

// Each property has a bit of its own.
const _: () = {
    let all = [
        Flags::WRITE,
        Flags::READONLY,
        Flags::DENYOOM,
        Flags::ADMIN,
        Flags::FAST,
        Flags::NOSCRIPT,
        Flags::NO_AUTH,
        Flags::LOADING,
        Flags::STALE,
        Flags::MOVABLEKEYS,
        Flags::SKIP_MONITOR,
        Flags::SKIP_SLOWLOG,
        Flags::BLOCKING,
        Flags::PUBSUB,
        Flags::OVERTAKES,
        Flags::SNAPSHOT,
        Flags::NO_MULTI,
        Flags::NOT_QUEUED,
        Flags::SUBMITS,
        Flags::WHILE_LISTENING,
        Flags::MAY_REPLICATE,
        Flags::PROTECTED,
        Flags::DATABASES,
        Flags::FLUSHES,
        Flags::KEEPS_CACHING,
        Flags::SELECTS,
        Flags::EXECUTES,
        Flags::BESIDE,
    ];
    let (mut seen, mut index) = (0, 0);
    while index < all.len() {
        assert!(seen & all[index].0 == 0);
        seen |= all[index].0;
        index += 1;
    }
};

impl Flags {
    /// No property.
    pub const NONE: Flags = Flags(0);
    /// May change data. Follows from the kind.
    pub const WRITE: Flags = Flags(1);
    /// Only reads data. Follows from the kind.
    pub const READONLY: Flags = Flags(1 << 1);
    /// May grow the data set: refused when there is no space.
    pub const DENYOOM: Flags = Flags(1 << 2);
    /// An administrator's command.
    pub const ADMIN: Flags = Flags(1 << 3);
    /// Constant or logarithmic time.
    pub const FAST: Flags = Flags(1 << 4);
    /// Not allowed in a script.
    pub const NOSCRIPT: Flags = Flags(1 << 5);
    /// Allowed before authentication.
    pub const NO_AUTH: Flags = Flags(1 << 6);
    /// Allowed while data is loaded.
    pub const LOADING: Flags = Flags(1 << 7);
    /// Allowed on stale data.
    pub const STALE: Flags = Flags(1 << 8);
    /// Has keys at other than fixed positions. Follows from the keys.
    pub const MOVABLEKEYS: Flags = Flags(1 << 9);
    /// Not shown by `MONITOR`.
    pub const SKIP_MONITOR: Flags = Flags(1 << 10);
    /// Not kept in the slow log.
    pub const SKIP_SLOWLOG: Flags = Flags(1 << 11);
    /// May block the client.
    pub const BLOCKING: Flags = Flags(1 << 12);
    /// Publish and subscribe.
    pub const PUBSUB: Flags = Flags(1 << 13);
    /// A local command that runs at once, even while the writer still has earlier commands of this client: nobody can
    /// tell the difference. All other local commands wait until those are answered, so that a client's commands take
    /// effect in order.
    pub const OVERTAKES: Flags = Flags(1 << 14);
    /// Not allowed between `MULTI` and `EXEC`.
    pub const NO_MULTI: Flags = Flags(1 << 15);
    /// Between `MULTI` and `EXEC` it runs at once, because it is about the transaction itself.
    pub const NOT_QUEUED: Flags = Flags(1 << 16);
    /// A local command that only submits work to the writer, which replies.
    pub const SUBMITS: Flags = Flags(1 << 17);
    /// Allowed on a RESP2 connection that is subscribed.
    pub const WHILE_LISTENING: Flags = Flags(1 << 18);
    /// A local command that reads the data.
    pub const SNAPSHOT: Flags = Flags(1 << 19);
    /// Redis may send it to replicas although it changes nothing, so a pause of writes holds it back, too.
    pub const MAY_REPLICATE: Flags = Flags(1 << 20);
    /// Allowed only for clients that `enable-debug-command` allows.
    pub const PROTECTED: Flags = Flags(1 << 21);
    /// May change keys that it does not name: whole databases.
    pub const DATABASES: Flags = Flags(1 << 22);
    /// Empties databases. Clients that track keys are notified even if the databases were empty.
    pub const FLUSHES: Flags = Flags(1 << 23);
    /// Does not use up `CLIENT CACHING`, which stays in effect for the command after it.
    pub const KEEPS_CACHING: Flags = Flags(1 << 24);
    /// Selects the database that its first argument names: what is queued behind it is for that one.
    pub const SELECTS: Flags = Flags(1 << 25);
    /// Executes the client's transaction; when it is refused, the transaction is discarded.
    pub const EXECUTES: Flags = Flags(1 << 26);

    /// A writing command whose only change can be worked out before it is made, mostly as a result that replaces what a key
    /// holds. If that is long, it is worked out on a snapshot, beside the writer.
    pub const BESIDE: Flags = Flags(1 << 27);

    /// Both sets of properties.
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether all of `other` are set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}
