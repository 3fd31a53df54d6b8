use super::*;
use crate::actor::wire::Message;
use crate::actor::{ConnUp, Effect, Port};
use crate::api::rpc::{Body, EventType, List, Reply, Verb, WatchEvent, WatchEvents};
use crate::client::bench::{Bench, at};
use crate::net::tcp::Reason;
use crate::object::KeyValue;
use alloc::boxed::Box;
use alloc::sync::Arc;

const DIRECTORY: Directory = Directory::stacked(3, 0);

fn users() -> Bench<Load> {
    let mut bench = Bench::new(Load::new(DIRECTORY), DIRECTORY.load());
    bench.later(Span::ZERO, Input::Boot);
    bench
}
/// API servers that write everything at a revision of its own, 5 ms each; watches stand and tell nothing.
fn serve(revision: &mut u64, effect: &Effect) -> Option<(Span, Input)> {
    let after = Span::from_ms(5);
    match effect {
        Effect::Open(conn, ..) => Some((after, Input::Conn(*conn, ConnUp::Connected))),
        Effect::Send(conn, _, Message::Api(request)) => {
            let list = (request.verb == Verb::List)
                .then(|| Arc::new(List { revision: *revision, items: Vec::new(), more: false }));
            *revision += 1;
            let value = match &request.body {
                Body::Change(Change::Apply(value)) | Body::Value(value) => value.clone(),
                _ => Value::default(),
            };
            let key = request.key;
            let kv = KeyValue { key, value, create_revision: 2, mod_revision: *revision, version: 1 };
            let reply = Reply { kv: Some(kv), list, ..Reply::new(request.id, Status::Ok) };
            Some((after, Input::Message(*conn, Message::ApiReply(Box::new(reply)))))
        }
        _ => None,
    }
}
/// When the users of API server `api` sent a request of this kind.
fn sent(bench: &Bench<Load>, api: u8, kind: Kind) -> Vec<u64> {
    let first = key(api, 0).0;
    let of = |(at, message): (LocalTime, &Message)| match message {
        Message::Api(request)
            if request.verb == if kind == Kind::Write { Verb::Patch } else { Verb::Get }
                && request.version == Version::Unset
                && (first..first + u64::from(KEYS_PER_API)).contains(&request.key.0) =>
        {
            Some(at.ns() / 1_000_000)
        }
        _ => None,
    };
    bench.sent().filter_map(of).collect()
}

#[test]
fn requests_are_evenly_spaced_and_staggered() {
    let (mut bench, mut revision) = (users(), 1);
    bench.knobs = bench.knobs.with(Knob::WriteRate, 2_000).expect("in range");
    bench.run(at(10_000), |_, effect| serve(&mut revision, effect));
    let reads = sent(&bench, 1, Kind::Read);
    assert_eq!(reads[1..4], [350, 600, 850], "4 a second, the sixth of fifteen turns");
    let writes = sent(&bench, 2, Kind::Write);
    assert_eq!(writes[1..4], [900, 1_400, 1_900]);
    let stream = bench.actor.stream(1, Kind::Read);
    assert_eq!((stream.sent, stream.ok, stream.failed, stream.waiting()), (40, 40, 0, 0));
    assert_eq!(stream.recent.len(), 40);
    assert_eq!((stream.recent[5].latency_us, stream.recent[5].ok), (5_000, true));
}

#[test]
fn acknowledged_writes_are_remembered_by_key() {
    let (mut bench, mut revision) = (users(), 1);
    bench.run(at(20_000), |_, effect| serve(&mut revision, effect));
    let told: Vec<(Key, Acknowledged)> = bench.actor.acknowledged().map(|(key, told)| (key, *told)).collect();
    assert_eq!(told.len(), 3 * KEYS_PER_API as usize);
    let writes: u64 = told.iter().map(|(_, told)| told.writes).sum();
    let ok: u64 = (0..3).map(|api| bench.actor.stream(api, Kind::Write).ok).sum();
    assert_eq!(writes, ok);
    let (first, told) = told[KEYS_PER_API as usize + 3];
    assert_eq!((first, told.serial, told.writes), (Key::user_object(1, 3), 67, 2));
    assert!(told.mod_revision > 64);
}

#[test]
fn nobody_waits_longer_than_ten_seconds_and_the_rate_goes_on() {
    let mut bench = users();
    bench.run(at(30_000), |_, effect| match effect {
        Effect::Open(conn, ..) => Some((Span::from_ms(1), Input::Conn(*conn, ConnUp::Connected))),
        _ => None,
    });
    let stream = bench.actor.stream(0, Kind::Write);
    assert_eq!((stream.ok, stream.waiting()), (0, 40));
    assert_eq!(stream.sent, stream.failed + 40);
    assert!(stream.recent.iter().all(|ended| !ended.ok && ended.latency_us == 10_000_000));
    let what = 1 + 65536 * Status::ClientTimeout as u32;
    assert!(bench.notes().any(|(_, note)| note.kind == NoteKind::UserRequest && note.a == what));
}

#[test]
fn a_closed_port_fails_requests_at_once() {
    let mut bench = users();
    bench.run(at(5_000), |_, effect| match effect {
        Effect::Open(conn, ..) => Some((Span::from_ms(1), Input::Conn(*conn, ConnUp::Failed(Reason::Refused)))),
        _ => None,
    });
    let stream = bench.actor.stream(0, Kind::Read);
    assert!(stream.failed >= 19 && stream.waiting() <= 1);
}

#[test]
fn a_dial_moved_acts_at_the_next_request_and_zero_can_be_left_again() {
    let (mut bench, mut revision) = (users(), 1);
    bench.run(at(5_000), |_, effect| serve(&mut revision, effect));
    bench.knobs = bench.knobs.with(Knob::ReadRate, 0).expect("in range");
    bench.run(at(10_000), |_, effect| serve(&mut revision, effect));
    let quiet = bench.actor.stream(0, Kind::Read).sent;
    assert!((20..=21).contains(&quiet), "{quiet}");
    bench.knobs = bench.knobs.with(Knob::ReadRate, 100_000).expect("in range");
    bench.run(at(12_000), |_, effect| serve(&mut revision, effect));
    let more = bench.actor.stream(0, Kind::Read).sent - quiet;
    assert!((100..=200).contains(&more), "within a second it runs at 100 a second: {more}");
}

#[test]
fn the_newest_512_are_kept() {
    let (mut bench, mut revision) = (users(), 1);
    bench.knobs = bench.knobs.with(Knob::ReadRate, 200_000).expect("in range");
    bench.run(at(5_000), |_, effect| serve(&mut revision, effect));
    let stream = bench.actor.stream(2, Kind::Read);
    assert!(stream.ok > 900);
    assert_eq!(stream.recent.len(), RECENT);
    assert!(stream.recent[0].at > at(2_300));
}

#[test]
fn an_object_comes_changes_and_goes() {
    let (mut bench, mut revision) = (users(), 1);
    bench.run(at(5_000), |_, effect| serve(&mut revision, effect));
    let first = cycle_key(0, 0);
    let of = |(at, message): (LocalTime, &Message)| match message {
        Message::Api(request) if request.key == first => Some((at.ns() / 1_000_000, request.verb, request.expected())),
        _ => None,
    };
    let steps: Vec<_> = bench.sent().filter_map(of).collect();
    let (begun, verbs) = (steps[0].0, steps.iter().map(|(_, verb, _)| *verb).collect::<Vec<_>>());
    assert_eq!(verbs, [Verb::Create, Verb::Update, Verb::Delete]);
    assert_eq!((steps[1].0, steps[2].0), (begun + 5, begun + 10), "one after the other");
    assert!(steps[1].2 > 0, "it updates what it created");
    let ok = |kind| bench.actor.stream(0, kind).ok;
    assert_eq!((ok(Kind::Create), ok(Kind::Update), ok(Kind::Delete)), (3, 3, 3));
}

#[test]
fn an_object_that_is_there_already_is_cleared_away() {
    let (mut bench, mut revision) = (users(), 1);
    bench.run(at(3_000), |_, effect| match (effect, serve(&mut revision, effect)) {
        (Effect::Send(_, _, Message::Api(request)), Some((after, Input::Message(conn, Message::ApiReply(reply)))))
            if request.verb == Verb::Create =>
        {
            Some((
                after,
                Input::Message(
                    conn,
                    Message::ApiReply(Box::new(Reply { status: Status::Conflict, kv: None, ..*reply })),
                ),
            ))
        }
        (_, answer) => answer,
    });
    let count = |kind| (bench.actor.stream(0, kind).sent, bench.actor.stream(0, kind).failed);
    assert_eq!((count(Kind::Create), count(Kind::Update), count(Kind::Delete)), ((2, 0), (0, 0), (2, 0)));
}

#[test]
fn a_watcher_tells_how_old_what_it_sees_is_and_what_it_misses() {
    let (mut bench, mut revision) = (users(), 1);
    bench.knobs = bench.knobs.with(Knob::WriteRate, 0).expect("in range");
    bench.knobs = bench.knobs.with(Knob::CycleRate, 0).expect("in range");
    let mut watch = None;
    bench.run(at(1_000), |_, effect| {
        if let Effect::Send(conn, _, Message::Api(request)) = effect
            && request.verb == Verb::Watch
        {
            watch = watch.or(Some((*conn, request.id)));
        }
        serve(&mut revision, effect)
    });
    let (conn, id) = watch.expect("it watches");
    let written = at(400).ns();
    let kv = KeyValue {
        key: key(2, 7),
        value: Value::words(VALUE_BYTES, [1, 7, written]),
        create_revision: 2,
        mod_revision: 900,
        version: 1,
    };
    let events: Arc<[WatchEvent]> = [WatchEvent { event: EventType::Added, kv }].into();
    let told = WatchEvents { id, events, bookmark: None, end: None };
    bench.actor.wrote(at(950), 900);
    assert_eq!(bench.actor.sight(0).behind(at(1_000)), Span::from_ms(50));
    bench.tell(Input::Message(conn, Message::ApiEvents(told.clone())));
    let stream = bench.actor.stream(0, Kind::Watch);
    assert_eq!((stream.ok, stream.failed, stream.recent[0].latency_us), (1, 0, 600_000));
    assert_eq!((bench.actor.sight(0).seen, bench.actor.sight(0).missing), (900, None));
    assert_eq!(bench.actor.sight(1).behind(at(1_000)), Span::from_ms(50), "the others miss it still");
    let end = Some(Status::InternalError);
    bench.tell(Input::Message(conn, Message::ApiEvents(WatchEvents { events: [].into(), end, ..told })));
    assert_eq!(bench.actor.stream(0, Kind::Watch).failed, 1);
}

fn visitors() -> Bench<Load> {
    const DIRECTORY: Directory = Directory::stacked(3, 4);
    let mut bench = Bench::new(Load::new(DIRECTORY), DIRECTORY.load());
    bench.later(Span::ZERO, Input::Boot);
    bench
}
/// Every kube-proxy is well. Pods of Service 0 answer after 2 ms, Service 1 is refused, Service 2 accepts and is mute.
fn pods(effect: &Effect) -> Option<(Span, Input)> {
    let ms = Span::from_ms(1);
    match effect {
        Effect::Open(conn, _, Port::Service(1)) => Some((ms, Input::Conn(*conn, ConnUp::Failed(Reason::Refused)))),
        Effect::Open(conn, _, Port::Service(0) | Port::ProxyHealth) => {
            Some((ms, Input::Conn(*conn, ConnUp::Connected)))
        }
        Effect::Send(conn, _, Message::UserRequest(n)) => {
            Some((Span::from_ms(2), Input::Message(*conn, Message::UserReply(*n))))
        }
        _ => None,
    }
}

#[test]
fn users_visit_every_service_at_every_node_and_learn_how_it_went() {
    let mut bench = visitors();
    bench.run(at(20_100), |_, effect| pods(effect));
    let [ok, refused, mute] = bench.actor.traffic() else { panic!("three Services") };
    assert_eq!((ok.stream.sent, ok.stream.ok, ok.stream.recent[0].latency_us), (101, 101, 3_000));
    assert_eq!((refused.stream.failed, refused.refused, refused.stream.recent[0].latency_us), (100, 100, 1_000));
    assert_eq!((mute.timeouts, mute.stream.waiting(), mute.stream.recent[0].latency_us), (75, 25, 5_000_000));
    let opened = |node| {
        let to = Directory::stacked(3, 4).kubelet(node);
        bench
            .log
            .iter()
            .filter(|(_, effect)| matches!(effect, Effect::Open(_, at, Port::Service(_)) if *at == to))
            .count()
    };
    assert!((0..4).all(|node| opened(node) > 40), "any node");
    let closed = bench.log.iter().filter(|(_, effect)| matches!(effect, Effect::Close(_))).count();
    let aborted = bench.log.iter().filter(|(_, effect)| matches!(effect, Effect::Abort(_))).count();
    assert_eq!((closed, aborted), (101 + 10, 75), "of visits, and of the load balancer's checks");
    let timeout = 2 + 65536 * service::Outcome::Timeout as u32;
    assert!(bench.notes().any(|(_, note)| note.kind == NoteKind::ServiceRequest && note.a == timeout));
}

#[test]
fn a_new_process_of_the_users_has_lost_its_visits() {
    let mut bench = visitors();
    bench.run(at(3_000), |_, effect| pods(effect));
    bench.tell(Input::Boot);
    let mute = &bench.actor.traffic()[2];
    assert_eq!((mute.stream.waiting(), mute.broken), (0, mute.stream.failed));
}

#[test]
fn a_node_whose_kube_proxy_does_not_answer_gets_no_visitors_until_it_does() {
    let directory = Directory::stacked(3, 4);
    let (mut bench, dead) = (visitors(), directory.proxy(2));
    let mut checks = Vec::new();
    // Its checks begin at 6, 14 and 22 s; from 60 s on it answers again.
    bench.run(at(90_000), |now, effect| match effect {
        Effect::Open(_, to, Port::ProxyHealth) if *to == dead => {
            checks.push(now.ns() / 1_000_000_000);
            (now >= at(60_000)).then(|| pods(effect)).flatten()
        }
        effect => pods(effect),
    });
    assert_eq!(checks, [6, 14, 22, 30, 38, 46, 54, 62, 70, 78, 86]);
    let visits = |from, to| {
        let node = directory.kubelet(2);
        let to_it = |effect: &Effect| matches!(effect, Effect::Open(_, at, Port::Service(_)) if *at == node);
        bench.log.iter().filter(|(when, it)| (at(from)..at(to)).contains(when) && to_it(it)).count()
    };
    assert!(visits(0, 23_000) > 50, "three failed checks take it out");
    assert_eq!(visits(23_001, 62_000), 0);
    assert!(visits(62_003, 90_000) > 50, "one that succeeds takes it back");
}
