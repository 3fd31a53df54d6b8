use super::*;
use crate::actor::wire::Message;
use crate::actor::{ConnUp, Effect};
use crate::api::rpc::{Body, Reply, Verb};
use crate::client::bench::{Bench, at};
use crate::net::tcp::Reason;
use crate::object::KeyValue;

const DIRECTORY: Directory = Directory::stacked(3, 0);

fn users() -> Bench<Load> {
    let mut bench = Bench::new(Load::new(DIRECTORY), DIRECTORY.load());
    bench.later(Span::ZERO, Input::Boot);
    bench
}
/// API servers that write everything at a revision of its own, 5 ms each.
fn serve(revision: &mut u64, effect: &Effect) -> Option<(Span, Input)> {
    let after = Span::from_ms(5);
    match effect {
        Effect::Open(conn, ..) => Some((after, Input::Conn(*conn, ConnUp::Connected))),
        Effect::Send(conn, _, Message::Api(request)) => {
            *revision += 1;
            let value =
                if let Body::Change(Change::Apply(value)) = &request.body { value.clone() } else { Value::default() };
            let key = request.key;
            let kv = KeyValue { key, value, create_revision: 2, mod_revision: *revision, version: 1 };
            let reply = Reply { kv: Some(kv), ..Reply::new(request.id, Status::Ok) };
            Some((after, Input::Message(*conn, Message::ApiReply(reply))))
        }
        _ => None,
    }
}
/// When the users of API server `api` sent a request of this kind.
fn sent(bench: &Bench<Load>, api: u8, kind: Kind) -> Vec<u64> {
    let first = key(api, 0).0;
    let of = |(at, message): (LocalTime, &Message)| match message {
        Message::Api(request)
            if (request.verb == Verb::Patch) == (kind == Kind::Write)
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
    assert_eq!(reads[1..4], [375, 625, 875], "4 a second, the third of six turns");
    let writes = sent(&bench, 2, Kind::Write);
    assert_eq!(writes[1..4], [1_000, 1_500, 2_000]);
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
