//! Access-control categories of commands: what `ACL CAT`, `COMMAND INFO` and `COMMAND LIST` go by.

use super::{Flags, Spec};

/// The categories, in Redis's order.
pub(super) const CATEGORIES: &[&str] = &[
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

/// The categories of a command, in Redis's order.
pub(super) fn categories(spec: &Spec) -> impl Iterator<Item = &'static str> {
    CATEGORIES.iter().copied().filter(|category| is_in_category(spec, category))
}

/// Whether a command is of a category. Container commands are of few: they do nothing themselves.
pub(super) fn is_in_category(spec: &Spec, category: &str) -> bool {
    let flags = spec.flags;
    let is_container = !spec.subcommands.is_empty();
    let is_sort = matches!(spec.name, "sort" | "sort_ro");
    let is_wait = matches!(spec.name, "wait" | "waitaof");
    match category {
        "keyspace" => {
            (spec.group == "generic" && !is_container && !is_sort && !is_wait)
                || matches!(spec.name, "dbsize" | "flushdb" | "flushall" | "swapdb")
        }
        "read" => flags.has(Flags::READONLY),
        "write" => flags.has(Flags::WRITE),
        "set" | "list" => spec.group == category || is_sort,
        "sortedset" => spec.group == "sorted-set" || is_sort,
        "pubsub" => spec.group == category && flags.has(Flags::PUBSUB),
        "admin" => flags.has(Flags::ADMIN) || matches!(spec.name, "role" | "lastsave"),
        "fast" => flags.has(Flags::FAST),
        "slow" => !flags.has(Flags::FAST),
        "blocking" => flags.has(Flags::BLOCKING),
        "dangerous" => {
            flags.has(Flags::ADMIN)
                || is_sort
                || matches!(
                    spec.name,
                    "keys" | "flushdb" | "flushall" | "swapdb" | "info" | "role" | "lastsave"
                )
        }
        "connection" => {
            (spec.group == category && !is_container)
                || is_wait
                || spec.name.split('|').next() == Some("command")
                || matches!(spec.name, "asking" | "readonly" | "readwrite")
        }
        "transaction" => spec.group == "transactions",
        _ => spec.group == category,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::lookup;

    #[test]
    fn categories_are_those_of_redis() {
        let of = |name: &str| categories(lookup(name.as_bytes()).unwrap()).collect::<Vec<_>>();
        assert_eq!(of("get"), ["read", "string", "fast"]);
        assert_eq!(of("set"), ["write", "string", "slow"]);
        assert_eq!(of("flushall"), ["keyspace", "write", "slow", "dangerous"]);
        assert_eq!(of("del"), ["keyspace", "write", "slow"]);
        assert_eq!(of("sort"), ["write", "set", "sortedset", "list", "slow", "dangerous"]);
        assert_eq!(of("client"), ["slow"]);
    }
}
