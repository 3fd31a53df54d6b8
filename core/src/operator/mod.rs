//! Whoever uses kubectl: does what the learner asks, through the API.
//!
//! Each operation is a kubectl of its own: it begins at once, has no time limit but the server's, tries nothing again
//! but what client-go does and a scale that met a conflict, and says how it ended. Simplified: they share one
//! connection. Left out: what kubectl does after the server's yes (delete and drain wait until pods are gone), server-side
//! discovery, and PodDisruptionBudgets, so that an eviction is a deletion.

use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::{Actor, Cx, Input, ProgramId, role};
use crate::api::rpc::{Level, Request, Selector, Status, Version};
use crate::client::http::{Done, Line, NO_TIMEOUT};
use crate::client::limiter::Limiter;
use crate::client::{Alarm, earlier};
use crate::engine::{LocalTime, Span};
use crate::object::{
    Change, DaemonSet, Deployment, Key, KeyValue, Kind, NodeId, Object, Service, StatefulSet, WorkloadId,
};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;

/// The most operations under way; one more is refused, and a note says so. Unit: operations. Chosen: more than a person
/// keeps an eye on.
pub const LIMIT: usize = 64;
/// What one kubectl asks a second. Unit: requests a second. Sourced: client-go rest/config.go#DefaultQPS.
pub const QPS: u32 = 5;
/// And at once. Unit: requests. Sourced: client-go rest/config.go#DefaultBurst.
pub const BURST: u32 = 10;
/// The pause before a scale that met a conflict is tried again. Sourced: kubectl pkg/cmd/scale/scale.go#RunScale.
pub const SCALE_PAUSE: Span = Span::from_secs(1);
/// And for how long it is. Sourced: kubectl pkg/cmd/scale/scale.go#RunScale.
pub const SCALE_PATIENCE: Span = Span::from_secs(300);
/// The priority level of kubectl's requests. Sourced: kubernetes
/// cmd/kubeadm/app/constants/constants.go#ClusterAdminsGroupAndClusterRoleBinding: since 1.29 kubeadm's admin.conf
/// names a user of an ordinary group, so that kubectl is nobody special to the server.
const LEVEL: Level = Level::GlobalDefault;
/// The template of a workload that is created. Code: an id, counted from 1.
const FIRST_TEMPLATE: u16 = 1;
/// maxSurge and maxUnavailable of a Deployment that is created. Flag: maxSurge and maxUnavailable. Sourced: kubernetes
/// pkg/apis/apps/v1/defaults.go#SetDefaults_Deployment.
const ROLLING_PCT: u8 = 25;
/// How long a rollout may stand still before it counts as failed. Flag: progressDeadlineSeconds. Sourced: kubernetes
/// pkg/apis/apps/v1/defaults.go#SetDefaults_Deployment.
const PROGRESS_DEADLINE_S: u32 = 600;

/// What a workload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WorkloadKind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet, each of whose pods has a volume.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
}

impl WorkloadKind {
    /// Every kind's name, in order. Code: a list.
    pub const NAMES: [&'static str; 3] = ["deployment", "statefulset", "daemonset"];

    /// Its name in links and journals.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Deployment, Self::StatefulSet, Self::DaemonSet].into_iter().find(|kind| kind.name() == name)
    }
}

/// What the learner wants done with kubectl.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// kubectl create: a workload and the Service of the same name.
    Create {
        /// Its number: the next free one.
        workload: WorkloadId,
        /// What it is.
        kind: WorkloadKind,
        /// How many pods; a DaemonSet has one on each node, whatever this says.
        replicas: u32,
    },
    /// kubectl scale.
    Scale {
        /// Which workload.
        workload: WorkloadId,
        /// How many pods.
        replicas: u32,
    },
    /// kubectl rollout restart.
    Rollout(WorkloadId),
    /// kubectl delete pod.
    DeletePod(Key),
    /// kubectl delete pod --force --grace-period=0.
    ForceDeletePod(Key),
    /// kubectl cordon (true) or uncordon.
    Cordon(NodeId, bool),
    /// kubectl drain: cordon, then evict every pod that no DaemonSet owns.
    Drain(NodeId),
    /// kubectl delete node.
    DeleteNode(NodeId),
}

impl Operation {
    /// Its number in notes: 0 create, 1 scale, 2 rollout, 3 delete pod, 4 force delete pod, 5 cordon, 6 uncordon,
    /// 7 drain, 8 delete node.
    pub const fn code(self) -> u32 {
        match self {
            Self::Create { .. } => 0,
            Self::Scale { .. } => 1,
            Self::Rollout(_) => 2,
            Self::DeletePod(_) => 3,
            Self::ForceDeletePod(_) => 4,
            Self::Cordon(_, true) => 5,
            Self::Cordon(_, false) => 6,
            Self::Drain(_) => 7,
            Self::DeleteNode(_) => 8,
        }
    }
    /// What it is about, in notes: a workload's or node's number, a pod's key.
    pub const fn subject(self) -> u64 {
        match self {
            Self::Create { workload, .. } | Self::Scale { workload, .. } | Self::Rollout(workload) => workload as u64,
            Self::DeletePod(pod) | Self::ForceDeletePod(pod) => pod.0,
            Self::Cordon(node, _) | Self::Drain(node) | Self::DeleteNode(node) => node as u64,
        }
    }
}

/// Its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The next deadline of a kubectl's HTTP client, or the next request of one that paces itself.
    Next,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Operator(timer)
    }
}

/// What a request that is to come waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Later {
    at: LocalTime,
    request: Request,
}

/// An operation under way: one kubectl.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Task {
    operation: Operation,
    /// Its own connection: each kubectl dials anew.
    line: Line,
    began: LocalTime,
    limiter: Limiter,
    /// Requests to come, in order: of a drain, one for each pod of the node at most.
    later: VecDeque<Later>,
    /// How many were sent and have no answer.
    waiting: u32,
    /// How many of its steps succeeded: a create has two, a drain three, of which the last are the evictions.
    steps: u8,
    /// What it will end with: the first status that is not well.
    status: Status,
}

/// Whoever uses kubectl.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    /// What each workload is, as far as somebody told: the standard ones, and those created here.
    kinds: BTreeMap<WorkloadId, WorkloadKind>,
    /// By number; [`LIMIT`] at most.
    tasks: BTreeMap<u64, Task>,
    next: u64,
    alarm: Alarm,
}

impl Operator {
    /// At the beginning of a run: the standard workloads are a Deployment, a StatefulSet and a DaemonSet.
    pub fn new(_directory: Directory) -> Self {
        let standard = [WorkloadKind::Deployment, WorkloadKind::StatefulSet, WorkloadKind::DaemonSet];
        Self { kinds: (0..).zip(standard).collect(), tasks: BTreeMap::new(), next: 0, alarm: Alarm::default() }
    }
    /// How many operations are under way.
    pub fn pending(&self) -> u32 {
        self.tasks.len() as u32
    }
    fn begin(&mut self, cx: &mut Cx<'_>, operation: Operation) {
        if self.tasks.len() >= LIMIT {
            return cx.note(Note::new(NoteKind::OperationRefused, operation.code(), operation.subject()));
        }
        if let Operation::Create { workload, kind, .. } = operation {
            self.kinds.insert(workload, kind);
        }
        let id = self.next;
        self.next += 1;
        let (line, limiter, later) = (Line::new(ProgramId::API_SERVERS), Limiter::new(QPS, BURST), VecDeque::new());
        let (began, status) = (cx.now, Status::Ok);
        self.tasks.insert(id, Task { operation, line, began, limiter, later, waiting: 0, steps: 0, status });
        match self.first(cx.now, operation) {
            Some(request) => self.ask(cx, id, request),
            None => self.end(cx, id, Status::NotFound),
        }
    }
    /// What it asks first; none: there is no such thing.
    fn first(&self, now: LocalTime, operation: Operation) -> Option<Request> {
        let delete = |key, grace_s| Request::delete(key, grace_s, 0, LEVEL);
        Some(match operation {
            Operation::Create { workload, kind, replicas } => {
                let key = Key::of_workload(object_kind(kind), workload);
                Request::create(key, fresh(now, workload, kind, replicas).value(), LEVEL)
            }
            Operation::Scale { workload, replicas } => {
                let kind = *self.kinds.get(&workload)?;
                if kind == WorkloadKind::DaemonSet {
                    return None; // It has no scale subresource.
                }
                Request::patch(Key::of_workload(object_kind(kind), workload), Change::Scale(replicas), LEVEL)
            }
            Operation::Rollout(workload) => {
                let kind = object_kind(*self.kinds.get(&workload)?);
                Request::patch(Key::of_workload(kind, workload), Change::NewTemplate, LEVEL)
            }
            Operation::DeletePod(pod) => delete(pod, None),
            Operation::ForceDeletePod(pod) => delete(pod, Some(0)),
            Operation::Cordon(node, on) => Request::patch(Key::node(node), Change::Cordon(on), LEVEL),
            Operation::Drain(node) => Request::patch(Key::node(node), Change::Cordon(true), LEVEL),
            Operation::DeleteNode(node) => delete(Key::node(node), None),
        })
    }
    /// Sends a request of an operation when its turn comes.
    fn ask(&mut self, cx: &mut Cx<'_>, id: u64, request: Request) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        let wait = task.limiter.reserve(cx.now);
        if wait.is_zero() {
            task.waiting += 1;
            task.line.request(cx, request, NO_TIMEOUT, id);
        } else {
            task.later.push_back(Later { at: cx.now + wait, request });
        }
    }
    /// Sends what has waited long enough.
    fn go_on(&mut self, cx: &mut Cx<'_>) {
        for (id, task) in &mut self.tasks {
            while task.later.front().is_some_and(|later| later.at <= cx.now)
                && let Some(Later { request, .. }) = task.later.pop_front()
            {
                task.waiting += 1;
                task.line.request(cx, request, NO_TIMEOUT, *id);
            }
        }
    }
    fn on_done(&mut self, cx: &mut Cx<'_>, done: &Done) {
        let id = done.tag;
        let Some(task) = self.tasks.get_mut(&id) else { return };
        task.waiting -= 1;
        let (ok, step) = (done.status.is_ok(), task.steps);
        let patient = cx.now.since(task.began) < SCALE_PATIENCE;
        task.steps = step.saturating_add(u8::from(ok));
        match (task.operation, step) {
            (Operation::Create { workload, .. }, 0) if ok => {
                let service = Object::Service(Service { workload }).value();
                let key = Key::of_workload(Kind::Service, workload);
                self.ask(cx, id, Request::create(key, service, LEVEL));
            }
            (Operation::Scale { .. }, _) if done.status == Status::Conflict && patient => {
                self.scale_again(cx, id);
            }
            // The node is cordoned: its pods are next.
            (Operation::Drain(node), 0) if ok => self.ask(cx, id, list_pods(node)),
            (Operation::Drain(_), 1) if ok => {
                for kv in done.list.iter().flat_map(|list| &list.items).filter(|kv| to_drain(kv)) {
                    self.ask(cx, id, Request::delete(kv.key, None, kv.create_revision, LEVEL));
                }
            }
            // A pod that has gone, or another of its name, is as good as evicted.
            (Operation::Drain(_), 2..) if matches!(done.status, Status::NotFound | Status::Conflict) => {}
            _ if !ok && task.status.is_ok() => task.status = done.status,
            _ => {}
        }
        if let Some(Task { waiting: 0, later, status, .. }) = self.tasks.get(&id)
            && later.is_empty()
        {
            self.end(cx, id, *status);
        }
    }
    fn scale_again(&mut self, cx: &Cx<'_>, id: u64) {
        let Some(operation) = self.tasks.get(&id).map(|task| task.operation) else { return };
        if let (Some(request), Some(task)) = (self.first(cx.now, operation), self.tasks.get_mut(&id)) {
            task.later.push_back(Later { at: cx.now + SCALE_PAUSE, request });
        }
    }
    fn end(&mut self, cx: &mut Cx<'_>, id: u64, status: Status) {
        if let Some(Task { operation, mut line, .. }) = self.tasks.remove(&id) {
            line.close(cx);
            let kind = if status.is_ok() { NoteKind::OperationDone } else { NoteKind::OperationFailed };
            cx.note(Note::new(kind, operation.code() + 256 * status as u32, operation.subject()));
        }
    }
    fn next_timer(&self) -> Option<LocalTime> {
        let first = |task: &Task| earlier(task.later.front().map(|later| later.at), task.line.http().next_timer());
        self.tasks.values().fold(None, |next, task| earlier(next, first(task)))
    }
}

/// The pods of a node, as they are now.
fn list_pods(node: NodeId) -> Request {
    Request::list(Kind::Pod, Version::Unset, Selector::OnNode(node), LEVEL)
}
/// kubectl pkg/drain/filters.go: all but those of DaemonSets, which --ignore-daemonsets leaves, and those that go already.
fn to_drain(kv: &KeyValue) -> bool {
    let goes = |pod: &crate::object::Pod| pod.owner.key.kind() != Kind::DaemonSet && pod.deleted.is_none();
    kv.value.object.pod().is_some_and(goes)
}
const fn object_kind(kind: WorkloadKind) -> Kind {
    match kind {
        WorkloadKind::Deployment => Kind::Deployment,
        WorkloadKind::StatefulSet => Kind::StatefulSet,
        WorkloadKind::DaemonSet => Kind::DaemonSet,
    }
}
/// A workload as a person's manifest has it, with the API's defaults.
fn fresh(now: LocalTime, workload: WorkloadId, kind: WorkloadKind, replicas: u32) -> Object {
    let template = FIRST_TEMPLATE;
    match kind {
        WorkloadKind::Deployment => Object::Deployment(Arc::new(Deployment {
            workload,
            generation: 1,
            replicas,
            template,
            max_surge_pct: ROLLING_PCT,
            max_unavailable_pct: ROLLING_PCT,
            progress_deadline_s: PROGRESS_DEADLINE_S,
            observed_generation: 0,
            status_replicas: 0,
            updated: 0,
            ready: 0,
            available: 0,
            progressed: now,
            deadline_exceeded: false,
        })),
        WorkloadKind::StatefulSet => Object::StatefulSet(Arc::new(StatefulSet {
            workload,
            generation: 1,
            replicas,
            template,
            claims: true,
            observed_generation: 0,
            status_replicas: 0,
            ready: 0,
            updated: 0,
            current_template: template,
        })),
        WorkloadKind::DaemonSet => Object::DaemonSet(Arc::new(DaemonSet {
            workload,
            generation: 1,
            template,
            observed_generation: 0,
            desired: 0,
            current: 0,
            ready: 0,
            updated: 0,
        })),
    }
}

impl Actor for Operator {
    #[inline(never)] // See `Role::handle`.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match input {
            Input::Boot => {
                // Whatever was under way ended with the host, and nobody hears of it.
                self.alarm = Alarm::default();
                self.tasks.clear();
            }
            Input::Operate(operation) => self.begin(cx, operation),
            Input::Timer(role::Timer::Operator(Timer::Next)) => {
                self.alarm.fired();
                self.tasks.values_mut().for_each(|task| task.line.on_timer(cx));
                self.go_on(cx);
            }
            Input::Conn(conn, up) => self.tasks.values_mut().for_each(|task| task.line.on_conn(cx, conn, up)),
            Input::Message(conn, message) => {
                self.tasks.values_mut().for_each(|task| task.line.on_message(cx, conn, &message));
            }
            Input::Timer(_) | Input::DiskDone(_) | Input::Terminate | Input::ProgramEnded(_) => {}
        }
        while let Some(done) = self.tasks.values_mut().find_map(|task| task.line.take_done()) {
            self.on_done(cx, &done);
        }
        self.alarm.ensure(cx, Timer::Next, self.next_timer());
    }
}

#[cfg(test)]
mod tests;
