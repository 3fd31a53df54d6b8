//! Members together, on perfect links of a millisecond and disks that take what they are told.

use super::rpc::{EtcdError, HealthPath, Key, LeaseId, Request, Value, WatchCall, WatchEnd, WatchNews};
use super::*;
use crate::actor::{ConnNames, Effect, KnownRules, ProgramId, role};
use crate::client::bench::at;
use crate::net::packet::HostId;
use crate::net::tcp::Reason;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;

const MS: Span = Span::from_ms(1);
/// The names of connections that members accept start here.
const ACCEPTED: u32 = 1 << 17;
/// Connections of a test's client: one per member.
const CLIENT: u32 = 1 << 18;

struct Member {
    etcd: Etcd,
    rng: Rng,
    conns: ConnNames,
    timers: BTreeMap<role::Timer, LocalTime>,
    up: bool,
    cut: bool,
    disk: Span,
}

struct Cluster {
    now: LocalTime,
    knobs: Knobs,
    members: Vec<Member>,
    mail: BTreeMap<(LocalTime, u32), (usize, Input)>,
    letters: u32,
    /// Both ends of each connection.
    links: BTreeMap<(usize, ConnId), (usize, ConnId)>,
    heard: Vec<(u64, usize, Message)>,
    notes: Vec<(u64, usize, Note)>,
    exits: Vec<(u64, usize, u8)>,
}

impl Cluster {
    fn new(members: u8) -> Self {
        let (knobs, directory) = (Knobs::default(), Directory::stacked(members, 0));
        let member = |n| Member {
            etcd: Etcd::new(n, directory, &knobs, 1),
            rng: Rng::stream(1, Purpose::Test, u64::from(n)),
            conns: ConnNames::default(),
            timers: BTreeMap::new(),
            up: true,
            cut: false,
            disk: MS,
        };
        let members: Vec<Member> = (0..members).map(member).collect();
        let mut cluster = Self {
            now: LocalTime::ZERO,
            knobs,
            members,
            mail: BTreeMap::new(),
            letters: 0,
            links: BTreeMap::new(),
            heard: Vec::new(),
            notes: Vec::new(),
            exits: Vec::new(),
        };
        for n in 0..cluster.members.len() {
            cluster.tell(n, Input::Boot);
            for (port, conn) in [(Port::EtcdClient, CLIENT), (Port::EtcdHealth, CLIENT + 1)] {
                cluster.tell(n, Input::Conn(ConnId(conn), ConnUp::Accepted { from: directory.api(0), port }));
            }
        }
        cluster.until(4_000);
        cluster
    }
    fn leader(&self) -> usize {
        let leads = |member: &Member| member.up && !member.cut && member.etcd.raft().role() == Role::Leader;
        self.members.iter().position(leads).expect("somebody leads")
    }
    fn tell(&mut self, n: usize, input: Input) {
        if !self.members[n].up {
            return;
        }
        let mut effects = Vec::new();
        let member = &mut self.members[n];
        member.etcd.handle(
            &mut Cx {
                me: ProgramId(n as u16),
                host: HostId(n as u32),
                now: self.now,
                knobs: &self.knobs,
                rng: &mut member.rng,
                effects: &mut effects,
                conns: &mut member.conns,
                known: &mut KnownRules::default(),
            },
            input,
        );
        for effect in effects {
            if self.members[n].up {
                self.carry_out(n, effect);
            }
        }
    }
    fn carry_out(&mut self, n: usize, effect: Effect) {
        let ms = self.now.since(LocalTime::ZERO).ms();
        match effect {
            Effect::Open(conn, to, port) => {
                let (peer, accepted) = (to.ix(), ConnId(ACCEPTED + self.letters));
                if self.members[n].cut || self.members[peer].cut {
                    return;
                }
                if !self.members[peer].up {
                    return self.later(MS + MS, n, Input::Conn(conn, ConnUp::Failed(Reason::Refused)));
                }
                self.links.insert((n, conn), (peer, accepted));
                self.links.insert((peer, accepted), (n, conn));
                self.later(MS, peer, Input::Conn(accepted, ConnUp::Accepted { from: ProgramId(n as u16), port }));
                self.later(MS + MS, n, Input::Conn(conn, ConnUp::Connected));
            }
            Effect::Send(conn, _, message) => match self.links.get(&(n, conn)).copied() {
                Some((peer, at)) if !self.members[n].cut && !self.members[peer].cut => {
                    self.later(MS, peer, Input::Message(at, message));
                }
                None if conn.0 >= CLIENT => self.heard.push((ms, n, message)),
                _ => {}
            },
            Effect::Close(conn) | Effect::Abort(conn) => self.unlink(n, conn),
            Effect::Arm(timer, after) => drop(self.members[n].timers.insert(timer, self.now + after)),
            Effect::Disarm(timer) => drop(self.members[n].timers.remove(&timer)),
            Effect::Write(write, _) => self.later(self.members[n].disk, n, Input::DiskDone(write)),
            Effect::Note(note) => self.notes.push((ms, n, note)),
            Effect::Exit(status) => {
                self.exits.push((ms, n, status));
                self.kill(n);
            }
            other => panic!("{other:?}"),
        }
    }
    fn later(&mut self, after: Span, n: usize, input: Input) {
        self.letters += 1;
        self.mail.insert((self.now + after, self.letters), (n, input));
    }
    fn unlink(&mut self, n: usize, conn: ConnId) {
        if let Some((peer, at)) = self.links.remove(&(n, conn)) {
            self.links.remove(&(peer, at));
            self.later(MS, peer, Input::Conn(at, ConnUp::PeerClosed));
        }
    }
    fn kill(&mut self, n: usize) {
        self.members[n].up = false;
        self.members[n].timers.clear();
        self.mail.retain(|_, (to, _)| *to != n);
        for conn in self.links.keys().filter(|(of, _)| *of == n).map(|(_, conn)| *conn).collect::<Vec<_>>() {
            self.unlink(n, conn);
        }
    }
    fn until(&mut self, ms: u64) -> &mut Self {
        loop {
            let timers = self.members.iter().enumerate();
            let timer = timers.flat_map(|(n, it)| it.timers.iter().map(move |(timer, at)| (*at, n, *timer))).min();
            let mail = self.mail.keys().next().copied();
            let (n, input) = match (timer, mail) {
                (Some((due, n, timer)), mail) if due <= at(ms) && mail.is_none_or(|(mail, _)| due < mail) => {
                    self.members[n].timers.remove(&timer);
                    self.now = due;
                    (n, Input::Timer(timer))
                }
                (_, Some(key)) if key.0 <= at(ms) => {
                    self.now = key.0;
                    self.mail.remove(&key).expect("it was just seen")
                }
                _ => break,
            };
            self.tell(n, input);
        }
        self.now = at(ms);
        self
    }
    fn call(&mut self, n: usize, id: u32, op: Op) {
        self.tell(n, Input::Message(ConnId(CLIENT), Message::Rpc(Box::new(Request { id, op }))));
    }
    fn health(&mut self, n: usize, path: HealthPath, id: u32) {
        self.tell(n, Input::Message(ConnId(CLIENT + 1), Message::Health(path, id)));
    }
    /// The answers since the last time: when, the call's number, and the revision or the error.
    fn answers(&mut self) -> Vec<(u64, u32, Result<u64, EtcdError>)> {
        let answer = |(ms, _, message): (u64, usize, Message)| match message {
            Message::RpcReply(reply) => Some((ms, reply.id, reply.result.map(|response| response.revision))),
            _ => None,
        };
        self.heard.drain(..).filter_map(answer).collect()
    }
    fn health_answers(&mut self) -> Vec<(u64, u32, bool)> {
        let answer = |(ms, _, message): (u64, usize, Message)| match message {
            Message::HealthReply(id, well) => Some((ms, id, well)),
            _ => None,
        };
        self.heard.drain(..).filter_map(answer).collect()
    }
    fn note(&self, kind: NoteKind) -> Vec<(u64, usize, u64)> {
        self.notes.iter().filter(|(.., it)| it.kind == kind).map(|(ms, n, note)| (*ms, *n, note.b)).collect()
    }
}

fn put(key: u64, lease: LeaseId) -> Op {
    Op::Put { key: Key(key), value: Value::words(100, [0; 3]), lease }
}
const READ: Op = Op::Range { key: Key(1), serializable: false };

#[test]
fn a_lease_ends_within_half_a_second_of_its_time_and_a_new_leader_gives_it_all_of_it_again() {
    let mut cluster = Cluster::new(3);
    let (leader, follower) = (cluster.leader(), (cluster.leader() + 1) % 3);
    cluster.call(follower, 1, Op::Grant { lease: 7, ttl_s: 5 });
    cluster.until(4_100).call(follower, 2, put(1, 7));
    cluster.until(4_100 + 100);
    assert!(cluster.answers().iter().all(|(.., result)| result.is_ok()));
    cluster.until(8_990);
    assert!(cluster.members[follower].etcd.store().get(Key(1)).is_some());
    cluster.until(9_550);
    assert!(cluster.members[follower].etcd.store().get(Key(1)).is_none());
    cluster.call(follower, 3, Op::Grant { lease: 8, ttl_s: 5 });
    cluster.until(9_700).call(follower, 4, put(1, 8));
    cluster.until(13_000).kill(leader);
    cluster.until(16_000);
    let (elected, ..) = *cluster.note(NoteKind::Leads).last().expect("a new leader");
    assert!((14_000..15_500).contains(&elected));
    // Five seconds and an election timeout after it took over.
    cluster.until(elected + 5_990);
    assert!(cluster.members[follower].etcd.store().get(Key(1)).is_some());
    cluster.until(elected + 6_550);
    assert!(cluster.members[follower].etcd.store().get(Key(1)).is_none());
    assert!(cluster.members[follower].etcd.store().leases().is_empty());
}

#[test]
fn sigterm_hands_over_to_the_peer_connected_longest_and_ends_what_is_under_way() {
    let mut cluster = Cluster::new(3);
    let leader = cluster.leader();
    let (old, young) = ((leader + 1) % 3, (leader + 2) % 3);
    // One peer's streams break and come again.
    cluster.kill(young);
    cluster.until(4_500).members[young].up = true;
    cluster.tell(young, Input::Boot);
    cluster.until(8_000);
    cluster.tell(leader, Input::Terminate);
    cluster.call(leader, 1, put(1, 0));
    cluster.call(leader, 2, READ);
    cluster.until(8_099);
    assert_eq!(cluster.answers().first(), Some(&(8_000, 1, Err(EtcdError::ProposalDropped))));
    cluster.until(9_000);
    assert_eq!(cluster.exits, [(8_100, leader, 0)]);
    assert_eq!(cluster.leader(), old);
    let (elected, ..) = *cluster.note(NoteKind::Leads).last().expect("a new leader");
    assert!(elected < 8_010, "nobody waits for an election timeout: {elected}");
    assert_eq!(cluster.members[old].etcd.counters().leader_changes_seen, 2);
}

#[test]
fn a_leader_that_nobody_relieves_stops_after_seven_seconds_and_a_follower_at_once() {
    let mut cluster = Cluster::new(3);
    let leader = cluster.leader();
    // Its peers seem connected, but take nothing.
    cluster.members[leader].cut = true;
    cluster.call(leader, 1, put(1, 0));
    cluster.tell(leader, Input::Terminate);
    cluster.call(leader, 2, READ);
    cluster.until(20_000);
    assert_eq!(cluster.exits, [(11_000, leader, 0)]);
    let answers = cluster.answers();
    assert_eq!(answers.iter().map(|(ms, id, _)| (*ms, *id)).collect::<Vec<_>>(), [(11_000, 1), (11_000, 2)]);
    let leader = cluster.leader();
    let follower = 3 - leader - cluster.exits[0].1;
    cluster.tell(follower, Input::Terminate);
    assert_eq!(cluster.exits[1], (20_000, follower, 0));
    let mut alone = Cluster::new(1);
    alone.tell(0, Input::Terminate);
    assert_eq!(alone.exits, [(4_000, 0, 0)]);
}

#[test]
fn health_endpoints_ask_what_etcds_ask() {
    use HealthPath::{Health, Livez, Readyz};
    let mut cluster = Cluster::new(3);
    let follower = (cluster.leader() + 1) % 3;
    for (id, path) in [(1, Livez), (2, Readyz), (3, Health)] {
        cluster.health(follower, path, id);
    }
    cluster.until(5_000);
    // To the leader, to a majority, and back.
    assert_eq!(cluster.health_answers(), [(4_000, 1, true), (4_004, 2, true), (4_008, 3, true)]);
    cluster.members[follower].cut = true;
    // A read's round is under way until 16 s; what joins the next one has its own seven seconds all the same.
    cluster.until(9_000).call(follower, 1, READ);
    cluster.until(10_000);
    for (id, path) in [(4, Livez), (5, Readyz), (6, Health)] {
        cluster.health(follower, path, id);
    }
    cluster.until(20_000);
    assert_eq!(cluster.health_answers(), [(10_000, 4, true), (10_000, 6, false), (17_000, 5, false)]);
    let service = cluster.members[follower].etcd.service();
    assert_eq!((service.health_successes(), service.health_failures()), (4, 2));
}

#[test]
fn a_member_that_is_cut_off_cancels_watches_that_need_a_leader_and_refuses_new_ones() {
    let mut cluster = Cluster::new(3);
    let follower = (cluster.leader() + 1) % 3;
    let watch = |watch| {
        let (from, to) = (Key(0), Key(9));
        let call = WatchCall::Create { watch, from, to, start: 0, progress_notify: false, require_leader: true };
        Input::Message(ConnId(CLIENT), Message::Watch(call))
    };
    cluster.tell(follower, watch(1));
    cluster.members[follower].cut = true;
    cluster.until(20_000).tell(follower, watch(2));
    let told: Vec<_> = cluster
        .heard
        .iter()
        .filter_map(|(ms, _, message)| match message {
            Message::WatchReply(reply) => Some((*ms, reply.watch, reply.news.clone())),
            _ => None,
        })
        .collect();
    let (lost, ..) = *cluster.note(NoteKind::LosesLeader).last().expect("it lost its leader");
    let ended = told[1].0;
    assert!((lost + 2_000..=lost + 3_000).contains(&ended), "{lost} {ended}");
    assert_eq!(
        told,
        [
            (4_000, 1, WatchNews::Created),
            (ended, 1, WatchNews::Canceled(WatchEnd::NoLeader)),
            (20_000, 2, WatchNews::Canceled(WatchEnd::NoLeader)),
        ]
    );
}

#[test]
fn a_call_that_its_client_gave_up_is_not_answered_and_a_write_without_a_leader_never_made() {
    let mut cluster = Cluster::new(3);
    let other = (cluster.leader() + 1) % 3;
    cluster.members[other].cut = true;
    cluster.until(10_000);
    assert!(cluster.members[other].etcd.raft().leader().is_none());
    cluster.call(other, 1, put(1, 0));
    cluster.call(other, 2, READ);
    cluster.call(other, 3, READ);
    cluster.call(other, 4, put(2, 0));
    for id in [1, 2] {
        cluster.tell(other, Input::Message(ConnId(CLIENT), Message::Cancel(id)));
    }
    cluster.members[other].cut = false;
    cluster.until(18_000);
    let mut answered: Vec<u32> = cluster.answers().iter().map(|(_, id, _)| *id).collect();
    answered.sort();
    assert_eq!(answered, [3, 4]);
    assert_eq!(cluster.members[other].etcd.store().keys().map(|kv| kv.key.0).collect::<Vec<_>>(), [2]);
    assert_eq!(cluster.members[other].etcd.counters().proposals_failed, 1);
    assert_eq!(cluster.members[other].etcd.service().pending(), 0);
}

#[test]
fn a_slow_disk_makes_heartbeats_late_and_applying_slow_and_in_the_end_refuses_writes() {
    let mut cluster = Cluster::new(3);
    let leader = cluster.leader();
    cluster.call(leader, 1, put(1, 0));
    cluster.until(5_000);
    assert_eq!(cluster.answers().len(), 1);
    assert_eq!(cluster.members[leader].etcd.counters().heartbeat_send_failures, 0);
    assert_eq!(cluster.members[leader].etcd.backend().durations().counts.iter().sum::<u64>(), 1);
    // The followers' disks are good: a majority commits while the leader still writes.
    cluster.members[leader].disk = Span::from_ms(400);
    for id in 0..10 {
        cluster.call(leader, 10 + id, put(2, 0));
        cluster.until(5_000 + u64::from(id + 1) * 250);
    }
    cluster.until(10_000);
    let counters = *cluster.members[leader].etcd.counters();
    assert!(counters.heartbeat_send_failures > 0 && counters.slow_apply > 0, "{counters:?}");
    assert_eq!(cluster.answers().len(), 10);
    let late = cluster.note(NoteKind::HeartbeatLate);
    assert!(late.iter().all(|(_, n, us)| *n == leader && (1_000..=600_000).contains(us)), "{late:?}");
    // While the store's file is written nothing is read, and what is committed waits.
    cluster.members[leader].disk = MS;
    cluster.until(11_000);
    cluster.call(leader, 50, put(3, 0));
    cluster.until(11_050).members[leader].disk = Span::from_secs(3);
    cluster.until(11_300);
    assert!(cluster.members[leader].etcd.backend().committing());
    cluster.members[leader].disk = MS;
    cluster.health(leader, HealthPath::Livez, 1);
    let entry = |index| Entry { term: 1, index, payload: None };
    let waits = (0..=5_000).map(entry).collect();
    let backlog = core::mem::replace(&mut cluster.members[leader].etcd.backlog, waits);
    cluster.call(leader, 60, put(3, 0));
    cluster.members[leader].etcd.backlog = backlog;
    assert_eq!(cluster.heard.len(), 2, "one written, one refused");
    assert_eq!(cluster.answers().last(), Some(&(11_300, 60, Err(EtcdError::TooManyRequests))));
    cluster.until(18_000);
    assert_eq!(cluster.health_answers().len(), 1, "in the end it lives");
}
