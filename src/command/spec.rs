//! What is known about each command before it runs: name, arity, flags, keys, documentation.
//!
//! One declarative table of [`Spec`]s drives dispatch, `COMMAND`, the purge of expired keys before a command runs on
//! the writer, and later access control.

use super::{LocalFn, ReadFn, WriteFn, sources};
use crate::resp::Args;

/// Properties of a command, as `COMMAND INFO` shows them; combine with `|` through [`Flags::with`].
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
    /// May change data.
    pub const WRITE: Flags = Flags(1);
    /// Only reads data.
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
    /// Keys are found by the command itself.
    pub const MOVABLEKEYS: Flags = Flags(1 << 9);
    /// Not shown by `MONITOR`, nor kept in the slow log.
    pub const SKIP_MONITOR: Flags = Flags(1 << 10);
    /// Not kept in the slow log.
    pub const SKIP_SLOWLOG: Flags = Flags(1 << 11);
    /// May block the client.
    pub const BLOCKING: Flags = Flags(1 << 12);
    /// Publish and subscribe.
    pub const PUBSUB: Flags = Flags(1 << 13);
    /// A command of the connection that runs at once although what this client sent before is still with the writer:
    /// nobody can tell. All others wait until that is answered, so that a client's commands take effect in their order.
    pub const OVERTAKES: Flags = Flags(1 << 14);
    /// Looks at the data although it runs with the client's own state.
    pub const SNAPSHOT: Flags = Flags(1 << 19);

    /// Not allowed between `MULTI` and `EXEC`.
    pub const NO_MULTI: Flags = Flags(1 << 15);
    /// Between `MULTI` and `EXEC` it runs at once, for it is about the transaction or ends it.
    pub const NOT_QUEUED: Flags = Flags(1 << 16);
    /// Runs on the connection's thread only to be handed to the writer, which replies.
    pub const SUBMITS: Flags = Flags(1 << 17);
    /// Allowed on a connection of RESP2 that listens to channels.
    pub const WHILE_LISTENING: Flags = Flags(1 << 18);

    /// In Redis, replicas may get to see it although it changes nothing: a pause of writes holds it back, too.
    pub const MAY_REPLICATE: Flags = Flags(1 << 20);
    /// Allowed as `enable-debug-command` says.
    pub const PROTECTED: Flags = Flags(1 << 21);

    /// Both sets of properties.
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// Whether all of `other` are set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Where a command's keys stand among its words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeySpec {
    /// Index of the first key; 0 when there is none.
    pub first: i32,
    /// Index of the last key; negative counts from the end (-1: the last word).
    pub last: i32,
    /// Distance from a key to the next.
    pub step: i32,
}

impl KeySpec {
    /// The command names no key.
    pub const NONE: KeySpec = KeySpec { first: 0, last: 0, step: 0 };
    /// Word 1 is the key.
    pub const ONE: KeySpec = KeySpec { first: 1, last: 1, step: 1 };
    /// Words 1 and 2 are keys.
    pub const TWO: KeySpec = KeySpec { first: 1, last: 2, step: 1 };
    /// All words from 1 on are keys.
    pub const ALL: KeySpec = KeySpec { first: 1, last: -1, step: 1 };
    /// Words 1, 3, 5 ... are keys, each followed by its value.
    pub const PAIRS: KeySpec = KeySpec { first: 1, last: -1, step: 2 };

    /// The indexes of the keys among `words` words.
    pub fn indexes(self, words: usize) -> impl Iterator<Item = usize> {
        let last = if self.last < 0 { words as i64 + i64::from(self.last) } else { i64::from(self.last) };
        let last = last.min(words as i64 - 1);
        let (first, step) = (i64::from(self.first), i64::from(self.step.max(1)));
        let none = first == 0;
        (first..=last).step_by(step as usize).filter(move |_| !none).map(|index| index as usize)
    }
}

/// How a command runs.
#[derive(Clone, Copy)]
pub enum Run {
    /// On the connection's thread, with the client's own state.
    Local(LocalFn),
    /// From a snapshot on the connection's thread; on the writer's version when it stands behind an unanswered write of
    /// the same client.
    Read(ReadFn),
    /// On the writer; or on a published version, if it changes nothing there.
    Write(WriteFn),
}

/// One command, or one subcommand of a container command such as `CLIENT`.
pub struct Spec {
    /// Name in lower case; a subcommand's is `container|subcommand`.
    pub name: &'static str,
    /// Number that the log knows the command by. Never reused, never changed.
    pub id: u16,
    /// Number of words with the name; negative: at least so many.
    pub arity: i32,
    /// Properties.
    pub flags: Flags,
    /// Where the keys are.
    pub keys: KeySpec,
    /// What runs it. A container command's own entry answers for an unknown subcommand.
    pub run: Run,
    /// One line of documentation.
    pub summary: &'static str,
    /// The Redis version that brought the command.
    pub since: &'static str,
    /// Documentation group: `string`, `generic`, `connection`, `server` ...
    pub group: &'static str,
    /// Time complexity.
    pub complexity: &'static str,
    /// With how many words at most a writing command may be tried on a published version, to see if it changes nothing.
    /// It is one that often does, finds that out at once, and does little before its first change. 0: it is never tried.
    pub tried_words: usize,
    /// Subcommands of a container command.
    pub subcommands: &'static [Spec],
}

/// [`Spec::tried_words`] of most commands that are tried; pops are tried without a count.
pub const TRIED_WORDS: usize = 16;

impl Spec {
    /// Whether the command works on elements of collections.
    pub fn is_on_elements(&self) -> bool {
        matches!(self.group, "hash" | "set" | "list" | "sorted-set" | "geo")
    }

    /// The keys that a reading command names: at fixed places, or behind their number.
    pub fn keys_read<'a>(&self, args: &Args<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let is_counted = self.keys.first == 0 && self.flags.has(Flags::MOVABLEKEYS);
        let counted = sources::counted(args, 1).take(if is_counted { usize::MAX } else { 0 });
        let args = *args;
        self.keys.indexes(args.len()).filter_map(move |index| args.get(index)).chain(counted)
    }

    /// Whether `words` words (the name included) are as many as the command takes.
    pub fn takes(&self, words: usize) -> bool {
        let words = words as i64;
        if self.arity >= 0 { words == i64::from(self.arity) } else { words >= -i64::from(self.arity) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_indexes_follow_first_last_and_step() {
        let of = |keys: KeySpec, words| keys.indexes(words).collect::<Vec<_>>();
        assert_eq!(of(KeySpec::ONE, 3), [1]);
        assert_eq!(of(KeySpec::ALL, 4), [1, 2, 3]);
        assert_eq!(of(KeySpec::PAIRS, 5), [1, 3]);
        assert_eq!(of(KeySpec::TWO, 2), [1]);
        assert!(of(KeySpec::NONE, 9).is_empty());
    }
}
