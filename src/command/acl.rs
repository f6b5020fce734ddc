//! `ACL`: there is one user, `default`, who may do everything; the password is the directive `requirepass`.

use super::local::{self, Outcome, excerpt, integer, is, unknown_subcommand, wrong_arity};
use super::{CommandError, LocalCtx, Run};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};
use crate::state::User;
use rand::RngCore;

/// Random bits of a generated password if the client gives no number.
const PASSWORD_BITS: i64 = 256;
/// The most random bits of a generated password.
const PASSWORD_BITS_MAX: usize = 4096;

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::ACL, Run::Local(unknown_subcommand)),
    (&spec::ACL_CAT, Run::Local(cat)),
    (&spec::ACL_GETUSER, Run::Local(getuser)),
    (&spec::ACL_LIST, Run::Local(list)),
    (&spec::ACL_USERS, Run::Local(users)),
    (&spec::ACL_WHOAMI, Run::Local(whoami)),
    (&spec::ACL_LOG, Run::Local(log)),
    (&spec::ACL_GENPASS, Run::Local(genpass)),
    (&spec::ACL_DRYRUN, Run::Local(dryrun)),
    (&spec::ACL_SAVE, Run::Local(no_file)),
    (&spec::ACL_LOAD, Run::Local(no_file)),
    (&spec::ACL_HELP, Run::Local(help)),
];

/// `ACL WHOAMI`
fn whoami(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.bulk(ctx.client.user().name().as_bytes());
    Ok(())
}

/// `ACL USERS`
fn users(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let users = ctx.server.users.all();
    reply.array(users.len());
    users.for_each(|user| reply.bulk(user.name().as_bytes()));
    Ok(())
}

/// SHA-256 of a user's password, in hexadecimal digits, if one is asked for.
fn password_digest(user: &User) -> Option<String> {
    Some(user.password_digest()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `ACL LIST`
fn list(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let users = ctx.server.users.all();
    reply.array(users.len());
    for user in users {
        let password = password_digest(user).map_or("nopass".to_owned(), |digest| format!("#{digest}"));
        reply.bulk(format!("user {} on {password} ~* &* +@all", user.name()).as_bytes());
    }
    Ok(())
}

/// `ACL GETUSER username`
fn getuser(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(user) = ctx.server.users.find(&args[2]) else {
        reply.null();
        return Ok(());
    };
    let password = password_digest(user);
    let flags = if password.is_some() { &["on"][..] } else { &["on", "nopass"] };
    reply.map(6);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(usize::from(password.is_some()));
    password.iter().for_each(|digest| reply.bulk(digest.as_bytes()));
    for (name, value) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"selectors");
    reply.array(0);
    Ok(())
}

/// `ACL CAT [category]`
fn cat(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(word) = args.get(2) else {
        reply.array(spec::CATEGORIES.len());
        spec::CATEGORIES.iter().for_each(|category| reply.bulk(category.as_bytes()));
        return Ok(());
    };
    let category = spec::CATEGORIES
        .iter()
        .find(|category| word.eq_ignore_ascii_case(category.as_bytes()))
        .ok_or_else(|| format!("ERR Unknown category '{}'", excerpt(word)))?;
    let found: Vec<&Spec> = spec::all().filter(|spec| spec.is_in_category(category)).collect();
    reply.array(found.len());
    found.iter().for_each(|spec| reply.bulk(spec.name.as_bytes()));
    Ok(())
}

/// The error of a subcommand that got too many words.
fn too_many(subcommand: &str) -> CommandError {
    format!("ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try ACL HELP.").into()
}

/// `ACL LOG [count | RESET]`: nothing is ever denied to the one user there is.
fn log(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match args.get(2) {
        Some(_) if args.len() > 3 => return Err(too_many("log")),
        Some(word) if is(word, "reset") => reply.ok(),
        count => {
            count.map(integer).transpose()?;
            reply.array(0);
        }
    }
    Ok(())
}

/// `ACL GENPASS [bits]`
fn genpass(_: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let bits = match args.get(2) {
        Some(_) if args.len() > 3 => return Err(too_many("genpass")),
        Some(word) => integer(word)?,
        None => PASSWORD_BITS,
    };
    let bits = usize::try_from(bits).ok().filter(|bits| (1..=PASSWORD_BITS_MAX).contains(bits)).ok_or_else(|| {
        format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
             {PASSWORD_BITS_MAX}"
        )
    })?;
    let mut bytes = [0; PASSWORD_BITS_MAX / 8];
    rand::rng().fill_bytes(&mut bytes);
    let mut password: String = bytes[..bits.div_ceil(8)].iter().map(|byte| format!("{byte:02x}")).collect();
    password.truncate(bits.div_ceil(4));
    reply.bulk(password.as_bytes());
    Ok(())
}

/// `ACL DRYRUN username command [arg ...]`
fn dryrun(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if ctx.server.users.find(&args[2]).is_none() {
        return Err(format!("ERR User '{}' not found", excerpt(&args[2])).into());
    }
    let container = spec::lookup(&args[3]);
    let spec = container.and_then(|spec| match args.get(4) {
        Some(name) if spec.is_container() => spec.subcommand(name),
        _ => Some(spec),
    });
    let spec = spec.ok_or_else(|| format!("ERR Command '{}' not found", excerpt(&args[3])))?;
    if !spec.takes(args.len() - 3) {
        return Err(wrong_arity(spec.name));
    }
    reply.ok();
    Ok(())
}

/// `ACL SAVE`, `ACL LOAD`
fn no_file(_: &mut LocalCtx<'_>, _: &Args<'_>, _: &mut Reply<'_>) -> Outcome {
    Err("ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL \
         SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to \
         store users in the Redis configuration."
        .into())
}

/// `ACL HELP`
fn help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let lines = [
        "CAT [<category>]",
        "    List all commands that belong to <category>, or all command categories",
        "    when no category is specified.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Returns whether the user can execute the given command without executing the command.",
        "GETUSER <username>",
        "    Get the user's details.",
        "GENPASS [<bits>]",
        "    Generate a password of 256 random bits, or of so many.",
        "LIST",
        "    Show users details in config file format.",
        "LOG [<count> | RESET]",
        "    Show the ACL log entries: there are none.",
        "USERS",
        "    List all the registered usernames.",
        "WHOAMI",
        "    Return the current connection username.",
    ];
    local::help(reply, "ACL", &lines);
    Ok(())
}
