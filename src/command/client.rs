//! `CLIENT`: a client's name and settings, the list of clients, and commands that kill, pause or unblock them.

use super::client_filter::{self, Filter};
use super::client_list;
use super::local::{self, Outcome, excerpt, integer, is, parse_integer, timeout_ms, unknown_subcommand};
use super::{CommandError, LocalCtx, Run, tracking};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};
use crate::state::{Next, PauseMode, ReplyMode, Unblock};

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::CLIENT, Run::Local(unknown_subcommand)),
    (&spec::CLIENT_CACHING, Run::Local(tracking::caching)),
    (&spec::CLIENT_GETNAME, Run::Local(getname)),
    (&spec::CLIENT_GETREDIR, Run::Local(tracking::getredir)),
    (&spec::CLIENT_HELP, Run::Local(help)),
    (&spec::CLIENT_ID, Run::Local(id)),
    (&spec::CLIENT_INFO, Run::Local(info)),
    (&spec::CLIENT_KILL, Run::Local(kill)),
    (&spec::CLIENT_LIST, Run::Local(list)),
    (&spec::CLIENT_NO_EVICT, Run::Local(no_evict)),
    (&spec::CLIENT_NO_TOUCH, Run::Local(no_touch)),
    (&spec::CLIENT_PAUSE, Run::Local(pause)),
    (&spec::CLIENT_REPLY, Run::Local(reply_mode)),
    (&spec::CLIENT_SETINFO, Run::Local(setinfo)),
    (&spec::CLIENT_SETNAME, Run::Local(setname)),
    (&spec::CLIENT_TRACKING, Run::Local(tracking::tracking)),
    (&spec::CLIENT_TRACKINGINFO, Run::Local(tracking::trackinginfo)),
    (&spec::CLIENT_UNBLOCK, Run::Local(unblock)),
    (&spec::CLIENT_UNPAUSE, Run::Local(unpause)),
];

const HELP: &[&str] = &[
    "CACHING (YES|NO)",
    "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
    "GETREDIR",
    "    Return the client ID we are redirecting to when tracking is enabled.",
    "GETNAME",
    "    Return the name of the current connection.",
    "ID",
    "    Return the ID of the current connection.",
    "INFO",
    "    Return information about the current client connection.",
    "KILL <ip:port>",
    "    Kill connection made from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Kill connections. Options are:",
    "    * ADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made from the specified address",
    "    * LADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made to specified local address",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Kill connections by type.",
    "    * USER <username>",
    "      Kill connections authenticated by <username>.",
    "    * SKIPME (YES|NO)",
    "      Skip killing current connection (default: yes).",
    "    * ID <client-id> [<client-id> [...]]",
    "      Kill connections by client id.",
    "    * IP <ip>, NAME <name>, LIB-NAME <name>, LIB-VER <version>, DB <db>, FLAGS <flags>",
    "      Kill connections of which CLIENT LIST shows this.",
    "    * MAXAGE <seconds>, IDLE <seconds>",
    "      Kill connections that are so old, or have been idle for so long.",
    "    All options but MAXAGE, IDLE and SKIPME can be negated: NOT-ID, NOT-ADDR ...",
    "LIST [options ...]",
    "    Return information about client connections. Options:",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Return clients of specified type.",
    "    * ID <client-id> [<client-id> [...]]",
    "      Return clients of specified IDs only.",
    "    * The other options of KILL",
    "UNPAUSE",
    "    Stop the current client pause, resuming traffic.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Suspend all, or just write, clients for <timeout> milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Control the replies sent to the current connection.",
    "SETNAME <name>",
    "    Assign the name <name> to the current connection.",
    "SETINFO <option> <value>",
    "    Set client meta attr. Options are:",
    "    * LIB-NAME: the client lib name.",
    "    * LIB-VER: the client lib version.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    Unblock the specified blocked client.",
    "TRACKINGINFO",
    "    Report tracking status for the current connection.",
    "NO-EVICT (ON|OFF)",
    "    Protect current client connection from eviction.",
    "NO-TOUCH (ON|OFF)",
    "    Will not touch LRU/LFU stats when this mode is on.",
];

/// `CLIENT HELP`
fn help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    local::help(reply, "CLIENT", HELP);
    Ok(())
}

/// Whether a name can be shown in a line of `CLIENT LIST`: visible ASCII only.
pub(super) fn check_label(label: &[u8]) -> Result<(), ()> {
    if label.iter().all(u8::is_ascii_graphic) { Ok(()) } else { Err(()) }
}

/// `CLIENT ID`
fn id(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(ctx.client.id() as i64);
    Ok(())
}

/// `CLIENT GETNAME`
fn getname(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match ctx.client.info().labels().name {
        name if name.is_empty() => reply.null(),
        name => reply.bulk(&name),
    }
    Ok(())
}

/// `CLIENT SETNAME connection-name`
fn setname(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let name = &args[2];
    check_label(name)
        .map_err(|()| "ERR Client names cannot contain spaces, newlines or special characters.")?;
    ctx.client.label(|labels| labels.name = name.to_vec());
    reply.ok();
    Ok(())
}

/// `CLIENT SETINFO LIB-NAME libname | LIB-VER libver`
fn setinfo(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (option, value) = (&args[2], &args[3]);
    let is_name = is(option, "lib-name");
    if !is_name && !is(option, "lib-ver") {
        return Err(format!("ERR Unrecognized option '{}'", excerpt(option)).into());
    }
    check_label(value).map_err(|()| {
        let option = if is_name { "lib-name" } else { "lib-ver" };
        CommandError::from(format!("ERR {option} cannot contain spaces, newlines or special characters."))
    })?;
    ctx.client.label(|labels| {
        let label = if is_name { &mut labels.library_name } else { &mut labels.library_version };
        *label = value.to_vec();
    });
    reply.ok();
    Ok(())
}

/// `CLIENT INFO`
fn info(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut line = Vec::new();
    client_list::write_line(&mut line, ctx, ctx.client.info(), "client|info");
    reply.verbatim(*b"txt", &line);
    Ok(())
}

/// `CLIENT LIST [option value ...]`. Clients that are named by ID alone are listed in that order.
fn list(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut lines = Vec::new();
    let by_ids = args.len() >= 4 && is(&args[2], "id") && !args.from(3).any(client_filter::is_option);
    if by_ids {
        for word in args.from(3) {
            // No client has a negative ID.
            let id = parse_integer(word).ok_or("ERR Invalid client ID")?;
            if let Some(info) = u64::try_from(id).ok().and_then(|id| ctx.server.clients.get(id)) {
                client_list::write_line(&mut lines, ctx, &info, "client|list");
            }
        }
    } else {
        let filter = Filter::parse(args, ctx)?;
        for info in ctx.server.clients.list().iter().filter(|info| filter.takes(ctx, info)) {
            client_list::write_line(&mut lines, ctx, info, "client|list");
        }
    }
    reply.verbatim(*b"txt", &lines);
    Ok(())
}

/// `CLIENT KILL addr`, or `CLIENT KILL option value ...`
fn kill(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let by_address = args.len() == 3;
    let mut filter = if by_address { Filter::by_address(&args[2]) } else { Filter::parse(args, ctx)? };
    filter.spares_self.get_or_insert(true);
    let own_id = ctx.client.id();
    let mut found = ctx.server.clients.list();
    found.retain(|info| !info.is_killed() && filter.takes(ctx, info));
    let mut killed = 0;
    for info in &found {
        killed += 1;
        if info.id() == own_id {
            // The reply to this command is still sent.
            ctx.next = Next::Close;
        } else {
            info.kill();
        }
    }
    match (by_address, killed) {
        (true, 0) => return Err("ERR No such client".into()),
        (true, _) => reply.ok(),
        (false, _) => reply.integer(killed),
    }
    Ok(())
}

/// `CLIENT REPLY ON|OFF|SKIP`
fn reply_mode(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let word = &args[2];
    if is(word, "on") {
        ctx.client.set_reply_mode(ReplyMode::On);
        reply.ok();
    } else if is(word, "off") {
        ctx.client.set_reply_mode(ReplyMode::Off);
    } else if is(word, "skip") {
        if ctx.client.reply_mode() != ReplyMode::Off {
            ctx.client.set_reply_mode(ReplyMode::SkipNext);
        }
    } else {
        return Err(CommandError::SYNTAX);
    }
    Ok(())
}

/// Parses `ON` or `OFF`.
fn on_or_off(word: &[u8]) -> Result<bool, CommandError> {
    match word {
        word if is(word, "on") => Ok(true),
        word if is(word, "off") => Ok(false),
        _ => Err(CommandError::SYNTAX),
    }
}

/// `CLIENT NO-EVICT ON|OFF`. No client is ever evicted; the setting is only shown in `CLIENT INFO`.
fn no_evict(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.client.no_evict = on_or_off(&args[2])?;
    reply.ok();
    Ok(())
}

/// `CLIENT NO-TOUCH ON|OFF`
fn no_touch(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.client.no_touch = on_or_off(&args[2])?;
    reply.ok();
    Ok(())
}

/// `CLIENT PAUSE timeout [WRITE|ALL]`
fn pause(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mode = match args.get(3) {
        None => PauseMode::All,
        Some(word) if is(word, "all") => PauseMode::All,
        Some(word) if is(word, "write") => PauseMode::Write,
        Some(_) => return Err("ERR CLIENT PAUSE mode must be WRITE or ALL".into()),
    };
    if args.len() > 4 {
        return Err(CommandError::SYNTAX);
    }
    let pause_ms = timeout_ms(&args[2])?;
    let now_ms = ctx.server.uptime_ms();
    let until_ms = now_ms.checked_add(pause_ms).ok_or("ERR timeout is out of range")?;
    ctx.server.pause.start(mode, now_ms, until_ms);
    reply.ok();
    Ok(())
}

/// `CLIENT UNPAUSE`
fn unpause(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.server.pause.end();
    ctx.server.clients.wake_all();
    reply.ok();
    Ok(())
}

/// `CLIENT UNBLOCK client-id [TIMEOUT|ERROR]`
fn unblock(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let how = match args.get(3) {
        None => Unblock::Timeout,
        Some(word) if args.len() == 4 && is(word, "timeout") => Unblock::Timeout,
        Some(word) if args.len() == 4 && is(word, "error") => Unblock::Error,
        Some(_) => return Err("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR".into()),
    };
    let client = u64::try_from(integer(&args[2])?).ok().and_then(|id| ctx.server.clients.get(id));
    let unblocked = client.filter(|info| info.blocked().request(how));
    if let Some(info) = &unblocked {
        info.wake();
    }
    reply.integer(i64::from(unblocked.is_some()));
    Ok(())
}
