use super::*;
use crate::actor::Effect;
use crate::client::bench::{Bench, at};
use crate::etcd::rpc::{EtcdError, KeyValue, Op, Reply as EtcdReply, Value};
use crate::net::tcp::Reason;
use crate::object::Change;
use rpc::Level;

const DIRECTORY: Directory = Directory::stacked(3, 0);
/// A user's object.
const KEY: Key = Key::user_object(0, 40);
/// A client's connection; the server's own names start at zero.
const CLIENT: ConnId = ConnId(1 << 15);

/// An etcd member that takes a millisecond; it may be mute.
struct Member {
    store: crate::etcd::kv::Store,
    mute: bool,
}

impl Member {
    fn new() -> Self {
        Self { store: crate::etcd::kv::Store::default(), mute: false }
    }
    fn answer(&mut self, effect: &Effect) -> Option<(Span, Input)> {
        let ms = Span::from_ms(1);
        match effect {
            Effect::Open(conn, to, Port::EtcdClient) => {
                assert_eq!(*to, DIRECTORY.etcd(1), "only its own host's member");
                Some((ms, Input::Conn(*conn, ConnUp::Connected)))
            }
            Effect::Send(conn, _, Message::Rpc(request)) if !self.mute => {
                let result = self.store.apply(&request.op);
                Some((ms, Input::Message(*conn, Message::RpcReply(EtcdReply { id: request.id, result }))))
            }
            _ => None,
        }
    }
}

type Rig = Bench<ApiServer>;

/// A server that has been up for half a second.
fn up(member: &mut Member) -> Rig {
    let mut bench = Bench::new(ApiServer::new(1, DIRECTORY), DIRECTORY.api(1));
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(500), |_, effect| member.answer(effect));
    bench
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
    let input = Input::Message(CLIENT, Message::Api(request(id, verb, resource_version)));
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
fn told(bench: &Rig, kind: NoteKind) -> Vec<u64> {
    bench.notes().filter(|(_, note)| note.kind == kind).map(|(at, _)| at.ns() / 1_000_000).collect()
}

#[test]
fn it_connects_checks_etcd_every_second_and_says_when_that_changes() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    assert_eq!(told(&bench, NoteKind::EtcdConnected), [1]);
    assert_eq!((bench.actor.healthy(), bench.actor.etcd_state()), (false, 2));
    bench.run(at(10_500), |_, effect| member.answer(effect));
    assert!(bench.actor.healthy());
    assert_eq!(bench.sent().count(), 10, "one probe a second");
    member.mute = true;
    bench.run(at(20_500), |_, effect| member.answer(effect));
    member.mute = false;
    bench.run(at(30_000), |_, effect| member.answer(effect));
    assert_eq!(told(&bench, NoteKind::Healthy), [1_001, 21_001]);
    assert_eq!(told(&bench, NoteKind::Unhealthy), [13_000], "2 s after the first check that hung");
}

#[test]
fn probes_share_one_check_and_get_the_last_result_within_a_second() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    ask(&mut bench, 1, Verb::Livez, 0);
    ask(&mut bench, 2, Verb::Readyz, 0);
    bench.run(at(600), |_, effect| member.answer(effect));
    ask(&mut bench, 3, Verb::Livez, 0);
    bench.run(at(700), |_, effect| member.answer(effect));
    assert_eq!(answers(&bench), [(501, 1, Status::Ok), (501, 2, Status::Ok), (600, 3, Status::Ok)]);
    assert_eq!(bench.sent().filter(|(_, message)| matches!(message, Message::Rpc(_))).count(), 1);
    member.mute = true;
    bench.run(at(2_000), |_, effect| member.answer(effect));
    ask(&mut bench, 4, Verb::Livez, 0);
    bench.run(at(5_000), |_, effect| member.answer(effect));
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
        (Verb::Update, 2, Status::Ok),
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
    bench.run(at(520), |_, effect| member.answer(effect));
    assert_eq!(answers(&bench), [(502, 1, Status::Ok)]);
    assert_eq!(member.store.get(KEY).map(|kv| kv.version), Some(kv.version + 1));
    ask(&mut bench, 2, Verb::Patch, 0);
    bench.run(at(530), |_, effect| member.answer(effect));
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
    let conn = bench.actor.conn.expect("it is connected");
    member.mute = true;
    ask(&mut bench, 1, Verb::Create, 0);
    bench.run(at(501), |_, effect| member.answer(effect));
    let id = bench.sent().find_map(|(_, message)| match message {
        Message::Rpc(request) => Some(request.id),
        _ => None,
    });
    let reply = EtcdReply { id: id.expect("the call went out"), result: Err(EtcdError::Timeout) };
    bench.later(Span::ZERO, Input::Message(conn, Message::RpcReply(reply)));
    ask(&mut bench, 2, Verb::Create, 0);
    bench.run(at(502), |_, effect| member.answer(effect));
    bench.later(Span::ZERO, Input::Conn(conn, ConnUp::Failed(Reason::UserTimeout)));
    member.mute = false;
    bench.run(at(520), |_, effect| member.answer(effect));
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
    bench.run(at(501), |_, effect| member.answer(effect));
    bench.later(Span::ZERO, Input::Message(CLIENT, Message::Cancel(2)));
    bench.run(at(502), |_, effect| member.answer(effect));
    assert_eq!(bench.actor.in_flight(), 2);
    bench.later(Span::ZERO, Input::Conn(CLIENT, ConnUp::Failed(Reason::Reset)));
    bench.run(at(503), |_, effect| member.answer(effect));
    assert_eq!((bench.actor.in_flight(), bench.actor.etcd().calls()), (0, 0));
    let cancels = bench.sent().filter(|(_, message)| matches!(message, Message::Cancel(_))).count();
    assert_eq!(cancels, 3);
    bench.run(at(90_000), |_, effect| member.answer(effect));
    assert!(answers(&bench).is_empty());
}

#[test]
fn six_hundred_requests_are_enough() {
    let mut member = Member::new();
    let mut bench = up(&mut member);
    member.mute = true;
    for id in 0..=MAX_IN_FLIGHT {
        ask(&mut bench, id, Verb::Get, 0);
    }
    ask(&mut bench, 1000, Verb::Livez, 0);
    bench.run(at(500), |_, effect| member.answer(effect));
    assert_eq!(answers(&bench), [(500, MAX_IN_FLIGHT, Status::TooManyRequests)], "the probe is exempt");
    assert_eq!(bench.actor.in_flight(), MAX_IN_FLIGHT);
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
    bench.run(at(5_000), |_, effect| member.answer(effect));
    bench.later(Span::ZERO, Input::Boot);
    bench.run(at(5_000), |_, effect| member.answer(effect));
    assert_eq!((bench.actor.requests(), bench.actor.healthy(), bench.actor.etcd_state()), (0, false, 1));
    bench.run(at(7_000), |_, effect| member.answer(effect));
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
    Some((after, Input::Message(*conn, Message::RpcReply(EtcdReply { id: request.id, result }))))
}

#[test]
fn a_patch_gives_up_after_five_retries_of_a_conflict() {
    let mut bench = up(&mut Member::new());
    ask(&mut bench, 1, Verb::Patch, 0);
    bench.run(at(900), |_, effect| contended(Span::from_ms(10), effect));
    assert_eq!(answers(&bench), [(560, 1, Status::Conflict)], "the first try and five more");
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
    let conn = bench.actor.conn.expect("it is connected");
    let effects = bench.tell(Input::Conn(conn, ConnUp::PeerClosed));
    assert_eq!(effects[0], Effect::Close(conn));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Open(..))), "and etcd is dialled again");
    assert_eq!(bench.tell(Input::Conn(CLIENT, ConnUp::PeerClosed)), [Effect::Close(CLIENT)]);
}
