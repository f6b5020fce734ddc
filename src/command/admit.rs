//! Whether a command may run. Decided before each command, for clients and for transactions.
//!
//! The checks come in Redis's order: is it a command with the right number of words; may this client use it; does the
//! client's state allow it; does a pause hold it back; is it queued in a transaction. Whether there is space for a
//! write is checked later, on the writer; [`Space`] says which commands are refused then.

use std::borrow::Cow;

use super::resolve::{Malformed, resolve};
use crate::config::DebugCommand;
use crate::resp::Args;
use crate::spec::{Flags, Spec};
use crate::state::{ClientInfo, ClientState, ServerState, Transaction};

/// Who wants to run a command.
#[derive(Clone, Copy)]
pub enum Caller<'a> {
    /// A client, over its connection.
    Client(&'a ClientState),
    /// A transaction that is being executed. Its client was checked when the command was queued.
    Transaction,
}

/// What happens to a command.
pub enum Admission {
    /// It runs.
    Run(&'static Spec),
    /// It is queued in its client's transaction.
    Queue(&'static Spec),
    /// A pause holds it back. Ask again after the pause.
    Hold {
        /// The command.
        spec: &'static Spec,
        /// Whether it may change data.
        is_write: bool,
    },
    /// It is answered with an error.
    Refuse(&'static Spec, Cow<'static, str>),
    /// The request names no command, or gives it the wrong number of words.
    Malformed(Malformed),
}

/// Which commands there is space for.
pub enum Space {
    /// All.
    Ample,
    /// Only those that free space. Holds the error reply for the others.
    Scarce(String),
    /// None that writes. Holds the error reply.
    Exhausted(String),
}

impl Space {
    /// The error reply to a call that must not run.
    pub fn refusal(&self, spec: &Spec, args: &Args<'_>) -> Option<&str> {
        if matches!(self, Space::Ample) {
            return None;
        }
        let writes = spec.writes(args);
        match self {
            Space::Scarce(refusal) if writes && spec.flags.has(Flags::DENYOOM) => Some(refusal),
            Space::Exhausted(refusal) if writes => Some(refusal),
            _ => None,
        }
    }
}

impl Caller<'_> {
    /// Decides about a request. `args` has at least one word.
    #[inline]
    pub fn admit(&self, server: &ServerState, args: &Args<'_>) -> Admission {
        match resolve(args) {
            Ok(spec) => self.admit_command(server, spec, args),
            Err(malformed) => Admission::Malformed(malformed),
        }
    }

    /// Decides about a command whose number of words was checked.
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

/// The error reply to a client that may not use a protected command.
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

/// The error reply if a client may not use a command because it is subscribed, runs `MONITOR`, or is in a transaction.
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

/// Whether a client that runs `MONITOR` may not use the command.
fn touches_keys(spec: &Spec) -> bool {
    !spec.is_local() || spec.flags.has(Flags::MAY_REPLICATE)
}

/// `Some` if a pause holds the command back: whether it may change data. An administrator's local commands still run,
/// so that somebody can lift the pause.
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

/// Decides whether a command is queued, or refused because the transaction would become too large.
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
