//! What a run of histories saw.

use super::beside::Results;
use super::logged::{self, InParts};

/// What was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Histories.
    pub histories: u64,
    /// Moments at which the power was cut.
    pub moments: u64,
    /// Moments of which all images were tried.
    pub exhausted: u64,
    /// Images of lives from which recovery was made.
    pub images: u64,
    /// Images of recoveries, by depth: of a recovery, and of the recovery from such an image.
    pub nested: [u64; 2],
    /// Recoveries, recorded ones included; all of them unattended.
    pub restarts: u64,
    /// Images with a torn tail.
    pub torn: u64,
    /// Images that held commands that had not been promised.
    pub ahead: u64,
    /// Images whose recovery started from a checkpoint of some commands.
    pub checkpoints: u64,
    /// Cuts of the table's file.
    pub cuts: u64,
    /// Lives after a kill.
    pub kills: u64,
    /// Lives in which a sync failed.
    pub faults: u64,
    /// Commands sent.
    pub sent: u64,
    /// Commands acknowledged.
    pub acknowledged: u64,
    /// Results that were worked out beside the writer.
    pub results: Results,
    /// Images with a result that is not stored yet.
    pub drafts: u64,
    /// Effects of results that are stored in parts, in the logs of all lives.
    pub logged: InParts,
    /// Those that were replayed from images of lives.
    pub replayed: InParts,
}

impl Counts {
    /// Adds what was seen elsewhere.
    pub fn add(&mut self, other: &Counts) {
        let Counts { histories, moments, exhausted, images, nested, restarts, torn, ahead, .. } = *other;
        self.histories += histories;
        self.moments += moments;
        self.exhausted += exhausted;
        self.images += images;
        self.nested[0] += nested[0];
        self.nested[1] += nested[1];
        self.restarts += restarts;
        self.torn += torn;
        self.ahead += ahead;
        self.checkpoints += other.checkpoints;
        self.cuts += other.cuts;
        self.kills += other.kills;
        self.faults += other.faults;
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.results.add(&other.results);
        self.drafts += other.drafts;
        logged::add(&mut self.logged, &other.logged);
        logged::add(&mut self.replayed, &other.replayed);
    }
}
