use super::*;
use crate::actor::role::Directory;
use crate::actor::{Actor, Input, ProgramId, role};
use crate::api::rpc::{Status, Verb};
use crate::client::Alarm;
use crate::client::api_bench::{FakeApi, Mode};
use crate::client::bench::{Bench, at};
use crate::control::Timer;
use crate::object::{Node, PersistentVolumeClaim, sample};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A scheduler that leads from the start, as a program.
#[derive(Clone)]
struct Leader {
    scheduler: Scheduler,
    line: Line,
    alarm: Alarm,
}

impl Actor for Leader {
    fn handle(&mut self, cx: &mut Cx<'_>, input: Input) {
        match input {
            Input::Boot => {
                self.scheduler.start(cx, &mut self.line);
                self.scheduler.lead(cx, &mut self.line);
            }
            Input::Timer(role::Timer::Control(Timer::Work)) => {
                self.alarm.fired();
                self.scheduler.on_timer(cx, &mut self.line);
            }
            Input::Timer(role::Timer::Control(Timer::Http)) => self.line.on_timer(cx),
            Input::Conn(conn, up) => self.line.on_conn(cx, conn, up),
            Input::Message(conn, message) => self.line.on_message(cx, conn, &message),
            _ => {}
        }
        while let Some(news) = self.line.take_news() {
            self.scheduler.on_news(cx, &mut self.line, &news);
        }
        self.alarm.ensure(cx, Timer::Work, self.scheduler.next_timer());
        self.line.arm(cx, Timer::Http);
    }
}

fn node(id: NodeId) -> Object {
    Object::Node(Arc::new(Node { capacity: 110, ..sample::node(id) }))
}
fn pod() -> Pod {
    sample::pod(0)
}
fn object(pod: Pod) -> Option<Object> {
    Some(Object::Pod(Arc::new(pod)))
}
fn web(n: u32) -> Key {
    Key::pod(0, 1, n)
}
fn bound(api: &FakeApi, key: Key) -> Option<NodeId> {
    api.store[&key].value.object.pod().and_then(|pod| pod.node)
}

fn rig(nodes: NodeId) -> (FakeApi, Bench<Leader>) {
    let me = Directory::stacked(1, nodes).control(0, 1);
    let leader = Leader { scheduler: Scheduler::default(), line: Line::new(ProgramId(1)), alarm: Alarm::default() };
    let (mut api, mut bench) = (FakeApi::default(), Bench::new(leader, me));
    for id in 0..nodes {
        api.put(&mut bench, Key::node(id), Some(node(id)));
    }
    bench.later(Span::ZERO, Input::Boot);
    (api, bench)
}

#[test]
fn pods_are_bound_one_after_the_other_and_spread() {
    let (mut api, mut bench) = rig(5);
    api.run(&mut bench, at(1_000));
    for n in 0..10 {
        api.put(&mut bench, web(n), object(pod()));
    }
    api.run(&mut bench, at(1_100));
    let binds = api.calls(Verb::Patch, Kind::Pod);
    let us: Vec<u64> = binds.iter().map(|at| at.ns() / 1_000 - 1_001_000).collect();
    assert_eq!(us[..3], [0, 525, 1_050], "five nodes looked at, five microseconds each");
    let mut per_node = [0; 5];
    for n in 0..10 {
        per_node[usize::from(bound(&api, web(n)).expect("it is bound"))] += 1;
    }
    assert_eq!(per_node, [2; 5]);
    let scheduler = &bench.actor.scheduler;
    assert_eq!((scheduler.attempts().scheduled, scheduler.binding(), scheduler.pending()), (10, 0, (0, 0, 0)));
    assert_eq!(scheduler.cache().pods_on(0), 2);
}

#[test]
fn the_client_binds_a_hundred_at_once_and_fifty_a_second_then() {
    let (mut api, mut bench) = rig(5);
    for n in 0..200 {
        api.put(&mut bench, web(n), object(pod()));
    }
    api.run(&mut bench, at(10_000));
    let binds = api.calls(Verb::Patch, Kind::Pod);
    assert_eq!(binds.len(), 200);
    assert!(binds[99] < at(200));
    let rest = binds[199].since(binds[100]);
    assert!((Span::from_ms(1_900)..Span::from_ms(2_000)).contains(&rest), "{rest:?}");
}

#[test]
fn a_pod_that_no_node_takes_says_so_once_and_waits_for_a_node() {
    let (mut api, mut bench) = rig(0);
    api.put(&mut bench, web(1), object(pod()));
    api.run(&mut bench, at(20_000));
    assert_eq!(bench.actor.scheduler.pending(), (0, 0, 1));
    assert!(api.store[&web(1)].value.object.pod().is_some_and(|pod| pod.unschedulable));
    assert_eq!(api.calls(Verb::Patch, Kind::Pod).len(), 1);
    let mut tainted = node(4).node().cloned().expect("it is a node");
    tainted.taints.no_schedule = true;
    api.put(&mut bench, Key::node(4), Some(Object::Node(Arc::new(tainted))));
    api.run(&mut bench, at(30_000));
    assert_eq!(bench.actor.scheduler.attempts().unschedulable, 2);
    api.put(&mut bench, Key::node(4), Some(node(4)));
    api.run(&mut bench, at(30_010));
    assert_eq!(bound(&api, web(1)), Some(4));
    assert!(!api.store[&web(1)].value.object.pod().is_some_and(|pod| pod.unschedulable));
    assert_eq!(bench.notes().filter(|(_, note)| note.kind == NoteKind::PodUnschedulable).count(), 1);
}

#[test]
fn a_failed_binding_gives_the_place_back_and_is_tried_again_after_a_while() {
    let (mut api, mut bench) = rig(2);
    api.fail = Some((Verb::Patch, Kind::Pod, Status::InternalError));
    api.run(&mut bench, at(1_000));
    api.put(&mut bench, web(1), object(pod()));
    api.run(&mut bench, at(9_000));
    let ms: Vec<u64> = api.calls(Verb::Patch, Kind::Pod).iter().map(|at| at.ns() / 1_000_000).collect();
    assert_eq!(ms, [1_001, 2_002, 4_003, 8_004]);
    assert_eq!((bench.actor.scheduler.attempts().error, bench.actor.scheduler.binding()), (4, 0));
    assert_eq!(bench.actor.scheduler.cache().pods_on(0) + bench.actor.scheduler.cache().pods_on(1), 0);
    api.fail = None;
    api.run(&mut bench, at(16_100));
    assert!(bound(&api, web(1)).is_some());
}

#[test]
fn a_pod_waits_for_its_claim_and_places_are_given_back_when_pods_go() {
    let (mut api, mut bench) = rig(1);
    let claim = Key::claim(1, 0);
    let object_of =
        |bound| Some(Object::PersistentVolumeClaim(PersistentVolumeClaim { workload: 1, ordinal: 0, bound }));
    api.put(&mut bench, claim, object_of(false));
    let db = Key::pod(1, 0, 0);
    api.put(&mut bench, db, object(Pod { claim: Some(claim), ..pod() }));
    api.run(&mut bench, at(1_500));
    assert_eq!(bound(&api, db), None);
    api.put(&mut bench, claim, object_of(true));
    api.run(&mut bench, at(1_510));
    assert_eq!(bound(&api, db), Some(0));
    assert_eq!(bench.actor.scheduler.cache().pods_on(0), 1);
    api.put(&mut bench, db, None);
    api.run(&mut bench, at(1_520));
    assert_eq!(bench.actor.scheduler.cache().pods_on(0), 0);
}

#[test]
fn without_the_api_nothing_is_bound() {
    let (mut api, mut bench) = rig(3);
    api.run(&mut bench, at(1_000));
    api.crash(&mut bench);
    api.put(&mut bench, web(1), object(pod()));
    api.run(&mut bench, at(60_000));
    assert_eq!(bound(&api, web(1)), None);
    api.mode = Mode::Up;
    api.run(&mut bench, at(130_000));
    assert!(bound(&api, web(1)).is_some());
}
