//! One direction of one link: what becomes of a packet that is offered to it.

use crate::engine::{Draw, Ppm, Span, Time};

/// How a link behaves at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Params {
    /// Propagation delay, one way.
    pub delay: Span,
    /// Mean of an exponentially distributed delay on top. Packets keep their order all the same.
    pub jitter: Span,
    /// Chance that a packet is lost by itself.
    pub loss: Ppm,
    /// Chance per packet that a burst begins (Gilbert-Elliott).
    pub burst_enter: Ppm,
    /// Chance per packet that a burst ends: bursts last `1 / burst_leave` packets on average.
    pub burst_leave: Ppm,
    /// Chance that a packet within a burst is lost to the burst.
    pub burst_loss: Ppm,
    /// Megabits per second; 0: packets take no time to send.
    pub rate_mbps: u32,
    /// The longest wait for the transmitter: a packet that would wait longer is dropped.
    pub queue: Span,
    /// Nothing passes.
    pub cut: bool,
}

/// The dice of one packet. The caller keys them by which packet it is, so the same packet meets the same luck whatever
/// the parameters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Luck {
    /// Decides on loss, by itself or in a burst.
    pub loss: Draw,
    /// Decides on the delay.
    pub jitter: Draw,
    /// Decides whether a burst begins or ends.
    pub burst: Draw,
}

/// Why a packet was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The link is cut.
    Cut,
    /// The queue before the transmitter was too long.
    QueueFull,
    /// Lost by itself.
    Loss,
    /// Lost in a burst.
    Burst,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It arrives.
    Deliver {
        /// When.
        at: Time,
    },
    /// It does not.
    Drop(DropReason),
}

/// The memory of one direction of one link.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Link {
    /// When the transmitter has sent everything accepted so far.
    busy_until: Time,
    /// The newest arrival handed out: nothing arrives earlier.
    newest_arrival: Time,
    /// Whether a burst is on.
    in_burst: bool,
}

impl Link {
    /// Offers a packet of `bytes` at `now`. Arrivals keep the order of departure.
    pub fn offer(&mut self, now: Time, bytes: u32, params: &Params, luck: &Luck) -> Fate {
        // The burst moves on with every packet, whatever becomes of it, so its course depends on nothing but the dice.
        self.in_burst = if params.burst_enter == Ppm::ZERO {
            false
        } else if self.in_burst {
            !luck.burst.chance(params.burst_leave)
        } else {
            luck.burst.chance(params.burst_enter)
        };
        if params.cut {
            return Fate::Drop(DropReason::Cut);
        }
        let sent = if params.rate_mbps == 0 {
            now
        } else {
            let departs = self.busy_until.max(now);
            if departs.since(now) > params.queue {
                return Fate::Drop(DropReason::QueueFull);
            }
            // One bit at one megabit per second takes a microsecond.
            departs + Span::from_ns(u64::from(bytes) * 8 * 1_000 / u64::from(params.rate_mbps))
        };
        self.busy_until = sent;
        // A lost packet has used the transmitter. One draw decides, so a burst only adds losses.
        if luck.loss.chance(params.loss) {
            return Fate::Drop(DropReason::Loss);
        }
        if self.in_burst && luck.loss.chance(params.loss.or(params.burst_loss)) {
            return Fate::Drop(DropReason::Burst);
        }
        let at = (sent + params.delay + luck.jitter.exponential(params.jitter)).max(self.newest_arrival);
        self.newest_arrival = at;
        Fate::Deliver { at }
    }
    /// Whether a burst of losses is on.
    pub const fn in_burst(&self) -> bool {
        self.in_burst
    }
    /// When the transmitter has sent everything accepted so far.
    pub const fn busy_until(&self) -> Time {
        self.busy_until
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
