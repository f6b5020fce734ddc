//! Updates limits and users when the configuration changes.

use std::time::Duration;

use super::ServerState;
use super::command_limits::EncodingLimits;
use super::limits::Limits;
use crate::config::{Config, Follower};
use crate::number::parse_i64;

impl Follower for ServerState {
    fn follow(&self, config: &Config, clients_max: u32) {
        self.limits.follow(config, clients_max);
        self.users.default_user().set_password_digest(config.password.digest());
    }
}

impl Follower for Limits {
    fn follow(&self, config: &Config, clients_max: u32) {
        self.set_clients_max(clients_max);
        self.set_timeout_s(whole_seconds(config.idle_timeout));
        self.set_unauthenticated_timeout_s(whole_seconds(config.unauthenticated_timeout));
        self.set_tcp_keepalive_s(whole_seconds(config.tcp_keepalive));
        self.set_bulk_bytes_max(config.bulk_bytes_max);
        self.set_query_buffer_bytes_max(config.input_bytes_max);
        self.set_protected_mode(config.protected_mode);
        self.set_slowlog_slower_than_us(config.slowlog_micros);
        self.set_slowlog_len_max(u64::from(config.slowlog_len_max));
        self.set_request_larger_than(config.request_larger_than);
        self.set_large_requests_max(u64::from(config.large_requests_max));
        self.set_reply_larger_than(config.reply_larger_than);
        self.set_large_replies_max(u64::from(config.large_replies_max));
        self.set_latency_threshold_ms(
            u64::try_from(config.latency_threshold.as_millis()).unwrap_or(u64::MAX),
        );
        self.set_databases(config.databases);
        self.set_transaction_bytes_max(config.transaction_bytes_max);
        self.set_transaction_commands_max(u64::from(config.transaction_commands_max));
        self.set_subscriptions_max(u64::from(config.subscriptions_max));
        self.set_tracking_keys_max(match config.tracking_keys_max {
            0 => u64::MAX,
            keys => keys,
        });
        self.set_notified(config.notified);
        self.set_outputs(config.outputs.normal, config.outputs.pubsub);
        self.set_auth_failures_max(config.auth_failures_max);
        self.set_unauthenticated_bytes_max(config.unauthenticated_bytes_max);
        self.set_output_bytes_max(config.output_bytes_max);
        self.set_reply_bytes_max(usize::try_from(config.reply_bytes_max).unwrap_or(usize::MAX));
        self.set_recovery_target_ms(u64::try_from(config.recovery_target.as_millis()).unwrap_or(u64::MAX));
        self.set_scrub_rate(config.scrub_rate);
        self.set_checkpoint_interval_s(whole_seconds(config.checkpoint_interval));
        self.set_encodings(encodings(config));
    }
}

/// The limits for `OBJECT ENCODING`.
fn encodings(config: &Config) -> EncodingLimits {
    const NAMES: [&str; 8] = [
        "hash-max-listpack-entries",
        "hash-max-listpack-value",
        "set-max-intset-entries",
        "set-max-listpack-entries",
        "set-max-listpack-value",
        "zset-max-listpack-entries",
        "zset-max-listpack-value",
        "list-max-listpack-size",
    ];
    let mut limits = EncodingLimits::default().to_array();
    for (limit, name) in limits.iter_mut().zip(NAMES) {
        let given = config.inert.get(name).and_then(|value| parse_i64(value));
        *limit = given.unwrap_or(*limit);
    }
    EncodingLimits::from_array(limits)
}

/// Whole seconds; the parser has rounded them.
fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}
