//! A host's disk: one sync at a time, with a tail.

use super::ProgramId;
use crate::engine::{Draw, Span, Time};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// The fixed part of a sync, and the mean of its exponential part, of the dial's mean. Unit: ratio. Measured: the shape
/// of etcd_disk_wal_fsync_duration_seconds on the reference machine: half below 1.2 ms, a tenth above 7 ms, a hundredth
/// above 16 ms.
const PART: (u64, u64) = (1, 3);
/// One sync in so many waits for longer. Unit: syncs. Measured: the same histogram.
const STALL_ONE_IN: u64 = 8;
/// How much longer it waits on average, in such parts. Unit: parts. Measured: the same histogram; with it the mean is
/// the dial's.
const STALL_PARTS: u64 = 8;

/// A disk. Syncs queue up behind each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Disk {
    busy_until: Time,
    syncs: u64,
    /// What a sync took on average when the newest began, in ns.
    pace: u64,
    /// What is under way or waits its turn, oldest first. Each program has a handful at most: its log and its store.
    pending: VecDeque<Write>,
}

/// A write that was begun: when it is durable, and whose it is: program, process and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// When it is durable.
    pub end: Time,
    /// Whose it is.
    pub owner: (ProgramId, u32, u32),
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
        Self { busy_until: Time::ZERO, syncs: 0, pace: 0, pending: VecDeque::new() }
    }
    /// Whether a sync is under way at `now`.
    pub fn busy(&self, now: Time) -> bool {
        self.busy_until > now
    }
    /// How many syncs there were: the number of the next one's dice.
    pub const fn syncs(&self) -> u64 {
        self.syncs
    }
    /// When a write of this owner begun at `now` is durable, if syncs take `mean` and the disk is `times` as slow as it should be.
    ///
    /// A third of the mean is fixed, a third is exponential, and the rest comes from one sync in eight that waits
    /// about eight thirds of the mean longer: the shape of the reference runs' fsync histogram (half below 1.2 ms, a tenth above
    /// 7 ms, a hundredth above 16 ms).
    pub fn write(&mut self, now: Time, owner: (ProgramId, u32, u32), mean: Span, times: u32, luck: &Luck) -> Time {
        let third = mean.scale(PART.0, PART.1);
        let stalls = luck.tail.below(STALL_ONE_IN) == 0;
        let stall = luck.stall.exponential(third.scale(STALL_PARTS, 1));
        let took = third + luck.body.exponential(third) + if stalls { stall } else { Span::ZERO };
        self.busy_until = self.busy_until.max(now) + took.scale(u64::from(times), 1);
        self.syncs += 1;
        self.pace = mean.ns().saturating_mul(u64::from(times));
        self.pending.push_back(Write { end: self.busy_until, owner });
        self.busy_until
    }
    /// The write of this owner that should be durable at `at`: true if it is, and it is under way no more. A disk that
    /// became faster or slower has moved it.
    pub fn done(&mut self, at: Time, owner: (ProgramId, u32, u32)) -> bool {
        let write = Write { end: at, owner };
        let place = self.pending.iter().position(|pending| *pending == write);
        place.and_then(|place| self.pending.remove(place)).is_some()
    }
    /// Syncs take `mean` from now on, and the disk is `times` as slow as it should be: what is under way goes on at the
    /// new pace. Returns the writes that are durable at another time now.
    pub fn set_pace(&mut self, now: Time, mean: Span, times: u32) -> Vec<Write> {
        let pace = mean.ns().saturating_mul(u64::from(times));
        let before = core::mem::replace(&mut self.pace, pace);
        if before == pace || before == 0 || !self.busy(now) {
            return Vec::new();
        }
        let moved = |end: Time| now + end.since(now).scale(pace, before);
        self.busy_until = moved(self.busy_until);
        for write in &mut self.pending {
            write.end = moved(write.end);
        }
        self.pending.iter().copied().collect()
    }
}
