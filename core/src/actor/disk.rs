//! A host's disk: one sync at a time, with a tail.

use crate::engine::{Draw, Span, Time};

/// A disk. Syncs queue up behind each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Disk {
    busy_until: Time,
    syncs: u64,
}

/// The dice of one sync.
#[derive(Clone, Copy, Debug)]
pub struct Luck {
    /// How long an ordinary sync takes.
    pub body: Draw,
    /// Whether this one meets something else on the disk.
    pub tail: Draw,
    /// How long that takes.
    pub stall: Draw,
}

impl Disk {
    /// An idle disk.
    pub const fn new() -> Self {
        Self { busy_until: Time::ZERO, syncs: 0 }
    }
    /// Whether a sync is under way at `now`.
    pub fn busy(&self, now: Time) -> bool {
        self.busy_until > now
    }
    /// How many syncs there were: the number of the next one's dice.
    pub const fn syncs(&self) -> u64 {
        self.syncs
    }
    /// When a write begun at `now` is durable, if syncs take `mean` and the disk is `times` as slow as it should be.
    ///
    /// A third of the mean is fixed, a third is exponential, and the rest comes from one sync in eight that waits
    /// about eight thirds of the mean longer: the shape of the reference runs' fsync histogram (half below 1.2 ms, a tenth above
    /// 7 ms, a hundredth above 16 ms).
    pub fn write(&mut self, now: Time, mean: Span, times: u32, luck: &Luck) -> Time {
        let third = mean.scale(1, 3);
        let stalls = luck.tail.below(8) == 0;
        let stall = luck.stall.exponential(third.scale(8, 1));
        let took = third + luck.body.exponential(third) + if stalls { stall } else { Span::ZERO };
        self.busy_until = self.busy_until.max(now) + took.scale(u64::from(times), 1);
        self.syncs += 1;
        self.busy_until
    }
}
