//! CUBIC congestion control (RFC 9438) as net/ipv4/tcp_cubic.c does it: jiffies of a millisecond, an integer cube root.

use crate::engine::{LocalTime, Span};

/// The window after a loss, of 1024 parts: 0.7. Unit: of 1024. Sourced: linux net/ipv4/tcp_cubic.c#beta.
const BETA: u64 = 717;
/// What `BETA` is a part of. Unit: parts. Sourced: linux net/ipv4/tcp_cubic.c#BICTCP_BETA_SCALE.
const BETA_SCALE: u64 = 1024;
/// The constant C of the cubic function, 0.4, times 1024. Unit: of 1024. Sourced: linux net/ipv4/tcp_cubic.c#bic_scale
/// (41), times ten.
const RTT_SCALE: u64 = 410;
/// Time counts in 1/1024 s. Unit: bits. Sourced: linux net/ipv4/tcp_cubic.c#BICTCP_HZ.
const HZ_BITS: u32 = 10;
/// 2^40 / `RTT_SCALE`: the factor under the cube root. Unit: (no unit). Sourced: linux
/// net/ipv4/tcp_cubic.c#cube_factor.
const CUBE_FACTOR: u64 = (1 << 40) / RTT_SCALE;
/// Acknowledged segments per step of the Reno window that CUBIC never falls below, in eighths of the window. Unit:
/// eighths. Sourced: linux net/ipv4/tcp_cubic.c#beta_scale.
const RENO_SCALE: u64 = 8 * (BETA_SCALE + BETA) / 3 / (BETA_SCALE - BETA);
/// The same window is not worked out anew for this long. Sourced: linux net/ipv4/tcp_cubic.c#bictcp_update: HZ/32.
const FRESH: Span = Span::from_ms(31);
/// At the plateau a window grows by one segment in so many windows. Unit: windows. Sourced: linux
/// net/ipv4/tcp_cubic.c#bictcp_update.
const PLATEAU: u64 = 100;
/// While the path is unknown, by one for each so many acknowledged: at least 5 % per round trip. Unit: segments.
/// Sourced: linux net/ipv4/tcp_cubic.c#bictcp_update.
const UNKNOWN: u64 = 20;
/// A window below this does not leave slow start for a longer delay. Unit: segments. Sourced: linux
/// net/ipv4/tcp_cubic.c#hystart_low_window.
const HYSTART_LOW_WINDOW: u64 = 16;
/// The least and the most a round trip may grow before slow start ends. Sourced: linux
/// net/ipv4/tcp_cubic.c#HYSTART_DELAY_MIN, linux net/ipv4/tcp_cubic.c#HYSTART_DELAY_MAX.
const HYSTART_DELAY: (Span, Span) = (Span::from_ms(4), Span::from_ms(16));
/// Samples per round before a decision. Unit: samples. Sourced: linux net/ipv4/tcp_cubic.c#HYSTART_MIN_SAMPLES.
/// Simplified: acknowledgement trains are left out.
const HYSTART_SAMPLES: u32 = 8;

/// What CUBIC remembers between acknowledgements. Windows are in segments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Cubic {
    /// Acknowledged segments per segment of growth.
    count: u64,
    last_max_cwnd: u64,
    last_cwnd: u64,
    last_time_ms: u64,
    origin: u64,
    /// Time to the origin, in 1/1024 s.
    k: u64,
    /// When this epoch began, in ms; `None`: it begins with the next growth.
    epoch_ms: Option<u64>,
    acked: u64,
    reno_cwnd: u64,
    delay_min: Option<Span>,
    // HyStart, the delay part: see `on_round_trip`.
    round_end: u64,
    round_min: Option<Span>,
    samples: u32,
    found: bool,
}

impl Cubic {
    /// The slow-start threshold after a loss at `cwnd`; the epoch ends.
    pub fn on_loss(&mut self, cwnd: u64) -> u64 {
        self.epoch_ms = None;
        // Fast convergence: a window that shrinks twice in a row gives room to others.
        self.last_max_cwnd =
            if cwnd < self.last_max_cwnd { cwnd * (BETA_SCALE + BETA) / (2 * BETA_SCALE) } else { cwnd };
        (cwnd * BETA / BETA_SCALE).max(2)
    }
    /// A timeout: everything is forgotten.
    pub fn on_timeout(&mut self) {
        *self = Self::default();
    }
    /// Sending starts again after `idle`: idleness does not count as time of growth.
    pub fn on_start(&mut self, now: LocalTime, idle: Span) {
        if let Some(epoch) = &mut self.epoch_ms {
            *epoch = (*epoch + idle.ms()).min(now.ns() / 1_000_000);
        }
    }
    /// A round trip was measured. Returns the slow-start threshold if slow start should end because delays grow
    /// (HyStart, RFC 9406 in spirit). Linux's second sign, trains of acknowledgements, is left out.
    pub fn on_round_trip(&mut self, rtt: Span, cwnd: u64, slow: bool, una: u64, nxt: u64) -> Option<u64> {
        let delay_min = self.delay_min.map_or(rtt, |d| d.min(rtt));
        self.delay_min = Some(delay_min);
        if self.found || !slow || cwnd < HYSTART_LOW_WINDOW {
            return None;
        }
        if una > self.round_end {
            self.round_end = nxt;
            self.round_min = None;
            self.samples = 0;
        }
        let round_min = self.round_min.map_or(rtt, |d| d.min(rtt));
        self.round_min = Some(round_min);
        if self.samples < HYSTART_SAMPLES {
            self.samples += 1;
            return None;
        }
        let slack = delay_min.scale(1, 8).clamp(HYSTART_DELAY.0, HYSTART_DELAY.1);
        if round_min > delay_min + slack {
            self.found = true;
            return Some(cwnd);
        }
        None
    }
    /// Acknowledged segments per segment of growth at `cwnd`, after `acked` more.
    pub fn update(&mut self, now: LocalTime, cwnd: u64, acked: u64) -> u64 {
        self.acked += acked;
        let now_ms = now.ns() / 1_000_000;
        if self.last_cwnd == cwnd && now_ms - self.last_time_ms <= FRESH.ms() {
            return self.count.max(2);
        }
        if self.epoch_ms.is_none() || now_ms != self.last_time_ms {
            self.follow_curve(now_ms, cwnd, acked);
        }
        // Never slower than Reno would be with the same loss rate.
        let step = (cwnd * RENO_SCALE / 8).max(1);
        if self.acked > step {
            let steps = (self.acked - 1) / step;
            self.acked -= steps * step;
            self.reno_cwnd += steps;
        }
        if self.reno_cwnd > cwnd {
            self.count = self.count.min(cwnd / (self.reno_cwnd - cwnd));
        }
        self.count = self.count.max(2);
        self.count
    }
    fn follow_curve(&mut self, now_ms: u64, cwnd: u64, acked: u64) {
        self.last_cwnd = cwnd;
        self.last_time_ms = now_ms;
        if self.epoch_ms.is_none() {
            self.acked = acked;
            self.reno_cwnd = cwnd;
            if self.last_max_cwnd <= cwnd {
                (self.k, self.origin) = (0, cwnd);
            } else {
                let distance = self.last_max_cwnd - cwnd;
                (self.k, self.origin) = (cube_root(CUBE_FACTOR * distance), self.last_max_cwnd);
            }
        }
        let epoch = *self.epoch_ms.get_or_insert(now_ms);
        let elapsed_ms = now_ms - epoch + self.delay_min.map_or(0, Span::ms);
        let t = (elapsed_ms << HZ_BITS) / 1_000;
        // Two minutes past the origin the curve asks for more than any window: the cap keeps the cube within 64 bits.
        let offset = t.abs_diff(self.k).min(1 << 17);
        let delta = (RTT_SCALE * offset * offset * offset) >> (10 + 3 * HZ_BITS);
        let target = if t < self.k { self.origin.saturating_sub(delta) } else { self.origin + delta };
        self.count = if target > cwnd { cwnd / (target - cwnd) } else { PLATEAU * cwnd };
        // While the path is unknown: at least 5 % per round trip.
        if self.last_max_cwnd == 0 {
            self.count = self.count.min(UNKNOWN);
        }
    }
}

/// The integer cube root, rounded down.
pub fn cube_root(n: u64) -> u64 {
    let mut root: u64 = 0;
    let mut rest = n;
    for shift in (0..64).step_by(3).rev() {
        root *= 2;
        let bit = 3 * root * (root + 1) + 1;
        if rest >> shift >= bit {
            rest -= bit << shift;
            root += 1;
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cube_root_is_exact() {
        for n in 0..200u64 {
            assert_eq!(cube_root(n * n * n), n);
            assert_eq!(cube_root(n * n * n + 1), if n == 0 { 1 } else { n });
        }
        assert_eq!(cube_root(u64::MAX), 2_642_245);
    }

    #[test]
    fn a_loss_leaves_seven_tenths_and_the_curve_returns_in_time() {
        let mut cubic = Cubic::default();
        assert_eq!(cubic.on_loss(100), 70);
        // K = cbrt(30 / 0.4) s = 4.2 s: the time until the old window is reached again.
        cubic.update(LocalTime::from_ns(1_000_000_000), 70, 1);
        let k_ms = cubic.k * 1_000 / 1_024;
        assert!((4_100..4_300).contains(&k_ms), "K = {k_ms} ms");
        assert_eq!(cubic.on_loss(2), 2);
    }
}
