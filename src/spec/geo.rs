//! Positions on the earth, in sorted sets. IDs 560 to 579.

use super::key_positions::{READ, REPLACED, UPDATED, behind, key, nth};
use super::{Spec, rows};
use crate::resp::Args;

/// What these commands have in common.
const FAMILY: Spec = Spec { group: "geo", is_on_elements: true, ..Spec::DEFAULT };

/// Whether a `GEORADIUS` or `GEORADIUSBYMEMBER` surely stores nothing.
fn stores_nothing(args: &Args<'_>) -> bool {
    !args.from(5).any(|word| word.eq_ignore_ascii_case(b"store") || word.eq_ignore_ascii_case(b"storedist"))
}

rows! { ROWS from FAMILY:
    GEOADD {
        id: 560, name: "geoadd", arity: -5, kind: Write, flags: [DENYOOM],
        summary: "Adds members with their places to a sorted set, which is created if it does not exist.",
        since: "3.2.0", complexity: "O(log(N)) for each member added, where N is the size of the sorted set.",
        keys: &[key(UPDATED)],
        syntax: "key [NX|XX] [CH] (longitude latitude member)...",
    }

    GEODIST {
        id: 561, name: "geodist", arity: -4, kind: Read, flags: [],
        summary: "Returns the distance between the places of two members.",
        since: "3.2.0", complexity: "O(log(N)) where N is the size of the sorted set.",
        keys: &[key(READ)],
        syntax: "key member1 member2 [M|KM|FT|MI]",
    }

    GEOHASH {
        id: 562, name: "geohash", arity: -2, kind: Read, flags: [],
        summary: "Returns the places of members as geohashes.",
        since: "3.2.0", complexity: "O(log(N)) for each member, where N is the size of the sorted set.",
        keys: &[key(READ)],
        syntax: "key [member...]",
    }

    GEOPOS {
        id: 563, name: "geopos", arity: -2, kind: Read, flags: [],
        summary: "Returns the longitudes and latitudes of members.",
        since: "3.2.0", complexity: "O(log(N)) for each member, where N is the size of the sorted set.",
        keys: &[key(READ)],
        syntax: "key [member...]",
    }

    GEOSEARCH {
        id: 564, name: "geosearch", arity: -7, kind: Read, flags: [],
        summary: "Returns the members within a circle, a box or a polygon.",
        since: "6.2.0",
        complexity: "O(N+log(M)) where N is the number of members in the cells around the area and M the \
                     size of the sorted set.",
        keys: &[key(READ)],
        syntax: "key [FROMMEMBER member|FROMLONLAT longitude latitude] <BYRADIUS radius <M|KM|FT|MI>|BYBOX \
                 width height <M|KM|FT|MI>|BYPOLYGON numvertices (longitude latitude)...> [ASC|DESC] [COUNT \
                 count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
    }

    GEOSEARCHSTORE {
        id: 565, name: "geosearchstore", arity: -8, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Stores the members within a circle, a box or a polygon in a key.",
        since: "6.2.0",
        complexity: "O(N+log(M)) where N is the number of members in the cells around the area and M the \
                     size of the sorted set.",
        keys: &[key(REPLACED), nth(2, READ)],
        syntax: "destination source [FROMMEMBER member|FROMLONLAT longitude latitude] <BYRADIUS radius \
                 <M|KM|FT|MI>|BYBOX width height <M|KM|FT|MI>|BYPOLYGON numvertices (longitude latitude)...> \
                 [ASC|DESC] [COUNT count [ANY]] [STOREDIST]",
        quick_words: 0,
    }

    GEORADIUS {
        id: 566, name: "georadius", arity: -6, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Returns the members within a distance of a place, or stores them.",
        since: "3.2.0",
        complexity: "O(N+log(M)) where N is the number of members in the cells around the area and M the \
                     size of the sorted set.",
        keys: &[key(READ), behind("STORE", 6, REPLACED), behind("STOREDIST", 6, REPLACED)],
        syntax: "key longitude latitude radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count \
                 [ANY]] [ASC|DESC] [STORE key|STOREDIST key]",
        quick_words: 0,
        reading_form: Some(stores_nothing),
    }

    GEORADIUS_RO {
        id: 567, name: "georadius_ro", arity: -6, kind: Read, flags: [],
        summary: "Returns the members within a distance of a place.",
        since: "3.2.10",
        complexity: "O(N+log(M)) where N is the number of members in the cells around the area and M the \
                     size of the sorted set.",
        keys: &[key(READ)],
        syntax: "key longitude latitude radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count \
                 [ANY]] [ASC|DESC]",
    }

    GEORADIUSBYMEMBER {
        id: 568, name: "georadiusbymember", arity: -5, kind: Write, flags: [DENYOOM BESIDE],
        summary: "Returns the members within a distance of another member, or stores them.",
        since: "3.2.0",
        complexity: "O(N+log(M)) where N is the number of members in the cells around the area and M the \
                     size of the sorted set.",
        keys: &[key(READ), behind("STORE", 5, REPLACED), behind("STOREDIST", 5, REPLACED)],
        syntax: "key member radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
                 [ASC|DESC] [STORE key|STOREDIST key]",
        quick_words: 0,
        reading_form: Some(stores_nothing),
    }

    GEORADIUSBYMEMBER_RO {
        id: 569, name: "georadiusbymember_ro", arity: -5, kind: Read, flags: [],
        summary: "Returns the members within a distance of another member.",
        since: "3.2.10",
        complexity: "O(N+log(M)) where N is the number of members in the cells around the area and M the \
                     size of the sorted set.",
        keys: &[key(READ)],
        syntax: "key member radius <M|KM|FT|MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
                 [ASC|DESC]",
    }
}
