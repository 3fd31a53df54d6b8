//! A node's registration and its status: what the kubelet says of its Node.
//!
//! Simplified: the only condition is Ready, and a kubelet that runs always finds itself ready. So a new status differs
//! from the one in the API only if somebody else wrote that: the node lifecycle controller, or whoever created the Node.
//! A failed PATCH is repeated as it is, not preceded by another GET.

use crate::api::rpc::Status;
use crate::engine::{LocalTime, Span};
use crate::object::{Condition, Node, NodeId, Taints, Wall};

/// How often a node's status is computed. Flag: nodeStatusUpdateFrequency. Sourced: kubernetes
/// pkg/kubelet/apis/config/v1beta1/defaults.go#NodeStatusUpdateFrequency.
pub const UPDATE_FREQUENCY: Span = Span::from_secs(10);
/// How often it is sent although it has not changed. Flag: nodeStatusReportFrequency. Sourced: kubernetes
/// pkg/kubelet/apis/config/v1beta1/defaults.go#NodeStatusReportFrequency.
pub const REPORT_FREQUENCY: Span = Span::from_secs(300);
/// The least step of time: not the tick that this is, but the next. Code: a unit.
const NEXT: Span = Span::from_ns(1);
/// Tries, one right after the other. Unit: tries. Sourced: kubernetes pkg/kubelet/kubelet.go#nodeStatusUpdateRetry.
const UPDATE_RETRY: u8 = 5;
/// The wait before the first try to register a node; each is twice the one before. Sourced: kubernetes
/// pkg/kubelet/kubelet_node_status.go#registerWithAPIServer.
const REGISTER_STEP: Span = Span::from_ms(100);
/// And no wait is longer. Sourced: kubernetes pkg/kubelet/kubelet_node_status.go#registerWithAPIServer.
const REGISTER_MAX: Span = Span::from_secs(7);
/// How many pods a node takes. Unit: pods. Flag: maxPods. Sourced: kubernetes
/// pkg/kubelet/apis/config/v1beta1/defaults.go#MaxPods.
pub const MAX_PODS: u16 = 110;
/// How many zones nodes are dealt to. Unit: zones. Chosen: as many as most regions have.
pub const ZONES: u16 = 3;

/// The zone of a node.
pub const fn zone(node: NodeId) -> u8 {
    (node % ZONES) as u8
}
/// A Node as its kubelet registers it: not ready yet, and so tainted at admission (kubernetes plugin/pkg/admission/
/// nodetaint/admission.go).
pub const fn new_node(id: NodeId, now: Wall) -> Node {
    Node {
        id,
        zone: zone(id),
        capacity: MAX_PODS,
        ready: Condition::False,
        heartbeat: now,
        transition: now,
        unschedulable: false,
        taints: Taints { not_ready: None, unreachable: None, no_schedule: true },
    }
}

/// What it wants to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// POST of the Node.
    Create,
    /// GET of the Node.
    Get,
    /// PATCH of its status.
    Patch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Nothing is under way.
    Idle,
    /// Registration is due then; the next wait.
    Unregistered(LocalTime, Span),
    /// A POST or, after a 409, a GET is under way; the next wait.
    Registering(Span),
    /// A PATCH is under way: how many failed before.
    Patching(u8),
}

/// The node status of one kubelet process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeStatus {
    step: Step,
    /// The moments at which the status is computed are this one and every [`UPDATE_FREQUENCY`] from it.
    phase: LocalTime,
    /// When it is sent next. On the grid of `phase`, but for the first.
    due: LocalTime,
    reported: Option<LocalTime>,
}

impl NodeStatus {
    /// A process that starts: it registers first and sends its status right then.
    pub fn new(now: LocalTime) -> Self {
        Self { step: Step::Unregistered(now + REGISTER_STEP, REGISTER_STEP), phase: now, due: now, reported: None }
    }
    /// A process that has run for long: its last report was `ago`.
    pub fn running(now: LocalTime, ago: Span) -> Self {
        let ago = ago.min(REPORT_FREQUENCY);
        let (rest, ten) = (REPORT_FREQUENCY - ago, UPDATE_FREQUENCY.ns());
        Self { step: Step::Idle, phase: now + Span::from_ns(rest.ns() % ten), due: now + rest, reported: None }
    }
    /// When the last report succeeded.
    pub const fn reported(&self) -> Option<LocalTime> {
        self.reported
    }
    /// Whether the Node is known to exist.
    pub const fn registered(&self) -> bool {
        matches!(self.step, Step::Idle | Step::Patching(_))
    }
    /// When it wants [`NodeStatus::on_timer`].
    pub const fn next_timer(&self) -> Option<LocalTime> {
        match self.step {
            Step::Idle => Some(self.due),
            Step::Unregistered(until, _) => Some(until),
            Step::Registering(_) | Step::Patching(_) => None,
        }
    }
    /// The Node in the API changed: what it says now.
    pub fn on_node(&mut self, now: LocalTime, ready: Condition) {
        if ready != Condition::True {
            self.due = self.due.min(self.tick(now));
        }
    }
    /// The first moment from `from` on at which the status is computed.
    fn tick(&self, from: LocalTime) -> LocalTime {
        let ticks = from.since(self.phase).ns().div_ceil(UPDATE_FREQUENCY.ns());
        self.phase + UPDATE_FREQUENCY.scale(ticks, 1)
    }
    /// A timer went off, perhaps too early.
    pub fn on_timer(&mut self, now: LocalTime) -> Option<Call> {
        match self.step {
            Step::Unregistered(until, step) if until <= now => {
                self.step = Step::Registering(step.scale(2, 1).min(REGISTER_MAX));
                Some(Call::Create)
            }
            Step::Idle if self.due <= now => {
                self.step = Step::Patching(0);
                Some(Call::Patch)
            }
            _ => None,
        }
    }
    /// What it asked for ended. Returns what it asks next.
    pub fn on_reply(&mut self, now: LocalTime, call: Call, status: Status) -> Option<Call> {
        match self.step {
            Step::Registering(_) if call == Call::Create && status == Status::Conflict => Some(Call::Get),
            Step::Registering(_) if status.is_ok() => {
                self.step = Step::Patching(0);
                Some(Call::Patch)
            }
            Step::Registering(wait) => {
                self.step = Step::Unregistered(now + wait, wait);
                None
            }
            Step::Patching(tries) if !status.is_ok() && tries + 1 < UPDATE_RETRY => {
                self.step = Step::Patching(tries + 1);
                Some(Call::Patch)
            }
            Step::Patching(_) => {
                let mut next = now + NEXT;
                if status.is_ok() {
                    self.reported = Some(now);
                    next = now + REPORT_FREQUENCY;
                }
                (self.step, self.due) = (Step::Idle, self.tick(next));
                None
            }
            Step::Idle | Step::Unregistered(..) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::bench::at;

    #[test]
    fn a_new_process_registers_and_reports_at_once_then_every_five_minutes() {
        let mut status = NodeStatus::new(at(0));
        assert_eq!(status.next_timer(), Some(at(100)));
        assert_eq!(status.on_timer(at(100)), Some(Call::Create));
        assert_eq!(status.on_reply(at(101), Call::Create, Status::ConnectionRefused), None);
        assert_eq!(status.next_timer(), Some(at(301)));
        assert_eq!(status.on_timer(at(301)), Some(Call::Create));
        assert_eq!(status.on_reply(at(302), Call::Create, Status::Conflict), Some(Call::Get));
        assert!(!status.registered());
        assert_eq!(status.on_reply(at(303), Call::Get, Status::Ok), Some(Call::Patch));
        assert_eq!(status.on_reply(at(304), Call::Patch, Status::Ok), None);
        assert_eq!(status.next_timer(), Some(at(310_000)), "five minutes, up to the next tick");
    }

    #[test]
    fn what_somebody_else_wrote_is_corrected_at_the_next_tick() {
        let mut status = NodeStatus::running(at(0), Span::from_secs(103));
        assert_eq!(status.next_timer(), Some(at(197_000)));
        status.on_node(at(50_000), Condition::True);
        assert_eq!(status.next_timer(), Some(at(197_000)));
        status.on_node(at(50_000), Condition::Unknown);
        assert_eq!(status.next_timer(), Some(at(57_000)));
        assert_eq!(status.on_timer(at(57_000)), Some(Call::Patch));
        for _ in 0..4 {
            assert_eq!(status.on_reply(at(57_001), Call::Patch, Status::InternalError), Some(Call::Patch));
        }
        assert_eq!(status.on_reply(at(57_001), Call::Patch, Status::InternalError), None);
        assert_eq!(status.next_timer(), Some(at(67_000)), "five tries, then the next tick");
        assert_eq!(status.on_timer(at(67_000)), Some(Call::Patch));
        assert_eq!(status.on_reply(at(67_005), Call::Patch, Status::Ok), None);
        assert_eq!(status.next_timer(), Some(at(377_000)));
        assert_eq!(status.reported(), Some(at(67_005)));
    }
}
