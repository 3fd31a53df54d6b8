//! kube-controller-manager: how it starts, its informers, and its controllers once it holds its Lease.
//!
//! A starting process reads one ConfigMap and exits if it cannot. Once it leads it waits for the API server to be well,
//! finds out what there is, and lists; each controller works from when its own informers have synced.
//!
//! Left out: every controller that is not in [`Name`] (namespaces, service accounts, jobs, quotas, autoscalers, ...), the
//! informers' resync, Event objects.

use super::caches::Caches;
use super::controller::{Controller, Name};
use super::memory::{Memory, Queues};
use crate::actor::Cx;
use crate::actor::role::{Note, NoteKind};
use crate::api::rpc::{Level, Request, Status, Verb};
use crate::client::earlier;
use crate::client::http::{Done, Line, NO_TIMEOUT, News};
use crate::engine::{LocalTime, Span};
use crate::object::Key;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// How long a start may hang in the read of its one ConfigMap. Sourced: apiserver
/// pkg/server/config.go#NewConfig.RequestTimeout: the API server's limit of a read, as that client sets none.
const AUTHENTICATION_TIMEOUT: Span = Span::from_secs(60);
/// How long a new leader waits for the API server to be well; then its process exits. Sourced: kubernetes
/// cmd/kube-controller-manager/app/controllermanager.go#CreateControllerContext.
pub const HEALTH_TIMEOUT: Span = Span::from_secs(10);
/// How often it asks. Sourced: kubernetes staging/src/k8s.io/controller-manager/app/helper.go#WaitForAPIServer.
const HEALTH_PERIOD: Span = Span::from_secs(1);
/// From there to the controllers' first lists. Measured: in the reference runs a new leader needs 1.5 to 2 s until its
/// first pod; what its lists and writes don't take goes into discovery and the start of some forty controllers.
const DISCOVERY: Span = Span::from_secs(1);
/// The top byte of the tags of what the process itself asks; 0 is the elector's. Code: a mark.
const OWN_TAG: u64 = 1 << 56;

/// Where the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Phase {
    /// It does not run.
    #[default]
    Off,
    /// It reads its authentication ConfigMap.
    Starting,
    /// It could not, or no API server was well in time: its process must exit.
    Failed(Status),
    /// It may campaign.
    Candidate,
    /// It leads and asks whether the API server is well, until then.
    Waiting(LocalTime),
    /// It finds out what there is, until then.
    Discovering(LocalTime),
    /// Its informers run.
    Working,
}

/// The controllers of one process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Manager {
    phase: Phase,
    ask_at: Option<LocalTime>,
    led_at: LocalTime,
    synced_at: Option<LocalTime>,
    wrote_at: Option<LocalTime>,
    caches: Caches,
    controllers: Vec<Controller>,
    /// Which controllers work, a bit for each.
    working: u32,
    memory: Memory,
    /// Requests that a client holds back, by when and in order.
    paced: BTreeMap<(LocalTime, u32), (u64, Request)>,
    order: u32,
    out: Vec<(Span, u64, Request)>,
}

impl Default for Manager {
    fn default() -> Self {
        Self {
            phase: Phase::Off,
            ask_at: None,
            led_at: LocalTime::ZERO,
            synced_at: None,
            wrote_at: None,
            caches: Caches::default(),
            controllers: Name::ALL.iter().map(|name| Controller::new(*name)).collect(),
            working: 0,
            memory: Memory::default(),
            paced: BTreeMap::new(),
            order: 0,
            out: Vec::new(),
        }
    }
}

impl Manager {
    /// Where the process is.
    pub const fn phase(&self) -> Phase {
        self.phase
    }
    /// Its informers' caches.
    pub const fn caches(&self) -> &Caches {
        &self.caches
    }
    /// Its controllers, in the order of their names.
    pub fn controllers(&self) -> &[Controller] {
        &self.controllers
    }
    /// What the controllers remember.
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }
    /// How long after it began to lead every informer had synced, and how long after that it wrote for the first time.
    pub fn warm_up(&self) -> (Option<Span>, Option<Span>) {
        let since = |at: Option<LocalTime>| at.map(|at| at.since(self.led_at));
        (since(self.synced_at), since(self.wrote_at))
    }
    /// How many requests its clients hold back.
    pub fn paced(&self) -> u32 {
        self.paced.len() as u32
    }

    /// The process starts: kubernetes apiserver pkg/server/options/authentication.go#ApplyTo.
    pub fn start(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        self.phase = Phase::Starting;
        line.request(cx, Request::get(Key::AUTHENTICATION, Level::WorkloadHigh), AUTHENTICATION_TIMEOUT, OWN_TAG);
    }
    /// The process holds the Lease.
    pub fn lead(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        self.led_at = cx.now;
        self.phase = Phase::Waiting(cx.now + HEALTH_TIMEOUT);
        self.ask(cx, line);
    }
    fn ask(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        let Phase::Waiting(until) = self.phase else { return };
        self.ask_at = None;
        line.request(cx, Request::new(Verb::Livez, Key::HEALTH, Level::Exempt), until.since(cx.now), OWN_TAG);
    }
    /// News of a request of its own.
    pub fn on_news(&mut self, cx: &mut Cx<'_>, line: &mut Line, news: &News) {
        if let Some(ix) = self.caches.on_news(cx, line, news) {
            self.drain(ix, cx.now);
        } else if let News::Done(done) = news {
            if done.tag == OWN_TAG {
                self.on_own(cx, done);
            } else if let Some(name) = Name::of_tag(done.tag) {
                self.on_answer(cx, name, done);
            }
        }
        self.pump(cx, line);
    }
    fn on_own(&mut self, cx: &mut Cx<'_>, done: &Done) {
        match self.phase {
            // Nobody wrote it: then there is nothing to know. RequestHeaderAuthRequestController.RunOnce.
            Phase::Starting if done.status.is_ok() || done.status == Status::NotFound => {
                self.phase = Phase::Candidate;
            }
            Phase::Starting => {
                cx.note(Note::new(NoteKind::StartFails, 0, u64::from(done.status as u16)));
                self.phase = Phase::Failed(done.status);
            }
            Phase::Waiting(_) if done.status.is_ok() => self.phase = Phase::Discovering(cx.now + DISCOVERY),
            Phase::Waiting(until) if until <= cx.now => {
                cx.note(Note::new(NoteKind::StartFails, 1, u64::from(done.status as u16)));
                self.phase = Phase::Failed(done.status);
            }
            Phase::Waiting(until) => self.ask_at = Some((cx.now + HEALTH_PERIOD).min(until)),
            _ => {}
        }
    }
    /// What an informer of this place tells goes to whom it concerns.
    fn drain(&mut self, ix: usize, now: LocalTime) {
        while let Some(delta) = self.caches.take_delta(ix) {
            self.memory.on_delta(&self.caches, &mut Queues(&mut self.controllers), &delta, now);
        }
    }
    fn on_answer(&mut self, cx: &mut Cx<'_>, name: Name, done: &Done) {
        let controller = &mut self.controllers[name as usize];
        let Some(answer) = controller.on_done(done) else { return };
        self.memory.on_answer(name, &answer, done.kv.as_ref());
        if answer.ok && answer.call.0.mutates() && self.wrote_at.is_none() {
            self.wrote_at = Some(cx.now);
            cx.note(Note::new(NoteKind::FirstWrite, name as u32, cx.now.since(self.led_at).us()));
        }
        self.go_on(cx, name, answer.slot);
    }
    /// Sends the next batch of a sync, or ends it.
    fn go_on(&mut self, cx: &mut Cx<'_>, name: Name, slot: usize) {
        let controller = &mut self.controllers[name as usize];
        if controller.advance(cx.now, slot, &mut self.out) {
            return;
        }
        let ended = controller.end(cx.now, slot);
        for call in ended.skipped {
            self.memory.on_failure(name, ended.item, call);
        }
        if ended.dropped {
            cx.note(Note::new(NoteKind::ItemDropped, name as u32, ended.item.name_bits()));
        }
        if let Some(note) = ended.note {
            cx.note(note);
        }
    }
    /// Its timer went off, perhaps too early.
    pub fn on_timer(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        let now = cx.now;
        match self.phase {
            Phase::Waiting(_) if self.ask_at.is_some_and(|at| at <= now) => self.ask(cx, line),
            Phase::Discovering(until) if until <= now => {
                self.phase = Phase::Working;
                self.caches.start(cx, line);
            }
            _ => {}
        }
        self.caches.on_timer(cx, line);
        let mut notes = Vec::new();
        let work = [
            (Name::NodeLifecycle, self.memory.nodes.on_timer(&self.caches, now, &mut notes)),
            (Name::TaintEviction, self.memory.evictions.on_timer(now)),
            (Name::PodGc, self.memory.pod_gc.on_timer(&self.caches, now)),
        ];
        for (name, keys) in work {
            let queue = self.controllers[name as usize].queue_mut();
            keys.into_iter().for_each(|key| queue.add(now, key));
        }
        notes.into_iter().for_each(|note| cx.note(note));
        while let Some(entry) = self.paced.first_entry().filter(|entry| entry.key().0 <= now) {
            let (tag, request) = entry.remove();
            line.request(cx, request, NO_TIMEOUT, tag);
        }
        self.pump(cx, line);
    }
    /// Free workers take what is in the queues, and requests go out.
    fn pump(&mut self, cx: &mut Cx<'_>, line: &mut Line) {
        if self.phase != Phase::Working {
            return;
        }
        self.begin(cx);
        for name in Name::ALL {
            if self.works(name) {
                while let Some(key) = self.controllers[name as usize].take(cx.now) {
                    let plan = self.memory.sync(name, &self.caches, key, cx.now);
                    let slot = self.controllers[name as usize].begin(cx.now, key, plan);
                    self.go_on(cx, name, slot);
                }
            }
        }
        for (wait, tag, request) in self.out.drain(..) {
            if wait.is_zero() {
                line.request(cx, request, NO_TIMEOUT, tag);
            } else {
                self.order = self.order.wrapping_add(1);
                self.paced.insert((cx.now + wait, self.order), (tag, request));
            }
        }
    }
    const fn works(&self, name: Name) -> bool {
        self.working & 1 << name as u32 != 0
    }
    /// Controllers whose informers have synced begin.
    fn begin(&mut self, cx: &mut Cx<'_>) {
        if self.synced_at.is_some() {
            return;
        }
        for name in Name::ALL {
            if !self.works(name) && self.caches.synced(name.needs()) {
                self.working |= 1 << name as u32;
                if name == Name::NodeLifecycle {
                    self.memory.nodes.start(cx.now);
                }
                if name == Name::PodGc {
                    let nodes = self.caches.nodes_of_pods().filter(|node| self.caches.node(*node).is_none());
                    nodes.for_each(|node| self.memory.pod_gc.on_gone(node, cx.now));
                }
            }
        }
        if Name::ALL.iter().all(|name| self.works(*name)) {
            self.synced_at = Some(cx.now);
            cx.note(Note::new(NoteKind::InformersSynced, 0, cx.now.since(self.led_at).us()));
        }
    }
    /// When it wants [`Manager::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        match self.phase {
            Phase::Waiting(_) => self.ask_at,
            Phase::Discovering(until) => Some(until),
            Phase::Working => self.next_work(),
            _ => None,
        }
    }
    fn next_work(&self) -> Option<LocalTime> {
        let held = self.paced.first_key_value().map(|((at, _), _)| *at);
        let own = earlier(earlier(self.caches.next_timer(), self.memory.next_timer()), held);
        // A controller without a free worker looks at its queue when one becomes free.
        let idle = self.controllers.iter().filter(|it| self.works(it.name()) && it.has_free_worker());
        idle.map(|it| it.queue().next_timer()).fold(own, earlier)
    }
}
