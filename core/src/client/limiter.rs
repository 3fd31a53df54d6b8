//! A token bucket, as clients limit their own requests with: client-go util/flowcontrol over golang.org/x/time/rate.

use crate::engine::{LocalTime, Span};

/// A bucket that is full at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limiter {
    /// The time in which one token comes back.
    interval: Span,
    burst: u32,
    /// When it will be full again if nobody takes any more.
    full_at: LocalTime,
}

impl Limiter {
    /// What one client of a controller may ask a second. Flag: --kube-api-qps. Sourced: kubernetes
    /// pkg/controller/apis/config/v1alpha1/defaults.go#SetDefaults_KubeControllerManagerConfiguration.
    pub const CONTROLLER_QPS: u32 = 20;
    /// And at once. Unit: requests. Flag: --kube-api-burst. Sourced: kubernetes
    /// pkg/controller/apis/config/v1alpha1/defaults.go#SetDefaults_KubeControllerManagerConfiguration.
    pub const CONTROLLER_BURST: u32 = 30;
    /// What rates are counted in. Code: a unit.
    const SECOND: Span = Span::from_secs(1);

    /// `qps` tokens come back each second; at most `burst` are there.
    ///
    /// # Panics
    /// If one of them is zero.
    pub fn new(qps: u32, burst: u32) -> Self {
        assert!(qps > 0 && burst > 0, "a bucket that is never filled: {qps} a second, {burst} at once");
        Self { interval: Self::SECOND.scale(1, qps.into()), burst, full_at: LocalTime::ZERO }
    }
    /// Takes a token, perhaps one that is still to come; returns how long to wait before using it.
    pub fn reserve(&mut self, now: LocalTime) -> Span {
        self.full_at = self.full_at.max(now) + self.interval;
        self.full_at.since(now).saturating_sub(self.interval.scale(self.burst.into(), 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::bench::at;
    use alloc::vec::Vec;

    #[test]
    fn a_burst_is_free_and_then_each_waits_its_turn() {
        let mut limiter = Limiter::new(20, 3);
        let waits: Vec<u64> = (0..6).map(|_| limiter.reserve(at(1_000)).ms()).collect();
        assert_eq!(waits, [0, 0, 0, 50, 100, 150]);
        assert_eq!(limiter.reserve(at(1_200)).ms(), 0, "four came back, three were owed");
        assert_eq!(limiter.reserve(at(1_200)).ms(), 50);
    }

    #[test]
    fn it_never_holds_more_than_its_burst() {
        let mut limiter = Limiter::new(10, 2);
        limiter.reserve(at(0));
        let waits: Vec<u64> = (0..4).map(|_| limiter.reserve(at(60_000)).ms()).collect();
        assert_eq!(waits, [0, 0, 100, 200]);
    }
}
