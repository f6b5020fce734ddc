//! The smallest part of a history that is not linearizable, for the failure message.

use crate::checker::{Failure, check};
use crate::history::{Command, Operation, State};
use std::fmt::Write;

/// States shown of those that are possible.
const STATES_SHOWN: usize = 8;

/// A part of a key's history that is wrong by itself.
#[derive(Debug)]
pub struct Window {
    /// What the key holds before: [`State::Unknown`] unless the window starts with the history.
    pub initial: State,
    /// The operations, by the time of their invocation.
    pub operations: Vec<Operation>,
    /// What is wrong with them.
    pub failure: Failure,
}

/// Cuts a history that `check` found wrong down to a window of it.
pub fn shrink(operations: &[Operation], initial: &State, failure: &Failure) -> Window {
    let end = operations[failure.operation].returned;
    let until_end: Vec<usize> = (0..operations.len()).filter(|at| operations[*at].invoked <= end).collect();
    let mut starts: Vec<u64> = until_end.iter().map(|at| operations[*at].invoked).collect();
    starts.sort_unstable();
    // An earlier start adds constraints, so the latest start of a wrong window is found by bisection.
    let late = starts.partition_point(|start| {
        let kept = part(operations, &until_end, *start);
        check(&kept, State::Unknown).is_err()
    });
    let (initial, start) = match late {
        0 => (initial.clone(), 0),
        late => (State::Unknown, starts[late - 1]),
    };
    let kept = without_reads(part(operations, &until_end, start), &initial);
    let failure = check(&kept, initial.clone()).expect_err("a window was cut that is wrong");
    Window { initial, operations: kept, failure }
}

/// The operations that were open at `start` or invoked later. Those that were open may have taken effect before.
fn part(operations: &[Operation], until_end: &[usize], start: u64) -> Vec<Operation> {
    let kept: Vec<usize> = until_end.iter().copied().filter(|at| operations[*at].returned >= start).collect();
    let position = |at: usize| kept.iter().position(|other| *other == at);
    kept.iter()
        .map(|at| {
            let operation = operations[*at].clone();
            let after = operation.after.and_then(position);
            Operation { optional: operation.optional || operation.invoked < start, after, ..operation }
        })
        .collect()
}

/// Leaves out reads without which the window is still wrong.
fn without_reads(mut operations: Vec<Operation>, initial: &State) -> Vec<Operation> {
    for at in (0..operations.len()).rev() {
        if operations[at].command == Command::Get {
            let fewer = without(&operations, at);
            if check(&fewer, initial.clone()).is_err() {
                operations = fewer;
            }
        }
    }
    operations
}

fn without(operations: &[Operation], gone: usize) -> Vec<Operation> {
    let earlier_than_gone = operations[gone].after;
    let mut kept = operations.to_vec();
    kept.remove(gone);
    for operation in &mut kept {
        if operation.after == Some(gone) {
            operation.after = earlier_than_gone;
        }
        operation.after = operation.after.map(|at| at - usize::from(at > gone));
    }
    kept
}

impl Window {
    /// The operations by time, and what is wrong.
    pub fn text(&self) -> String {
        let mut text = format!("before: {:?}\n", self.initial);
        let mut order: Vec<usize> = (0..self.operations.len()).collect();
        order.sort_unstable_by_key(|at| self.operations[*at].invoked);
        for at in order {
            let operation = &self.operations[at];
            let mark = if at == self.failure.operation { ">>" } else { "  " };
            let maybe = if operation.optional { "  (maybe)" } else { "" };
            let _ = writeln!(text, "{mark} {operation}{maybe}");
        }
        let states = &self.failure.states;
        let more = if states.len() > STATES_SHOWN { " or others" } else { "" };
        let shown: Vec<String> = states.iter().take(STATES_SHOWN).map(|state| format!("{state:?}")).collect();
        let _ = writeln!(
            text,
            "No order explains the reply marked >>: the key held {}{more} before the {} operations open then.",
            shown.join(" or "),
            self.failure.open.len() + 1
        );
        text
    }
}
