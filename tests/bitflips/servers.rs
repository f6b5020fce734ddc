//! The same flipped bits under real servers: ackd's log, and next to it the append-only file of redis-server.
//!
//! Each server stores the same keys, each acknowledged as durable, and is killed. Then one bit of its log is flipped, it
//! is started, and every key is compared. `ACKD_BITFLIPS_SERVERS=400` sets the number of flips for each.

use std::fs;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::Tally;
use super::common::{Client, Value, encode, eventually, seed, setting, without_settings};

/// Keys of the data set.
const KEYS: usize = 500;

/// A kind of server.
struct Kind {
    /// Its name in the table.
    name: &'static str,
    /// Makes the command that starts it on a directory, listening on a socket.
    command: fn(&Path, &Path) -> Command,
    /// Its log in the directory.
    log: fn(&Path) -> PathBuf,
    /// Whether the idle server has written everything to the log in the directory.
    is_at_rest: fn(&Path) -> bool,
}

/// The server of this repository.
const ACKD: Kind = Kind {
    name: "ackd",
    command: |dir, socket| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ackd"));
        command.args(["--port", "0", "--wal-segment-size", "4mb", "--scrub-rate", "0"]);
        command.arg("--dir").arg(dir.join("data")).arg("--unixsocket").arg(socket);
        command
    },
    log: |dir| dir.join("data/wal").join(wal::segment_name(1)),
    is_at_rest: |dir| is_sealed(&dir.join("data/wal")),
};

/// Redis with every write synced before its reply.
const REDIS: Kind = Kind {
    name: "redis-server, appendfsync always",
    command: |dir, socket| {
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        command.arg("--dir").arg(dir).arg("--unixsocket").arg(socket);
        command
    },
    log: |dir| dir.join("appendonlydir/appendonly.aof.1.incr.aof"),
    is_at_rest: |_| true,
};

/// Whether a log proves that its last group is durable.
fn is_sealed(wal: &Path) -> bool {
    let storage = wal::DirStorage::open(wal).expect("a log");
    let mut reader = wal::Reader::open(&storage, wal::ReadOptions::default()).expect("a sound log");
    loop {
        if let wal::Step::CleanEnd(end) | wal::Step::TornTail(end) = reader.next().expect("a sound log") {
            return end.sealed;
        }
    }
}

/// A started server.
struct Server {
    child: Child,
    socket: PathBuf,
}

impl Server {
    fn start(kind: &Kind, dir: &Path) -> Self {
        let socket = dir.join("socket");
        let _ = fs::remove_file(&socket);
        let mut command = (kind.command)(dir, &socket);
        without_settings(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { child: command.spawn().expect("the server is installed"), socket }
    }

    /// A client once the server has loaded its data; `None` if the server exited.
    fn client(&mut self) -> Option<Client> {
        let mut answering = None;
        eventually("the server is up or down", || {
            if let Ok(stream) = UnixStream::connect(&self.socket) {
                let mut client = Client::new(Box::new(stream));
                if matches!(client.try_command(&[b"PING"]), Ok(Value::Simple(text)) if text == "PONG") {
                    answering = Some(client);
                }
            }
            answering.is_some() || self.child.try_wait().expect("a child").is_some()
        });
        answering
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was stored: names and values.
fn contents() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut random = SmallRng::seed_from_u64(17);
    let mut value = || (0..random.random_range(1..200)).map(|_| random.random_range(b' '..b'~')).collect();
    (0..KEYS).map(|number| (format!("key:{number:05}").into_bytes(), value())).collect()
}

/// Stores everything, one acknowledged write at a time, and kills the server.
fn store(kind: &Kind, dir: &Path, contents: &[(Vec<u8>, Vec<u8>)]) {
    let mut server = Server::start(kind, dir);
    let mut client = server.client().expect("a new data set");
    for (key, value) in contents {
        assert_eq!(client.command(&[b"SET", key, value]), Value::Simple("OK".into()));
    }
    eventually("the log is at rest", || (kind.is_at_rest)(dir));
}

/// Starts the server on what is there and compares every key.
fn judge(kind: &Kind, dir: &Path, contents: &[(Vec<u8>, Vec<u8>)], tally: &mut Tally) {
    tally.cases += 1;
    let mut server = Server::start(kind, dir);
    let Some(mut client) = server.client() else {
        let status = server.child.wait().expect("it ended");
        match status.signal() {
            None => tally.refused += 1,
            Some(_) => tally.crashed += 1,
        }
        return;
    };
    let gets: Vec<u8> = contents.iter().flat_map(|(key, _)| encode(&[b"GET", key])).collect();
    client.send(&gets).expect("it reads");
    let (mut wrong, mut refused) = (0, 0);
    for (_, value) in contents {
        match client.reply() {
            Ok(Value::Bulk(found)) if found == *value => {}
            Ok(Value::Error(_)) => refused += 1,
            Ok(_) => wrong += 1,
            Err(_) => {
                tally.crashed += 1;
                return;
            }
        }
    }
    wrong += u64::from(client.run("DBSIZE") != Value::Integer(contents.len() as i64));
    match (wrong, refused) {
        (0, 0) => tally.same += 1,
        (0, _) => tally.refused += 1,
        _ => tally.silent += 1,
    }
}

/// Flips bits of the log, in bytes that are not zero, one at a time.
fn sweep(kind: &Kind, flips: u64, seed: u64) -> Tally {
    let folder = tempfile::tempdir().expect("a directory");
    let contents = contents();
    store(kind, folder.path(), &contents);
    let log = (kind.log)(folder.path());
    let stored = fs::read(&log).expect("the log");
    // Zeros are space between groups, or not used yet.
    let used: Vec<usize> = (0..stored.len()).filter(|at| stored[*at] != 0).collect();
    // Each case starts from the files as the kill left them.
    let kept = folder.path().with_extension("kept");
    copy(folder.path(), &kept);
    let mut random = SmallRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    for _ in 0..flips {
        fs::remove_dir_all(folder.path()).expect("the directory");
        copy(&kept, folder.path());
        let at = used[random.random_range(0..used.len())];
        let flipped = stored[at] ^ 1 << random.random_range(0..8);
        let file = fs::OpenOptions::new().write(true).open(&log).expect("the log");
        file.write_all_at(&[flipped], at as u64).expect("a byte");
        judge(kind, folder.path(), &contents, &mut tally);
    }
    fs::remove_dir_all(&kept).expect("the copy");
    tally
}

/// Copies a directory and what is below, sockets aside.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for found in fs::read_dir(from).expect("a directory") {
        let found = found.expect("a file");
        let (path, kind) = (found.path(), found.file_type().expect("a kind"));
        let target = to.join(found.file_name());
        if kind.is_dir() {
            copy(&path, &target);
        } else if kind.is_file() {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}

#[test]
fn a_flipped_bit_under_a_real_server_is_never_silent_where_it_is_under_redis() {
    let seed = seed("--test bitflips a_flipped_bit_under_a_real_server");
    let flips = setting("ACKD_BITFLIPS_SERVERS", 30);
    let ours = sweep(&ACKD, flips, seed);
    let theirs = sweep(&REDIS, flips, seed);
    eprintln!("{:<52} {theirs}", REDIS.name);
    ours.check(ACKD.name);
    assert_eq!(theirs.cases, flips);
    // The comparison must find wrong answers of the server that is known to give them.
    assert!(theirs.silent > flips / 4, "{theirs}");
}
