//! The files of an `include`: a plain path, or a path with patterns in any of its parts, as in glob(7).
//!
//! Names that begin with a dot are matched only by a pattern that does. If the last part of a pattern matches a
//! directory, it is skipped.

use std::ffi::OsStr;
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::value::path_of;

/// The files that match `pattern`, ordered by name. There may be none. A path without a pattern is returned whether it
/// exists or not.
///
/// # Errors
/// A directory cannot be read: its path is part of the error. A directory that does not exist counts as empty.
pub(super) fn expand(pattern: &[u8]) -> Result<Vec<PathBuf>, (PathBuf, Error)> {
    if !is_pattern(pattern) {
        return Ok(vec![path_of(pattern)]);
    }
    let mut found = vec![if pattern.starts_with(b"/") { PathBuf::from("/") } else { PathBuf::new() }];
    for part in pattern.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for folder in found {
            match is_pattern(part) {
                true => next.extend(matching(&folder, part)?),
                false => next.push(folder.join(OsStr::from_bytes(part))),
            }
        }
        found = next;
    }
    found.retain(|path| path.symlink_metadata().is_ok() && !path.is_dir());
    found.sort();
    Ok(found)
}

/// Whether a part of a path is a pattern.
fn is_pattern(part: &[u8]) -> bool {
    part.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The entries of `folder` whose names match `part`.
fn matching(folder: &Path, part: &[u8]) -> Result<Vec<PathBuf>, (PathBuf, Error)> {
    let read = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let names = match std::fs::read_dir(read) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        names => names.map_err(|error| (read.to_path_buf(), error))?,
    };
    // A shell negates a class by `!`, Redis's patterns by `^`.
    let mut pattern = part.to_vec();
    (1..part.len()).filter(|at| &part[at - 1..=*at] == b"[!").for_each(|at| pattern[at] = b'^');
    let mut found = Vec::new();
    for name in names {
        let name = name.map_err(|error| (read.to_path_buf(), error))?.file_name();
        let hidden = name.as_bytes().starts_with(b".") && !part.starts_with(b".");
        if !hidden && crate::glob::matches(&pattern, name.as_bytes()) {
            found.push(folder.join(name));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_may_stand_in_any_part_of_a_path() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["a/conf", "b/conf", "c", ".d/conf", "b/conf/sub.conf"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for file in
            ["a/conf/1.conf", "a/conf/.2.conf", "b/conf/1.conf", "b/conf/3.conf", ".d/conf/1.conf", "file"]
        {
            std::fs::write(root.path().join(file), "").unwrap();
        }
        let found = |pattern: &str| -> Vec<String> {
            let pattern = root.path().join(pattern).into_os_string().into_encoded_bytes();
            let shown = |path: PathBuf| path.strip_prefix(root.path()).unwrap().display().to_string();
            expand(&pattern).unwrap().into_iter().map(shown).collect()
        };
        assert_eq!(found("*/conf/*.conf"), ["a/conf/1.conf", "b/conf/1.conf", "b/conf/3.conf"]);
        assert_eq!(found("[ab]/c?nf/1.conf"), ["a/conf/1.conf", "b/conf/1.conf"]);
        assert_eq!(found("[!b-z]/conf/*"), ["a/conf/1.conf"]);
        assert_eq!(found(".*/conf/1.conf"), [".d/conf/1.conf"]);
        assert_eq!(found("a/conf/.*"), ["a/conf/.2.conf"]);
        for none in ["nowhere/*", "*/nowhere", "*/nowhere/*", "file/*", "b/*/sub*"] {
            assert!(found(none).is_empty(), "{none}");
        }
        assert_eq!(found("nowhere/plain"), ["nowhere/plain"]);
    }
}
