//! Names that the server made outside of its data directory: its Unix socket and its pid file. If somebody removes or
//! replaces one, nothing is lost, but new clients or whoever manages the server no longer find it. So that is reported.

use std::io;
use std::path::PathBuf;

use crate::file_id::FileId;

/// A name, and the file that the server made under it.
#[derive(Clone, Debug)]
pub struct OwnName {
    /// What the file is for.
    pub what: &'static str,
    /// The name.
    pub path: PathBuf,
    /// The file.
    pub id: FileId,
}

impl OwnName {
    /// What happened to the name, if it does not refer to the file any more.
    fn change(&self) -> Option<&'static str> {
        match FileId::at(&self.path) {
            Ok(found) if found == self.id => None,
            Ok(_) => Some("replaced"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some("removed or renamed"),
            // Nobody knows.
            Err(_) => None,
        }
    }
}

/// The names that are still checked.
#[derive(Debug)]
pub struct OwnNames(Vec<OwnName>);

impl OwnNames {
    /// Checks these from now on.
    pub fn new(names: impl IntoIterator<Item = OwnName>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Reports the names that changed, each of them once.
    pub fn look(&mut self) {
        self.0.retain(|name| {
            let change = name.change();
            if let Some(change) = change {
                let OwnName { what, path, .. } = name;
                tracing::warn!(path = %path.display(), "the {what} was {change}; a restart makes it anew");
            }
            change.is_none()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_is_checked_until_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let own = ["removed", "replaced", "left"].map(|name| {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            OwnName { what: "file", id: FileId::at(&path).unwrap(), path }
        });
        let mut names = OwnNames::new(own.clone());
        names.look();
        assert_eq!(names.0.len(), 3);
        fs::remove_file(&own[0].path).unwrap();
        let other = folder.path().join("other");
        fs::write(&other, "").unwrap();
        fs::rename(other, &own[1].path).unwrap();
        assert_eq!(own.each_ref().map(OwnName::change), [Some("removed or renamed"), Some("replaced"), None]);
        names.look();
        assert_eq!(names.0.iter().map(|name| &name.path).collect::<Vec<_>>(), [&own[2].path]);
    }
}
