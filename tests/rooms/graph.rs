//! Which file uses which: each import and path, followed to the file that defines what it names.
//!
//! Method calls on values are not followed: the caller knows the type by some import, or by another type.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path as FilePath;
use std::slice::from_ref;

use super::paths::{self, Path, Said};

/// For each file or room, which others it uses.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// The modules of a crate, by path: the name of the file, and its paths and imports.
#[derive(Default)]
struct Modules(BTreeMap<Path, (String, Said)>);

/// The graph of the files below `src`, where the log's crate counts as a file.
pub fn files(src: &FilePath) -> Graph {
    let mut modules = Modules::default();
    modules.read(src, "lib.rs".into(), Path::new());
    modules.read(src, "main.rs".into(), vec!["main".into()]);
    let known = |(module, (file, said)): (&Path, &(String, Said))| {
        let named = said.names().filter_map(|path| modules.defining(module, path, 0));
        (file.clone(), named.filter(|known| known != file).collect())
    };
    modules.0.iter().map(known).collect()
}

/// The room of a file: its folder, or the file itself.
pub fn room(file: &str) -> &str {
    file.split('/').next().expect("a name").trim_end_matches(".rs")
}

/// The graph of the rooms.
pub fn rooms(files: &Graph) -> Graph {
    let mut graph = Graph::new();
    for (file, known) in files {
        let rooms = known.iter().map(|known| room(known)).filter(|known| *known != room(file));
        graph.entry(room(file).into()).or_default().extend(rooms.map(String::from));
    }
    graph
}

/// The graph of the files of one room.
pub fn within(files: &Graph, room_name: &str) -> Graph {
    let own = |file: &String| room(file) == room_name;
    let known = |known: &BTreeSet<String>| known.iter().filter(|file| own(file)).cloned().collect();
    files.iter().filter(|(file, _)| own(file)).map(|(file, all)| (file.clone(), known(all))).collect()
}

/// The cycles: sets whose members all use each other, directly or indirectly.
pub fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reached: BTreeMap<_, _> = graph.keys().map(|name| (name, reached_from(graph, name))).collect();
    let returns = |name, other| reached.get(other).is_some_and(|back| back.contains(name));
    let circle = |name| reached[name].iter().filter(|other| returns(name, *other)).cloned().collect();
    graph.keys().map(circle).filter(|circle: &Vec<_>| !circle.is_empty()).collect()
}

fn reached_from(graph: &Graph, name: &str) -> BTreeSet<String> {
    let (mut reached, mut left) = (BTreeSet::new(), vec![name]);
    while let Some(name) = left.pop() {
        let known = graph.get(name).into_iter().flatten();
        left.extend(known.filter(|known| reached.insert(known.to_string())).map(String::as_str));
    }
    reached
}

impl Modules {
    /// Reads a module and those below it.
    fn read(&mut self, src: &FilePath, file: String, module: Path) {
        let said = paths::read(&fs::read_to_string(src.join(&file)).expect("a module has a file"));
        let folder = match file.trim_end_matches(".rs") {
            "lib" | "main" => "",
            own => own.strip_suffix("/mod").unwrap_or(own),
        };
        for child in &said.modules {
            let own = format!("{folder}/{child}").trim_start_matches('/').to_string();
            let files = [format!("{own}.rs"), format!("{own}/mod.rs")];
            let file = files.into_iter().find(|file| src.join(file).exists()).expect("a module has a file");
            self.read(src, file, [module.as_slice(), from_ref(child)].concat());
        }
        self.0.insert(module, (file, said));
    }

    /// The file that defines what `path` names in the module `at`, if that is in the crate, or the log's.
    fn defining(&self, at: &[String], path: &[String], depth: usize) -> Option<String> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" | "ackd" => self.below(&[], rest, depth),
            "self" => self.below(at, rest, depth),
            "super" if rest.first().is_some_and(|next| next == "super") => {
                self.defining(&at[..at.len() - 1], rest, depth)
            }
            "super" => self.below(&at[..at.len() - 1], rest, depth),
            "wal" => Some("wal".into()),
            _ => {
                let said = &self.0[at].1;
                (said.modules.contains(first) || said.import(first).is_some())
                    .then(|| self.below(at, path, depth))?
            }
        }
    }

    /// The file that defines what `path` names below the module `at`.
    fn below(&self, at: &[String], path: &[String], depth: usize) -> Option<String> {
        let (file, said) = self.0.get(at)?;
        let Some((first, rest)) = path.split_first() else { return Some(file.clone()) };
        let child = [at, from_ref(first)].concat();
        let import = said.import(first).filter(|_| depth < 8);
        match import {
            _ if self.0.contains_key(&child) && (import.is_none() || !rest.is_empty()) => {
                self.below(&child, rest, depth)
            }
            Some(import) => self.defining(at, &[import.path.as_slice(), rest].concat(), depth + 1),
            None => Some(file.clone()),
        }
    }
}

impl Said {
    /// The import that brings `name` in.
    fn import(&self, name: &str) -> Option<&paths::Import> {
        self.imports.iter().find(|import| import.name == name)
    }

    /// What counts as use: all paths, and all imports except re-exports from a module below.
    fn names(&self) -> impl Iterator<Item = &Path> {
        let is_used = |name: &String| self.paths.iter().any(|path| path[0] == *name);
        let is_own = |import: &paths::Import| self.modules.contains(&import.path[0]);
        let counts =
            move |import: &&paths::Import| !import.exported || !is_own(import) || is_used(&import.name);
        let imports = self.imports.iter().filter(counts).map(|import| &import.path);
        self.paths.iter().filter(|path| path.len() > 1).chain(imports)
    }
}
