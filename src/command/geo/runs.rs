//! The functions that run the geospatial commands.

use super::{
    geoadd, geodist, geohash, geopos, georadius, georadius_reading, georadius_ro, georadiusbymember,
    georadiusbymember_reading, georadiusbymember_ro, geosearch, geosearchstore,
};
use crate::command::Run;
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
