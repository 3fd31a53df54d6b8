//! Requests under way: from their arrival, through their level's queue, to their answer.

use super::rpc::{Level, List, Reply, Request, Selector, Status, Verb, Version};
use super::storage::{self, Plan, READ_TIMEOUT, Step, status_of};
use super::{ApiServer, Owner, cached, fan_out, flow};
use crate::actor::Cx;
use crate::actor::role::{Note, NoteKind};
use crate::actor::wire::Message;
use crate::client::etcd::Failure;
use crate::engine::{LocalTime, Span};
use crate::etcd::rpc::{Op, Response};
use crate::knob::Knob;
use crate::net::packet::ConnId;
use crate::object::{KeyValue, Kind, Revision};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Retry-After of a 429 for overload. Sourced: apiserver pkg/server/filters/maxinflight.go#retryAfter.
pub const OVERLOAD_RETRY: Span = Span::from_secs(1);
/// Retry-After of a 504 for a revision that the cache has not reached. Sourced: apiserver
/// pkg/storage/cacher/watch_cache.go#resourceVersionTooHighRetrySeconds.
pub const TOO_LARGE_RETRY: Span = Span::from_secs(1);

/// What a request waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// A seat.
    Queued,
    /// The check of etcd.
    Health,
    /// A read of etcd's revision, for a consistent LIST.
    Revision(u32),
    /// The cache, until it has reached this revision.
    Fresh(Revision),
    /// A LIST by etcd.
    Listing(u32),
    /// A call about one object.
    Object(u32, Plan),
}

/// A request under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Active {
    conn: ConnId,
    request: Request,
    started: LocalTime,
    /// None: it has given them back.
    seats: u8,
    stage: Stage,
}

impl Active {
    /// When it came.
    pub const fn started(&self) -> LocalTime {
        self.started
    }
    const fn probes(&self) -> bool {
        matches!(self.request.verb, Verb::Livez | Verb::Readyz)
    }
    fn deadline(&self) -> LocalTime {
        self.started + storage::timeout(self.request.verb)
    }
}

/// An answer's content.
#[derive(Default)]
struct Content {
    kv: Option<KeyValue>,
    list: Option<Arc<List>>,
    retry_after: Option<Span>,
}

impl Content {
    fn retry_after(span: Span) -> Self {
        Self { retry_after: Some(span), ..Self::default() }
    }
}

impl ApiServer {
    pub(super) fn on_request(&mut self, cx: &mut Cx<'_>, conn: ConnId, request: Request) {
        if !self.lifecycle.accepts() && !self.lifecycle.stops() {
            return cx.abort(conn); // It does not listen yet.
        }
        let active = Active { conn, request, started: cx.now, seats: 1, stage: Stage::Queued };
        if active.probes() {
            return self.on_probe(cx, active);
        }
        if self.lifecycle.stops() {
            return self.reply(cx, &active, Status::Unavailable, Content::retry_after(OVERLOAD_RETRY));
        }
        let ticket = self.next_ticket;
        self.next_ticket = self.next_ticket.wrapping_add(1);
        let seats = self.seats(&active.request);
        let level = active.request.level;
        match self.flow.admit(cx.now, level, seats, conn.0, ticket) {
            flow::Verdict::Rejected => {
                self.reply(cx, &active, Status::TooManyRequests, Content::retry_after(OVERLOAD_RETRY));
            }
            flow::Verdict::Queued => self.insert(ticket, Active { seats, ..active }),
            flow::Verdict::Run => {
                self.insert(ticket, Active { seats, ..active });
                self.execute(cx, ticket);
            }
        }
    }
    /// pkg/util/flowcontrol/request/list_work_estimator.go: a LIST counts for more.
    fn seats(&self, request: &Request) -> u8 {
        match (request.verb, request.selector) {
            (Verb::List, Selector::All) => flow::list_seats(self.caches[request.key.kind() as usize].len()),
            _ => 1,
        }
    }
    fn insert(&mut self, ticket: u32, active: Active) {
        self.by_client.insert((active.conn, active.request.id), ticket);
        match active.request.verb {
            Verb::Livez | Verb::Readyz => self.probes += 1,
            verb if verb.mutates() => self.writes += 1,
            _ => self.reads += 1,
        }
        self.requests.insert(ticket, active);
    }
    /// Forgets a request; its seats are free.
    fn remove(&mut self, ticket: u32) -> Option<Active> {
        let active = self.requests.remove(&ticket)?;
        self.by_client.remove(&(active.conn, active.request.id));
        let level = active.request.level;
        match active.request.verb {
            Verb::Livez | Verb::Readyz => {
                self.probes -= 1;
                return Some(active);
            }
            verb if verb.mutates() => self.writes -= 1,
            _ => self.reads -= 1,
        }
        if active.stage == Stage::Queued {
            self.flow.forget(level, ticket);
        } else {
            self.give_back(level, active.seats);
        }
        Some(active)
    }
    /// A request's seats are free, unless it has given them back before.
    fn give_back(&mut self, level: Level, seats: u8) {
        if seats > 0 {
            self.flow.leave(level, seats);
            self.freed |= 1 << level as u32;
        }
    }
    /// A request has a seat: its handler runs.
    pub(super) fn execute(&mut self, cx: &mut Cx<'_>, ticket: u32) {
        let Some(active) = self.requests.get_mut(&ticket) else { return };
        // From here on it has seats to give back.
        active.stage = Stage::Fresh(0);
        let request = active.request.clone();
        match request.verb {
            Verb::Get => self.get(cx, ticket, &request),
            Verb::List => self.list(cx, ticket, &request),
            Verb::Watch => self.watch(cx, ticket, &request),
            _ => self.write(cx, ticket, &request),
        }
    }

    /// cacher/delegator.go#Get: from etcd unless a resourceVersion allows the cache.
    fn get(&mut self, cx: &mut Cx<'_>, ticket: u32, request: &Request) {
        let kind = request.key.kind();
        let cache = &mut self.caches[kind as usize];
        match request.version {
            _ if !cached(kind) || !cache.ready() => self.begin(cx, ticket, request, None),
            Version::Unset => self.begin(cx, ticket, request, None),
            Version::NotOlderThan(revision) if revision > cache.revision() => self.wait(cx, ticket, kind, revision),
            Version::Any | Version::NotOlderThan(_) => self.get_cached(cx, ticket),
        }
    }
    fn get_cached(&mut self, cx: &mut Cx<'_>, ticket: u32) {
        let Some(active) = self.requests.get(&ticket) else { return };
        let key = active.request.key;
        let kv = self.caches[key.kind() as usize].get(key).cloned();
        let status = if kv.is_some() { Status::Ok } else { Status::NotFound };
        self.finish(cx, ticket, status, Content { kv, ..Content::default() });
    }
    /// cacher/delegator.go#GetList.
    fn list(&mut self, cx: &mut Cx<'_>, ticket: u32, request: &Request) {
        let kind = request.key.kind();
        let cache = &self.caches[kind as usize];
        if !cached(kind) {
            return self.list_etcd(cx, ticket);
        }
        if !cache.ready() {
            let resilient = cx.knobs.on(Knob::ResilientCache);
            return match request.version {
                _ if request.limit > 0 && request.selector == Selector::All => self.list_etcd(cx, ticket),
                Version::Any | Version::Unset if !resilient => self.list_etcd(cx, ticket),
                Version::NotOlderThan(revision) => self.without_cache(cx, ticket, kind, revision),
                Version::Any | Version::Unset => self.without_cache(cx, ticket, kind, 0),
            };
        }
        match request.version {
            Version::Unset => {
                let Some(active) = self.requests.get(&ticket) else { return };
                let op = Op::Range { key: kind.first(), serializable: false };
                let call = self.call(cx, kind, op, active.deadline(), Owner::Request(ticket));
                self.set_stage(ticket, Stage::Revision(call));
            }
            Version::NotOlderThan(revision) if revision > cache.revision() => self.wait(cx, ticket, kind, revision),
            Version::Any | Version::NotOlderThan(_) => self.list_cached(cx, ticket),
        }
    }
    fn list_cached(&mut self, cx: &mut Cx<'_>, ticket: u32) {
        let Some(Active { request, .. }) = self.requests.get(&ticket) else { return };
        let list = self.caches[request.key.kind() as usize].list(request.selector);
        self.finish(cx, ticket, Status::Ok, Content { list: Some(list), ..Content::default() });
    }
    fn list_etcd(&mut self, cx: &mut Cx<'_>, ticket: u32) {
        let Some(active) = self.requests.get(&ticket) else { return };
        let (kind, limit, deadline) = (active.request.key.kind(), active.request.limit, active.deadline());
        let op = Op::List { from: kind.first(), to: kind.end(), limit, revision: 0 };
        let call = self.call(cx, kind, op, deadline, Owner::Request(ticket));
        self.set_stage(ticket, Stage::Listing(call));
    }
    /// cacher/cacher.go#Watch: from the cache's memory on. It holds its seat until it stands, which takes no time here.
    fn watch(&mut self, cx: &mut Cx<'_>, ticket: u32, request: &Request) {
        let kind = request.key.kind();
        let cache = &mut self.caches[kind as usize];
        if !cached(kind) {
            return self.finish(cx, ticket, Status::NotFound, Content::default()); // Nobody here watches those.
        }
        if !cache.ready() {
            return self.without_cache(cx, ticket, kind, 0);
        }
        if self.fan_out.len() >= fan_out::WATCHES {
            return self.finish(cx, ticket, Status::TooManyRequests, Content::retry_after(OVERLOAD_RETRY));
        }
        let (after, initial) = match request.version {
            Version::NotOlderThan(after) if after > 0 => {
                if after < cache.history().floor() {
                    return self.finish(cx, ticket, Status::Gone, Content::default());
                }
                let past = cache.history().after(after);
                (after, past.filter_map(|past| past.seen_by(request.selector)).collect())
            }
            _ => {
                let list = cache.list(request.selector);
                (0, fan_out::synthetic(&list.items))
            }
        };
        let Some(active) = self.requests.get(&ticket) else { return };
        let conn = active.conn;
        self.finish(cx, ticket, Status::Ok, Content::default());
        self.fan_out.add(cx, conn, request, after, initial);
    }
    /// Create, Update, Patch, Delete: from the object as the cache has it, if it has it.
    fn write(&mut self, cx: &mut Cx<'_>, ticket: u32, request: &Request) {
        let kind = request.key.kind();
        // cacher.go#GuaranteedUpdate and #Delete: whether it is ready nobody asks, for what is too old meets a conflict.
        let kv = if cached(kind) { self.caches[kind as usize].get(request.key).cloned() } else { None };
        self.begin(cx, ticket, request, kv);
    }
    fn begin(&mut self, cx: &mut Cx<'_>, ticket: u32, request: &Request, kv: Option<KeyValue>) {
        let (plan, step) = Plan::begin(request, kv.as_ref(), cx.now, cx.rng);
        self.step(cx, ticket, plan, step);
    }
    fn step(&mut self, cx: &mut Cx<'_>, ticket: u32, plan: Plan, step: Step) {
        let Some(active) = self.requests.get(&ticket) else { return };
        match step {
            Step::Answer(status, kv) => self.finish(cx, ticket, status, Content { kv, ..Content::default() }),
            Step::Call(op) => {
                let (kind, deadline) = (active.request.key.kind(), active.deadline());
                let call = self.call(cx, kind, op, deadline, Owner::Request(ticket));
                self.set_stage(ticket, Stage::Object(call, plan));
            }
        }
    }
    fn wait(&mut self, cx: &mut Cx<'_>, ticket: u32, kind: Kind, revision: Revision) {
        self.caches[kind as usize].wait(cx.now, ticket, revision);
        self.set_stage(ticket, Stage::Fresh(revision));
    }
    /// There is no cache to answer from: the client is turned away for a while, or, in an older server, waits for one
    /// (cacher.go's `ready.wait`). Simplified: a LIST that waits gives its seats back too, not only a WATCH, which was in no
    /// queue of those versions'.
    fn without_cache(&mut self, cx: &mut Cx<'_>, ticket: u32, kind: Kind, revision: Revision) {
        let cache = &mut self.caches[kind as usize];
        if cx.knobs.on(Knob::ResilientCache) {
            let content = Content::retry_after(cache.retry_after(cx.now));
            return self.finish(cx, ticket, Status::TooManyRequests, content);
        }
        let Some(active) = self.requests.get_mut(&ticket) else { return };
        let longest = if active.request.verb == Verb::Watch { fan_out::WATCH_TIMEOUT } else { READ_TIMEOUT };
        cache.wait_ready(ticket, revision, active.started + longest);
        active.stage = Stage::Fresh(revision);
        let (level, seats) = (active.request.level, core::mem::take(&mut active.seats));
        self.give_back(level, seats);
    }
    fn set_stage(&mut self, ticket: u32, stage: Stage) {
        if let Some(active) = self.requests.get_mut(&ticket) {
            active.stage = stage;
        }
    }

    /// A call that a request waited for ended.
    pub(super) fn on_result(&mut self, cx: &mut Cx<'_>, ticket: u32, result: Result<Response, Failure>) {
        let Some(active) = self.requests.get_mut(&ticket) else { return };
        let kind = active.request.key.kind();
        match (&mut active.stage, result) {
            (Stage::Object(_, plan), result) => {
                let mut plan = plan.clone();
                let step = plan.next(&active.request, result, cx.now, cx.rng);
                self.step(cx, ticket, plan, step);
            }
            (_, Err(failure)) => self.finish(cx, ticket, status_of(failure), Content::default()),
            (Stage::Revision(_), Ok(response)) => {
                if response.revision > self.caches[kind as usize].revision() {
                    self.wait(cx, ticket, kind, response.revision);
                } else {
                    self.list_cached(cx, ticket);
                }
            }
            (_, Ok(response)) => {
                let fits = |kv: &&KeyValue| fits(active.request.selector, kv);
                let range = response.range.as_deref();
                let items: Vec<KeyValue> =
                    range.map_or(&[][..], |range| &range.kvs).iter().filter(fits).cloned().collect();
                let more = range.is_some_and(|range| range.more);
                let list = Some(Arc::new(List { revision: response.revision, items, more }));
                self.finish(cx, ticket, Status::Ok, Content { list, ..Content::default() });
            }
        }
    }
    /// The cache has reached what a read waited for, or its 3 s are over.
    pub(super) fn on_waited(&mut self, cx: &mut Cx<'_>, ticket: u32, reached: bool) {
        let Some(active) = self.requests.get(&ticket) else { return };
        match (active.request.verb, active.request.version) {
            (Verb::Get, _) if reached => self.get_cached(cx, ticket),
            (Verb::List, _) if reached => self.list_cached(cx, ticket),
            (Verb::Watch, _) if reached => {
                let request = active.request.clone();
                self.watch(cx, ticket, &request);
            }
            // cacher/delegator.go#GetList: a consistent LIST that the cache is too old for goes to etcd.
            (Verb::List, Version::Unset) => self.list_etcd(cx, ticket),
            _ => self.finish(cx, ticket, Status::Timeout, Content::retry_after(TOO_LARGE_RETRY)),
        }
    }
    /// It waited for a seat in vain.
    pub(super) fn turn_away(&mut self, cx: &mut Cx<'_>, ticket: u32) {
        self.finish(cx, ticket, Status::TooManyRequests, Content::retry_after(OVERLOAD_RETRY));
    }

    fn finish(&mut self, cx: &mut Cx<'_>, ticket: u32, status: Status, content: Content) {
        if let Some(active) = self.remove(ticket) {
            self.reply(cx, &active, status, content);
        }
    }
    fn reply(&mut self, cx: &mut Cx<'_>, active: &Active, status: Status, content: Content) {
        let Content { kv, list, retry_after } = content;
        let Request { id, verb, key, level, .. } = active.request;
        let reply = Reply { id, status, kv, list, retry_after };
        cx.send(active.conn, reply.bytes(), Message::ApiReply(Box::new(reply)));
        self.answered += 1;
        let failed = [Status::TooManyRequests, Status::InternalError, Status::Unavailable, Status::Timeout];
        self.failed += u64::from(failed.contains(&status));
        let what = verb as u32 | (key.kind() as u32) << 4 | (status as u32) << 8 | (level as u32) << 24;
        cx.note(Note::new(NoteKind::ApiRequest, what, cx.now.since(active.started).us()));
    }

    /// A probe: it waits for the check of etcd, or has the newest result.
    fn on_probe(&mut self, cx: &mut Cx<'_>, active: Active) {
        if self.probes >= super::MAX_PROBES {
            return self.reply(cx, &active, Status::TooManyRequests, Content::default());
        }
        if !self.check_etcd(cx) {
            let status = self.health_status(active.request.verb);
            return self.reply(cx, &active, status, Content::default());
        }
        let ticket = self.next_ticket;
        self.next_ticket = self.next_ticket.wrapping_add(1);
        self.insert(ticket, Active { stage: Stage::Health, ..active });
    }
    /// The check of etcd ended: whoever asked meanwhile is answered.
    pub(super) fn answer_probes(&mut self, cx: &mut Cx<'_>) {
        if self.probes == 0 {
            return;
        }
        let probes = self.requests.iter().filter(|(_, active)| active.stage == Stage::Health);
        for ticket in probes.map(|(ticket, _)| *ticket).collect::<Vec<_>>() {
            if let Some(active) = self.remove(ticket) {
                let status = self.health_status(active.request.verb);
                self.reply(cx, &active, status, Content::default());
            }
        }
    }

    /// A client gave a request up (RST_STREAM): net/http cancels its context, and with it the etcd call.
    pub(super) fn cancel(&mut self, cx: &mut Cx<'_>, conn: ConnId, id: u32) {
        let Some(ticket) = self.by_client.get(&(conn, id)).copied() else { return };
        let Some(active) = self.remove(ticket) else { return };
        let kind = active.request.key.kind();
        match active.stage {
            Stage::Revision(call) | Stage::Listing(call) | Stage::Object(call, _) => self.abandon(cx, kind, call),
            Stage::Fresh(_) => self.caches[kind as usize].forget(ticket),
            Stage::Queued | Stage::Health => {}
        }
    }
    /// A client's connection is gone.
    pub(super) fn client_gone(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        self.fan_out.disconnected(conn);
        let of_conn = self.by_client.range((conn, 0)..=(conn, u32::MAX));
        for id in of_conn.map(|((_, id), _)| *id).collect::<Vec<_>>() {
            self.cancel(cx, conn, id);
        }
    }
}

fn fits(selector: Selector, kv: &KeyValue) -> bool {
    match selector {
        Selector::All => true,
        Selector::Name(key) => kv.key == key,
        Selector::OnNode(node) => kv.value.object.pod().is_some_and(|pod| pod.node == Some(node)),
    }
}
