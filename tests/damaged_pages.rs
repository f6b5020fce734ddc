//! Damaged pages of the table under a running server: commands that need them fail as a whole, with an error that names the
//! page; all other commands are served and right; and the scrub finds the pages before a command needs them.

mod common;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ackd::cli::exit;
use ackd::table::{Finding, PAGE_BYTES, verify_path};
use common::{Client, TestServer, Value, encode, eventually};

/// Keys of the data set.
const KEYS: u64 = 6000;
/// Hashes with an expired field.
const HASHES: u64 = 3000;
/// The first expiration time, in milliseconds since 1970: far away.
const EXPIRY_MS: u64 = 4_000_000_000_000;
/// Slots of the table: the keys of database 0, and their expiration times.
const KEYS_SLOT: usize = 0;
const EXPIRIES_SLOT: usize = 1;
/// Time until the fields expire; they are stored before that, unless the machine is very slow.
const DUE: Duration = Duration::from_millis(3000);

/// A directory for one test.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    /// A data set of `KEYS` keys with expiration times, checkpointed; the server is stopped.
    fn new() -> Self {
        let place = Self { root: tempfile::tempdir().unwrap() };
        let mut server = place.start(&[]);
        let mut client = server.client();
        let sets: Vec<u8> = (0..KEYS).flat_map(|number| set(number, &value(number))).collect();
        client.send(&sets).unwrap();
        (0..KEYS).for_each(|_| assert_eq!(client.reply().unwrap(), Value::Simple("OK".into())));
        assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
        place
    }

    fn start(&self, flags: &[&str]) -> TestServer {
        let log = self.root.path().join("log").display().to_string();
        TestServer::start(&self.root.path().join("data"), &[&["--logfile", &log], flags].concat())
    }

    fn table(&self) -> PathBuf {
        self.root.path().join("data/table.ackd")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.root.path().join("log")).unwrap()
    }

    /// Flips a bit in some leaves of the tree in `slot`, `step` pages apart; returns the findings of verification, and how
    /// to undo the damage.
    fn damage(&self, slot: usize, step: usize, pages: usize) -> (Vec<Finding>, Vec<(u64, u8)>) {
        let file = self.file();
        let mut flipped = Vec::new();
        let end = file.metadata().unwrap().len() / PAGE_BYTES as u64;
        // The places of pages are random: if these steps do not find enough, the pages in between are tried, too.
        for page in (0..step as u64).flat_map(|from| (40 + from..end).step_by(step)) {
            let at = page * PAGE_BYTES as u64 + 3000;
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 4], at).unwrap();
            let findings = verify_path(&self.table(), &mut |_| {}).unwrap().findings;
            let hit = findings.iter().any(|found| found.page == page && found.slot == Some(slot));
            let leaf = findings.iter().all(|found| found.from_key.is_some() && found.to_key.is_some());
            if hit && leaf {
                flipped.push((at, byte[0]));
            } else {
                file.write_all_at(&byte, at).unwrap();
            }
            if flipped.len() == pages {
                return (verify_path(&self.table(), &mut |_| {}).unwrap().findings, flipped);
            }
        }
        panic!("the tree in slot {slot} has fewer leaves");
    }

    fn repair(&self, flipped: &[(u64, u8)]) {
        flipped.iter().for_each(|(at, byte)| self.file().write_all_at(&[*byte], *at).unwrap());
    }

    fn file(&self) -> File {
        OpenOptions::new().read(true).write(true).open(self.table()).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

fn key(number: u64) -> String {
    format!("key:{number:06}")
}

fn value(number: u64) -> String {
    format!("value of {number}, {}", "x".repeat(number as usize % 60))
}

/// A `SET` with the key's own expiration time, encoded.
fn set(number: u64, value: &str) -> Vec<u8> {
    let expiry = (EXPIRY_MS + number).to_string();
    encode(&[b"SET", key(number).as_bytes(), value.as_bytes(), b"PXAT", expiry.as_bytes()])
}

/// Whether a key of a tree is on a damaged page.
fn is_damaged(findings: &[Finding], slot: usize, tree_key: &[u8]) -> bool {
    let reaches = |found: &Finding| {
        found.slot == Some(slot)
            && found.from_key.as_deref().is_some_and(|from| from <= tree_key)
            && found.to_key.as_deref().is_some_and(|to| tree_key < to)
    };
    findings.iter().any(reaches)
}

/// Whether a key's cell is on a damaged page.
fn is_lost(findings: &[Finding], number: u64) -> bool {
    is_damaged(findings, KEYS_SLOT, key(number).as_bytes())
}

/// Whether a key's expiration time is on a damaged page.
fn lost_expiry(findings: &[Finding], number: u64) -> bool {
    let tree_key = [&(EXPIRY_MS + number).to_be_bytes()[..], key(number).as_bytes()].concat();
    is_damaged(findings, EXPIRIES_SLOT, &tree_key)
}

/// A reply that names a damaged page.
fn is_refusal(reply: &Value) -> bool {
    matches!(reply, Value::Error(text) if text.starts_with("ERR data page ") && text.contains(" of table.ackd is damaged: "))
}

/// A figure of `INFO durability`.
fn figure(client: &mut Client, name: &str) -> String {
    let info = client.run("INFO durability").text();
    let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("no {name} in {info}")).to_string()
}

#[test]
fn commands_on_a_damaged_page_are_refused_and_all_others_served() {
    let place = Place::new();
    let (findings, _) = place.damage(KEYS_SLOT, 9, 3);
    let lost = (0..KEYS).filter(|number| is_lost(&findings, *number)).count() as u64;
    assert!(findings.len() == 3 && lost > 50 && lost < KEYS / 4, "{lost} keys on {} pages", findings.len());
    let mut server = place.start(&["--scrub-rate", "0"]);
    let mut client = server.client();
    for number in 0..KEYS {
        let reply = client.command(&[b"GET", key(number).as_bytes()]);
        match is_lost(&findings, number) {
            true => assert!(is_refusal(&reply), "{number}: {reply:?}"),
            false => assert_eq!(reply, Value::Bulk(value(number).into())),
        }
    }
    // Writes in one pipeline: only those that need a damaged page are refused.
    let words = |number: u64| -> [Vec<u8>; 3] {
        let name = key(number);
        [
            set(number, "new"),
            encode(&[b"APPEND", name.as_bytes(), b"!"]),
            encode(&[b"STRLEN", name.as_bytes()]),
        ]
    };
    client.send(&(0..KEYS).step_by(3).flat_map(words).flatten().collect::<Vec<u8>>()).unwrap();
    for number in (0..KEYS).step_by(3) {
        let replies: Vec<Value> = (0..3).map(|_| client.reply().unwrap()).collect();
        match is_lost(&findings, number) {
            true => assert!(replies.iter().all(is_refusal), "{number}: {replies:?}"),
            false => assert_eq!(replies, [Value::Simple("OK".into()), Value::Integer(4), Value::Integer(4)]),
        }
    }
    assert_eq!(figure(&mut client, "damaged_pages"), "3");
    let shown = figure(&mut client, "damaged_page_0");
    let Finding { page, .. } = findings.iter().min_by_key(|found| found.page).unwrap();
    assert!(
        shown.starts_with(&format!("page={page},offset={},keys=db0 from \"key:", page * 4096)),
        "{shown}"
    );
    let log = place.log();
    for found in &findings {
        let line = format!("data page {} of table.ackd is damaged: checksum", found.page);
        assert_eq!(log.matches(&line).count(), 1, "{log}");
    }
    // A checkpoint works and keeps the good pages; after a restart everything is as before.
    assert_eq!(client.run("SAVE"), Value::Simple("OK".into()));
    server.kill();
    let mut server = place.start(&["--scrub-rate", "0"]);
    let mut client = server.client();
    for number in 0..KEYS {
        let reply = client.command(&[b"GET", key(number).as_bytes()]);
        match (is_lost(&findings, number), number % 3) {
            (true, _) => assert!(is_refusal(&reply), "{number}: {reply:?}"),
            (false, 0) => assert_eq!(reply, Value::Bulk(b"new!".into())),
            (false, _) => assert_eq!(reply, Value::Bulk(value(number).into())),
        }
    }
    assert!(is_refusal(&client.run("KEYS *")), "a page less would be a wrong answer");
    // Nobody knows whether a key that cannot be read exists: a transaction that watches it is not run.
    let unreadable = (0..KEYS).find(|number| is_lost(&findings, *number)).unwrap();
    let mut watcher = server.client();
    assert_eq!(watcher.command(&[b"WATCH", key(unreadable).as_bytes()]), Value::Simple("OK".into()));
    assert_eq!(client.run("FLUSHALL"), Value::Simple("OK".into()));
    assert_eq!(client.run("SET after flush"), Value::Simple("OK".into()));
    watcher.send(&[encode(&[b"MULTI"]), encode(&[b"PING"]), encode(&[b"EXEC"])].concat()).unwrap();
    let replies = [(); 3].map(|()| watcher.reply().unwrap());
    assert_eq!(replies[2], Value::Null, "{replies:?}");
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
}

#[test]
fn a_command_that_fails_in_the_middle_is_taken_back_and_those_around_it_stand() {
    let place = Place::new();
    let (findings, flipped) = place.damage(EXPIRIES_SLOT, 7, 2);
    let (bad, good): (Vec<u64>, Vec<u64>) = (0..KEYS).partition(|number| lost_expiry(&findings, *number));
    assert!(bad.len() > 50 && good.len() > bad.len(), "{} and {}", bad.len(), good.len());
    let mut server = place.start(&["--scrub-rate", "0"]);
    let mut client = server.client();
    // The cell is on a good page and its expiration time on a damaged one, so each of these commands changes the first
    // before it reads the second.
    let commands: [&[&[u8]]; 5] = [
        &[b"SET", b"%", b"x"],
        &[b"DEL", b"%"],
        &[b"PERSIST", b"%"],
        &[b"RENAME", b"%", b"other"],
        &[b"GETDEL", b"%"],
    ];
    let mut sent = 0;
    for (bad, good) in bad.iter().zip(&good) {
        let words: Vec<Vec<u8>> = commands[sent % 5]
            .iter()
            .map(|word| if *word == b"%" { key(*bad).into_bytes() } else { word.to_vec() })
            .collect();
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let before = encode(&[b"SET", format!("before:{sent}").as_bytes(), b"1"]);
        let after = encode(&[b"APPEND", key(*good).as_bytes(), b"+"]);
        client.send(&[before, encode(&words), after].concat()).unwrap();
        sent += 1;
    }
    for good in good.iter().take(sent) {
        assert_eq!(client.reply().unwrap(), Value::Simple("OK".into()));
        let refused = client.reply().unwrap();
        assert!(is_refusal(&refused), "{refused:?}");
        assert_eq!(client.reply().unwrap(), Value::Integer(value(*good).len() as i64 + 1));
    }
    let check = |client: &mut Client| {
        assert_eq!(client.run("DBSIZE"), Value::Integer((KEYS as usize + sent) as i64));
        assert_eq!(client.run("EXISTS other"), Value::Integer(0));
        for (index, number) in bad.iter().enumerate() {
            assert_eq!(
                client.command(&[b"GET", key(*number).as_bytes()]),
                Value::Bulk(value(*number).into())
            );
            let expiry = client.command(&[b"PEXPIRETIME", key(*number).as_bytes()]);
            assert_eq!(expiry, Value::Integer((EXPIRY_MS + number) as i64));
            assert_eq!(client.run(&format!("GET before:{index}")), Value::Bulk(b"1".into()));
        }
        for number in good.iter().take(sent) {
            let expected = value(*number) + "+";
            assert_eq!(client.command(&[b"GET", key(*number).as_bytes()]), Value::Bulk(expected.into()));
        }
    };
    check(&mut client);
    // The damage does not change the log.
    server.kill();
    check(&mut place.start(&["--scrub-rate", "0"]).client());
    place.repair(&flipped);
    let mut server = place.start(&[]);
    check(&mut server.client());
    let first = key(bad[0]);
    assert_eq!(server.client().command(&[b"DEL", first.as_bytes()]), Value::Integer(1));
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
    assert_eq!(verify_path(&place.table(), &mut |_| {}).unwrap().findings, []);
}

#[test]
fn fields_that_are_due_on_a_damaged_page_stay_and_all_else_goes_on() {
    let place = Place { root: tempfile::tempdir().unwrap() };
    let mut server = place.start(&[]);
    let mut client = server.client();
    let due_ms = DUE.as_millis().to_string();
    let make = |number: u64| {
        let (name, filler) = (key(number), value(number).repeat(5));
        [
            encode(&[b"HSET", name.as_bytes(), b"due", b"x", b"stays", filler.as_bytes()]),
            encode(&[b"HPEXPIRE", name.as_bytes(), due_ms.as_bytes(), b"FIELDS", b"1", b"due"]),
        ]
        .concat()
    };
    client.send(&(0..HASHES).flat_map(make).collect::<Vec<u8>>()).unwrap();
    for _ in 0..HASHES {
        assert_eq!(client.reply().unwrap(), Value::Integer(2));
        assert_eq!(client.reply().unwrap(), Value::Array(vec![Value::Integer(1)]));
    }
    let due = Instant::now() + DUE;
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
    let (findings, _) = place.damage(KEYS_SLOT, 9, 2);
    let lost: Vec<bool> = (0..HASHES).map(|number| is_lost(&findings, number)).collect();
    assert!(lost.contains(&true), "no hash is on a damaged page");
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
    let mut server = place.start(&["--scrub-rate", "0"]);
    let mut client = server.client();
    eventually("fields that are due go", || {
        lost.iter().enumerate().all(|(number, lost)| {
            let left = client.command(&[b"HLEN", key(number as u64).as_bytes()]);
            if *lost { is_refusal(&left) } else { left == Value::Integer(1) }
        })
    });
    assert_eq!(client.run("SET other works"), Value::Simple("OK".into()));
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
}

#[test]
fn the_scrub_finds_damage_that_nobody_asks_for() {
    let place = Place::new();
    let mut server = place.start(&["--scrub-rate", "0"]);
    let mut client = server.client();
    (0..KEYS).for_each(|number| drop(client.command(&[b"GET", key(number).as_bytes()])));
    let (findings, _) = place.damage(KEYS_SLOT, 8, 2);
    // All pages were checked when they were good, so only the scrub can find the damage.
    assert_eq!(figure(&mut client, "damaged_pages"), "0");
    assert_eq!(client.run("CONFIG SET scrub-rate 100000"), Value::Simple("OK".into()));
    eventually("the scrub ends", || figure(&mut client, "scrub_passes") != "0");
    assert_eq!(figure(&mut client, "scrub_last_damaged_pages"), "2");
    assert_eq!(figure(&mut client, "damaged_pages"), "2");
    assert!(figure(&mut client, "scrub_last_pages").parse::<u64>().unwrap() > 80);
    assert_ne!(figure(&mut client, "scrub_last_end_time"), "0");
    assert!(place.log().contains("scrub: damaged pages"), "{}", place.log());
    for number in 0..KEYS {
        let reply = client.command(&[b"GET", key(number).as_bytes()]);
        match is_lost(&findings, number) {
            true => assert!(is_refusal(&reply), "{number}: {reply:?}"),
            false => assert_eq!(reply, Value::Bulk(value(number).into())),
        }
    }
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
}

/// Truncates the table's file under a server and reads until the server exits; returns how many reads were refused. No
/// answer may be wrong.
fn cut_and_read(read_before: bool) -> u64 {
    let place = Place::new();
    let mut server = place.start(&["--scrub-rate", "0"]);
    let mut client = server.client();
    if read_before {
        (0..KEYS).for_each(|number| drop(client.command(&[b"GET", key(number).as_bytes()])));
    }
    let gets: Vec<u8> = (0..KEYS).flat_map(|number| encode(&[b"GET", key(number).as_bytes()])).collect();
    let cut = 60 * PAGE_BYTES as u64;
    place.file().set_len(cut).unwrap();
    let (mut right, mut refused) = (0, 0);
    'reads: while client.send(&gets).is_ok() {
        for number in 0..KEYS {
            match client.reply() {
                Err(_) => break 'reads,
                Ok(Value::Error(text)) if text.starts_with("ERR data page") => refused += 1,
                Ok(reply) => {
                    assert_eq!(reply, Value::Bulk(value(number).into()), "{number}");
                    right += 1;
                }
            }
        }
    }
    eprintln!("{right} right, {refused} refused, none wrong");
    assert_eq!(server.wait().code(), Some(i32::from(exit::IO)), "{}", place.log());
    assert!(place.log().contains(&format!("was cut to {cut} bytes by somebody else")), "{}", place.log());
    refused
}

#[test]
fn a_table_file_that_is_cut_under_the_server_gives_errors_and_a_controlled_stop() {
    /// The server may notice before the first read: it checks ten times a second.
    const TRIES: usize = 30;
    for read_before in [false, true] {
        assert!((0..TRIES).any(|_| cut_and_read(read_before) > 0), "no read was refused");
    }
}

/// Runs a system command; returns its output, or the error.
fn system(words: &[&str]) -> Result<String, String> {
    let output = std::process::Command::new(words[0]).args(&words[1..]).output();
    let output = output.map_err(|error| format!("{}: {error}", words[0]))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_string()),
        false => Err(format!("{}: {}", words[0], String::from_utf8_lossy(&output.stderr))),
    }
}

/// A file system on a device that is a file, unmounted when dropped.
struct Device {
    image: PathBuf,
    device: String,
    mount: PathBuf,
}

impl Device {
    fn mount(root: &std::path::Path) -> Result<Self, String> {
        let (image, mount) = (root.join("image"), root.join("mount"));
        if !image.exists() {
            fs::create_dir(&mount).unwrap();
            File::create(&image).unwrap().set_len(96 << 20).unwrap();
            system(&[
                "mkfs.ext4",
                "-q",
                "-F",
                "-b",
                "4096",
                "-O",
                "^has_journal",
                &image.display().to_string(),
            ])?;
        }
        let device = system(&["losetup", "-f", "--show", &image.display().to_string()])?;
        let mounted = Self { image, device, mount };
        system(&["mount", "-t", "ext4", &mounted.device, &mounted.mount.display().to_string()])?;
        Ok(mounted)
    }

    /// Where the pages of a file begin on the device, by extents: first page, first block, number of both.
    fn extents(&self, path: &std::path::Path) -> Result<Vec<(u64, u64, u64)>, String> {
        let listed = system(&["filefrag", "-v", "-b4096", &path.display().to_string()])?;
        let number = |text: &str| text.trim().trim_end_matches("..").trim().parse::<u64>().ok();
        let row = |line: &str| {
            let fields: Vec<&str> = line.split([':', '.']).filter(|field| !field.trim().is_empty()).collect();
            let numbers: Vec<u64> = fields.iter().filter_map(|field| number(field)).collect();
            (numbers.len() >= 6).then(|| (numbers[1], numbers[3], numbers[5]))
        };
        Ok(listed.lines().filter_map(row).collect())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = system(&["umount", "-l", &self.mount.display().to_string()]);
        let _ = system(&["losetup", "-d", &self.device]);
    }
}

/// A device that fails to read gives errors for the pages on it; the rest is served.
#[test]
fn a_device_that_fails_gives_errors_and_nothing_wrong() {
    let root = tempfile::tempdir().unwrap();
    let device = match Device::mount(root.path()) {
        Ok(device) => device,
        Err(refusal) => {
            // Asserted, so that only a machine without such devices skips this; a truncated file tests nearly the same.
            let forbidden = [
                "ermission",
                "not permitted",
                "No such",
                "cannot find",
                "failed",
                "denied",
                "must be superuser",
            ];
            assert!(forbidden.iter().any(|reason| refusal.contains(reason)), "{refusal}");
            eprintln!("NO DEVICE, only the tests with a cut file: {refusal}");
            return;
        }
    };
    let flags = ["--wal-segment-size", "1mb", "--wal-spare-segments", "1", "--scrub-rate", "0"];
    let log = root.path().join("log").display().to_string();
    let flags = [&flags[..], &["--logfile", &log]].concat();
    let dir = device.mount.join("data");
    let mut server = TestServer::start(&dir, &flags);
    let mut client = server.client();
    client.send(&(0..KEYS).flat_map(|number| set(number, &value(number))).collect::<Vec<_>>()).unwrap();
    (0..KEYS).for_each(|_| assert_eq!(client.reply().unwrap(), Value::Simple("OK".into())));
    drop(client);
    assert_eq!(server.stop().code(), Some(i32::from(exit::OK)));
    let extents = device.extents(&dir.join("table.ackd")).unwrap();
    assert!(!extents.is_empty(), "the table is somewhere");
    drop((server, device));
    // After the new mount, nothing of the table is in memory.
    let device = Device::mount(root.path()).unwrap();
    let mut server = TestServer::start(&dir, &flags);
    let mut client = server.client();
    assert_eq!(client.run("DBSIZE"), Value::Integer(KEYS as i64));
    // The device ends at this block.
    let (_, block, count) = *extents.iter().min_by_key(|(page, _, _)| *page).unwrap();
    let lost_from = block + count / 4;
    OpenOptions::new().write(true).open(&device.image).unwrap().set_len(lost_from * 4096).unwrap();
    let (mut right, mut refused) = (0, 0);
    for number in 0..KEYS {
        match client.command(&[b"GET", key(number).as_bytes()]) {
            reply if is_refusal(&reply) => {
                assert!(reply.text().contains("it cannot be read"), "{reply:?}");
                refused += 1;
            }
            reply => {
                assert_eq!(reply, Value::Bulk(value(number).into()), "{number}");
                right += 1;
            }
        }
    }
    eprintln!("{right} right, {refused} refused, none wrong");
    assert!(refused > 0, "the device did not fail");
    assert_eq!(client.run("PING"), Value::Simple("PONG".into()));
    server.kill();
}
