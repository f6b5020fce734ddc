//! The connection itself: `PING`, `ECHO`, `SELECT`, `AUTH`, `HELLO`, `RESET`, `QUIT`.

use super::local::{Outcome, excerpt, integer, is, parse_integer, wrong_arity};
use super::{CommandError, LocalCtx, Run};
use crate::resp::{Args, Protocol, Reply};
use crate::spec::{self, Spec};
use crate::state::Next;

/// The version of Redis that the server reports to clients.
pub const REDIS_VERSION: &str = "7.2.4";

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::PING, Run::Local(ping)),
    (&spec::ECHO, Run::Local(echo)),
    (&spec::SELECT, Run::Local(select)),
    (&spec::AUTH, Run::Local(auth)),
    (&spec::HELLO, Run::Local(hello)),
    (&spec::RESET, Run::Local(reset)),
    (&spec::QUIT, Run::Local(quit)),
];

/// `PING [message]`
fn ping(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match args.len() {
        1 | 2 if ctx.client.is_listening_only() => {
            reply.array(2);
            reply.bulk(b"pong");
            reply.bulk(args.get(1).unwrap_or_default());
        }
        1 => reply.simple("PONG"),
        2 => reply.bulk(&args[1]),
        _ => return Err(wrong_arity("ping")),
    }
    Ok(())
}

/// `ECHO message`
fn echo(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.bulk(&args[1]);
    Ok(())
}

/// `SELECT index`
fn select(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let index = integer(&args[1])?;
    match u16::try_from(index) {
        Ok(db) if u32::from(db) < ctx.server.limits.databases() => ctx.client.select(db),
        _ => return Err("ERR DB index is out of range".into()),
    }
    reply.ok();
    Ok(())
}

/// `AUTH [username] password`
fn auth(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (user, password) = match args.len() {
        2 => (None, &args[1]),
        3 => (Some(&args[1]), &args[2]),
        _ => return Err(CommandError::SYNTAX),
    };
    if user.is_none() && !ctx.server.users.default_user().has_password() {
        return Err("ERR AUTH <password> called without any password configured for the default user. \
                    Are you sure your configuration is correct?"
            .into());
    }
    let user = user.unwrap_or(ctx.server.users.default_user().name().as_bytes());
    authenticate(ctx, user, password)?;
    reply.ok();
    Ok(())
}

/// Logs the client in if the password is right. Otherwise counts the failure; after too many, closes the connection.
fn authenticate(ctx: &mut LocalCtx<'_>, user: &[u8], password: &[u8]) -> Outcome {
    if let Some(user) = ctx.server.users.authenticate(user, password) {
        ctx.client.log_in(user);
        return Ok(());
    }
    if ctx.client.auth_failed() >= ctx.server.limits.auth_failures_max() {
        ctx.next = Next::Close;
    }
    Err("WRONGPASS invalid username-password pair or user is disabled.".into())
}

/// The arguments of `HELLO`.
#[derive(Default)]
struct Hello<'a> {
    /// The new protocol.
    protocol: Option<Protocol>,
    /// User and password.
    credentials: Option<(&'a [u8], &'a [u8])>,
    /// The client's name.
    name: Option<&'a [u8]>,
}

impl<'a> Hello<'a> {
    /// Parses `HELLO [protover [AUTH username password] [SETNAME clientname]]`.
    fn parse(args: &Args<'a>) -> Result<Self, CommandError> {
        let mut hello = Hello::default();
        let mut words = args.from(1);
        if let Some(version) = words.next() {
            let version =
                parse_integer(version).ok_or("ERR Protocol version is not an integer or out of range")?;
            hello.protocol = Some(match version {
                2 => Protocol::Resp2,
                3 => Protocol::Resp3,
                _ => return Err("NOPROTO unsupported protocol version".into()),
            });
        }
        while let Some(option) = words.next() {
            let unknown =
                || CommandError::from(format!("ERR Syntax error in HELLO option '{}'", excerpt(option)));
            if is(option, "auth") {
                hello.credentials = Some(words.next().zip(words.next()).ok_or_else(unknown)?);
            } else if is(option, "setname") {
                let name = words.next().ok_or_else(unknown)?;
                super::client::check_label(name).map_err(
                    |()| "ERR Client names cannot contain spaces, newlines or special characters.",
                )?;
                hello.name = Some(name);
            } else {
                return Err(unknown());
            }
        }
        Ok(hello)
    }
}

/// `HELLO [protover [AUTH username password] [SETNAME clientname]]`
fn hello(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let asked = Hello::parse(args)?;
    if let Some((user, password)) = asked.credentials {
        authenticate(ctx, user, password)?;
    }
    if !ctx.client.is_authenticated() {
        return Err("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> \
                    AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol \
                    version at the same time"
            .into());
    }
    if let Some(name) = asked.name {
        ctx.client.label(|labels| labels.name = name.to_vec());
    }
    if let Some(protocol) = asked.protocol {
        // Messages in the outbox are encoded in the old protocol.
        ctx.client.info().outbox().drain_into(reply);
        ctx.client.set_protocol(protocol);
    }
    greet(ctx, reply);
    Ok(())
}

/// Replies to `HELLO` in the new protocol.
fn greet(ctx: &LocalCtx<'_>, reply: &mut Reply<'_>) {
    let mut bytes = Vec::new();
    let mut greeting = Reply::new(&mut bytes, ctx.client.protocol());
    greeting.map(7);
    greeting.bulk(b"server");
    greeting.bulk(b"redis");
    greeting.bulk(b"version");
    greeting.bulk(REDIS_VERSION.as_bytes());
    greeting.bulk(b"proto");
    greeting.integer(if ctx.client.protocol() == Protocol::Resp3 { 3 } else { 2 });
    greeting.bulk(b"id");
    greeting.integer(ctx.client.id() as i64);
    greeting.bulk(b"mode");
    greeting.bulk(b"standalone");
    greeting.bulk(b"role");
    greeting.bulk(b"master");
    greeting.bulk(b"modules");
    greeting.array(0);
    reply.raw(&bytes);
}

/// `RESET`
fn reset(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.client.reset(ctx.server);
    ctx.client.info().outbox().drain_into(reply);
    reply.simple("RESET");
    Ok(())
}

/// `QUIT`
fn quit(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    ctx.next = Next::Close;
    reply.ok();
    Ok(())
}
