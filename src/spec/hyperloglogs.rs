//! Sketches that count different elements. IDs 40 to 49.

use super::key_positions::{INSERTED, READ, all, all_from, key};
use super::{Access, Spec, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "hyperloglog", ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    PFADD {
        id: 40, name: "pfadd", arity: -2, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds elements to a HyperLogLog, which is created if it does not exist.",
        since: "2.8.9", complexity: "O(1) to add every element.",
        keys: &[key(INSERTED)],
        syntax: "key [element...]",
    }

    PFCOUNT {
        id: 41, name: "pfcount", arity: -2, kind: Read, flags: [MAY_REPLICATE],
        summary: "Returns about how many different elements one or more HyperLogLogs have seen.",
        since: "2.8.9", complexity: "O(N) where N is the number of keys.",
        keys: &[all(Access::new(&["RW", "access"]))],
        syntax: "key...",
    }

    PFMERGE {
        id: 42, name: "pfmerge", arity: -2, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Merges HyperLogLogs into one that has seen what any of them has.",
        since: "2.8.9", complexity: "O(N) where N is the number of keys.",
        keys: &[key(Access::new(&["RW", "access", "insert"])), all_from(2, READ)],
        syntax: "destkey [sourcekey...]",
        quick_words: 0,
    }
}
