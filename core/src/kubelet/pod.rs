//! One pod on its node: what its worker does, and what its container does without asking anybody.
//!
//! Simplified: one container per pod, its image always there; the sandbox and the container start as one; a pod's first
//! status (Pending, no container yet) is not sent; a readiness probe fails only while there is no container. Left out:
//! admission by the kubelet, liveness probes, init containers, preStop hooks.

use crate::client::backoff::RestartBackoff;
use crate::client::earlier;
use crate::engine::{LocalTime, Rng, Span};
use crate::object::{Key, KeyValue, Phase, Pod, Revision};

/// How long sandbox, network and container of a pod take at least, from an image that is there. Chosen: Kubernetes' own
/// goal is below 5 s for 99 % of pods (community sig-scalability/slos/pod_startup_latency.md).
const START_MIN: Span = Span::from_ms(800);
/// And at most so much more. Chosen: with it a start stays well within that goal.
const START_MORE: Span = Span::from_ms(1_200);
/// How long a container takes at least in a sandbox that stands. Chosen: a quarter of a pod's start.
const RESTART_MIN: Span = Span::from_ms(200);
/// And at most so much more. Chosen: a third of what a pod's start may take longer.
const RESTART_MORE: Span = Span::from_ms(400);
/// How long after its start a container is first asked whether it is ready. Flag: initialDelaySeconds. Chosen: for the
/// standard workloads.
const PROBE_DELAY: Span = Span::from_secs(1);
/// And how often after that. Flag: periodSeconds. Chosen: for the standard workloads.
const PROBE_PERIOD: Span = Span::from_secs(2);
/// How long a container takes to end after SIGTERM, at least. Chosen: a server that drains.
const DRAIN_MIN: Span = Span::from_ms(500);
/// And at most so much more. Chosen: most requests are done within two seconds.
const DRAIN_MORE: Span = Span::from_ms(1_500);
/// A container's start or end is seen by the next relist. Sourced: kubernetes
/// pkg/kubelet/kubelet.go#genericPlegRelistPeriod.
const RELIST: Span = Span::from_secs(1);
/// The wait after the first time a volume was not attached yet; then twice as long each time. Sourced: kubernetes
/// pkg/util/goroutinemap/exponentialbackoff/exponential_backoff.go#initialDurationBeforeRetry.
const ATTACH_RETRY: Span = Span::from_ms(500);
/// And no wait is longer. Sourced: kubernetes
/// pkg/util/goroutinemap/exponentialbackoff/exponential_backoff.go#maxDurationBeforeRetry.
const ATTACH_RETRY_MAX: Span = Span::from_secs(122);

fn within(rng: &mut Rng, min: Span, more: Span) -> Span {
    min + rng.draw().up_to(more)
}

/// What the kubelet says of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Report {
    /// status.phase.
    pub phase: Phase,
    /// The Ready condition.
    pub ready: bool,
    /// restartCount.
    pub restarts: u16,
}

impl Report {
    /// What the API says of it.
    pub const fn of(pod: &Pod) -> Self {
        Self { phase: pod.phase, ready: pod.ready, restarts: pod.restarts }
    }
}

/// Where a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Its volume is not known to be attached. It asks now (none) or then, and waits so long after the answer.
    Attaching(Option<LocalTime>, Span),
    /// The container is up then.
    Starting(LocalTime),
    /// The container runs.
    Running {
        /// Since when.
        since: LocalTime,
        /// When the relist sees it, if it has not.
        seen: Option<LocalTime>,
        /// When its readiness probe succeeds, if it has not.
        ready: Option<LocalTime>,
        /// When it will exit by itself, if that is known.
        fails: Option<LocalTime>,
    },
    /// The container exited by itself; the relist sees that then.
    Dead(LocalTime),
    /// CrashLoopBackOff: a new container is made then.
    BackOff(LocalTime),
    /// SIGTERM was sent; the container runs until then.
    Stopping(LocalTime),
    /// There is no container, and there will be none.
    Ended,
}

/// What happened to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happened {
    /// It runs.
    Started,
    /// The kubelet knows that it runs.
    Seen,
    /// It is ready.
    Ready,
    /// It exited by itself.
    Exited,
    /// The kubelet knows that, and makes a new one after the wait.
    Restarts(Span),
    /// It ended after SIGTERM.
    Stopped,
}

/// A pod's worker with its container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Worker {
    /// Which pod.
    pub key: Key,
    /// Its uid. Zero: a container that ran before anybody asked the API.
    pub uid: Revision,
    /// Where it is.
    pub step: Step,
    /// What the kubelet has to say of it.
    pub report: Report,
    /// What the API says, as far as the kubelet knows.
    pub told: Report,
    /// The claim that it mounts.
    pub claim: Option<Key>,
    /// The API asked for its deletion, and waits to hear that it ended.
    pub deleting: bool,
    /// The API has no such pod, or another of that name: nothing is said of it, and it is forgotten once it ended.
    pub gone: bool,
    /// The API's list was seen to have it, by this process.
    pub known: bool,
    restarts: u16,
    backoff: RestartBackoff,
}

impl Worker {
    fn new(key: Key, uid: Revision, pod: &Pod) -> Self {
        let report = Report::of(pod);
        Self {
            key,
            uid,
            step: Step::Ended,
            report,
            told: report,
            claim: pod.claim,
            deleting: pod.deleted.is_some(),
            gone: false,
            known: true,
            restarts: pod.restarts,
            backoff: RestartBackoff::default(),
        }
    }
    /// A container that ran when the run began.
    pub fn running(key: Key, pod: &Pod) -> Self {
        let step = Step::Running { since: LocalTime::ZERO, seen: None, ready: None, fails: None };
        Self { known: false, step, ..Self::new(key, 0, pod) }
    }
    /// A pod without a container that the API asks for.
    pub fn wanted(kv: &KeyValue, pod: &Pod, now: LocalTime, rng: &mut Rng) -> Self {
        let mut it = Self::new(kv.key, kv.create_revision, pod);
        if pod.is_terminal() {
            return it;
        }
        it.report.ready = false;
        if it.deleting {
            it.report.phase = Phase::Failed; // It ended when nobody looked.
            return it;
        }
        // Its container ended with the power, or unseen: the one made now is one more.
        it.restarts += u16::from(pod.phase == Phase::Running);
        it.step = match pod.claim {
            Some(_) => Step::Attaching(Some(now), ATTACH_RETRY),
            None => Step::Starting(now + within(rng, START_MIN, START_MORE)),
        };
        it
    }
    /// Whether a container runs.
    pub const fn runs(&self) -> bool {
        matches!(self.step, Step::Running { .. } | Step::Stopping(_))
    }
    /// Since when its container runs.
    pub const fn since(&self) -> Option<LocalTime> {
        if let Step::Running { since, .. } = self.step { Some(since) } else { None }
    }
    /// Whether the API should hear of it.
    pub fn has_news(&self) -> bool {
        !self.gone && self.uid != 0 && (self.report != self.told || self.finished())
    }
    /// Whether the API waits to hear that it has ended, and it has.
    pub const fn finished(&self) -> bool {
        self.deleting && matches!(self.step, Step::Ended)
    }
    /// When it wants [`Worker::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        match self.step {
            Step::Attaching(again, _) => again,
            Step::Starting(at) | Step::Dead(at) | Step::BackOff(at) | Step::Stopping(at) => Some(at),
            Step::Running { seen, ready, fails, .. } => earlier(earlier(seen, ready), fails),
            Step::Ended => None,
        }
    }
    /// Whether it wants to know now if its volume is attached. It will hear with [`Worker::on_attached`].
    pub fn wants_attachment(&mut self, now: LocalTime) -> Option<Key> {
        match (self.step, self.claim) {
            (Step::Attaching(Some(again), wait), Some(claim)) if again <= now => {
                self.step = Step::Attaching(None, wait);
                Some(claim)
            }
            _ => None,
        }
    }
    /// Its volume is attached, or not yet.
    pub fn on_attached(&mut self, now: LocalTime, attached: bool, rng: &mut Rng) {
        if let Step::Attaching(None, wait) = self.step {
            self.step = if attached {
                Step::Starting(now + within(rng, START_MIN, START_MORE))
            } else {
                Step::Attaching(Some(now + wait), wait.scale(2, 1).min(ATTACH_RETRY_MAX))
            };
        }
    }
    /// A moment came, perhaps too early. Returns what happened; to be called until nothing does.
    pub fn on_timer(&mut self, now: LocalTime, rng: &mut Rng) -> Option<Happened> {
        if self.next_timer().is_none_or(|at| at > now) {
            return None;
        }
        match &mut self.step {
            Step::Starting(_) => {
                let seen = Some(now + rng.draw().up_to(RELIST));
                let ready = Some(now + within(rng, PROBE_DELAY, PROBE_PERIOD));
                self.step = Step::Running { since: now, seen, ready, fails: None };
                Some(Happened::Started)
            }
            Step::Running { fails, .. } if fails.is_some_and(|at| at <= now) => {
                self.step = Step::Dead(now + rng.draw().up_to(RELIST));
                Some(Happened::Exited)
            }
            Step::Running { seen, .. } if seen.is_some_and(|at| at <= now) => {
                *seen = None;
                (self.report.phase, self.report.restarts) = (Phase::Running, self.restarts);
                Some(Happened::Seen)
            }
            Step::Running { ready, seen, .. } => {
                // The probe's worker starts once the relist has seen the container.
                *ready = None;
                *seen = None;
                self.report = Report { phase: Phase::Running, ready: true, restarts: self.restarts };
                Some(Happened::Ready)
            }
            Step::Dead(_) => {
                let wait = self.backoff.on_exit(now);
                self.report.ready = false;
                self.restarts += 1;
                self.step = Step::BackOff(now + wait);
                Some(Happened::Restarts(wait))
            }
            Step::BackOff(_) => {
                self.step = Step::Starting(now + within(rng, RESTART_MIN, RESTART_MORE));
                self.on_timer(now, rng)
            }
            Step::Stopping(_) => {
                self.end();
                Some(Happened::Stopped)
            }
            Step::Attaching(..) | Step::Ended => None,
        }
    }
    fn end(&mut self) {
        self.step = Step::Ended;
        self.report.ready = false;
        // A container that never ran has no exit status of zero.
        self.report.phase = if self.report.phase == Phase::Running { Phase::Succeeded } else { Phase::Failed };
    }
    /// It is to end: SIGTERM now, SIGKILL after the grace period. Returns whether that is new.
    pub fn stop(&mut self, now: LocalTime, grace: Span, rng: &mut Rng) -> bool {
        match self.step {
            Step::Stopping(_) | Step::Ended => false,
            Step::Running { .. } => {
                let drain = within(rng, DRAIN_MIN, DRAIN_MORE);
                if drain > grace {
                    self.report.phase = Phase::Failed; // SIGKILL: exit status 137.
                }
                self.step = Step::Stopping(now + drain.min(grace));
                true
            }
            // What is not up yet, or not up any more, takes no time to stop.
            _ => {
                self.end();
                true
            }
        }
    }
    /// Its container will exit by itself then.
    pub const fn fail_at(&mut self, at: LocalTime) {
        if let Step::Running { fails, .. } = &mut self.step {
            *fails = Some(at);
        }
    }
    /// The kubelet's process starts anew: only containers are left. Returns whether there is one.
    pub fn on_boot(&mut self, now: LocalTime, rng: &mut Rng) -> bool {
        self.known = false;
        self.backoff.forget();
        if let Step::Running { seen, ready, .. } = &mut self.step {
            if ready.is_some() {
                *ready = Some(now + rng.draw().up_to(PROBE_PERIOD));
            }
            if seen.is_some() {
                *seen = Some(now);
            }
        }
        self.runs()
    }
    /// The API has it: with this uid, and this is what it says. Returns whether it is the same pod.
    pub fn adopt(&mut self, kv: &KeyValue, pod: &Pod) -> bool {
        if self.uid != 0 && self.uid != kv.create_revision {
            return false;
        }
        (self.uid, self.known, self.told) = (kv.create_revision, true, Report::of(pod));
        true
    }
}
