//! Streams. IDs 600 to 639.

use super::key_positions::{EXAMINED, INSERTED, READ, TRIMMED, UPDATED, key, nth, streams};
use super::{Spec, TRIED_WORDS, rows};
use crate::resp::Args;

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "stream", ..Spec::DEFAULT };

/// Whether a read may wait: the option `BLOCK` is among its words. A name may look like the option: then the read counts as
/// one that waits, too.
fn blocks(args: &Args<'_>) -> bool {
    args.from(1).any(|word| word.eq_ignore_ascii_case(b"block"))
}

rows! { ROWS from FAMILY:
    XADD {
        id: 600, name: "xadd", arity: -5, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds an entry to a stream, which is created if it does not exist.",
        since: "5.0.0", complexity: "O(log(N)) where N is the number of entries, also if it trims the stream.",
        keys: &[key(UPDATED)],
        syntax: "key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [(IDMPAUTO producer-id)|(IDMP producer-id idempotent-id)] \
                 [<MAXLEN|MINID> [=|~] threshold [LIMIT count]] <*|id> (field value)...",
        tips: &["nondeterministic_output"],
    }

    XLEN {
        id: 601, name: "xlen", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the number of entries of a stream.",
        since: "5.0.0", complexity: "O(1)",
        keys: &[key(EXAMINED)],
        syntax: "key",
    }

    XRANGE {
        id: 602, name: "xrange", arity: -4, kind: Read, flags: [],
        summary: "Returns the entries within a range of IDs.",
        since: "5.0.0",
        complexity: "O(log(N)+M) where N is the number of entries and M the number of those returned.",
        keys: &[key(READ)],
        syntax: "key start end [COUNT count]",
    }

    XREVRANGE {
        id: 603, name: "xrevrange", arity: -4, kind: Read, flags: [],
        summary: "Returns the entries within a range of IDs, the last one first.",
        since: "5.0.0",
        complexity: "O(log(N)+M) where N is the number of entries and M the number of those returned.",
        keys: &[key(READ)],
        syntax: "key end start [COUNT count]",
    }

    XREAD {
        id: 604, name: "xread", arity: -4, kind: Read, flags: [BLOCKING],
        summary: "Returns the entries of streams after an ID; waits for one if there is none.",
        since: "5.0.0",
        complexity: "O(log(N)+M) for each stream, where N is the number of its entries and M the number of \
                     those returned.",
        keys: &[streams(1, READ)],
        syntax: "[COUNT count] [BLOCK milliseconds] STREAMS key... id...",
        waiting_form: Some(blocks),
    }

    XDEL {
        id: 605, name: "xdel", arity: -3, kind: Write, flags: [FAST],
        summary: "Deletes entries from a stream, which stays without entries.",
        since: "5.0.0", complexity: "O(log(N)) for each entry, where N is the number of entries.",
        keys: &[key(TRIMMED)],
        syntax: "key id...",
        tried_words: TRIED_WORDS,
    }

    XDELEX {
        id: 608, name: "xdelex", arity: -5, kind: Write, flags: [FAST],
        summary: "Deletes entries from a stream, and says what became of each. DELREF also deletes what groups \
                  have pending of them; ACKED deletes only those that all groups have acknowledged.",
        since: "8.2.0", complexity: "O(log(N)) for each entry and group, where N is the number of entries.",
        keys: &[key(TRIMMED)],
        syntax: "key [KEEPREF|DELREF|ACKED] (IDS numids id...)",
        tried_words: TRIED_WORDS,
    }

    XTRIM {
        id: 606, name: "xtrim", arity: -4, kind: Write, flags: [],
        summary: "Deletes the first entries of a stream.",
        since: "5.0.0", complexity: "O(log(N)) where N is the number of entries, however many are deleted.",
        keys: &[key(TRIMMED)],
        syntax: "key <MAXLEN|MINID> [=|~] threshold [LIMIT count] [KEEPREF|DELREF|ACKED]",
        tips: &["nondeterministic_output"],
        tried_words: TRIED_WORDS,
    }

    XSETID {
        id: 607, name: "xsetid", arity: -3, kind: Write, flags: [DENYOOM FAST],
        summary: "Sets the last ID of a stream.",
        since: "5.0.0", complexity: "O(log(N)) where N is the number of entries.",
        keys: &[key(UPDATED)],
        syntax: "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
    }

    XCFGSET {
        id: 609, name: "xcfgset", arity: -2, kind: Write, flags: [FAST],
        summary: "Sets for how long a stream remembers what its producers have sent, and how much of it.",
        since: "8.6.0",
        complexity: "O(log(N)) where N is the number of messages that are remembered.",
        keys: &[key(UPDATED)],
        syntax: "key [IDMP-DURATION idmp-duration] [IDMP-MAXSIZE idmp-maxsize]",
    }

    XGROUP {
        id: 610, name: "xgroup", arity: -2, kind: Local, flags: [],
        summary: "A container for commands on groups of consumers.",
        since: "5.0.0", complexity: "Depends on subcommand.",
        subcommands: GROUP_SUBCOMMANDS,
    }

    XREADGROUP {
        id: 620, name: "xreadgroup", arity: -7, kind: Write, flags: [BLOCKING],
        summary: "Delivers new entries of streams to a consumer of a group, or returns those that it has not \
                  acknowledged; waits for an entry if there is none.",
        since: "5.0.0",
        complexity: "O(M*log(N)) for each stream, where N is the number of its entries and M the number of \
                     those returned.",
        keys: &[streams(4, READ)],
        waiting_form: Some(blocks),
        syntax: "GROUP group consumer [COUNT count] [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] \
                 STREAMS key... id...",
        quick_words: 0,
    }

    XACK {
        id: 621, name: "xack", arity: -4, kind: Write, flags: [FAST],
        summary: "Acknowledges entries, which are pending no more.",
        since: "5.0.0", complexity: "O(log(N)) for each ID, where N is the number of pending entries.",
        keys: &[key(UPDATED)],
        syntax: "key group id...",
        tried_words: TRIED_WORDS,
    }

    XACKDEL {
        id: 625, name: "xackdel", arity: -6, kind: Write, flags: [FAST],
        summary: "Acknowledges entries and deletes them from the stream. DELREF also deletes what other groups \
                  have pending of them; ACKED deletes only those that all groups have acknowledged.",
        since: "8.2.0", complexity: "O(log(N)) for each entry and group, where N is the number of entries.",
        keys: &[key(TRIMMED)],
        syntax: "key group [KEEPREF|DELREF|ACKED] (IDS numids id...)",
        tried_words: TRIED_WORDS,
    }

    XPENDING {
        id: 622, name: "xpending", arity: -3, kind: Read, flags: [],
        summary: "Returns which entries of a group are pending, and who has them.",
        since: "5.0.0",
        complexity: "O(log(N)+M) where N is the number of pending entries and M the number of entries, or of \
                     consumers, returned.",
        keys: &[key(READ)],
        syntax: "key group [[IDLE min-idle-time] start end count [consumer]]",
        tips: &["nondeterministic_output"],
    }

    XCLAIM {
        id: 623, name: "xclaim", arity: -6, kind: Write, flags: [FAST],
        summary: "Makes pending entries those of another consumer.",
        since: "5.0.0", complexity: "O(log(N)) for each ID, where N is the number of pending entries.",
        keys: &[key(UPDATED)],
        syntax: "key group consumer min-idle-time id... [IDLE ms] [TIME unix-time-milliseconds] \
                 [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
        tips: &["nondeterministic_output"],
    }

    XAUTOCLAIM {
        id: 624, name: "xautoclaim", arity: -6, kind: Write, flags: [FAST],
        summary: "Makes entries that have been pending for some time those of another consumer.",
        since: "6.2.0", complexity: "O(M*log(N)) where N is the number of pending entries and M is COUNT.",
        keys: &[key(TRIMMED)],
        syntax: "key group consumer min-idle-time start [COUNT count] [JUSTID]",
        tips: &["nondeterministic_output"],
        quick_words: 0,
    }

    XINFO {
        id: 630, name: "xinfo", arity: -2, kind: Local, flags: [],
        summary: "A container for commands that look into streams.",
        since: "5.0.0", complexity: "Depends on subcommand.",
        subcommands: INFO_SUBCOMMANDS,
    }
}

rows! { GROUP_SUBCOMMANDS from FAMILY:
    XGROUP_CREATE {
        id: 611, name: "xgroup|create", arity: -5, kind: Write, flags: [DENYOOM],
        summary: "Creates a group.",
        since: "5.0.0", complexity: "O(log(N)) where N is the number of groups.",
        keys: &[nth(2, INSERTED)],
        syntax: "key group <id|$> [MKSTREAM] [ENTRIESREAD entries-read]",
    }

    XGROUP_CREATECONSUMER {
        id: 612, name: "xgroup|createconsumer", arity: 5, kind: Write, flags: [DENYOOM],
        summary: "Creates a consumer of a group.",
        since: "6.2.0", complexity: "O(log(N)) where N is the number of consumers.",
        keys: &[nth(2, INSERTED)],
        syntax: "key group consumer",
    }

    XGROUP_DELCONSUMER {
        id: 613, name: "xgroup|delconsumer", arity: 5, kind: Write, flags: [],
        summary: "Deletes a consumer of a group with its pending entries.",
        since: "5.0.0", complexity: "O(M*log(N)) where N is the number of pending entries and M that of the consumer's.",
        keys: &[nth(2, TRIMMED)],
        syntax: "key group consumer",
        quick_words: 0,
    }

    XGROUP_DESTROY {
        id: 614, name: "xgroup|destroy", arity: 4, kind: Write, flags: [],
        summary: "Deletes a group.",
        since: "5.0.0", complexity: "O(log(N)) where N is the number of pending entries.",
        keys: &[nth(2, TRIMMED)],
        syntax: "key group",
    }

    XGROUP_SETID {
        id: 615, name: "xgroup|setid", arity: -5, kind: Write, flags: [],
        summary: "Sets the last ID that was delivered to a group.",
        since: "5.0.0", complexity: "O(log(N)) where N is the number of groups.",
        keys: &[nth(2, UPDATED)],
        syntax: "key group <id|$> [ENTRIESREAD entries-read]",
    }

    XGROUP_HELP {
        id: 616, name: "xgroup|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the subcommands.",
        since: "5.0.0", complexity: "O(1)",
    }
}

rows! { INFO_SUBCOMMANDS from FAMILY:
    XINFO_CONSUMERS {
        id: 631, name: "xinfo|consumers", arity: 4, kind: Read, flags: [],
        summary: "Returns the consumers of a group.",
        since: "5.0.0", complexity: "O(M*log(N)) where N is the number of pending entries and M the number of consumers.",
        keys: &[nth(2, READ)],
        syntax: "key group",
        tips: &["nondeterministic_output"],
    }

    XINFO_GROUPS {
        id: 632, name: "xinfo|groups", arity: 3, kind: Read, flags: [],
        summary: "Returns the groups of a stream.",
        since: "5.0.0", complexity: "O(M*log(N)) where N is the number of pending entries and M the number of groups.",
        keys: &[nth(2, READ)],
        syntax: "key",
    }

    XINFO_STREAM {
        id: 633, name: "xinfo|stream", arity: -3, kind: Read, flags: [],
        summary: "Returns information about a stream.",
        since: "5.0.0", complexity: "O(log(N)) where N is the number of entries; with FULL, more for each entry returned.",
        keys: &[nth(2, READ)],
        syntax: "key [FULL [COUNT count]]",
    }

    XINFO_HELP {
        id: 634, name: "xinfo|help", arity: 2, kind: Local, flags: [LOADING STALE],
        summary: "Returns helpful text about the subcommands.",
        since: "5.0.0", complexity: "O(1)",
    }
}
