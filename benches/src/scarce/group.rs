//! A control group that limits memory (cgroups(7), version 1 or 2). Making one takes root's rights.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// Where the memory controller of version 1 is.
const VERSION_1: &str = "/sys/fs/cgroup/memory";
/// Where version 2 is.
const VERSION_2: &str = "/sys/fs/cgroup";

/// A control group. It is removed when this is dropped, by when its processes must have ended.
pub struct Group {
    /// Its directory.
    dir: PathBuf,
}

impl Group {
    /// A group whose processes have `bytes` of memory, their page cache included, and no swap.
    pub fn create(bytes: u64) -> Outcome<Self> {
        let is_version_1 = Path::new(VERSION_1).join("memory.limit_in_bytes").exists();
        let (root, limit) = match is_version_1 {
            true => (VERSION_1, "memory.limit_in_bytes"),
            false => (VERSION_2, "memory.max"),
        };
        let dir = Path::new(root).join(format!("ackd-bench-{}", std::process::id()));
        fs::create_dir(&dir).map_err(|error| format!("{}, which takes root: {error}", dir.display()))?;
        let group = Self { dir };
        group.set(limit, bytes)?;
        if !is_version_1 {
            // It is not there where there is no swap.
            let _ = group.set("memory.swap.max", 0);
        }
        Ok(group)
    }

    /// The file to which a process writes its process ID, or 0, to join.
    pub fn processes(&self) -> PathBuf {
        self.dir.join("cgroup.procs")
    }

    /// Sets a value of the group.
    fn set(&self, file: &str, value: u64) -> Outcome {
        let path = self.dir.join(file);
        Ok(fs::write(&path, value.to_string()).map_err(|error| format!("{}: {error}", path.display()))?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.dir);
    }
}
