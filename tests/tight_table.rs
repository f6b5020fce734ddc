//! A nearly full table on the real server: replaced values make space for new ones, while the server runs, when a command is
//! undone, and when a start replays the log.

mod common;

use std::path::Path;
use std::time::Duration;

use common::{Client, TestServer, Value};

/// Bytes of the value that is copied.
const VALUE_BYTES: usize = 900_000;

fn start(dir: &Path, table_max_size: &str) -> TestServer {
    TestServer::start(dir, &["--table-max-size", table_max_size, "--recovery-target-ms", "60000"])
}

/// Stores a value and copies it over another `copies` times; each copy drops a tree.
fn copy_often(client: &mut Client, copies: usize, rest: Duration) {
    client.command(&[b"SET", b"from", &vec![b'v'; VALUE_BYTES]]);
    for copy in 0..copies {
        assert_eq!(client.run("COPY from to REPLACE"), Value::Integer(1), "copy {copy}");
        std::thread::sleep(rest);
    }
}

#[test]
fn a_start_finds_room_for_what_the_server_did() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = start(&dir, "16mb");
    copy_often(&mut server.client(), 25, Duration::from_millis(10));
    for _ in 0..2 {
        server.kill();
        server = start(&dir, "16mb");
        assert_eq!(server.client().run("STRLEN to"), Value::Integer(VALUE_BYTES as i64));
    }
}

#[test]
fn copies_sent_at_once_find_the_room_that_earlier_ones_left() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = start(&dir, "16mb");
    let mut client = server.client();
    client.command(&[b"SET", b"from", &vec![b'v'; VALUE_BYTES]]);
    client.send("COPY from to REPLACE\r\n".repeat(200).as_bytes()).unwrap();
    for copy in 0..200 {
        assert_eq!(client.reply().unwrap(), Value::Integer(1), "copy {copy}");
    }
    server.kill();
    let server = start(&dir, "16mb");
    assert_eq!(server.client().run("STRLEN to"), Value::Integer(VALUE_BYTES as i64));
}

#[test]
fn a_transaction_that_is_taken_back_says_of_the_data_alone_that_it_did_not_change() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"), "16mb");
    let mut client = server.client();
    client.command(&[b"SET", b"from", &vec![b'v'; VALUE_BYTES]]);
    client.run("MULTI");
    client.run("CONFIG SET slowlog-max-len 77");
    (0..20).for_each(|copy| drop(client.run(&format!("COPY from copy{copy}"))));
    let Value::Error(text) = client.run("EXEC") else { panic!("18 MB find room in 16 MiB") };
    assert!(text.starts_with("EXECABORT Transaction discarded because of: MISCONF No space left"), "{text}");
    assert!(text.contains("no data was changed") && !text.contains("nothing"), "{text}");
    assert_eq!(client.run("DBSIZE"), Value::Integer(1));
    let Value::Array(directive) = client.run("CONFIG GET slowlog-max-len") else { panic!("an array") };
    assert_eq!(directive[1].text(), "77");
}

#[test]
fn a_command_without_room_is_refused_after_many_that_found_some() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = start(&dir, "64mb");
    let mut client = server.client();
    client.command(&[b"SET", b"big", &vec![b'v'; 30_000_000]]);
    // Nobody reads, so nothing is published before the refusal, which undoes everything and executes it again.
    copy_often(&mut client, 60, Duration::ZERO);
    let Value::Error(text) = client.run("COPY big big2") else { panic!("there is room for it") };
    assert!(text.starts_with("MISCONF"), "{text}");
    assert_eq!(client.run("STRLEN to"), Value::Integer(VALUE_BYTES as i64));
    server.kill();
    let server = start(&dir, "64mb");
    let mut client = server.client();
    assert_eq!(client.run("DBSIZE"), Value::Integer(3));
    assert_eq!(client.run("STRLEN to"), Value::Integer(VALUE_BYTES as i64));
}

#[test]
fn a_value_that_fits_is_not_refused() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"), "32mb");
    let value = vec![b'v'; 20 << 20];
    assert_eq!(server.client().command(&[b"SET", b"large", &value]), Value::Simple("OK".into()));
}
