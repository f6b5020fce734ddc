//! Long reads run beside, against the real server: others are served meanwhile, memory is bounded, and the replies are
//! the same as those of the writer, which makes them in one piece.

#[path = "../common/mod.rs"]
mod common;
mod data;
mod ends;
mod replies;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use common::{Client, TestServer, Value, encode, eventually};

/// Bytes of the long string.
const LONG_BYTES: usize = 20 << 20;
/// Bytes by which the memory of the server may grow, files not counted, whatever is read.
const MEMORY_BYTES_MAX: u64 = 32 << 20;

/// A server without automatic checkpoints and other work that takes memory.
fn start(dir: &Path) -> TestServer {
    TestServer::start(dir, &[])
}

/// Stores the string that is long.
fn set_long(client: &mut Client) {
    assert_eq!(client.command(&[b"SET", b"long", &vec![b'v'; LONG_BYTES]]), Value::Simple("OK".into()));
}

/// Number of threads of the server that run long reads.
fn long_reads(server: &TestServer) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default()
    };
    tasks.map(name).filter(|name| name.trim() == "long-read").count()
}

/// Sends a read of so many bytes, and reads nothing but its first byte.
fn ask_and_wait(server: &TestServer, copies: usize) -> UnixStream {
    let mut stream = server.unix();
    let mut words: Vec<&[u8]> = vec![b"MGET"];
    words.extend(vec![&b"long"[..]; copies]);
    stream.write_all(&encode(&words)).unwrap();
    stream.read_exact(&mut [0]).unwrap();
    stream
}

/// Reads the rest of the reply of [`ask_and_wait`], and checks its length.
fn take_rest(stream: &mut UnixStream, copies: usize) {
    let one = format!("${LONG_BYTES}\r\n").len() + LONG_BYTES + 2;
    let mut left = format!("*{copies}\r\n").len() - 1 + copies * one;
    let mut buffer = vec![0; 1 << 20];
    while left > 0 {
        let room = left.min(buffer.len());
        let read = stream.read(&mut buffer[..room]).unwrap();
        assert!(read > 0, "the reply ends {left} bytes too early");
        left -= read;
    }
}

/// Number of bytes that a client gets until its connection ends, or until it has more than two long strings.
fn received_bytes(mut stream: &UnixStream) -> usize {
    let (mut buffer, mut bytes) = (vec![0; 1 << 20], 1);
    while bytes <= 2 * LONG_BYTES {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(read) => bytes += read,
        }
    }
    bytes
}

#[test]
fn others_are_served_while_clients_leave_long_replies_unread() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    set_long(&mut client);
    let before = server.anonymous_bytes();
    let copies = 15;
    let mut slow: Vec<_> = (0..8).map(|_| ask_and_wait(&server, copies)).collect();
    assert_eq!(long_reads(&server), slow.len());
    for round in 0..1000 {
        let value = round.to_string();
        assert_eq!(client.command(&[b"SET", b"key", value.as_bytes()]), Value::Simple("OK".into()));
        assert_eq!(client.run("GET key").text(), value);
    }
    let grown = server.anonymous_bytes().saturating_sub(before);
    assert!(grown < MEMORY_BYTES_MAX, "{grown} bytes more");
    for stream in &mut slow {
        take_rest(stream, copies);
        stream.write_all(b"GET key\r\n").unwrap();
        let mut reply = [0; 9];
        stream.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"$3\r\n999\r\n");
    }
    let grown = server.anonymous_bytes().saturating_sub(before);
    assert!(grown < MEMORY_BYTES_MAX, "{grown} bytes more");
    eventually("the threads end", || long_reads(&server) == 0);
}

#[test]
fn a_long_read_behind_a_write_leaves_the_writer() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    set_long(&mut client);
    let before = server.anonymous_bytes();
    let copies = 20;
    let mut words: Vec<&[u8]> = vec![b"MGET"];
    words.extend(vec![&b"long"[..]; copies]);
    let mut slow = server.unix();
    let line = [&b"INCR n\r\n"[..], &encode(&words), b"INCR n\r\n"].concat();
    slow.write_all(&line).unwrap();
    let mut first = [0; 5];
    slow.read_exact(&mut first).unwrap();
    assert_eq!(&first, b":1\r\n*");
    eventually("the read runs beside", || long_reads(&server) == 1);
    for _ in 0..100 {
        assert_eq!(client.run("GET n").text(), "1", "the write after the read waits for it");
    }
    take_rest(&mut slow, copies);
    let mut last = [0; 4];
    slow.read_exact(&mut last).unwrap();
    assert_eq!(&last, b":2\r\n");
    let grown = server.anonymous_bytes().saturating_sub(before);
    assert!(grown < MEMORY_BYTES_MAX, "{grown} bytes more");
}

#[test]
fn clients_that_do_not_take_their_replies_give_way() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    set_long(&mut client);
    let before = server.anonymous_bytes();
    // As many as there are threads.
    let mut slow: Vec<_> = (0..32).map(|_| ask_and_wait(&server, 2)).collect();
    let grown = server.anonymous_bytes().saturating_sub(before);
    eprintln!("{} long reads take {} KiB each", slow.len(), (grown >> 10) / slow.len() as u64);
    assert!(grown < 2 * MEMORY_BYTES_MAX, "{grown} bytes more");
    assert_eq!(client.run("STRLEN long"), Value::Integer(LONG_BYTES as i64));
    let Value::Bulk(value) = client.run("GET long") else { panic!("no value") };
    assert_eq!(value.len(), LONG_BYTES);
    let cut = slow.iter_mut().filter(|stream| received_bytes(stream) < 2 * LONG_BYTES).count();
    assert!(cut > 0, "nobody gave way");
}

#[test]
fn a_client_that_does_nothing_cannot_keep_all_old_pages() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    let mut client = server.client();
    set_long(&mut client);
    let value = vec![b'v'; LONG_BYTES];
    let keys: Vec<String> = (0..16).map(|index| format!("old:{index}")).collect();
    for key in &keys {
        client.command(&[b"SET", key.as_bytes(), &value]);
    }
    let stream = ask_and_wait(&server, 10);
    assert_eq!(long_reads(&server), 1);
    // Their pages are kept for the reader.
    for key in &keys {
        client.run(&format!("DEL {key}"));
    }
    eventually("the client is disconnected", || {
        client.run("INCR n");
        long_reads(&server) == 0
    });
    assert!(received_bytes(&stream) < 2 * LONG_BYTES);
}

#[test]
fn replies_beyond_4_gib_are_whole() {
    let root = tempfile::tempdir().unwrap();
    let server = start(&root.path().join("data"));
    set_long(&mut server.client());
    let copies = (5 << 30) / LONG_BYTES;
    let mut stream = ask_and_wait(&server, copies);
    take_rest(&mut stream, copies);
    stream.write_all(b"PING\r\n").unwrap();
    let mut reply = [0; 7];
    stream.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"+PONG\r\n");
}
