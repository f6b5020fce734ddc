//! What ends a long read before it has replied everything.

use std::io::{Read, Write};
use std::path::Path;

use super::common::{PATIENCE, TestServer, Value, encode, eventually};
use super::{ask_and_wait, long_reads, set_long, start};

#[test]
fn a_long_read_ends_with_its_client() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    set_long(&mut client);
    let stream = ask_and_wait(&server, 10);
    assert_eq!(long_reads(&server), 1);
    drop(stream);
    eventually("the read ends with a client that left", || long_reads(&server) == 0);
    let mut stream = ask_and_wait(&server, 10);
    assert_eq!(client.run("CLIENT KILL TYPE normal SKIPME yes"), Value::Integer(1));
    eventually("the read ends with a killed client", || long_reads(&server) == 0);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert!(bytes.len() < 10 << 20, "{} bytes arrived", bytes.len());
}

#[test]
fn work_without_a_reply_ends_with_its_client() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    for first in (0..40_000).step_by(2000) {
        let members: Vec<String> = (first..first + 2000).map(|member| member.to_string()).collect();
        let mut words: Vec<&[u8]> = vec![b"SADD", b"set"];
        words.extend(members.iter().map(String::as_bytes));
        client.command(&words);
    }
    // A thousand million lookups: that takes longer than this test waits.
    let mut words: Vec<&[u8]> = vec![b"SINTERCARD", b"25000"];
    words.extend(vec![&b"set"[..]; 25_000]);
    for is_killed in [false, true] {
        let mut stream = server.unix();
        stream.write_all(&encode(&words)).unwrap();
        eventually("the read begins", || long_reads(&server) == 1);
        assert_eq!(client.run("SET key value"), Value::Simple("OK".into()));
        if is_killed {
            client.run("CLIENT KILL TYPE normal SKIPME yes");
        } else {
            drop(stream);
        }
        eventually("the read ends", || long_reads(&server) == 0);
    }
}

#[test]
fn a_server_that_stops_does_not_wait_for_a_long_reply() {
    let root = tempfile::tempdir().unwrap();
    let mut server = start(&root.path().join("data"));
    set_long(&mut server.client());
    let _stream = ask_and_wait(&server, 10);
    assert!(server.stop().success());
}

/// Bytes of an element of the list that gets damaged.
const ELEMENT_BYTES: usize = 200;
/// Number of its elements.
const ELEMENTS: usize = 20_000;

/// An element that is not like any other.
fn element(index: usize) -> String {
    format!("{index:0ELEMENT_BYTES$}")
}

/// Flips a bit of the page that holds `text`.
fn damage(table: &Path, text: &[u8]) {
    let mut bytes = std::fs::read(table).unwrap();
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, text).collect();
    assert!(!places.is_empty(), "the table holds the element");
    places.iter().for_each(|place| bytes[*place] ^= 1);
    std::fs::write(table, bytes).unwrap();
}

#[test]
fn a_reply_that_meets_damage_is_broken_off_with_its_connection() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let mut server = start(&dir);
    let mut client = server.client();
    for first in (0..ELEMENTS).step_by(1000) {
        let elements: Vec<String> = (first..first + 1000).map(element).collect();
        let mut words: Vec<&[u8]> = vec![b"RPUSH", b"list"];
        words.extend(elements.iter().map(String::as_bytes));
        assert_eq!(client.command(&words), Value::Integer((first + 1000) as i64));
    }
    assert!(server.stop().success());
    damage(&dir.join("table.ackd"), element(15_000).as_bytes());
    let server = TestServer::start(&dir, &[]);
    let mut stream = server.unix();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"PING\r\nLRANGE list 0 -1\r\nPING\r\n").unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let mut whole = format!("+PONG\r\n*{ELEMENTS}\r\n").into_bytes();
    for index in 0..ELEMENTS {
        whole.extend(format!("${ELEMENT_BYTES}\r\n{}\r\n", element(index)).into_bytes());
    }
    assert!(bytes.len() > 1 << 20 && bytes.len() < whole.len(), "{} bytes arrived", bytes.len());
    assert!(whole.starts_with(&bytes), "all that arrived is right");
    let mut client = server.client();
    assert!(matches!(client.run("LRANGE list 0 9000"), Value::Array(found) if found.len() == 9001));
    assert!(matches!(client.run("LRANGE list 15000 15000"), Value::Error(_)));
    assert_eq!(client.run("SET key value"), Value::Simple("OK".into()));
}
