//! Access-control categories of commands, for `ACL CAT`, `COMMAND INFO` and `COMMAND LIST`.

use super::{Flags, Spec};

/// The categories, in Redis's order.
pub const CATEGORIES: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

impl Spec {
    /// The categories of a command, in Redis's order.
    pub fn all_categories(&self) -> impl Iterator<Item = &'static str> {
        CATEGORIES.iter().copied().filter(|category| self.is_in_category(category))
    }

    /// Whether a command is in a category. Container commands are in few, because they do nothing themselves.
    pub fn is_in_category(&self, category: &str) -> bool {
        let flags = self.flags;
        let follows = match category {
            "read" => flags.has(Flags::READONLY),
            "write" => flags.has(Flags::WRITE),
            "sortedset" => self.group == "sorted-set",
            "pubsub" => self.group == category && flags.has(Flags::PUBSUB),
            "admin" | "dangerous" => flags.has(Flags::ADMIN),
            "fast" => flags.has(Flags::FAST),
            "slow" => !flags.has(Flags::FAST),
            "blocking" => flags.has(Flags::BLOCKING),
            "connection" | "stream" => self.group == category && !self.is_container(),
            "transaction" => self.group == "transactions",
            _ => self.group == category,
        };
        follows || self.categories.contains(&category)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;

    #[test]
    fn categories_are_those_of_redis() {
        let of = |spec: &Spec| spec.all_categories().collect::<Vec<_>>();
        assert_eq!(of(&spec::GET), ["read", "string", "fast"]);
        assert_eq!(of(&spec::SET), ["write", "string", "slow"]);
        assert_eq!(of(&spec::FLUSHALL), ["keyspace", "write", "slow", "dangerous"]);
        assert_eq!(of(&spec::DEL), ["keyspace", "write", "slow"]);
        assert_eq!(of(&spec::SORT), ["write", "set", "sortedset", "list", "slow", "dangerous"]);
        assert_eq!(of(&spec::CLIENT), ["slow"]);
    }
}
