//! One client's own state, which no other thread touches.

use std::sync::Arc;
use std::time::Duration;

use super::ShutdownMode;
use super::clients::ClientInfo;
use super::limits::Limits;
use crate::resp::Protocol;

/// Whether replies are sent, as `CLIENT REPLY` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// All are sent.
    #[default]
    On,
    /// None is sent.
    Off,
    /// `CLIENT REPLY SKIP` was just given: the next command's reply is not sent.
    SkipNext,
    /// The command that follows `CLIENT REPLY SKIP` is running: its reply is not sent, the one after it is.
    Skip,
}

/// What the connection does after a local command.
///
/// Commands that ask for more than [`Next::Continue`] and [`Next::Close`] carry `Flags::BARRIER`, so that all earlier
/// replies are out before the connection waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// Goes on with the next command.
    #[default]
    Continue,
    /// Sends the replies so far, this one included, and closes. What stands behind the command is not run.
    Close,
    /// Asks for a checkpoint. With `wait`, the command's reply is held back until the checkpoint is durable; if it
    /// fails, an error takes the reply's place.
    Checkpoint {
        /// Whether the reply waits for the checkpoint's end.
        wait: bool,
    },
    /// Asks the server to stop. No reply is sent: the client sees its connection close.
    Shutdown(ShutdownMode),
    /// Holds the command's reply back for so long.
    Sleep(Duration),
}

/// One client's own state.
pub struct ClientState {
    /// What others see of it.
    info: Arc<ClientInfo>,
    /// Its database.
    db: u16,
    /// How replies are encoded.
    protocol: Protocol,
    /// Whether it has given the password, or none was asked for when it connected.
    authenticated: bool,
    /// Wrong passwords given in a row.
    auth_failures: u32,
    /// Whether replies are sent.
    reply_mode: ReplyMode,
    /// `CLIENT NO-EVICT`.
    pub no_evict: bool,
    /// `CLIENT NO-TOUCH`.
    pub no_touch: bool,
}

impl ClientState {
    /// The state of a client that just connected.
    pub fn new(info: Arc<ClientInfo>, limits: &Limits) -> Self {
        let mut client = Self {
            info,
            db: 0,
            protocol: Protocol::Resp2,
            authenticated: false,
            auth_failures: 0,
            reply_mode: ReplyMode::On,
            no_evict: false,
            no_touch: false,
        };
        client.set_authenticated(!limits.has_password());
        client
    }

    /// What others see of it: id, addresses, name.
    pub fn info(&self) -> &Arc<ClientInfo> {
        &self.info
    }

    /// `CLIENT ID`.
    pub fn id(&self) -> u64 {
        self.info.id()
    }

    /// Its database.
    pub fn db(&self) -> u16 {
        self.db
    }

    /// `SELECT`. The caller has checked that the database exists.
    pub fn select(&mut self, db: u16) {
        self.db = db;
        self.info.set_db(db);
    }

    /// How replies are encoded.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// `HELLO`. Commands that call this build their reply in the new protocol themselves.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.info.set_protocol(protocol);
    }

    /// Whether it may run commands that need authentication.
    pub fn is_authenticated(&self, limits: &Limits) -> bool {
        self.authenticated || !limits.has_password()
    }

    /// Notes that the client gave the password, or, with `false`, that it has to give it again (`RESET`).
    pub fn set_authenticated(&mut self, authenticated: bool) {
        self.authenticated = authenticated;
        self.auth_failures = 0;
        self.info.set_authenticated(authenticated);
    }

    /// Counts a wrong password; returns how many were given in a row.
    pub fn auth_failed(&mut self) -> u32 {
        self.auth_failures += 1;
        self.auth_failures
    }

    /// Whether replies are sent.
    pub fn reply_mode(&self) -> ReplyMode {
        self.reply_mode
    }

    /// `CLIENT REPLY`: [`ReplyMode::SkipNext`] for `SKIP`. The command itself replies `+OK` to `ON` only.
    pub fn set_reply_mode(&mut self, mode: ReplyMode) {
        self.reply_mode = mode;
    }

    /// `RESET`: database, protocol, reply mode and authentication are those of a new connection.
    pub fn reset(&mut self, limits: &Limits) {
        self.select(0);
        self.set_protocol(Protocol::Resp2);
        self.reply_mode = ReplyMode::On;
        self.no_evict = false;
        self.no_touch = false;
        self.info.label(|labels| labels.name.clear());
        self.set_authenticated(!limits.has_password());
    }
}
