//! Who caused a record. It names its origin by a number, which it or an earlier record of its group defines.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use ackd::effect::{self, Address, Cause, EffectBuffer, Routine};
use serde::Serialize;
use wal::RecordRef;

use crate::escape::quoted_if_needed;

/// An origin, as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    pub user: String,
    /// The client's address.
    pub addr: String,
    /// The client's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Name of the client's library.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub lib: String,
    /// Version of that library.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub lib_ver: String,
}

/// Who caused a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caused {
    pub origin: Option<Rc<Origin>>,
    /// Whether the record names an origin whose definition is lost.
    pub is_lost: bool,
    /// The script or function that ran.
    pub routine: Option<String>,
}

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &str| quoted_if_needed(text.as_bytes());
        match &self.origin {
            Some(origin) => {
                write!(f, "{}", text(&origin.addr))?;
                for (before, part) in [(" ", &origin.name), (" lib ", &origin.lib), (" ", &origin.lib_ver)] {
                    if !part.is_empty() {
                        write!(f, "{before}{}", text(part))?;
                    }
                }
                write!(f, " as {}", text(&origin.user))?;
            }
            None if self.is_lost => write!(f, "an unknown client")?,
            None => write!(f, "the server")?,
        }
        match &self.routine {
            Some(routine) => write!(f, " in {}", text(routine)),
            None => Ok(()),
        }
    }
}

/// The origins of the group that is being read.
#[derive(Debug, Default)]
pub struct Origins {
    /// Segment and offset of the group.
    group: Option<(u64, u64)>,
    /// Index of the next record in the group, unless some are skipped.
    next: u32,
    /// The origins defined so far, by number.
    known: BTreeMap<u32, Known>,
}

#[derive(Debug)]
struct Known {
    /// As it is printed.
    text: Rc<Origin>,
    /// Payload of a record that defines it and has no effects.
    payload: Vec<u8>,
}

impl Origins {
    /// Notes the origins that a record and those before it in its group define.
    pub fn see(&mut self, record: &RecordRef<'_>) {
        let group = Some((record.group.segment, record.group.offset));
        if self.group != group {
            self.group = group;
            self.next = 0;
            self.known.clear();
        }
        if self.next != record.index {
            record.earlier().for_each(|payload| self.note(payload));
        }
        self.next = record.index + 1;
        self.note(record.payload);
    }

    fn note(&mut self, payload: &[u8]) {
        let Some(Cause { number, origin: Some(origin), .. }) = effect::cause(payload) else { return };
        self.known.entry(number).or_insert_with(|| {
            let (mut nothing, mut payload) = (EffectBuffer::new(), Vec::new());
            nothing.set_cause(&Cause { number, origin: Some(origin), routine: None });
            nothing.write(0, &mut payload);
            Known { text: Rc::new(text_of(&origin)), payload }
        });
    }

    /// Who caused a record of the group, if it says so.
    pub fn caused(&self, payload: &[u8]) -> Option<Caused> {
        let cause = effect::cause(payload).filter(|cause| !cause.is_empty())?;
        let origin = self.known.get(&cause.number).map(|known| known.text.clone());
        let is_lost = cause.number > 0 && origin.is_none();
        Some(Caused { origin, is_lost, routine: cause.routine.as_ref().map(routine_text) })
    }

    /// The origin with this number in the group.
    pub fn origin(&self, number: u32) -> Option<effect::Origin<'_>> {
        effect::cause(&self.known.get(&number)?.payload)?.origin
    }
}

fn text_of(origin: &effect::Origin<'_>) -> Origin {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Origin {
        user: if origin.user.is_empty() { "default".into() } else { text(origin.user) },
        addr: match origin.address {
            Address::V4(address) => address.to_string(),
            Address::V6(address) => address.to_string(),
            Address::Text(bytes) => text(bytes),
        },
        name: text(origin.name),
        lib: text(origin.library),
        lib_ver: text(origin.version),
    }
}

fn routine_text(routine: &Routine<'_>) -> String {
    match routine {
        Routine::Script(digest) => {
            format!("script {}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        Routine::Function(name) => format!("function {}", String::from_utf8_lossy(name)),
    }
}
