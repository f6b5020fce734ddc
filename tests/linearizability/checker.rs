//! Whether the operations on one key can be put in an order that explains every reply.
//!
//! A history is linearizable if each operation can be given a moment between its invocation and its return so that the
//! replies are those of a key to which the operations came one by one, at these moments. (Keys are independent: a
//! history of several keys is linearizable if that of each key is.)
//!
//! The search goes through the history's invocations and returns by time, after Wing and Gong with Lowe's just-in-time
//! linearization: operations are put in order only when one of them returns and was not put in order yet. What is kept
//! is the set of *configurations* that the past allows: what the key holds, and which of the open operations were
//! ordered already. If no configuration is left at a return, no order explains what was seen until then.
//!
//! Three rules keep the sets small; none of them loses an order:
//! - an operation that fits a configuration and changes nothing is ordered at once;
//! - a configuration is dropped if another is the same except that it used fewer optional operations;
//! - of optional operations without a reply that do the same, only the one that ends first is tried.

use crate::history::{Operation, State};
use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

/// Open operations at one moment, at most: bits of a mask.
const OPEN_MAX: usize = 128;

/// The state after one order of the past operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Configuration {
    /// What the key holds: an index of [`Search::states`].
    state: u32,
    /// Open operations that were ordered already, by slot.
    ordered: u128,
}

/// Configurations, none of which makes another one redundant.
#[derive(Default)]
struct Configurations {
    /// For each state and set of ordered operations that matter: the sets of other ordered operations.
    sets: HashMap<(u32, u128), Vec<u128>>,
}

/// Why a history is not linearizable.
#[derive(Debug, PartialEq)]
pub struct Failure {
    /// The operation whose return nothing explains.
    pub operation: usize,
    /// What the key may have held when the operation was about to return, before any open operation is ordered.
    pub states: Vec<State>,
    /// The operations that were open then.
    pub open: Vec<usize>,
}

struct Search<'a> {
    operations: &'a [Operation],
    /// Every state met so far.
    states: Vec<State>,
    state_ids: HashMap<State, u32>,
    /// The open operation of each slot.
    slots: Vec<Option<usize>>,
    /// The slot of each open operation.
    slot_of: Vec<Option<usize>>,
    configurations: Vec<Configuration>,
}

impl Configurations {
    /// Adds a configuration; returns whether it was not redundant. `free` are the slots of operations that need not be
    /// ordered.
    fn insert(&mut self, configuration: Configuration, free: u128) -> bool {
        let spent = configuration.ordered & free;
        let set = self.sets.entry((configuration.state, configuration.ordered & !free)).or_default();
        if set.iter().any(|other| other & !spent == 0) {
            return false;
        }
        set.retain(|other| spent & !other != 0);
        set.push(spent);
        true
    }

    fn into_vec(self) -> Vec<Configuration> {
        let all = self.sets.into_iter().flat_map(|((state, counted), set)| {
            set.into_iter().map(move |spent| Configuration { state, ordered: counted | spent })
        });
        all.collect()
    }
}

/// Checks the operations on one key that held `initial` before the first.
pub fn check(operations: &[Operation], initial: State) -> Result<(), Failure> {
    let mut events: Vec<(u64, bool, usize)> = Vec::with_capacity(operations.len() * 2);
    for (index, operation) in operations.iter().enumerate() {
        events.push((operation.invoked, false, index));
        if operation.returned != u64::MAX {
            events.push((operation.returned, true, index));
        }
    }
    // At the same moment, invocations come first: then either order is allowed. Of a pipeline, the later operation ends
    // first: it cannot take effect without the earlier one.
    events.sort_unstable_by_key(|(time, is_return, index)| (*time, *is_return, Reverse(*index)));
    let mut search = Search::new(operations, initial);
    for (_, is_return, index) in events {
        if !is_return {
            search.open(index);
        } else if !search.close(index) {
            return Err(search.failure(index));
        }
    }
    Ok(())
}

impl<'a> Search<'a> {
    fn new(operations: &'a [Operation], initial: State) -> Self {
        Self {
            operations,
            states: vec![initial.clone()],
            state_ids: HashMap::from([(initial, 0)]),
            slots: Vec::new(),
            slot_of: vec![None; operations.len()],
            configurations: vec![Configuration { state: 0, ordered: 0 }],
        }
    }

    fn open(&mut self, index: usize) {
        let slot = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        assert!(slot < OPEN_MAX, "more than {OPEN_MAX} operations on one key are open at the same time");
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(index);
        self.slot_of[index] = Some(slot);
    }

    /// An operation returns: keeps the configurations in which it is ordered. Returns whether there are any; if not,
    /// nothing has changed.
    fn close(&mut self, index: usize) -> bool {
        let slot = self.slot_of[index].expect("an operation returns after it was invoked");
        let bit: u128 = 1 << slot;
        let free = self.free() & !bit;
        let mut kept = Configurations::default();
        let closed = |configuration: Configuration| Configuration {
            ordered: configuration.ordered & !bit,
            ..configuration
        };
        // The last moment to order it; an optional one may also never have happened.
        if self.operations[index].optional {
            for configuration in &self.configurations {
                kept.insert(closed(*configuration), free);
            }
        }
        for configuration in self.order_until(slot) {
            kept.insert(closed(configuration), free);
        }
        if kept.sets.is_empty() {
            return false;
        }
        self.configurations = kept.into_vec();
        self.slots[slot] = None;
        self.slot_of[index] = None;
        true
    }

    /// All configurations that order the operation in `target`, with everything that must come before it.
    fn order_until(&mut self, target: usize) -> Vec<Configuration> {
        let free = self.free();
        let mut found = Vec::new();
        let mut seen = Configurations::default();
        let mut work: VecDeque<Configuration> = self.configurations.iter().copied().collect();
        while let Some(configuration) = work.pop_front() {
            let configuration = self.absorb(configuration);
            if configuration.has(target) {
                found.push(configuration);
                continue;
            }
            if !seen.insert(configuration, free) {
                continue;
            }
            let mut tried: Vec<usize> = Vec::new();
            for slot in 0..self.slots.len() {
                let Some(index) = self.orderable(configuration, slot) else { continue };
                let operation = &self.operations[index];
                let is_alike = |other: &usize| {
                    let other = &self.operations[*other];
                    other.command == operation.command && other.returned <= operation.returned
                };
                let is_anonymous = operation.is_free() && operation.reply.is_none();
                if is_anonymous && tried.iter().any(is_alike) {
                    continue;
                }
                if is_anonymous {
                    tried.push(index);
                }
                let Some(state) = self.run(configuration.state, index) else { continue };
                if state == configuration.state && is_anonymous {
                    continue;
                }
                let next = Configuration { state, ordered: configuration.ordered | 1 << slot };
                // Those that use fewer optional operations come first, so that the others need not be followed.
                match operation.is_free() {
                    true => work.push_back(next),
                    false => work.push_front(next),
                }
            }
        }
        found
    }

    /// Orders all operations that fit and change nothing.
    fn absorb(&mut self, mut configuration: Configuration) -> Configuration {
        // An operation may be waiting for a later slot, so again until nothing is found.
        loop {
            let before = configuration.ordered;
            for slot in 0..self.slots.len() {
                let Some(index) = self.orderable(configuration, slot) else { continue };
                let is_due = !self.operations[index].optional;
                if is_due && self.run(configuration.state, index) == Some(configuration.state) {
                    // An unknown state counts as changed.
                    if self.states[configuration.state as usize] != State::Unknown {
                        configuration.ordered |= 1 << slot;
                    }
                }
            }
            if configuration.ordered == before {
                return configuration;
            }
        }
    }

    /// The operation in `slot`, if it can be the next in order.
    fn orderable(&self, configuration: Configuration, slot: usize) -> Option<usize> {
        let index = self.slots[slot].filter(|_| !configuration.has(slot))?;
        let waits_for = self.operations[index].after.and_then(|earlier| self.slot_of[earlier]);
        waits_for.is_none_or(|slot| configuration.has(slot)).then_some(index)
    }

    /// The state after an operation, if its reply fits.
    fn run(&mut self, state: u32, index: usize) -> Option<u32> {
        let next = self.operations[index].run(&self.states[state as usize])?;
        if let Some(id) = self.state_ids.get(&next) {
            return Some(*id);
        }
        let id = self.states.len() as u32;
        self.states.push(next.clone());
        self.state_ids.insert(next, id);
        Some(id)
    }

    /// The slots of open operations that need not be ordered, and for which no other waits.
    fn free(&self) -> u128 {
        let is_free = |index: &Option<usize>| index.is_some_and(|index| self.operations[index].is_free());
        (0..).zip(&self.slots).filter(|(_, index)| is_free(index)).fold(0, |mask, (slot, _)| mask | 1 << slot)
    }

    fn failure(&self, operation: usize) -> Failure {
        let mut ids: Vec<u32> = self.configurations.iter().map(|it| it.state).collect();
        ids.sort_unstable();
        ids.dedup();
        let states = ids.into_iter().map(|id| self.states[id as usize].clone()).collect();
        let open = self.slots.iter().flatten().copied().filter(|index| *index != operation).collect();
        Failure { operation, states, open }
    }
}

impl Configuration {
    fn has(&self, slot: usize) -> bool {
        self.ordered & 1 << slot != 0
    }
}

impl Operation {
    /// Whether it makes no difference to any other operation that this one is never ordered.
    fn is_free(&self) -> bool {
        self.optional && !self.chained
    }
}
