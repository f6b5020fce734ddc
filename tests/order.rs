//! The commands of one client take effect in order, on whichever thread they run: commands that the connection runs wait for
//! earlier writes, and later writes see what they change, in pipelines and in transactions.

mod common;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use common::reference::Reference;
use common::{Client, TestServer, Value, encode, seed, setting};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// A server in a directory of its own.
fn start() -> (tempfile::TempDir, TestServer) {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    (root, server)
}

/// Sends lines at once.
fn send<S: AsRef<str>>(client: &mut Client, lines: &[S]) {
    let mut bytes = Vec::new();
    for line in lines {
        let words: Vec<&[u8]> = line.as_ref().split(' ').map(str::as_bytes).collect();
        bytes.extend(encode(&words));
    }
    client.send(&bytes).unwrap();
}

/// Sends lines at once; returns the replies.
fn pipeline<S: AsRef<str>>(client: &mut Client, lines: &[S]) -> Vec<Value> {
    send(client, lines);
    lines.iter().map(|_| client.reply().unwrap()).collect()
}

fn bulk(text: &str) -> Value {
    Value::Bulk(text.as_bytes().to_vec())
}

#[test]
fn a_setting_holds_for_the_commands_between_it_and_the_next_one() {
    let (_root, server) = start();
    let (mut client, stop) = (server.client(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        // Other clients write all the time, so that a group is open when the setting changes.
        for _ in 0..2 {
            let mut busy = server.client();
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(SeqCst) {
                    pipeline(&mut busy, &["INCR busy"; 20]);
                }
            });
        }
        let rounds = (0..setting("ACKD_ORDER_SETTINGS", 300)).map(|round| encodings(&mut client, round));
        let wrong: Vec<_> =
            rounds.filter(|[first, second]| (&**first, &**second) != ("skiplist", "listpack")).collect();
        stop.store(true, SeqCst);
        assert!(wrong.is_empty(), "{wrong:?}");
    });
}

/// The encodings of a sorted set between two settings, and after the second.
fn encodings(client: &mut Client, round: u64) -> [String; 2] {
    let key = format!("x{round}");
    let lines = [
        "CONFIG SET zset-max-listpack-entries 1".to_owned(),
        format!("ZADD {key} 1 a 2 b"),
        format!("OBJECT ENCODING {key}"),
        "CONFIG SET zset-max-listpack-entries 128".to_owned(),
        format!("ZADD {key} 1 a"),
        format!("OBJECT ENCODING {key}"),
    ];
    let replies = pipeline(client, &lines);
    [replies[2].text(), replies[5].text()]
}

#[test]
fn events_are_told_of_the_commands_between_two_settings() {
    let (_root, server) = start();
    let (mut client, mut listener) = (server.client(), server.client());
    listener.run("PSUBSCRIBE __keyspace*");
    for round in 0..50 {
        let lines = [
            format!("SET before {round}"),
            "CONFIG SET notify-keyspace-events KA".to_owned(),
            format!("SET between {round}"),
            "CONFIG SET notify-keyspace-events ".to_owned(),
            format!("SET behind {round}"),
        ];
        pipeline(&mut client, &lines);
        let told = ["pmessage", "__keyspace*", "__keyspace@0__:between", "set"].map(bulk).to_vec();
        assert_eq!(listener.reply().unwrap(), Value::Array(told), "round {round}");
    }
    listener.send(&encode(&[b"PING"])).unwrap();
    assert_eq!(
        listener.reply().unwrap(),
        Value::Array(vec![bulk("pong"), bulk("")]),
        "nothing else was told"
    );
}

#[test]
fn a_message_comes_when_the_writes_before_it_are_done() {
    let (_root, server) = start();
    let (mut client, mut listener, mut reader) = (server.client(), server.client(), server.client());
    listener.run("SUBSCRIBE c");
    for round in 0..100 {
        let writes = [format!("SET k {round}"), format!("PUBLISH c {round}")];
        send(&mut client, &writes);
        let message = ["message", "c", &round.to_string()].map(bulk).to_vec();
        assert_eq!(listener.reply().unwrap(), Value::Array(message));
        assert_eq!(reader.run("GET k"), bulk(&round.to_string()), "the message overtook the write");
        writes.iter().for_each(|_| drop(client.reply().unwrap()));
    }
}

#[test]
fn what_is_slow_or_fails_is_counted_in_its_place() {
    let (_root, server) = start();
    let mut client = server.client();
    for round in 0..20 {
        let lines = [
            "CONFIG SET slowlog-log-slower-than 0",
            "SLOWLOG RESET",
            "SET k x",
            "GET k",
            "CONFIG SET slowlog-log-slower-than -1",
            "SET k y",
            "SLOWLOG LEN",
            "CONFIG RESETSTAT",
            "INCR k",
            "INFO errorstats",
            "CONFIG RESETSTAT",
            "INFO errorstats",
        ];
        let replies = pipeline(&mut client, &lines);
        assert_eq!(replies[6], Value::Integer(3), "RESET, SET and GET in round {round}");
        assert!(replies[9].text().contains("errorstat_ERR:count=1"), "{:?}", replies[9]);
        assert!(!replies[11].text().contains("errorstat_"), "{:?}", replies[11]);
    }
}

#[test]
fn commands_of_which_nobody_can_tell_cost_no_sync_of_their_own() {
    let (_root, server) = start();
    let mut client = server.client();
    let groups = |client: &mut Client| -> u64 {
        let text = client.run("INFO durability").text();
        let line = text.lines().find(|line| line.starts_with("wal_groups:")).unwrap();
        line["wal_groups:".len()..].parse().unwrap()
    };
    let before = groups(&mut client);
    let turn = ["SET k x", "PING", "SELECT 1", "MULTI", "SET k y", "EXEC", "CLIENT ID", "SELECT 0"];
    let replies = pipeline(&mut client, &turn.repeat(50));
    assert!(replies.iter().all(|reply| !matches!(reply, Value::Error(_))), "{replies:?}");
    let synced = groups(&mut client) - before;
    assert!(synced <= 10, "100 writes took {synced} syncs");
}

/// Makes random commands on data and commands of the connection; the replies show each other's effects.
struct Commands(SmallRng);

impl Commands {
    fn pick(&mut self, of: &[&str]) -> String {
        of[self.0.random_range(0..of.len())].to_owned()
    }

    fn key(&mut self) -> String {
        self.pick(&["a", "b", "c"])
    }

    /// Some lines, most of them one.
    fn lines(&mut self) -> Vec<String> {
        let (key, number) = (self.key(), self.0.random_range(0..3));
        let line = match self.0.random_range(0..24) {
            0..4 => format!("SET {key} {number}"),
            4 => format!("GET {key}"),
            5 => format!("INCR {key}"),
            6 => format!("LPUSH {key} x"),
            7 => format!("DEL {key}"),
            8 => "DBSIZE".into(),
            9 => format!("SELECT {number}"),
            10 => self.pick(&["CLIENT SETNAME one", "CLIENT SETNAME two", "CLIENT GETNAME"]),
            11 => "INFO keyspace".into(),
            12 => "INFO errorstats".into(),
            13 => "CONFIG RESETSTAT".into(),
            14 => "CLIENT INFO".into(),
            15 => self.pick(&["CLIENT LIST", "PUBSUB NUMSUB c", "CLIENT TRACKINGINFO"]),
            16 => format!("CONFIG SET notify-keyspace-events {}", self.pick(&["KEA", "Ex"])),
            17 => self.pick(&["PING", "ECHO x", "UNWATCH", "WAIT 0 0", "CLIENT CACHING YES"]),
            18 => self.pick(&["CLIENT NO-EVICT ON", "CLIENT NO-EVICT OFF"]),
            19 => format!("PUBLISH c {number}"),
            20 => self.pick(&["FLUSHALL", "SWAPDB 0 1"]),
            _ => return self.encoding(),
        };
        vec![line]
    }

    /// Sets a limit, makes a collection, and asks for its encoding.
    fn encoding(&mut self) -> Vec<String> {
        let limit = self.pick(&["1", "128"]);
        let mut lines = vec![
            format!("CONFIG SET zset-max-listpack-entries {limit}"),
            "DEL z".into(),
            "ZADD z 1 a 2 b".into(),
            "OBJECT ENCODING z".into(),
        ];
        if self.0.random() {
            lines.swap(0, 1);
        }
        lines
    }

    /// A pipeline; some of it in transactions.
    fn pipeline(&mut self) -> Vec<String> {
        let (mut lines, mut in_multi) = (Vec::new(), false);
        for _ in 0..self.0.random_range(2..12) {
            match (self.0.random_range(0..6), in_multi) {
                (0, false) => lines.push("MULTI".into()),
                (0, true) => lines.push(self.pick(&["EXEC", "EXEC", "EXEC", "DISCARD"])),
                (1, false) if self.0.random() => lines.push(format!("WATCH {}", self.key())),
                _ => lines.extend(self.lines()),
            }
            in_multi = lines.last().is_some_and(|line| line == "MULTI")
                || in_multi && !matches!(lines.last().map(String::as_str), Some("EXEC" | "DISCARD"));
        }
        if in_multi {
            lines.push("EXEC".into());
        }
        lines
    }
}

/// A reply without what always differs: of a client, only its name and its commands are compared.
fn shown(reply: &Value) -> String {
    match reply {
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Bulk(bytes) if bytes.starts_with(b"id=") => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let compared = ["name=", "flags=", "db=", "multi=", "cmd="];
            let words = text.split_whitespace();
            words
                .filter(|word| compared.iter().any(|name| word.starts_with(name)))
                .collect::<Vec<_>>()
                .join(" ")
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn random_pipelines_and_transactions_are_answered_as_by_redis() {
    let (root, server) = start();
    let reference = Reference::start(root.path());
    let mut commands = Commands(SmallRng::seed_from_u64(seed("order")));
    let tcp = Client::new(Box::new(server.tcp()));
    let mut clients = [tcp, reference.client()];
    for _ in 0..setting("ACKD_ORDER_PIPELINES", 400) {
        let lines = commands.pipeline();
        let [ours, theirs] = clients.each_mut().map(|client| pipeline(client, &lines));
        for (index, (our, their)) in ours.iter().zip(&theirs).enumerate() {
            let (our, their) = (shown(our), shown(their));
            assert!(our == their, "{}\nackd: {our}\nredis: {their}\nin {lines:#?}", lines[index]);
        }
    }
}
