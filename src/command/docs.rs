//! `COMMAND`: descriptions of all commands, for clients.

use super::local::{self, Outcome, is, unknown_subcommand};
use super::{CommandError, LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Access, Argument, At, Flags, KeyPosition, KeyRange, Spec};

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::COMMAND, Run::Local(command)),
    (&spec::COMMAND_COUNT, Run::Local(count)),
    (&spec::COMMAND_DOCS, Run::Local(docs)),
    (&spec::COMMAND_GETKEYS, Run::Local(getkeys)),
    (&spec::COMMAND_GETKEYSANDFLAGS, Run::Local(getkeysandflags)),
    (&spec::COMMAND_INFO, Run::Local(info)),
    (&spec::COMMAND_LIST, Run::Local(list)),
    (&spec::COMMAND_HELP, Run::Local(help)),
];

/// Flags and their names, in Redis's order.
const FLAG_NAMES: &[(Flags, &str)] = &[
    (Flags::WRITE, "write"),
    (Flags::READONLY, "readonly"),
    (Flags::DENYOOM, "denyoom"),
    (Flags::ADMIN, "admin"),
    (Flags::PUBSUB, "pubsub"),
    (Flags::NOSCRIPT, "noscript"),
    (Flags::BLOCKING, "blocking"),
    (Flags::LOADING, "loading"),
    (Flags::STALE, "stale"),
    (Flags::SKIP_MONITOR, "skip_monitor"),
    (Flags::SKIP_SLOWLOG, "skip_slowlog"),
    (Flags::FAST, "fast"),
    (Flags::NO_AUTH, "no_auth"),
    (Flags::NO_MULTI, "no_multi"),
    (Flags::MOVABLEKEYS, "movablekeys"),
];

/// `COMMAND`
fn command(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() > 1 {
        return unknown_subcommand(ctx, args, reply);
    }
    let all = top_level();
    reply.array(all.len());
    all.iter().for_each(|spec| write_info(reply, spec));
    Ok(())
}

/// All commands except subcommands.
fn top_level() -> Vec<&'static Spec> {
    spec::all().filter(|spec| !spec.is_subcommand()).collect()
}

/// `COMMAND COUNT`
fn count(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(top_level().len() as i64);
    Ok(())
}

/// `COMMAND INFO [command-name ...]`
fn info(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() == 2 {
        let all = top_level();
        reply.array(all.len());
        all.iter().for_each(|spec| write_info(reply, spec));
        return Ok(());
    }
    reply.array(args.len() - 2);
    for name in args.from(2) {
        match spec::find(name) {
            Some(spec) => write_info(reply, spec),
            None => reply.null(),
        }
    }
    Ok(())
}

/// Writes what `COMMAND INFO` says of one command.
fn write_info(reply: &mut Reply<'_>, spec: &Spec) {
    reply.array(10);
    reply.bulk(spec.name.as_bytes());
    reply.integer(i64::from(spec.arity));
    let flags: Vec<&str> =
        FLAG_NAMES.iter().filter(|(flag, _)| spec.flags.has(*flag)).map(|(_, name)| *name).collect();
    write_names(reply, &flags);
    let (first, last, step) = spec.fixed_keys();
    reply.integer(first as i64);
    reply.integer(i64::from(last));
    reply.integer(step as i64);
    write_names(reply, &spec.all_categories().map(|category| format!("@{category}")).collect::<Vec<_>>());
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(spec.keys.len());
    spec.keys.iter().for_each(|position| write_key_position(reply, position));
    if !spec.is_container() {
        reply.set(0);
        return;
    }
    reply.array(spec.subcommands.len());
    spec.subcommands.iter().for_each(|spec| write_info(reply, spec));
}

/// Writes a set of names, as simple strings.
fn write_names(reply: &mut Reply<'_>, names: &[impl AsRef<str>]) {
    reply.set(names.len());
    names.iter().for_each(|name| reply.simple(name.as_ref()));
}

/// Writes where some of a command's keys are, and what it does with them.
fn write_key_position(reply: &mut Reply<'_>, KeyPosition { at, access }: &KeyPosition) {
    reply.map(3);
    reply.bulk(b"flags");
    write_names(reply, access.names);
    reply.bulk(b"begin_search");
    match *at {
        At::Fixed(KeyRange { first, .. }) => write_step(reply, "index", &[("index", first as i32)]),
        At::Counted(at) | At::CountedPairs(at) => write_step(reply, "index", &[("index", at as i32)]),
        At::Behind(word, from) => write_keyword(reply, word, from),
        At::Streams(from) => write_keyword(reply, "STREAMS", from),
        At::SortStore | At::Unknown => write_step(reply, "unknown", &[]),
    }
    reply.bulk(b"find_keys");
    match *at {
        // The last key is given relative to the first, unless it is negative: then it counts from the end.
        At::Fixed(KeyRange { first, last, step }) => {
            let last = if last < 0 { last } else { last - first as i32 };
            write_step(reply, "range", &[("lastkey", last), ("keystep", step as i32), ("limit", 0)]);
        }
        At::Counted(_) => {
            write_step(reply, "keynum", &[("keynumidx", 0), ("firstkey", 1), ("keystep", 1)]);
        }
        At::CountedPairs(_) => {
            write_step(reply, "keynum", &[("keynumidx", 0), ("firstkey", 1), ("keystep", 2)]);
        }
        At::Behind(..) => write_step(reply, "range", &[("lastkey", 0), ("keystep", 1), ("limit", 0)]),
        At::Streams(_) => write_step(reply, "range", &[("lastkey", -1), ("keystep", 1), ("limit", 2)]),
        At::SortStore | At::Unknown => write_step(reply, "unknown", &[]),
    }
}

/// Writes one step of the search for keys: its type, and its numbers.
fn write_step(reply: &mut Reply<'_>, kind: &str, numbers: &[(&str, i32)]) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(numbers.len());
    for (name, number) in numbers {
        reply.bulk(name.as_bytes());
        reply.integer(i64::from(*number));
    }
}

/// Writes the step that searches for a word from a position on.
fn write_keyword(reply: &mut Reply<'_>, word: &str, from: usize) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(b"keyword");
    reply.bulk(b"spec");
    reply.map(2);
    reply.bulk(b"keyword");
    reply.bulk(word.as_bytes());
    reply.bulk(b"startfrom");
    reply.integer(from as i64);
}

/// `COMMAND LIST [FILTERBY MODULE module-name|ACLCAT category|PATTERN pattern]`
fn list(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let takes: Box<dyn Fn(&Spec) -> bool> = match args.len() {
        2 => Box::new(|_| true),
        5 if is(&args[2], "filterby") => {
            let word = args[4].to_vec();
            match &args[3] {
                filter if is(filter, "module") => Box::new(|_| false),
                filter if is(filter, "aclcat") => {
                    let category = String::from_utf8_lossy(&word).to_ascii_lowercase();
                    let is_known = spec::CATEGORIES.contains(&category.as_str());
                    Box::new(move |spec| is_known && spec.is_in_category(&category))
                }
                filter if is(filter, "pattern") => {
                    let pattern = word.to_ascii_lowercase();
                    Box::new(move |spec| crate::glob::matches(&pattern, spec.name.as_bytes()))
                }
                _ => return Err(CommandError::SYNTAX),
            }
        }
        _ => return Err(CommandError::SYNTAX),
    };
    let found: Vec<&Spec> = spec::all().filter(|spec| takes(spec)).collect();
    reply.array(found.len());
    found.iter().for_each(|spec| reply.bulk(spec.name.as_bytes()));
    Ok(())
}

/// `COMMAND DOCS [command-name ...]`
fn docs(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let found: Vec<&Spec> = if args.len() == 2 {
        top_level()
    } else {
        args.from(2).filter_map(|name| spec::find(name)).collect()
    };
    reply.map(found.len());
    found.iter().for_each(|spec| write_docs(reply, spec));
    Ok(())
}

/// Writes what `COMMAND DOCS` says of one command: its name, and a map.
fn write_docs(reply: &mut Reply<'_>, spec: &Spec) {
    let arguments = spec.arguments();
    let has_subcommands = spec.is_container();
    reply.bulk(spec.name.as_bytes());
    reply.map(4 + usize::from(!arguments.is_empty()) + usize::from(has_subcommands));
    for (name, value) in [
        ("summary", spec.summary),
        ("since", spec.since),
        ("group", spec.group),
        ("complexity", spec.complexity),
    ] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        write_arguments(reply, &arguments, &mut 0);
    }
    if has_subcommands {
        reply.bulk(b"subcommands");
        reply.map(spec.subcommands.len());
        spec.subcommands.iter().for_each(|spec| write_docs(reply, spec));
    }
}

/// Writes an array of arguments, each a map. `keys` counts the arguments that are keys.
fn write_arguments(reply: &mut Reply<'_>, arguments: &[Argument], keys: &mut i64) {
    reply.array(arguments.len());
    for argument in arguments {
        let is_key = argument.kind == "key";
        let is_plain = argument.inner.is_empty() && argument.kind != "pure-token";
        let has_flags = argument.is_optional || argument.is_multiple;
        let optional_fields =
            [is_plain, is_key, argument.token.is_some(), has_flags, !argument.inner.is_empty()];
        reply.map(2 + optional_fields.iter().filter(|has| **has).count());
        reply.bulk(b"name");
        reply.bulk(argument.name.as_bytes());
        reply.bulk(b"type");
        reply.bulk(argument.kind.as_bytes());
        if is_plain {
            reply.bulk(b"display_text");
            reply.bulk(argument.name.as_bytes());
        }
        if is_key {
            reply.bulk(b"key_spec_index");
            reply.integer(*keys);
            *keys += 1;
        }
        if let Some(token) = &argument.token {
            reply.bulk(b"token");
            reply.bulk(token.as_bytes());
        }
        if has_flags {
            let flags = [(argument.is_optional, "optional"), (argument.is_multiple, "multiple")];
            reply.bulk(b"flags");
            let names: Vec<&str> = flags.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
            write_names(reply, &names);
        }
        if !argument.inner.is_empty() {
            reply.bulk(b"arguments");
            write_arguments(reply, &argument.inner, keys);
        }
    }
}

/// The keys of the command that starts at word 2, and what it does with them.
fn keys_of<'a>(args: &Args<'a>) -> Result<Vec<(&'a [u8], Access)>, CommandError> {
    let spec = spec::lookup(&args[2]).ok_or("ERR Invalid command specified")?;
    let spec = match args.get(3).filter(|_| spec.is_container()) {
        Some(name) => spec.subcommand(name).ok_or("ERR Invalid command specified")?,
        None => spec,
    };
    if !spec.keys.iter().any(|position| position.access.is_key) {
        return Err("ERR The command has no key arguments".into());
    }
    let inner = args.tail(2);
    if !spec.takes(inner.len()) {
        return Err("ERR Invalid number of arguments specified for command".into());
    }
    spec.accesses_in(&inner).ok_or("ERR Invalid arguments specified for command".into())
}

/// `COMMAND GETKEYS command [arg ...]`
fn getkeys(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let keys = keys_of(args)?;
    reply.array(keys.len());
    keys.iter().for_each(|(key, _)| reply.bulk(key));
    Ok(())
}

/// `COMMAND GETKEYSANDFLAGS command [arg ...]`
fn getkeysandflags(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let keys = keys_of(args)?;
    reply.array(keys.len());
    for (key, access) in keys {
        reply.array(2);
        reply.bulk(key);
        write_names(reply, access.names);
    }
    Ok(())
}

/// `COMMAND HELP`
fn help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let lines = [
        "(no subcommand)",
        "    Return details about all commands.",
        "COUNT",
        "    Return the total number of commands in this server.",
        "LIST",
        "    Return a list of all commands in this server.",
        "INFO [<command-name> ...]",
        "    Return details about multiple commands.",
        "    If no command names are given, details for all commands are returned.",
        "DOCS [<command-name> ...]",
        "    Return documentation details about multiple commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "GETKEYS <full-command>",
        "    Return the keys from a full command.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys and the access flags from a full command.",
    ];
    local::help(reply, "COMMAND", &lines);
    Ok(())
}
