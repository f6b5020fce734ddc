//! Who is notified of which change, and what the table keeps.

use super::*;
use crate::state::{Limits, Peer, ServerState};

fn server() -> ServerState {
    ServerState::new(Limits::default())
}

fn client(server: &ServerState, mode: TrackingMode) -> Arc<ClientInfo> {
    let info = server.clients.add(Peer::default(), server.users.default_user(), 0);
    info.set_protocol(Protocol::Resp3);
    server.tracking.start(&info, mode);
    info
}

fn received(info: &ClientInfo) -> String {
    let mut out = Vec::new();
    info.outbox().take(&mut out, 1 << 20);
    String::from_utf8(out).unwrap().replace("\r\n", " ")
}

fn reads(server: &ServerState, info: &ClientInfo, keys: &[&[u8]]) {
    server.tracking.remember(server, info.id(), keys.iter().copied());
}

#[test]
fn a_reader_is_notified_once_and_again_after_it_read_again() {
    let server = server();
    let info = client(&server, TrackingMode::default());
    reads(&server, &info, &[b"a"]);
    server.tracking.changed(&server, b"b", None);
    assert_eq!(received(&info), "");
    server.tracking.changed(&server, b"a", Some(info.id()));
    server.tracking.changed(&server, b"a", None);
    assert_eq!(received(&info), ">2 $10 invalidate *1 $1 a ");
    reads(&server, &info, &[b"a", b"b"]);
    server.tracking.flushed(&server, None);
    assert_eq!(received(&info), ">2 $10 invalidate _ ");
    assert_eq!(server.tracking.sizes(), TrackingSizes { clients: 1, ..TrackingSizes::default() });
}

#[test]
fn nobody_is_notified_of_own_changes_where_that_was_asked_for() {
    let server = server();
    let info = client(&server, TrackingMode { no_loop: true, ..TrackingMode::default() });
    reads(&server, &info, &[b"a", b"b"]);
    server.tracking.changed(&server, b"a", Some(info.id()));
    server.tracking.changed(&server, b"b", Some(info.id() + 1));
    assert_eq!(received(&info), ">2 $10 invalidate *1 $1 b ");
}

#[test]
fn clients_are_notified_of_all_changes_below_their_prefixes() {
    let server = server();
    let prefixes = Some(BTreeSet::from([b"user:".as_slice().into()]));
    let info = client(&server, TrackingMode { prefixes, no_loop: true, ..TrackingMode::default() });
    let own = Some(info.id());
    server
        .tracking
        .broadcast(&server, &[(b"user:1", None), (b"user:2", own), (b"x", None), (b"user:1", None)]);
    assert_eq!(received(&info), ">2 $10 invalidate *1 $6 user:1 ");
    server.tracking.stop(info.id());
    server.tracking.broadcast(&server, &[(b"user:1", None)]);
    assert_eq!(received(&info), "");
    assert_eq!(server.tracking.sizes(), TrackingSizes::default());
}

#[test]
fn a_key_that_several_clients_changed_is_named_once() {
    let server = server();
    let prefixes = Some(BTreeSet::from([Box::default()]));
    let info = client(&server, TrackingMode { prefixes: prefixes.clone(), ..TrackingMode::default() });
    let other = client(&server, TrackingMode { prefixes, no_loop: true, ..TrackingMode::default() });
    let (one, two) = (Some(info.id()), Some(other.id()));
    let changes: [(&[u8], _); 6] =
        [(b"z", one), (b"a", two), (b"m", two), (b"z", two), (b"a", one), (b"z", None)];
    server.tracking.broadcast(&server, &changes);
    assert_eq!(received(&info), ">2 $10 invalidate *3 $1 a $1 m $1 z ");
    assert_eq!(received(&other), ">2 $10 invalidate *2 $1 a $1 z ");
}

#[test]
fn a_full_table_notifies_of_keys_that_did_not_change() {
    let server = server();
    server.limits.set_tracking_keys_max(10);
    let info = client(&server, TrackingMode::default());
    for key in 0..100u8 {
        reads(&server, &info, &[&[key]]);
        assert!(server.tracking.sizes().keys <= 10);
    }
    assert_eq!(info.outbox().size().0, 90);
}

#[test]
fn holders_that_are_gone_do_not_add_up() {
    let server = server();
    for _ in 0..1000 {
        let info = client(&server, TrackingMode::default());
        reads(&server, &info, &[b"hot"]);
        server.tracking.stop(info.id());
    }
    assert!(server.tracking.sizes().items <= HOLDERS_PRUNE + 1);
}

#[test]
fn a_client_whose_listener_is_gone_learns_that() {
    let server = server();
    let target = server.clients.add(Peer::default(), server.users.default_user(), 0);
    let info = client(&server, TrackingMode { redirect: Some(target.id()), ..TrackingMode::default() });
    server.clients.remove(target.id());
    reads(&server, &info, &[b"a"]);
    server.tracking.changed(&server, b"a", None);
    assert_eq!(received(&info), format!(">2 $21 tracking-redir-broken :{} ", target.id()));
    assert!(info.is_redirect_broken());
}
