//! The lines of `CLIENT LIST`.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::LocalCtx;
use crate::spec;
use crate::state::ClientInfo;

/// Appends the line of one client. `asked` is the command that the calling client shows as its last one.
pub(super) fn write_line(line: &mut Vec<u8>, ctx: &LocalCtx<'_>, info: &Arc<ClientInfo>, asked: &str) {
    let now_ms = ctx.server.uptime_ms();
    let (query, query_free) = info.query_bytes();
    let (in_bytes, out_bytes) = info.net_bytes();
    let labels = info.labels();
    let peer = info.peer();
    let last = info.last_command().and_then(spec::by_id).map_or("NULL", |spec| spec.name);
    let asked = if ctx.client.is_in_exec { "exec" } else { asked };
    let command = if info.id() == ctx.client.id() { asked } else { last };
    let (listens, transaction) = (info.subscriptions(), info.transaction());
    let (messages, message_bytes) = info.outbox().size();
    let transaction_bytes = transaction.bytes.load(Relaxed);
    let seconds_since = |then_ms: u64| now_ms.saturating_sub(then_ms) / 1000;
    let _ = write!(line, "id={} addr={} laddr={} fd={} name=", info.id(), info.addr(), peer.laddr, peer.fd);
    line.extend_from_slice(&labels.name);
    let _ = write!(
        line,
        " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} qbuf={query} qbuf-free={query_free} argv-mem=0 \
         multi-mem={transaction_bytes} rbs=0 rbp=0 obl={obl} oll={messages} omem={} tot-mem={} events=r cmd={command} \
         user={user} redir={} resp={} lib-name=",
        seconds_since(info.connected_ms()),
        seconds_since(info.active_ms()),
        flags(ctx, info),
        info.db(),
        listens.channels.load(Relaxed),
        listens.patterns.load(Relaxed),
        listens.shard_channels.load(Relaxed),
        transaction.commands.load(Relaxed),
        info.reply_bytes() + message_bytes,
        query + query_free + info.reply_bytes() + message_bytes + transaction_bytes as usize,
        info.redirect(),
        info.protocol_version(),
        obl = info.reply_bytes(),
        user = info.user().name(),
    );
    line.extend_from_slice(&labels.library_name);
    line.extend_from_slice(b" lib-ver=");
    line.extend_from_slice(&labels.library_version);
    let _ = writeln!(line, " tot-net-in={in_bytes} tot-net-out={out_bytes} tot-cmds={}", info.commands());
}

/// The letters of a client's `flags=`; `N` for none.
pub(super) fn flags(ctx: &LocalCtx<'_>, info: &ClientInfo) -> String {
    let is_self = info.id() == ctx.client.id();
    let tracking = info.tracking();
    let is_touched = is_self && ctx.client.is_watch_touched();
    let letters = [
        (info.monitors(), 'O'),
        (info.subscriptions().any(), 'P'),
        (info.transaction().commands.load(Relaxed) >= 0, 'x'),
        (tracking.on.load(Relaxed), 't'),
        (info.is_redirect_broken(), 'R'),
        (tracking.broadcast.load(Relaxed), 'B'),
        (is_touched, 'd'),
        (info.is_blocked(), 'b'),
        (info.is_killed(), 'A'),
        (info.peer().is_unix, 'U'),
        (is_self && ctx.client.no_evict, 'e'),
        (is_self && ctx.client.no_touch, 'T'),
    ];
    let letters: String = letters.iter().filter(|(set, _)| *set).map(|(_, letter)| *letter).collect();
    if letters.is_empty() { "N".into() } else { letters }
}
