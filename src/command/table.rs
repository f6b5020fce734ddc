//! The table of all commands, and finding a command in it by name.

use std::sync::LazyLock;

use super::{
    Flags, KeySpec, Run, Spec, acl, bitmaps, client, cluster, config, connection, debug, docs, geo, hashes,
    hyperloglog, info, keys, latency, lists, memory, monitor, pubsub, replicas, server, sets, slowlog, sort,
    sorted_sets, strings, transactions,
};

/// The commands, family by family.
static FAMILIES: &[&[Spec]] = &[
    strings::SPECS,
    bitmaps::SPECS,
    hyperloglog::SPECS,
    sort::SPECS,
    keys::SPECS,
    hashes::SPECS,
    sets::SPECS,
    lists::SPECS,
    sorted_sets::SPECS,
    geo::SPECS,
    acl::SPECS,
    client::SPECS,
    cluster::SPECS,
    config::SPECS,
    connection::SPECS,
    debug::SPECS,
    docs::SPECS,
    info::SPECS,
    latency::SPECS,
    memory::SPECS,
    monitor::SPECS,
    pubsub::SPECS,
    replicas::SPECS,
    server::SPECS,
    slowlog::SPECS,
    transactions::SPECS,
];

/// Places in the index of names: a power of two, at least twice as many as commands.
const PLACES: usize = 1024;

/// The index of names: each command stands at the place that its name's hash says, or at the next free one.
static INDEX: LazyLock<Box<[Option<&'static Spec>]>> = LazyLock::new(|| {
    let mut places = vec![None; PLACES].into_boxed_slice();
    for spec in all() {
        let mut place = place(spec.name.as_bytes());
        while places[place].is_some() {
            place = (place + 1) % PLACES;
        }
        places[place] = Some(spec);
    }
    places
});

/// All commands, without their subcommands.
pub fn all() -> impl Iterator<Item = &'static Spec> {
    FAMILIES.iter().copied().flatten()
}

/// The command called `name`, in any case. Allocates nothing.
pub fn lookup(name: &[u8]) -> Option<&'static Spec> {
    let mut at = place(name);
    loop {
        let spec = INDEX[at]?;
        if spec.name.as_bytes().eq_ignore_ascii_case(name) {
            return Some(spec);
        }
        at = (at + 1) % PLACES;
    }
}

/// A spec with what every command has; the rest is added in the family's table.
pub(super) const fn spec(name: &'static str, arity: i32, flags: Flags, keys: KeySpec, run: Run) -> Spec {
    Spec {
        name,
        id: 0,
        arity,
        flags,
        keys,
        run,
        summary: "",
        since: "1.0.0",
        group: "generic",
        complexity: "O(1)",
        tried_words: 0,
        subcommands: &[],
    }
}

/// Where a name's search starts: FNV-1a over the bytes with the case bit set.
fn place(name: &[u8]) -> usize {
    let hash = name.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte | 0x20)).wrapping_mul(0x0100_0000_01B3)
    });
    (hash >> 32) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_command_has_a_number_of_its_own_within_its_family() {
        let mut ids = HashSet::new();
        let with_subcommands = all().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands));
        for spec in with_subcommands {
            assert!(spec.id > 0 && ids.insert(spec.id), "{} has the id {}", spec.name, spec.id);
        }
        let families = [
            (strings::SPECS, 1..30_u16),
            (bitmaps::SPECS, 30..40),
            (hyperloglog::SPECS, 40..50),
            (sort::SPECS, 170..180),
            (keys::SPECS, 100..200),
            (hashes::SPECS, 200..300),
            (sets::SPECS, 300..400),
            (lists::SPECS, 400..500),
            (sorted_sets::SPECS, 500..550),
            (geo::SPECS, 560..580),
        ];
        for (family, ids) in families {
            assert!(family.iter().all(|spec| ids.contains(&spec.id)));
        }
    }

    /// The commands of the connection that run before what the client sent earlier, and why nobody can tell.
    const OVERTAKING: &[(&str, &str)] = &[
        ("ping", "it answers with its own words"),
        ("echo", "it answers with its own words"),
        ("select", "each command that waits keeps the database that it was sent in"),
        ("multi", "a transaction that is begun does nothing yet"),
        ("discard", "what was queued never ran; what waits holds what it watches itself"),
        ("unwatch", "what waits holds what it watches itself"),
        ("client|id", "it never changes"),
        ("client|setinfo", "only CLIENT LIST shows it, and says nothing of the data beside it"),
        ("client|caching", "each command that waits keeps whether its keys are tracked"),
    ];

    #[test]
    fn a_command_of_the_connection_waits_its_turn_unless_nobody_can_tell() {
        let mut reasons: std::collections::HashMap<_, _> = OVERTAKING.iter().copied().collect();
        for spec in all().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands)) {
            if spec.flags.has(Flags::OVERTAKES) {
                assert!(
                    matches!(spec.run, Run::Local(_)) && !spec.flags.has(Flags::SUBMITS),
                    "{}",
                    spec.name
                );
                assert!(reasons.remove(spec.name).is_some(), "{} overtakes without a reason", spec.name);
            }
        }
        assert!(reasons.is_empty(), "these overtake no more: {reasons:?}");
    }

    #[test]
    fn every_command_is_found_by_its_name_in_any_case() {
        assert!(all().count() * 2 <= PLACES);
        for spec in all() {
            assert!(std::ptr::eq(lookup(spec.name.as_bytes()).unwrap(), spec), "{}", spec.name);
            assert!(std::ptr::eq(lookup(spec.name.to_ascii_uppercase().as_bytes()).unwrap(), spec));
            assert_eq!(spec.name, spec.name.to_ascii_lowercase());
            assert!(!spec.summary.is_empty() && spec.arity != 0, "{}", spec.name);
            for sub in spec.subcommands {
                assert!(sub.name.starts_with(&format!("{}|", spec.name)), "{}", sub.name);
            }
        }
        for name in ["", "g", "gett", "nope", "get\0"] {
            assert!(lookup(name.as_bytes()).is_none(), "{name}");
        }
    }
}
