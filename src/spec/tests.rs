//! No code outside of this folder depends on the name of a command: what is special about a command is in its row. And
//! which commands are quick.

use std::fs;
use std::path::{Path, PathBuf};

use super::lookup;
use crate::resp::{Args, Span};

/// Code that compares or splits the name before it.
const BEHIND: &[&str] = &[
    "==",
    "!=",
    ".starts_with(",
    ".ends_with(",
    ".contains(",
    ".split",
    ".strip_",
    ".find(",
    ".eq(",
    ".eq_ignore_",
    ".as_bytes()==",
    ".as_bytes()!=",
    ".as_bytes().starts_with(",
    ",\"",
    "{\"",
];
/// Code that compares the name after it.
const BEFORE: &[&str] = &["==", "!=", "==&", "!=&", "match", "matches!("];

/// All files with code below a folder, except tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// Where `code` depends on the name of a command. Variables that hold a command are called `spec` or `container`.
fn goes_by_name(code: &str) -> Vec<String> {
    let code: String = code.split_whitespace().collect();
    let places = ["spec.name", "container.name"].map(|name| code.match_indices(name).collect::<Vec<_>>());
    let mut found = Vec::new();
    for (at, name) in places.into_iter().flatten() {
        // The path before the name is part of it: `call.spec.name`.
        let is_path = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let start = before.trim_end_matches(is_path);
        let path = &before[start.len()..];
        let compares = BEHIND.iter().any(|behind| after.starts_with(behind))
            || BEFORE.iter().any(|word| start.ends_with(word) || path == *word || path.starts_with(word));
        if compares {
            let end = after.char_indices().nth(20).map_or(after.len(), |(end, _)| end);
            found.push(format!("{path}{name}{}", &after[..end]));
        }
    }
    found
}

#[test]
fn only_rows_say_what_is_true_of_one_command() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 200, "only {} files", files.len());
    for path in files.iter().filter(|path| !path.starts_with(root.join("spec"))) {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let found = goes_by_name(code);
        assert!(found.is_empty(), "{} goes by the name of a command: {found:?}", path.display());
    }
}

#[test]
fn a_test_of_a_name_is_found() {
    for code in [
        "if spec.name == \"select\" {}",
        "if \"select\" == spec.name {}",
        "if call.spec.name != other {}",
        "if spec.name.starts_with(\"client|\") {}",
        "matches!(spec.name, \"flushall\" | \"flushdb\")",
        "matches!(\n    spec.name,\n    \"flushall\"\n)",
        "match self.spec.name {\n    \"auth\" => 1,\n}",
        "match spec.name { name => 1 }",
        "if container.name.as_bytes() == b\"client\" {}",
    ] {
        assert_eq!(goes_by_name(code).len(), 1, "{code}");
    }
    for code in ["reply.bulk(spec.name.as_bytes());", "format!(\"{}\", spec.name)", "wrong_arity(spec.name)"]
    {
        assert!(goes_by_name(code).is_empty(), "{code}");
    }
}

#[test]
fn commands_are_quick_unless_their_work_grows_with_the_data() {
    let is_quick = |name: &str, words| lookup(name.as_bytes()).unwrap().is_quick(words);
    for name in
        ["set", "get", "incr", "append", "del", "lpush", "rpop", "hset", "sadd", "zadd", "expire", "blpop"]
    {
        assert!(is_quick(name, 2), "{name}");
    }
    for name in ["lpop", "rpop", "spop", "zpopmin", "zpopmax"] {
        assert!(!is_quick(name, 3), "{name} with a count");
    }
    for name in [
        "flushall",
        "swapdb",
        "copy",
        "dump",
        "restore",
        "sort",
        "sunionstore",
        "zrangestore",
        "ltrim",
        "keys",
        "lrange",
        "hgetall",
    ] {
        assert!(!is_quick(name, 2), "{name}");
    }
    assert!(is_quick("mset", 63) && !is_quick("mset", 65));
}

#[test]
fn words_say_whether_a_writing_command_only_reads() {
    let words = |line: &str| {
        let mut input = Vec::new();
        let spans = line.split(' ').map(|word| {
            input.extend_from_slice(word.as_bytes());
            Span { start: (input.len() - word.len()) as u32, len: word.len() as u32 }
        });
        (spans.collect::<Vec<_>>(), input)
    };
    for (line, writes) in [
        ("sort l", false),
        ("sort l by w_* limit 0 1", false),
        ("sort l Store d", true),
        ("georadius g 1 1 1 m asc", false),
        ("georadius g 1 1 1 m storedist d", true),
        ("georadiusbymember g m 1 m", false),
        ("georadiusbymember g m 1 m store d", true),
        ("bitfield b get u8 0 overflow fail get u8 1", false),
        ("bitfield b get u8 0 incrby u8 0 0", true),
        ("bitfield b get u8", true),
        ("getex k", false),
        ("getex k persist", true),
        ("set k v", true),
        ("get k", false),
        ("ping", false),
    ] {
        let (spans, input) = words(line);
        let args = Args::new(&input, &spans);
        let spec = lookup(&args[0]).unwrap();
        assert_eq!(spec.writes(&args), writes, "{line}");
        assert_eq!(spec.only_reads(&args), !writes && !spec.is_local(), "{line}");
    }
}
