//! A wall clock that the test sets, by libfaketime.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The clock of one server, over all its restarts.
pub struct FakeClock {
    library: PathBuf,
    /// Holds the offset of the server's clock.
    file: PathBuf,
}

/// Where libfaketime is, if it is installed.
pub fn faketime() -> Option<PathBuf> {
    let places = [format!("{}-linux-gnu/", std::env::consts::ARCH), String::new()];
    let library = |place: &String| PathBuf::from(format!("/usr/lib/{place}faketime/libfaketimeMT.so.1"));
    places.iter().map(library).find(|library| library.exists())
}

impl FakeClock {
    /// A clock that is right, with its file in `root`; `None` where libfaketime is not installed.
    pub fn new(root: &Path) -> Option<Self> {
        let clock = Self { library: faketime()?, file: root.join("clock") };
        clock.set(0);
        Some(clock)
    }

    /// Sets the clock `seconds` ahead.
    pub fn set(&self, seconds: i64) {
        // The server reads the file whenever it reads the clock: it must never see half of the file.
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}\n")).expect("the clock's file can be written");
        std::fs::rename(&new, &self.file).expect("the clock's file can be replaced");
    }

    /// Makes a server use this clock.
    pub fn apply(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        command.env("FAKETIME_NO_CACHE", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    }

    /// Removes what libfaketime shares between processes; it does so itself only after a clean exit.
    pub fn clean_up(pid: u32) {
        for name in ["faketime_shm_", "sem.faketime_sem_"] {
            let _ = std::fs::remove_file(format!("/dev/shm/{name}{pid}"));
        }
    }
}
