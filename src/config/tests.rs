//! Configuration as a whole: sources, files, changes at run time, rewriting.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::state::Limits;

/// A stock redis.conf: the directives that distributions ship, with comments shortened.
const STOCK: &str = include_str!("fixtures/stock.conf");

fn load_lines(text: &str) -> Result<Loaded, ConfigError> {
    load(&Sources { standard_input: Some(text.into()), ..Sources::default() })
}

fn refusal(text: &str) -> String {
    load_lines(text).expect_err(text).to_string()
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn flag(name: &str, words: &[&str]) -> (String, Vec<String>) {
    (name.into(), words.iter().map(|word| word.to_string()).collect())
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
    let show = |name| Known::find(name).unwrap().show(&loaded.config);
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
    let circle = load(&Sources { file: Some(main.clone()), ..Sources::default() }).unwrap_err();
    assert!(circle.to_string().contains("too deeply"), "{circle}");
    fs::write(&main, format!("include {at}/absent.conf")).unwrap();
    assert!(
        load(&Sources { file: Some(main), ..Sources::default() }).unwrap_err().to_string().contains("absent")
    );
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
        (
            "port",
            "1",
            "ERR CONFIG SET failed (possibly related to argument 'port') - can't set immutable config",
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
        ("appendonly", "no", "yes"),
        ("appendonly", "yes", "yes"),
        ("appendfsync", "everysec", "always"),
        ("maxmemory", "100mb", "0"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ] {
        assert_eq!(settings.set(&[(name.as_bytes(), value.as_bytes())], &limits), Ok(()), "{name} {value}");
        assert_eq!(settings.matching(&[name.as_bytes()]), [(name.to_owned(), shown.to_owned())]);
    }
    for (name, value) in [("tls-port", "6380"), ("replicaof", "host 1"), ("cluster-enabled", "yes")] {
        let error = settings.set(&[(name.as_bytes(), value.as_bytes())], &limits).unwrap_err().to_string();
        assert!(error.contains("not supported"), "{name}: {error}");
    }
}

#[test]
fn a_password_set_at_run_time_is_asked_for_and_not_shown() {
    let settings = Settings::default();
    let limits = Limits::default();
    settings.set(&[(b"requirepass", b"swordfish")], &limits).unwrap();
    assert!(limits.is_password_digest(&Password::digest_of(b"swordfish")));
    assert_eq!(settings.matching(&[b"require*"]), [("requirepass".to_owned(), "(hidden)".to_owned())]);
    settings.set(&[(b"requirepass", b"")], &limits).unwrap();
    assert!(!limits.has_password());
    assert_eq!(settings.matching(&[b"requirepass", b"*pass"])[0], ("requirepass".to_owned(), String::new()));
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
