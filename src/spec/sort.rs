//! `SORT`, of lists, sets and sorted sets. IDs 170 to 179.

use super::key_positions::{READ, REPLACED, key};
use super::{At, KeyPosition, Spec, rows};
use crate::resp::Args;

/// What these commands have in common.
const FAMILY: Spec =
    Spec { group: "generic", categories: &["set", "sortedset", "list", "dangerous"], ..Spec::DEFAULT };

/// Whether a `SORT` surely stores nothing.
fn stores_nothing(args: &Args<'_>) -> bool {
    !args.from(2).any(|word| word.eq_ignore_ascii_case(b"store"))
}

rows! { ROWS from FAMILY:
    SORT {
        id: 170, name: "sort", arity: -2, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Sorts the elements of a list, a set or a sorted set, and returns or stores them.",
        since: "1.0.0",
        complexity: "O(N*log(N)+M) where N is the number of elements and M that of the returned ones.",
        keys: &[
            key(READ),
            KeyPosition { at: At::Unknown, access: READ },
            KeyPosition { at: At::SortStore, access: REPLACED },
        ],
        syntax: "key [BY pattern] [LIMIT offset count] [GET pattern]... [ASC|DESC] [ALPHA] [STORE \
                 destination]",
        quick_words: 0,
        reading_form: Some(stores_nothing),
    }

    SORT_RO {
        id: 171, name: "sort_ro", arity: -2, kind: Read, flags: [],
        summary: "Returns the sorted elements of a list, a set or a sorted set.",
        since: "7.0.0",
        complexity: "O(N*log(N)+M) where N is the number of elements and M that of the returned ones.",
        keys: &[key(READ), KeyPosition { at: At::Unknown, access: READ }],
        syntax: "key [BY pattern] [LIMIT offset count] [GET pattern]... [ASC|DESC] [ALPHA]",
    }
}
