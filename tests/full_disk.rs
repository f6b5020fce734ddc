//! A disk that is full, again and again: the server stays up, refuses writes with a reason, still reads and deletes, and
//! accepts writes again when there is space.
//!
//! The disk is a small real file system: an ext4 image where loop devices are available, else a tmpfs. Each cycle fills it,
//! with another program's file or only by `SET`s, checks what works, and makes space: the file is removed, keys are
//! deleted, or everything is flushed. In some cycles the server is killed while the disk is full and started again on it.
//!
//! The long form: `ACKD_FULL_CYCLES=100 cargo test --test full_disk -- --nocapture`

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ackd::cli::exit;
use common::power_cut::PowerCut;
use common::{Client, PATIENCE, TestServer, Value, eventually, free_port, seed, setting};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Bytes of the small disk.
const DISK_BYTES: u64 = 48 << 20;
/// How long the server must refuse writes until the disk counts as full.
const FULL_FOR_GOOD: Duration = Duration::from_millis(400);

/// A small file system, in a mount namespace of its own that lives as long as this value.
struct SmallDisk {
    root: tempfile::TempDir,
    /// The process that keeps the namespace.
    keeper: Child,
    /// Whether it also has a user namespace.
    unprivileged: bool,
}

impl SmallDisk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let (image, mount) = (root.path().join("image"), root.path().join("disk"));
        fs::create_dir(&mount).unwrap();
        fs::File::create(&image).unwrap().set_len(DISK_BYTES).unwrap();
        let ext4 =
            "mkfs.ext4 -q -F \"$1\" && mount -o loop \"$1\" \"$2\" && echo mounted && exec sleep 100000";
        let tmpfs =
            format!("mount -t tmpfs -o size={DISK_BYTES} tmpfs \"$2\" && echo mounted && exec sleep 100000");
        for (unprivileged, script) in [(false, ext4), (true, &tmpfs)] {
            let mut command = Command::new("unshare");
            command.args(["--mount"]).args(unprivileged.then_some("--map-root-user"));
            command.args(["sh", "-c", script, "sh"]).args([&image, &mount]);
            let mut keeper =
                command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("unshare is there");
            let mut said = String::new();
            let output = keeper.stdout.take().expect("a pipe");
            let _ = std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut said);
            if said == "mounted\n" {
                eprintln!("the small disk is {}", if unprivileged { "a tmpfs" } else { "an ext4 image" });
                return Self { root, keeper, unprivileged };
            }
            let _ = keeper.wait();
        }
        panic!("neither an ext4 image nor a tmpfs can be mounted here");
    }

    /// The mount point, as the server sees it.
    fn mount(&self) -> PathBuf {
        self.root.path().join("disk")
    }

    /// The same, as this process sees it.
    fn seen(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.keeper.id(), self.mount().display()))
    }

    /// The server log, which is on another disk.
    fn log(&self) -> PathBuf {
        self.root.path().join("log")
    }

    /// Starts the server on the disk and waits until it answers.
    fn start(&self) -> (TestServer, Client, Duration) {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.keeper.id().to_string()]);
        command.args(self.unprivileged.then_some(["--user", "--preserve-credentials"]).iter().flatten());
        command.arg(env!("CARGO_BIN_EXE_ackd"));
        let (log, start) = (self.log().display().to_string(), Instant::now());
        let flags = ["--wal-segment-size", "1mb", "--logfile", &log];
        let mut server = TestServer::spawn_by(command, free_port(), &self.mount().join("data"), &flags);
        let mut answering = None;
        eventually("the server answers", || {
            assert!(!server.has_ended(), "the server does not start: {}", self.log_text());
            let stream = std::net::TcpStream::connect(("127.0.0.1", server.port));
            answering = stream.ok().map(|stream| Client::new(Box::new(stream)));
            answering.as_mut().is_some_and(|client| client.run("PING") == Value::Simple("PONG".into()))
        });
        (server, answering.expect("it answered"), start.elapsed())
    }

    fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Fills the free space with another program's file.
    fn add_ballast(&self) {
        let mut file =
            fs::File::options().create(true).append(true).open(self.seen().join("ballast")).unwrap();
        for bytes in [1 << 20, 4096, 512] {
            while file.write_all(&vec![7; bytes]).is_ok() {}
        }
        let _ = file.sync_all();
    }

    fn remove_ballast(&self) {
        let _ = fs::remove_file(self.seen().join("ballast"));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log_text());
        }
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// A client, and the writes that were acknowledged to it.
struct Session {
    client: Client,
    random: SmallRng,
    /// For each key, the first byte and the length of its value.
    keys: BTreeMap<String, (u8, usize)>,
    next: u64,
    refused: u64,
    acked: u64,
}

impl Session {
    /// Sets a new key, or an existing one again; returns whether it was accepted. Any error other than the one for full
    /// disks is a failure.
    fn set(&mut self) -> bool {
        let number =
            if self.random.random_bool(0.2) { self.random.random_range(0..=self.next) } else { self.next };
        let (key, byte) = (format!("key:{number}"), b'a' + (self.next % 26) as u8);
        let bytes = self.random.random_range(10_000..90_000);
        self.next += 1;
        match self.client.command(&[b"SET", key.as_bytes(), &vec![byte; bytes]]) {
            Value::Simple(_) => {
                self.keys.insert(key, (byte, bytes));
                self.acked += 1;
                true
            }
            Value::Error(text) => {
                assert!(
                    text.starts_with("MISCONF No space left for this write, no data was changed: "),
                    "{text}"
                );
                assert!(text.contains("/disk/data/"), "the place is named: {text}");
                self.refused += 1;
                false
            }
            other => panic!("SET answered {other:?}"),
        }
    }

    /// Sets keys until the disk stays full.
    fn fill(&mut self) {
        let mut refused_since = Instant::now();
        let start = Instant::now();
        while refused_since.elapsed() < FULL_FOR_GOOD {
            if self.set() {
                refused_since = Instant::now();
                assert!(start.elapsed() < PATIENCE, "the disk never gets full");
            } else {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Deletes a key.
    fn delete(&mut self, command: &str) {
        let Some(key) = self.keys.keys().nth(self.random.random_range(0..self.keys.len().max(1))).cloned()
        else {
            return;
        };
        assert_eq!(
            self.client.run(&format!("{command} {key}")),
            Value::Integer(1),
            "{command} on a full disk"
        );
        self.keys.remove(&key);
        self.acked += 1;
    }

    /// Checks what must hold while the disk is full.
    fn check_full(&mut self) {
        eventually("what the last checkpoint gave back is used up", || !self.set());
        let before = self.keys.len();
        self.delete("DEL");
        self.delete("UNLINK");
        assert_eq!(self.client.run("DBSIZE"), Value::Integer(before.saturating_sub(2) as i64));
        // Expired keys are deleted while the disk is full, too.
        if let Some(key) = self.keys.keys().next().cloned() {
            assert_eq!(self.client.run(&format!("PEXPIRE {key} 20")), Value::Integer(1));
            self.keys.remove(&key);
            std::thread::sleep(Duration::from_millis(30));
            assert_eq!(self.client.run(&format!("GET {key}")), Value::Null);
        }
    }

    /// Compares everything.
    fn check_all(&mut self) {
        assert_eq!(self.client.run("DBSIZE"), Value::Integer(self.keys.len() as i64));
        for (key, (byte, bytes)) in &self.keys {
            let Value::Bulk(found) = self.client.run(&format!("GET {key}")) else { panic!("{key} is lost") };
            assert!(found.len() == *bytes && found.iter().all(|at| at == byte), "{key} holds something else");
        }
    }

    /// Waits until a write is accepted, and returns how long that took.
    fn resume(&mut self, start: Instant) -> Duration {
        eventually("writes resume", || self.set());
        start.elapsed()
    }
}

/// How space is made.
const WAYS: [&str; 3] = ["the ballast goes", "DEL", "FLUSHALL"];

#[test]
fn a_full_disk_is_survived_again_and_again() {
    let disk = SmallDisk::new();
    let cycles = setting("ACKD_FULL_CYCLES", 7);
    let (mut server, client, _) = disk.start();
    let random = SmallRng::seed_from_u64(seed("--test full_disk"));
    let mut session = Session { client, random, keys: BTreeMap::new(), next: 0, refused: 0, acked: 0 };
    let mut resumed: Vec<(usize, Duration)> = Vec::new();
    let (mut kills, mut slowest_start) = (0, Duration::ZERO);
    for cycle in 0..cycles as usize {
        let way = cycle % WAYS.len();
        if way == 0 {
            (0..20).for_each(|_| _ = session.set());
            disk.add_ballast();
        }
        session.fill();
        session.check_full();
        if cycle % 4 == 2 {
            server.kill();
            let (again, client, took) = disk.start();
            (server, session.client) = (again, client);
            (kills, slowest_start) = (kills + 1, slowest_start.max(took));
            session.check_all();
            session.delete("DEL");
        }
        let start = match way {
            0 => {
                let start = Instant::now();
                disk.remove_ballast();
                start
            }
            1 => {
                for _ in 0..session.keys.len() / 2 {
                    session.delete("DEL");
                }
                Instant::now()
            }
            _ => {
                assert_eq!(session.client.run("FLUSHALL"), Value::Simple("OK".into()));
                session.keys.clear();
                Instant::now()
            }
        };
        resumed.push((way, session.resume(start)));
        session.check_all();
        assert!(!server.has_ended(), "the server ended");
    }
    for (way, name) in WAYS.iter().enumerate() {
        let mut times: Vec<Duration> = resumed.iter().filter(|one| one.0 == way).map(|one| one.1).collect();
        times.sort();
        if let [.., most] = times[..] {
            let median = times[times.len() / 2];
            eprintln!(
                "{name}: {} cycles, writes resumed after {median:?} (median), {most:?} (most)",
                times.len()
            );
        }
    }
    eprintln!(
        "{cycles} cycles, {} writes acknowledged, {} refused with a reason, 0 lost, 0 exits; {kills} kills on the full \
         disk, up again within {slowest_start:?}",
        session.acked, session.refused
    );
    drop(session);
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)), "{}", disk.log_text());
}

#[test]
fn a_torn_tail_on_a_full_disk_is_put_aside_all_the_same() {
    let disk = SmallDisk::new();
    let (mut server, client, _) = disk.start();
    let random = SmallRng::seed_from_u64(1);
    let mut session = Session { client, random, keys: BTreeMap::new(), next: 0, refused: 0, acked: 0 };
    (0..50).for_each(|_| assert!(session.set()));
    let before = session.keys.clone();
    let power_cut = PowerCut::before_group(&disk.seen().join("data"));
    assert!(session.set());
    server.kill();
    power_cut.tear();
    disk.add_ballast();
    let (_server, client, _) = disk.start();
    (session.client, session.keys) = (client, before);
    assert!(disk.log_text().contains("torn tail"), "{}", disk.log_text());
    session.check_all();
    session.delete("DEL");
    let start = Instant::now();
    disk.remove_ballast();
    session.resume(start);
}
