//! For tests of the manager: an API server, a scheduler and kubelets that always do their part, around one process.

use super::Control;
use super::manager::Manager;
use crate::actor::role::{Directory, Note, NoteKind};
use crate::actor::wire::Message;
use crate::actor::{ConnUp, Effect, Input, Port};
use crate::api::rpc::{Body, EventType, List, Reply, Request, Status, Verb, WatchEvent, WatchEvents};
use crate::client::bench::{Bench, at};
use crate::control::Work;
use crate::engine::{LocalTime, Span};
use crate::net::packet::ConnId;
use crate::net::tcp::Reason;
use crate::object::*;
use crate::scenario::population::{Population, START};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

pub const DIRECTORY: Directory = Directory::stacked(3, 0);
const LATENCY: Span = Span::from_ms(2);
/// How long a container takes to start, or to stop.
const CONTAINER: Span = Span::from_secs(1);

/// The cluster around the manager.
#[derive(Default)]
pub struct World {
    pub store: BTreeMap<Key, KeyValue>,
    pub revision: u64,
    watches: Vec<(ConnId, u32, Kind)>,
    history: Vec<WatchEvent>,
    out: Vec<(Span, Input)>,
    now: LocalTime,
    /// Nodes whose kubelet is silent.
    pub dead: BTreeSet<NodeId>,
    /// Whether new pods become ready.
    pub sick: bool,
    pub idles: bool,
    pub refuses: bool,
    pub mute: bool,
    /// Creations of pods that fail.
    pub fails: u32,
    /// What was written, and by whom: the manager, with the answer.
    pub writes: Vec<(LocalTime, Request, Status)>,
    bound: BTreeMap<Key, LocalTime>,
    going: BTreeMap<Key, LocalTime>,
    names: u32,
}

impl World {
    pub fn put(&mut self, key: Key, object: Object) -> u64 {
        self.revision += 1;
        let (mod_revision, before) = (self.revision, self.store.get(&key));
        let create_revision = before.map_or(mod_revision, |kv| kv.create_revision);
        let version = before.map_or(1, |kv| kv.version + 1);
        let event = if before.is_none() { EventType::Added } else { EventType::Modified };
        let kv = KeyValue { key, value: object.value(), create_revision, mod_revision, version };
        self.store.insert(key, kv.clone());
        self.tell(event, kv);
        mod_revision
    }
    pub fn remove(&mut self, key: Key) {
        let mut kv = self.store.remove(&key).expect("it is there");
        self.revision += 1;
        kv.mod_revision = self.revision;
        self.tell(EventType::Deleted, kv);
    }
    fn tell(&mut self, event: EventType, kv: KeyValue) {
        self.history.push(WatchEvent { event, kv: kv.clone() });
        for (conn, id, kind) in &self.watches {
            if *kind == kv.key.kind() {
                let events = [WatchEvent { event, kv: kv.clone() }].into();
                let events = WatchEvents { id: *id, events, bookmark: None, end: None };
                self.out.push((LATENCY + LATENCY, Input::Message(*conn, Message::ApiEvents(events))));
            }
        }
    }
    pub fn patch(&mut self, key: Key, change: Change) -> bool {
        let Some(kv) = self.store.get(&key) else { return false };
        let mut object = kv.value.object.clone();
        assert!(change.apply(&mut object), "{change:?}");
        self.put(key, object);
        true
    }
    pub fn pods(&self) -> impl Iterator<Item = (Key, &Pod)> {
        self.store.values().filter_map(|kv| Some((kv.key, kv.value.object.pod()?)))
    }
    pub fn pod(&self, key: Key) -> &Pod {
        self.store[&key].value.object.pod().expect("a Pod")
    }
    pub fn deployment(&self, workload: WorkloadId) -> &Deployment {
        let kv = &self.store[&Key::of_workload(Kind::Deployment, workload)];
        kv.value.object.deployment().expect("a Deployment")
    }
    pub fn node(&self, id: NodeId) -> &Node {
        self.store[&Key::node(id)].value.object.node().expect("a Node")
    }

    fn answer(&mut self, conn: ConnId, request: &Request) {
        let mut reply = Reply::new(request.id, Status::Ok);
        match request.verb {
            Verb::Get => match self.store.get(&request.key) {
                Some(kv) => reply.kv = Some(kv.clone()),
                None => reply.status = Status::NotFound,
            },
            Verb::Livez | Verb::Readyz => {}
            Verb::List => {
                let (from, to) = (request.key, request.key.kind().end());
                let items = self.store.range(from..to).map(|(_, kv)| kv.clone()).collect();
                reply.list = Some(Arc::new(List { revision: self.revision, items, more: false }));
            }
            Verb::Watch => {
                let (id, kind) = (request.id, request.key.kind());
                self.watches.push((conn, id, kind));
                let fits = |it: &&WatchEvent| it.kv.key.kind() == kind && it.kv.mod_revision > request.expected();
                let missed: Vec<WatchEvent> = self.history.iter().filter(fits).cloned().collect();
                let events = WatchEvents { id, events: missed.into(), bookmark: None, end: None };
                self.out.push((LATENCY + LATENCY, Input::Message(conn, Message::ApiEvents(events))));
            }
            _ => {
                reply.status = self.write(request, &mut reply.kv);
                if request.key.kind() != Kind::Lease {
                    self.writes.push((self.now, request.clone(), reply.status));
                }
            }
        }
        self.out.push((LATENCY, Input::Message(conn, Message::ApiReply(Box::new(reply)))));
    }
    fn write(&mut self, request: &Request, out: &mut Option<KeyValue>) -> Status {
        let mut key = request.key;
        let before = self.store.get(&key).cloned();
        match (&request.body, request.verb) {
            (Body::Value(value), Verb::Create) => {
                if key.kind() == Kind::Pod && self.fails > 0 {
                    self.fails -= 1;
                    return Status::InternalError;
                }
                if key.number() == Request::GENERATE_NAME {
                    self.names += 1;
                    key = Key::new(key.kind(), key.group(), key.template(), self.names);
                } else if before.is_some() {
                    return Status::Conflict;
                }
                self.put(key, value.object.clone());
            }
            (Body::Value(value), Verb::Update) => {
                let Some(before) = before else { return Status::NotFound };
                if before.mod_revision != request.expected() {
                    return Status::Conflict;
                }
                self.put(key, value.object.clone());
            }
            (Body::Change(change), Verb::Patch) => {
                let Some(before) = before else { return Status::NotFound };
                let mut object = before.value.object;
                if !change.apply(&mut object) {
                    return Status::Conflict;
                }
                self.put(key, object);
            }
            (Body::Delete { grace_s, uid }, Verb::Delete) => {
                let Some(before) = before else { return Status::NotFound };
                if *uid != 0 && *uid != before.create_revision {
                    return Status::Conflict;
                }
                let gentle = before.value.object.pod().filter(|pod| pod.node.is_some() && !pod.is_terminal());
                match gentle.filter(|_| *grace_s != Some(0)) {
                    Some(pod) if pod.deleted.is_none() => {
                        let pod = Pod { deleted: Some(self.now), ..pod.clone() };
                        self.put(key, Object::Pod(Arc::new(pod)));
                    }
                    Some(_) => {}
                    None => self.remove(key),
                }
                return Status::Ok;
            }
            _ => panic!("{request:?}"),
        }
        *out = self.store.get(&key).cloned();
        Status::Ok
    }
    /// Only leases are renewed, a hundredth of them at a time.
    fn idle(&mut self) {
        let turn = (self.now.ns() / 100_000_000 % 100) as NodeId;
        let nodes = self.store.range(Kind::Node.first()..Kind::Node.end()).count() as NodeId;
        for id in (turn..nodes).step_by(100) {
            self.put(Key::node_lease(id), Object::Words([self.now.ns(), 0, 0]));
        }
    }
    /// The scheduler and the kubelets do what is to be done.
    fn tick(&mut self) {
        if self.idles {
            return self.idle();
        }
        let now = self.now;
        let pods: Vec<(Key, Pod)> = self.pods().map(|(key, pod)| (key, pod.clone())).collect();
        let nodes: Vec<Node> = self.store.values().filter_map(|kv| kv.value.object.node().cloned()).collect();
        let mut load: BTreeMap<NodeId, u32> = nodes.iter().map(|node| (node.id, 0)).collect();
        pods.iter().filter_map(|(_, pod)| pod.node).for_each(|node| *load.entry(node).or_default() += 1);
        for (key, pod) in pods {
            let Some(node) = pod.node else {
                let fits = |node: &&Node| match pod.only_node {
                    Some(only) => node.id == only,
                    None => !node.taints.no_schedule && !node.unschedulable,
                };
                if let Some(node) = nodes.iter().filter(fits).min_by_key(|node| (load[&node.id], node.id)) {
                    *load.entry(node.id).or_default() += 1;
                    self.patch(key, Change::Bind(node.id));
                }
                continue;
            };
            if self.dead.contains(&node) {
                continue;
            }
            if pod.deleted.is_some() {
                if *self.going.entry(key).or_insert(now) + CONTAINER <= now {
                    self.going.remove(&key);
                    self.bound.remove(&key);
                    self.remove(key);
                }
            } else if !pod.ready && !self.sick && self.attached(&pod) {
                let since = *self.bound.entry(key).or_insert(now);
                if pod.phase == Phase::Running || since + CONTAINER <= now {
                    let (phase, restarts) = (Phase::Running, pod.restarts);
                    self.patch(key, Change::PodStatus { phase, ready: true, restarts, at: now });
                }
            }
        }
        for node in nodes {
            if self.dead.contains(&node.id) {
                continue;
            }
            let due = Span::from_secs(10).ns();
            if now.ns().is_multiple_of(due) {
                self.put(Key::node_lease(node.id), Object::Words([now.ns(), 0, 0]));
                if node.ready != Condition::True {
                    self.patch(Key::node(node.id), Change::NodeStatus { ready: Condition::True, at: now });
                }
            }
        }
    }
    fn attached(&self, pod: &Pod) -> bool {
        let Some((claim, node)) = pod.claim.zip(pod.node) else { return true };
        let kv = self.store.get(&Key::attachment(claim, node));
        kv.is_some_and(|kv| matches!(kv.value.object, Object::VolumeAttachment(it) if it.attached))
    }
}

/// A manager in a world.
pub struct Cluster {
    pub bench: Bench<Control>,
    pub world: World,
}

impl Cluster {
    /// So many ready nodes in so many zones.
    pub fn new(nodes: NodeId, zones: u8) -> Self {
        let mut world = World::default();
        for id in 0..nodes {
            let node = Node {
                id,
                zone: (id % NodeId::from(zones)) as u8,
                capacity: 110,
                ready: Condition::True,
                heartbeat: LocalTime::ZERO,
                transition: LocalTime::ZERO,
                unschedulable: false,
                taints: Taints::default(),
            };
            world.put(Key::node(id), Object::Node(Arc::new(node)));
            world.put(Key::node_lease(id), Object::Words([0, 0, 0]));
        }
        Self::begin(world, LocalTime::ZERO)
    }
    fn begin(world: World, now: LocalTime) -> Self {
        let mut bench = Bench::new(Control::new(0, 0, DIRECTORY), DIRECTORY.control(0, 0));
        bench.now = now;
        bench.later(Span::ZERO, Input::Boot);
        Self { bench, world }
    }
    /// The standard cluster, a day after its clocks read zero.
    pub fn standard(nodes: NodeId) -> Self {
        let mut it = Self::begin(World::default(), START);
        it.world.revision = 1;
        for (key, value) in Population::new(Directory::stacked(3, nodes), 1).objects {
            it.world.put(key, value.object);
        }
        it
    }
    /// A Deployment with its Service.
    pub fn deploy(&mut self, workload: WorkloadId, replicas: u32) {
        let deployment = Deployment {
            workload,
            generation: 1,
            replicas,
            template: 1,
            max_surge_pct: 25,
            max_unavailable_pct: 25,
            progress_deadline_s: 600,
            observed_generation: 0,
            status_replicas: 0,
            updated: 0,
            ready: 0,
            available: 0,
            progressed: LocalTime::ZERO,
            deadline_exceeded: false,
        };
        self.world.put(Key::of_workload(Kind::Deployment, workload), Object::Deployment(Arc::new(deployment)));
        self.world.put(Key::of_workload(Kind::Service, workload), Object::Service(Service { workload }));
    }
    /// A StatefulSet with claims.
    pub fn stateful_set(&mut self, workload: WorkloadId, replicas: u32) {
        let set = StatefulSet {
            workload,
            generation: 1,
            replicas,
            template: 1,
            claims: true,
            observed_generation: 0,
            status_replicas: 0,
            ready: 0,
            updated: 0,
            current_template: 1,
        };
        self.world.put(Key::of_workload(Kind::StatefulSet, workload), Object::StatefulSet(Arc::new(set)));
    }
    /// A DaemonSet.
    pub fn daemon_set(&mut self, workload: WorkloadId) {
        let set = DaemonSet {
            workload,
            generation: 1,
            template: 1,
            observed_generation: 0,
            desired: 0,
            current: 0,
            ready: 0,
            updated: 0,
        };
        self.world.put(Key::of_workload(Kind::DaemonSet, workload), Object::DaemonSet(Arc::new(set)));
    }
    /// Runs until so many seconds after the start.
    pub fn run(&mut self, until_s: u64) {
        let (bench, world) = (&mut self.bench, &mut self.world);
        while bench.now < at(until_s * 1000) {
            let next = bench.now + Span::from_ms(100);
            bench.run(next, |now, effect| {
                world.now = now;
                match effect {
                    Effect::Open(conn, _, Port::Api) if world.refuses => {
                        world.out.push((LATENCY, Input::Conn(*conn, ConnUp::Failed(Reason::Refused))));
                    }
                    Effect::Open(conn, _, Port::Api) => {
                        world.watches.clear();
                        world.out.push((LATENCY, Input::Conn(*conn, ConnUp::Connected)));
                    }
                    Effect::Send(conn, _, Message::Ping) if !world.mute => {
                        world.out.push((LATENCY, Input::Message(*conn, Message::Pong)));
                    }
                    Effect::Send(conn, _, Message::Api(request)) if !world.mute => world.answer(*conn, request),
                    Effect::Exit(_) => world.watches.clear(),
                    _ => {}
                }
                core::mem::take(&mut world.out)
            });
            world.now = bench.now;
            world.tick();
            for (after, input) in core::mem::take(&mut world.out) {
                bench.later(after, input);
            }
        }
    }
    /// Another process takes the place of the manager.
    pub fn restart(&mut self) {
        self.world.watches.clear();
        self.bench.later(Span::ZERO, Input::Boot);
    }
    pub fn manager(&self) -> &Manager {
        let Work::Manager(manager) = self.bench.actor.work() else { panic!("a scheduler") };
        manager
    }
    /// Notes of a kind, with the second in which each was made.
    pub fn notes(&self, kind: NoteKind) -> Vec<(u64, Note)> {
        let notes = self.bench.notes().filter(|(_, note)| note.kind == kind);
        notes.map(|(when, note)| (when.ns() / 1_000_000_000, note)).collect()
    }
    /// The manager's requests of a verb for a kind since so many seconds: when, in ms, and which.
    pub fn requests(&self, verb: Verb, kind: Kind, since_s: u64) -> Vec<(u64, Key)> {
        let mine = self.world.writes.iter().filter(|(when, request, status)| {
            request.verb == verb && request.key.kind() == kind && *when >= at(since_s * 1000) && status.is_ok()
        });
        mine.map(|(when, request, _)| (when.ns() / 1_000_000, request.key)).collect()
    }
}
