//! The table of all commands; finds a command by name or by ID.

use std::sync::LazyLock;

use super::{FAMILIES, Spec};

/// IDs of commands are below this: the length of every table that they index.
pub const COMMAND_IDS_MAX: usize = 1024;

/// All commands and subcommands, at their IDs.
static BY_ID: [Option<&Spec>; COMMAND_IDS_MAX] = {
    let mut by_id = [None; COMMAND_IDS_MAX];
    let mut family = 0;
    while family < FAMILIES.len() {
        by_id = with_rows(by_id, FAMILIES[family]);
        let mut row = 0;
        while row < FAMILIES[family].len() {
            by_id = with_rows(by_id, FAMILIES[family][row].subcommands);
            row += 1;
        }
        family += 1;
    }
    by_id
};

/// Adds rows to the table, at their IDs. Two rows never have the same ID.
const fn with_rows(
    mut by_id: [Option<&'static Spec>; COMMAND_IDS_MAX],
    rows: &[&'static Spec],
) -> [Option<&'static Spec>; COMMAND_IDS_MAX] {
    let mut row = 0;
    while row < rows.len() {
        let id = rows[row].id as usize;
        assert!(id > 0 && by_id[id].is_none(), "a command has the id of another");
        by_id[id] = Some(rows[row]);
        row += 1;
    }
    by_id
}

/// Slots in the index of names: a power of two, at least twice as many as commands.
const SLOTS: usize = 1024;

/// The index of names: each command is in the slot of its name's hash, or in the next free one.
static INDEX: LazyLock<Box<[Option<&'static Spec>]>> = LazyLock::new(|| {
    let mut slots = vec![None; SLOTS].into_boxed_slice();
    for spec in FAMILIES.iter().copied().flatten() {
        let mut slot = slot(spec.name.as_bytes());
        while slots[slot].is_some() {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = Some(*spec);
    }
    slots
});

/// All commands and subcommands, by ascending ID.
pub fn all() -> impl Iterator<Item = &'static Spec> {
    BY_ID.iter().copied().flatten()
}

/// The command or subcommand with this ID.
pub fn by_id(id: u16) -> Option<&'static Spec> {
    BY_ID.get(usize::from(id)).copied().flatten()
}

/// The command called `name`, in any case. Finds no subcommands, and allocates nothing.
pub fn lookup(name: &[u8]) -> Option<&'static Spec> {
    let mut at = slot(name);
    loop {
        let spec = INDEX[at]?;
        if spec.name.as_bytes().eq_ignore_ascii_case(name) {
            return Some(spec);
        }
        at = (at + 1) % SLOTS;
    }
}

/// The command or, with a `|`, the subcommand called `name`, in any case.
pub fn find(name: &[u8]) -> Option<&'static Spec> {
    match name.iter().position(|byte| *byte == b'|') {
        None => lookup(name),
        Some(at) => lookup(&name[..at])?.subcommand(&name[at + 1..]),
    }
}

/// The slot at which the search for a name starts: FNV-1a over the bytes with the case bit set.
fn slot(name: &[u8]) -> usize {
    let hash = name.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte | 0x20)).wrapping_mul(0x0100_0000_01B3)
    });
    (hash >> 32) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{
        Flags, bitmaps, geo, hashes, hyperloglogs, keys, lists, sets, sort, sorted_sets, streams, strings,
    };

    #[test]
    fn every_command_has_a_number_within_those_of_its_family() {
        let families = [
            (strings::ROWS, 1..30_u16),
            (bitmaps::ROWS, 30..40),
            (hyperloglogs::ROWS, 40..50),
            (sort::ROWS, 170..180),
            (keys::ROWS, 100..200),
            (hashes::ROWS, 200..300),
            (sets::ROWS, 300..400),
            (lists::ROWS, 400..500),
            (sorted_sets::ROWS, 500..550),
            (geo::ROWS, 560..580),
            (streams::ROWS, 600..640),
        ];
        for (family, ids) in families {
            assert!(family.iter().all(|spec| ids.contains(&spec.id)));
        }
    }

    /// The local commands that may overtake earlier commands of the client, and why nobody can tell.
    const OVERTAKING: &[(&str, &str)] = &[
        ("ping", "it answers with its own words"),
        ("echo", "it answers with its own words"),
        ("select", "each command that waits keeps the database that it was sent in"),
        ("multi", "a transaction that is begun does nothing yet"),
        ("discard", "what was queued never ran; what waits holds what it watches itself"),
        ("unwatch", "what waits holds what it watches itself"),
        ("client|id", "it never changes"),
        ("client|caching", "each command that waits keeps whether its keys are tracked"),
    ];

    #[test]
    fn a_command_of_the_connection_waits_its_turn_unless_nobody_can_tell() {
        let mut reasons: std::collections::HashMap<_, _> = OVERTAKING.iter().copied().collect();
        for spec in all().filter(|spec| spec.flags.has(Flags::OVERTAKES)) {
            assert!(spec.is_local() && !spec.flags.has(Flags::SUBMITS), "{}", spec.name);
            assert!(reasons.remove(spec.name).is_some(), "{} overtakes without a reason", spec.name);
        }
        assert!(reasons.is_empty(), "these overtake no more: {reasons:?}");
    }

    #[test]
    fn every_command_is_found_by_its_name_in_any_case() {
        assert!(FAMILIES.iter().map(|family| family.len()).sum::<usize>() * 2 <= SLOTS);
        for spec in all() {
            assert!(std::ptr::eq(find(spec.name.as_bytes()).unwrap(), spec), "{}", spec.name);
            assert!(std::ptr::eq(find(spec.name.to_ascii_uppercase().as_bytes()).unwrap(), spec));
            assert_eq!(spec.name, spec.name.to_ascii_lowercase());
            assert!(!spec.summary.is_empty() && !spec.since.is_empty() && spec.arity != 0, "{}", spec.name);
            for sub in spec.subcommands {
                assert!(sub.name.starts_with(&format!("{}|", spec.name)), "{}", sub.name);
            }
        }
        for name in ["", "g", "gett", "nope", "get\0"] {
            assert!(lookup(name.as_bytes()).is_none(), "{name}");
        }
    }
}
