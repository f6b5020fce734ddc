//! The types of values, by their numbers.

/// The version of payloads whose types every Redis since 5.0 knows. Redis refuses a payload only if its version is above its
/// own, which is 10 in Redis 7.0 and 11 in 7.2.
pub const VERSION: u16 = 9;
/// The version of payloads of hashes of which a field expires: that of Redis 7.4.
pub const TIMED_VERSION: u16 = 12;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes.
    String,
    /// Elements in an order.
    List,
    /// Members.
    Set,
    /// Members with scores.
    SortedSet,
    /// Fields with values.
    Hash,
}

/// Defines the types.
macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $number:literal $kind:ident,)*) => {
        /// How a value is stored. Those of modules are left out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Type {
            $($(#[$doc])* $name = $number,)*
        }

        impl Type {
            /// All types.
            pub const ALL: &'static [Type] = &[$(Type::$name,)*];

            /// What values of this type are.
            pub fn kind(self) -> Kind {
                match self {
                    $(Type::$name => Kind::$kind,)*
                }
            }
        }
    };
}

types! {
    /// A string.
    String = 0 String,
    /// The elements of a list.
    List = 1 List,
    /// The members of a set.
    Set = 2 Set,
    /// Members with scores as text.
    SortedSet = 3 SortedSet,
    /// Fields and values.
    Hash = 4 Hash,
    /// Members with scores as eight bytes.
    SortedSet2 = 5 SortedSet,
    /// A hash of Redis 2.4.
    HashZipmap = 9 Hash,
    /// A list in one ziplist.
    ListZiplist = 10 List,
    /// A set of integers.
    SetIntset = 11 Set,
    /// A sorted set in a ziplist.
    SortedSetZiplist = 12 SortedSet,
    /// A hash in a ziplist.
    HashZiplist = 13 Hash,
    /// A list in several ziplists.
    ListQuicklist = 14 List,
    /// A hash in a listpack.
    HashListpack = 16 Hash,
    /// A sorted set in a listpack.
    SortedSetListpack = 17 SortedSet,
    /// A list in listpacks and long elements.
    ListQuicklist2 = 18 List,
    /// A set in a listpack.
    SetListpack = 20 Set,
    /// A hash of which fields expire, at times since 1970.
    HashTimedEarly = 22 Hash,
    /// The same in a listpack.
    HashTimedListpackEarly = 23 Hash,
    /// A hash of which fields expire, at times after the first of them.
    HashTimed = 24 Hash,
    /// The same in a listpack, at times since 1970.
    HashTimedListpack = 25 Hash,
}

impl Type {
    /// The type with a number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|own| *own as u8 == number)
    }
}
