use super::*;
use crate::actor::role::{self, Directory};
use crate::actor::wire::Message;
use crate::actor::{Actor, ConnUp, Effect, Input};
use crate::api::rpc::{Reply, Verb};
use crate::client::Alarm;
use crate::client::bench::{Bench, at};
use crate::net::packet::ConnId;
use crate::net::tcp::Reason;
use crate::object::Value;
use alloc::boxed::Box;
use alloc::sync::Arc;

const DIRECTORY: Directory = Directory::stacked(1, 0);
const TAG: u8 = 9;

/// A program that has an informer and nothing else.
struct Host {
    line: Line,
    alarm: Alarm,
    informer: Informer,
    deltas: Vec<(Key, Option<Revision>, Option<Revision>)>,
}

impl Actor for Host {
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        use crate::control::Timer;
        match input {
            Input::Boot => self.informer.start(cx, &mut self.line),
            Input::Timer(role::Timer::Control(Timer::Http)) => self.line.on_timer(cx),
            Input::Timer(_) => {
                self.alarm.fired();
                self.informer.on_timer(cx, &mut self.line);
            }
            Input::Conn(conn, up) => self.line.on_conn(cx, conn, up),
            Input::Message(conn, message) => self.line.on_message(cx, conn, &message),
            _ => {}
        }
        while let Some(news) = self.line.take_news() {
            assert!(self.informer.on_news(cx, &mut self.line, &news));
        }
        while let Some(Delta { key, before, after }) = self.informer.take_delta() {
            self.deltas.push((key, before.map(|kv| kv.mod_revision), after.map(|kv| kv.mod_revision)));
        }
        self.line.arm(cx, Timer::Http);
        self.alarm.ensure(cx, Timer::Work, self.informer.next_timer());
    }
}

fn host() -> Bench<Host> {
    let informer = Informer::new(Kind::ConfigMap, Selector::All, Level::WorkloadHigh, TAG);
    let line = Line::new(DIRECTORY.api(0));
    let host = Host { line, alarm: Alarm::default(), informer, deltas: Vec::new() };
    let mut bench = Bench::new(host, DIRECTORY.control(0, 0));
    bench.later(Span::ZERO, Input::Boot);
    bench
}

fn key(n: u32) -> Key {
    Key::user_object(0, n)
}
fn kv(n: u32, mod_revision: Revision) -> KeyValue {
    KeyValue { key: key(n), value: Value::words(10, [0; 3]), create_revision: 1, mod_revision, version: 1 }
}
fn event(event: EventType, n: u32, revision: Revision) -> WatchEvent {
    WatchEvent { event, kv: kv(n, revision) }
}

/// A server whose answers a test sets.
struct Server {
    list: Vec<KeyValue>,
    revision: Revision,
    /// What the next LISTs and WATCHes are answered with; then Ok.
    lists: VecDeque<Status>,
    watches: VecDeque<Status>,
    refuse: bool,
    /// When it was asked for what.
    asked: Vec<(u64, Verb, Version)>,
    /// The watch that stands.
    watch: Option<(ConnId, u32)>,
}

impl Server {
    fn new() -> Self {
        let (list, lists, watches) = (Vec::from([kv(1, 5), kv(2, 7)]), VecDeque::new(), VecDeque::new());
        Self { list, revision: 10, lists, watches, refuse: false, asked: Vec::new(), watch: None }
    }
    fn answer(&mut self, now: LocalTime, effect: &Effect) -> Option<(Span, Input)> {
        let ms = Span::from_ms(1);
        match effect {
            Effect::Open(conn, ..) => {
                let up = if self.refuse { ConnUp::Failed(Reason::Refused) } else { ConnUp::Connected };
                Some((ms, Input::Conn(*conn, up)))
            }
            Effect::Send(conn, _, Message::Ping) => Some((ms, Input::Message(*conn, Message::Pong))),
            Effect::Send(conn, _, Message::Api(request)) => {
                self.asked.push((now.ns() / 1_000_000, request.verb, request.version));
                let statuses = if request.verb == Verb::List { &mut self.lists } else { &mut self.watches };
                let status = statuses.pop_front().unwrap_or(Status::Ok);
                let mut reply = Reply::new(request.id, status);
                if status.is_ok() && request.verb == Verb::List {
                    let list = List { revision: self.revision, items: self.list.clone(), more: false };
                    reply.list = Some(Arc::new(list));
                } else if status.is_ok() {
                    self.watch = Some((*conn, request.id));
                }
                Some((ms, Input::Message(*conn, Message::ApiReply(Box::new(reply)))))
            }
            _ => None,
        }
    }
    /// What the watch tells next.
    fn tell(&self, events: &[WatchEvent], bookmark: Option<Revision>, end: Option<Status>) -> Input {
        let (conn, id) = self.watch.expect("a watch stands");
        Input::Message(conn, Message::ApiEvents(WatchEvents { id, events: events.into(), bookmark, end }))
    }
}

fn run(bench: &mut Bench<Host>, server: &mut Server, ms: u64) {
    bench.run(at(ms), |now, effect| server.answer(now, effect));
}
/// What was asked for, without when.
fn asked(server: &Server) -> Vec<(Verb, Version)> {
    server.asked.iter().map(|(_, verb, version)| (*verb, *version)).collect()
}

#[test]
fn it_lists_whatever_is_at_hand_and_watches_from_there() {
    let (mut bench, mut server) = (host(), Server::new());
    run(&mut bench, &mut server, 1_000);
    assert_eq!(asked(&server), [(Verb::List, Version::Any), (Verb::Watch, Version::NotOlderThan(10))]);
    assert!(bench.actor.informer.synced() && bench.actor.informer.watching());
    let told = [event(EventType::Added, 3, 11), event(EventType::Modified, 1, 12), event(EventType::Deleted, 2, 13)];
    bench.later(Span::ZERO, server.tell(&told, None, None));
    bench.later(Span::from_ms(1), server.tell(&[event(EventType::Deleted, 9, 14)], Some(20), None));
    run(&mut bench, &mut server, 2_000);
    let deltas = [
        (key(1), None, Some(5)),
        (key(2), None, Some(7)),
        (key(3), None, Some(11)),
        (key(1), Some(5), Some(12)),
        (key(2), Some(13), None),
    ];
    assert_eq!(bench.actor.deltas, deltas);
    let informer = &bench.actor.informer;
    assert_eq!(informer.iter().map(|kv| kv.key).collect::<Vec<_>>(), [key(1), key(3)]);
    assert_eq!((informer.len(), informer.revision(), informer.get(key(2))), (2, 20, None));
}

#[test]
fn a_time_limit_and_a_broken_connection_cost_no_relist() {
    let (mut bench, mut server) = (host(), Server::new());
    run(&mut bench, &mut server, 5_000);
    bench.later(Span::ZERO, server.tell(&[event(EventType::Added, 3, 15)], None, Some(Status::Ok)));
    run(&mut bench, &mut server, 9_000);
    assert_eq!(server.asked.last(), Some(&(5_000, Verb::Watch, Version::NotOlderThan(15))));
    let conn = server.watch.expect("a watch stands").0;
    bench.later(Span::ZERO, Input::Conn(conn, ConnUp::PeerClosed));
    run(&mut bench, &mut server, 10_000);
    assert_eq!(server.asked.last(), Some(&(9_001, Verb::Watch, Version::NotOlderThan(15))), "over a new connection");
    assert_eq!(bench.actor.informer.requests(), (1, 3));
}

#[test]
fn a_compacted_watch_relists_and_tells_the_difference() {
    let (mut bench, mut server) = (host(), Server::new());
    run(&mut bench, &mut server, 5_000);
    (server.list, server.revision) = (Vec::from([kv(1, 5), kv(4, 30)]), 31);
    bench.later(Span::ZERO, server.tell(&[], None, Some(Status::Gone)));
    bench.actor.deltas.clear();
    run(&mut bench, &mut server, 9_000);
    let (when, verb, version) = server.asked[2];
    assert_eq!((verb, version), (Verb::List, Version::NotOlderThan(10)));
    assert!((5_800..=6_600).contains(&when), "after 0.8 to 1.6 s: {when}");
    assert_eq!(bench.actor.deltas, [(key(4), None, Some(30)), (key(2), Some(7), None)]);
    assert_eq!(server.asked[3].2, Version::NotOlderThan(31));
}

#[test]
fn a_list_that_is_too_old_or_too_new_asks_for_the_newest_at_once() {
    let (mut bench, mut server) = (host(), Server::new());
    server.lists = [Status::Gone, Status::InternalError, Status::Ok].into();
    run(&mut bench, &mut server, 9_000);
    let versions: Vec<Version> = server.asked.iter().map(|(_, _, version)| *version).collect();
    assert_eq!(versions, [Version::Any, Version::Unset, Version::Unset, Version::NotOlderThan(10)]);
    assert!(server.asked[1].0 <= 2 && server.asked[2].0 >= 800, "{:?}", server.asked);
}

#[test]
fn refused_and_429_keep_its_place() {
    let (mut bench, mut server) = (host(), Server::new());
    run(&mut bench, &mut server, 5_000);
    server.refuse = true;
    let conn = server.watch.expect("a watch stands").0;
    bench.later(Span::ZERO, Input::Conn(conn, ConnUp::PeerClosed));
    run(&mut bench, &mut server, 20_000);
    server.refuse = false;
    server.watches = [Status::TooManyRequests].into();
    run(&mut bench, &mut server, 80_000);
    assert_eq!(asked(&server)[2..], [(Verb::Watch, Version::NotOlderThan(10)); 2]);
    assert_eq!(bench.actor.informer.requests().0, 1, "it listed once");
}

#[test]
fn failing_lists_come_ever_more_rarely_up_to_every_30_to_60_s() {
    let (mut bench, mut server) = (host(), Server::new());
    server.lists = core::iter::repeat_n(Status::InternalError, 12).collect();
    run(&mut bench, &mut server, 400_000);
    let gaps: Vec<u64> = server.asked.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    let mut ideal = 800;
    for gap in &gaps[..7] {
        assert!((ideal..=2 * ideal + 5).contains(gap), "{gap} of {ideal}: {gaps:?}");
        ideal = (ideal * 2).min(30_000);
    }
}

#[test]
fn a_watch_that_ends_at_once_without_a_word_relists_later() {
    let (mut bench, mut server) = (host(), Server::new());
    run(&mut bench, &mut server, 500);
    bench.later(Span::ZERO, server.tell(&[], None, Some(Status::Ok)));
    run(&mut bench, &mut server, 3_000);
    assert_eq!(asked(&server)[2], (Verb::List, Version::NotOlderThan(10)));
    assert!(server.asked[2].0 >= 1_300, "{:?}", server.asked);
}

#[test]
fn a_store_is_the_same_whether_few_or_many() {
    let mut store = Store::default();
    for n in (0..40).rev() {
        assert_eq!(store.insert(kv(n, 1)), None);
        let keys: Vec<u32> = store.iter().map(|kv| kv.key.number()).collect();
        assert_eq!(keys, (n..40).collect::<Vec<_>>());
    }
    assert_eq!(store.insert(kv(7, 2)), Some(kv(7, 1)));
    assert_eq!(store.range(key(5), key(8)).map(|kv| kv.mod_revision).collect::<Vec<_>>(), [1, 1, 2]);
    assert_eq!(store.range(key(8), key(5)).count(), 0);
    (0..40).for_each(|n| assert!(store.remove(key(n)).is_some()));
    assert_eq!((store.len(), store.insert(kv(3, 1)), store.few.len()), (0, None, 1));
    assert_eq!(store.range(key(8), key(5)).count(), 0);
    assert_eq!(store.range(key(0), key(5)).count(), 1);
}
