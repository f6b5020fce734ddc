//! The wall clock for expiry times: the system's clock.
//!
//! Expiry times are absolute wall-clock milliseconds, so this clock follows the system's clock, even when that is set
//! back. That is safe: a key is deleted in the log before any client learns that it has expired, so it cannot come back
//! however the clock is set. While the server runs, a step back of up to [`STEP_BACK_MS`] is waited out. A longer one
//! is a jump, which the writer handles with [`Clock::take_jump_back`]: expiries that were set before the jump still
//! pass when they would have passed without it.
//!
//! The time in table and log is only information. It can be ahead of the system's clock, if that was ahead then or is
//! behind now. [`Clock::ahead_ms`] reports this until a checkpoint has written the current time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A step back of the system's clock up to this many milliseconds is waited out; a longer one is a jump.
const STEP_BACK_MS: u64 = 1000;
/// If the stored time is ahead of the system's clock by less than this, there is no warning: clocks of different
/// machines differ that much.
pub const AHEAD_TOLERATED_MS: u64 = 60_000;

/// The clock of one server; shared by its threads.
pub struct Clock {
    /// The start of the monotonic clock; a clock without it advances with each call instead.
    started: Option<Instant>,
    /// The last time returned, and what follows from it.
    state: Mutex<State>,
}

/// The system's clock was set back while the server ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JumpBack {
    /// The time that it would show otherwise, in milliseconds since 1970.
    pub expected_ms: u64,
    /// By how many milliseconds it was set back.
    pub by_ms: u64,
}

/// The state of the clock.
#[derive(Clone, Copy, Debug)]
struct State {
    /// The wall-clock time that was last returned, in milliseconds since 1970.
    wall_ms: u64,
    /// The monotonic time when that was first returned, in milliseconds.
    told_at_ms: u64,
    /// The highest wall-clock time that is stored or was returned, in milliseconds since 1970.
    highest_ms: u64,
    /// A jump that nobody has handled yet.
    jump: Option<JumpBack>,
}

impl State {
    /// The state before the first call; `stored_ms` is the highest time that is stored.
    fn new(stored_ms: u64) -> Self {
        Self { wall_ms: 0, told_at_ms: 0, highest_ms: stored_ms, jump: None }
    }
}

impl Clock {
    /// A clock that follows the system's; `stored_ms` is the highest time that table and log hold.
    pub fn new(stored_ms: u64) -> Self {
        Self { started: Some(Instant::now()), state: Mutex::new(State::new(stored_ms)) }
    }

    /// A clock that starts at `start_ms` and advances by a millisecond with each call, so that a test can be repeated
    /// exactly.
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

    /// By how much the system's clock was set back since the last call, if it was.
    pub fn take_jump_back(&self) -> Option<JumpBack> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).jump.take()
    }

    /// By how many milliseconds the stored time, or a time returned before a jump back, is ahead.
    pub fn ahead_ms(&self) -> u64 {
        if self.started.is_none() {
            return 0;
        }
        let now_ms = self.now_ms();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.highest_ms.saturating_sub(now_ms)
    }

    /// Notes that a checkpoint with the current time is durable: the next start does not see what was stored before.
    pub fn stored(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.highest_ms = state.wall_ms;
    }
}

impl State {
    /// The time to return when the clocks show `wall_ms` and `monotonic_ms`.
    fn advance(&mut self, wall_ms: u64, monotonic_ms: u64) -> u64 {
        let expected_ms = self.wall_ms + monotonic_ms.saturating_sub(self.told_at_ms);
        if wall_ms.saturating_add(STEP_BACK_MS) < expected_ms {
            // If two jumps come before anyone handles them, the expiry times set before the first one count from the
            // second.
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

/// Time since the Unix epoch; zero if the clock is before it.
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
            // Half of each second is set back.
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
