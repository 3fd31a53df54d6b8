//! kube-controller-manager and kube-scheduler: processes that elect one of them to work.

pub mod caches;
pub mod controller;
mod daemon_set;
pub mod deployment;
mod endpoint_slice;
mod expectations;
mod garbage;
pub mod manager;
pub mod memory;
pub mod node_lifecycle;
mod replica_set;
mod stateful_set;
pub mod taint_eviction;
mod volumes;
pub mod zones;

use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::{Actor, Cx, Input, ProgramId, role};
use crate::api::rpc::{Level, Request, Verb};
use crate::client::Alarm;
use crate::client::elector::{Action, Elector, Identity, Timing, lease_key};
use crate::client::http::{Http, Line, News};
use crate::engine::{LocalTime, Span};
use crate::scheduler::Scheduler;
use alloc::boxed::Box;
use alloc::vec::Vec;
use manager::{Manager, Phase};

/// The status with which a process that lost its Lease exits. Unit: status. Sourced: kubernetes
/// cmd/kube-controller-manager/app/controllermanager.go#Run; kubernetes cmd/kube-scheduler/app/server.go#Run.
pub const LEASE_LOST: u8 = 1;
/// The status with which a process that could not start exits. Unit: status. Sourced: kubernetes
/// cmd/kube-controller-manager/app/controllermanager.go#NewControllerManagerCommand.
pub const START_FAILED: u8 = 1;

/// Their timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The elector's next try, or its renew deadline.
    Elector,
    /// The HTTP client's next deadline.
    Http,
    /// What the leader works on.
    Work,
}

/// The mark of the elector's own requests: the top byte of a request's tag is zero. All others are the work's. Code: a
/// mark.
const ELECTOR_TAG: u64 = 0;

/// What a component works on. There are six at most: their size does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// kube-controller-manager's controllers.
    Manager(Box<Manager>),
    /// kube-scheduler.
    Scheduler(Scheduler),
}

impl Work {
    fn new(component: u8) -> Self {
        if component == 0 { Self::Manager(Box::default()) } else { Self::Scheduler(Scheduler::default()) }
    }
    fn start(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        match self {
            Self::Manager(manager) => manager.start(cx, line),
            Self::Scheduler(scheduler) => scheduler.start(cx, line),
        }
    }
    /// Whether it is so far that the process may campaign.
    const fn may_campaign(&self) -> bool {
        match self {
            Self::Manager(manager) => !matches!(manager.phase(), Phase::Off | Phase::Starting | Phase::Failed(_)),
            Self::Scheduler(_) => true,
        }
    }
    /// Whether it found out that the process must end.
    const fn failed(&self) -> bool {
        match self {
            Self::Manager(manager) => matches!(manager.phase(), Phase::Failed(_)),
            Self::Scheduler(_) => false,
        }
    }
    fn lead(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        match self {
            Self::Manager(manager) => manager.lead(cx, line),
            Self::Scheduler(scheduler) => scheduler.lead(cx, line),
        }
    }
    fn on_news(&mut self, cx: &mut Cx<'_>, line: &mut Line, news: &News) {
        match self {
            Self::Manager(manager) => manager.on_news(cx, line, news),
            Self::Scheduler(scheduler) => scheduler.on_news(cx, line, news),
        }
    }
    fn on_timer(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        match self {
            Self::Manager(manager) => manager.on_timer(cx, line),
            Self::Scheduler(scheduler) => scheduler.on_timer(cx, line),
        }
    }
    fn next_timer(&self) -> Option<LocalTime> {
        match self {
            Self::Manager(manager) => manager.next_timer(),
            Self::Scheduler(scheduler) => scheduler.next_timer(),
        }
    }
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Control(timer)
    }
}

/// A process that works while it leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Control {
    component: u8,
    api: ProgramId,
    processes: u32,
    exits: u32,
    exited: bool,
    elector: Elector,
    campaigns: bool,
    line: Line,
    alarm: Alarm,
    out: Vec<Action>,
    work: Work,
    work_alarm: Alarm,
}

impl Control {
    /// Component 0, kube-controller-manager, or 1, kube-scheduler, of control-plane host `n` (from 0). It knows that
    /// host's API server only.
    pub fn new(component: u8, n: u8, directory: Directory) -> Self {
        let me = Identity { program: directory.control(n, component), process: 0 };
        let api = directory.api(n);
        Self {
            component,
            api,
            processes: 0,
            exits: 0,
            exited: false,
            elector: Elector::new(me),
            campaigns: false,
            line: Line::new(api),
            alarm: Alarm::default(),
            out: Vec::new(),
            work: Work::new(component),
            work_alarm: Alarm::default(),
        }
    }
    /// 0: kube-controller-manager, 1: kube-scheduler.
    pub const fn component(&self) -> u8 {
        self.component
    }
    /// Its elector.
    pub const fn elector(&self) -> &Elector {
        &self.elector
    }
    /// What it works on while it leads.
    pub const fn work(&self) -> &Work {
        &self.work
    }
    /// Its HTTP client.
    pub const fn http(&self) -> &Http {
        self.line.http()
    }
    /// Whether it works as the leader.
    pub const fn believes(&self) -> bool {
        self.elector.believes()
    }
    /// How many processes of it were started.
    pub const fn processes(&self) -> u32 {
        self.processes
    }
    /// How many of them gave up their Lease and exited.
    pub const fn exits(&self) -> u32 {
        self.exits
    }
    /// Whether its last process gave up and no new one has started.
    pub const fn exited(&self) -> bool {
        self.exited
    }
    /// How long until the Lease it saw runs out by its clock: zero if it has, or if it saw none.
    pub fn lease_left(&self, now: LocalTime) -> Span {
        self.elector.lease_expiry().map_or(Span::ZERO, |expiry| expiry.since(now))
    }

    fn carry_out(&mut self, cx: &mut Cx<'_>) {
        let component = u32::from(self.component);
        let mut acquired = false;
        for action in self.out.drain(..) {
            let (kind, a, b) = match action {
                Action::Call { verb, resource_version, value, timeout } => {
                    let key = lease_key(self.component);
                    let request = match verb {
                        Verb::Update => Request::update(key, resource_version, value, Level::LeaderElection),
                        Verb::Create => Request::create(key, value, Level::LeaderElection),
                        _ => Request::get(key, Level::LeaderElection),
                    };
                    self.line.request(cx, request, timeout, ELECTOR_TAG);
                    continue;
                }
                Action::Acquired { transitions } => {
                    acquired = true;
                    (NoteKind::Acquired, component, u64::from(transitions))
                }
                Action::Observed { holder, resource_version } => {
                    (NoteKind::ObservedHolder, component + 256 * u32::from(holder.program.0), resource_version)
                }
                Action::Renewed(since) => (NoteKind::Renewed, component, since.us()),
                Action::TryFailed { status, first_of_holder } => {
                    if first_of_holder {
                        cx.note(Note::new(NoteKind::RenewalFails, component, u64::from(status as u16)));
                    }
                    (NoteKind::TryFailed, component, u64::from(status as u16))
                }
                Action::Lost(since) => {
                    self.exits += 1;
                    self.exited = true;
                    cx.note(Note::new(NoteKind::LeaseLost, component, since.us()));
                    cx.exit(LEASE_LOST);
                    continue;
                }
            };
            cx.note(Note::new(kind, a, b));
        }
        if acquired {
            self.work.lead(cx, &mut self.line);
        }
    }
    /// The elector starts as soon as the rest of the process is so far.
    fn campaign(&mut self, cx: &mut Cx<'_>, timing: &Timing) {
        if !self.campaigns && self.work.may_campaign() {
            self.campaigns = true;
            self.elector.start(cx.now, timing, &mut self.out);
            self.carry_out(cx);
        }
    }
    fn on_news(&mut self, cx: &mut Cx<'_>, timing: &Timing, news: &News) {
        match news {
            // The elector makes one call at a time, so this is what it waits for.
            News::Done(done) if done.tag == ELECTOR_TAG => {
                self.elector.on_reply(cx.now, timing, cx.rng, done.status, done.kv.as_ref(), &mut self.out);
                self.carry_out(cx);
            }
            _ => self.work.on_news(cx, &mut self.line, news),
        }
    }
}

impl Actor for Control {
    #[inline(never)] // See `Role::handle`.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        if self.exited && input != Input::Boot {
            return;
        }
        let timing = Timing::of(cx.knobs);
        match input {
            Input::Boot => {
                let me = Identity { program: cx.me, process: self.processes as u16 };
                self.processes += 1;
                self.exited = false;
                self.elector = Elector::new(me);
                self.line = Line::new(self.api);
                self.alarm = Alarm::default();
                self.work = Work::new(self.component);
                self.work_alarm = Alarm::default();
                self.campaigns = false;
                self.work.start(cx, &mut self.line);
                self.campaign(cx, &timing);
            }
            Input::Timer(role::Timer::Control(Timer::Elector)) => {
                self.alarm.fired();
                self.elector.on_timer(cx.now, &timing, &mut self.out);
            }
            Input::Timer(role::Timer::Control(Timer::Http)) => self.line.on_timer(cx),
            Input::Timer(role::Timer::Control(Timer::Work)) => {
                self.work_alarm.fired();
                self.work.on_timer(cx, &mut self.line);
            }
            Input::Conn(conn, up) => self.line.on_conn(cx, conn, up),
            Input::Message(conn, message) => self.line.on_message(cx, conn, &message),
            Input::Timer(_) | Input::DiskDone(_) | Input::Terminate | Input::ProgramEnded(_) | Input::Operate(_) => {}
        }
        self.carry_out(cx);
        while let Some(news) = self.line.take_news() {
            self.on_news(cx, &timing, &news);
            self.campaign(cx, &timing);
        }
        if self.work.failed() && !self.exited {
            self.exited = true;
            cx.exit(START_FAILED);
        }
        if self.exited {
            return; // Its timers and connections go with it.
        }
        self.alarm.ensure(cx, Timer::Elector, self.elector.next_timer());
        self.work_alarm.ensure(cx, Timer::Work, self.work.next_timer());
        self.line.arm(cx, Timer::Http);
    }
}

#[cfg(test)]
#[allow(missing_docs)]
mod bench;
#[cfg(test)]
mod manager_tests;
#[cfg(test)]
mod tests;
