//! Local commands, run as the connection runs them.

use std::sync::Arc;
use std::time::Duration;

use super::{LocalCtx, Run, run_of};
use crate::config::{self, Settings, Sources};
use crate::resp::{Args, Protocol, Reply, Span};
use crate::spec::{self, Flags, Spec};
use crate::state::{
    ClientState, DatabaseGauges, Gauges, Limits, Next, Peer, ReplyMode, RunEnd, ServerState, ShutdownMode,
    StorageGauges,
};

/// A client of a server.
struct Client {
    server: Arc<ServerState>,
    state: ClientState,
    /// What the last command asked of the connection.
    next: Next,
}

/// A server with these lines in its configuration.
fn server(configuration: &str) -> Arc<ServerState> {
    let sources = Sources { standard_input: Some(configuration.into()), ..Sources::default() };
    let server = Arc::new(ServerState::new(Limits::default()));
    server.set_settings(Settings::new(config::load(&sources).unwrap()));
    server
}

impl Client {
    /// A client that has just connected.
    fn connect(server: &Arc<ServerState>) -> Self {
        let addr = format!("127.0.0.1:{}", 50_000 + server.clients.len());
        let peer = Peer { addr, laddr: "127.0.0.1:6379".into(), is_unix: false, fd: 9 };
        let info = server.clients.add(peer, server.users.default_user(), 0);
        Self { server: server.clone(), state: ClientState::new(info), next: Next::Continue }
    }

    /// Runs a command whose words are separated by blanks; returns the bytes of the reply.
    fn run(&mut self, line: &str) -> String {
        self.run_words(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    /// Runs a command; returns the bytes of the reply.
    fn run_words(&mut self, words: &[&[u8]]) -> String {
        let mut input = Vec::new();
        let mut spans = Vec::new();
        for word in words {
            spans.push(Span { start: input.len() as u32, len: word.len() as u32 });
            input.extend_from_slice(word);
        }
        let args = Args::new(&input, &spans);
        let spec = spec_of(&args);
        assert!(spec.takes(args.len()), "{} takes {} words", spec.name, args.len());
        let Run::Local(run) = run_of(spec) else { panic!("{} is not local", spec.name) };
        let mut out = Vec::new();
        let mut ctx = LocalCtx::new(&mut self.state, &self.server);
        let mut reply = Reply::new(&mut out, ctx.client.protocol());
        if let Err(error) = run(&mut ctx, &args, &mut reply) {
            reply.truncate(0);
            reply.error(error.to_string());
        }
        self.next = ctx.next;
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The text of a bulk or verbatim reply.
    fn text(&mut self, line: &str) -> String {
        let reply = self.run(line);
        let (header, text) = reply.split_once("\r\n").unwrap();
        assert!(header.starts_with(['$', '=']), "{reply}");
        text.strip_suffix("\r\n").unwrap().trim_start_matches("txt:").to_string()
    }
}

/// The command or subcommand that words name.
fn spec_of(args: &Args<'_>) -> &'static Spec {
    let spec = spec::lookup(&args[0]).expect("a known command");
    args.get(1).and_then(|name| spec.subcommand(name)).unwrap_or(spec)
}

/// A value of either protocol, as far as a test needs it.
#[derive(Debug, PartialEq)]
enum Value {
    /// A text, number or boolean, with its type's letter.
    Leaf(char, String),
    /// An array, a set or a map (its keys and values in turn).
    List(char, Vec<Value>),
    /// Null.
    Null,
}

/// Reads one value; returns it and the bytes after it.
fn read_value(bytes: &[u8]) -> (Value, &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n").expect("a whole line");
    let (kind, line, rest) =
        (bytes[0] as char, std::str::from_utf8(&bytes[1..end]).unwrap(), &bytes[end + 2..]);
    match kind {
        '+' | '-' | ':' | ',' | '#' => (Value::Leaf(kind, line.to_string()), rest),
        '_' => (Value::Null, rest),
        '$' | '=' | '*' if line == "-1" => (Value::Null, rest),
        '$' | '=' => {
            let len: usize = line.parse().unwrap();
            assert_eq!(&rest[len..len + 2], b"\r\n");
            (Value::Leaf(kind, String::from_utf8_lossy(&rest[..len]).into_owned()), &rest[len + 2..])
        }
        '*' | '~' | '>' | '%' => {
            let len: usize = line.parse().unwrap();
            let mut rest = rest;
            let mut items = Vec::new();
            for _ in 0..if kind == '%' { len * 2 } else { len } {
                let (item, after) = read_value(rest);
                items.push(item);
                rest = after;
            }
            (Value::List(kind, items), rest)
        }
        other => panic!("no type {other:?}"),
    }
}

/// The one value that a reply holds.
fn value(reply: &str) -> Value {
    let (value, rest) = read_value(reply.as_bytes());
    assert!(rest.is_empty(), "one reply: {reply}");
    value
}

/// Gauges with known figures.
struct Figures;

impl Gauges for Figures {
    fn damage(&self) -> Vec<crate::state::DamageGauge> {
        let reason = "checksum".to_string();
        vec![crate::state::DamageGauge { page: 7, offset: 28672, reason, keys: "db0 key \"k\"".into() }]
    }

    fn database(&self, db: usize) -> DatabaseGauges {
        DatabaseGauges { keys: if db == 0 { 7 } else { 0 }, expires: 2, average_expiry_ms: None }
    }

    fn storage(&self) -> StorageGauges {
        StorageGauges {
            last_lsn: 50,
            synced_lsn: 49,
            log_bytes: 4096,
            log_segments: 3,
            groups: 10,
            records: 50,
            checkpoint_lsn: 40,
            checkpoint_unix_ms: 1_700_000_000_000,
            checkpoint_ok: true,
            writable: true,
            ..StorageGauges::default()
        }
    }
}

#[test]
fn hello_answers_in_the_protocol_that_it_chose() {
    let mut client = Client::connect(&server(""));
    assert!(
        client
            .run("hello")
            .starts_with("*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n")
    );
    assert!(client.run("HELLO 3 SETNAME me").starts_with("%7\r\n"));
    assert_eq!(client.state.protocol(), Protocol::Resp3);
    assert_eq!(client.run("client getname"), "$2\r\nme\r\n");
    assert!(client.run("hello 2").starts_with("*14\r\n"));
    for (line, error) in [
        ("hello 9", "-NOPROTO unsupported protocol version\r\n"),
        ("hello x", "-ERR Protocol version is not an integer or out of range\r\n"),
        ("hello 3 foo", "-ERR Syntax error in HELLO option 'foo'\r\n"),
        ("hello 3 auth a", "-ERR Syntax error in HELLO option 'auth'\r\n"),
        ("hello 3 auth a b", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
    ] {
        assert_eq!(client.run(line), error);
        assert_eq!(client.state.protocol(), Protocol::Resp2, "{line} changed nothing");
    }
}

#[test]
fn the_password_lets_in_and_too_many_wrong_ones_close() {
    let server = server("requirepass swordfish\nauth-failures-max 3");
    let mut client = Client::connect(&server);
    assert!(!client.state.is_authenticated());
    assert!(client.run("hello 3").starts_with("-NOAUTH HELLO must be called"));
    for wrong in ["auth wrong", "auth admin swordfish"] {
        assert_eq!(client.run(wrong), "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
        assert_eq!(client.next, Next::Continue);
    }
    assert!(client.run("hello 3 auth default wrong").starts_with("-WRONGPASS"));
    assert_eq!(client.next, Next::Close, "the third in a row");

    let mut client = Client::connect(&server);
    assert_eq!(client.run("auth swordfish"), "+OK\r\n");
    assert!(client.state.is_authenticated());
    assert_eq!(client.run("reset"), "+RESET\r\n");
    assert!(!client.state.is_authenticated());
    assert!(client.run("hello 3 auth default swordfish setname x").starts_with("%7"));
    assert_eq!(client.run("auth a b c"), "-ERR syntax error\r\n");
    assert_eq!(client.run("config get requirepass"), "%1\r\n$11\r\nrequirepass\r\n$8\r\n(hidden)\r\n");
}

#[test]
fn without_a_password_auth_says_that_none_is_set() {
    let mut client = Client::connect(&server(""));
    assert!(client.run("auth x").starts_with("-ERR AUTH <password> called without any password configured"));
    assert_eq!(client.run("auth default x"), "+OK\r\n");
    assert!(client.run("auth other x").starts_with("-WRONGPASS"));
}

#[test]
fn the_connections_own_commands_answer_as_in_redis() {
    let mut client = Client::connect(&server("databases 4"));
    for (line, expected) in [
        ("PING", "+PONG\r\n"),
        ("ping hi", "$2\r\nhi\r\n"),
        ("ping a b", "-ERR wrong number of arguments for 'ping' command\r\n"),
        ("echo x", "$1\r\nx\r\n"),
        ("select 3", "+OK\r\n"),
        ("select 4", "-ERR DB index is out of range\r\n"),
        ("select -1", "-ERR DB index is out of range\r\n"),
        ("select a", "-ERR value is not an integer or out of range\r\n"),
        ("module list", "*0\r\n"),
        ("module load", "-ERR unknown subcommand 'load'. Try MODULE HELP.\r\n"),
        ("cluster info", "-ERR This instance has cluster support disabled\r\n"),
        ("acl whoami", "$7\r\ndefault\r\n"),
        ("acl cat nope", "-ERR Unknown category 'nope'\r\n"),
        ("latency latest", "*0\r\n"),
        ("slowlog get -2", "-ERR count should be greater than or equal to -1\r\n"),
        ("object nope", "-ERR unknown subcommand 'nope'. Try OBJECT HELP.\r\n"),
        ("debug reload", "-ERR unknown subcommand 'reload'. Try DEBUG HELP.\r\n"),
    ] {
        assert_eq!(client.run(line), expected, "{line}");
    }
    assert_eq!(client.state.db(), 3);
    assert_eq!(client.run("quit"), "+OK\r\n");
    assert_eq!(client.next, Next::Close);
}

#[test]
fn what_waits_tells_the_connection_so() {
    let mut client = Client::connect(&server(""));
    let checkpoint = |wait| Next::Checkpoint { wait };
    let stop = |checkpoint, now| Next::Shutdown(ShutdownMode { checkpoint, now });
    for (line, next, reply) in [
        ("save", checkpoint(true), "+OK\r\n"),
        ("bgsave", checkpoint(false), "+Background saving started\r\n"),
        ("bgsave schedule", checkpoint(false), "+Background saving started\r\n"),
        ("bgsave x", Next::Continue, "-ERR syntax error\r\n"),
        ("bgrewriteaof", checkpoint(false), "+Background append only file rewriting started\r\n"),
        ("debug sleep 0.5", Next::Sleep(Duration::from_millis(500)), "+OK\r\n"),
        ("debug sleep x", Next::Continue, "-ERR value is not a valid float\r\n"),
        ("wait 1 0", Next::Block { until_ms: None }, ":0\r\n"),
        ("wait 0 0", Next::Continue, ":0\r\n"),
        ("wait 0 -1", Next::Continue, "-ERR timeout is negative\r\n"),
        ("waitaof 1 0 100", Next::Continue, "*2\r\n:1\r\n:0\r\n"),
        ("waitaof 0 1 0", Next::Block { until_ms: None }, "*2\r\n:1\r\n:0\r\n"),
        ("waitaof 2 0 0", Next::Continue, "-ERR value is out of range, value must between 0 and 1\r\n"),
        ("shutdown", stop(true, false), ""),
        ("shutdown nosave now force", stop(false, true), ""),
        ("shutdown save nosave", Next::Continue, "-ERR syntax error\r\n"),
        ("shutdown abort", Next::Continue, "-ERR No shutdown in progress.\r\n"),
    ] {
        assert_eq!((client.run(line).as_str(), client.next), (reply, next), "{line}");
        let spec = spec::lookup(line.split(' ').next().unwrap().as_bytes()).unwrap();
        let waits = next != Next::Continue && !spec.is_container();
        assert!(!waits || !spec.flags.has(Flags::OVERTAKES), "{line}");
    }
}

#[test]
fn clients_are_labelled_listed_and_killed() {
    let server = server("");
    let mut client = Client::connect(&server);
    let mut other = Client::connect(&server);
    assert_eq!(client.run("client id"), ":1\r\n");
    assert_eq!(client.run("client getname"), "$-1\r\n");
    assert_eq!(client.run("client setname me"), "+OK\r\n");
    assert_eq!(
        client.run_words(&[b"client", b"setname", b"a b"]),
        "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
    );
    assert_eq!(other.run("client setinfo LIB-NAME lib"), "+OK\r\n");
    assert_eq!(other.run("client setinfo lib-ver 1.0"), "+OK\r\n");
    assert_eq!(other.run("client setinfo x y"), "-ERR Unrecognized option 'x'\r\n");
    let own = client.text("client info");
    assert!(own.starts_with(
        "id=1 addr=127.0.0.1:50000 laddr=127.0.0.1:6379 fd=9 name=me age=0 idle=0 flags=N db=0 "
    ));
    assert!(own.contains(" cmd=client|info user=default "));
    let listed = client.text("client list");
    assert_eq!(listed.lines().count(), 2);
    assert!(listed.lines().nth(1).unwrap().contains(" resp=2 lib-name=lib lib-ver=1.0 "));
    assert_eq!(client.text("client list id 2 77").lines().count(), 1);
    assert_eq!(client.text("client list type normal").lines().count(), 2);
    assert_eq!(client.text("client list type pubsub"), "");

    for (line, expected) in [
        ("client list type x", "-ERR Unknown client type 'x'\r\n"),
        ("client list id x", "-ERR Invalid client ID\r\n"),
        ("client list x", "-ERR syntax error\r\n"),
        ("client kill 1.2.3.4:5", "-ERR No such client\r\n"),
        ("client kill id 0", "-ERR client-id should be greater than 0\r\n"),
        ("client kill user x", "-ERR No such user 'x'\r\n"),
        ("client kill skipme maybe", "-ERR syntax error\r\n"),
        ("client kill id 99", ":0\r\n"),
        ("client kill type normal addr 127.0.0.1:50000", ":0\r\n"),
        ("client kill id 2", ":1\r\n"),
        ("client kill id 2", ":0\r\n"),
    ] {
        assert_eq!(client.run(line), expected, "{line}");
    }
    assert!(server.clients.get(2).unwrap().is_killed());
    assert_eq!(client.next, Next::Continue);
    assert_eq!(client.run("client kill 127.0.0.1:50000"), "+OK\r\n");
    assert_eq!(client.next, Next::Close, "the reply still leaves");
}

#[test]
fn clients_are_paused_and_may_be_silent() {
    let server = server("");
    let mut client = Client::connect(&server);
    assert_eq!(client.run("client pause 100000 write"), "+OK\r\n");
    assert!(server.pause.wait_until(true, server.uptime_ms()).is_some());
    assert!(server.pause.wait_until(false, server.uptime_ms()).is_none());
    assert_eq!(client.run("client unpause"), "+OK\r\n");
    assert!(!server.pause.is_set());
    assert_eq!(client.run("client pause 1 x"), "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n");
    assert_eq!(client.run("client pause x"), "-ERR timeout is not an integer or out of range\r\n");
    assert_eq!(
        (client.run("client reply skip"), client.state.reply_mode()),
        (String::new(), ReplyMode::SkipNext)
    );
    assert_eq!((client.run("client reply off"), client.state.reply_mode()), (String::new(), ReplyMode::Off));
    assert_eq!((client.run("client reply on"), client.state.reply_mode()), ("+OK\r\n".into(), ReplyMode::On));
    assert_eq!(client.run("client unblock 1"), ":0\r\n");
    assert_eq!(client.run("client unblock 1 x"), "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n");
    assert_eq!(client.run("client getredir"), ":-1\r\n");
    assert_eq!(client.run("client tracking on"), "+OK\r\n");
    assert_eq!(client.run("client getredir"), ":0\r\n");
    assert_eq!(client.run("client tracking off"), "+OK\r\n");
    assert!(client.run("client no-evict on").starts_with("+OK"));
    assert!(client.text("client info").contains(" flags=e "));
}

#[test]
fn configuration_is_read_and_changed() {
    let server = server("maxclients 100");
    let mut client = Client::connect(&server);
    assert_eq!(client.run("config get maxclients"), "*2\r\n$10\r\nmaxclients\r\n$3\r\n100\r\n");
    assert_eq!(client.run("config set maxclients 50 timeout 9"), "+OK\r\n");
    assert_eq!((server.limits.clients_max(), server.limits.timeout_s()), (50, 9));
    assert_eq!(client.run("config set maxclients 50 timeout"), "-ERR syntax error\r\n");
    assert_eq!(client.run("config get nothing"), "*0\r\n");
    assert_eq!(client.run("config rewrite"), "-ERR The server is running without a config file\r\n");
    server.stats.connected();
    assert_eq!(client.run("config resetstat"), "+OK\r\n");
    assert_eq!(server.stats.totals().connections_received, 0);
    assert_eq!(client.run("config x"), "-ERR unknown subcommand 'x'. Try CONFIG HELP.\r\n");
    for name in ["save", "appendonly"] {
        assert!(
            client.run(&format!("config get {name}")).starts_with("*2\r\n"),
            "redis-benchmark asks for {name}"
        );
    }
}

/// The value of a field of `INFO`.
fn info_field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

#[test]
fn info_has_what_dashboards_read() {
    let server = server("port 7001");
    server.set_gauges(Arc::new(Figures));
    let mut client = Client::connect(&server);
    server.stats.ran(700, Duration::from_micros(5), false);
    server.stats.error(b"ERR x");
    let all = client.text("info all");
    for name in "redis_version redis_mode process_id run_id tcp_port uptime_in_seconds connected_clients blocked_clients \
                 maxclients used_memory used_memory_rss maxmemory maxmemory_policy mem_fragmentation_ratio \
                 number_of_cached_scripts loading rdb_last_save_time rdb_changes_since_last_save \
                 rdb_last_bgsave_status aof_enabled aof_last_write_status aof_current_size aof_delayed_fsync \
                 total_commands_processed total_connections_received rejected_connections total_net_input_bytes \
                 total_net_output_bytes keyspace_hits keyspace_misses expired_keys evicted_keys \
                 instantaneous_ops_per_sec instantaneous_input_kbps instantaneous_output_kbps role connected_slaves \
                 used_cpu_sys used_cpu_user cluster_enabled wal_last_lsn wal_durable_lsn wal_size_bytes wal_segments \
                 wal_fsync_usec_p50 wal_fsync_usec_p99 wal_batch_avg checkpoint_lsn checkpoint_age_sec recovery_ms_last"
        .split_whitespace()
    {
        assert!(info_field(&all, name).is_some(), "{name}");
    }
    for (name, value) in [
        ("redis_version", "7.2.4"),
        ("server_name", "ackd"),
        ("tcp_port", "7001"),
        ("wal_last_lsn", "50"),
        ("wal_batch_avg", "5.00"),
        ("rdb_changes_since_last_save", "10"),
        ("rdb_last_save_time", "1700000000"),
        ("db0", "keys=7,expires=2,avg_ttl=0"),
        ("errorstat_ERR", "count=1"),
        ("cmdstat_ping", "calls=1,usec=5,usec_per_call=5.00,rejected_calls=0,failed_calls=0"),
    ] {
        assert_eq!(info_field(&all, name), Some(value), "{name}");
    }
    assert!(info_field(&all, "latency_percentiles_usec_ping").is_some_and(|value| value.starts_with("p50=")));
    assert!(all.split("\r\n").all(|line| line.is_empty() || line.starts_with("# ") || line.contains(':')));

    assert!(!client.text("info").contains("cmdstat_"));
    let two = client.text("info SERVER durability");
    assert_eq!(two.matches("# ").count(), 2);
    assert_eq!(client.text("info nothing"), "");
    client.run("hello 3");
    assert!(client.run("info server").starts_with('='), "verbatim text");
}

#[test]
fn slow_commands_are_shown() {
    let server = server("slowlog-log-slower-than 0");
    let mut client = Client::connect(&server);
    client.run("client setname me");
    let words = Args::new(b"pinghi", &[Span { start: 0, len: 4 }, Span { start: 4, len: 2 }]);
    let run = RunEnd { took: Duration::from_micros(70), reply_bytes: 8, failed: false };
    server.ran(1, &spec::PING, &words, run);
    assert_eq!(client.run("slowlog len"), ":1\r\n");
    let Value::List('*', records) = value(&client.run("slowlog get")) else { panic!() };
    let Value::List('*', record) = &records[0] else { panic!() };
    assert_eq!(record.len(), 6);
    assert_eq!(record[2], Value::Leaf(':', "70".into()));
    assert_eq!(record[3], value("*2\r\n$4\r\nping\r\n$2\r\nhi\r\n"));
    assert_eq!(record[5], Value::Leaf('$', "me".into()));
    assert_eq!(client.run("slowlog reset"), "+OK\r\n");
    assert_eq!(client.run("slowlog get -1"), "*0\r\n");
    assert!(
        client
            .run("slowlog get 1 2")
            .starts_with("-ERR unknown subcommand or wrong number of arguments for 'get'")
    );
    let Value::List(_, histogram) = value(&client.run("latency histogram ping echo")) else { panic!() };
    assert_eq!(histogram[0], Value::Leaf('$', "ping".into()));
    assert_eq!(histogram.len(), 2);
}

#[test]
fn commands_with_large_requests_and_replies_are_shown() {
    let server = server("commandlog-request-larger-than 22\ncommandlog-large-reply-max-len 1");
    let mut client = Client::connect(&server);
    client.run("client setname me");
    let run = |words: &[u8], lens: [u32; 2], reply_bytes| {
        let spans = [Span { start: 0, len: lens[0] }, Span { start: lens[0], len: lens[1] }];
        let took = Duration::from_micros(70);
        server.ran(1, &spec::PING, &Args::new(words, &spans), RunEnd { took, reply_bytes, failed: false });
    };
    // As an array of bulk strings, these have 21, 22 and 29 bytes.
    run(b"pingx", [4, 1], 5);
    run(b"pinghi", [4, 2], 1 << 20);
    run(b"pingtenletters", [4, 10], (1 << 20) - 1);
    run(b"pingy", [4, 1], 1 << 21);
    let amounts = |reply: &str| -> Vec<(String, String)> {
        let Value::List('*', records) = value(reply) else { panic!("{reply}") };
        let records = records.into_iter().map(|record| match record {
            Value::List('*', fields) if fields.len() == 6 => match &fields[..] {
                [Value::Leaf(':', id), _, Value::Leaf(':', amount), ..] => (id.clone(), amount.clone()),
                _ => panic!("{fields:?}"),
            },
            _ => panic!("{reply}"),
        });
        records.collect()
    };
    let pair = |id: &str, amount: &str| (id.to_owned(), amount.to_owned());
    assert_eq!(amounts(&client.run("commandlog get -1 large-request")), [pair("1", "31"), pair("0", "22")]);
    assert_eq!(amounts(&client.run("COMMANDLOG GET 1 LARGE-REQUEST")), [pair("1", "31")]);
    assert_eq!(amounts(&client.run("commandlog get 10 large-reply")), [pair("1", "2097152")]);
    for (line, expected) in [
        ("commandlog len slow", ":0\r\n"),
        ("commandlog len large-request", ":2\r\n"),
        ("commandlog len large-reply", ":1\r\n"),
        (
            "commandlog len large",
            "-ERR type should be one of the following: slow, large-request, large-reply\r\n",
        ),
        ("commandlog reset large-request", "+OK\r\n"),
        ("commandlog len large-request", ":0\r\n"),
        ("commandlog len large-reply", ":1\r\n"),
        (
            "commandlog reset slowly",
            "-ERR type should be one of the following: slow, large-request, large-reply\r\n",
        ),
        ("commandlog get -2 slow", "-ERR count should be greater than or equal to -1\r\n"),
        ("commandlog get x slow", "-ERR count should be greater than or equal to -1\r\n"),
    ] {
        assert_eq!(client.run(line), expected, "{line}");
    }
}

#[test]
fn every_reply_is_one_well_formed_value_in_both_protocols() {
    let server = server("");
    server.set_gauges(Arc::new(Figures));
    server.stats.ran(700, Duration::from_micros(5), false);
    for hello in ["hello 2", "hello 3"] {
        let mut client = Client::connect(&server);
        client.run(hello);
        for line in [
            "command",
            "command docs",
            "command docs ping client",
            "command docs config|set nope",
            "command info",
            "command info ping nope client|list",
            "command list",
            "command list filterby aclcat connection",
            "command list filterby pattern client|*",
            "command list filterby module x",
            "command count",
            "command help",
            "client help",
            "client list",
            "client trackinginfo",
            "config get *",
            "config help",
            "latency histogram",
            "latency doctor",
            "latency help",
            "latency history x",
            "latency graph x",
            "latency reset",
            "memory stats",
            "memory doctor",
            "memory help",
            "memory purge",
            "memory malloc-stats",
            "slowlog help",
            "commandlog help",
            "commandlog get 5 slow",
            "acl cat",
            "acl cat admin",
            "acl list",
            "acl users",
            "acl getuser default",
            "acl getuser x",
            "acl log",
            "acl log reset",
            "acl genpass",
            "acl genpass 5",
            "acl dryrun default get k",
            "acl save",
            "acl help",
            "module help",
            "debug help",
            "info everything",
            "lolwut",
            "lolwut version 9 20",
            "time",
            "lastsave",
            "role",
        ] {
            value(&client.run(line));
        }
    }
}

#[test]
fn the_picture_ends_with_the_version_and_is_drawn_where_redis_draws_one() {
    let mut client = Client::connect(&server(""));
    let plain = format!("Redis ver. {}\n", super::connection::REDIS_VERSION);
    let bulk = format!("${}\r\n{plain}\r\n", plain.len());
    for line in ["lolwut", "lolwut version", "lolwut version 7", "lolwut 10 20", "lolwut foo"] {
        assert_eq!(client.run(line), bulk, "{line}");
    }
    for line in ["lolwut version 5", "lolwut version 6 20"] {
        let picture = client.run(line);
        assert!(picture.contains('~') && picture.ends_with(&format!(" {plain}\r\n")), "{picture}");
    }
    client.run("hello 3");
    assert!(client.run("lolwut").starts_with(&format!("={}\r\ntxt:Redis ver. ", plain.len() + 4)));
    assert!(client.run("memory malloc-stats").contains("txt:"), "RESP3 says that it is a text");
    assert!(client.run("info server").contains("\r\ngcc_version:"));
}

#[test]
fn the_documentation_of_a_command_is_a_map_of_known_fields() {
    let mut client = Client::connect(&server(""));
    client.run("hello 3");
    let Value::List('%', all) = value(&client.run("command docs")) else { panic!() };
    let top_level: Vec<&Spec> = spec::all().filter(|spec| !spec.is_subcommand()).collect();
    assert_eq!(all.len(), top_level.len() * 2);
    for pair in all.chunks(2) {
        check_docs(&pair[1]);
    }
    let Value::List('*', one) = value(&client.run("command info client|pause")) else { panic!() };
    let Value::List('*', fields) = &one[0] else { panic!() };
    assert_eq!(fields.len(), 10);
    assert_eq!(fields[0], Value::Leaf('$', "client|pause".into()));
    assert_eq!(fields[1], Value::Leaf(':', "-3".into()));
    assert!(
        matches!(&fields[2], Value::List('~', flags) if flags.contains(&Value::Leaf('+', "admin".into())))
    );
}

/// Checks what `COMMAND DOCS` says of one command.
fn check_docs(docs: &Value) {
    let Value::List('%', fields) = docs else { panic!("{docs:?}") };
    let names: Vec<&Value> = fields.iter().step_by(2).collect();
    for name in ["summary", "since", "group", "complexity"] {
        assert!(names.contains(&&Value::Leaf('$', name.into())), "{name}: {docs:?}");
    }
    for pair in fields.chunks(2) {
        match &pair[0] {
            Value::Leaf(_, name) if name == "subcommands" => {
                let Value::List('%', subcommands) = &pair[1] else { panic!() };
                subcommands.chunks(2).for_each(|pair| check_docs(&pair[1]));
            }
            Value::Leaf(_, name) if name == "arguments" => check_arguments(&pair[1]),
            _ => {}
        }
    }
}

/// Checks an array of arguments.
fn check_arguments(arguments: &Value) {
    let Value::List('*', arguments) = arguments else { panic!("{arguments:?}") };
    for argument in arguments {
        let Value::List('%', fields) = argument else { panic!("{argument:?}") };
        assert_eq!(fields[0], Value::Leaf('$', "name".into()));
        assert_eq!(fields[2], Value::Leaf('$', "type".into()));
        for pair in fields.chunks(2).filter(|pair| pair[0] == Value::Leaf('$', "arguments".into())) {
            check_arguments(&pair[1]);
        }
    }
}

#[test]
fn a_command_that_is_not_there_has_no_information() {
    let server = server("");
    let mut client = Client::connect(&server);
    assert_eq!(client.run("command info nope"), "*1\r\n$-1\r\n");
    assert_eq!(client.run("command info nope nor"), "*2\r\n$-1\r\n$-1\r\n");
}

#[test]
fn an_unknown_subcommand_cannot_forge_a_reply() {
    let mut client = Client::connect(&server(""));
    let reply = client.run_words(&[b"client", b"x\r\n+OK\r\n"]);
    assert_eq!(value(&reply), Value::Leaf('-', "ERR unknown subcommand 'x  +OK  '. Try CLIENT HELP.".into()));
}

#[test]
fn generated_passwords_are_random_and_as_long_as_asked_for() {
    let mut client = Client::connect(&server(""));
    for (line, digits) in [("acl genpass", 64), ("acl genpass 5", 2), ("acl genpass 4096", 1024)] {
        let (one, other) = (client.text(line), client.text(line));
        assert!(one.len() == digits && one.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}: {one}");
        assert!(digits < 8 || one != other, "{line}");
    }
}

#[test]
fn clients_are_found_by_everything_that_is_listed_of_them() {
    let server = server("");
    let [mut first, mut second, mut third] = [(); 3].map(|()| Client::connect(&server));
    second.run("client setname worker");
    second.run("client setinfo lib-name drive");
    second.run("client setinfo lib-ver 1.2");
    third.run("select 3");
    third.run("multi");
    let mut ids = |options: &str| {
        let list = first.text(&format!("client list {options}"));
        let id = |line: &str| line.split([' ', '=']).nth(1).unwrap().to_owned();
        list.lines().map(id).collect::<Vec<_>>().join(" ")
    };
    for (options, expected) in [
        ("name worker", "2"),
        ("not-name worker", "1 3"),
        ("lib-name drive lib-ver 1.2", "2"),
        ("lib-name drive lib-ver 1.3", ""),
        ("db 3", "3"),
        ("not-db 3 skipme yes", "2"),
        ("flags x", "3"),
        ("flags N not-id 2", "1"),
        ("not-flags x not-id 1 2", ""),
        ("ip 127.0.0.1 id 1 3", "1 3"),
        ("ip 127.0.0.2", ""),
        ("not-addr 127.0.0.1:50000", "2 3"),
        ("laddr 127.0.0.1:6379 not-type pubsub", "1 2 3"),
        ("user default maxage 0 idle 0", "1 2 3"),
        ("maxage 1000", ""),
        ("idle 1000", ""),
        ("id 3 1", "3 1"),
        ("skipme no id 3 1", "1 3"),
    ] {
        assert_eq!(ids(options), expected, "{options}");
    }
    for (options, error) in [
        ("flags ?", "-ERR Unknown flags found in the provided filter: ?"),
        ("db x", "-ERR db is not an integer or out of range"),
        ("not-maxage 5", "-ERR syntax error"),
        ("name", "-ERR syntax error"),
        ("not-", "-ERR syntax error"),
    ] {
        let reply = first.run(&format!("client list {options}"));
        assert_eq!(reply.trim_end(), error, "{options}");
    }
    assert_eq!(first.run("client kill name worker db 0"), ":1\r\n");
    assert_eq!(first.run("client kill not-name worker"), ":1\r\n");
}
