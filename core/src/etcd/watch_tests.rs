use super::*;
use crate::actor::role;
use crate::actor::{ConnNames, Effect, Input, KnownRules, ProgramId};
use crate::client::bench::at;
use crate::engine::{Purpose, Rng};
use crate::etcd::rpc::{Op, Value};
use crate::knob::Knobs;
use crate::net::packet::HostId;
use alloc::boxed::Box;
use alloc::vec;

/// Watches over a store, with a clock, and connections that take as much as they are let.
struct Rig {
    watches: Watches,
    store: Store,
    now: LocalTime,
    leader: bool,
    rng: Rng,
    knobs: Knobs,
    conns: ConnNames,
    timers: BTreeMap<Timer, LocalTime>,
    /// What a connection still takes before it is full, in messages.
    room: BTreeMap<ConnId, usize>,
    full: Vec<ConnId>,
    heard: Vec<(LocalTime, ConnId, WatchReply)>,
    closed: Vec<ConnId>,
}

impl Rig {
    fn new() -> Self {
        Self {
            watches: Watches::new(LocalTime::ZERO),
            store: Store::default(),
            now: LocalTime::ZERO,
            leader: true,
            rng: Rng::stream(1, Purpose::Test, 1),
            knobs: Knobs::default(),
            conns: ConnNames::default(),
            timers: BTreeMap::new(),
            room: BTreeMap::new(),
            full: Vec::new(),
            heard: Vec::new(),
            closed: Vec::new(),
        }
    }
    fn act(&mut self, act: impl FnOnce(&mut Watches, &mut Cx<'_>, &Store)) {
        let mut effects = Vec::new();
        let mut cx = Cx {
            me: ProgramId(0),
            host: HostId(0),
            now: self.now,
            knobs: &self.knobs,
            rng: &mut self.rng,
            effects: &mut effects,
            conns: &mut self.conns,
            known: &mut KnownRules::default(),
        };
        act(&mut self.watches, &mut cx, &self.store);
        for effect in effects {
            match effect {
                Effect::Arm(role::Timer::Etcd(timer), after) => drop(self.timers.insert(timer, self.now + after)),
                Effect::Send(conn, _, Message::WatchReply(reply)) => {
                    self.heard.push((self.now, conn, reply));
                    let room = self.room.entry(conn).or_insert(usize::MAX);
                    *room = room.saturating_sub(1);
                    if *room == 0 && !self.full.contains(&conn) {
                        self.full.push(conn);
                    }
                }
                Effect::Close(conn) => self.closed.push(conn),
                other => panic!("{other:?}"),
            }
        }
        for conn in self.full.clone() {
            self.watches.full(conn);
        }
    }
    fn call(&mut self, conn: u32, call: WatchCall) {
        let leader = self.leader;
        self.act(|watches, cx, store| watches.on_call(cx, ConnId(conn), call, store, leader));
    }
    fn watch(&mut self, conn: u32, watch: u32, keys: core::ops::Range<u64>, start: Revision) {
        let (from, to) = (Key(keys.start), Key(keys.end));
        let (progress_notify, require_leader) = (false, false);
        self.call(conn, WatchCall::Create { watch, from, to, start, progress_notify, require_leader });
    }
    /// What one Ready applies.
    fn apply(&mut self, ops: &[Op]) {
        let before = self.store.revision();
        for op in ops {
            let _refused = self.store.apply(op);
        }
        if self.store.revision() > before {
            self.act(|watches, cx, store| watches.notify(cx, store, before + 1));
        }
    }
    fn put(&mut self, key: u64) {
        self.apply(&[put(key)]);
    }
    /// Lets timers go off until then.
    fn until(&mut self, ms: u64) {
        while let Some((&timer, &due)) = self.timers.iter().min_by_key(|(_, due)| **due)
            && due <= at(ms)
        {
            self.timers.remove(&timer);
            self.now = due;
            let leader = self.leader;
            self.act(|watches, cx, store| match timer {
                Timer::WatchSync => watches.sync(cx, store),
                Timer::WatchProgress => watches.progress_due(cx, store.revision()),
                Timer::WatchDrain => watches.drain(cx, store),
                Timer::LeaderCheck => watches.check_leader(cx, leader, store.revision()),
                other => panic!("{other:?}"),
            });
        }
        self.now = at(ms);
    }
    fn writable(&mut self, conn: u32, room: usize) {
        self.room.insert(ConnId(conn), room);
        self.full.retain(|it| it.0 != conn);
        self.act(|watches, cx, store| watches.writable(cx, ConnId(conn), store));
    }
    /// What was heard since the last time: when in ms, on which connection, of which watch, and what.
    fn take(&mut self) -> Vec<(u64, u32, u32, Told)> {
        let told = |reply: &WatchReply| match &reply.news {
            WatchNews::Created => Told::Created,
            WatchNews::Events(events) => Told::Events(events.iter().map(|event| event.kv.mod_revision).collect()),
            WatchNews::Progress => Told::Progress(reply.revision),
            WatchNews::Canceled(end) => Told::Canceled(*end),
        };
        let ms = |now: LocalTime| now.since(LocalTime::ZERO).ms();
        self.heard.drain(..).map(|(now, conn, reply)| (ms(now), conn.0, reply.watch, told(&reply))).collect()
    }
}

#[derive(Debug, PartialEq)]
enum Told {
    Created,
    Events(Vec<Revision>),
    Progress(Revision),
    Canceled(WatchEnd),
}
use Told::{Canceled, Created, Events, Progress};

fn put(key: u64) -> Op {
    Op::Put { key: Key(key), value: Value::words(100, [0; 3]), lease: 0 }
}

#[test]
fn a_synced_watcher_hears_of_its_keys_at_once_and_of_a_batch_in_one_message() {
    let mut rig = Rig::new();
    rig.watch(1, 7, 10..20, 0);
    rig.watch(2, 7, 15..16, 0);
    rig.put(15); // 2
    rig.put(20); // 3
    rig.apply(&[put(10), put(30), put(15), put(19)]); // 4 to 7
    assert_eq!(
        rig.take(),
        [
            (0, 1, 7, Created),
            (0, 2, 7, Created),
            (0, 1, 7, Events(vec![2])),
            (0, 2, 7, Events(vec![2])),
            (0, 1, 7, Events(vec![4, 6, 7])),
            (0, 2, 7, Events(vec![6])),
        ]
    );
    rig.call(1, WatchCall::Cancel(7));
    rig.call(1, WatchCall::Cancel(7));
    rig.put(15);
    assert_eq!(rig.take(), [(0, 1, 7, Canceled(WatchEnd::Requested)), (0, 2, 7, Events(vec![8]))]);
    assert_eq!((rig.watches.streams(), rig.watches.watchers()), (2, 1));
    rig.watches.disconnected(ConnId(2));
    assert_eq!((rig.watches.streams(), rig.watches.watchers()), (1, 0));
}

#[test]
fn a_watcher_of_the_past_catches_up_at_the_next_hundred_ms_in_batches_of_a_thousand_revisions() {
    let mut rig = Rig::new();
    (0..1500).for_each(|_| rig.put(1)); // 2 to 1501
    rig.until(130);
    rig.watch(1, 0, 0..9, 102);
    rig.put(1); // 1502: it is behind, so it hears of this when it gets there.
    rig.until(199);
    assert_eq!(rig.take(), [(130, 1, 0, Created)]);
    assert_eq!(rig.watches.slow_watchers(), 1);
    rig.until(500);
    assert_eq!(rig.take(), [(200, 1, 0, Events((102..1102).collect())), (300, 1, 0, Events((1102..1503).collect())),]);
    assert_eq!(rig.watches.slow_watchers(), 0);
    rig.put(2);
    assert_eq!(rig.take(), [(500, 1, 0, Events(vec![1503]))]);
}

#[test]
fn a_watcher_of_the_future_waits_for_it() {
    let mut rig = Rig::new();
    rig.watch(1, 0, 0..9, 4);
    rig.call(1, WatchCall::Progress); // It must not hear of a revision before the one it knows.
    rig.apply(&[put(1), put(1)]); // 2, 3
    rig.apply(&[put(1), put(1)]); // 4, 5
    assert_eq!(rig.take(), [(0, 1, 0, Created), (0, 1, 0, Events(vec![4, 5]))]);
}

#[test]
fn a_compaction_ends_who_is_behind_it() {
    let mut rig = Rig::new();
    (0..10).for_each(|_| rig.put(1)); // 2 to 11
    rig.apply(&[Op::Compact { revision: 6 }]);
    rig.watch(1, 5, 0..9, 5);
    rig.watch(1, 6, 0..9, 6);
    rig.until(100);
    assert_eq!(
        rig.take(),
        [
            (0, 1, 5, Created),
            (0, 1, 6, Created),
            (100, 1, 5, Canceled(WatchEnd::Compacted(6))),
            (100, 1, 6, Events((6..12).collect())),
        ]
    );
}

#[test]
fn without_a_leader_a_watch_is_refused_and_one_that_stands_ends_at_the_third_check() {
    let mut rig = Rig::new();
    rig.until(300);
    let create = |watch, require_leader| {
        let (from, to) = (Key(0), Key(9));
        WatchCall::Create { watch, from, to, start: 0, progress_notify: false, require_leader }
    };
    rig.call(1, create(0, true));
    rig.call(1, create(1, false));
    rig.leader = false;
    rig.act(|watches, cx, _| watches.leader_lost(cx));
    rig.call(1, create(2, true));
    rig.until(2_500);
    // One check with a leader, and counting starts anew.
    rig.leader = true;
    rig.until(3_100);
    rig.leader = false;
    rig.act(|watches, cx, _| watches.leader_lost(cx));
    assert_eq!(rig.take(), [(300, 1, 0, Created), (300, 1, 1, Created), (300, 1, 2, Canceled(WatchEnd::NoLeader)),]);
    rig.until(5_999);
    assert_eq!(rig.take(), []);
    rig.until(6_000);
    assert_eq!(rig.take(), [(6_000, 1, 0, Canceled(WatchEnd::NoLeader))]);
    rig.leader = true;
    rig.put(1);
    assert_eq!(rig.take(), [(6_000, 1, 1, Events(vec![2]))]);
}

#[test]
fn progress_comes_every_five_seconds_to_whoever_asked_and_heard_nothing_and_on_demand() {
    let mut rig = Rig::new();
    let create = |watch, progress_notify| {
        let (from, to) = (Key(0), Key(9));
        WatchCall::Create { watch, from, to, start: 0, progress_notify, require_leader: true }
    };
    rig.call(1, create(0, true));
    rig.call(1, create(1, false));
    let every = rig.timers[&Timer::WatchProgress].since(LocalTime::ZERO);
    assert!((5_000..5_500).contains(&every.ms()));
    rig.take();
    rig.until(2_000);
    rig.put(1);
    rig.put(10);
    rig.until(11_000);
    // The first is left out, for it was told of a change meanwhile.
    let second = every.scale(2, 1).ms();
    assert_eq!(
        rig.take(),
        [(2_000, 1, 0, Events(vec![2])), (2_000, 1, 1, Events(vec![2])), (second, 1, 0, Progress(3)),]
    );
    rig.call(1, WatchCall::Progress);
    assert_eq!(rig.take(), [(11_000, 1, WatchReply::ALL, Progress(3))]);
    // Not while one of them is behind.
    rig.watch(1, 2, 0..9, 2);
    rig.call(1, WatchCall::Progress);
    assert_eq!(rig.take(), [(11_000, 1, 2, Created)]);
}

#[test]
fn a_full_connection_makes_its_watcher_fall_behind_and_it_goes_on_when_there_is_room() {
    let mut rig = Rig::new();
    rig.room.insert(ConnId(1), 2);
    rig.watch(1, 0, 0..9, 0);
    rig.watch(2, 0, 0..9, 0);
    (0..1 + QUEUE + 5).for_each(|_| rig.put(1)); // 2 to 135
    let heard = rig.take();
    assert_eq!(heard.iter().filter(|(_, conn, ..)| *conn == 1).count(), 2, "its room");
    assert_eq!(heard.iter().filter(|(_, conn, ..)| *conn == 2).count(), 2 + QUEUE + 5, "the other hears all");
    assert_eq!((rig.watches.pending(), rig.watches.slow_watchers()), (QUEUE as u32, 1));
    rig.until(1_000);
    assert_eq!(rig.take(), [], "no room, no word");
    rig.writable(1, usize::MAX);
    let revisions: Vec<Revision> = rig.take().into_iter().flat_map(|(.., told)| revisions(told)).collect();
    assert_eq!(revisions, (3..136).collect::<Vec<_>>());
    assert_eq!(rig.watches.slow_watchers(), 0);
}

fn revisions(told: Told) -> Vec<Revision> {
    if let Events(revisions) = told { revisions } else { panic!("{told:?}") }
}

/// A client that watches, reads when it likes, and resumes where it was.
struct Client {
    conn: u32,
    watch: u32,
    keys: core::ops::Range<u64>,
    /// The revision it knows.
    known: Revision,
    /// Whether it was told that the watch is over.
    over: bool,
}

/// Whatever is written, compacted, cancelled, broken and blocked: a watch tells every change of its keys once, in order,
/// from where it began, and says so when it cannot.
#[test]
fn a_watch_tells_the_history_without_gaps() {
    for seed in 0..60 {
        let mut dice = Rng::stream(seed, Purpose::Test, 7);
        let mut below = |n: u64| dice.draw().below(n);
        let mut rig = Rig::new();
        let mut all: Vec<(Revision, u64)> = Vec::new();
        let mut clients: Vec<Client> = Vec::new();
        let (mut told, mut gone) = (0, 0);
        let (busy, jams) = (1 + below(30), below(3));
        for turn in 1..2_000_u64 {
            match below(40 + busy) {
                0..4 if clients.len() < 12 => {
                    let from = below(200) << 53; // Over several kinds.
                    let client = Client {
                        conn: below(3) as u32,
                        watch: turn as u32,
                        keys: from..from + ((1 + below(100)) << 53),
                        known: rig.store.revision() - below(rig.store.revision().min(150)),
                        over: false,
                    };
                    rig.watch(client.conn, client.watch, client.keys.clone(), client.known + 1);
                    clients.push(client);
                }
                4 if !clients.is_empty() => {
                    let client = clients.remove(below(clients.len() as u64) as usize);
                    rig.call(client.conn, WatchCall::Cancel(client.watch));
                }
                5 if below(4) == 0 => {
                    // A connection breaks; its clients dial again and resume.
                    let conn = below(3) as u32;
                    rig.watches.disconnected(ConnId(conn));
                    rig.heard.retain(|(_, on, _)| on.0 != conn);
                    rig.full.retain(|on| on.0 != conn);
                    rig.room.remove(&ConnId(conn));
                    for client in clients.iter_mut().filter(|client| client.conn == conn && !client.over) {
                        client.watch += 10_000;
                        rig.watch(conn, client.watch, client.keys.clone(), client.known + 1);
                    }
                }
                6 if below(4) == 0 => {
                    let revision = rig.store.compacted() + below(rig.store.revision());
                    rig.apply(&[Op::Compact { revision }]);
                }
                7 if below(4) == 0 => rig.act(|watches, cx, _| watches.restored(cx)),
                8 if jams > 0 => drop(rig.room.insert(ConnId(below(3) as u32), 1)),
                9 => rig.writable(below(3) as u32, 1 + below(200) as usize),
                10..20 => rig.until(turn * 7),
                _ => {
                    let ops: Vec<Op> = (0..1 + below(4)).map(|_| put(below(300) << 53)).collect();
                    let before = rig.store.revision();
                    rig.apply(&ops);
                    let events = rig.store.since(before + 1);
                    all.extend(events.map(|event| (event.kv.mod_revision, event.kv.key.0)));
                }
            }
            told += hear(&mut rig, &mut clients, &all, seed);
            gone += clients.iter().filter(|client| client.over).count();
            clients.retain(|client| !client.over);
        }
        for conn in 0..3 {
            rig.writable(conn, usize::MAX);
        }
        rig.until(100_000);
        hear(&mut rig, &mut clients, &all, seed);
        for client in clients.iter().filter(|client| !client.over) {
            let due = all.iter().filter(|(at, key)| *at > client.known && client.keys.contains(key)).count();
            assert_eq!(due, 0, "seed {seed}: {} of conn {} was not told all", client.watch, client.conn);
        }
        assert!(told > 100, "seed {seed}: {told} events told, {gone} watches ended by compaction");
        assert_eq!((rig.watches.slow_watchers(), rig.watches.pending()), (0, 0));
    }
}

/// What was heard continues what each client knows. Returns how many events that was.
fn hear(rig: &mut Rig, clients: &mut [Client], all: &[(Revision, u64)], seed: u64) -> usize {
    let mut told = 0;
    for (_, conn, reply) in core::mem::take(&mut rig.heard) {
        let of = |client: &&mut Client| client.conn == conn.0 && client.watch == reply.watch;
        let Some(client) = clients.iter_mut().find(of) else { continue };
        match reply.news {
            WatchNews::Created => {}
            WatchNews::Events(events) => {
                let heard: Vec<_> = events.iter().map(|event| (event.kv.mod_revision, event.kv.key.0)).collect();
                let wanted = all.iter().filter(|(at, key)| *at > client.known && client.keys.contains(key));
                let due: Vec<_> = wanted.take(heard.len()).copied().collect();
                assert_eq!(heard, due, "seed {seed}: watch {} after {}", client.watch, client.known);
                client.known = heard.last().expect("events").0;
                told += heard.len();
            }
            WatchNews::Canceled(WatchEnd::Compacted(revision)) => {
                assert!(client.known < revision, "seed {seed}: it knew {}, kept is {revision}", client.known);
                client.over = true;
            }
            other => panic!("seed {seed}: {other:?}"),
        }
    }
    told
}

#[test]
fn a_member_answers_watches_beside_calls() {
    use crate::actor::role::Directory;
    use crate::client::bench::Bench;
    use crate::etcd::rpc::Request;
    let directory = Directory::stacked(1, 0);
    let etcd = crate::etcd::Etcd::new(0, directory, &Knobs::default(), 1);
    let mut bench = Bench::new(etcd.restored(Store::preload(vec![(Key(3), Value::default())])), directory.etcd(0));
    let client = ConnId(1 << 15);
    let up = crate::actor::ConnUp::Accepted { from: directory.api(0), port: crate::actor::Port::EtcdClient };
    let watch = WatchCall::Create {
        watch: 0,
        from: Key(0),
        to: Key(9),
        start: 3,
        progress_notify: false,
        require_leader: true,
    };
    bench.later(Span::ZERO, Input::Boot);
    bench.later(Span::from_secs(2), Input::Conn(client, up));
    bench.later(Span::from_secs(2), Input::Message(client, Message::Watch(watch)));
    bench.later(Span::from_secs(3), Input::Message(client, Message::Rpc(Box::new(Request { id: 1, op: put(4) }))));
    let disk = |_, effect: &Effect| match effect {
        Effect::Write(op, _) => Some((Span::from_ms(1), Input::DiskDone(*op))),
        _ => None,
    };
    bench.run(at(4_000), disk);
    let told: Vec<_> = bench
        .sent()
        .filter_map(|(now, message)| match message {
            Message::WatchReply(reply) => Some((now.since(LocalTime::ZERO).ms(), reply.revision, reply.news.clone())),
            _ => None,
        })
        .collect();
    let event = bench.actor.store().since(3).next().expect("the write").clone();
    assert_eq!(told, [(2_000, 2, WatchNews::Created), (3_001, 3, WatchNews::Events([event].into()))]);
}
