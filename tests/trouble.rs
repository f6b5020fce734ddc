//! What operators run into: a directory that is in use or unusable, damaged files, full disks, signals under load. The
//! server reports what is wrong, exits with the code for it, and changes nothing that it does not understand.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use ackd::cli::exit;
use common::power_cut::PowerCut;
use common::{Client, PATIENCE, TestServer, Value, encode, eventually, free_port};

/// How long the server must refuse writes until the disk counts as full.
const FULL_FOR_GOOD: Duration = Duration::from_secs(1);

/// A directory for one test, with the server's in it.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.root.path().join("log")
    }

    /// Starts the server with its server log in a file.
    fn start(&self, flags: &[&str]) -> TestServer {
        let log = self.log().display().to_string();
        TestServer::start(&self.dir(), &[&["--logfile", &log], flags].concat())
    }

    fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", fs::read_to_string(self.log()).unwrap_or_default());
        }
    }
}

/// Starts a server that must exit by itself; returns its exit code and its output.
fn refusal(dir: &Path) -> (i32, String) {
    refusal_by(Command::new(env!("CARGO_BIN_EXE_ackd")), dir)
}

/// The same by a command that becomes the server.
fn refusal_by(mut command: Command, dir: &Path) -> (i32, String) {
    let mut child = command
        .args(["--bind", "127.0.0.1", "--port", &free_port().to_string(), "--dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            let said = child.wait_with_output().unwrap().stderr;
            panic!("the server runs on {}: {}", dir.display(), String::from_utf8_lossy(&said));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let code = output.status.code().expect("the server ends by itself");
    (code, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// All files under a directory, apart from the lock, which names its last holder.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else if !path.ends_with("LOCK") {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

/// Asserts that two directories have the same contents; names the file that differs.
fn assert_unchanged(before: &BTreeMap<PathBuf, Vec<u8>>, dir: &Path) {
    let after = contents(dir);
    assert!(before.keys().eq(after.keys()), "{:?} became {:?}", before.keys(), after.keys());
    for (path, bytes) in before {
        assert!(bytes == &after[path], "{} was modified", path.display());
    }
}

/// Inverts one bit of a file.
fn flip(path: &Path, offset: u64) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

/// Writes `count` small keys one by one, so that each has a group of its own in the log.
fn write_keys(client: &mut Client, count: u32) {
    for number in 0..count {
        assert_eq!(client.run(&format!("SET key:{number} value:{number}")), Value::Simple("OK".into()));
    }
}

/// A directory whose server had a clean stop, with acknowledged records that are only in the log.
fn stopped_without_checkpoint(place: &Place) {
    let mut server = place.start(&["--wal-segment-size", "1mb"]);
    let mut client = server.client();
    write_keys(&mut client, 100);
    client.send(&encode(&[b"SHUTDOWN", b"NOSAVE"])).unwrap();
    assert_eq!(server.wait().code(), Some(i32::from(exit::OK)));
}

#[test]
fn a_second_server_is_told_who_is_there() {
    let place = Place::new();
    let server = place.start(&[]);
    let (code, said) = refusal(&place.dir());
    assert_eq!(code, i32::from(exit::IN_USE), "{said}");
    let holder = format!("in use by another server (process {})", server.pid());
    assert!(said.contains(&holder) && said.contains(&*place.dir().to_string_lossy()), "{said}");
    assert_eq!(server.client().run("PING"), Value::Simple("PONG".into()));
}

#[test]
fn a_directory_that_cannot_be_used_is_named_with_the_reason() {
    let place = Place::new();
    fs::write(place.dir(), "a file").unwrap();
    let (code, said) = refusal(&place.dir());
    assert_eq!(code, i32::from(exit::IO), "{said}");
    assert!(said.contains(&*place.dir().to_string_lossy()) && said.contains("File exists"), "{said}");
    assert_eq!(fs::read(place.dir()).unwrap(), b"a file");

    let (code, said) = refusal(&place.dir().join("below"));
    assert_eq!(code, i32::from(exit::IO), "{said}");
    assert!(said.contains("data/below") && said.contains("Not a directory"), "{said}");

    let missing = place.root.path().join("missing/data");
    let (code, said) = refusal(&missing);
    assert_eq!(code, i32::from(exit::IO), "{said}");
    assert!(said.contains("missing/data") && said.contains("No such file or directory"), "{said}");
    assert!(!missing.parent().unwrap().exists(), "a parent that may be a mistake is not made");
}

#[test]
fn a_directory_that_may_not_be_entered_is_named_with_the_reason() {
    let place = Place::new();
    let closed = place.root.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let dir = closed.join("data");
    if fs::read_dir(&closed).is_ok() {
        // Permissions do not apply to root, so this uses a directory that nobody may change.
        let (code, said) = refusal(Path::new("/proc/1/data"));
        assert_eq!(code, i32::from(exit::IO), "{said}");
        assert!(said.contains("/proc/1/data"), "{said}");
    } else {
        let (code, said) = refusal(&dir);
        assert_eq!(code, i32::from(exit::IO), "{said}");
        assert!(said.contains("closed/data") && said.contains("Permission denied"), "{said}");
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_flipped_bit_in_acknowledged_records_stops_the_start() {
    let place = Place::new();
    stopped_without_checkpoint(&place);
    let segment = "0000000000000001.wal";
    // Each group starts a block of 4096 bytes; the first one holds the segment's header.
    let offset = 4096 * 50;
    flip(&place.dir().join("wal").join(segment), offset + 110);
    let before = contents(&place.dir());
    for _ in 0..2 {
        let (code, said) = refusal(&place.dir());
        assert_eq!(code, i32::from(exit::DAMAGED), "{said}");
        assert!(said.contains(&format!("{segment} offset {offset}")), "{said}");
        assert!(said.contains("ackd-wal verify"), "{said}");
        assert_unchanged(&before, &place.dir());
    }
    flip(&place.dir().join("wal").join(segment), offset + 110);
    let server = place.start(&[]);
    assert_eq!(server.client().run("DBSIZE"), Value::Integer(100), "with the bit back all is there");
}

#[test]
fn a_table_without_a_usable_meta_stops_the_start() {
    let place = Place::new();
    let mut server = place.start(&[]);
    write_keys(&mut server.client(), 10);
    assert_eq!(server.client().run("SAVE"), Value::Simple("OK".into()));
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
    let table = place.dir().join("table.ackd");
    // One of the two may be lost: the other one and the log hold everything.
    let whole = fs::read(&table).unwrap();
    for page in 0..2 {
        flip(&table, page * 4096 + 100);
    }
    let before = contents(&place.dir());
    let (code, said) = refusal(&place.dir());
    assert_eq!(code, i32::from(exit::DAMAGED), "{said}");
    assert!(said.contains("no usable meta page") && said.contains("nothing was changed"), "{said}");
    assert_unchanged(&before, &place.dir());
    fs::write(&table, whole).unwrap();
    assert_eq!(place.start(&[]).client().run("DBSIZE"), Value::Integer(10));
}

#[test]
fn a_table_that_was_cut_stops_the_start() {
    let place = Place::new();
    let mut server = place.start(&[]);
    write_keys(&mut server.client(), 10);
    assert_eq!(server.client().run("SAVE"), Value::Simple("OK".into()));
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
    let table = place.dir().join("table.ackd");
    let whole = fs::read(&table).unwrap();
    for bytes in [0, 100, 4096, 5000, 8192, 12_288, whole.len() / 2] {
        fs::write(&table, &whole[..bytes]).unwrap();
        let before = contents(&place.dir());
        let (code, said) = refusal(&place.dir());
        assert_eq!(code, i32::from(exit::DAMAGED), "{bytes} bytes: {said}");
        assert!(said.contains("outside the file"), "{bytes} bytes: {said}");
        assert_unchanged(&before, &place.dir());
    }
    fs::write(&table, whole).unwrap();
    assert_eq!(place.start(&[]).client().run("DBSIZE"), Value::Integer(10));
}

#[test]
fn a_table_that_does_not_fit_its_mapping_stops_the_start_and_names_the_directive() {
    let place = Place::new();
    // Not enough address space for the mapping, with a table and without one.
    let limited = || {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 8000000 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_ackd")]);
        command
    };
    for _ in 0..2 {
        let (code, said) = refusal_by(limited(), &place.dir());
        assert_eq!(code, i32::from(exit::START), "{said}");
        assert!(said.contains("table-max-size") && said.contains("now 8192000000 bytes"), "{said}");
        let mut server = place.start(&["--table-max-size", "1gb"]);
        write_keys(&mut server.client(), 10);
        // A table of more than 16 MiB.
        for number in 0..400 {
            let key = format!("large:{number}");
            let set = server.client().command(&[b"SET", key.as_bytes(), &[b'v'; 50_000]]);
            assert_eq!(set, Value::Simple("OK".into()));
        }
        assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
    }
    // A table longer than `table-max-size` is not damaged.
    let mut small = Command::new(env!("CARGO_BIN_EXE_ackd"));
    small.args(["--table-max-size", "16mb"]);
    let (code, said) = refusal_by(small, &place.dir());
    assert_eq!(code, i32::from(exit::START), "{said}");
    assert!(said.contains("table-max-size allows 4096"), "{said}");
}

#[test]
fn a_table_that_is_missing_beside_its_log_is_not_made_anew() {
    let place = Place::new();
    stopped_without_checkpoint(&place);
    let (table, elsewhere) = (place.dir().join("table.ackd"), place.dir().join("elsewhere"));
    fs::rename(&table, &elsewhere).unwrap();
    let before = contents(&place.dir());
    let (code, said) = refusal(&place.dir());
    assert_eq!(code, i32::from(exit::DAMAGED), "{said}");
    assert!(said.contains("table.ackd is missing") && said.contains("--rebuild-table"), "{said}");
    assert_unchanged(&before, &place.dir());
    fs::rename(&elsewhere, &table).unwrap();
    assert_eq!(place.start(&[]).client().run("DBSIZE"), Value::Integer(100));
}

#[test]
fn a_torn_tail_is_trimmed_and_the_server_starts() {
    let place = Place::new();
    let mut server = place.start(&["--wal-segment-size", "1mb"]);
    let mut client = server.client();
    write_keys(&mut client, 50);
    let power_cut = PowerCut::before_group(&place.dir());
    let value = vec![b'v'; 10_000];
    assert_eq!(client.command(&[b"SET", b"last", &value]), Value::Simple("OK".into()));
    server.kill();
    power_cut.tear();
    let server = place.start(&[]);
    assert!(place.log_text().contains("torn tail"), "{}", place.log_text());
    let mut client = server.client();
    assert_eq!(client.run("DBSIZE"), Value::Integer(50), "what was whole is there, what was torn is not");
    assert_eq!(client.run("GET key:49"), Value::Bulk(b"value:49".into()));
    assert_eq!(client.run("SET last again"), Value::Simple("OK".into()));
}

/// Sets `key` to a large value; returns whether it was accepted. Any error other than the one for full disks is a failure.
fn set_large(client: &mut Client, key: &str) -> bool {
    match client.command(&[b"SET", key.as_bytes(), &[b'v'; 200_000]]) {
        Value::Simple(_) => true,
        Value::Error(text) => {
            assert!(text.starts_with("MISCONF No space left"), "{text}");
            false
        }
        other => panic!("SET answered {other:?}"),
    }
}

/// Writes until the disk is full and stays full after a checkpoint has recycled the log; returns how many keys there are.
fn fill(client: &mut Client) -> u32 {
    let (mut keys, mut refused_since) = (0, Instant::now());
    loop {
        if set_large(client, &format!("large:{keys}")) {
            keys += 1;
            assert!(keys < 2000, "the disk never gets full");
            refused_since = Instant::now();
        } else if refused_since.elapsed() > FULL_FOR_GOOD {
            return keys;
        } else {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Waits until large writes are accepted again; the only action is to try them.
fn wait_until_writes_resume(client: &mut Client) {
    eventually("writes resume", || set_large(client, "large:0"));
    assert!(durability(client).contains("writes_accepted:1\r"));
}

fn durability(client: &mut Client) -> String {
    client.run("INFO durability").text()
}

/// Asserts what must hold after a write was refused for lack of space.
fn assert_usable_while_full(client: &mut Client) {
    let mut more = 0;
    eventually("what the last checkpoint gave back is used up", || {
        more += 1;
        !set_large(client, &format!("more:{more}"))
    });
    assert!(durability(client).contains("writes_accepted:0\r"), "{}", durability(client));
    assert_eq!(client.run("STRLEN large:0"), Value::Integer(200_000));
    assert_eq!(
        client.run(&format!("EXISTS more:{more}")),
        Value::Integer(0),
        "a refused write leaves no trace"
    );
    assert_eq!(client.run("DEL large:1"), Value::Integer(1));
    assert_eq!(client.run("EXISTS large:1"), Value::Integer(0));
}

/// Fills the disk, makes space only by commands, and fills it again.
fn full_and_emptied(client: &mut Client) {
    let first = fill(client);
    assert_usable_while_full(client);
    for number in 1..first / 2 {
        client.run(&format!("DEL large:{number}"));
    }
    wait_until_writes_resume(client);
    fill(client);
    assert_eq!(client.run("FLUSHALL"), Value::Simple("OK".into()));
    wait_until_writes_resume(client);
}

#[test]
fn files_that_may_not_grow_are_survived() {
    let place = Place::new();
    let mut server = place.start(&["--wal-segment-size", "1mb"]);
    let mut client = server.client();
    assert!(set_large(&mut client, "before"));
    // More than a segment, so that the table reaches the limit and the log does not. The signal that comes with it
    // kills a process that does not ignore it.
    server.limit_file_bytes(Some(12 << 20));
    fill(&mut client);
    assert_usable_while_full(&mut client);
    assert!(place.log_text().contains("MISCONF No space left"), "{}", place.log_text());
    server.limit_file_bytes(None);
    wait_until_writes_resume(&mut client);
    assert!(place.log_text().contains("there is space again"), "{}", place.log_text());
    let keys = client.run("DBSIZE");
    server.kill();
    let server = place.start(&[]);
    assert_eq!(server.client().run("DBSIZE"), keys);
}

#[test]
fn segments_that_may_not_be_made_are_survived() {
    let place = Place::new();
    let mut server = place.start(&["--wal-segment-size", "1mb", "--wal-spare-segments", "1"]);
    let mut client = server.client();
    // Segments in use stay writable below the limit; new ones are larger than it.
    server.limit_file_bytes(Some((1 << 20) - 4096));
    let mut taken = 0;
    while set_large(&mut client, "large:0") {
        taken += 1;
        assert!(taken < 2000, "the limit is never met");
    }
    assert_eq!(client.run("PING"), Value::Simple("PONG".into()));
    server.limit_file_bytes(None);
    wait_until_writes_resume(&mut client);
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
}

#[test]
fn a_full_file_system_is_survived() {
    let place = Place::new();
    let mount = place.root.path().join("small");
    fs::create_dir(&mount).unwrap();
    // The file system belongs to the server and is unmounted when its process ends.
    let own = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
        command.arg(&mount).arg(env!("CARGO_BIN_EXE_ackd"));
        command
    };
    let probe = own("mount -t tmpfs -o size=1m tmpfs \"$1\"").output();
    let refusal = match &probe {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(refusal) = refusal {
        // Asserted, so that only a machine that forbids mounting skips this; limits on file sizes test the same.
        let forbidden = ["ermission denied", "not permitted", "No space left", "No such file"];
        assert!(forbidden.iter().any(|reason| refusal.contains(reason)), "{refusal}");
        eprintln!("NO MOUNT, a limit on file sizes instead of a full file system: {refusal}");
        let server = place.start(&["--wal-segment-size", "1mb"]);
        server.limit_file_bytes(Some(12 << 20));
        return full_and_emptied(&mut server.client());
    }
    let command = own("mount -t tmpfs -o size=24m tmpfs \"$1\" && shift && exec \"$@\"");
    let log = place.log().display().to_string();
    let socket = place.root.path().join("socket").display().to_string();
    let flags = ["--wal-segment-size", "1mb", "--logfile", &log, "--unixsocket", &socket];
    let mut server = TestServer::spawn_by(command, free_port(), &mount.join("data"), &flags);
    let connect = || Client::new(Box::new(server.tcp()));
    eventually("the server starts", || Path::new(&socket).exists());
    let mut client = connect();
    assert!(set_large(&mut client, "large:0"));

    // Another program fills the disk, and makes space again.
    let ballast = PathBuf::from(format!("/proc/{}/root{}/ballast", server.pid(), mount.display()));
    fs::write(&ballast, vec![1; 12 << 20]).unwrap();
    fill(&mut client);
    assert_usable_while_full(&mut client);
    fs::remove_file(&ballast).unwrap();
    wait_until_writes_resume(&mut client);

    full_and_emptied(&mut client);
    drop(client);
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)), "{}", place.log_text());
}

#[test]
fn a_stop_under_load_answers_what_was_taken_and_leaves_nothing_to_replay() {
    let place = Place::new();
    let mut server = place.start(&[]);
    let begun = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (mut client, begun) = (server.client(), begun.clone());
            std::thread::spawn(move || {
                let mut acked = 0_u64;
                while let Ok(reply) = client.try_command(&[b"INCR", format!("w:{writer}").as_bytes()]) {
                    acked += 1;
                    assert_eq!(reply, Value::Integer(acked as i64));
                    begun.fetch_add(u64::from(acked == 20), SeqCst);
                }
                acked
            })
        })
        .collect();
    eventually("all writers write", || begun.load(SeqCst) == 4);
    // At any moment of what follows.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
    let acked: Vec<u64> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();

    let server = place.start(&[]);
    let mut client = server.client();
    for (writer, acked) in acked.iter().enumerate() {
        // Every accepted command was answered, so the numbers agree exactly.
        assert_eq!(client.run(&format!("GET w:{writer}")), Value::Bulk(acked.to_string().into_bytes()));
    }
    assert!(durability(&mut client).contains("recovery_records_last:0\r"), "{}", durability(&mut client));
    assert!(place.log_text().lines().last().unwrap().contains("replayed=0"), "{}", place.log_text());
}
