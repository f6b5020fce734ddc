//! `COMMAND INFO` of all commands that both servers know: clients and proxies use it for routing.
//!
//! Known differences: flags for something that ackd does not have (`no_async_loading` and the like), flags of commands that
//! hide passwords or are refused in transactions in ackd, and the notes on keys, which are prose.

use std::collections::BTreeMap;

use super::*;

/// Flags of redis-server that have no meaning in ackd.
const FOREIGN_FLAGS: &[&str] = &["no_async_loading", "allow_busy", "no_mandatory_keys", "may_replicate"];
/// Commands whose flags differ.
const OTHER_FLAGS: &[&str] = &["auth", "client", "client|reply", "config|set", "hello", "lolwut"];
/// Commands that take more words than in redis-server 7.0.
const OTHER_ARITY: &[&str] = &["exec", "zrank", "zrevrank"];
/// Commands in other categories, because they have other flags.
const OTHER_CATEGORIES: &[&str] = &["lolwut"];

/// What is known of a command: its fields in order, without those of its subcommands.
fn known(client: &mut Client) -> BTreeMap<String, Vec<Value>> {
    let mut all = BTreeMap::new();
    let Value::Array(commands) = client.run("COMMAND") else { panic!("COMMAND answers with an array") };
    let mut left = commands;
    while let Some(command) = left.pop() {
        let Value::Array(mut fields) = command else { panic!("a command is an array") };
        let Some(Value::Array(subcommands) | Value::Set(subcommands)) = fields.pop() else {
            panic!("{fields:?}")
        };
        left.extend(subcommands);
        all.insert(fields[0].text(), fields);
    }
    all
}

/// The words of an array, in order, without those that are not compared.
fn words(value: &Value) -> Vec<String> {
    let (Value::Array(words) | Value::Set(words)) = value else { panic!("{value:?}") };
    let mut words: Vec<String> = words.iter().map(Value::text).collect();
    words.retain(|word| !FOREIGN_FLAGS.contains(&word.as_str()));
    words.sort();
    words
}

/// The key specifications, without notes.
fn positions(value: &Value) -> Vec<Value> {
    let (Value::Array(positions) | Value::Set(positions)) = value else { panic!("{value:?}") };
    let without_remark = |position: &Value| match position {
        Value::Array(fields) if fields[0] == Value::Bulk(b"notes".to_vec()) => {
            Value::Array(fields[2..].to_vec())
        }
        other => other.clone(),
    };
    positions.iter().map(without_remark).collect()
}

#[test]
fn what_is_known_of_commands_is_what_redis_knows() {
    let root = tempfile::tempdir().unwrap();
    let server = TestServer::start(&root.path().join("data"), &["--loglevel", "warning"]);
    let reference = Reference::start(root.path());
    let (ours, theirs) = (known(&mut server.client()), known(&mut reference.client()));
    let mut compared = 0;
    for (name, our) in &ours {
        let Some(their) = theirs.get(name) else { continue };
        let differs = |names: &[&str]| names.contains(&name.as_str());
        compared += 1;
        assert!(differs(OTHER_ARITY) || our[1] == their[1], "{name}: {our:?}\n{their:?}");
        assert!(differs(OTHER_FLAGS) || words(&our[2]) == words(&their[2]), "{name}: {our:?}\n{their:?}");
        assert_eq!(our[3..6], their[3..6], "{name}");
        assert!(
            differs(OTHER_CATEGORIES) || our[6] == their[6],
            "{name} is in {:?}, in redis-server in {:?}",
            our[6],
            their[6]
        );
        assert_eq!(words(&our[7]), words(&their[7]), "{name}");
        assert_eq!(positions(&our[8]), positions(&their[8]), "{name}");
    }
    assert!(compared > 250, "{compared} commands are compared");
}
