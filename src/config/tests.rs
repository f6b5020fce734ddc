//! Configuration as a whole: sources, files, changes at run time, rewriting.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::state::{Limits, ServerState};

/// A stock redis.conf: the directives that distributions ship, with comments shortened.
const STOCK: &str = include_str!("fixtures/stock.conf");

fn load_lines(text: &str) -> Result<Loaded, ConfigError> {
    load(&Sources { standard_input: Some(text.into()), ..Sources::default() })
}

fn load_at(path: &Path) -> Result<Loaded, ConfigError> {
    load(&Sources { file: Some(path.into()), ..Sources::default() })
}

fn refusal(text: &str) -> String {
    load_lines(text).expect_err(text).to_string()
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn flag(name: &str, words: &[&str]) -> (Word, Vec<Word>) {
    (name.into(), words.iter().map(|word| (*word).into()).collect())
}

#[test]
fn every_default_is_what_its_text_says_and_reads_back() {
    let config = Config::default();
    for row in DIRECTIVES {
        let mut again = config.clone();
        let words = lines::split(&(row.write)(&config)).unwrap();
        (row.parse)(&mut again, &words).unwrap_or_else(|reason| panic!("{}: {reason}", row.name));
        assert_eq!(again, config, "{}", row.name);
        assert!(row.text[0].trim().ends_with(['.']), "{}: its first line is a sentence", row.name);
    }
}

#[test]
fn a_flag_goes_before_the_environment_before_the_file_before_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let sources = Sources {
        file: Some(file(folder.path(), "a.conf", "port 1\nhz 1\ntimeout 1\n")),
        standard_input: Some("timeout 2".into()),
        environment: vec![
            ("ACKD_PORT".into(), "3".into()),
            ("ACKD_HZ".into(), "3".into()),
            ("PATH".into(), "/".into()),
        ],
        flags: vec![flag("PORT", &["4"])],
    };
    let loaded = load(&sources).unwrap();
    assert_eq!((loaded.config.port, loaded.config.hz), (4, 3));
    assert_eq!(loaded.config.idle_timeout, Duration::from_secs(2));
    assert_eq!(loaded.config.databases, 16);
    assert_eq!(loaded.origin("port"), Origin::Flag);
    assert_eq!(loaded.origin("hz"), Origin::Environment("ACKD_HZ".into()));
    assert_eq!(loaded.origin("timeout"), Origin::StandardInput { line: 1 });
    assert_eq!(loaded.origin("databases"), Origin::Default);
    assert!(loaded.warnings.is_empty());
}

#[test]
fn variables_of_container_platforms_are_told_from_ours() {
    let mut sources = Sources {
        environment: vec![
            ("ACKD_PORT".into(), "tcp://10.0.0.1:6379".into()),
            ("ACKD_PORT_6379_TCP_PROTO".into(), "tcp".into()),
            ("ACKD_SERVICE_HOST".into(), "10.0.0.1".into()),
            ("ACKD_BIND".into(), "127.0.0.1 ::1".into()),
        ],
        ..Sources::default()
    };
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.config.port, 6379);
    assert_eq!(loaded.config.bind, ["127.0.0.1", "::1"]);
    assert_eq!(loaded.warnings.len(), 3);
    sources.environment = vec![("ACKD_PROT".into(), "1".into())];
    assert_eq!(
        load(&sources).unwrap_err().to_string(),
        "environment ACKD_PROT: unknown directive 'prot'; did you mean 'port'?"
    );
}

#[test]
fn what_is_wrong_is_named_by_line_and_never_shown() {
    assert_eq!(
        refusal("port 1\n\n# c\nmax-clients 3"),
        "standard input:4: unknown directive 'max-clients'; did you mean 'maxclients'?"
    );
    for (mistyped, meant) in
        [("maxclient", "maxclients"), ("Appendfsnyc", "appendfsync"), ("incldue", "include")]
    {
        assert_eq!(
            refusal(&format!("{mistyped} 1")),
            format!("standard input:1: unknown directive '{mistyped}'; did you mean '{meant}'?")
        );
    }
    assert_eq!(refusal("zebra 1"), "standard input:1: unknown directive 'zebra'");
    assert_eq!(refusal("port"), "standard input:1: port: a value is missing");
    assert_eq!(
        refusal("port 70000"),
        "standard input:1: port: argument must be between 0 and 65535 inclusive"
    );
    assert_eq!(
        refusal("port 1 # mine"),
        "standard input:1: port: wrong number of arguments (a comment needs a line of its own)"
    );
    assert!(!refusal("requirepass \"hidden").contains("hidden"));
    assert!(!refusal("requirepass hidden hidden").contains("hidden"));
    assert!(refusal("rename-command CONFIG \"\"").contains("not supported"));
    assert!(refusal("tls-port 6380").contains("not encrypted"));
    assert!(refusal("replicaof 10.0.0.1 6379").contains("no replica"));
}

#[test]
fn the_stock_file_of_redis_is_read_with_warnings() {
    let loaded = load_lines(STOCK).unwrap();
    let warned: Vec<&str> = loaded
        .warnings
        .iter()
        .map(|text| text.split(": ").nth(1).unwrap().split(' ').next().unwrap())
        .collect();
    assert_eq!(warned, ["daemonize", "save", "appendonly", "appendfsync", "maxmemory-policy"]);
    assert_eq!(loaded.config.port, 6379);
    assert_eq!(loaded.config.dir, PathBuf::from("/var/lib/redis"));
    assert_eq!(loaded.config.bind, ["127.0.0.1", "-::1"]);
    let show =
        |name: &str| String::from_utf8(Known::find(name.as_bytes()).unwrap().show(&loaded.config)).unwrap();
    assert_eq!(show("appendonly"), "yes");
    assert_eq!(show("save"), "");
    assert_eq!(show("rdbcompression"), "yes");
    assert_eq!(
        show("client-output-buffer-limit"),
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
    );
}

#[test]
fn includes_take_effect_where_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    file(folder.path(), "x1.conf", "port 1\nhz 1\n");
    file(folder.path(), "x2.conf", "hz 2\n");
    let main = file(
        folder.path(),
        "main.conf",
        &format!("port 9\ninclude {at}/x*.conf\ninclude {at}/none*\ntimeout 9\n"),
    );
    let loaded = load(&Sources { file: Some(main.clone()), ..Sources::default() }).unwrap();
    assert_eq!((loaded.config.port, loaded.config.hz), (1, 2));
    assert_eq!(loaded.origin("hz"), Origin::File { path: folder.path().join("x2.conf"), line: 1 });
    assert_eq!(loaded.origin("timeout"), Origin::File { path: main.clone(), line: 4 });

    fs::write(&main, format!("include {at}/main.conf")).unwrap();
    let circle = load_at(&main).unwrap_err().to_string();
    assert_eq!(circle, format!("{at}/main.conf:1: include: more than 16 files include each other"));
    fs::write(&main, format!("hz 1\ninclude {at}/absent.conf")).unwrap();
    assert_eq!(
        load_at(&main).unwrap_err().to_string(),
        format!("{at}/main.conf:2: include: {at}/absent.conf: No such file or directory (os error 2)")
    );
}

#[test]
fn files_are_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let path = folder.path().join("latin1.conf");
    let file = [
        &b"# gr\xfc\xdfe\r\ndir /var/gr\xfc\xdfe\r\nmasteruser \"\\xff \\x00\"\r\n"[..],
        b"requirepass p\xe4ss\r\n",
        format!("include {at}/*/conf.d/*.conf\r\n").as_bytes(),
    ]
    .concat();
    fs::write(&path, &file).unwrap();
    let loaded = load_at(&path).unwrap();
    assert_eq!(loaded.config.dir.as_os_str().as_encoded_bytes(), b"/var/gr\xfc\xdfe");
    assert_eq!(loaded.config.password, Password::from_bytes(b"p\xe4ss"));
    let settings = Settings::new(loaded);
    assert_eq!(settings.shown("dir"), b"/var/gr\xfc\xdfe");
    assert_eq!(settings.shown("masteruser"), b"\xff \0");
    settings.set(&[(b"hz", b"20"), (b"masteruser", b"\xe4")], &Limits::default()).unwrap();
    settings.rewrite().unwrap();
    let old = b"masteruser \"\\xff \\x00\"\r\n";
    let start = file.windows(old.len()).position(|window| window == old).unwrap();
    let added = b"# Generated by CONFIG REWRITE\nmasteruser \"\\xe4\"\nhz 20\n";
    let rewritten = fs::read(&path).unwrap();
    let kept = [&file[..start], &file[start + old.len()..]].concat();
    assert_eq!(rewritten[..kept.len()], kept, "all other bytes stay");
    assert_eq!(rewritten.len(), kept.len() + added.len());
    assert_eq!(load_at(&path).unwrap().config, settings.current());

    fs::write(&path, b"\xef\xbb\xbfhz 1\nt\xffmeout 1").unwrap();
    let refused = load_at(&path).unwrap_err().to_string();
    assert!(
        refused.starts_with(&format!("{at}/latin1.conf:2: unknown directive 't\u{fffd}meout'")),
        "{refused}"
    );
    fs::write(&path, b"\xef\xbb\xbfhz 1\n").unwrap();
    let settings = started(&path);
    settings.set(&[(b"hz", b"2")], &Limits::default()).unwrap();
    settings.rewrite().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"\xef\xbb\xbfhz 2\n");
}

#[test]
fn an_alias_is_another_name_of_the_same_value() {
    let loaded = load_lines("slave-priority 5\nreplica-priority 7\nhash-max-ziplist-entries 9").unwrap();
    let settings = Settings::new(loaded);
    let pairs = |pattern: &[u8]| settings.matching(&[pattern]);
    let pair = |name: &str, value: &str| (name.to_owned(), Word::from(value));
    assert_eq!(pairs(b"slave-priority"), [pair("slave-priority", "7")]);
    assert_eq!(pairs(b"*-priority"), [pair("replica-priority", "7"), pair("slave-priority", "7")]);
    let limits = Limits::default();
    settings.publish(&limits);
    assert_eq!(limits.encodings().to_array()[0], 9);
    settings.set(&[(b"hash-max-listpack-entries", b"3"), (b"Slave-Priority", b"1")], &limits).unwrap();
    assert_eq!(pairs(b"hash-max-ziplist-entries"), [pair("hash-max-ziplist-entries", "3")]);
    assert_eq!(pairs(b"replica-priority"), [pair("replica-priority", "1")]);
    assert_eq!(limits.encodings().to_array()[0], 3);
}

#[test]
fn what_is_shown_is_in_force() {
    let text = "table-max-size 64tb\nwal-segment-size 1048577\nclient-query-buffer-limit 4gb\n\
                scrub-rate 999999\ntimeout 1500ms\nhz 1000\nthreads 0";
    let settings = Settings::new(load_lines(text).unwrap());
    for (name, value) in [
        ("table-max-size", "17592186040320"),
        ("wal-segment-size", "1052672"),
        ("client-query-buffer-limit", "1610612736"),
        ("scrub-rate", "5120"),
        ("timeout", "2"),
        ("hz", "500"),
        ("threads", "0"),
    ] {
        assert_eq!(settings.shown(name), value.as_bytes(), "{name}");
    }
    settings.note_in_force("threads", "3");
    assert_eq!(settings.shown("threads"), b"3");
    assert_eq!(settings.current().threads, 0, "what was asked for is kept");
}

#[test]
fn a_set_of_several_pairs_changes_all_or_nothing() {
    let settings = Settings::default();
    let limits = Limits::default();
    let set = |pairs: &[(&[u8], &[u8])]| settings.set(pairs, &limits).map_err(|error| error.to_string());
    assert_eq!(set(&[(b"TimeOut", b"7"), (b"maxclients", b"5")]), Ok(()));
    assert_eq!((limits.timeout_s(), limits.clients_max()), (7, 5));
    let before = settings.current();
    for (name, value, error) in [
        ("xx", "1", "ERR Unknown option or number of arguments for CONFIG SET - 'xx'"),
        // As in Redis: clients get no suggestion.
        ("maxclient", "1", "ERR Unknown option or number of arguments for CONFIG SET - 'maxclient'"),
        (
            "databases",
            "1",
            "ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config",
        ),
        (
            "dir",
            "/",
            "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config",
        ),
        (
            "maxclients",
            "0",
            "ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument must be between 1 and 4294967295 inclusive",
        ),
        (
            "timeout",
            "1",
            "ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter",
        ),
        (
            "loglevel",
            "loud",
            "ERR CONFIG SET failed (possibly related to argument 'loglevel') - argument(s) must be one of the following: debug, verbose, notice, warning, nothing",
        ),
    ] {
        assert_eq!(set(&[(b"timeout", b"99"), (name.as_bytes(), value.as_bytes())]), Err(error.into()));
        assert_eq!(settings.current(), before, "{name}");
        assert_eq!(limits.timeout_s(), 7);
    }
    assert_eq!(
        set(&[(b"appendfsync", b"always"), (b"save", b""), (b"lazyfree-lazy-expire", b"yes")]),
        Ok(())
    );
    assert_eq!(set(&[(b"hz", b"1000")]), Ok(()));
    assert_eq!(settings.current().hz, 500);
    assert!(
        set(&[(b"hz", b"-1")]).unwrap_err().ends_with("argument must be between 0 and 2147483647 inclusive")
    );
}

#[test]
fn what_a_file_may_ask_for_without_effect_may_be_asked_for_at_run_time() {
    let settings = Settings::default();
    let limits = Limits::default();
    for (name, value, shown) in [
        ("save", "900 1 300 10", ""),
        ("no-appendfsync-on-rewrite", "yes", "no"),
        ("appendonly", "no", "yes"),
        ("appendonly", "yes", "yes"),
        ("appendfsync", "everysec", "always"),
        ("maxmemory", "100mb", "0"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ] {
        assert_eq!(settings.set(&[(name.as_bytes(), value.as_bytes())], &limits), Ok(()), "{name} {value}");
        assert_eq!(settings.matching(&[name.as_bytes()]), [(name.to_owned(), shown.into())]);
    }
    for (name, value) in [("tls-port", "6380"), ("tls-cluster", "yes")] {
        let error = settings.set(&[(name.as_bytes(), value.as_bytes())], &limits).unwrap_err().to_string();
        assert!(error.contains("not supported"), "{name}: {error}");
    }
}

#[test]
fn a_password_set_at_run_time_is_asked_for_and_not_shown() {
    let settings = Settings::default();
    let server = ServerState::new(Limits::default());
    let user = server.users.default_user();
    settings.set(&[(b"requirepass", b"swordfish")], &server).unwrap();
    assert_eq!(user.password_digest(), Some(Password::digest_of(b"swordfish")));
    assert_eq!(settings.matching(&[b"require*"]), [("requirepass".to_owned(), b"(hidden)".to_vec())]);
    settings.set(&[(b"requirepass", b"")], &server).unwrap();
    assert!(!user.has_password());
    assert_eq!(settings.matching(&[b"requirepass", b"*pass"])[0], ("requirepass".to_owned(), Vec::new()));
}

#[test]
fn matching_takes_patterns_in_any_case_and_names_each_once() {
    let settings = Settings::default();
    let names =
        |patterns: &[&[u8]]| settings.matching(patterns).into_iter().map(|pair| pair.0).collect::<Vec<_>>();
    assert_eq!(names(&[b"SLOWLOG*", b"slowlog-max-len"]), ["slowlog-log-slower-than", "slowlog-max-len"]);
    assert!(names(&[b"nothing-such"]).is_empty());
    let all = names(&[b"*"]);
    let has = |name: &str| all.iter().any(|other| other == name);
    assert!(has("databases") && has("appendonly") && !has("rename-command"));
    assert_eq!(names(&[b"maxCLIENTS", b"MAXCLIENTS"]), ["maxCLIENTS"]);
}

/// A running server with a file.
fn started(path: &Path) -> Settings {
    Settings::new(load(&Sources { file: Some(path.into()), ..Sources::default() }).unwrap())
}

#[test]
fn rewriting_keeps_comments_and_order_and_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(
        folder.path(),
        "a.conf",
        "# mine\nhz 10\n\ntimeout 1\n# between\ntimeout 3\nmaxclients 10000\nrequirepass \"old one\"\n",
    );
    let settings = started(&path);
    let limits = Limits::default();
    settings
        .set(&[(b"timeout", b"5"), (b"slowlog-max-len", b"7"), (b"requirepass", b"new")], &limits)
        .unwrap();
    settings.rewrite().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let digest = Password::from_text("new").digest_text();
    assert_eq!(
        text,
        format!(
            "# mine\nhz 10\n\n# between\ntimeout 5\nmaxclients 10000\nrequirepass {digest}\n\
             # Generated by CONFIG REWRITE\nslowlog-max-len 7\n"
        )
    );
    assert_eq!(started(&path).current(), settings.current());
    settings.rewrite().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn rewriting_goes_round_what_an_included_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let inner = file(folder.path(), "inner.conf", "hz 20\n");
    let path = file(folder.path(), "a.conf", &format!("hz 10\ninclude {}\n", inner.display()));
    let settings = started(&path);
    settings.set(&[(b"hz", b"30")], &Limits::default()).unwrap();
    settings.rewrite().unwrap();
    assert_eq!(started(&path).current().hz, 30);
    assert_eq!(fs::read_to_string(&inner).unwrap(), "hz 20\n");
}

#[test]
fn rewriting_needs_a_file_and_follows_links() {
    assert!(matches!(Settings::default().rewrite(), Err(RewriteError::NoFile)));
    let folder = tempfile::tempdir().unwrap();
    let real = file(folder.path(), "real.conf", "hz 1");
    let link = folder.path().join("link.conf");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let settings = started(&link);
    settings.set(&[(b"hz", b"2")], &Limits::default()).unwrap();
    settings.rewrite().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "hz 2\n");
}

#[test]
fn the_example_file_is_what_the_table_says() {
    let example = help::example();
    let loaded = load_lines(&example).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.warnings.is_empty());
    let is_current = include_str!("../../ackd.conf") == example;
    assert!(is_current, "ackd.conf is out of date; write it anew: ackd --example-config > ackd.conf");
    assert!(example.lines().all(|line| line.len() <= 120));
}

#[test]
fn the_effective_configuration_names_origins_and_hides_passwords() {
    let loaded = load_lines("port 7000\nrequirepass abc\nrdbchecksum no").unwrap();
    let text = help::effective(&loaded);
    let line =
        |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_string();
    assert!(line("port 7000 ").ends_with("# standard input:1"));
    assert!(line("requirepass (hidden) ").ends_with("# standard input:2"));
    assert!(line("rdbchecksum no ").ends_with("# standard input:3, without effect here"));
    assert!(line("hz 10 ").ends_with("# default"));
}
