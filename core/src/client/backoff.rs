//! How long to wait before the next try: a gRPC client's dial, a kubelet's restart.

use crate::engine::{LocalTime, Rng, Span};

/// gRPC's back-off between dials: grpc-go internal/backoff/backoff.go#Exponential.Backoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Backoff {
    retries: u8,
}

impl Backoff {
    /// The first wait before a connection is dialled again, without jitter. Sourced: grpc-go
    /// backoff/backoff.go#DefaultConfig.BaseDelay.
    pub const BASE: Span = Span::from_secs(1);
    /// No wait is longer, before jitter. Sourced: grpc-go backoff/backoff.go#DefaultConfig.MaxDelay.
    pub const MAX: Span = Span::from_secs(120);
    /// Each wait is so many times the one before. Unit: ratio. Sourced: grpc-go
    /// backoff/backoff.go#DefaultConfig.Multiplier.
    const MULTIPLIER: (u64, u64) = (16, 10);
    /// A wait is so much shorter to so much longer. Unit: ratio. Sourced: grpc-go
    /// backoff/backoff.go#DefaultConfig.Jitter.
    const JITTER: (u64, u64) = (2, 10);
    /// The retry from which [`Backoff::MAX`] holds: 1.6 to the power of 11 is more than 120. Code: follows from the
    /// three above.
    const LADDER: u8 = 11;

    /// The wait after the attempt that begins now, and on to the next step.
    pub fn step(&mut self, rng: &mut Rng) -> Span {
        let draw = rng.draw(); // Always one, whatever becomes of it.
        let mut wait = Self::BASE;
        for _ in 0..self.retries {
            wait = wait.scale(Self::MULTIPLIER.0, Self::MULTIPLIER.1).min(Self::MAX);
        }
        let jitter = wait.scale(Self::JITTER.0, Self::JITTER.1);
        let first = self.retries == 0;
        self.retries = (self.retries + 1).min(Self::LADDER);
        if first { wait } else { wait - jitter + draw.up_to(jitter.scale(2, 1)) }
    }
    /// Success: start over.
    pub const fn reset(&mut self) {
        self.retries = 0;
    }
}

/// The kubelet's back-off between restarts of one container: kubernetes pkg/kubelet/kuberuntime/
/// kuberuntime_manager.go#doBackOff over client-go util/flowcontrol/backoff.go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct RestartBackoff {
    /// What the next restart waits, and since when this counts. None: it has not exited yet.
    entry: Option<(Span, LocalTime)>,
}

impl RestartBackoff {
    /// The first wait before a container or a process is started again. Sourced: kubernetes
    /// pkg/kubelet/kubelet.go#initialCrashLoopBackOff.
    pub const INITIAL: Span = Span::from_secs(10);
    /// The longest wait; each is twice the one before. Sourced: kubernetes pkg/kubelet/kubelet.go#MaxCrashLoopBackOff.
    pub const MAX: Span = Span::from_secs(300);
    /// So long after the last restart they are all forgotten. Sourced: kubernetes
    /// pkg/kubelet/kubelet.go#HasExpiredFunc.
    pub const RESET: Span = Span::from_secs(600);

    /// The process ended at `now`: how long until it is started again. The wait counts from the end.
    pub fn on_exit(&mut self, now: LocalTime) -> Span {
        let fresh = |since: LocalTime| now.since(since) > Self::RESET;
        match self.entry {
            Some((step, since)) if !fresh(since) => {
                self.entry = Some((step.scale(2, 1).min(Self::MAX), now + step));
                step
            }
            _ => {
                self.entry = Some((Self::INITIAL, now));
                Span::ZERO
            }
        }
    }
    /// As [`RestartBackoff::on_exit`], unless a supervisor starts it again after a constant wait.
    pub fn restart_after(&mut self, now: LocalTime, constant: Span) -> Span {
        let wait = self.on_exit(now);
        if constant.is_zero() { wait } else { constant }
    }
    /// A host that boots forgets: the kubelet keeps this in memory.
    pub const fn forget(&mut self) {
        self.entry = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Purpose;
    use alloc::vec::Vec;

    #[test]
    fn dials_wait_longer_and_longer_up_to_two_minutes() {
        let mut rng = Rng::stream(1, Purpose::Test, 0);
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..16).map(|_| backoff.step(&mut rng).ms()).collect();
        assert_eq!(waits[0], 1000);
        let mut ideal = 1000;
        for wait in &waits[1..] {
            ideal = (ideal * 16 / 10).min(120_000);
            assert!((ideal * 8 / 10 - 1..=ideal * 12 / 10).contains(wait), "{wait} of {ideal}: {waits:?}");
        }
        assert!(waits[12..].iter().any(|wait| *wait > 120_000), "the jitter comes on top: {waits:?}");
        backoff.reset();
        assert_eq!(backoff.step(&mut rng), Backoff::BASE);
    }

    #[test]
    fn the_kubelet_restarts_at_once_then_waits_and_forgets_after_ten_minutes() {
        let mut backoff = RestartBackoff::default();
        let mut now = LocalTime::ZERO;
        let mut waits = Vec::new();
        for _ in 0..8 {
            now = now + Span::from_secs(60);
            let wait = backoff.on_exit(now);
            waits.push(wait.ms() / 1000);
            now = now + wait;
        }
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(backoff.on_exit(now + Span::from_secs(600)), Span::from_secs(300));
        now = now + Span::from_secs(600 + 300);
        assert_eq!(backoff.on_exit(now + Span::from_ms(600_001)), Span::ZERO);
        assert_eq!(backoff.on_exit(now + Span::from_ms(600_002)), RestartBackoff::INITIAL);
    }
}
