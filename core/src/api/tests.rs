use super::*;
use crate::actor::Effect;
use crate::actor::Port;
use crate::client::bench::{Bench, at};
use crate::etcd::rpc::{
    EtcdError, Event, Key, KeyValue, Op, Reply as EtcdReply, Response, Value, WatchCall, WatchEnd, WatchNews,
    WatchReply,
};
use crate::knob::Knob;
use crate::net::tcp::Reason;
use crate::object::{Change, Kind, Object, Owner, Phase, Pod};
use alloc::boxed::Box;
use alloc::sync::Arc;
use rpc::{EventType, Level, Request, Selector, Verb, Version, WatchEvents};

const DIRECTORY: Directory = Directory::stacked(3, 0);
/// A user's object.
const KEY: Key = Key::user_object(0, 40);
/// A client's connection; the server's own names start at zero.
const CLIENT: ConnId = ConnId(1 << 15);

/// An etcd member that takes a millisecond, with watches; it may be mute, and then it also forgets what it heard.
struct Member {
    store: crate::etcd::kv::Store,
    watches: Vec<(ConnId, u32, Key, Key)>,
    told: Vec<(Span, Input)>,
    mute: bool,
}

impl Member {
    fn new() -> Self {
        Self { store: crate::etcd::kv::Store::default(), watches: Vec::new(), told: Vec::new(), mute: false }
    }
    /// Carries out a write of somebody else, or of the server.
    fn apply(&mut self, op: &Op) -> Result<Response, EtcdError> {
        let key = match op {
            Op::Put { key, .. } | Op::Txn { key, .. } => Some(*key),
            _ => None,
        };
        let (before, revision) = (key.and_then(|key| self.store.get(key).cloned()), self.store.revision());
        let response = self.store.apply(op);
        if let Some(key) = key.filter(|_| self.store.revision() > revision) {
            let after = self.store.get(key).cloned();
            let deleted = after.is_none();
            let gone = before.map(|kv| KeyValue { mod_revision: self.store.revision(), ..kv });
            let event = Event { kv: after.or(gone).expect("it is there or was"), deleted };
            self.tell(|from, to| (from..to).contains(&key), WatchNews::Events(Arc::new([event])));
        }
        response
    }
    fn tell(&mut self, concerns: impl Fn(Key, Key) -> bool, news: WatchNews) {
        for (conn, watch, from, to) in &self.watches {
            if concerns(*from, *to) {
                let reply = WatchReply { watch: *watch, revision: self.store.revision(), news: news.clone() };
                self.told.push((Span::from_ms(1), Input::Message(*conn, Message::WatchReply(reply))));
            }
        }
    }
    fn cancel(&mut self, kind: Kind, end: WatchEnd) {
        self.tell(|from, _| from.kind() == kind, WatchNews::Canceled(end));
        self.watches.retain(|(_, _, from, _)| from.kind() != kind);
    }
    fn answer(&mut self, effect: &Effect) -> Option<(Span, Input)> {
        let ms = Span::from_ms(1);
        match effect {
            Effect::Open(conn, to, Port::EtcdClient) => {
                assert_eq!(*to, DIRECTORY.etcd(1), "only its own host's member");
                Some((ms, Input::Conn(*conn, ConnUp::Connected)))
            }
            _ if self.mute => None,
            Effect::Send(conn, _, Message::Rpc(request)) => {
                let result = self.apply(&request.op);
                Some((ms, Input::Message(*conn, Message::RpcReply(Box::new(EtcdReply { id: request.id, result })))))
            }
            Effect::Send(conn, _, Message::Watch(WatchCall::Create { watch, from, to, .. })) => {
                self.watches.push((*conn, *watch, *from, *to));
                None
            }
            Effect::Send(conn, _, Message::Watch(WatchCall::Progress)) => {
                let reply =
                    WatchReply { watch: WatchReply::ALL, revision: self.store.revision(), news: WatchNews::Progress };
                Some((ms, Input::Message(*conn, Message::WatchReply(reply))))
            }
            _ => None,
        }
    }
}

type Rig = Bench<ApiServer>;

/// Runs until `ms` with a member that may tell more than it is asked.
fn run(bench: &mut Rig, member: &mut Member, ms: u64) {
    while bench.now < at(ms) {
        let next = bench.now + Span::from_ms(1);
        bench.run(next, |_, effect| member.answer(effect));
        for (after, input) in member.told.drain(..) {
            bench.later(after, input);
        }
    }
}
/// A server that has been up for half a second.
fn up(member: &mut Member) -> Rig {
    let mut bench = Bench::new(ApiServer::new(1, DIRECTORY), DIRECTORY.api(1));
    bench.later(Span::ZERO, Input::Boot);
    run(&mut bench, member, 500);
    bench
}
/// The name of a kind's connection to etcd, unless it was dialled again.
fn conn_of(kind: Kind) -> ConnId {
    ConnId(kind as u32)
}
fn request(id: u32, verb: Verb, resource_version: Revision) -> Request {
    let value = Value::words(9, [u64::from(id), 0, 0]);
    let request = match verb {
        Verb::Create => Request::create(KEY, value, Level::GlobalDefault),
        Verb::Update => Request::update(KEY, resource_version, value, Level::GlobalDefault),
        Verb::Patch => Request::patch(KEY, Change::Apply(value), Level::GlobalDefault),
        _ => Request::new(verb, KEY, Level::GlobalDefault),
    };
    Request { id, ..request }
}
fn ask(bench: &mut Rig, id: u32, verb: Verb, resource_version: Revision) {
    let input = Input::Message(CLIENT, Message::Api(Box::new(request(id, verb, resource_version))));
    bench.later(Span::ZERO, input);
}
/// When each request was answered, and how.
fn answers(bench: &Rig) -> Vec<(u64, u32, Status)> {
    let answer = |(at, message): (LocalTime, &Message)| match message {
        Message::ApiReply(reply) => Some((at.ns() / 1_000_000, reply.id, reply.status)),
        _ => None,
    };
    bench.sent().filter_map(answer).collect()
}
/// How many reads for a health check there were.
fn checks(bench: &Rig) -> usize {
    let check = |op: &Op| matches!(op, Op::Range { key: Key::HEALTH, .. });
    bench.sent().filter(|(_, message)| matches!(message, Message::Rpc(request) if check(&request.op))).count()
}
fn told(bench: &Rig, kind: NoteKind) -> Vec<u64> {
    bench.notes().filter(|(_, note)| note.kind == kind).map(|(at, _)| at.ns() / 1_000_000).collect()
}

#[test]
fn probed_every_second_it_checks_etcd_as_often_and_says_when_that_changes() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    assert_eq!(told(&bench, NoteKind::EtcdConnected), [1]);
    for second in 1..=30 {
        let probe = Message::Api(Box::new(request(second, Verb::Readyz, 0)));
        bench.later(Span::from_ms(u64::from(second) * 1_000 - 500), Input::Message(CLIENT, probe));
    }
    assert_eq!((bench.actor.healthy(), bench.actor.etcd_state()), (false, 2));
    run(&mut bench, &mut member, 10_500);
    assert!(bench.actor.healthy());
    assert_eq!(checks(&bench), 10, "one check a second");
    member.mute = true;
    run(&mut bench, &mut member, 20_500);
    member.mute = false;
    run(&mut bench, &mut member, 30_000);
    assert_eq!(told(&bench, NoteKind::Healthy), [1_001, 23_001]);
    assert_eq!(told(&bench, NoteKind::Unhealthy), [13_000], "2 s after the first check that hung");
}

#[test]
fn probes_share_one_check_and_get_the_last_result_within_a_second() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    ask(&mut bench, 1, Verb::Livez, 0);
    ask(&mut bench, 2, Verb::Readyz, 0);
    run(&mut bench, &mut member, 600);
    ask(&mut bench, 3, Verb::Livez, 0);
    run(&mut bench, &mut member, 700);
    assert_eq!(answers(&bench), [(501, 1, Status::Ok), (501, 2, Status::Ok), (600, 3, Status::Ok)]);
    assert_eq!(checks(&bench), 1);
    member.mute = true;
    run(&mut bench, &mut member, 2_000);
    ask(&mut bench, 4, Verb::Livez, 0);
    run(&mut bench, &mut member, 5_000);
    assert_eq!(answers(&bench)[3], (4_000, 4, Status::InternalError), "it waits for the check of second 2");
    assert_eq!(bench.actor.in_flight(), 0);
}

#[test]
fn an_object_lives_and_dies() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    let script = [
        (Verb::Get, 0, Status::NotFound),
        (Verb::Create, 0, Status::Created),
        (Verb::Create, 0, Status::Conflict),
        (Verb::Update, 3, Status::Ok),
        (Verb::Update, 2, Status::Conflict),
        (Verb::Patch, 0, Status::Ok),
        (Verb::Get, 0, Status::Ok),
        (Verb::Delete, 0, Status::Ok),
        (Verb::Delete, 0, Status::NotFound),
        (Verb::Update, 9, Status::NotFound),
        (Verb::Patch, 0, Status::Created),
    ];
    for (id, (verb, version, status)) in (0..).zip(script) {
        ask(&mut bench, id, verb, version);
        let now = bench.now;
        bench.run(now + Span::from_ms(10), |_, effect| member.answer(effect));
        assert_eq!(answers(&bench).last().map(|(_, id, status)| (*id, *status)), Some((id, status)), "{verb:?}");
    }
    assert_eq!((bench.actor.requests(), bench.actor.failures()), (11, 0));
}

#[test]
fn a_patch_of_an_object_that_others_wrote_costs_one_more_round() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    let kv =
        member.store.apply(&Op::Put { key: KEY, value: Value::default(), lease: 0 }).unwrap().kv.expect("just written");
    ask(&mut bench, 1, Verb::Patch, 0);
    run(&mut bench, &mut member, 520);
    assert_eq!(answers(&bench), [(502, 1, Status::Ok)]);
    assert_eq!(member.store.get(KEY).map(|kv| kv.version), Some(kv.version + 1));
    ask(&mut bench, 2, Verb::Patch, 0);
    run(&mut bench, &mut member, 530);
    assert_eq!(answers(&bench)[1], (521, 2, Status::Ok), "its own write it knows");
}

#[test]
fn with_etcd_mute_writes_end_after_34_s_and_reads_after_60_s() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    member.mute = true;
    ask(&mut bench, 1, Verb::Get, 0);
    ask(&mut bench, 2, Verb::Update, 7);
    // Pings keep the connection: only the calls are not answered.
    let pong = |effect: &Effect| match effect {
        Effect::Send(conn, _, Message::Ping) => Some((Span::from_ms(1), Input::Message(*conn, Message::Pong))),
        _ => None,
    };
    bench.run(at(34_000), |_, effect| member.answer(effect).or_else(|| pong(effect)));
    assert_eq!(bench.actor.in_flight(), 2);
    assert_eq!(bench.actor.oldest_request_age(bench.now), Some(Span::from_ms(33_500)));
    bench.run(at(90_000), |_, effect| member.answer(effect).or_else(|| pong(effect)));
    assert_eq!(answers(&bench), [(34_500, 2, Status::Timeout), (60_500, 1, Status::Timeout)]);
    assert_eq!(bench.actor.failures(), 2);
    assert!(told(&bench, NoteKind::EtcdDisconnected).is_empty());
}

#[test]
fn errors_of_etcd_are_500_and_a_broken_connection_fails_writes() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    let conn = conn_of(Kind::ConfigMap);
    member.mute = true;
    ask(&mut bench, 1, Verb::Create, 0);
    run(&mut bench, &mut member, 501);
    let id = bench.sent().find_map(|(_, message)| match message {
        Message::Rpc(request) if request.op.writes() && matches!(request.op, Op::Txn { .. }) => Some(request.id),
        _ => None,
    });
    let reply = EtcdReply { id: id.expect("the call went out"), result: Err(EtcdError::Timeout) };
    bench.later(Span::ZERO, Input::Message(conn, Message::RpcReply(Box::new(reply))));
    ask(&mut bench, 2, Verb::Create, 0);
    run(&mut bench, &mut member, 502);
    bench.later(Span::ZERO, Input::Conn(conn, ConnUp::Failed(Reason::UserTimeout)));
    member.mute = false;
    run(&mut bench, &mut member, 520);
    assert_eq!(answers(&bench), [(501, 1, Status::InternalError), (502, 2, Status::InternalError)]);
    assert_eq!(told(&bench, NoteKind::EtcdDisconnected), [502]);
    assert_eq!(told(&bench, NoteKind::EtcdConnected), [1, 503]);
}

#[test]
fn a_client_that_went_away_takes_its_etcd_call_with_it() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    member.mute = true;
    for id in 1..=3 {
        ask(&mut bench, id, Verb::Create, 0);
    }
    run(&mut bench, &mut member, 501);
    bench.later(Span::ZERO, Input::Message(CLIENT, Message::Cancel(2)));
    run(&mut bench, &mut member, 502);
    assert_eq!(bench.actor.in_flight(), 2);
    bench.later(Span::ZERO, Input::Conn(CLIENT, ConnUp::Failed(Reason::Reset)));
    run(&mut bench, &mut member, 503);
    assert_eq!((bench.actor.in_flight(), bench.actor.etcd().calls()), (0, 0));
    let cancels = bench.sent().filter(|(_, message)| matches!(message, Message::Cancel(_))).count();
    assert_eq!(cancels, 3);
    run(&mut bench, &mut member, 90_000);
    assert!(answers(&bench).is_empty());
}

#[test]
fn a_level_has_its_seats_and_then_queues_and_then_turns_away() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    member.mute = true;
    let others = Request { id: 9_000, ..Request::get(KEY, Level::NodeHigh) };
    for id in 0..400 {
        ask(&mut bench, id, Verb::Get, 0);
    }
    bench.later(Span::ZERO, Input::Message(CLIENT, Message::Api(Box::new(others))));
    ask(&mut bench, 9_001, Verb::Livez, 0);
    run(&mut bench, &mut member, 501);
    let flow = bench.actor.flow();
    assert_eq!((flow.executing(Level::GlobalDefault), flow.executing(Level::NodeHigh)), (49, 1));
    let (queued, rejected) = (flow.queued(Level::GlobalDefault), flow.stats(Level::GlobalDefault).queue_full);
    assert!(
        (50..=300).contains(&queued) && u64::from(queued) + rejected == 400 - 49,
        "{queued} wait, {rejected} do not"
    );
    assert_eq!(answers(&bench).len() as u64, rejected, "and the probe, which is exempt, waits for its check");
    run(&mut bench, &mut member, 15_499);
    assert_eq!(answers(&bench).len() as u64, rejected + 1);
    run(&mut bench, &mut member, 15_501);
    assert_eq!(bench.actor.flow().queued(Level::GlobalDefault), 0, "a quarter of the deadline is enough");
    assert_eq!(answers(&bench).iter().filter(|(.., status)| *status == Status::TooManyRequests).count(), 351);
    assert_eq!(bench.actor.in_flight(), 50);
}

#[test]
fn whoever_waits_is_let_in_when_a_seat_is_free() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    member.mute = true;
    for id in 0..60 {
        ask(&mut bench, id, Verb::Get, 0);
    }
    run(&mut bench, &mut member, 510);
    member.mute = false;
    bench.later(Span::ZERO, Input::Message(CLIENT, Message::Cancel(3)));
    run(&mut bench, &mut member, 511);
    assert_eq!(bench.actor.flow().stats(Level::GlobalDefault).last_wait, Span::from_ms(11));
    run(&mut bench, &mut member, 530);
    assert_eq!(answers(&bench).len(), 11, "one after the other; the calls of those before them were not heard");
    assert_eq!(bench.actor.in_flight(), 48);
}

#[test]
fn pings_are_answered() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    let effects = bench.tell(Input::Message(CLIENT, Message::Ping));
    assert_eq!(effects, [Effect::Send(CLIENT, PING_BYTES, Message::Pong)]);
}

#[test]
fn a_new_process_has_forgotten_everything() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    ask(&mut bench, 1, Verb::Create, 0);
    run(&mut bench, &mut member, 5_000);
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(5_000), |_, effect| member.answer(effect));
    assert_eq!((bench.actor.requests(), bench.actor.healthy(), bench.actor.etcd_state()), (0, false, 1));
    bench.later(Span::from_ms(100), Input::Message(CLIENT, Message::Api(Box::new(request(2, Verb::Livez, 0)))));
    run(&mut bench, &mut member, 7_000);
    assert!(bench.actor.healthy());
}

/// An etcd in which somebody else always was faster; each call takes `after`.
fn contended(after: Span, effect: &Effect) -> Option<(Span, Input)> {
    let Effect::Send(conn, _, Message::Rpc(request)) = effect else { return None };
    let revision = u64::from(request.id) + 100;
    let value = Value::default();
    let kv = KeyValue { key: KEY, value, create_revision: 2, mod_revision: revision, version: 1 };
    let succeeded = !request.op.writes();
    let result = Ok(Response { revision, succeeded, kv: Some(kv), range: None });
    Some((after, Input::Message(*conn, Message::RpcReply(Box::new(EtcdReply { id: request.id, result })))))
}

#[test]
fn a_patch_meets_conflicts_until_its_deadline() {
    let mut bench = up(&mut Member::new());
    ask(&mut bench, 1, Verb::Patch, 0);
    bench.run(at(34_000), |_, effect| contended(Span::from_ms(10), effect));
    assert_eq!(answers(&bench), [], "somebody was faster more than three thousand times");
    bench.run(at(35_000), |_, effect| contended(Span::from_ms(10), effect));
    assert_eq!(answers(&bench), [(34_500, 1, Status::Timeout)]);
}

#[test]
fn retries_do_not_extend_a_requests_deadline() {
    let mut bench = up(&mut Member::new());
    ask(&mut bench, 1, Verb::Patch, 0);
    bench.run(at(90_000), |_, effect| contended(Span::from_secs(10), effect));
    assert_eq!(answers(&bench), [(34_500, 1, Status::Timeout)]);
}

#[test]
fn a_connection_closed_by_the_other_side_is_closed_here_too() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    let conn = conn_of(Kind::ConfigMap);
    let effects = bench.tell(Input::Conn(conn, ConnUp::PeerClosed));
    assert_eq!(effects[0], Effect::Close(conn));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Open(..))), "and etcd is dialled again");
    assert_eq!(bench.tell(Input::Conn(CLIENT, ConnUp::PeerClosed)), [Effect::Close(CLIENT)]);
}

/// A write by somebody else.
fn write(member: &mut Member, key: Key, word: u64) -> KeyValue {
    let op = Op::Put { key, value: Value::words(8, [word, 0, 0]), lease: 0 };
    member.apply(&op).unwrap().kv.expect("just written")
}
fn send(bench: &mut Rig, id: u32, request: Request) {
    bench.later(Span::ZERO, Input::Message(CLIENT, Message::Api(Box::new(Request { id, ..request }))));
}
fn list(version: Version) -> Request {
    Request::list(Kind::ConfigMap, version, Selector::All, Level::GlobalDefault)
}
fn watch(after: Revision, selector: Selector) -> Request {
    Request::watch(Kind::ConfigMap, after, selector, Level::GlobalDefault)
}
/// What the watches were told, and when.
fn told_watches(bench: &Rig) -> Vec<(u64, WatchEvents)> {
    let events = |(at, message): (LocalTime, &Message)| match message {
        Message::ApiEvents(events) => Some((at.ns() / 1_000_000, events.clone())),
        _ => None,
    };
    bench.sent().filter_map(events).collect()
}
/// Request, revision, number of objects of each LIST that was answered.
fn lists(bench: &Rig) -> Vec<(u32, Revision, usize)> {
    let list = |(_, message): (LocalTime, &Message)| match message {
        Message::ApiReply(reply) => reply.list.as_ref().map(|list| (reply.id, list.revision, list.items.len())),
        _ => None,
    };
    bench.sent().filter_map(list).collect()
}
const OTHER: Key = Key::user_object(0, 41);

#[test]
fn events_go_from_etcd_to_those_whom_they_concern() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    send(&mut bench, 1, watch(member.store.revision(), Selector::All));
    send(&mut bench, 2, watch(1, Selector::Name(OTHER)));
    run(&mut bench, &mut member, 510);
    assert_eq!(answers(&bench), [(500, 1, Status::Ok), (500, 2, Status::Ok)]);
    let first = write(&mut member, KEY, 1);
    let second = write(&mut member, OTHER, 2);
    run(&mut bench, &mut member, 520);
    let told: Vec<(u32, Key, EventType)> =
        told_watches(&bench).iter().map(|(_, told)| (told.id, told.events[0].kv.key, told.events[0].event)).collect();
    assert_eq!(told, [(1, KEY, EventType::Added), (1, OTHER, EventType::Added), (2, OTHER, EventType::Added)]);
    // One that comes late hears what it missed.
    send(&mut bench, 3, watch(first.mod_revision, Selector::All));
    run(&mut bench, &mut member, 530);
    let last = told_watches(&bench).pop().expect("it was told").1;
    assert_eq!((last.id, last.events.len(), last.events[0].kv.mod_revision), (3, 1, second.mod_revision));
    assert_eq!(bench.actor.fan_out().of_kind(Kind::ConfigMap), 3);
    bench.later(Span::ZERO, Input::Message(CLIENT, Message::Cancel(1)));
    bench.later(Span::ZERO, Input::Conn(CLIENT, ConnUp::Failed(Reason::Reset)));
    run(&mut bench, &mut member, 540);
    assert!(bench.actor.fan_out().is_empty());
}

fn pod(node: Option<u16>) -> Object {
    let at = LocalTime::ZERO;
    Object::Pod(Arc::new(Pod {
        owner: Owner { key: Key::replica_set(0, 0), uid: 1 },
        workload: 0,
        template: 0,
        created: at,
        deleted: None,
        grace_s: 30,
        node,
        only_node: None,
        toleration_s: None,
        claim: None,
        phase: Phase::Pending,
        ready: false,
        ready_transition: at,
        unschedulable: false,
        restarts: 0,
    }))
}

#[test]
fn a_pod_on_a_node_is_marked_first_and_removed_by_its_kubelet() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    let key = Key::pod(0, 0, Request::GENERATE_NAME);
    send(&mut bench, 1, Request::create(key, pod(None).value(), Level::WorkloadHigh));
    run(&mut bench, &mut member, 510);
    let key = member.store.keys().find(|kv| kv.key.kind() == Kind::Pod).expect("it was created").key;
    assert_ne!(key.number(), Request::GENERATE_NAME);
    let bind = |node| Request::patch(key, Change::Bind(node), Level::WorkloadHigh);
    let delete = |grace, uid| Request::delete(key, grace, uid, Level::WorkloadHigh);
    let steps = [
        (bind(3), Status::Ok),
        (bind(4), Status::Conflict),
        (delete(None, 99), Status::Conflict),
        (delete(None, 0), Status::Ok),
        (delete(None, 0), Status::Ok),
        (delete(Some(0), 0), Status::Ok),
        (delete(Some(0), 0), Status::NotFound),
        (bind(3), Status::NotFound),
    ];
    for (id, (request, status)) in (2..).zip(steps) {
        send(&mut bench, id, request);
        let until = bench.now.ns() / 1_000_000 + 10;
        run(&mut bench, &mut member, until);
        assert_eq!(answers(&bench).last().map(|(_, id, status)| (*id, *status)), Some((id, status)));
        let there = member.store.get(key).and_then(|kv| kv.value.object.pod()).map(|pod| pod.deleted.is_some());
        assert_eq!(there, [Some(false), Some(true), None][usize::from(id > 4) + usize::from(id > 6)], "after {id}");
    }
}

#[test]
fn pods_of_a_node_appear_when_they_are_bound_and_go_when_they_are_deleted() {
    let past = |before, event, node| {
        let value = pod(node).value();
        let kv = KeyValue { key: Key::pod(0, 0, 1), value, create_revision: 2, mod_revision: 3, version: 1 };
        history::Past { event: rpc::WatchEvent { event, kv }, before }
            .seen_by(Selector::OnNode(4))
            .map(|seen| seen.event)
    };
    assert_eq!(past(None, EventType::Added, None), None);
    assert_eq!(past(None, EventType::Modified, Some(4)), Some(EventType::Added));
    assert_eq!(past(Some(4), EventType::Modified, Some(4)), Some(EventType::Modified));
    assert_eq!(past(Some(4), EventType::Deleted, Some(4)), Some(EventType::Deleted));
    assert_eq!(past(Some(5), EventType::Modified, Some(5)), None);
}

#[test]
fn what_a_read_may_be_served_from_the_cache() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    write(&mut member, KEY, 1);
    run(&mut bench, &mut member, 510);
    let calls = bench.sent().filter(|(_, message)| matches!(message, Message::Rpc(_))).count();
    send(&mut bench, 1, list(Version::Any));
    send(&mut bench, 2, Request { version: Version::Any, ..Request::get(KEY, Level::System) });
    run(&mut bench, &mut member, 511);
    assert_eq!(lists(&bench), [(1, member.store.revision(), 1)]);
    assert_eq!(
        bench.sent().filter(|(_, message)| matches!(message, Message::Rpc(_))).count(),
        calls,
        "etcd is not asked"
    );
    // A consistent one asks for the revision, and for the watch's progress if the cache seems older.
    member.store.apply(&Op::Put { key: Key::HEALTH, value: Value::default(), lease: 0 }).unwrap();
    send(&mut bench, 3, list(Version::Unset));
    run(&mut bench, &mut member, 700);
    assert_eq!(lists(&bench)[1], (3, member.store.revision(), 1));
    assert_eq!(answers(&bench)[2], (613, 3, Status::Ok), "a millisecond, the period, and another");
    // The future never comes.
    send(&mut bench, 4, list(Version::NotOlderThan(1_000)));
    run(&mut bench, &mut member, 4_000);
    assert_eq!(answers(&bench)[3], (3_700, 4, Status::Timeout));
}

#[test]
fn a_consistent_list_goes_to_etcd_if_the_cache_does_not_catch_up() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    member.watches.clear();
    write(&mut member, KEY, 1);
    send(&mut bench, 1, list(Version::Unset));
    bench.run(at(4_000), |_, effect| match effect {
        Effect::Send(_, _, Message::Watch(WatchCall::Progress)) => None,
        effect => member.answer(effect),
    });
    assert_eq!(answers(&bench), [(3_502, 1, Status::Ok)]);
    assert_eq!(lists(&bench), [(1, member.store.revision(), 1)]);
}

#[test]
fn without_a_leader_a_cache_is_patient_for_30_s_and_then_starts_over() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    send(&mut bench, 1, watch(1, Selector::All));
    run(&mut bench, &mut member, 1_000);
    // From now on every watch is refused.
    member.cancel(Kind::ConfigMap, WatchEnd::NoLeader);
    while bench.now < at(32_000) {
        let next = bench.now + Span::from_ms(50);
        run(&mut bench, &mut member, next.ns() / 1_000_000);
        member.cancel(Kind::ConfigMap, WatchEnd::NoLeader);
        if bench.now == at(30_000) {
            assert!(told_watches(&bench).is_empty() && bench.actor.cache(Kind::ConfigMap).expect("kept").ready());
            send(&mut bench, 2, list(Version::Any));
        }
    }
    let (when, end) = told_watches(&bench).pop().expect("it was told");
    assert!((31_000..31_300).contains(&when), "{when}");
    assert_eq!((end.id, end.end), (1, Some(Status::Ok)));
    assert_eq!(told(&bench, NoteKind::CacheLost), [when]);
    send(&mut bench, 3, list(Version::Any));
    send(&mut bench, 4, watch(1, Selector::All));
    send(&mut bench, 5, Request::get(KEY, Level::System));
    run(&mut bench, &mut member, when + 999);
    let statuses: Vec<Status> = answers(&bench).iter().map(|(.., status)| *status).collect();
    let busy = Status::TooManyRequests;
    assert_eq!(statuses, [Status::Ok, Status::Ok, busy, busy, Status::NotFound]);
    run(&mut bench, &mut member, when + 1_010);
    assert!(bench.actor.cache(Kind::ConfigMap).expect("kept").ready(), "a second later it has listed again");
    assert_eq!(bench.actor.cache(Kind::ConfigMap).map(|cache| cache.initializations()), Some(2));
}

#[test]
fn an_older_server_asks_etcd_while_its_cache_is_cold_and_lets_watches_wait() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    bench.knobs = bench.knobs.with_all(&[(Knob::CachePatience, 0), (Knob::ResilientCache, 0)]).expect("in range");
    let seen = member.store.revision();
    member.cancel(Kind::ConfigMap, WatchEnd::NoLeader);
    run(&mut bench, &mut member, 510);
    write(&mut member, KEY, 1);
    send(&mut bench, 1, list(Version::Any));
    send(&mut bench, 2, watch(seen, Selector::All));
    send(&mut bench, 3, list(Version::NotOlderThan(seen)));
    send(&mut bench, 4, watch(0, Selector::All));
    run(&mut bench, &mut member, 600);
    assert_eq!(answers(&bench), [(511, 1, Status::Ok)], "the others wait, for there is no cache yet");
    let taken = |bench: &Rig| Level::ALL.map(|level| bench.actor.flow().executing(level)).iter().sum::<u32>();
    assert_eq!(taken(&bench), 0, "and take no seat while they do");
    // Who gives up is forgotten.
    bench.later(Span::ZERO, Input::Message(CLIENT, Message::Cancel(4)));
    run(&mut bench, &mut member, 1_600);
    // The history of the new cache begins at its list, so what the watch had seen is too old.
    let later: Vec<_> = answers(&bench)[1..].iter().map(|(_, id, status)| (*id, *status)).collect();
    assert_eq!(later, [(2, Status::Gone), (3, Status::Ok)]);
    assert_eq!(lists(&bench), [(1, seen + 1, 1), (3, seen + 1, 1)]);
    assert_eq!(taken(&bench), 0);
}

#[test]
fn compacted_history_ends_watches_at_once_and_a_broken_connection_does_not() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    send(&mut bench, 1, watch(1, Selector::All));
    run(&mut bench, &mut member, 600);
    bench.later(Span::ZERO, Input::Conn(conn_of(Kind::ConfigMap), ConnUp::Failed(Reason::Reset)));
    member.watches.retain(|(conn, ..)| *conn != conn_of(Kind::ConfigMap));
    run(&mut bench, &mut member, 700);
    assert!(told_watches(&bench).is_empty());
    let again = bench.sent().filter_map(|(_, message)| match message {
        Message::Watch(WatchCall::Create { from, start, .. }) if from.kind() == Kind::ConfigMap => Some(*start),
        _ => None,
    });
    assert_eq!(again.collect::<Vec<_>>(), [2, 2], "it goes on where it was");
    member.cancel(Kind::ConfigMap, WatchEnd::Compacted(9));
    run(&mut bench, &mut member, 702);
    assert_eq!(told_watches(&bench).pop().and_then(|(_, told)| told.end), Some(Status::Ok));
    run(&mut bench, &mut member, 2_000);
    assert!(bench.actor.cache(Kind::ConfigMap).is_some_and(|cache| cache.ready()));
}

#[test]
fn a_watch_has_bookmarks_and_ends_after_five_to_ten_minutes() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    send(&mut bench, 1, watch(1, Selector::All));
    bench.run(at(700_000), |_, effect| member.answer(effect));
    let told = told_watches(&bench);
    let (end, last) = told.last().expect("it was told");
    assert!((300_500..601_500).contains(end) && last.end == Some(Status::Ok), "{end}");
    let bookmarks = told.iter().filter(|(_, told)| told.bookmark.is_some()).count() as u64;
    assert!(bookmarks >= end / 61_000 && bookmarks <= end / 60_000 + 1, "{bookmarks}");
    assert!(bench.actor.fan_out().is_empty());
}

#[test]
fn a_client_that_does_not_read_is_cut_off_after_a_thousand_messages() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    send(&mut bench, 1, watch(1, Selector::All));
    run(&mut bench, &mut member, 501);
    bench.later(Span::ZERO, Input::Conn(CLIENT, ConnUp::Full));
    run(&mut bench, &mut member, 502);
    write(&mut member, KEY, 1);
    run(&mut bench, &mut member, 510);
    assert!(told_watches(&bench).is_empty());
    bench.later(Span::ZERO, Input::Conn(CLIENT, ConnUp::Writable));
    run(&mut bench, &mut member, 511);
    assert_eq!(told_watches(&bench).len(), 1);
    bench.later(Span::ZERO, Input::Conn(CLIENT, ConnUp::Full));
    run(&mut bench, &mut member, 512);
    for word in 0..=fan_out::BACKLOG as u64 {
        write(&mut member, KEY, word);
    }
    run(&mut bench, &mut member, 520);
    assert_eq!(told_watches(&bench).last().map(|(_, told)| told.end), Some(Some(Status::Ok)));
    assert_eq!((bench.actor.fan_out().terminated(Kind::ConfigMap), bench.actor.fan_out().len()), (1, 0));
}

#[test]
fn it_announces_itself_every_ten_seconds_and_compacts_every_five_minutes() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    bench.run(at(601_000), |_, effect| member.answer(effect));
    let ops = |fits: fn(&Op) -> bool| -> Vec<u64> {
        let calls = bench.sent().filter(|(_, message)| matches!(message, Message::Rpc(request) if fits(&request.op)));
        calls.map(|(at, _)| at.ns() / 1_000_000_000).collect()
    };
    assert_eq!(ops(|op| matches!(op, Op::Grant { ttl_s: 15, .. })).len(), 61);
    assert_eq!(ops(|op| matches!(op, Op::Put { key, .. } if *key == Key::master_lease(1)))[..3], [0, 10, 20]);
    assert_eq!(ops(|op| matches!(op, Op::Txn { key: Key::COMPACT_REV, .. })), [300, 600]);
    assert_eq!(ops(|op| matches!(op, Op::Compact { .. })), [600], "what was there five minutes before");
}

#[test]
fn told_to_stop_it_lets_requests_finish_and_exits() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    send(&mut bench, 1, watch(1, Selector::All));
    run(&mut bench, &mut member, 501);
    ask(&mut bench, 2, Verb::Create, 0);
    bench.later(Span::ZERO, Input::Terminate);
    ask(&mut bench, 3, Verb::Get, 0);
    ask(&mut bench, 4, Verb::Readyz, 0);
    run(&mut bench, &mut member, 510);
    assert_eq!(told_watches(&bench).pop().map(|(_, told)| told.end), Some(Some(Status::Ok)));
    assert_eq!(answers(&bench)[1], (501, 3, Status::Unavailable));
    assert!(answers(&bench).contains(&(502, 2, Status::Created)));
    assert!(bench.log.iter().any(|(when, effect)| *when == at(502) && *effect == Effect::Exit(0)));
}

#[test]
fn without_etcd_at_start_it_exits_after_20_s() {
    let mut bench = Bench::new(ApiServer::new(1, DIRECTORY), DIRECTORY.api(1));
    bench.later(Span::ZERO, Input::Boot);
    ask(&mut bench, 1, Verb::Livez, 0);
    bench.run(at(30_000), |_, _| None);
    assert!(answers(&bench).is_empty() && bench.log.iter().any(|(_, effect)| *effect == Effect::Abort(CLIENT)));
    let exits = bench.log.iter().filter(|(_, effect)| *effect == Effect::Exit(1));
    assert_eq!(exits.map(|(when, _)| *when).collect::<Vec<_>>(), [at(20_000)]);
}

#[test]
fn a_delete_asks_etcd_what_is_there_before_it_decides() {
    let key = Key::new(Kind::ConfigMap, 0, 0, 1);
    let kv = KeyValue { key, create_revision: 3, mod_revision: 3, version: 1, value: Value::words(10, [0; 3]) };
    let mut rng = crate::engine::Rng::stream(1, crate::engine::Purpose::Test, 0);
    let request = Request::delete(key, None, 0, Level::WorkloadHigh);
    let (mut plan, first) = storage::Plan::begin(&request, Some(&kv), at(0), &mut rng);
    assert_eq!(first, storage::Step::Call(Op::Range { key, serializable: false }));
    let read = Response { revision: 5, succeeded: true, kv: Some(kv.clone()), range: None };
    let then = plan.next(&request, Ok(read.clone()), at(0), &mut rng);
    let write = |expected| storage::Step::Call(Op::Txn { key, expected, value: None });
    assert_eq!(then, write(3));
    // Somebody was faster, and faster again: it goes on until its deadline.
    for revision in 10..30 {
        let newer = KeyValue { mod_revision: revision, ..kv.clone() };
        let lost = Response { revision, succeeded: false, kv: Some(newer), range: None };
        assert_eq!(plan.next(&request, Ok(lost), at(0), &mut rng), write(revision));
    }
}
