//! A node's kube-proxy: what it knows of Services becomes rules of the host.
//!
//! The rules are the kernel's: they work on, ever staler, when the API is silent or the process is gone. Left out: the
//! sync every 30 s and the full rewrite every hour, which write what is there already (they would matter if somebody
//! else changed the rules); topology hints; session affinity. Simplified: an endpoint that terminates is thought to serve.

use crate::actor::role::Directory;
use crate::actor::wire::Message;
use crate::actor::{Actor, Address, ConnUp, Cx, Input, Port, ProgramId, Target, role};
use crate::api::rpc::{Level, Selector};
use crate::client::http::{Line, News, State as HttpState};
use crate::client::informer::Informer;
use crate::client::{Alarm, earlier};
use crate::engine::{LocalTime, Span};
use crate::object::{Endpoint, Key, Kind, NodeId, WorkloadId};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The top byte of the tags of the Services' informer. Code: a mark.
const SERVICES: u8 = 1;
/// Of the EndpointSlices' informer. Code: a mark.
const SLICES: u8 = 2;
/// kube-proxy writes rules at most so often. Flag: minSyncPeriod. Sourced: kubernetes
/// pkg/proxy/apis/config/v1alpha1/defaults.go#IPTables.MinSyncPeriod.
pub const MIN_SYNC_PERIOD: Span = Span::from_secs(1);
/// What /healthz answers with. Chosen: a short JSON object with its headers.
const HEALTH_BYTES: u32 = 200;
/// When a run begins, proxies' informers start within so much time per node. Chosen: they have run for long.
const SPREAD: Span = Span::from_ms(1);

/// Its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Its HTTP client's next deadline.
    Http,
    /// Everything else that is due.
    Work,
}

impl From<Timer> for role::Timer {
    fn from(timer: Timer) -> Self {
        Self::Proxy(timer)
    }
}

/// A node's kube-proxy: what it knows of Services becomes rules of the host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proxy {
    node: NodeId,
    directory: Directory,
    line: Line,
    services: Informer,
    slices: Informer,
    start_at: Option<LocalTime>,
    /// What it wrote, by Service.
    rules: Vec<(WorkloadId, Arc<[Target]>)>,
    /// It does not know if the kernel still has that: everything is written.
    rewrite: bool,
    /// Services that changed since, in order.
    changed: Vec<WorkloadId>,
    last_sync: Option<LocalTime>,
    syncs: u32,
    alarm: Alarm,
}

impl Proxy {
    /// At the beginning of a run.
    pub fn new(node: NodeId, directory: Directory) -> Self {
        Self {
            node,
            directory,
            line: Line::new(ProgramId::API_SERVERS),
            services: Informer::new(Kind::Service, Selector::All, Level::System, SERVICES),
            slices: Informer::new(Kind::EndpointSlice, Selector::All, Level::System, SLICES),
            start_at: None,
            rules: Vec::new(),
            rewrite: true,
            changed: Vec::new(),
            last_sync: None,
            syncs: 0,
            alarm: Alarm::default(),
        }
    }
    /// Its node.
    pub const fn node(&self) -> NodeId {
        self.node
    }
    /// What it wrote, by Service.
    pub fn rules(&self) -> &[(WorkloadId, Arc<[Target]>)] {
        &self.rules
    }
    /// Where it sends connections to a Service.
    pub fn targets(&self, service: WorkloadId) -> &[Target] {
        let ix = self.rules.binary_search_by_key(&service, |(service, _)| *service);
        ix.map_or(&[], |ix| &*self.rules[ix].1)
    }
    /// When it last wrote rules, or found them right.
    pub const fn last_sync(&self) -> Option<LocalTime> {
        self.last_sync
    }
    /// How often it did.
    pub const fn syncs(&self) -> u32 {
        self.syncs
    }
    /// Whether it has heard of all Services and their endpoints.
    pub const fn synced(&self) -> bool {
        self.services.synced() && self.slices.synced()
    }
    /// How far it has seen the endpoints: a revision.
    pub const fn revision(&self) -> u64 {
        self.slices.revision()
    }
    /// Where its connection to an API server is.
    pub const fn connection(&self) -> HttpState {
        self.line.http().state()
    }

    fn mark(&mut self, service: WorkloadId) {
        if let Err(ix) = self.changed.binary_search(&service) {
            self.changed.insert(ix, service);
        }
    }
    fn due(&self) -> Option<LocalTime> {
        let wanted = self.synced() && !self.changed.is_empty();
        wanted.then(|| self.last_sync.map_or(LocalTime::ZERO, |last| last + MIN_SYNC_PERIOD))
    }
    fn sync(&mut self, cx: &mut Cx<'_>) {
        if self.due().is_none_or(|due| due > cx.now) {
            return;
        }
        self.last_sync = Some(cx.now);
        self.syncs += 1;
        let rewrite = core::mem::take(&mut self.rewrite);
        for service in core::mem::take(&mut self.changed) {
            let targets = self.wanted(service);
            let ix = self.rules.binary_search_by_key(&service, |(service, _)| *service);
            let old = ix.map_or(&[][..], |ix| &*self.rules[ix].1);
            if ix.is_ok() && !rewrite && *old == *targets {
                continue;
            }
            let targets = cx.known.share(&targets);
            cx.rules(Address::Service(service), targets.clone());
            match ix {
                Ok(ix) => self.rules[ix].1 = targets,
                Err(ix) => self.rules.insert(ix, (service, targets)),
            }
        }
    }
    /// kubernetes pkg/proxy/topology.go#CategorizeEndpoints: ready endpoints, or, if there is none, those that terminate
    /// and still serve. A Service that is gone has none.
    fn wanted(&self, service: WorkloadId) -> Vec<Target> {
        if self.services.get(Key::of_workload(Kind::Service, service)).is_none() {
            return Vec::new();
        }
        let target = |endpoint: &Endpoint| Target {
            program: self.directory.kubelet(endpoint.node),
            port: Port::Pod(endpoint.pod),
        };
        let of = |ready: bool| {
            let (from, to) = (Key::endpoint_slice(service, 0), Key::endpoint_slice(service, Key::MAX_NUMBER));
            let slices = self.slices.range(from, to).filter_map(|kv| kv.value.object.endpoint_slice());
            slices
                .flat_map(|slice| &slice.endpoints)
                .filter(move |it| if ready { it.ready && !it.terminating } else { it.terminating })
        };
        let mut targets: Vec<Target> = of(true).map(target).collect();
        if targets.is_empty() {
            targets = of(false).map(target).collect();
        }
        targets
    }
    fn on_news(&mut self, cx: &mut Cx<'_>, news: &News) {
        if self.services.on_news(cx, &mut self.line, news) {
            while let Some(delta) = self.services.take_delta() {
                self.mark(delta.key.group());
            }
        } else if self.slices.on_news(cx, &mut self.line, news) {
            while let Some(delta) = self.slices.take_delta() {
                self.mark(delta.key.group());
            }
        }
    }
    fn next_timer(&self) -> Option<LocalTime> {
        let informers = earlier(self.services.next_timer(), self.slices.next_timer());
        earlier(earlier(informers, self.start_at), self.due())
    }
}

impl Actor for Proxy {
    #[inline(never)] // See `Role::handle`.
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match input {
            Input::Boot => {
                let fresh = Self::new(self.node, self.directory);
                let rules = core::mem::take(&mut self.rules);
                let changed = rules.iter().map(|(service, _)| *service).collect();
                *self = Self { rules, changed, syncs: self.syncs, last_sync: self.last_sync, ..fresh };
                let spread = SPREAD.scale(self.directory.nodes.into(), 1);
                let first = self.last_sync.is_none();
                self.start_at = Some(cx.now + if first { cx.rng.draw().up_to(spread) } else { Span::ZERO });
            }
            Input::Timer(role::Timer::Proxy(Timer::Work)) => {
                self.alarm.fired();
                if self.start_at.is_some_and(|at| at <= cx.now) {
                    self.start_at = None;
                    self.services.start(cx, &mut self.line);
                    self.slices.start(cx, &mut self.line);
                }
                self.services.on_timer(cx, &mut self.line);
                self.slices.on_timer(cx, &mut self.line);
            }
            Input::Timer(role::Timer::Proxy(Timer::Http)) => self.line.on_timer(cx),
            // The load balancer's checks of /healthz.
            Input::Conn(conn, up) if !self.line.owns(conn) => {
                if up == ConnUp::PeerClosed {
                    cx.close(conn);
                }
                return;
            }
            Input::Message(conn, Message::UserRequest(n)) => {
                cx.send(conn, HEALTH_BYTES, Message::UserReply(n));
                return;
            }
            Input::Conn(conn, up) => self.line.on_conn(cx, conn, up),
            Input::Message(conn, ref message) => self.line.on_message(cx, conn, message),
            _ => {}
        }
        while let Some(news) = self.line.take_news() {
            self.on_news(cx, &news);
        }
        self.sync(cx);
        self.alarm.ensure(cx, Timer::Work, self.next_timer());
        self.line.arm(cx, Timer::Http);
    }
}

#[cfg(test)]
mod tests;
