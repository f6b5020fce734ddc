//! `CLIENT TRACKING` and related commands: client-side caching.

use std::collections::BTreeSet;

use super::local::{Outcome, excerpt, integer, is};
use super::{CommandError, LocalCtx};
use crate::resp::{Args, Reply};
use crate::state::TrackingMode;

/// `CLIENT TRACKING ON|OFF [REDIRECT client-id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]`
pub(super) fn tracking(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (mut mode, bcast, prefixes) = parse(ctx, args)?;
    match &args[2] {
        word if is(word, "on") => {
            check(&mode, bcast, &prefixes, ctx.client.tracking())?;
            if bcast {
                mode.prefixes = Some(with_prefixes(ctx.client.tracking(), prefixes)?);
            }
            ctx.client.set_tracking(ctx.server, Some(mode));
        }
        word if is(word, "off") => ctx.client.set_tracking(ctx.server, None),
        _ => return Err(CommandError::SYNTAX),
    }
    reply.ok();
    Ok(())
}

/// The parsed options: the mode without its prefixes, whether `BCAST` was given, and the prefixes.
type Asked = (TrackingMode, bool, Vec<Box<[u8]>>);

/// Parses the options.
fn parse(ctx: &LocalCtx<'_>, args: &Args<'_>) -> Result<Asked, CommandError> {
    let (mut mode, mut bcast, mut prefixes) = (TrackingMode::default(), false, Vec::new());
    let mut words = args.from(3);
    while let Some(option) = words.next() {
        if is(option, "redirect")
            && let Some(word) = words.next()
        {
            if mode.redirect.is_some() {
                return Err("ERR A client can only redirect to a single other client".into());
            }
            let id = u64::try_from(integer(word)?).ok().filter(|id| ctx.server.clients.get(*id).is_some());
            mode.redirect = Some(id.ok_or("ERR The client ID you want redirect to does not exist")?);
        } else if is(option, "prefix")
            && let Some(prefix) = words.next()
        {
            prefixes.push(prefix.into());
        } else if is(option, "bcast") {
            bcast = true;
        } else if is(option, "optin") {
            mode.opt_in = true;
        } else if is(option, "optout") {
            mode.opt_out = true;
        } else if is(option, "noloop") {
            mode.no_loop = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    Ok((mode, bcast, prefixes))
}

/// Refuses options that contradict each other, or the mode in which the client tracks already.
fn check(
    mode: &TrackingMode,
    bcast: bool,
    prefixes: &[Box<[u8]>],
    before: Option<&TrackingMode>,
) -> Result<(), CommandError> {
    if !bcast && !prefixes.is_empty() {
        return Err("ERR PREFIX option requires BCAST mode to be enabled".into());
    }
    if before.is_some_and(|before| before.prefixes.is_some() != bcast) {
        return Err(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                    re-enabling it with a different mode."
                .into(),
        );
    }
    if bcast && (mode.opt_in || mode.opt_out) {
        return Err("ERR OPTIN and OPTOUT are not compatible with BCAST".into());
    }
    if mode.opt_in && mode.opt_out {
        return Err("ERR You can't specify both OPTIN mode and OPTOUT mode".into());
    }
    if before.is_some_and(|before| mode.opt_in && before.opt_out || mode.opt_out && before.opt_in) {
        return Err(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                    re-enabling it with a different mode."
                .into(),
        );
    }
    Ok(())
}

/// Adds prefixes to those of a client in broadcasting mode. If none are given, the prefix is empty: all keys.
fn with_prefixes(
    before: Option<&TrackingMode>,
    given: Vec<Box<[u8]>>,
) -> Result<BTreeSet<Box<[u8]>>, CommandError> {
    let mut all = before.and_then(|before| before.prefixes.clone()).unwrap_or_default();
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    for (index, prefix) in given.iter().enumerate() {
        let existing =
            all.iter().find(|other| overlap(prefix, other)).map(|other| ("an existing prefix", other));
        let provided = given[index + 1..]
            .iter()
            .find(|other| overlap(prefix, other))
            .map(|other| ("another provided prefix", other));
        if let Some((which, other)) = existing.or(provided) {
            return Err(CommandError::from(format!(
                "ERR Prefix '{}' overlaps with {which} '{}'. Prefixes for a single client must not overlap.",
                excerpt(prefix),
                excerpt(other)
            )));
        }
    }
    if given.is_empty() {
        all.insert(Box::default());
    }
    all.extend(given);
    Ok(all)
}

/// `CLIENT TRACKINGINFO`
pub(super) fn trackinginfo(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mode = ctx.client.tracking();
    let caching = ctx.client.is_caching();
    let has = |property: fn(&TrackingMode) -> bool| mode.is_some_and(property);
    let flags = [
        (mode.is_none(), "off"),
        (mode.is_some(), "on"),
        (has(|mode| mode.prefixes.is_some()), "bcast"),
        (has(|mode| mode.opt_in), "optin"),
        (has(|mode| mode.opt_in) && caching, "caching-yes"),
        (has(|mode| mode.opt_out), "optout"),
        (has(|mode| mode.opt_out) && caching, "caching-no"),
        (has(|mode| mode.no_loop), "noloop"),
        (ctx.client.info().is_redirect_broken(), "broken_redirect"),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(ctx.client.info().redirect());
    reply.bulk(b"prefixes");
    let prefixes = mode.and_then(|mode| mode.prefixes.as_ref());
    reply.array(prefixes.map_or(0, BTreeSet::len));
    prefixes.into_iter().flatten().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}

/// `CLIENT CACHING YES|NO`
pub(super) fn caching(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(mode) = ctx.client.tracking() else {
        return Err(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT \
                    mode enabled"
                .into(),
        );
    };
    match &args[2] {
        word if is(word, "yes") && !mode.opt_in => {
            return Err("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.".into());
        }
        word if is(word, "no") && !mode.opt_out => {
            return Err("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.".into());
        }
        word if is(word, "yes") || is(word, "no") => ctx.client.set_caching(true),
        _ => return Err(CommandError::SYNTAX),
    }
    reply.ok();
    Ok(())
}

/// `CLIENT GETREDIR`
pub(super) fn getredir(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(ctx.client.info().redirect());
    Ok(())
}
