//! Lists. IDs 400 to 499.

use super::key_positions::{
    EXAMINED, INSERTED, READ, TAKEN, TRIMMED, UPDATED, all_but_timeout, counted, key, nth,
};
use super::{Spec, TRIED_WORDS, rows};

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "list", is_on_elements: true, ..Spec::DEFAULT };

rows! { ROWS from FAMILY:
    LPUSH {
        id: 400, name: "lpush", arity: -3, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds elements to the head of a list, which is created if it does not exist.",
        since: "1.0.0",
        complexity: "O(N*log(M)) where N is the number of elements to add and M the length of the list.",
        keys: &[key(INSERTED)],
        syntax: "key element...",
    }

    RPUSH {
        id: 401, name: "rpush", arity: -3, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds elements to the tail of a list, which is created if it does not exist.",
        since: "1.0.0",
        complexity: "O(N*log(M)) where N is the number of elements to add and M the length of the list.",
        keys: &[key(INSERTED)],
        syntax: "key element...",
    }

    LPUSHX {
        id: 402, name: "lpushx", arity: -3, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds elements to the head of a list if it exists.",
        since: "2.2.0",
        complexity: "O(N*log(M)) where N is the number of elements to add and M the length of the list.",
        keys: &[key(INSERTED)],
        syntax: "key element...",
        tried_words: TRIED_WORDS,
    }

    RPUSHX {
        id: 403, name: "rpushx", arity: -3, kind: Write, flags: [DENYOOM FAST],
        summary: "Adds elements to the tail of a list if it exists.",
        since: "2.2.0",
        complexity: "O(N*log(M)) where N is the number of elements to add and M the length of the list.",
        keys: &[key(INSERTED)],
        syntax: "key element...",
        tried_words: TRIED_WORDS,
    }

    LPOP {
        id: 404, name: "lpop", arity: -2, kind: Write, flags: [FAST BESIDE],
        summary: "Removes the first elements of a list and returns them. Deletes the list with its last \
                  element.",
        since: "1.0.0",
        complexity: "O(N*log(M)) where N is the number of elements returned and M the length of the list.",
        keys: &[key(TAKEN)],
        syntax: "key [count]",
        tried_words: 2,
        quick_words: 2,
    }

    RPOP {
        id: 405, name: "rpop", arity: -2, kind: Write, flags: [FAST BESIDE],
        summary: "Removes the last elements of a list and returns them. Deletes the list with its last \
                  element.",
        since: "1.0.0",
        complexity: "O(N*log(M)) where N is the number of elements returned and M the length of the list.",
        keys: &[key(TAKEN)],
        syntax: "key [count]",
        tried_words: 2,
        quick_words: 2,
    }

    LLEN {
        id: 406, name: "llen", arity: 2, kind: Read, flags: [FAST],
        summary: "Returns the length of a list.",
        since: "1.0.0", complexity: "O(1)",
        keys: &[key(EXAMINED)],
        syntax: "key",
    }

    LINDEX {
        id: 407, name: "lindex", arity: 3, kind: Read, flags: [],
        summary: "Returns the element of a list at an index.",
        since: "1.0.0", complexity: "O(log(N)) where N is the length of the list.",
        keys: &[key(READ)],
        syntax: "key index",
    }

    LSET {
        id: 408, name: "lset", arity: 4, kind: Write, flags: [DENYOOM],
        summary: "Replaces the element of a list at an index.",
        since: "1.0.0", complexity: "O(log(N)) where N is the length of the list.",
        keys: &[key(UPDATED)],
        syntax: "key index element",
    }

    LRANGE {
        id: 409, name: "lrange", arity: 4, kind: Read, flags: [],
        summary: "Returns a range of elements of a list.",
        since: "1.0.0",
        complexity: "O(log(N)+M) where N is the length of the list and M the number of elements returned.",
        keys: &[key(READ)],
        syntax: "key start stop",
    }

    LTRIM {
        id: 410, name: "ltrim", arity: 4, kind: Write, flags: [],
        summary: "Removes elements from both ends of a list. Deletes the list if nothing is left of it.",
        since: "1.0.0",
        complexity: "O(N*log(M)) where N is the number of elements removed and M the length of the list.",
        keys: &[key(TRIMMED)],
        syntax: "key start stop",
        quick_words: 0,
    }

    LREM {
        id: 411, name: "lrem", arity: 4, kind: Write, flags: [BESIDE],
        summary: "Removes elements that equal a value from a list. Deletes the list with its last element.",
        since: "1.0.0",
        complexity: "O(N+M*log(N)) where N is the length of the list and M the number of elements removed.",
        keys: &[key(TRIMMED)],
        syntax: "key count element",
        quick_words: 0,
    }

    LINSERT {
        id: 412, name: "linsert", arity: 5, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Inserts an element before or after another one of a list.",
        since: "2.2.0", complexity: "O(N) where N is the number of elements before the one looked for.",
        keys: &[key(INSERTED)],
        syntax: "key <BEFORE|AFTER> pivot element",
        quick_words: 0,
    }

    LPOS {
        id: 413, name: "lpos", arity: -3, kind: Read, flags: [],
        summary: "Returns the indexes of elements that equal a value.",
        since: "6.0.6", complexity: "O(N) where N is the number of elements compared.",
        keys: &[key(READ)],
        syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
    }

    LMOVE {
        id: 414, name: "lmove", arity: 5, kind: Write, flags: [DENYOOM],
        summary: "Takes an element from one list, adds it to another and returns it.",
        since: "6.2.0", complexity: "O(log(N)) where N is the length of the longer list.",
        keys: &[key(TAKEN), nth(2, INSERTED)],
        syntax: "source destination <LEFT|RIGHT> <LEFT|RIGHT>",
        tried_words: TRIED_WORDS,
    }

    RPOPLPUSH {
        id: 415, name: "rpoplpush", arity: 3, kind: Write, flags: [DENYOOM],
        summary: "Takes the last element from one list, adds it to the head of another and returns it.",
        since: "1.2.0", complexity: "O(log(N)) where N is the length of the longer list.",
        keys: &[key(TAKEN), nth(2, INSERTED)],
        syntax: "source destination",
        tried_words: TRIED_WORDS,
    }

    LMPOP {
        id: 416, name: "lmpop", arity: -4, kind: Write, flags: [BESIDE],
        summary: "Removes elements from the first of several lists that is not empty, and returns them.",
        since: "7.0.0",
        complexity: "O(N+M*log(L)) where N is the number of keys, M that of elements returned and L the \
                     length.",
        keys: &[counted(1, TAKEN)],
        syntax: "numkeys key... <LEFT|RIGHT> [COUNT count]",
        quick_words: 0,
    }

    BLPOP {
        id: 420, name: "blpop", arity: -3, kind: Write, flags: [NOSCRIPT BLOCKING],
        summary: "Removes the first element of the first of several lists that is not empty, and returns it; \
                  waits for one if all are empty.",
        since: "2.0.0", complexity: "O(N*log(M)) where N is the number of keys and M the length of the list.",
        keys: &[all_but_timeout(TAKEN)],
        syntax: "key... timeout",
    }

    BRPOP {
        id: 421, name: "brpop", arity: -3, kind: Write, flags: [NOSCRIPT BLOCKING],
        summary: "Removes the last element of the first of several lists that is not empty, and returns it; \
                  waits for one if all are empty.",
        since: "2.0.0", complexity: "O(N*log(M)) where N is the number of keys and M the length of the list.",
        keys: &[all_but_timeout(TAKEN)],
        syntax: "key... timeout",
    }

    BLMOVE {
        id: 422, name: "blmove", arity: 6, kind: Write, flags: [DENYOOM NOSCRIPT BLOCKING],
        summary: "Takes an element from one list, adds it to another and returns it; waits for one.",
        since: "6.2.0", complexity: "O(log(N)) where N is the length of the longer list.",
        keys: &[key(TAKEN), nth(2, INSERTED)],
        syntax: "source destination <LEFT|RIGHT> <LEFT|RIGHT> timeout",
    }

    BRPOPLPUSH {
        id: 423, name: "brpoplpush", arity: 4, kind: Write, flags: [DENYOOM NOSCRIPT BLOCKING],
        summary: "Takes the last element from one list, adds it to the head of another and returns it; waits \
                  for one.",
        since: "2.2.0", complexity: "O(log(N)) where N is the length of the longer list.",
        keys: &[key(TAKEN), nth(2, INSERTED)],
        syntax: "source destination timeout",
    }

    BLMPOP {
        id: 424, name: "blmpop", arity: -5, kind: Write, flags: [BLOCKING],
        summary: "Removes elements from the first of several lists that is not empty, and returns them; \
                  waits for one if all are empty.",
        since: "7.0.0",
        complexity: "O(N+M*log(L)) where N is the number of keys, M that of elements returned and L the \
                     length.",
        keys: &[counted(2, TAKEN)],
        syntax: "timeout numkeys key... <LEFT|RIGHT> [COUNT count]",
        quick_words: 0,
    }

    LMOVEM {
        id: 417, name: "lmovem", arity: -5, kind: Write, flags: [DENYOOM],
        summary: "Takes elements from one list, adds them to another and returns them.",
        since: "8.10.0", complexity: "O(N+log(M)) where N is the number of elements and M the length of the longer list.",
        keys: &[key(TAKEN), nth(2, INSERTED)],
        syntax: "source destination <LEFT|RIGHT> <LEFT|RIGHT> [<COUNT count|EXACTLY exactly> <OBO|BULK>]",
        tried_words: TRIED_WORDS,
        quick_words: 5,
    }

    BLMOVEM {
        id: 425, name: "blmovem", arity: -6, kind: Write, flags: [DENYOOM NOSCRIPT BLOCKING],
        summary: "Takes elements from one list, adds them to another and returns them; waits for enough.",
        since: "8.10.0", complexity: "O(N+log(M)) where N is the number of elements and M the length of the longer list.",
        keys: &[key(TAKEN), nth(2, INSERTED)],
        syntax: "source destination <LEFT|RIGHT> <LEFT|RIGHT> timeout [<COUNT count|EXACTLY exactly> <OBO|BULK>]",
        quick_words: 6,
    }
}
