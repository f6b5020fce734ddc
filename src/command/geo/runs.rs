//! The functions that run the geospatial commands.

use super::query::Command;
use super::{
    geoadd, geodist, geohash, geopos, georadius, georadius_reading, georadius_ro, georadiusbymember,
    georadiusbymember_reading, georadiusbymember_ro, geosearch, geosearchstore, search,
};
use crate::command::Run;
use crate::command::long::WorkFn;
use crate::spec::{self, Spec};

/// The function that runs each command.
pub(in crate::command) static RUNS: &[(&Spec, Run)] = &[
    (&spec::GEOADD, Run::Write(geoadd)),
    (&spec::GEODIST, Run::Read(geodist)),
    (&spec::GEOHASH, Run::Read(geohash)),
    (&spec::GEOPOS, Run::Read(geopos)),
    (&spec::GEOSEARCH, Run::Read(geosearch)),
    (&spec::GEOSEARCHSTORE, Run::Write(geosearchstore)),
    (&spec::GEORADIUS, Run::WriteOrRead { write: georadius, read: georadius_reading }),
    (&spec::GEORADIUS_RO, Run::Read(georadius_ro)),
    (
        &spec::GEORADIUSBYMEMBER,
        Run::WriteOrRead { write: georadiusbymember, read: georadiusbymember_reading },
    ),
    (&spec::GEORADIUSBYMEMBER_RO, Run::Read(georadiusbymember_ro)),
];

/// How long those of them take that may be worked out beside the writer.
pub(in crate::command) static WORK: &[(&Spec, WorkFn)] = &[
    (&spec::GEOSEARCHSTORE, |call, keys| search::work(Command::SearchStore, 2, call, keys)),
    (&spec::GEORADIUS, |call, keys| search::work(Command::Radius { stores: true }, 1, call, keys)),
    (&spec::GEORADIUSBYMEMBER, |call, keys| {
        search::work(Command::RadiusByMember { stores: true }, 1, call, keys)
    }),
];
