//! Files that are removed, renamed, replaced or truncated under a running server: it names the file and exits with code 4
//! before it acknowledges much more, and while the log still has everything.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use ackd::cli::exit;
use ackd::keyspace::Keyspace;
use ackd::table::{MmapFile, Table, TableOptions};
use common::{Client, PATIENCE, TestServer, Value, eventually};

/// A server that writes its server log to a file.
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

    fn start(&self, flags: &[&str]) -> TestServer {
        let log = self.root.path().join("log").display().to_string();
        let all = [&["--logfile", &log, "--wal-segment-size", "1mb"], flags].concat();
        TestServer::start(&self.dir(), &all)
    }

    fn said(&self) -> String {
        fs::read_to_string(self.root.path().join("log")).unwrap()
    }
}

/// Writes keys one after the other until the server stops answering; returns how many it acknowledged.
fn write_until_the_end(client: &mut Client, from: u64) -> u64 {
    let start = Instant::now();
    for number in from.. {
        let reply = client.try_command(&[b"SET", format!("key:{number}").as_bytes(), b"value"]);
        match reply {
            Ok(Value::Simple(_)) => {}
            // A page of a truncated table: refused, not acknowledged.
            Ok(Value::Error(text)) if text.starts_with("ERR data page") => {}
            Ok(other) => panic!("SET answered {other:?}"),
            Err(_) => return number,
        }
        assert!(start.elapsed() < PATIENCE, "the server goes on");
    }
    unreachable!()
}

fn write_keys(client: &mut Client, keys: u64) {
    for number in 0..keys {
        assert_eq!(client.run(&format!("SET key:{number} value")), Value::Simple("OK".into()));
    }
}

/// Waits for the exit after a change, and asserts that the server named the file.
fn assert_ends(place: &Place, server: &mut TestServer, name: &str, what: &str) {
    eventually(&format!("the server ends: {name} {what}"), || server.has_ended());
    let said = place.said();
    assert_eq!(server.wait().code(), Some(i32::from(exit::IO)), "{name} {what}: {said}");
    assert!(said.lines().any(|line| line.contains(name) && line.contains(what)), "{name} {what}: {said}");
}

/// How many keys the checkpoint in a table's file holds.
fn keys_of(table: &Path) -> u64 {
    let file = MmapFile::open(table, 1 << 30).unwrap();
    let (_, mut writer) = Table::open(Box::new(file), &TableOptions::default()).unwrap();
    Keyspace::new(&mut writer, None).len(0)
}

/// The active segment: the newest one with a header.
fn active_segment(dir: &Path) -> PathBuf {
    let mut segments: Vec<PathBuf> =
        fs::read_dir(dir.join("wal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    let is_used = |path: &&PathBuf| fs::read(path).is_ok_and(|bytes| bytes.iter().any(|byte| *byte != 0));
    segments.iter().rfind(is_used).unwrap().clone()
}

#[test]
fn a_table_that_is_removed_is_noticed_and_can_be_had_back_with_all_that_was_acknowledged() {
    let place = Place::new();
    let mut server = place.start(&[]);
    let mut client = server.client();
    write_keys(&mut client, 500);
    // The log recycles these records: from here on only the table has them.
    assert_eq!(client.run("SAVE"), Value::Simple("OK".into()));
    let table = place.dir().join("table.ackd");
    fs::remove_file(&table).unwrap();
    let acknowledged = write_until_the_end(&mut client, 500);
    assert_ends(&place, &mut server, "table.ackd", "was removed or renamed");
    assert!(place.said().contains("nothing more is acknowledged"), "{}", place.said());
    let rescued = place.dir().join("table.ackd.rescued");
    assert!(place.said().contains(&*rescued.to_string_lossy()), "{}", place.said());
    fs::rename(rescued, table).unwrap();
    let server = place.start(&[]);
    let Value::Integer(keys) = server.client().run("DBSIZE") else { panic!("DBSIZE answers a number") };
    assert!(keys as u64 >= acknowledged && keys as u64 <= acknowledged + 1, "{keys} of {acknowledged}");
}

#[test]
fn a_table_that_is_removed_again_is_saved_beside_the_copy_of_the_first_time() {
    let place = Place::new();
    let mut server = place.start(&[]);
    write_keys(&mut server.client(), 20);
    let (table, earlier) = (place.dir().join("table.ackd"), place.dir().join("table.ackd.rescued"));
    fs::write(&earlier, "half of a copy").unwrap();
    assert_eq!(server.client().run("SAVE"), Value::Simple("OK".into()));
    fs::remove_file(&table).unwrap();
    assert_ends(&place, &mut server, "table.ackd", "was removed or renamed");
    let rescued = place.dir().join("table.ackd.rescued.1");
    assert!(place.said().contains(&*rescued.to_string_lossy()), "{}", place.said());
    assert_eq!(fs::read(earlier).unwrap(), b"half of a copy");
    fs::rename(rescued, table).unwrap();
    let server = place.start(&[]);
    assert_eq!(server.client().run("DBSIZE"), Value::Integer(20));
}

#[test]
fn a_directory_that_is_removed_with_all_that_is_in_it_leaves_its_table_beside_it() {
    for is_made_again in [false, true] {
        let place = Place::new();
        let mut server = place.start(&[]);
        let mut client = server.client();
        write_keys(&mut client, 500);
        assert_eq!(client.run("SAVE"), Value::Simple("OK".into()));
        let (dir, taken) = (place.dir(), place.root.path().join("data.rescued"));
        fs::create_dir(&taken).unwrap();
        // Like an `rm -rf` between two checks of the server: it never sees only a part removed.
        let gone = place.root.path().join("gone");
        fs::rename(&dir, &gone).unwrap();
        fs::remove_dir_all(&gone).unwrap();
        if is_made_again {
            fs::create_dir(&dir).unwrap();
        }
        write_until_the_end(&mut client, 500);
        assert_ends(&place, &mut server, "data", if is_made_again { "was replaced" } else { "was removed" });
        let copy = place.root.path().join("data.rescued.1/table.ackd");
        let said = place.said();
        assert!(said.contains(&*copy.to_string_lossy()), "{said}");
        assert!(said.contains("the log is gone") && said.contains("ackd-wal repair --trim-tail"), "{said}");
        assert_eq!(fs::read_dir(taken).unwrap().count(), 0);
        assert!(keys_of(&copy) >= 500);
    }
}

#[test]
fn a_directory_that_is_emptied_step_by_step_leaves_its_table_somewhere() {
    let place = Place::new();
    let mut server = place.start(&[]);
    let mut client = server.client();
    write_keys(&mut client, 100);
    assert_eq!(client.run("SAVE"), Value::Simple("OK".into()));
    let writer = std::thread::spawn(move || write_until_the_end(&mut client, 100));
    let removed = Command::new("rm").arg("-rf").arg(place.dir()).status();
    assert!(removed.is_ok());
    eventually("the server ends", || server.has_ended());
    writer.join().unwrap();
    assert_eq!(server.wait().code(), Some(i32::from(exit::IO)), "{}", place.said());
    let copies = [place.dir().join("table.ackd.rescued"), place.root.path().join("data.rescued/table.ackd")];
    let copy = copies.iter().find(|copy| copy.exists()).unwrap_or_else(|| panic!("{}", place.said()));
    assert!(place.said().contains(&*copy.to_string_lossy()), "{}", place.said());
    assert!(keys_of(copy) >= 100);
}

#[test]
fn a_checkpoint_lets_no_log_go_once_the_table_has_no_name() {
    let place = Place::new();
    let mut server = place.start(&[]);
    let mut client = server.client();
    write_keys(&mut client, 500);
    fs::remove_file(place.dir().join("table.ackd")).unwrap();
    let saved = client.try_command(&[b"SAVE"]);
    assert!(!matches!(saved, Ok(Value::Simple(_))), "{saved:?}");
    assert_ends(&place, &mut server, "table.ackd", "was removed or renamed");
}

#[test]
fn an_orderly_end_without_the_table_is_none() {
    let place = Place::new();
    let mut server = place.start(&[]);
    write_keys(&mut server.client(), 10);
    fs::remove_file(place.dir().join("table.ackd")).unwrap();
    assert_eq!(server.stop().code(), Some(i32::from(exit::IO)), "{}", place.said());
}

#[test]
fn whatever_is_removed_renamed_or_replaced_ends_the_server_and_is_named() {
    let replace = |path: &Path| {
        let copy = path.with_extension("copy");
        fs::copy(path, &copy).unwrap();
        fs::rename(copy, path).unwrap();
    };
    let rename = |path: &Path| fs::rename(path, path.with_extension("elsewhere")).unwrap();
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    let cut = |path: &Path| fs::File::options().write(true).open(path).unwrap().set_len(4096).unwrap();
    type Change<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);
    let changes: [Change<'_>; 11] = [
        ("table.ackd", &replace, "was replaced"),
        ("table.ackd", &rename, "has another name now"),
        ("table.ackd", &cut, "table.ackd"),
        ("LOCK", &remove, "was removed"),
        ("LOCK", &replace, "was replaced"),
        ("wal", &rename, "was removed or renamed"),
        ("", &rename, "was removed or renamed"),
        (".wal", &remove, "was removed or renamed"),
        (".wal", &rename, "was removed or renamed"),
        (".wal", &replace, "was replaced"),
        (".wal", &cut, "was cut"),
    ];
    for (name, change, what) in changes {
        let place = Place::new();
        let mut server = place.start(&[]);
        let mut client = server.client();
        write_keys(&mut client, 20);
        let path = match name {
            ".wal" => active_segment(&place.dir()),
            "" => place.dir(),
            name => place.dir().join(name),
        };
        change(&path);
        write_until_the_end(&mut client, 20);
        assert_ends(&place, &mut server, path.file_name().unwrap().to_str().unwrap(), what);
    }
}

#[test]
fn a_spare_that_vanishes_is_named_before_it_is_needed() {
    let place = Place::new();
    let mut server = place.start(&["--wal-spare-segments", "2"]);
    write_keys(&mut server.client(), 20);
    let wal = place.dir().join("wal");
    let spares = || {
        let mut names: Vec<PathBuf> = fs::read_dir(&wal)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "wal"))
            .collect();
        names.sort();
        names
    };
    eventually("spares are made", || spares().len() >= 3);
    // Not the newest spare: it may have its name and not be ready yet.
    let spare = spares()[1].clone();
    fs::remove_file(&spare).unwrap();
    assert_ends(&place, &mut server, &spare.to_string_lossy(), "was removed or renamed");
}

#[test]
fn a_socket_or_pid_file_that_vanishes_is_reported_once_and_nothing_stops() {
    let place = Place::new();
    let pid_file = place.root.path().join("pid");
    let mut server = place.start(&["--pidfile", &pid_file.display().to_string()]);
    let socket = place.root.path().join(format!("{}.sock", server.port));
    eventually("there is a pid file", || pid_file.exists());
    let mut client = server.client();
    fs::remove_file(&socket).unwrap();
    fs::rename(&pid_file, place.root.path().join("elsewhere")).unwrap();
    let reports = |name: &Path| {
        let said = place.said();
        said.lines()
            .filter(|line| line.contains("level=warning") && line.contains(&*name.to_string_lossy()))
            .count()
    };
    eventually("both are reported", || reports(&socket) > 0 && reports(&pid_file) > 0);
    // Some looks later.
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!((reports(&socket), reports(&pid_file)), (1, 1), "{}", place.said());
    assert_eq!(client.run("SET k v"), Value::Simple("OK".into()));
    assert!(server.stop().success());
    assert!(place.said().contains("removed or renamed"), "{}", place.said());
}

#[test]
fn an_orderly_end_reports_no_name_that_it_removes_itself() {
    let place = Place::new();
    let pid_file = place.root.path().join("pid");
    let mut server = place.start(&["--pidfile", &pid_file.display().to_string()]);
    write_keys(&mut server.client(), 10);
    assert!(server.stop().success());
    assert!(!place.said().contains("a restart makes it anew"), "{}", place.said());
}

#[test]
fn a_table_that_is_written_over_in_place_makes_no_checkpoint() {
    let place = Place::new();
    let mut server = place.start(&[]);
    let mut client = server.client();
    write_keys(&mut client, 100);
    assert_eq!(client.run("SAVE"), Value::Simple("OK".into()));
    let table = place.dir().join("table.ackd");
    let old = fs::read(&table).unwrap();
    write_keys(&mut client, 300);
    assert_eq!(client.run("SAVE"), Value::Simple("OK".into()));
    // A backup is restored by writing into the file; this part is enough to notice it.
    let file = fs::File::options().write(true).open(&table).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &old[..2 * 4096], 0).unwrap();
    file.sync_all().unwrap();
    assert_eq!(client.run("SET other value"), Value::Simple("OK".into()));
    let saved = client.try_command(&[b"SAVE"]);
    assert!(!matches!(saved, Ok(Value::Simple(_))), "a checkpoint was made of a mixture");
    assert_ends(&place, &mut server, "table.ackd", "was overwritten by somebody else");
}
