//! Tests of the checker, on small histories that are known to be linearizable or not.

use crate::checker::check;
use crate::common::Value;
use crate::history::{Command, Operation, State};
use crate::window::shrink;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// An operation with a reply; `span` is from its invocation to its return.
fn op(command: Command, reply: Value, span: (u64, u64)) -> Operation {
    Operation {
        client: 0,
        command,
        reply: Some(reply),
        invoked: span.0,
        returned: span.1,
        optional: false,
        after: None,
        chained: false,
    }
}

/// An operation without a reply, which cannot take effect after `end`.
fn maybe(command: Command, invoked: u64, end: u64) -> Operation {
    Operation { reply: None, optional: true, ..op(command, Value::Null, (invoked, end)) }
}

fn set(value: &str, span: (u64, u64)) -> Operation {
    op(Command::Set(value.into()), Value::Simple("OK".into()), span)
}

fn get(value: &str, span: (u64, u64)) -> Operation {
    op(Command::Get, Value::Bulk(value.into()), span)
}

fn get_nothing(span: (u64, u64)) -> Operation {
    op(Command::Get, Value::Null, span)
}

fn incr(reply: i64, span: (u64, u64)) -> Operation {
    op(Command::Incr, Value::Integer(reply), span)
}

fn is_good(operations: &[Operation]) -> bool {
    check(operations, State::Absent).is_ok()
}

#[test]
fn operations_one_by_one() {
    assert!(is_good(&[]));
    assert!(is_good(&[
        get_nothing((0, 1)),
        set("a", (2, 3)),
        get("a", (4, 5)),
        set("b", (6, 7)),
        get("b", (8, 9))
    ]));
    let every_command = [
        op(Command::SetNx("a".into()), Value::Integer(1), (0, 1)),
        op(Command::SetNx("b".into()), Value::Integer(0), (2, 3)),
        op(Command::Append("b".into()), Value::Integer(2), (4, 5)),
        op(Command::GetSet("1".into()), Value::Bulk("ab".into()), (6, 7)),
        op(Command::Decr, Value::Integer(0), (8, 9)),
        op(Command::SetGet("7".into()), Value::Bulk("0".into()), (10, 11)),
        incr(8, (12, 13)),
        op(Command::Del, Value::Integer(1), (14, 15)),
        op(Command::Del, Value::Integer(0), (16, 17)),
        op(Command::SetLong("x".into()), Value::Simple("OK".into()), (18, 19)),
        op(Command::GetDel, Value::Bulk("x".into()), (20, 21)),
        get_nothing((22, 23)),
    ];
    assert!(is_good(&every_command));
    for at in 0..every_command.len() {
        let mut wrong = every_command.to_vec();
        wrong[at].reply = Some(Value::Integer(99));
        assert!(!is_good(&wrong), "{:?} may not answer 99", wrong[at].command);
    }
}

#[test]
fn concurrent_operations_in_any_order() {
    // Two writes and reads at the same time: the reads show the order.
    let writes = [set("a", (0, 10)), set("b", (0, 10))];
    for (first, second) in [("a", "b"), ("b", "a")] {
        assert!(is_good(&[&writes[..], &[get(first, (1, 2)), get(second, (3, 4))]].concat()));
    }
    // But nobody may see both orders.
    assert!(!is_good(&[&writes[..], &[get("a", (1, 2)), get("b", (3, 4)), get("a", (5, 6))]].concat()));
    // Seen before its reply, and then gone.
    assert!(!is_good(&[set("a", (0, 10)), get("a", (1, 2)), get_nothing((3, 4))]));
    // Replies of concurrent increments come in any order.
    assert!(is_good(&[incr(2, (0, 9)), incr(1, (1, 10)), incr(3, (2, 8))]));
}

#[test]
fn stale_read() {
    assert!(!is_good(&[set("a", (0, 1)), set("b", (2, 3)), get("a", (4, 5))]));
    assert!(!is_good(&[set("a", (0, 1)), get_nothing((2, 3))]));
    // At the same time as the write either value is right.
    assert!(is_good(&[set("a", (0, 1)), set("b", (2, 5)), get("a", (4, 6))]));
}

#[test]
fn value_never_written() {
    assert!(!is_good(&[set("a", (0, 1)), get("b", (2, 3))]));
    assert!(!is_good(&[get("b", (0, 1)), set("b", (2, 3))]));
}

#[test]
fn lost_update() {
    assert!(!is_good(&[incr(1, (0, 10)), incr(1, (1, 9))]));
    assert!(!is_good(&[incr(1, (0, 10)), incr(2, (1, 9)), get("1", (11, 12))]));
    let append = |value: &str, len, span| op(Command::Append(value.into()), Value::Integer(len), span);
    assert!(is_good(&[append("aa", 2, (0, 10)), append("b", 3, (1, 9)), get("aab", (11, 12))]));
    assert!(!is_good(&[append("aa", 2, (0, 10)), append("b", 3, (1, 9)), get("baa", (11, 12))]));
    let set_nx = |value: &str, span| op(Command::SetNx(value.into()), Value::Integer(1), span);
    assert!(!is_good(&[set_nx("a", (0, 10)), set_nx("b", (1, 9))]));
}

#[test]
fn maybe_operations() {
    let broken = maybe(Command::Set("b".into()), 2, 20);
    let start = [set("a", (0, 1)), broken];
    // It may have taken effect, at once or later, or never.
    assert!(is_good(&[&start[..], &[get("a", (3, 4))]].concat()));
    assert!(is_good(&[&start[..], &[get("b", (3, 4))]].concat()));
    assert!(is_good(&[&start[..], &[get("a", (3, 4)), get("b", (5, 6)), get("b", (30, 31))]].concat()));
    // But only once, not before it was sent, and not after its server had ended.
    assert!(!is_good(&[&start[..], &[get("b", (3, 4)), set("c", (5, 6)), get("b", (7, 8))]].concat()));
    assert!(!is_good(&[&start[..], &[get("b", (3, 4)), get("a", (5, 6))]].concat()));
    assert!(!is_good(&[set("a", (0, 1)), get("b", (2, 3)), maybe(Command::Set("b".into()), 4, 20)]));
    assert!(!is_good(&[&start[..], &[get("a", (21, 22)), get("b", (23, 24))]].concat()));
    assert!(is_good(&[&start[..], &[get("b", (21, 22)), get("b", (23, 24))]].concat()));
    // Of five increments without a reply any number counts.
    let maybes = vec![maybe(Command::Incr, 0, u64::MAX); 5];
    for (value, expected) in [("0", false), ("1", true), ("5", true), ("6", false)] {
        assert_eq!(is_good(&[&maybes[..], &[get(value, (1, 2))]].concat()), expected, "{value}");
    }
    assert!(!is_good(&[&maybes[..], &[incr(4, (1, 2)), get("3", (3, 4))]].concat()));
}

#[test]
fn acknowledged_write_lost_at_a_restart() {
    // The server is killed at 10: what was acknowledged is gone, or came back only at the next restart.
    let lost = [set("a", (0, 1)), set("b", (2, 3)), maybe(Command::Append("c".into()), 4, 10)];
    assert!(is_good(&[&lost[..], &[get("b", (11, 12))]].concat()));
    assert!(is_good(&[&lost[..], &[get("bc", (11, 12))]].concat()));
    assert!(!is_good(&[&lost[..], &[get("a", (11, 12))]].concat()));
    assert!(!is_good(&[&lost[..], &[get("b", (11, 12)), get("bc", (21, 22))]].concat()));
}

#[test]
fn pipelines_keep_their_order() {
    let chain = |mut operations: Vec<Operation>| {
        operations[0].chained = true;
        operations[1].chained = true;
        operations[1].after = Some(0);
        operations
    };
    assert!(is_good(&chain(vec![set("a", (0, 5)), get("a", (0, 6))])));
    assert!(!is_good(&chain(vec![set("a", (0, 5)), get_nothing((0, 6))])));
    // Of two without replies the second happens only if the first did.
    let broken =
        || chain(vec![maybe(Command::Append("a".into()), 0, 10), maybe(Command::Append("b".into()), 0, 10)]);
    assert!(is_good(&[broken(), vec![get("ab", (1, 2))]].concat()));
    assert!(is_good(&[broken(), vec![get("a", (1, 2))]].concat()));
    assert!(!is_good(&[broken(), vec![get("b", (1, 2))]].concat()));
    // And so it is found after their server has ended.
    assert!(is_good(&[broken(), vec![get("ab", (11, 12))]].concat()));
    assert!(is_good(&[broken(), vec![get("a", (11, 12))]].concat()));
    assert!(!is_good(&[broken(), vec![get("b", (11, 12))]].concat()));
}

#[test]
fn window_of_what_is_wrong() {
    let mut operations: Vec<Operation> =
        (0..200).map(|number| set(&number.to_string(), (number * 10, number * 10 + 5))).collect();
    operations.push(get("199", (2000, 2001)));
    operations.push(get("198", (2002, 2003)));
    let failure = check(&operations, State::Absent).unwrap_err();
    let window = shrink(&operations, &State::Absent, &failure);
    assert_eq!(window.operations.len(), 2, "{}", window.text());
    assert_eq!(window.initial, State::Unknown);
    assert!(window.text().contains(">>"), "{}", window.text());
}

/// A server that answers at a random moment of each operation, or makes one mistake.
fn simulated(random: &mut SmallRng, operations: u64, stale: Option<u64>) -> Vec<Operation> {
    let mut busy = [0; 8];
    let (mut state, mut history) = (State::Absent, Vec::new());
    let mut before = state.clone();
    for number in 0..operations {
        let moment = number * 10;
        let Some(client) = busy.iter().position(|until| *until < moment) else { continue };
        let span = (
            moment - random.random_range(0..=(moment - busy[client]).min(40)),
            moment + random.random_range(1..40),
        );
        busy[client] = span.1 + 1;
        let command = match random.random_range(0..8) {
            0..3 => Command::Get,
            3 | 4 => Command::Set(number.to_string()),
            5 => Command::Incr,
            6 => Command::Append(random.random_range(1..9).to_string()),
            _ => Command::Decr,
        };
        let command = if stale == Some(number) { Command::Get } else { command };
        let shown = if stale == Some(number) { &before } else { &state };
        let (reply, next) = command.run(shown);
        if matches!(reply, Value::Error(_)) {
            continue;
        }
        let mut operation = op(command, reply, span);
        let is_lost = random.random_ratio(1, 60) && stale != Some(number);
        if is_lost {
            operation = Operation { reply: None, optional: true, returned: moment + 2000, ..operation };
        }
        if stale != Some(number) && (!is_lost || random.random()) {
            if number.is_multiple_of(1000) {
                before = state;
            }
            state = next;
        }
        history.push(operation);
    }
    history
}

#[test]
fn long_histories_in_little_time() {
    let mut random = SmallRng::seed_from_u64(7);
    for _ in 0..5 {
        let history = simulated(&mut random, 10_000, None);
        assert!(history.len() > 5_000 && is_good(&history));
        assert!(!is_good(&simulated(&mut random, 10_000, Some(9_900))));
    }
}
