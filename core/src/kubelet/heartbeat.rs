//! A node's Lease and its renewals: component-helpers' lease controller, as the kubelet runs it.

use crate::api::rpc::Status;
use crate::engine::{LocalTime, Rng, Span};
use crate::object::{NodeId, Revision, Value};

/// How long a node's Lease says that it is good for; who reads it, the node lifecycle controller, has a grace period of
/// its own. Flag: nodeLeaseDurationSeconds. Sourced: kubernetes
/// pkg/kubelet/apis/config/v1beta1/defaults.go#NodeLeaseDurationSeconds.
pub const LEASE_DURATION: Span = Span::from_secs(40);
/// How often it is renewed: a quarter of the duration. Sourced: kubernetes
/// pkg/kubelet/kubelet.go#nodeLeaseRenewIntervalFraction.
pub const RENEW_INTERVAL: Span = Span::from_secs(10);
/// And up to so much more. Sourced: kubernetes
/// staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go#controller.Run.
const JITTER_PCT: u64 = 4;
/// PUTs of one renewal, one right after the other. Unit: tries. Sourced: kubernetes
/// staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go#maxUpdateRetries.
const MAX_UPDATE_RETRIES: u8 = 5;
/// The first wait before the Lease is fetched or made anew, already doubled once. Sourced: kubernetes
/// staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go#backoffEnsureLease.
const ENSURE_BACKOFF: Span = Span::from_ms(200);
/// No wait for a Lease is longer. Sourced: kubernetes
/// staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go#maxBackoff.
const MAX_BACKOFF: Span = Span::from_secs(7);
/// The heartbeat client's limit per request: the lesser of the frequency of node status and the Lease's duration.
/// Sourced: kubernetes cmd/kubelet/app/server.go#heartbeatClientConfig.Timeout.
pub const TIMEOUT: Span = Span::from_secs(10);
/// What a node's Lease weighs. Chosen: its protobuf with its ownerReference and managedFields.
const LEASE_BYTES: u32 = 440;

/// A node's Lease: its holder never changes, so its words are when it was renewed and how long that is good for.
pub const fn lease_value(node: NodeId, renewed: LocalTime) -> Value {
    Value::words(LEASE_BYTES, [renewed.ns(), LEASE_DURATION.ns(), node as u64])
}

/// What it wants to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// GET.
    Get,
    /// POST.
    Create,
    /// PUT, if it is still at this version.
    Update(Revision),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Until the next renewal.
    Idle(LocalTime),
    /// A PUT is under way: how many of this loop failed before, and whether this loop is the second.
    Updating { tries: u8, second: bool },
    /// A GET is under way. Then: the loop that goes on.
    Getting { wait: Span, then: Then },
    /// A POST is under way.
    Creating { wait: Span, then: Then },
    /// Neither worked: again at this moment.
    Waiting { until: LocalTime, wait: Span, then: Then },
}

/// What a Lease is got for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Then {
    /// For the second loop of PUTs. Not if it has just been created.
    Second,
    /// A conflict: the loop goes on with this try.
    Try { tries: u8, second: bool },
}

/// The renewals.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Heartbeat {
    step: Step,
    /// The version it last saw. It is not forgotten when renewals fail.
    latest: Option<Revision>,
    /// When the last renewal succeeded.
    renewed: Option<LocalTime>,
    failures: u32,
}

impl Heartbeat {
    /// The first renewal is at `at`.
    pub const fn new(at: LocalTime) -> Self {
        Self { step: Step::Idle(at), latest: None, renewed: None, failures: 0 }
    }
    /// When the Lease was last renewed by this process.
    pub const fn renewed(&self) -> Option<LocalTime> {
        self.renewed
    }
    /// How many calls in a row failed.
    pub const fn failures(&self) -> u32 {
        self.failures
    }
    /// When it wants [`Heartbeat::on_timer`].
    pub const fn next_timer(&self) -> Option<LocalTime> {
        match self.step {
            Step::Idle(at) | Step::Waiting { until: at, .. } => Some(at),
            _ => None,
        }
    }
    /// A timer went off, perhaps too early.
    pub fn on_timer(&mut self, now: LocalTime) -> Option<Call> {
        match self.step {
            Step::Idle(at) if at <= now => Some(match self.latest {
                Some(latest) => {
                    self.step = Step::Updating { tries: 0, second: false };
                    Call::Update(latest)
                }
                None => self.get(ENSURE_BACKOFF, Then::Second),
            }),
            Step::Waiting { until, wait, then } if until <= now => Some(self.get(wait, then)),
            _ => None,
        }
    }
    const fn get(&mut self, wait: Span, then: Then) -> Call {
        self.step = Step::Getting { wait, then };
        Call::Get
    }
    /// What it asked for ended.
    pub fn on_reply(&mut self, now: LocalTime, status: Status, revision: Revision, rng: &mut Rng) -> Option<Call> {
        self.failures = if status.is_ok() { 0 } else { self.failures + 1 };
        match self.step {
            Step::Updating { .. } if status.is_ok() => {
                self.latest = Some(revision);
                self.done(now, true, rng)
            }
            Step::Updating { tries, second } => {
                let tries = tries + 1;
                if status == Status::Conflict {
                    return Some(self.get(ENSURE_BACKOFF, Then::Try { tries, second }));
                }
                self.go_on(now, tries, second, rng)
            }
            Step::Getting { wait, then } => match status {
                Status::NotFound => {
                    self.step = Step::Creating { wait, then };
                    Some(Call::Create)
                }
                _ if status.is_ok() => {
                    self.latest = Some(revision);
                    match then {
                        Then::Second => self.go_on(now, 0, true, rng),
                        Then::Try { tries, second } => self.go_on(now, tries, second, rng),
                    }
                }
                _ => self.wait(now, wait, then),
            },
            Step::Creating { wait, then } if !status.is_ok() => self.wait(now, wait, then),
            Step::Creating { then, .. } => {
                self.latest = Some(revision);
                match then {
                    Then::Second => self.done(now, true, rng),
                    Then::Try { tries, second } => self.go_on(now, tries, second, rng),
                }
            }
            Step::Idle(_) | Step::Waiting { .. } => None,
        }
    }
    /// The next PUT of a loop, or what follows when all of them failed.
    fn go_on(&mut self, now: LocalTime, tries: u8, second: bool, rng: &mut Rng) -> Option<Call> {
        match self.latest {
            Some(latest) if tries < MAX_UPDATE_RETRIES => {
                self.step = Step::Updating { tries, second };
                Some(Call::Update(latest))
            }
            _ if second => self.done(now, false, rng),
            _ => Some(self.get(ENSURE_BACKOFF, Then::Second)),
        }
    }
    fn wait(&mut self, now: LocalTime, wait: Span, then: Then) -> Option<Call> {
        self.step = Step::Waiting { until: now + wait, wait: wait.scale(2, 1).min(MAX_BACKOFF), then };
        None
    }
    /// The renewal is over, well or not; the interval counts from here.
    fn done(&mut self, now: LocalTime, well: bool, rng: &mut Rng) -> Option<Call> {
        if well {
            self.renewed = Some(now);
        }
        self.step = Step::Idle(now + RENEW_INTERVAL + rng.draw().up_to(RENEW_INTERVAL.scale(JITTER_PCT, 100)));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::bench::at;
    use crate::engine::Purpose;

    fn rng() -> Rng {
        Rng::stream(1, Purpose::Test, 0)
    }

    #[test]
    fn it_gets_creates_and_then_updates_what_it_remembers() {
        let (mut beat, mut rng) = (Heartbeat::new(at(5)), rng());
        assert_eq!(beat.on_timer(at(4)), None);
        assert_eq!(beat.on_timer(at(5)), Some(Call::Get));
        assert_eq!(beat.on_reply(at(6), Status::NotFound, 0, &mut rng), Some(Call::Create));
        assert_eq!(beat.on_reply(at(7), Status::Created, 12, &mut rng), None);
        let next = beat.next_timer().expect("it goes on");
        assert!((at(10_007)..at(10_407)).contains(&next), "{next:?}");
        assert_eq!(beat.on_timer(next), Some(Call::Update(12)));
        assert_eq!(beat.on_reply(next, Status::Ok, 15, &mut rng), None);
        assert_eq!(beat.renewed(), Some(next));
        assert_eq!(beat.on_timer(next + Span::from_secs(11)), Some(Call::Update(15)));
    }

    #[test]
    fn five_tries_a_get_with_back_off_and_five_more() {
        let (mut beat, mut rng) = (Heartbeat::new(at(0)), rng());
        beat.on_timer(at(0));
        assert_eq!(beat.on_reply(at(0), Status::Ok, 3, &mut rng), Some(Call::Update(3)));
        beat.on_reply(at(0), Status::Ok, 4, &mut rng);
        let start = beat.next_timer().expect("it goes on");
        assert_eq!(beat.on_timer(start), Some(Call::Update(4)));
        for _ in 0..4 {
            assert_eq!(beat.on_reply(start, Status::ConnectionRefused, 0, &mut rng), Some(Call::Update(4)));
        }
        assert_eq!(beat.on_reply(start, Status::ConnectionRefused, 0, &mut rng), Some(Call::Get));
        let mut now = start;
        for wait in [200, 400, 800, 1600, 3200, 6400, 7000, 7000] {
            assert_eq!(beat.on_reply(now, Status::ClientTimeout, 0, &mut rng), None);
            assert_eq!(beat.next_timer(), Some(now + Span::from_ms(wait)));
            now = now + Span::from_ms(wait);
            assert_eq!(beat.on_timer(now), Some(Call::Get));
        }
        assert_eq!(beat.on_reply(now, Status::Ok, 9, &mut rng), Some(Call::Update(9)));
        for _ in 0..4 {
            assert_eq!(beat.on_reply(now, Status::InternalError, 0, &mut rng), Some(Call::Update(9)));
        }
        assert_eq!(beat.on_reply(now, Status::InternalError, 0, &mut rng), None);
        assert_eq!(beat.failures(), 5);
        assert!(beat.next_timer().expect("it goes on") >= now + RENEW_INTERVAL, "both loops failed: the next interval");
    }

    #[test]
    fn after_a_conflict_it_reads_the_lease_and_the_loop_goes_on() {
        let (mut beat, mut rng) = (Heartbeat::new(at(0)), rng());
        beat.on_timer(at(0));
        assert_eq!(beat.on_reply(at(1), Status::Ok, 3, &mut rng), Some(Call::Update(3)));
        assert_eq!(beat.on_reply(at(2), Status::Conflict, 0, &mut rng), Some(Call::Get));
        assert_eq!(beat.on_reply(at(3), Status::Ok, 8, &mut rng), Some(Call::Update(8)));
        assert_eq!(beat.on_reply(at(4), Status::Ok, 9, &mut rng), None);
        assert_eq!(beat.renewed(), Some(at(4)));
    }
}
