//! Who caused a record: in format 2, after the command.
//!
//! ```text
//! cause    = head varint | origin, if it is defined here | routine, if one ran
//! head     = 4 * number of the origin, 0: none | 2 if a routine ran | 1 if the origin is defined here
//! origin   = user | address | name | library | version
//! user, name, library, version = length varint, up to 255 bytes; an empty user is `default`
//! address  = 0 u8, length varint, up to 255 bytes | 4 u8, IPv4 address and port | 6 u8, IPv6 address and port
//! routine  = 1 u8, SHA-1 of a script, 20 bytes | 2 u8, name of a function: length varint, up to 255 bytes
//! ```
//!
//! Origins are numbered from 1 within a group of the log. The first record of a group that an origin caused defines it;
//! later records of the group refer to it by number. So each group can be read without any other, and a reader that
//! starts in the middle of a group looks for the definition in the records before. If a definition is lost, the origin
//! is unknown: replay does not need it.
//!
//! An empty cause has no encoding: such a record has format 1.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::input::{EffectError, Input, Reason};
use super::sink::{Sink, put_bytes, put_varint};

/// The longest text of an origin, in bytes; longer texts are cut.
pub const CAUSE_TEXT_BYTES_MAX: usize = 255;
/// Bytes of the SHA-1 of a script.
pub const SCRIPT_BYTES: usize = 20;

/// In the head: the origin is defined here.
const DEFINED: u64 = 1;
/// In the head: a routine ran.
const ROUTINE: u64 = 2;
/// The number of the origin follows this many low bits of the head.
const NUMBER_SHIFT: u32 = 2;

const ADDRESS_TEXT: u8 = 0;
const ADDRESS_V4: u8 = 4;
const ADDRESS_V6: u8 = 6;
const SCRIPT: u8 = 1;
const FUNCTION: u8 = 2;

/// Who caused a record, and by what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cause<'a> {
    /// Number of the origin in the record's group; 0 for the server itself, or if it is unknown.
    pub number: u32,
    /// The origin, in the record that defines it.
    pub origin: Option<Origin<'a>>,
    /// The script or function that ran.
    pub routine: Option<Routine<'a>>,
}

/// Where a command came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The user; empty means `default`.
    pub user: &'a [u8],
    /// The client's end of the connection.
    pub address: Address<'a>,
    /// `CLIENT SETNAME`; empty when not set.
    pub name: &'a [u8],
    /// `CLIENT SETINFO LIB-NAME`; empty when not set.
    pub library: &'a [u8],
    /// `CLIENT SETINFO LIB-VER`; empty when not set.
    pub version: &'a [u8],
}

/// The client's end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address<'a> {
    /// IPv4.
    V4(SocketAddrV4),
    /// IPv6.
    V6(SocketAddrV6),
    /// Anything else, such as the path of a Unix socket.
    Text(&'a [u8]),
}

/// What ran in the server on behalf of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routine<'a> {
    /// A script, by its SHA-1.
    Script(&'a [u8; SCRIPT_BYTES]),
    /// A function, by its name.
    Function(&'a [u8]),
}

impl<'a> Address<'a> {
    /// The address that `text` spells.
    pub fn parse(text: &'a str) -> Self {
        match text.parse() {
            Ok(SocketAddr::V4(address)) => Address::V4(address),
            Ok(SocketAddr::V6(address)) if address.scope_id() == 0 => Address::V6(address),
            _ => Address::Text(text.as_bytes()),
        }
    }

    fn put(&self, sink: &mut impl Sink) {
        match self {
            Address::V4(address) => {
                sink.push(ADDRESS_V4);
                sink.extend_from_slice(&address.ip().octets());
                sink.extend_from_slice(&address.port().to_be_bytes());
            }
            Address::V6(address) => {
                sink.push(ADDRESS_V6);
                sink.extend_from_slice(&address.ip().octets());
                sink.extend_from_slice(&address.port().to_be_bytes());
            }
            Address::Text(text) => {
                sink.push(ADDRESS_TEXT);
                put_text(text, sink);
            }
        }
    }

    fn read(input: &mut Input<'a>) -> Result<Self, EffectError> {
        let start = input.at;
        match input.byte()? {
            ADDRESS_TEXT => Ok(Address::Text(text(input)?)),
            ADDRESS_V4 => {
                let ip = Ipv4Addr::from(input.array::<4>()?);
                Ok(Address::V4(SocketAddrV4::new(ip, u16::from_be_bytes(input.array()?))))
            }
            ADDRESS_V6 => {
                let ip = Ipv6Addr::from(input.array::<16>()?);
                Ok(Address::V6(SocketAddrV6::new(ip, u16::from_be_bytes(input.array()?), 0, 0)))
            }
            _ => Err(EffectError { offset: start, reason: Reason::Cause }),
        }
    }
}

impl<'a> Origin<'a> {
    /// Writes the origin; texts that are too long are cut.
    pub fn put(&self, sink: &mut impl Sink) {
        put_text(self.user, sink);
        self.address.put(sink);
        for text in [self.name, self.library, self.version] {
            put_text(text, sink);
        }
    }

    fn read(input: &mut Input<'a>) -> Result<Self, EffectError> {
        Ok(Self {
            user: text(input)?,
            address: Address::read(input)?,
            name: text(input)?,
            library: text(input)?,
            version: text(input)?,
        })
    }
}

impl<'a> Routine<'a> {
    fn put(&self, sink: &mut impl Sink) {
        match self {
            Routine::Script(digest) => {
                sink.push(SCRIPT);
                sink.extend_from_slice(*digest);
            }
            Routine::Function(name) => {
                sink.push(FUNCTION);
                put_text(name, sink);
            }
        }
    }

    fn read(input: &mut Input<'a>) -> Result<Self, EffectError> {
        let start = input.at;
        match input.byte()? {
            SCRIPT => Ok(Routine::Script(input.array_ref()?)),
            FUNCTION => Ok(Routine::Function(text(input)?)),
            _ => Err(EffectError { offset: start, reason: Reason::Cause }),
        }
    }
}

impl<'a> Cause<'a> {
    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.number == 0 && self.routine.is_none()
    }

    /// Writes the cause.
    pub fn put(&self, sink: &mut impl Sink) {
        put_head(self.number, self.origin.is_some(), self.routine.is_some(), sink);
        if let Some(origin) = &self.origin {
            origin.put(sink);
        }
        if let Some(routine) = &self.routine {
            routine.put(sink);
        }
    }

    /// Reads a cause.
    pub(super) fn read(input: &mut Input<'a>) -> Result<Self, EffectError> {
        let start = input.at;
        let head = input.varint()?;
        let number = u32::try_from(head >> NUMBER_SHIFT);
        let malformed = EffectError { offset: start, reason: Reason::Cause };
        let number = number.map_err(|_| malformed)?;
        let (defined, routine) = (head & DEFINED != 0, head & ROUTINE != 0);
        if number == 0 && (defined || !routine) {
            return Err(malformed);
        }
        let origin = if defined { Some(Origin::read(input)?) } else { None };
        let routine = if routine { Some(Routine::read(input)?) } else { None };
        Ok(Self { number, origin, routine })
    }
}

/// Writes the part before the origin.
pub(super) fn put_head(number: u32, defined: bool, routine: bool, sink: &mut impl Sink) {
    let flags = (u64::from(defined) * DEFINED) | (u64::from(routine) * ROUTINE);
    put_varint((u64::from(number) << NUMBER_SHIFT) | flags, sink);
}

/// Writes a text after its length.
fn put_text(text: &[u8], sink: &mut impl Sink) {
    put_bytes(&text[..text.len().min(CAUSE_TEXT_BYTES_MAX)], sink);
}

/// Reads a text.
fn text<'a>(input: &mut Input<'a>) -> Result<&'a [u8], EffectError> {
    let start = input.at;
    let text = input.slice()?;
    if text.len() > CAUSE_TEXT_BYTES_MAX {
        return Err(EffectError { offset: start, reason: Reason::Cause });
    }
    Ok(text)
}
