//! Strings as arrays of bits. IDs 30 to 39.

use super::key_positions::{CHANGED, READ, REPLACED, all_from, key, nth};
use super::{Access, Spec, rows};
use crate::resp::Args;

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "bitmap", ..Spec::DEFAULT };

/// What `BITFIELD` does with its key.
const OPERATIONS: Access = Access::by_words(|args| if only_reads(args) { READ } else { CHANGED });

/// Whether all operations of a `BITFIELD` read. One that is cut off counts as a change.
fn only_reads(args: &Args<'_>) -> bool {
    let mut words = args.from(2);
    while let Some(word) = words.next() {
        let arguments = match word {
            _ if word.eq_ignore_ascii_case(b"get") => 2,
            _ if word.eq_ignore_ascii_case(b"overflow") => 1,
            _ => return false,
        };
        if words.nth(arguments - 1).is_none() {
            return false;
        }
    }
    true
}

rows! { ROWS from FAMILY:
    SETBIT {
        id: 30, name: "setbit", arity: 4, kind: Write, flags: [DENYOOM],
        summary: "Sets or clears a bit of a string value; the key is created if it does not exist.",
        since: "2.2.0", complexity: "O(1)",
        keys: &[key(CHANGED)],
        syntax: "key offset value",
        quick_words: 0,
    }

    GETBIT {
        id: 31, name: "getbit", arity: 3, kind: Read, flags: [FAST],
        summary: "Returns a bit of a string value.",
        since: "2.2.0", complexity: "O(1)",
        keys: &[key(READ)],
        syntax: "key offset",
    }

    BITCOUNT {
        id: 32, name: "bitcount", arity: -2, kind: Read, flags: [],
        summary: "Returns the number of bits that are set in a string value.",
        since: "2.6.0", complexity: "O(N) where N is the length of the string.",
        keys: &[key(READ)],
        syntax: "key [start end [BYTE|BIT]]",
    }

    BITPOS {
        id: 33, name: "bitpos", arity: -3, kind: Read, flags: [],
        summary: "Finds the first bit that is set, or clear, in a string value.",
        since: "2.8.7", complexity: "O(N) where N is the length of the string.",
        keys: &[key(READ)],
        syntax: "key bit [start [end [BYTE|BIT]]]",
    }

    BITOP {
        id: 34, name: "bitop", arity: -4, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Combines string values bit by bit and stores the result in a key.",
        since: "2.6.0", complexity: "O(N) where N is the length of all strings.",
        keys: &[nth(2, REPLACED), all_from(3, READ)],
        syntax: "<AND|OR|XOR|NOT|DIFF|DIFF1|ANDOR|ONE> destkey key...",
        quick_words: 0,
    }

    BITFIELD {
        id: 35, name: "bitfield", arity: -2, kind: Write, flags: [DENYOOM],
        summary: "Reads and changes integers of any size within a string value.",
        since: "3.2.0", complexity: "O(1) for each subcommand.",
        keys: &[key(OPERATIONS)],
        syntax: "key [GET encoding offset|[OVERFLOW <WRAP|SAT|FAIL>] <SET encoding offset value|INCRBY \
                 encoding offset increment>]...",
        quick_words: 0,
        reading_form: Some(only_reads),
    }

    BITFIELD_RO {
        id: 36, name: "bitfield_ro", arity: -2, kind: Read, flags: [FAST],
        summary: "Reads integers of any size within a string value.",
        since: "6.0.0", complexity: "O(1) for each subcommand.",
        keys: &[key(READ)],
        syntax: "key [GET encoding offset]...",
    }
}
