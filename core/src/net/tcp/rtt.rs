//! The round-trip time estimator and the retransmission timeout it yields, in microseconds as in Linux.

use crate::engine::Span;

/// The variance is never taken for less, so the retransmission timeout is at least `srtt` + 200 ms. Sourced: linux
/// include/net/tcp.h#TCP_RTO_MIN.
pub const RTO_MIN: Span = Span::from_ms(200);
/// The longest timeout, back-off included. Sourced: linux include/net/tcp.h#TCP_RTO_MAX.
pub const RTO_MAX: Span = Span::from_secs(120);
/// The timeout before the first sample. Sourced: linux include/net/tcp.h#TCP_TIMEOUT_INIT; RFC 6298#2.1.
pub const TIMEOUT_INIT: Span = Span::from_secs(1);
/// Smoothed round-trip time and timeout. Source: RFC 6298 and net/ipv4/tcp_input.c#tcp_rtt_estimator, which differs:
/// a finer gain when the time falls, and a variance that remembers the largest deviation of the last window.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Estimator {
    /// Eight times the smoothed round-trip time, in microseconds; 0: no sample yet.
    srtt_us8: u64,
    /// Four times the mean deviation, in microseconds.
    mdev_us4: u64,
    /// The largest `mdev_us4` of this window.
    mdev_max_us4: u64,
    /// Four times the deviation that the timeout uses, in microseconds.
    rttvar_us4: u64,
    /// The window ends when this sequence number is acknowledged.
    rtt_seq: u64,
    /// The shortest round trip seen, in microseconds.
    min_us: u64,
    /// The timeout, back-off included.
    rto: Span,
    /// How often the timeout has doubled since the last sample.
    backoff: u32,
    /// Timeouts are rounded up to whole ticks. Zero: not at all.
    tick: Span,
}

impl Estimator {
    /// No sample yet. Timeouts are rounded up to whole ticks.
    pub const fn new(tick: Span) -> Self {
        Self {
            srtt_us8: 0,
            mdev_us4: TIMEOUT_INIT.us(),
            mdev_max_us4: 0,
            rttvar_us4: 0,
            rtt_seq: 0,
            min_us: u64::MAX,
            rto: TIMEOUT_INIT,
            backoff: 0,
            tick,
        }
    }
    /// Takes a sample. It ends the back-off (RFC 6298, section 5: only a valid sample does).
    pub fn sample(&mut self, rtt: Span, snd_una: u64, snd_nxt: u64) {
        let m = rtt.us().max(1);
        let floor = RTO_MIN.us();
        if self.srtt_us8 == 0 {
            self.srtt_us8 = m * 8;
            self.mdev_us4 = m * 2;
            self.rttvar_us4 = self.mdev_us4.max(floor);
            self.mdev_max_us4 = self.rttvar_us4;
            self.rtt_seq = snd_nxt;
        } else {
            let smoothed = self.srtt_us8 / 8;
            self.srtt_us8 = (self.srtt_us8 + m - smoothed).max(1);
            let error = m.abs_diff(smoothed);
            let mdev = self.mdev_us4 / 4;
            if error >= mdev {
                // A round trip that became shorter says little about the variance: an eighth of the gain.
                let gain = if m < smoothed { 8 } else { 1 };
                self.mdev_us4 += (error - mdev) / gain;
            } else {
                self.mdev_us4 -= mdev - error;
            }
            if self.mdev_us4 > self.mdev_max_us4 {
                self.mdev_max_us4 = self.mdev_us4;
                self.rttvar_us4 = self.rttvar_us4.max(self.mdev_max_us4);
            }
            if snd_una > self.rtt_seq {
                if self.mdev_max_us4 < self.rttvar_us4 {
                    self.rttvar_us4 -= (self.rttvar_us4 - self.mdev_max_us4) / 4;
                }
                self.rtt_seq = snd_nxt;
                self.mdev_max_us4 = floor;
            }
        }
        self.backoff = 0;
        self.set_rto();
    }
    fn set_rto(&mut self) {
        let exact = Span::from_us(self.srtt_us8 / 8 + self.rttvar_us4).min(RTO_MAX);
        self.rto = match self.tick.ns() {
            0 => exact,
            tick => Span::from_ns(exact.ns().next_multiple_of(tick)),
        };
    }
    /// Remembers the shortest round trip, which the reordering window is a part of.
    pub fn observe_min(&mut self, rtt: Span) {
        self.min_us = self.min_us.min(rtt.us().max(1));
    }
    /// Doubles the timeout.
    pub fn back_off(&mut self) {
        self.backoff += 1;
        self.rto = self.rto.scale(2, 1).min(RTO_MAX);
    }
    /// Forgets a back-off that timed probes of a closed window.
    pub fn clear_backoff(&mut self) {
        self.backoff = 0;
        if self.srtt_us8 != 0 {
            self.set_rto();
        }
    }
    /// Counts one more probe of a closed window.
    pub fn probe_back_off(&mut self, most: u32) {
        self.backoff = (self.backoff + 1).min(most);
    }
    /// The timeout, back-off included.
    pub const fn rto(&self) -> Span {
        self.rto
    }
    /// How often the timeout has doubled.
    pub const fn backoff(&self) -> u32 {
        self.backoff
    }
    /// The smoothed round-trip time; `None` before the first sample.
    pub const fn srtt(&self) -> Option<Span> {
        match self.srtt_us8 {
            0 => None,
            n => Some(Span::from_us(n / 8)),
        }
    }
    /// The shortest round trip; `None` before the first.
    pub const fn min_rtt(&self) -> Option<Span> {
        match self.min_us {
            u64::MAX => None,
            n => Some(Span::from_us(n)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_is_the_round_trip_and_at_least_200_ms_of_variance() {
        let mut rtt = Estimator::new(Span::ZERO);
        assert_eq!((rtt.rto(), rtt.srtt()), (TIMEOUT_INIT, None));
        for n in 0..100 {
            rtt.sample(Span::from_ms(1), n * 10, n * 10 + 5);
        }
        assert_eq!(rtt.srtt(), Some(Span::from_ms(1)));
        assert_eq!(rtt.rto(), Span::from_ms(201));
    }

    #[test]
    fn a_sample_ends_the_back_off() {
        let mut rtt = Estimator::new(Span::ZERO);
        rtt.sample(Span::from_us(100), 1, 1);
        for _ in 0..12 {
            rtt.back_off();
        }
        assert_eq!((rtt.rto(), rtt.backoff()), (RTO_MAX, 12));
        rtt.sample(Span::from_us(100), 1, 1);
        assert_eq!((rtt.rto(), rtt.backoff()), (Span::from_us(200_100), 0));
    }

    #[test]
    fn one_slow_round_trip_raises_the_timeout_for_windows() {
        let mut rtt = Estimator::new(Span::ZERO);
        rtt.sample(Span::from_us(100), 1, 2);
        rtt.sample(Span::from_secs(2), 3, 4);
        let high = rtt.rto();
        assert!(high > Span::from_secs(2), "{high:?}");
        for n in 2..40 {
            rtt.sample(Span::from_us(100), n * 10, n * 10 + 5);
        }
        assert!(rtt.rto() < Span::from_ms(300), "{:?}", rtt.rto());
    }
}
