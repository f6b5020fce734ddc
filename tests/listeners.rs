//! Changing where a running server listens: `CONFIG SET bind` and `CONFIG SET port`.

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use common::{PATIENCE, TestServer, Value, free_port};

/// A second address of the loopback interface.
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Whether a new client is served at an address.
fn is_served(address: impl Into<SocketAddr>) -> bool {
    TcpStream::connect(address.into()).is_ok_and(|stream| ping(&stream))
}

/// Whether a client gets the answer to a PING.
fn ping(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reply = [0; 7];
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut reply).is_ok() && reply == *b"+PONG\r\n"
}

#[test]
fn another_port_and_other_addresses_take_the_place_of_the_old() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &[]);
    let (old, new) = (server.port, free_port());
    let local = Ipv4Addr::LOCALHOST;
    let mut client = server.client();
    let stays = server.tcp();
    assert!(ping(&stays));
    let ok = Value::Simple("OK".into());

    assert_eq!(client.run(&format!("CONFIG SET port {new}")), ok);
    assert!(is_served((local, new)) && !is_served((local, old)));
    assert!(ping(&stays), "who is connected stays");
    assert!(client.run("INFO server").text().contains(&format!("tcp_port:{new}\r\n")));

    // An address that covers the old one, and back, and one next to it.
    for (bind, other) in
        [("*", true), ("127.0.0.1", false), ("127.0.0.1 127.0.0.2", true), ("127.0.0.2", true)]
    {
        assert_eq!(client.command(&[b"CONFIG", b"SET", b"bind", bind.as_bytes()]), ok, "{bind}");
        assert_eq!(is_served((local, new)), bind != "127.0.0.2", "{bind}");
        assert_eq!(is_served((OTHER, new)), other, "{bind}");
    }
    let both = format!("CONFIG SET bind 127.0.0.1 port {old}");
    assert_eq!(client.run(&both), ok);
    assert!(is_served((local, old)) && !is_served((OTHER, new)) && !is_served((local, new)));

    assert_eq!(client.run("CONFIG SET port 0"), ok);
    assert!(!is_served((local, old)));
    assert_eq!(client.run(&format!("CONFIG SET port {old}")), ok);
    assert!(is_served((local, old)) && ping(&stays));
}

#[test]
fn what_cannot_be_opened_leaves_all_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &[]);
    let mut client = server.client();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    let before = client.run("CONFIG GET *");
    for (line, reason) in [
        (
            format!("CONFIG SET timeout 9 port {taken_port}"),
            "Unable to listen on this port. Check server logs.",
        ),
        ("CONFIG SET bind 203.0.113.7 timeout 9".into(), "Failed to bind to specified addresses."),
        ("CONFIG SET timeout 9 bind nonsense".into(), "Failed to bind to specified addresses."),
    ] {
        let Value::Error(text) = client.run(&line) else { panic!("{line} is refused") };
        assert!(text.ends_with(&format!(" - {reason}")), "{text}");
        assert_eq!(client.run("CONFIG GET *"), before, "{line}");
        assert!(is_served((Ipv4Addr::LOCALHOST, server.port)), "{line}");
    }
    let mixed = client.command(&[b"CONFIG", b"SET", b"bind", b"127.0.0.2 203.0.113.7"]);
    assert!(matches!(mixed, Value::Error(_)));
    assert!(!is_served((OTHER, server.port)), "no part of it is done");
    // Another server cannot listen where this one does, even though listeners were exchanged.
    std::fs::create_dir(root.path().join("other")).unwrap();
    let second = common::TestServer::spawn_by(
        std::process::Command::new(env!("CARGO_BIN_EXE_ackd")),
        server.port,
        &root.path().join("other").join("data"),
        &[],
    )
    .wait();
    assert_eq!(second.code(), Some(i32::from(ackd::cli::exit::START)));
}

/// Clients that connect all the time always find an address open that stays, while other addresses are added and removed.
#[test]
fn nobody_is_turned_away_while_listeners_are_exchanged() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &[]);
    let (stop, served) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        assert!(is_served((Ipv4Addr::LOCALHOST, server.port)), "a client was turned away");
                        served.fetch_add(1, Relaxed);
                    }
                })
            })
            .collect();
        let mut client = server.client();
        let mut refused = None;
        for round in 0..60 {
            let bind: &[u8] = if round % 2 == 0 { b"*" } else { b"127.0.0.1" };
            let before = served.load(Relaxed);
            let reply = client.command(&[b"CONFIG", b"SET", b"bind", bind]);
            refused = refused.or((reply != Value::Simple("OK".into())).then_some(reply));
            while served.load(Relaxed) < before + 5 && !crowd.iter().all(|one| one.is_finished()) {
                std::thread::yield_now();
            }
        }
        stop.store(true, Relaxed);
        assert_eq!(refused, None);
    });
    eprintln!("{} clients were served", served.load(Relaxed));
}
