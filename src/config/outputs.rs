//! `client-output-buffer-limit`: one line may set one class of clients, or several.

use super::Kind;
use super::checks;
use super::lines::Word;
use super::value::{Setting, parse_bytes};

/// Maximum bytes of messages that may wait for one client, whatever is configured.
pub const OUTBOX_BYTES_MAX: u64 = 1 << 30;

/// Limits of what may wait for a client: one class of `client-output-buffer-limit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes above which the client is disconnected at once; 0 means no limit but [`OUTBOX_BYTES_MAX`].
    pub hard_bytes: u64,
    /// Bytes above which the client is disconnected if it stays above for too long; 0 means no limit.
    pub soft_bytes: u64,
    /// Seconds that the client may stay above the soft limit; 0 disables that limit.
    pub soft_s: u64,
}

/// Limits of what may wait for a client, by its class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// Clients that do not listen to channels.
    pub normal: OutputLimit,
    /// Replicas: only stored and shown, for there are none.
    pub replica: OutputLimit,
    /// Clients that listen to channels.
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    /// The class called `name`.
    fn class(&mut self, name: &str) -> Option<&mut OutputLimit> {
        match name.to_ascii_lowercase().as_str() {
            "normal" => Some(&mut self.normal),
            "slave" | "replica" => Some(&mut self.replica),
            "pubsub" => Some(&mut self.pubsub),
            _ => None,
        }
    }
}

impl Setting for OutputLimits {
    fn parse(words: &[Word], kind: &Kind) -> Result<Self, String> {
        let mut limits = Self::default();
        limits.update(words, kind)?;
        Ok(limits)
    }

    fn update(&mut self, words: &[Word], _: &Kind) -> Result<(), String> {
        let words = checks::split(words);
        if !words.len().is_multiple_of(4) {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        let mut limits = *self;
        for group in words.chunks_exact(4) {
            let class = limits
                .class(&group[0])
                .ok_or("Invalid client class specified in buffer limit configuration.")?;
            let bytes = |word: &str| {
                parse_bytes(word)
                    .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
            };
            // Blanks before a number are skipped, as C's functions do.
            let soft_s = group[3].trim_start().parse().ok().filter(|seconds| *seconds <= i32::MAX as u64);
            *class = OutputLimit {
                hard_bytes: bytes(&group[1])?.min(OUTBOX_BYTES_MAX),
                soft_bytes: bytes(&group[2])?.min(OUTBOX_BYTES_MAX),
                soft_s: soft_s
                    .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?,
            };
        }
        *self = limits;
        Ok(())
    }

    fn format(&self, _: &Kind) -> Word {
        let class = |name: &str, limit: OutputLimit| {
            format!("{name} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_s)
        };
        [class("normal", self.normal), class("slave", self.replica), class("pubsub", self.pubsub)]
            .join(" ")
            .into()
    }

    fn write(&self, kind: &Kind) -> Word {
        self.format(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_changes_the_classes_that_it_names() {
        let mut limits = OutputLimits::default();
        let mut update = |line: &str| {
            limits
                .update(&[line.into()], &Kind::Words)
                .map(|()| String::from_utf8(limits.format(&Kind::Words)).unwrap())
        };
        assert_eq!(
            update("pubsub 32mb 8mb 60").unwrap(),
            "normal 0 0 0 slave 0 0 0 pubsub 33554432 8388608 60"
        );
        assert_eq!(
            update("normal 1 2 3 replica 4kb 5 6").unwrap(),
            "normal 1 2 3 slave 4096 5 6 pubsub 33554432 8388608 60"
        );
        assert_eq!(
            update("pubsub 2gb 2gb 1").unwrap(),
            "normal 1 2 3 slave 4096 5 6 pubsub 1073741824 1073741824 1",
            "what is shown is in force"
        );
        for bad in ["pubsub 1 2", "other 1 2 3", "normal x 2 3", "normal 1 2 -3", "\n", " ", "normal  1 2 3"]
        {
            assert!(update(bad).is_err(), "{bad}");
        }
    }
}
