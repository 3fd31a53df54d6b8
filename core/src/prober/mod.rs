//! A control-plane host's kubelet, as far as it probes the static pods there and kills what does not answer.
//!
//! Source: kubernetes pkg/kubelet/prober, and the probes that kubeadm writes into the manifests of kube-apiserver and etcd.
//! The engine is the container runtime: it starts a process again after the kubelet's back-off.
//!
//! Simplified: probes of one kind share a connection as long as it works, where the real kubelet makes one each (on the
//! loopback nobody can tell). Left out: the probes of kube-controller-manager and kube-scheduler, which fail only if a holder
//! is stuck; an external etcd's own host has no kubelet.

use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::{Actor, Cx, Input, ProgramId, role};
use crate::api::rpc::Verb;
use crate::client::Alarm;
use crate::client::backoff::RestartBackoff;
use crate::client::check::{Ask, Check};
use crate::engine::{LocalTime, Span};
use crate::etcd::rpc::HealthPath;
use crate::knob::Knob;
use alloc::vec::Vec;

/// How long a static pod has between SIGTERM and SIGKILL. Sourced: kubernetes
/// staging/src/k8s.io/api/core/v1/types.go#DefaultTerminationGracePeriodSeconds.
pub const GRACE: Span = Span::from_secs(30);
/// How long a probe of a static pod waits for its answer. Flag: timeoutSeconds. Sourced: kubernetes
/// cmd/kubeadm/app/util/staticpod/utils.go#createHTTPProbe.
pub const TIMEOUT: Span = Span::from_secs(15);
/// How often a static pod's liveness, and at first its start, is probed. Flag: periodSeconds. Sourced: kubernetes
/// cmd/kubeadm/app/util/staticpod/utils.go#LivenessProbe; kubernetes
/// cmd/kubeadm/app/util/staticpod/utils.go#StartupProbe.
const PERIOD: Span = Span::from_secs(10);
/// How often its readiness is. Flag: periodSeconds. Sourced: kubernetes
/// cmd/kubeadm/app/util/staticpod/utils.go#ReadinessProbe.
const READINESS_PERIOD: Span = Span::from_secs(1);
/// So many failures in a row kill it. Unit: failures. Flag: failureThreshold. Sourced: kubernetes
/// cmd/kubeadm/app/util/staticpod/utils.go#LivenessProbe.
const LIVENESS_FAILURES: u8 = 8;
/// So many kill one that has not started: 240 s. Unit: failures. Flag: failureThreshold. Sourced: kubernetes
/// cmd/kubeadm/app/util/staticpod/utils.go#StartupProbe.
const STARTUP_FAILURES: u8 = 24;
/// So many make it not ready. Unit: failures. Flag: failureThreshold. Sourced: kubernetes
/// cmd/kubeadm/app/util/staticpod/utils.go#ReadinessProbe.
const READINESS_FAILURES: u8 = 3;
/// How long after its start a static pod is first probed, but for readiness. Flag: initialDelaySeconds. Sourced:
/// kubernetes cmd/kubeadm/app/util/staticpod/utils.go#LivenessProbe; kubernetes
/// cmd/kubeadm/app/util/staticpod/utils.go#StartupProbe.
pub const INITIAL_DELAY: Span = Span::from_secs(10);

/// Which probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Fails: the process is killed.
    Liveness,
    /// Until it has succeeded once there are no others; fails: the process is killed.
    Startup,
    /// Fails: the pod is not ready.
    Readiness,
}

impl Kind {
    /// Every probe, in order. Code: a list.
    const ALL: [Self; 3] = [Self::Liveness, Self::Startup, Self::Readiness];

    /// periodSeconds.
    const fn period(self) -> Span {
        match self {
            Self::Liveness | Self::Startup => PERIOD,
            Self::Readiness => READINESS_PERIOD,
        }
    }
    /// failureThreshold.
    const fn threshold(self) -> u8 {
        match self {
            Self::Liveness => LIVENESS_FAILURES,
            Self::Startup => STARTUP_FAILURES,
            Self::Readiness => READINESS_FAILURES,
        }
    }
}

/// Its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The next probe, or the end of one.
    Http,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Prober(timer)
    }
}

/// kubernetes pkg/kubelet/prober/worker.go: one probe of one container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Worker {
    kind: Kind,
    check: Check,
    /// Its ticker's next tick.
    tick: LocalTime,
    failures: u8,
}

/// A static pod's container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Container {
    program: ProgramId,
    /// When its process started or will start.
    started: LocalTime,
    /// Whether its startup probe has succeeded.
    startup_done: bool,
    ready: bool,
    /// Whether it has been ready and then not.
    was_unready: bool,
    /// It was killed: until it is gone, for certain then, it is only probed for readiness.
    killed: Option<LocalTime>,
    /// The runtime's own; the kubelet is the one that decides.
    backoff: RestartBackoff,
    workers: [Worker; 3],
}

impl Container {
    fn new(program: ProgramId, now: LocalTime, asks: [Ask; 3]) -> Self {
        let worker = |n: usize| {
            let check = Check::new(program, asks[n], true);
            Worker { kind: Kind::ALL[n], check, tick: now, failures: 0 }
        };
        Self {
            program,
            started: now,
            startup_done: false,
            ready: false,
            was_unready: false,
            killed: None,
            backoff: RestartBackoff::default(),
            workers: core::array::from_fn(worker),
        }
    }
    /// worker.go#doProbe: whether a probe of this kind is due at a tick.
    fn wants(&self, kind: Kind, now: LocalTime) -> bool {
        let running = now >= self.started;
        let delayed = now.since(self.started) >= INITIAL_DELAY;
        match kind {
            Kind::Readiness => running && self.startup_done,
            Kind::Liveness => running && delayed && self.startup_done && self.killed.is_none(),
            Kind::Startup => running && delayed && !self.startup_done && self.killed.is_none(),
        }
    }
    fn next_timer(&self) -> Option<LocalTime> {
        let ticks = |worker: &Worker| match worker.kind {
            Kind::Startup => !self.startup_done,
            Kind::Liveness | Kind::Readiness => self.startup_done,
        };
        let next = |worker: &Worker| worker.check.next_timer().or_else(|| ticks(worker).then_some(worker.tick));
        self.workers.iter().filter_map(next).chain(self.killed).min()
    }
    /// The process is gone; the next one starts after the back-off.
    fn ended(&mut self, cx: &mut Cx<'_>, started: LocalTime) {
        self.started = started;
        (self.startup_done, self.killed) = (false, None);
        for worker in &mut self.workers {
            worker.check.stop(cx);
            worker.failures = 0;
        }
        self.unready(cx);
        self.catch_up(cx.now);
    }
    /// Tickers that nobody looked at have gone on.
    fn catch_up(&mut self, now: LocalTime) {
        for worker in &mut self.workers {
            worker.skip_to(now);
        }
    }
    fn unready(&mut self, cx: &mut Cx<'_>) {
        if core::mem::replace(&mut self.ready, false) {
            self.was_unready = true;
            cx.note(Note::new(NoteKind::StaticPodUnready, self.program.0.into(), 0));
        }
    }
    /// A probe ended.
    fn judge(&mut self, cx: &mut Cx<'_>, n: usize, well: bool) {
        let worker = &mut self.workers[n];
        worker.failures = if well { 0 } else { worker.failures.saturating_add(1) };
        let failed = worker.failures >= worker.kind.threshold();
        match worker.kind {
            Kind::Startup if well => {
                self.startup_done = true;
                worker.check.stop(cx);
                self.catch_up(cx.now);
            }
            Kind::Readiness if well && !self.ready => {
                self.ready = true;
                if self.was_unready {
                    cx.note(Note::new(NoteKind::StaticPodReady, self.program.0.into(), 0));
                }
            }
            Kind::Readiness if failed => self.unready(cx),
            Kind::Liveness | Kind::Startup if failed => {
                worker.failures = 0;
                let kind = worker.kind as u64;
                cx.note(Note::new(NoteKind::ProbeKills, self.program.0.into(), kind));
                cx.kill(self.program, GRACE);
                self.killed = Some(cx.now + GRACE + Kind::Readiness.period());
            }
            _ => {}
        }
    }
    fn on_timer(&mut self, cx: &mut Cx<'_>) {
        if self.killed.is_some_and(|gone| gone <= cx.now) {
            // Nobody said so: there was no process to kill. Whatever is there next starts anew.
            self.ended(cx, cx.now);
        }
        for n in 0..self.workers.len() {
            if let Some(well) = self.workers[n].check.on_timer(cx) {
                self.judge(cx, n, well);
            }
            let (kind, tick) = (self.workers[n].kind, self.workers[n].tick);
            if tick > cx.now {
                continue;
            }
            let wants = self.wants(kind, cx.now) && (kind != Kind::Liveness || cx.knobs.on(Knob::LivenessProbes));
            let worker = &mut self.workers[n];
            worker.skip_to(cx.now);
            if wants && !worker.check.running() {
                worker.check.start(cx, TIMEOUT);
            }
        }
    }
}

impl Worker {
    /// The first tick after `now`.
    fn skip_to(&mut self, now: LocalTime) {
        let period = self.kind.period();
        if self.tick <= now {
            let missed = now.since(self.tick).ns() / period.ns();
            self.tick = self.tick + period.scale(missed + 1, 1);
        }
    }
}

/// A control-plane host's kubelet, as far as it probes the static pods there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prober {
    api: u8,
    directory: Directory,
    containers: Vec<Container>,
    alarm: Alarm,
}

impl Prober {
    /// At the beginning of a run.
    pub fn new(api: u8, directory: Directory) -> Self {
        Self { api, directory, containers: Vec::new(), alarm: Alarm::default() }
    }
    /// Whether the pod of a program of its host is ready.
    pub fn is_ready(&self, program: ProgramId) -> bool {
        self.containers.iter().any(|container| container.program == program && container.ready)
    }

    fn boot(&mut self, cx: &mut Cx<'_>) {
        let Self { api, directory, .. } = *self;
        let asks = [Ask::Api(Verb::Livez), Ask::Api(Verb::Livez), Ask::Api(Verb::Readyz)];
        self.containers = Vec::from([Container::new(directory.api(api), cx.now, asks)]);
        if !directory.external {
            // kubernetes cmd/kubeadm/app/phases/etcd/local.go#GetEtcdPodSpec: startup asks for /readyz.
            let asks = [HealthPath::Livez, HealthPath::Readyz, HealthPath::Readyz].map(Ask::Etcd);
            self.containers.push(Container::new(directory.etcd(api), cx.now, asks));
        }
        // worker.go#run: tickers begin anywhere in their period.
        for worker in self.containers.iter_mut().flat_map(|container| &mut container.workers) {
            worker.tick = cx.now + cx.rng.draw().up_to(worker.kind.period());
        }
        self.alarm = Alarm::default();
    }
    /// The worker whose connection this is.
    fn find(&self, owns: impl Fn(&Check) -> bool) -> Option<(usize, usize)> {
        let place = |container: &Container| container.workers.iter().position(|worker| owns(&worker.check));
        (0..).zip(&self.containers).find_map(|(ix, container)| place(container).map(|n| (ix, n)))
    }
}

impl Actor for Prober {
    #[inline(never)] // See `Role::handle`.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match input {
            Input::Boot => self.boot(cx),
            Input::Timer(role::Timer::Prober(Timer::Http)) => {
                self.alarm.fired();
                self.containers.iter_mut().for_each(|container| container.on_timer(cx));
            }
            Input::Conn(conn, up) => {
                let Some((ix, n)) = self.find(|check| check.owns(conn)) else { return };
                if let Some(well) = self.containers[ix].workers[n].check.on_conn(cx, conn, up) {
                    self.containers[ix].judge(cx, n, well);
                }
            }
            Input::Message(conn, message) => {
                let Some((ix, n)) = self.find(|check| check.owns(conn)) else { return };
                if let Some(well) = self.containers[ix].workers[n].check.on_message(cx, &message) {
                    self.containers[ix].judge(cx, n, well);
                }
            }
            Input::ProgramEnded(program) => {
                if let Some(container) = self.containers.iter_mut().find(|container| container.program == program) {
                    let after = container.backoff.restart_after(cx.now, cx.knobs.ms(Knob::RestartSec));
                    container.ended(cx, cx.now + after);
                }
            }
            Input::Timer(_) | Input::DiskDone(_) | Input::Terminate | Input::Operate(_) => {}
        }
        let next = self.containers.iter().filter_map(Container::next_timer).min();
        self.alarm.ensure(cx, Timer::Http, next);
    }
}

#[cfg(test)]
mod tests;
