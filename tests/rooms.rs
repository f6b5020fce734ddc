//! The layers of the source: which room may use which.
//!
//! A *room* is a folder of `src`, or a file next to the folders. It uses only rooms on lower floors, so there are no cycles.
//! Inside a room, files that import each other in a cycle are listed with the reason.

#[path = "rooms/graph.rs"]
mod graph;
#[path = "rooms/paths.rs"]
mod paths;
#[path = "rooms/tokens.rs"]
mod tokens;

use std::collections::BTreeSet;
use std::path::Path;

use graph::{Graph, circles, files, room, rooms, within};

/// The rooms, the lowest floor first. Those on one floor do not use each other.
const FLOORS: &[&str] = &[
    "wal",
    "allocator clock ebb file_id glob memory_limit number owner sync version",
    "data_dir descriptors net own_names pid_file rdb",
    "file_guard",
    "resp",
    "spec",
    "table",
    "effect",
    "keyspace",
    "damage",
    "config",
    "cli logging",
    "state",
    "checkpointer scrubber submission",
    "command",
    "executor",
    "committer",
    "writer",
    "connection",
    "recovery",
    "storage",
    "server",
    "daemon",
    "serve",
    "lib main",
];

/// Rooms that only a few rooms may use.
const HIDDEN: &[(&str, &str)] = &[
    ("wal", "committer descriptors recovery storage writer"),
    (
        "table",
        "checkpointer command committer config connection daemon damage executor keyspace recovery scrubber state storage writer",
    ),
];

/// Rooms that use one that is not below them. This list may only shrink.
const STILL_BROKEN: &[(&str, &str)] = &[];

/// Rooms whose files form a cycle, with the number of files in it. This list may only shrink.
const STILL_BROKEN_FILES: &[(&str, usize)] = &[];

/// Files of a room that import each other, and why they may.
const DEFENDED: &[(&[&str], &str)] = &[
    (
        &["state/client.rs", "state/transaction.rs"],
        "a client owns its transaction, which takes the client along to run its own commands at their place",
    ),
    (
        &["submission/mod.rs", "submission/promise.rs"],
        "a submission carries the place for its answer, and the answer brings the submission back with its buffers",
    ),
];

fn source() -> Graph {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn floor(room: &str) -> usize {
    let floor = FLOORS.iter().position(|floor| floor.split(' ').any(|own| own == room));
    floor.unwrap_or_else(|| panic!("{room} has no floor"))
}

#[test]
fn rooms_know_lower_floors_only() {
    let files = source();
    let mut broken = BTreeSet::new();
    for (file, known) in &files {
        for other in known.iter().filter(|other| room(other) != room(file)) {
            if floor(room(other)) >= floor(room(file)) && broken.insert((room(file), room(other))) {
                eprintln!("{file} knows {other}");
            }
        }
    }
    eprintln!("circles of rooms: {:?}", circles(&rooms(&files)));
    assert_eq!(broken, STILL_BROKEN.iter().copied().collect());
}

#[test]
fn hidden_rooms_are_known_to_few() {
    let rooms = rooms(&source());
    for (hidden, few) in HIDDEN {
        let known_to =
            rooms.iter().filter(|(_, known)| known.contains(*hidden)).map(|(room, _)| room.as_str());
        assert_eq!(known_to.collect::<Vec<_>>().join(" "), *few, "know {hidden}");
    }
}

#[test]
fn each_floor_holds_rooms_that_exist() {
    let rooms = rooms(&source());
    let gone: Vec<_> =
        FLOORS.iter().flat_map(|floor| floor.split(' ')).filter(|room| !rooms.contains_key(*room)).collect();
    assert_eq!(gone, ["wal"], "a crate of its own");
}

#[test]
fn files_of_a_room_know_each_other_one_way() {
    let files = source();
    let found: BTreeSet<_> = rooms(&files).keys().flat_map(|room| circles(&within(&files, room))).collect();
    let defended: BTreeSet<Vec<String>> =
        DEFENDED.iter().map(|(files, _)| files.iter().map(ToString::to_string).collect()).collect();
    assert_eq!(defended.difference(&found).next(), None, "no circle any more");
    let new: Vec<_> = found.difference(&defended).collect();
    eprintln!("{new:#?}");
    let counts: Vec<_> = new.iter().map(|circle| (room(&circle[0]), circle.len())).collect();
    assert_eq!(counts, STILL_BROKEN_FILES);
}

#[test]
fn imports_are_followed_to_the_file_that_defines_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("low")).unwrap();
    write("main.rs", "use ackd::high::{self, run as start}; fn main() { let x = '\"'; start(high::N) }");
    write("lib.rs", "mod high; mod low; #[cfg(test)] mod tests;");
    write(
        "high.rs",
        "use crate::{low::{Leaf, other}, unknown}; use wal::Log; pub const N: &'static str = \"\";",
    );
    write(
        "low/mod.rs",
        "//! use crate::high;\nmod leaf; mod other; pub use leaf::Leaf; pub use other::Other;",
    );
    write("low/leaf.rs", "/* use super::other::X; /* */ */ use super::Other; pub struct Leaf(Other);");
    write(
        "low/other.rs",
        "pub struct Other; const T: &str = r#\"\"use super::Leaf;\"#; fn f() -> [u8; 1] { *b\"\\\"\" }",
    );
    let known = |file: &str| files(folder.path())[file].iter().cloned().collect::<Vec<_>>();
    assert_eq!(known("main.rs"), ["high.rs"]);
    assert_eq!(known("high.rs"), ["lib.rs", "low/leaf.rs", "low/other.rs", "wal"]);
    assert_eq!(known("low/leaf.rs"), ["low/other.rs"]);
    assert!(known("low/mod.rs").is_empty() && known("low/other.rs").is_empty());
    assert!(circles(&files(folder.path())).is_empty());
    write(
        "low/other.rs",
        "#[cfg(test)] mod t { use super::Leaf; } fn f(leaf: super::Leaf) { crate::high::N }",
    );
    assert_eq!(circles(&within(&files(folder.path()), "low")).len(), 1);
    assert_eq!(circles(&rooms(&files(folder.path()))).len(), 1);
}
