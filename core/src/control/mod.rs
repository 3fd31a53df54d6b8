//! kube-controller-manager and kube-scheduler: processes that elect one of them to work. What the leader works on is
//! not here yet.
//!
//! Left out for now: a starting kube-controller-manager reads one ConfigMap and exits if it cannot.

use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::{Actor, Cx, Input, ProgramId, role};
use crate::api::rpc::Request;
use crate::client::Alarm;
use crate::client::elector::{Action, Elector, Identity, Timing, lease_key};
use crate::client::http::{Http, Line};
use crate::engine::{LocalTime, Span};
use alloc::vec::Vec;

/// kubernetes cmd/kube-controller-manager/app/controllermanager.go#Run and cmd/kube-scheduler/app/server.go#Run:
/// the status with which a process that lost its Lease exits.
pub const LEASE_LOST: u8 = 1;

/// Their timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The elector's next try, or its renew deadline.
    Elector,
    /// The HTTP client's next deadline.
    Http,
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
    line: Line,
    alarm: Alarm,
    out: Vec<Action>,
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
            line: Line::new(api),
            alarm: Alarm::default(),
            out: Vec::new(),
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
        for action in self.out.drain(..) {
            let (kind, a, b) = match action {
                Action::Call { verb, resource_version, value, timeout } => {
                    let key = lease_key(self.component);
                    let request = Request { id: 0, verb, key, resource_version, value };
                    self.line.request(cx, request, timeout, 0);
                    continue;
                }
                Action::Acquired { transitions } => (NoteKind::Acquired, component, u64::from(transitions)),
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
    }
}

impl Actor for Control {
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
                self.elector.start(cx.now, &timing, &mut self.out);
            }
            Input::Timer(role::Timer::Control(Timer::Elector)) => {
                self.alarm.fired();
                self.elector.on_timer(cx.now, &timing, &mut self.out);
            }
            Input::Timer(role::Timer::Control(Timer::Http)) => self.line.on_timer(cx),
            Input::Conn(conn, up) => self.line.on_conn(cx, conn, up),
            Input::Message(conn, message) => self.line.on_message(cx, conn, &message),
            Input::Timer(_) | Input::DiskDone(_) => {}
        }
        self.carry_out(cx);
        while let Some(done) = self.line.take_done() {
            // The elector makes one call at a time, so this is what it waits for.
            self.elector.on_reply(cx.now, &timing, cx.rng, done.status, done.kv.as_ref(), &mut self.out);
            self.carry_out(cx);
        }
        if self.exited {
            return; // Its timers and connections go with it.
        }
        self.alarm.ensure(cx, Timer::Elector, self.elector.next_timer());
        self.line.arm(cx, Timer::Http);
    }
}

#[cfg(test)]
mod tests;
