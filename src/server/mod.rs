//! The server around the connections: threads, listeners, time limits, and the orderly stop.
//!
//! [`run`] takes listeners that are already open, so that whoever calls it knows their addresses.

mod accept;
mod executor;
mod listening;
mod slice;

pub use executor::{Executors, Spawner};

use std::sync::Arc;
use std::time::{Duration, Instant};

use smol::Timer;

use crate::connection::Services;
use crate::ebb;
use crate::net::Listener;
use crate::own_names::OwnNames;
use crate::state::{ClientInfo, ServerState, ShutdownMode};
use listening::Listening;

/// How often rates are sampled and the writer is asked to delete expired keys.
const TICK: Duration = Duration::from_millis(100);
/// Ticks between two checks for clients that have been silent for too long, and of names.
const SWEEP_TICKS: u32 = 10;
/// Ticks between two checks whether to return memory.
const ROUND_TICKS: u32 = (ebb::ROUND.as_millis() / TICK.as_millis()) as u32;
/// How long clients have to read their last replies when the server stops.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// How often the stop checks whether all clients are gone.
const DRAIN_POLL: Duration = Duration::from_millis(5);

/// Serves clients until the server is asked to stop (see `ServerState::shutdown`); returns how it should stop.
///
/// Then no new client is accepted, the commands received so far are answered, and the connections are closed; a client
/// that does not read its replies is disconnected after some seconds. The writer still runs when this returns. Await
/// this on a thread that is not one of the executor's, without a reactor of its own: with `smol::block_on` instead of
/// `smol::future::block_on` an idle server wakes 78 times a second instead of 58.
pub async fn run(
    services: Services,
    listeners: Vec<Listener>,
    names: OwnNames,
    spawner: Spawner,
) -> ShutdownMode {
    let state = services.state.clone();
    let listening = Listening::start(services.clone(), spawner.clone(), listeners);
    let weak = Arc::downgrade(&listening);
    state.settings().on_listen(move |config| match weak.upgrade() {
        Some(listening) => {
            let backlog = i32::try_from(config.tcp_backlog).unwrap_or(i32::MAX);
            listening.exchange(&config.bind, config.port, backlog).map_err(|error| error.to_string())
        }
        None => Ok(()),
    });
    let house = spawner.spawn_scoped(keep_house(services, names, spawner.clone()));
    let mode = state.shutdown.wait().await;
    // The socket's name is about to go.
    house.cancel().await;
    listening.stop().await;
    drain(&state, mode.now).await;
    mode
}

/// Closes all clients after the commands received from them are answered; at once if `now`.
async fn drain(state: &ServerState, now: bool) {
    state.shutdown.drain();
    let deadline = Instant::now() + if now { Duration::ZERO } else { DRAIN_MAX };
    state.clients.wake_all();
    while !state.clients.is_empty() && Instant::now() < deadline {
        Timer::after(DRAIN_POLL).await;
    }
    let left = state.clients.list();
    if !now && !left.is_empty() {
        tracing::warn!(clients = left.len(), "clients cut off that did not take their last replies");
    }
    left.iter().for_each(|info| info.kill());
    // Killed clients are gone at once, unless the writer has their commands; it answers, or the process ends.
    let deadline = Instant::now() + DRAIN_MAX;
    while !state.clients.is_empty() && Instant::now() < deadline {
        Timer::after(DRAIN_POLL).await;
    }
}

/// Periodic work: rates, ticks for the writer, clients that are silent for too long, the names that the server made, unused
/// memory.
async fn keep_house(services: Services, mut names: OwnNames, spawner: Spawner) {
    let mut house = House::default();
    loop {
        Timer::after(TICK).await;
        services.state.stats.sample();
        services.writer.tick();
        let due = house.tick(|| services.state.stats.totals().commands);
        if due.sweep {
            sweep(&services.state);
            names.look();
        }
        if due.ebb {
            // The writer notices the call at its next tick.
            ebb::call();
            spawner.wake_all();
        }
    }
}

/// What is done when.
#[derive(Default)]
struct House {
    /// Ticks so far.
    ticks: u32,
    /// When unused memory is returned.
    rounds: ebb::Rounds,
}

/// What is to be done at a tick.
struct Due {
    /// Whether to check clients and names.
    sweep: bool,
    /// Whether to call for unused memory.
    ebb: bool,
}

impl House {
    /// What the next tick brings, after so many commands.
    fn tick(&mut self, commands: impl FnOnce() -> u64) -> Due {
        self.ticks = self.ticks.wrapping_add(1);
        let sweep = self.ticks.is_multiple_of(SWEEP_TICKS);
        Due { sweep, ebb: self.ticks.is_multiple_of(ROUND_TICKS) && self.rounds.is_due(commands()) }
    }
}

/// Ends the connections of clients that have been silent, or have left messages unread, for too long.
fn sweep(state: &ServerState) {
    state.clients.list().iter().for_each(|info| state.check_outbox(info));
    let timeout_ms = u64::from(state.limits.timeout_s()) * 1000;
    let unauthenticated_ms = match state.users.default_user().has_password() {
        true => u64::from(state.limits.unauthenticated_timeout_s()) * 1000,
        false => 0,
    };
    if timeout_ms == 0 && unauthenticated_ms == 0 {
        return;
    }
    let now_ms = state.uptime_ms();
    let is_overdue = |info: &ClientInfo| {
        let silent = timeout_ms > 0
            && !info.is_waiting()
            && !info.subscriptions().any()
            && !info.monitors()
            && now_ms.saturating_sub(info.active_ms()) > timeout_ms;
        let unknown = unauthenticated_ms > 0
            && !info.is_authenticated()
            && now_ms.saturating_sub(info.connected_ms()) > unauthenticated_ms;
        silent || unknown
    };
    for info in state.clients.list().iter().filter(|info| is_overdue(info)) {
        tracing::debug!(peer = info.addr(), "connection closed: silent for too long");
        info.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest time in which what a test waits for may happen.
    const MINUTE: Duration = Duration::from_secs(60);
    /// Ticks of a minute.
    const MINUTE_TICKS: u32 = (MINUTE.as_millis() / TICK.as_millis()) as u32;

    #[test]
    fn memory_is_called_for_again_and_again_within_a_minute_of_the_last_command_and_then_no_more() {
        // However far the round was when the last command came.
        for last in 1..=ROUND_TICKS {
            let mut house = House::default();
            for tick in 0..last {
                house.tick(|| tick.into());
            }
            let calls: Vec<u32> =
                (1..=10 * MINUTE_TICKS).filter(|_| house.tick(|| last.into()).ebb).collect();
            assert!((2..=3).contains(&calls.len()), "{last}: {calls:?}");
            assert!(calls.iter().all(|tick| *tick < MINUTE_TICKS), "{last}: {calls:?}");
        }
    }

    #[test]
    fn clients_and_names_are_checked_once_a_second() {
        let mut house = House::default();
        let sweeps = (0..MINUTE_TICKS).filter(|_| house.tick(|| 0).sweep).count();
        assert_eq!(sweeps, 60);
    }
}
