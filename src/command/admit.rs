//! Whether a command may run: decided here for all who ask, before it does.
//!
//! What a caller asks for is looked at in the order in which Redis does it: is it a command, in its form; may this client
//! use it; does its state allow it; does a pause hold it back; is it queued for later. Space for a write is asked for when
//! the writer has the command; what follows from it is decided by [`Space`].

use std::borrow::Cow;

use super::resolve::{Malformed, resolve};
use crate::config::DebugCommand;
use crate::resp::Args;
use crate::spec::{Flags, Spec};
use crate::state::{ClientInfo, ClientState, ServerState, Transaction};

/// Who asks for a command.
#[derive(Clone, Copy)]
pub enum Caller<'a> {
    /// A client, over its connection.
    Client(&'a ClientState),
    /// A transaction that is executed: its client was asked about when the command was queued.
    Transaction,
}

/// What is to happen with a command.
pub enum Admission {
    /// It runs.
    Run(&'static Spec),
    /// It is put into its client's transaction.
    Queue(&'static Spec),
    /// A pause holds it back: it is to be asked for again afterwards.
    Hold {
        /// The command.
        spec: &'static Spec,
        /// Whether it may change data.
        is_write: bool,
    },
    /// It is answered with an error.
    Refuse(&'static Spec, Cow<'static, str>),
    /// No command was asked for.
    Malformed(Malformed),
}

/// How much space there is for what commands write.
pub enum Space {
    /// For everything.
    Ample,
    /// For commands that free space. Holds the refusal for the others.
    Scarce(String),
    /// For nothing. Holds the refusal.
    Exhausted(String),
}

impl Space {
    /// The error reply that the command gets instead of running, if it must not run.
    pub fn refusal(&self, spec: &Spec) -> Option<&str> {
        let writes = spec.is_write();
        match self {
            Space::Scarce(refusal) if writes && spec.flags.has(Flags::DENYOOM) => Some(refusal),
            Space::Exhausted(refusal) if writes => Some(refusal),
            _ => None,
        }
    }
}

impl Caller<'_> {
    /// Decides about the request that consists of `args`, of which there is at least one.
    #[inline]
    pub fn admit(&self, server: &ServerState, args: &Args<'_>) -> Admission {
        match resolve(args) {
            Ok(spec) => self.admit_command(server, spec, args),
            Err(malformed) => Admission::Malformed(malformed),
        }
    }

    /// Decides about a command that takes as many words as there are.
    #[inline]
    pub fn admit_command(&self, server: &ServerState, spec: &'static Spec, args: &Args<'_>) -> Admission {
        let Caller::Client(client) = self else { return Admission::Run(spec) };
        if !client.is_authenticated() && !spec.flags.has(Flags::NO_AUTH) {
            return Admission::Refuse(spec, "NOAUTH Authentication required.".into());
        }
        if spec.flags.has(Flags::PROTECTED) && !is_unprotected(server, client.info()) {
            return Admission::Refuse(spec, PROTECTED.into());
        }
        let is_special = client.is_special();
        if is_special && let Some(text) = refusal_of_special(client, spec) {
            return Admission::Refuse(spec, text);
        }
        if server.pause.is_set()
            && let Some(is_write) = held_by_pause(server, client, spec)
        {
            return Admission::Hold { spec, is_write };
        }
        if is_special
            && let Some(transaction) = client.transaction()
            && !spec.flags.has(Flags::NOT_QUEUED)
        {
            return queue(server, transaction, spec, args);
        }
        Admission::Run(spec)
    }
}

/// What is said to a client that may not use a protected command.
const PROTECTED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you \
    can run it from a local connection, otherwise you need to set this option in the configuration file, and then \
    restart the server.";

/// Whether a client may use protected commands.
#[cold]
fn is_unprotected(server: &ServerState, client: &ClientInfo) -> bool {
    match server.settings().current().debug_command {
        DebugCommand::Yes => true,
        DebugCommand::No => false,
        DebugCommand::Local => client.peer().is_local(),
    }
}

/// Why a client that listens, watches all commands or is in a transaction may not use a command, if so.
#[cold]
fn refusal_of_special(client: &ClientState, spec: &Spec) -> Option<Cow<'static, str>> {
    if client.is_listening_only() && !spec.flags.has(Flags::WHILE_LISTENING) {
        let text = format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
             context",
            spec.name
        );
        Some(text.into())
    } else if client.monitors() && touches_keys(spec) {
        Some("ERR Replica can't interact with the keyspace".into())
    } else if client.transaction().is_some() && spec.flags.has(Flags::NO_MULTI) {
        Some("ERR Command not allowed inside a transaction".into())
    } else {
        None
    }
}

/// Whether a command is nothing for a client that watches all commands.
fn touches_keys(spec: &Spec) -> bool {
    !spec.is_local() || spec.flags.has(Flags::MAY_REPLICATE)
}

/// If a pause holds the command back: whether it may change data. An administrator's local commands run all the same:
/// somebody must be able to lift the pause.
#[cold]
fn held_by_pause(server: &ServerState, client: &ClientState, spec: &Spec) -> Option<bool> {
    let executes_writes = || {
        spec.flags.has(Flags::SUBMITS) && client.transaction().is_some_and(|transaction| transaction.writes())
    };
    let is_write = spec.is_write() || spec.flags.has(Flags::MAY_REPLICATE) || executes_writes();
    let is_exempt = spec.is_local() && spec.flags.has(Flags::ADMIN);
    let waits = server.pause.wait_until(is_write, server.uptime_ms()).is_some();
    (waits && !is_exempt).then_some(is_write)
}

/// Decides about a command that is meant for a transaction, by what fits into that.
#[cold]
fn queue(server: &ServerState, transaction: &Transaction, spec: &'static Spec, args: &Args<'_>) -> Admission {
    let limits = &server.limits;
    let (bytes_max, commands_max) = (limits.transaction_bytes_max(), limits.transaction_commands_max());
    let fits = transaction.charged_bytes() + Transaction::charge_of(args) <= bytes_max
        && (transaction.commands.len() as u64) < commands_max;
    if fits {
        return Admission::Queue(spec);
    }
    let text = format!(
        "ERR the transaction is too large: transaction-bytes-max is {bytes_max}, transaction-commands-max is \
         {commands_max}"
    );
    Admission::Refuse(spec, text.into())
}
