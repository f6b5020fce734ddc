//! Bytes in, bytes out, for any server that speaks the protocol.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::fake::Fake;
use crate::wire::{Wire, command};

/// The server under test.
struct Server {
    address: SocketAddr,
    _fake: Option<Fake>,
}

fn server() -> Server {
    match std::env::var("ACKD_TEST_ADDRESS") {
        Ok(address) => Server { address: address.to_socket_addrs().unwrap().next().unwrap(), _fake: None },
        Err(_) => {
            let fake = Fake::start();
            Server { address: fake.address, _fake: Some(fake) }
        }
    }
}

fn is_own_server() -> bool {
    std::env::var_os("ACKD_TEST_ADDRESS").is_none()
}

/// A session with reads, writes, local commands and mistakes, and its replies.
fn session(key: &str) -> (Vec<u8>, Vec<u8>) {
    let key = key.as_bytes();
    let parts: Vec<(Vec<u8>, &[u8])> = vec![
        (b"PING\r\n".to_vec(), b"+PONG\r\n"),
        (command(&[b"SET", key, b"1"]), b"+OK\r\n"),
        (command(&[b"get", key]), b"$1\r\n1\r\n"),
        (command(&[b"ECHO", b"a\r\nb"]), b"$4\r\na\r\nb\r\n"),
        (command(&[b"INCR", key]), b":2\r\n"),
        (b"echo \"x\\x41\" \r\n".to_vec(), b"$2\r\nxA\r\n"),
        (b"SELECT 3\r\n".to_vec(), b"+OK\r\n"),
        (command(&[b"GET", key]), b"$-1\r\n"),
        (b"\r\n*0\r\nSELECT 0\r\n".to_vec(), b"+OK\r\n"),
        (
            b"nosuch 'a b'\r\n".to_vec(),
            b"-ERR unknown command 'nosuch', with args beginning with: 'a b' \r\n",
        ),
        (command(&[b"get"]), b"-ERR wrong number of arguments for 'get' command\r\n"),
        (command(&[b"GET", key]), b"$1\r\n2\r\n"),
        (command(&[b"SET", key, b"\0\xff"]), b"+OK\r\n"),
        (command(&[b"MGET", key, b"none"]), b"*2\r\n$2\r\n\0\xff\r\n$-1\r\n"),
    ];
    (
        parts.iter().flat_map(|(sent, _)| sent.clone()).collect(),
        parts.iter().flat_map(|(_, got)| got.to_vec()).collect(),
    )
}

#[test]
fn replies_come_in_the_order_of_the_commands() {
    let server = server();
    let (sent, expected) = session("order");
    Wire::connect(server.address)
        .send(&sent)
        .expect(&expected)
        .send("QUIT\r\n")
        .expect("+OK\r\n")
        .expect_closed();
}

#[test]
fn the_replies_are_the_same_wherever_the_bytes_are_cut() {
    let server = server();
    let (sent, expected) = session("cut");
    for cut in 1..sent.len() {
        let mut wire = Wire::connect(server.address);
        wire.send(&sent[..cut]);
        if cut % 8 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        } else {
            std::thread::yield_now();
        }
        wire.send(&sent[cut..]).expect(&expected);
    }
}

#[test]
fn bytes_may_come_one_by_one() {
    let server = server();
    let (sent, expected) = session("drip");
    let mut wire = Wire::connect(server.address);
    for byte in &sent {
        wire.send([*byte]);
    }
    wire.expect(&expected);
}

#[test]
fn a_long_pipeline_is_answered_whole() {
    let server = server();
    let mut wire = Wire::connect(server.address);
    wire.ask("SET counter 0", "+OK");
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for number in 1..=5000 {
        sent.extend(command(&[b"INCR", b"counter"]));
        sent.extend(command(&[b"PING", number.to_string().as_bytes()]));
        sent.extend(command(&[b"GET", b"counter"]));
        let text = number.to_string();
        expected.extend(format!(":{text}\r\n${0}\r\n{text}\r\n${0}\r\n{text}\r\n", text.len()).into_bytes());
    }
    let reader = sent.clone();
    std::thread::scope(|scope| {
        let mut sender = wire.split();
        scope.spawn(move || sender.send(&reader).done());
        wire.expect(&expected);
    });
}

#[test]
fn values_of_many_megabytes_pass() {
    let server = server();
    let mut wire = Wire::connect(server.address);
    let value: Vec<u8> = (0..20_000_000u32).map(|index| (index / 7) as u8).collect();
    let header = format!("${}\r\n", value.len());
    wire.send(command(&[b"SET", b"large", &value])).expect("+OK\r\n");
    wire.send(command(&[b"GET", b"large"])).expect(&header).expect(&value).expect("\r\n");
    wire.ask("SET large -", "+OK");
}

#[test]
fn a_mistake_is_named_and_ends_the_connection() {
    let server = server();
    let long = "A".repeat(70_000);
    let digits = "1".repeat(70_000);
    for (sent, text) in [
        ("*x\r\n", "invalid multibulk length"),
        ("*01\r\n", "invalid multibulk length"),
        ("*2147483648\r\n", "invalid multibulk length"),
        ("*1\r\n+PING\r\n", "expected '$', got '+'"),
        ("*1\r\n\r\n", "expected '$', got ' '"),
        ("*1\r\n$x\r\n", "invalid bulk length"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
        ("echo \"a\r\n", "unbalanced quotes in request"),
        ("echo 'a'b\r\n", "unbalanced quotes in request"),
        (&format!("*{digits}"), "too big mbulk count string"),
        (&format!("*1\r\n${digits}"), "too big bulk count string"),
        (&long, "too big inline request"),
    ] {
        let mut wire = Wire::connect(server.address);
        wire.send("PING\r\n").expect("+PONG\r\n").send(sent);
        wire.expect(format!("-ERR Protocol error: {text}\r\n")).expect_closed();
    }
}

#[test]
fn line_ends_are_looked_at() {
    if !is_own_server() {
        return;
    }
    let server = server();
    for (sent, text) in [
        ("*1\r\n$4\r\nPINGxx", "expected CRLF after bulk string"),
        ("*1\rx$4\r\nPING\r\n", "invalid multibulk length"),
        ("*1\n$4\nPING\n", "invalid multibulk length"),
        ("*1\r\n$4\n", "invalid bulk length"),
        ("*1048577\r\n", "invalid multibulk length"),
    ] {
        Wire::connect(server.address)
            .send(sent)
            .expect(format!("-ERR Protocol error: {text}\r\n"))
            .expect_closed();
    }
}

#[test]
fn commands_in_front_of_a_mistake_are_answered_first() {
    let server = server();
    let mut wire = Wire::connect(server.address);
    wire.send("SET mistake 1\r\nGET mistake\r\n*1\r\n$x\r\nSET mistake 2\r\n");
    wire.expect("+OK\r\n$1\r\n1\r\n-ERR Protocol error: invalid bulk length\r\n").expect_closed();
    Wire::connect(server.address).ask("GET mistake", "$1\r\n1");
}

#[test]
fn unknown_commands_are_quoted_as_redis_does() {
    let server = server();
    let mut wire = Wire::connect(server.address);
    let (a, b) = ("a".repeat(200), "b".repeat(200));
    wire.ask("foo", "-ERR unknown command 'foo', with args beginning with: ");
    wire.ask(
        &format!("foo {a} {b}"),
        &format!("-ERR unknown command 'foo', with args beginning with: '{}' ", &a[..128]),
    );
    wire.ask(
        &format!("foo {} {b}", &a[..100]),
        &format!("-ERR unknown command 'foo', with args beginning with: '{}' '{}' ", &a[..100], &b[..25]),
    );
    wire.ask(&a, &format!("-ERR unknown command '{}', with args beginning with: ", &a[..128]));
    wire.ask("f\"o\\r\\n+OK\"", "-ERR unknown command 'fo  +OK', with args beginning with: ");
    wire.ask("config|get a", "-ERR unknown command 'config|get', with args beginning with: 'a' ");
    wire.ask("client", "-ERR wrong number of arguments for 'client' command");
    wire.ask("Client Foo", "-ERR unknown subcommand 'Foo'. Try CLIENT HELP.");
    wire.ask("CLIENT id x", "-ERR wrong number of arguments for 'client|id' command");
    wire.ask("PING", "+PONG");
}

#[test]
fn http_is_cut_off_before_anything_runs() {
    let server = server();
    Wire::connect(server.address).ask("SET http 0", "+OK");
    for sent in [
        "POST / HTTP/1.1\r\nSET http 1\r\n",
        "Host: x\r\nSET http 1\r\n",
        "host:\r\nSET http 1\r\n",
        "*1\r\n$4\r\npost\r\nSET http 1\r\n",
    ] {
        let mut wire = Wire::connect(server.address);
        wire.send(sent).expect_closed();
    }
    if is_own_server() {
        Wire::connect(server.address).send("PUT / HTTP/1.1\r\nSET http 1\r\n").expect_closed();
    }
    Wire::connect(server.address).ask("GET http", "$1\r\n0");
}

#[test]
fn a_client_that_stops_sending_gets_its_replies() {
    let server = server();
    let mut wire = Wire::connect(server.address);
    wire.send("SET half 1\r\nGET half\r\nPI").half_close();
    wire.expect("+OK\r\n$1\r\n1\r\n").expect_closed();
}

#[test]
fn nothing_behind_quit_runs() {
    let server = server();
    let mut wire = Wire::connect(server.address);
    wire.ask("SET quit 1", "+OK");
    wire.send("SET quit 2\r\nQUIT\r\nSET quit 3\r\n").expect("+OK\r\n+OK\r\n").expect_closed();
    Wire::connect(server.address).ask("GET quit", "$1\r\n2");
}

#[test]
fn replies_can_be_switched_off_and_skipped() {
    let server = server();
    let mut wire = Wire::connect(server.address);
    wire.send("CLIENT REPLY SKIP\r\nSET skip 1\r\nGET skip\r\n").expect("$1\r\n1\r\n");
    wire.send("PING\r\nCLIENT REPLY SKIP\r\nSET skip 1\r\nGET skip\r\n").expect("+PONG\r\n$1\r\n1\r\n");
    wire.send("INCR skip\r\nCLIENT REPLY SKIP\r\nINCR skip\r\nINCR skip\r\nGET skip\r\n");
    wire.expect(":2\r\n:4\r\n$1\r\n4\r\n");
    wire.send("CLIENT REPLY SKIP\r\nPING\r\nPING\r\n").expect("+PONG\r\n");
    wire.send("CLIENT REPLY OFF\r\nPING\r\nINCR skip\r\nGET skip\r\nnosuch\r\nINCR skip\r\n");
    wire.send("CLIENT REPLY ON\r\nGET skip\r\n").expect("+OK\r\n$1\r\n6\r\n");
}

#[test]
fn each_reply_is_in_the_protocol_of_its_command() {
    let server = server();
    let mut wire = Wire::connect(server.address);
    if is_own_server() {
        wire.send(
            "SET p 1\r\nGET none\r\nHELLO 3\r\nGET none\r\nSET p 2\r\nGET none\r\nHELLO 2\r\nGET none\r\n",
        );
        let hello = |head: &str, proto: u32| {
            format!(
                "{head}\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n$5\r\nproto\r\n:{proto}\r\n$2\r\nid\r\n:1\r\n\
                 $4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
            )
        };
        wire.expect("+OK\r\n$-1\r\n").expect(hello("%7", 3)).expect("_\r\n+OK\r\n_\r\n");
        wire.expect(hello("*14", 2)).expect("$-1\r\n");
    }
}
