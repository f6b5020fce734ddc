//! `SUBSCRIBE`, `PUBLISH` and related commands.
//!
//! Confirmations are push messages, one per channel, in the order of the replies. Before the confirmation of
//! `UNSUBSCRIBE`, all messages in the client's outbox are sent: on a RESP2 connection, what follows is taken for
//! replies again.

use std::collections::BTreeSet;

use super::local::{self, Outcome, excerpt, unknown_subcommand};
use super::{CommandError, LocalCtx, Run, whole};
use crate::resp::{Args, Reply};
use crate::spec::{self, Spec};
use crate::state::{Listening, PubSub, ReplyMode, ServerState};

/// Bytes reserved for the number of receivers in a reply to `PUBLISH`.
const RECEIVERS_BYTES: usize = 32;

/// The function that runs each command.
pub(super) static RUNS: &[(&Spec, Run)] = &[
    (&spec::SUBSCRIBE, Run::Local(subscribe)),
    (&spec::UNSUBSCRIBE, Run::Local(unsubscribe)),
    (&spec::PSUBSCRIBE, Run::Local(psubscribe)),
    (&spec::PUNSUBSCRIBE, Run::Local(punsubscribe)),
    (&spec::SSUBSCRIBE, Run::Local(ssubscribe)),
    (&spec::SUNSUBSCRIBE, Run::Local(sunsubscribe)),
    (&spec::PUBLISH, Run::Local(publish)),
    (&spec::SPUBLISH, Run::Local(spublish)),
    (&spec::PUBSUB, Run::Local(unknown_subcommand)),
    (&spec::PUBSUB_CHANNELS, Run::Local(channels)),
    (&spec::PUBSUB_NUMSUB, Run::Local(numsub)),
    (&spec::PUBSUB_NUMPAT, Run::Local(numpat)),
    (&spec::PUBSUB_SHARDCHANNELS, Run::Local(shardchannels)),
    (&spec::PUBSUB_SHARDNUMSUB, Run::Local(shardnumsub)),
    (&spec::PUBSUB_HELP, Run::Local(help)),
];

/// Writes the confirmation of a subscription or its end. `name` is `None` if the client was not subscribed.
fn confirm(reply: &mut Reply<'_>, kind: &str, name: Option<&[u8]>, count: usize) {
    reply.push(3);
    reply.bulk(kind.as_bytes());
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.integer(count as i64);
}

/// Refuses `more` subscriptions if the client would have too many.
fn check_room(ctx: &LocalCtx<'_>, more: usize) -> Outcome {
    let listening = ctx.client.listening();
    let names_max = ctx.server.limits.subscriptions_max();
    if (listening.count() + listening.shard_channels.len() + more) as u64 > names_max {
        return Err(CommandError::from(format!(
            "ERR too many subscriptions: subscriptions-max is {names_max}"
        )));
    }
    Ok(())
}

/// A kind of subscription.
struct Subscription {
    /// The name of the confirmation when it begins.
    begun: &'static str,
    /// The name of the confirmation when it ends.
    ended: &'static str,
    /// The names that the client is subscribed to.
    names: fn(&mut Listening) -> &mut BTreeSet<Box<[u8]>>,
    /// The number in the confirmations.
    count: fn(&Listening) -> usize,
    /// Adds the client to the registry.
    enter: fn(&LocalCtx<'_>, &[u8]),
    /// Removes the client from the registry.
    leave: fn(&LocalCtx<'_>, &[u8]),
}

const CHANNELS: Subscription = Subscription {
    begun: "subscribe",
    ended: "unsubscribe",
    names: |listening| &mut listening.channels,
    count: Listening::count,
    enter: |ctx, channel| ctx.server.pubsub.channels.subscribe(channel, ctx.client.info()),
    leave: |ctx, channel| ctx.server.pubsub.channels.unsubscribe(channel, ctx.client.id()),
};

const PATTERNS: Subscription = Subscription {
    begun: "psubscribe",
    ended: "punsubscribe",
    names: |listening| &mut listening.patterns,
    count: Listening::count,
    enter: |ctx, pattern| ctx.server.pubsub.subscribe_pattern(pattern, ctx.client.info()),
    leave: |ctx, pattern| ctx.server.pubsub.unsubscribe_pattern(pattern, ctx.client.id()),
};

const SHARD_CHANNELS: Subscription = Subscription {
    begun: "ssubscribe",
    ended: "sunsubscribe",
    names: |listening| &mut listening.shard_channels,
    count: |listening| listening.shard_channels.len(),
    enter: |ctx, channel| ctx.server.pubsub.shard_channels.subscribe(channel, ctx.client.info()),
    leave: |ctx, channel| ctx.server.pubsub.shard_channels.unsubscribe(channel, ctx.client.id()),
};

/// `SUBSCRIBE channel [channel ...]`
fn subscribe(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    begin(ctx, args, reply, &CHANNELS)
}

/// `PSUBSCRIBE pattern [pattern ...]`
fn psubscribe(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    begin(ctx, args, reply, &PATTERNS)
}

/// `SSUBSCRIBE shardchannel [shardchannel ...]`
fn ssubscribe(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if ctx.client.is_in_exec {
        return Err("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client".into());
    }
    begin(ctx, args, reply, &SHARD_CHANNELS)
}

/// Subscribes the client to the names that the command gives. The names are added to the client's own list first, which
/// gives the confirmations; if these are too long for a reply, the list is restored and nothing else has changed.
fn begin(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>, kind: &Subscription) -> Outcome {
    check_room(ctx, args.len() - 1)?;
    let mut new = Vec::new();
    for name in args.from(1) {
        if ctx.client.listen(|listening| (kind.names)(listening).insert(name.into())) {
            new.push(name);
        }
        confirm(reply, kind.begun, Some(name), (kind.count)(ctx.client.listening()));
    }
    if let Err(too_long) = whole(reply) {
        ctx.client.listen(|listening| {
            for name in new {
                (kind.names)(listening).remove(name);
            }
        });
        return Err(too_long);
    }
    new.iter().for_each(|name| (kind.enter)(ctx, name));
    Ok(())
}

/// `UNSUBSCRIBE [channel ...]`
fn unsubscribe(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    end(ctx, args, reply, &CHANNELS)
}

/// `PUNSUBSCRIBE [pattern ...]`
fn punsubscribe(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    end(ctx, args, reply, &PATTERNS)
}

/// `SUNSUBSCRIBE [shardchannel ...]`
fn sunsubscribe(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    end(ctx, args, reply, &SHARD_CHANNELS)
}

/// Ends the subscriptions to the names that the command gives, or to all. If the confirmations are too long for a
/// reply, nothing changes, as in [`begin`].
fn end(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>, kind: &Subscription) -> Outcome {
    let names: Vec<Box<[u8]>> = if args.len() > 1 {
        args.from(1).map(Into::into).collect()
    } else {
        ctx.client.listen(|listening| (kind.names)(listening).iter().cloned().collect())
    };
    let mut confirmations = Vec::new();
    let mut confirmed = Reply::within(&mut confirmations, reply.protocol(), reply.room_bytes());
    if names.is_empty() {
        confirm(&mut confirmed, kind.ended, None, (kind.count)(ctx.client.listening()));
    }
    let mut left = Vec::new();
    for name in &names {
        if ctx.client.listen(|listening| (kind.names)(listening).remove(name)) {
            left.push(name);
        }
        confirm(&mut confirmed, kind.ended, Some(name), (kind.count)(ctx.client.listening()));
    }
    if let Err(too_long) = whole(&confirmed) {
        ctx.client.listen(|listening| (kind.names)(listening).extend(left.into_iter().cloned()));
        return Err(too_long);
    }
    left.iter().for_each(|name| (kind.leave)(ctx, name));
    leave_no_message_behind(ctx, reply);
    reply.raw(&confirmations);
    Ok(())
}

/// Sends the messages in the client's outbox before the last confirmation. They cannot go into the array that `EXEC`
/// replies: there they come after it or, where the client would take them for replies, are dropped.
fn leave_no_message_behind(ctx: &LocalCtx<'_>, reply: &mut Reply<'_>) {
    let outbox = ctx.client.info().outbox();
    if !ctx.client.is_in_exec {
        outbox.drain_into(reply);
    } else if !reply.is_resp3() {
        outbox.drain_into(&mut Reply::new(&mut Vec::new(), reply.protocol()));
    }
}

/// A function that publishes a message.
type Publish = fn(&PubSub, &ServerState, &[u8], &[u8], Option<(u64, &mut Reply<'_>)>) -> usize;

/// `PUBLISH channel message`
fn publish(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    publish_by(PubSub::publish, ctx, args, reply)
}

/// `SPUBLISH shardchannel message`
fn spublish(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    publish_by(PubSub::publish_shard, ctx, args, reply)
}

/// Publishes a message. If the client itself is subscribed, it gets the message directly after the reply; if that is
/// not possible there, if it has no room, or if the reply is not sent, with its other messages.
fn publish_by(publish: Publish, ctx: &LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut own = Vec::new();
    let own_bytes_max = reply.room_bytes().saturating_sub(RECEIVERS_BYTES);
    let mut own_reply = Reply::within(&mut own, reply.protocol(), own_bytes_max);
    let answers = !ctx.client.is_in_exec && ctx.client.reply_mode() == ReplyMode::On;
    let own_messages = answers.then_some((ctx.client.id(), &mut own_reply));
    let receivers = publish(&ctx.server.pubsub, ctx.server, &args[1], &args[2], own_messages);
    reply.integer(receivers as i64);
    reply.raw(&own);
    Ok(())
}

/// `PUBSUB CHANNELS [pattern]`
fn channels(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    list(&ctx.server.pubsub.channels, args, reply)
}

/// `PUBSUB SHARDCHANNELS [pattern]`
fn shardchannels(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    list(&ctx.server.pubsub.shard_channels, args, reply)
}

/// The channels that a pattern matches, or all.
fn list(channels: &crate::state::Channels, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    if args.len() > 3 {
        return Err(CommandError::from(format!(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try PUBSUB HELP.",
            excerpt(&args[1])
        )));
    }
    let names = channels.names(args.get(2));
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name));
    Ok(())
}

/// `PUBSUB NUMSUB [channel ...]`
fn numsub(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    count(&ctx.server.pubsub.channels, args, reply)
}

/// `PUBSUB SHARDNUMSUB [shardchannel ...]`
fn shardnumsub(ctx: &mut LocalCtx<'_>, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    count(&ctx.server.pubsub.shard_channels, args, reply)
}

/// Replies with each channel and its number of subscribers.
fn count(channels: &crate::state::Channels, args: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array((args.len() - 2) * 2);
    for channel in args.from(2) {
        reply.bulk(channel);
        reply.integer(channels.listeners(channel) as i64);
    }
    Ok(())
}

/// `PUBSUB NUMPAT`
fn numpat(ctx: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(ctx.server.pubsub.patterns_len() as i64);
    Ok(())
}

/// `PUBSUB HELP`
fn help(_: &mut LocalCtx<'_>, _: &Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let lines = [
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
    ];
    local::help(reply, "PUBSUB", &lines);
    Ok(())
}
