//! A node's kubelet with the containers it runs, and what the node's kernel does for those.
//!
//! Containers are not the kubelet's process: they go on when it ends, and are found again when it starts. They end with
//! the host's power. While there is no kubelet process nobody answers for its containers either: they live on, but users
//! wait until it is back. That is simplified, as are [`pod`] and [`node_status`]; left out: static pods (the control
//! plane's hosts have a kubelet of their own), the client's limit of 50 requests a second, evictions by resources.

pub mod heartbeat;
pub mod node_status;
pub mod pod;
pub mod status;
pub mod traffic;

use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::wire::Message;
use crate::actor::{Actor, ConnUp, Cx, Input, Port, ProgramId, role};
use crate::api::rpc::{Level, Request, Selector, Status};
use crate::client::http::{Done, Line, NO_TIMEOUT, News, State as HttpState};
use crate::client::informer::{Delta, Informer};
use crate::client::{Alarm, earlier};
use crate::engine::{LocalTime, Ppm, Span};
use crate::knob::Knob;
use crate::net::packet::ConnId;
use crate::object::{Change, Condition, Key, KeyValue, Kind, NodeId, Object, Pod};
use alloc::sync::Arc;
use alloc::vec::Vec;
use heartbeat::Heartbeat;
use node_status::NodeStatus;
use pod::{Happened, Report, Worker};
use status::{Flight, StatusQueue, Step};
use traffic::Traffic;

/// Its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Its HTTP client's next deadline.
    Http,
    /// Everything else that is due.
    Work,
    /// The next answer to a user.
    Serve,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Kubelet(timer)
    }
}

/// The top byte of the tags of the pods' informer. Code: a mark.
const PODS: u8 = 1;
/// Of the node's informer. Code: a mark.
const NODE: u8 = 2;
/// Of heartbeats. Code: a mark.
const HEARTBEAT: u8 = 3;
/// Of the node's status. Code: a mark.
const NODE_STATUS: u8 = 4;
/// Of the pods' status. Code: a mark.
const POD_STATUS: u8 = 5;
/// Of questions about volumes. Code: a mark.
const ATTACHMENT: u8 = 6;
/// The rest of a tag: a pod's key without its kind, or a call's number. Code: bits.
const REST: u64 = (1 << 56) - 1;

/// When a run begins, kubelets' informers start within so much time per node. Chosen: they have run for long.
const SPREAD: Span = Span::from_ms(2);
/// How often containers' own failures are drawn. Chosen: short beside any rate that the dial allows.
const FAILURES_EVERY: Span = Span::from_secs(10);
/// The grace period of a pod that the API has not. Chosen: that of every standard pod.
const ORPHAN_GRACE: Span = Span::from_secs(crate::object::pod::GRACE_PERIOD_S as u64);

const fn tag(top: u8, rest: u64) -> u64 {
    (top as u64) << 56 | rest & REST
}

/// A container of a node, for the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its pod.
    pub pod: Key,
    /// Where it is.
    pub step: pod::Step,
    /// Whether it is ready, as its kubelet knows.
    pub ready: bool,
    /// How often it was restarted, as its kubelet knows.
    pub restarts: u16,
    /// Whether it was told to end.
    pub terminating: bool,
}

/// A node's kubelet with the containers it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kubelet {
    node: NodeId,
    directory: Directory,
    /// Whether it has run for long when its first process is booted.
    joined: bool,
    line: Line,
    pods: Informer,
    own: Informer,
    /// When the informers start, if they have not.
    start_at: Option<LocalTime>,
    /// Whether the API's list of pods was acted on.
    ready: bool,
    heartbeat: Heartbeat,
    status: NodeStatus,
    /// By key. Kubelets take 110 pods.
    workers: Vec<Worker>,
    /// No worker is due before.
    workers_due: Option<LocalTime>,
    queue: StatusQueue,
    traffic: Traffic,
    failures_at: LocalTime,
    work: Alarm,
    serve: Alarm,
    exits: u32,
}

impl Kubelet {
    /// At the beginning of a run: it has run for long, and so have these containers.
    pub fn new(node: NodeId, directory: Directory, running: Vec<(Key, Pod)>) -> Self {
        let mut workers: Vec<Worker> = running.iter().map(|(key, pod)| Worker::running(*key, pod)).collect();
        workers.sort_by_key(|worker| worker.key);
        Self { joined: true, workers, ..Self::fresh(node, directory) }
    }
    /// A new machine that registers itself.
    pub fn fresh(node: NodeId, directory: Directory) -> Self {
        let own = Key::node(node);
        Self {
            node,
            directory,
            joined: false,
            line: Line::new(ProgramId::API_SERVERS),
            pods: Informer::new(Kind::Pod, Selector::OnNode(node), Level::System, PODS),
            own: Informer::new(Kind::Node, Selector::Name(own), Level::System, NODE),
            start_at: None,
            ready: false,
            heartbeat: Heartbeat::new(LocalTime::ZERO),
            status: NodeStatus::new(LocalTime::ZERO),
            workers: Vec::new(),
            workers_due: None,
            queue: StatusQueue::default(),
            traffic: Traffic::default(),
            failures_at: LocalTime::ZERO,
            work: Alarm::default(),
            serve: Alarm::default(),
            exits: 0,
        }
    }
    /// Its host lost its power: there are no containers any more. The next input is a boot.
    pub fn power_lost(&mut self) {
        self.workers.clear();
    }

    /// Its node.
    pub const fn node(&self) -> NodeId {
        self.node
    }
    /// Its pods, by key.
    pub fn containers(&self) -> impl Iterator<Item = Container> {
        self.workers.iter().map(|worker| Container {
            pod: worker.key,
            step: worker.step,
            ready: worker.report.ready && worker.runs(),
            restarts: worker.report.restarts,
            terminating: worker.deleting || worker.gone || matches!(worker.step, pod::Step::Stopping(_)),
        })
    }
    /// Whether the container of a pod runs here.
    pub fn runs(&self, pod: Key) -> bool {
        self.find(pod).is_ok_and(|ix| self.workers[ix].runs())
    }
    /// Since when a pod's container runs.
    pub fn running_since(&self, pod: Key) -> Option<LocalTime> {
        self.find(pod).ok().and_then(|ix| self.workers[ix].since())
    }
    /// Its renewals of the node's Lease.
    pub const fn heartbeat(&self) -> &Heartbeat {
        &self.heartbeat
    }
    /// What it says of the node.
    pub const fn status(&self) -> &NodeStatus {
        &self.status
    }
    /// What it has to say of pods.
    pub const fn queue(&self) -> &StatusQueue {
        &self.queue
    }
    /// Its users.
    pub const fn traffic(&self) -> &Traffic {
        &self.traffic
    }
    /// Where its connection to an API server is.
    pub const fn connection(&self) -> HttpState {
        self.line.http().state()
    }
    /// Whether it has the API's list of its pods.
    pub const fn synced(&self) -> bool {
        self.pods.synced()
    }
    /// How many containers exited by themselves.
    pub const fn exits(&self) -> u32 {
        self.exits
    }

    fn find(&self, pod: Key) -> Result<usize, usize> {
        self.workers.binary_search_by_key(&pod, |worker| worker.key)
    }
    fn boot(&mut self, cx: &mut Cx<'_>) {
        let fresh = Self::fresh(self.node, self.directory);
        let mut workers = core::mem::take(&mut self.workers);
        let (traffic, exits, joined) = (core::mem::take(&mut self.traffic), self.exits, self.joined);
        *self = Self { traffic, exits, ..fresh };
        self.traffic.on_boot();
        workers.retain_mut(|worker| worker.on_boot(cx.now, cx.rng));
        self.workers = workers;
        self.workers_due = Some(cx.now);
        if joined {
            self.start_at = Some(cx.now + cx.rng.draw().up_to(SPREAD.scale(self.directory.nodes.into(), 1)));
            self.heartbeat = Heartbeat::new(cx.now + cx.rng.draw().up_to(heartbeat::RENEW_INTERVAL));
            self.status = NodeStatus::running(cx.now, cx.rng.draw().up_to(node_status::REPORT_FREQUENCY));
        } else {
            self.start_at = Some(cx.now);
            self.heartbeat = Heartbeat::new(cx.now);
            self.status = NodeStatus::new(cx.now);
        }
    }
    /// Whatever is due at this moment.
    fn work(&mut self, cx: &mut Cx<'_>) {
        if self.start_at.is_some_and(|at| at <= cx.now) {
            self.start_at = None;
            self.pods.start(cx, &mut self.line);
            self.own.start(cx, &mut self.line);
        }
        self.pods.on_timer(cx, &mut self.line);
        self.own.on_timer(cx, &mut self.line);
        if let Some(call) = self.heartbeat.on_timer(cx.now) {
            self.ask_lease(cx, call);
        }
        if let Some(call) = self.status.on_timer(cx.now) {
            self.ask_node(cx, call);
        }
        self.queue.on_timer(cx.now);
        self.draw_failures(cx);
        if self.workers_due.is_some_and(|due| due <= cx.now) {
            let mut ix = 0;
            while ix < self.workers.len() {
                ix += usize::from(self.tend(cx, ix));
            }
            self.workers_due = self.workers.iter().filter_map(Worker::next_timer).min();
        }
    }
    fn ask_lease(&mut self, cx: &mut Cx<'_>, call: heartbeat::Call) {
        let (key, level) = (Key::node_lease(self.node), Level::NodeHigh);
        let value = heartbeat::lease_value(self.node, cx.now);
        let request = match call {
            heartbeat::Call::Get => Request::get(key, level),
            heartbeat::Call::Create => Request::create(key, value, level),
            heartbeat::Call::Update(latest) => Request::update(key, latest, value, level),
        };
        self.line.request(cx, request, heartbeat::TIMEOUT, tag(HEARTBEAT, 0));
    }
    fn ask_node(&mut self, cx: &mut Cx<'_>, call: node_status::Call) {
        let (key, level) = (Key::node(self.node), Level::NodeHigh);
        let request = match call {
            node_status::Call::Create => {
                let node = node_status::new_node(self.node, cx.now);
                Request::create(key, Object::Node(Arc::new(node)).value(), level)
            }
            node_status::Call::Get => Request::get(key, level),
            node_status::Call::Patch => {
                Request::patch(key, Change::NodeStatus { ready: Condition::True, at: cx.now }, level)
            }
        };
        self.line.request(cx, request, heartbeat::TIMEOUT, tag(NODE_STATUS, call as u64));
    }
    /// Containers that exit by themselves, at the dial's rate, whatever else goes on.
    fn draw_failures(&mut self, cx: &mut Cx<'_>) {
        let rate_milli = u64::from(cx.knobs.get(Knob::PodFailureRate));
        if rate_milli == 0 || self.failures_at > cx.now {
            return;
        }
        self.failures_at = cx.now + FAILURES_EVERY;
        // Thousandths per hour, as parts per million in ten seconds.
        let chance = Ppm::new((rate_milli * 1_000 * FAILURES_EVERY.ms() / 3_600_000) as u32);
        for worker in &mut self.workers {
            if cx.rng.draw().chance(chance) {
                worker.fail_at(cx.now + cx.rng.draw().up_to(FAILURES_EVERY));
                self.workers_due = Some(cx.now);
            }
        }
    }
    /// Lets a worker do what is due. Returns whether it is still there.
    fn tend(&mut self, cx: &mut Cx<'_>, ix: usize) -> bool {
        while let Some(happened) = self.workers[ix].on_timer(cx.now, cx.rng) {
            let (key, node) = (self.workers[ix].key, u32::from(self.node));
            let kind = match happened {
                Happened::Started => NoteKind::PodStarted,
                Happened::Ready => NoteKind::PodReady,
                Happened::Seen => continue,
                Happened::Exited => {
                    self.exits += 1;
                    self.hang_up(cx, key);
                    NoteKind::ContainerExited
                }
                Happened::Restarts(wait) => {
                    cx.note(Note::new(NoteKind::ContainerRestarts, wait.ms() as u32, key.0));
                    continue;
                }
                Happened::Stopped => {
                    self.hang_up(cx, key);
                    NoteKind::PodEnded
                }
            };
            cx.note(Note::new(kind, node, key.0));
        }
        if let Some(claim) = self.workers[ix].wants_attachment(cx.now) {
            let key = Key::attachment(claim, self.node);
            let rest = self.workers[ix].key.0;
            self.line.request(cx, Request::get(key, Level::System), NO_TIMEOUT, tag(ATTACHMENT, rest));
        }
        self.settle(cx, ix)
    }
    /// After a worker changed: tells the API, or forgets it. Returns whether it is still there.
    fn settle(&mut self, cx: &mut Cx<'_>, ix: usize) -> bool {
        let worker = &self.workers[ix];
        self.workers_due = earlier(self.workers_due, worker.next_timer());
        if worker.has_news() {
            self.queue.add(worker.key);
        }
        if !worker.gone || worker.step != pod::Step::Ended {
            return true;
        }
        let key = self.workers.remove(ix).key;
        if let Some(kv) = self.pods.get(key).cloned() {
            self.on_pod(cx, &kv); // Another pod of the same name.
        }
        false
    }
    /// The kernel resets what is left of a container's connections.
    fn hang_up(&mut self, cx: &mut Cx<'_>, pod: Key) {
        while let Some(conn) = self.traffic.take_conn_of(pod) {
            cx.abort(conn);
        }
    }
    fn stop(&mut self, cx: &mut Cx<'_>, ix: usize, grace: Span) {
        self.workers[ix].stop(cx.now, grace, cx.rng);
        self.settle(cx, ix);
    }

    fn on_pod_delta(&mut self, cx: &mut Cx<'_>, delta: &Delta) {
        match &delta.after {
            Some(kv) => self.on_pod(cx, kv),
            None => {
                if let Ok(ix) = self.find(delta.key) {
                    self.workers[ix].gone = true;
                    self.stop(cx, ix, ORPHAN_GRACE);
                }
            }
        }
    }
    /// The API has this pod for this node.
    fn on_pod(&mut self, cx: &mut Cx<'_>, kv: &KeyValue) {
        let Some(pod) = kv.value.object.pod() else { return };
        let ix = match self.find(kv.key) {
            Ok(ix) => ix,
            Err(ix) => {
                let worker = Worker::wanted(kv, pod, cx.now, cx.rng);
                self.workers.insert(ix, worker);
                self.settle(cx, ix);
                return;
            }
        };
        let grace = Span::from_secs(pod.grace_s.into());
        let worker = &mut self.workers[ix];
        if !worker.adopt(kv, pod) {
            worker.gone = true;
            self.stop(cx, ix, ORPHAN_GRACE);
        } else if pod.deleted.is_some() && !worker.deleting {
            worker.deleting = true;
            self.stop(cx, ix, grace);
        } else if pod.is_terminal() && worker.step != pod::Step::Ended {
            self.stop(cx, ix, grace);
        } else if worker.has_news() {
            // Somebody else wrote it, or it is on its way: the next batch finds out.
            self.queue.add_late(cx.now, kv.key);
        }
    }
    /// The first list is there: a container that no pod asks for is stopped.
    fn on_synced(&mut self, cx: &mut Cx<'_>) {
        self.ready = true;
        for ix in (0..self.workers.len()).rev() {
            if !self.workers[ix].known {
                self.workers[ix].gone = true;
                self.stop(cx, ix, ORPHAN_GRACE);
            }
        }
    }
    /// Tells the API of the next pod.
    fn tell(&mut self, cx: &mut Cx<'_>) {
        while let Some(key) = self.queue.take() {
            let Ok(ix) = self.find(key) else { continue };
            let worker = &self.workers[ix];
            if worker.has_news() {
                let (uid, report) = (worker.uid, worker.report);
                self.ask_pod(cx, Flight { key, uid, step: Step::Get, report });
            }
        }
    }
    fn ask_pod(&mut self, cx: &mut Cx<'_>, flight: Flight) {
        let Flight { key, uid, step, report } = flight;
        let request = match step {
            Step::Get => Request::get(key, Level::System),
            Step::Patch => {
                let Report { phase, ready, restarts } = report;
                Request::patch(key, Change::PodStatus { phase, ready, restarts, at: cx.now }, Level::System)
            }
            Step::Delete => Request::delete(key, Some(0), uid, Level::System),
        };
        self.queue.fly(flight);
        self.line.request(cx, request, NO_TIMEOUT, tag(POD_STATUS, 0));
    }
    fn on_told(&mut self, cx: &mut Cx<'_>, done: &Done) {
        let Some(flight) = self.queue.land() else { return };
        let Ok(ix) = self.find(flight.key) else { return };
        let worker = &mut self.workers[ix];
        if worker.uid != flight.uid || worker.gone || done.status == Status::NotFound {
            return; // It is gone, as its informer will tell.
        }
        if !done.status.is_ok() {
            if flight.step != Step::Delete || done.status != Status::Conflict {
                self.queue.add_late(cx.now, flight.key);
            }
            return;
        }
        match flight.step {
            Step::Get => {
                let kv = done.kv.as_ref().filter(|kv| kv.create_revision == flight.uid);
                let Some(pod) = kv.and_then(|kv| kv.value.object.pod()) else { return };
                worker.told = Report::of(pod);
                worker.deleting |= pod.deleted.is_some() && worker.step == pod::Step::Ended;
            }
            Step::Patch => worker.told = flight.report,
            Step::Delete => return,
        }
        let (report, uid, key) = (worker.report, flight.uid, flight.key);
        if report != worker.told {
            self.ask_pod(cx, Flight { key, uid, step: Step::Patch, report });
        } else if worker.finished() {
            self.ask_pod(cx, Flight { key, uid, step: Step::Delete, report });
        }
    }
    fn on_attachment(&mut self, cx: &mut Cx<'_>, done: &Done) {
        let pod = Key((done.tag & REST) | Kind::Pod.first().0);
        let Ok(ix) = self.find(pod) else { return };
        let object = done.kv.as_ref().map(|kv| &kv.value.object);
        let attached = matches!(object, Some(Object::VolumeAttachment(it)) if it.attached && it.detaching.is_none());
        self.workers[ix].on_attached(cx.now, attached, cx.rng);
        self.settle(cx, ix);
    }
    fn on_news(&mut self, cx: &mut Cx<'_>, news: &News) {
        if self.pods.on_news(cx, &mut self.line, news) {
            while let Some(delta) = self.pods.take_delta() {
                self.on_pod_delta(cx, &delta);
            }
            if !self.ready && self.pods.synced() {
                self.on_synced(cx);
            }
            return;
        }
        if self.own.on_news(cx, &mut self.line, news) {
            while let Some(delta) = self.own.take_delta() {
                if let Some(node) = delta.after.as_ref().and_then(|kv| kv.value.object.node()) {
                    self.status.on_node(cx.now, node.ready);
                }
            }
            return;
        }
        let News::Done(done) = news else { return };
        match (done.tag >> 56) as u8 {
            HEARTBEAT => {
                let revision = done.kv.as_ref().map_or(0, |kv| kv.mod_revision);
                if let Some(call) = self.heartbeat.on_reply(cx.now, done.status, revision, cx.rng) {
                    self.ask_lease(cx, call);
                }
            }
            NODE_STATUS => {
                let call = match done.tag & REST {
                    0 => node_status::Call::Create,
                    1 => node_status::Call::Get,
                    _ => node_status::Call::Patch,
                };
                if call == node_status::Call::Create && done.status.is_ok() {
                    cx.note(Note::new(NoteKind::NodeRegistered, self.node.into(), 0));
                }
                if let Some(call) = self.status.on_reply(cx.now, call, done.status) {
                    self.ask_node(cx, call);
                }
            }
            POD_STATUS => self.on_told(cx, done),
            ATTACHMENT => self.on_attachment(cx, done),
            _ => {}
        }
    }

    fn on_user(&mut self, cx: &mut Cx<'_>, conn: ConnId, up: ConnUp) {
        match up {
            ConnUp::Accepted { port: Port::Pod(pod), .. } => {
                let runs = self.runs(pod);
                if !self.traffic.open(conn, pod, runs) {
                    cx.abort(conn);
                }
            }
            ConnUp::Accepted { .. } => cx.abort(conn),
            ConnUp::PeerClosed => {
                if self.traffic.close(conn) {
                    cx.close(conn);
                }
            }
            ConnUp::Failed(_) => {
                self.traffic.close(conn);
            }
            ConnUp::Connected | ConnUp::Full | ConnUp::Writable => {}
        }
    }
    fn on_request(&mut self, cx: &mut Cx<'_>, conn: ConnId, request: u32) {
        let at = cx.now + traffic::SERVE_MIN + cx.rng.draw().up_to(traffic::SERVE_MORE);
        if self.traffic.pod(conn).is_some() && !self.traffic.ask(at, conn, request) {
            self.traffic.close(conn);
            cx.abort(conn);
        }
    }
    fn next_timer(&self) -> Option<LocalTime> {
        let informers = earlier(self.pods.next_timer(), self.own.next_timer());
        let node = earlier(self.heartbeat.next_timer(), self.status.next_timer());
        let pods = earlier(self.workers_due, self.queue.next_timer());
        earlier(earlier(informers, self.start_at), earlier(node, pods))
    }
}

impl Actor for Kubelet {
    #[inline(never)] // See `Role::handle`.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match input {
            Input::Boot => {
                self.boot(cx);
                self.work(cx);
            }
            Input::Timer(role::Timer::Kubelet(Timer::Work)) => {
                self.work.fired();
                self.work(cx);
            }
            Input::Timer(role::Timer::Kubelet(Timer::Serve)) => {
                self.serve.fired();
                while let Some(due) = self.traffic.take_due(cx.now) {
                    cx.send(due.conn, traffic::REPLY_BYTES, Message::UserReply(due.request));
                }
                self.serve.ensure(cx, Timer::Serve, self.traffic.next_timer());
                return;
            }
            Input::Timer(role::Timer::Kubelet(Timer::Http)) => self.line.on_timer(cx),
            Input::Conn(conn, up) if self.line.owns(conn) => self.line.on_conn(cx, conn, up),
            Input::Message(conn, ref message) if self.line.owns(conn) => self.line.on_message(cx, conn, message),
            Input::Conn(conn, up) => return self.on_user(cx, conn, up),
            Input::Message(conn, Message::UserRequest(request)) => {
                self.on_request(cx, conn, request);
                self.serve.ensure(cx, Timer::Serve, self.traffic.next_timer());
                return;
            }
            _ => {}
        }
        self.tell(cx);
        while let Some(news) = self.line.take_news() {
            self.on_news(cx, &news);
            self.tell(cx);
        }
        self.work.ensure(cx, Timer::Work, self.next_timer());
        self.line.arm(cx, Timer::Http);
    }
}

#[cfg(test)]
mod tests;
