//! The wall clock that deadlines are measured with: it never runs backwards.
//!
//! Deadlines are absolute wall-clock milliseconds. If the system's clock is set back, keys must not live longer, and a
//! key that has expired must not come back. So the time told is never below the highest one told before, kept across
//! restarts; and after a backward jump of more than [`BACKWARD_JUMP_MS`] time goes on by the monotonic clock until the
//! system's clock has caught up. Each such jump is reported once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A step back of the system's clock up to this many milliseconds is waited out; a longer one is a jump.
const BACKWARD_JUMP_MS: u64 = 1000;

/// The clock of one server; shared by its threads.
pub struct Clock {
    /// What the monotonic clock counts from; a clock without it counts the questions instead.
    started: Option<Instant>,
    /// What was told last.
    state: Mutex<State>,
}

/// What the clock must remember.
#[derive(Clone, Copy, Debug)]
struct State {
    /// The highest wall-clock time told, in milliseconds since 1970.
    high_water_ms: u64,
    /// The monotonic time when it was first told, in milliseconds.
    told_at_ms: u64,
    /// Whether time follows the monotonic clock since a backward jump.
    jumped: bool,
    /// Size of a jump that was not reported yet, in milliseconds.
    unreported_ms: Option<u64>,
}

impl Clock {
    /// A clock that never tells less than `high_water_ms`, the highest time known to have been told before the start.
    pub fn new(high_water_ms: u64) -> Self {
        let state = State { high_water_ms, told_at_ms: 0, jumped: false, unreported_ms: None };
        Self { started: Some(Instant::now()), state: Mutex::new(state) }
    }

    /// A clock that goes on by a millisecond whenever it is asked, so that a test can be repeated exactly.
    pub fn counting(high_water_ms: u64) -> Self {
        Self { started: None, ..Self::new(high_water_ms) }
    }

    /// The time, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(started) = self.started else {
            state.high_water_ms += 1;
            return state.high_water_ms;
        };
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let monotonic_ms = started.elapsed().as_millis() as u64;
        state.advance(wall.as_millis() as u64, monotonic_ms)
    }

    /// By how many milliseconds the system's clock was set back, if it was and this was not asked since.
    pub fn take_backward_jump_ms(&self) -> Option<u64> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).unreported_ms.take()
    }
}

impl State {
    /// The time to tell when the clocks show `wall_ms` and `monotonic_ms`.
    fn advance(&mut self, wall_ms: u64, monotonic_ms: u64) -> u64 {
        let expected_ms = self.high_water_ms + monotonic_ms.saturating_sub(self.told_at_ms);
        let told_ms = if wall_ms.saturating_add(BACKWARD_JUMP_MS) >= expected_ms {
            self.jumped = false;
            wall_ms
        } else {
            if !self.jumped {
                self.unreported_ms = Some(expected_ms - wall_ms);
            }
            self.jumped = true;
            expected_ms
        };
        if told_ms > self.high_water_ms {
            self.high_water_ms = told_ms;
            self.told_at_ms = monotonic_ms;
        }
        self.high_water_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(high_water_ms: u64) -> State {
        State { high_water_ms, told_at_ms: 0, jumped: false, unreported_ms: None }
    }

    #[test]
    fn time_follows_the_wall_clock_forward() {
        let mut state = state(0);
        assert_eq!(state.advance(1_000_000, 0), 1_000_000);
        assert_eq!(state.advance(1_000_005, 5), 1_000_005);
        assert_eq!(state.advance(9_000_000, 6), 9_000_000);
        assert_eq!(state.unreported_ms, None);
    }

    #[test]
    fn a_small_step_back_is_waited_out() {
        let mut state = state(0);
        state.advance(1_000_000, 0);
        assert_eq!(state.advance(999_500, 10), 1_000_000);
        assert_eq!(state.advance(999_900, 410), 1_000_000);
        assert_eq!(state.advance(1_000_001, 511), 1_000_001);
        assert_eq!(state.unreported_ms, None);
    }

    #[test]
    fn after_a_jump_back_relative_time_goes_on_and_the_jump_is_reported_once() {
        let mut state = state(0);
        state.advance(10_000_000, 0);
        assert_eq!(state.advance(5_000_000, 100), 10_000_100);
        assert_eq!(state.unreported_ms.take(), Some(5_000_100));
        assert_eq!(state.advance(5_000_400, 500), 10_000_500);
        assert_eq!(state.unreported_ms, None);
        assert_eq!(state.advance(10_000_600, 600), 10_000_600, "the wall clock was set right again");
        assert_eq!(state.advance(4_000_000, 700), 10_000_700);
        assert!(state.unreported_ms.is_some());
    }

    #[test]
    fn many_small_steps_back_do_not_stop_time() {
        let mut state = state(0);
        state.advance(10_000_000, 0);
        let mut told = 0;
        for second in 1..=100 {
            told = state.advance(10_000_000, second * 1000);
        }
        assert_eq!(told, 10_100_000);
    }

    #[test]
    fn the_high_water_mark_of_an_earlier_run_holds() {
        let mut state = state(2_000_000);
        assert_eq!(state.advance(1_999_500, 0), 2_000_000);
        let clock = Clock::new(u64::MAX / 2);
        let first = clock.now_ms();
        assert!(first >= u64::MAX / 2);
        assert!(clock.take_backward_jump_ms().is_some());
        assert!(clock.take_backward_jump_ms().is_none());
    }
}
