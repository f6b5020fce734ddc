//! `ACL`: there is one user, `default`, who may do everything; the password is the directive `requirepass`.

use super::docs::{CATEGORIES, is_in_category};
use super::local::{self, Outcome, excerpt, specs, unknown_subcommand};
use super::{Args, LocalCtx, Spec};
use crate::resp::Reply;

/// The commands of this file.
pub static SPECS: &[Spec] = specs! { "server":
    780 "acl" -2 [] "6.0.0" "Depends on subcommand." unknown_subcommand
        => "A container for Access List Control commands.", SUBCOMMANDS;
};

static SUBCOMMANDS: &[Spec] = specs! { "server":
    781 "acl|cat" -2 [NOSCRIPT LOADING STALE] "6.0.0" "O(1) since the categories and commands are a fixed set." cat
        => "Lists the ACL categories, or the commands inside a category.";
    782 "acl|getuser" 3 [ADMIN NOSCRIPT LOADING STALE] "6.0.0" "O(1)" getuser => "Lists the ACL rules of a user.";
    783 "acl|list" 2 [ADMIN NOSCRIPT LOADING STALE] "6.0.0" "O(1)" list
        => "Dumps the effective rules in ACL file format.";
    784 "acl|users" 2 [ADMIN NOSCRIPT LOADING STALE] "6.0.0" "O(1)" users => "Lists all ACL users.";
    785 "acl|whoami" 2 [NOSCRIPT LOADING STALE] "6.0.0" "O(1)" whoami
        => "Returns the authenticated username of the current connection.";
    786 "acl|help" 2 [LOADING STALE] "6.0.0" "O(1)" help
        => "Returns helpful text about the different subcommands.";
};

/// `ACL WHOAMI`
fn whoami(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.bulk(b"default");
    Ok(())
}

/// `ACL USERS`
fn users(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(1);
    reply.bulk(b"default");
    Ok(())
}

/// How the user's password shows: never itself, nor its digest.
fn password_rule(ctx: &LocalCtx<'_>) -> &'static str {
    if ctx.server.limits.has_password() { "sanitize-payload" } else { "nopass" }
}

/// `ACL LIST`
fn list(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(1);
    reply.bulk(format!("user default on {} ~* &* +@all", password_rule(ctx)).as_bytes());
    Ok(())
}

/// `ACL GETUSER username`
fn getuser(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if &args[2] != b"default" {
        reply.null();
        return Ok(());
    }
    reply.map(6);
    reply.bulk(b"flags");
    reply.set(2);
    reply.bulk(b"on");
    reply.bulk(password_rule(ctx).as_bytes());
    reply.bulk(b"passwords");
    reply.array(0);
    for (name, value) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"selectors");
    reply.array(0);
    Ok(())
}

/// `ACL CAT [category]`
fn cat(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(word) = args.get(2) else {
        reply.array(CATEGORIES.len());
        CATEGORIES.iter().for_each(|category| reply.bulk(category.as_bytes()));
        return Ok(());
    };
    let category = CATEGORIES
        .iter()
        .find(|category| word.eq_ignore_ascii_case(category.as_bytes()))
        .ok_or_else(|| format!("ERR Unknown category '{}'", excerpt(word)))?;
    let found: Vec<&Spec> =
        ctx.server.commands.iter().filter(|spec| is_in_category(spec, category)).collect();
    reply.array(found.len());
    found.iter().for_each(|spec| reply.bulk(spec.name.as_bytes()));
    Ok(())
}

/// `ACL HELP`
fn help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let lines = [
        "CAT [<category>]",
        "    List all commands that belong to <category>, or all command categories",
        "    when no category is specified.",
        "GETUSER <username>",
        "    Get the user's details.",
        "LIST",
        "    Show users details in config file format.",
        "USERS",
        "    List all the registered usernames.",
        "WHOAMI",
        "    Return the current connection username.",
    ];
    local::help(reply, "ACL", &lines);
    Ok(())
}
