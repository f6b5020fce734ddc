//! The wall clock that expiry times are measured with: the system's.
//!
//! Expiry times are absolute wall-clock milliseconds, so what is told follows the system's clock, wherever that goes. Nothing
//! needs it to have told less before: a key is deleted in the log before any client is told that it has expired, so it
//! cannot come back however the clock is set. While the server runs, a step back of up to [`STEP_BACK_MS`] is waited out;
//! a longer one is a jump, which the writer takes notice of with [`Clock::take_jump_back`]: expiries that were given
//! before it are to pass when they would have passed.
//!
//! The time that table and log hold is information. While it is ahead of the system's clock, which was ahead then or is
//! behind now, [`Clock::ahead_ms`] says so, until a checkpoint has written the time of now.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A step back of the system's clock up to this many milliseconds is waited out; a longer one is a jump.
const STEP_BACK_MS: u64 = 1000;
/// Stored time that is ahead of the system's clock by less is no reason to warn: clocks of machines differ so much.
pub const AHEAD_TOLERATED_MS: u64 = 60_000;

/// The clock of one server; shared by its threads.
pub struct Clock {
    /// What the monotonic clock counts from; a clock without it counts the questions instead.
    started: Option<Instant>,
    /// What was told last.
    state: Mutex<State>,
}

/// The system's clock was set back while the server ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JumpBack {
    /// The time that it would show without that, in milliseconds since 1970.
    pub expected_ms: u64,
    /// By how many milliseconds it was set back.
    pub by_ms: u64,
}

/// What the clock must remember.
#[derive(Clone, Copy, Debug)]
struct State {
    /// The wall-clock time told last, in milliseconds since 1970.
    wall_ms: u64,
    /// The monotonic time when it was first told, in milliseconds.
    told_at_ms: u64,
    /// The highest wall-clock time that is stored or was told, in milliseconds since 1970.
    highest_ms: u64,
    /// A jump that nobody took notice of yet.
    jump: Option<JumpBack>,
}

impl State {
    /// Nothing was told yet; `stored_ms` is the highest time that is stored.
    fn new(stored_ms: u64) -> Self {
        Self { wall_ms: 0, told_at_ms: 0, highest_ms: stored_ms, jump: None }
    }
}

impl Clock {
    /// A clock that follows the system's; `stored_ms` is the highest time that table and log hold.
    pub fn new(stored_ms: u64) -> Self {
        Self { started: Some(Instant::now()), state: Mutex::new(State::new(stored_ms)) }
    }

    /// A clock that goes on from `start_ms` by a millisecond whenever it is asked, so that a test can be repeated exactly.
    pub fn counting(start_ms: u64) -> Self {
        let state = State { wall_ms: start_ms, ..State::new(start_ms) };
        Self { started: None, state: Mutex::new(state) }
    }

    /// The time, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(started) = self.started else {
            state.wall_ms += 1;
            return state.wall_ms;
        };
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let monotonic_ms = started.elapsed().as_millis() as u64;
        state.advance(wall.as_millis() as u64, monotonic_ms)
    }

    /// By how much the system's clock was set back, if it was and this was not asked since.
    pub fn take_jump_back(&self) -> Option<JumpBack> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).jump.take()
    }

    /// By how many milliseconds the time that is stored, or was told before a jump back, is ahead.
    pub fn ahead_ms(&self) -> u64 {
        if self.started.is_none() {
            return 0;
        }
        let now_ms = self.now_ms();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.highest_ms.saturating_sub(now_ms)
    }

    /// A checkpoint with the time of now is durable: what was stored before is not looked at by the next start.
    pub fn stored(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.highest_ms = state.wall_ms;
    }
}

impl State {
    /// The time to tell when the clocks show `wall_ms` and `monotonic_ms`.
    fn advance(&mut self, wall_ms: u64, monotonic_ms: u64) -> u64 {
        let expected_ms = self.wall_ms + monotonic_ms.saturating_sub(self.told_at_ms);
        if wall_ms.saturating_add(STEP_BACK_MS) < expected_ms {
            // Of two jumps in a row that nobody took notice of, the first one's expiry times count from the second.
            let by_ms = expected_ms - wall_ms + self.jump.map_or(0, |jump| jump.by_ms);
            self.jump = Some(JumpBack { expected_ms: wall_ms + by_ms, by_ms });
        }
        if wall_ms > self.wall_ms || wall_ms.saturating_add(STEP_BACK_MS) < expected_ms {
            self.wall_ms = wall_ms;
            self.told_at_ms = monotonic_ms;
            self.highest_ms = self.highest_ms.max(wall_ms);
        }
        self.wall_ms
    }
}

/// Time since the Unix epoch; zero if the clock stands before it.
pub fn unix_now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_follows_the_wall_clock_forward() {
        let mut state = State::new(0);
        assert_eq!(state.advance(1_000_000, 0), 1_000_000);
        assert_eq!(state.advance(1_000_005, 5), 1_000_005);
        assert_eq!(state.advance(9_000_000, 6), 9_000_000);
        assert_eq!(state.jump, None);
    }

    #[test]
    fn a_small_step_back_is_waited_out() {
        let mut state = State::new(0);
        state.advance(1_000_000, 0);
        assert_eq!(state.advance(999_500, 10), 1_000_000);
        assert_eq!(state.advance(999_900, 410), 1_000_000);
        assert_eq!(state.advance(1_000_001, 511), 1_000_001);
        assert_eq!(state.jump, None);
    }

    #[test]
    fn a_jump_back_is_followed_and_told_once() {
        let mut state = State::new(0);
        state.advance(10_000_000, 0);
        assert_eq!(state.advance(5_000_000, 100), 5_000_000);
        let told = state.jump.take();
        assert_eq!(told, Some(JumpBack { expected_ms: 10_000_100, by_ms: 5_000_100 }));
        assert_eq!(state.advance(5_000_400, 500), 5_000_400);
        assert_eq!(state.jump, None);
        assert_eq!(state.advance(10_000_600, 600), 10_000_600, "the wall clock was set right again");
        assert_eq!(state.jump, None);
    }

    #[test]
    fn two_jumps_that_nobody_noticed_are_one() {
        let mut state = State::new(0);
        state.advance(10_000_000, 0);
        state.advance(9_000_000, 0);
        state.advance(8_500_000, 100);
        assert_eq!(state.jump, Some(JumpBack { expected_ms: 10_000_100, by_ms: 1_500_100 }));
    }

    #[test]
    fn many_small_steps_back_do_not_stop_time() {
        let mut state = State::new(0);
        state.advance(10_000_000, 0);
        for second in 1..=100 {
            // Half of each second is taken back.
            state.advance(10_000_000 + second * 500, second * 1000);
        }
        assert_eq!(state.wall_ms, 10_050_000);
    }

    #[test]
    fn stored_time_that_is_ahead_is_told_until_the_time_of_now_is_stored() {
        let clock = Clock::new(u64::MAX / 2);
        let now_ms = clock.now_ms();
        assert!(now_ms < u64::MAX / 4, "it is not followed");
        assert!((1..=u64::MAX / 2 - now_ms).contains(&clock.ahead_ms()));
        clock.stored();
        assert_eq!(clock.ahead_ms(), 0);
        assert_eq!(clock.take_jump_back(), None);
    }
}
