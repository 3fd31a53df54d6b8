use super::*;
use crate::actor::Effect;
use crate::api::rpc::Verb;
use crate::client::api_bench::{FakeApi, HOP, Mode};
use crate::client::bench::{Bench, at};
use crate::object::{Node, Phase, Taints, VolumeAttachment, sample};
use alloc::vec;

const NODE_ID: NodeId = 3;
const WEB: Key = Key::pod(0, 1, 77);
const AGENT: Key = Key::pod(2, 1, 5);

fn directory() -> Directory {
    Directory::stacked(3, 10)
}
fn pod(workload: u16) -> Pod {
    Pod { node: Some(NODE_ID), ..sample::pod(workload) }
}
fn running(workload: u16) -> Pod {
    Pod { phase: Phase::Running, ready: true, ..pod(workload) }
}
fn object(pod: Pod) -> Option<Object> {
    Some(Object::Pod(Arc::new(pod)))
}
fn told(api: &FakeApi, key: Key) -> Option<&Pod> {
    api.store.get(&key).and_then(|kv| kv.value.object.pod())
}

/// A node that has run for long, with an agent, beside an API that knows it.
fn rig() -> (FakeApi, Bench<Kubelet>) {
    let kubelet = Kubelet::new(NODE_ID, directory(), vec![(AGENT, running(2))]);
    let (mut api, mut bench) = (FakeApi::default(), Bench::new(kubelet, directory().kubelet(NODE_ID)));
    let node = Node { ready: Condition::True, taints: Taints::default(), ..node_status::new_node(NODE_ID, at(0)) };
    api.put(&mut bench, Key::node(NODE_ID), Some(Object::Node(Arc::new(node))));
    api.put(&mut bench, AGENT, object(running(2)));
    bench.later(Span::ZERO, Input::Boot);
    (api, bench)
}

#[test]
fn what_runs_at_the_start_runs_on_and_only_the_lease_is_renewed() {
    let (mut api, mut bench) = rig();
    api.run(&mut bench, at(60_000));
    assert!(bench.actor.synced());
    assert_eq!(bench.actor.running_since(AGENT), Some(LocalTime::ZERO));
    assert_eq!(api.calls(Verb::Patch, Kind::Pod), []);
    assert_eq!(api.calls(Verb::Delete, Kind::Pod), []);
    assert_eq!(api.calls(Verb::Create, Kind::Node), []);
    let lists = api.log.iter().filter(|(_, verb, ..)| matches!(verb, Verb::List | Verb::Watch)).count();
    assert_eq!(lists, 4);
    let renewals = api.calls(Verb::Update, Kind::Lease);
    assert!(renewals.len() >= 4, "{renewals:?}");
    for pair in renewals.windows(2) {
        let gap = pair[1].since(pair[0]);
        assert!((Span::from_secs(10)..Span::from_ms(10_403)).contains(&gap), "{gap:?}");
    }
    let events = bench.log.iter().filter(|(_, effect)| matches!(effect, Effect::Arm(..))).count();
    assert!(events < 40, "an idle node is idle: {events} timers in a minute");
}

#[test]
fn a_new_node_registers_and_says_that_it_is_ready() {
    let kubelet = Kubelet::fresh(NODE_ID, directory());
    let (mut api, mut bench) = (FakeApi::default(), Bench::new(kubelet, directory().kubelet(NODE_ID)));
    bench.later(Span::ZERO, Input::Boot);
    api.run(&mut bench, at(1_000));
    let node = api.store.get(&Key::node(NODE_ID)).and_then(|kv| kv.value.object.node()).expect("it registered");
    assert_eq!((node.zone, node.capacity, node.ready), (0, 110, Condition::True));
    assert!(node.taints.no_schedule, "the controller takes that off");
    assert_eq!(api.calls(Verb::Create, Kind::Node), [at(100)]);
    assert_eq!(api.calls(Verb::Create, Kind::Lease).len(), 1);
    assert!(bench.notes().any(|(_, note)| note.kind == NoteKind::NodeRegistered && note.a == 3));
}

#[test]
fn a_pod_starts_becomes_ready_and_ends_with_a_last_delete() {
    let (mut api, mut bench) = rig();
    api.run(&mut bench, at(5_000));
    api.put(&mut bench, WEB, object(pod(0)));
    api.run(&mut bench, at(20_000));
    let started = bench.actor.running_since(WEB).expect("it runs");
    assert!((at(5_801)..at(7_001)).contains(&started), "{started:?}");
    let web = told(&api, WEB).expect("it is there");
    assert!((web.phase, web.ready, web.restarts) == (Phase::Running, true, 0));
    let patches = api.calls(Verb::Patch, Kind::Pod);
    assert_eq!(patches.len(), 2, "Running, then Ready: {patches:?}");
    assert!(patches[0] >= started && patches[0] < started + Span::from_ms(1_003), "the relist: {patches:?}");
    let ready = patches[1].since(started);
    assert!((Span::from_secs(1)..Span::from_ms(3_003)).contains(&ready), "{ready:?}");

    let deleted = Pod { deleted: Some(at(20_000)), ..web.clone() };
    api.put(&mut bench, WEB, object(deleted));
    api.run(&mut bench, at(20_002));
    assert!(bench.actor.runs(WEB), "it drains");
    api.run(&mut bench, at(23_000));
    assert!(!bench.actor.runs(WEB));
    assert_eq!(told(&api, WEB), None);
    let (end, _) = bench.notes().find(|(_, note)| note.kind == NoteKind::PodEnded).expect("it ended");
    assert!((at(20_501)..at(22_001)).contains(&end), "{end:?}");
    let last: Vec<_> = api.log.iter().rev().take(3).map(|(at, verb, ..)| (*verb, *at)).collect();
    assert_eq!(last, [(Verb::Delete, end + Span::from_ms(2)), (Verb::Patch, end + HOP), (Verb::Get, end)]);
    assert!(bench.actor.containers().all(|container| container.pod == AGENT));
}

#[test]
fn without_the_api_pods_run_and_what_is_to_be_told_waits_for_a_batch() {
    let (mut api, mut bench) = rig();
    api.run(&mut bench, at(5_000));
    api.put(&mut bench, WEB, object(pod(0)));
    api.run(&mut bench, at(5_700));
    api.crash(&mut bench);
    api.run(&mut bench, at(100_000));
    assert!(bench.actor.runs(WEB) && bench.actor.runs(AGENT));
    assert!(bench.actor.containers().all(|container| container.ready));
    assert!(!told(&api, WEB).expect("it is there").ready);
    assert!(!bench.actor.queue().is_empty());
    assert!(bench.actor.heartbeat().failures() > 10);
    api.mode = Mode::Up;
    api.run(&mut bench, at(140_000));
    assert!(told(&api, WEB).expect("it is there").ready, "the next batch");
    assert!(bench.actor.queue().is_empty());
    assert_eq!(api.calls(Verb::Delete, Kind::Pod), []);
    assert_eq!(bench.actor.running_since(AGENT), Some(LocalTime::ZERO));
}

#[test]
fn a_restarted_kubelet_finds_its_containers_and_a_host_that_lost_power_starts_them_anew() {
    let (mut api, mut bench) = rig();
    api.run(&mut bench, at(5_000));
    api.crash(&mut bench);
    bench.later(Span::ZERO, Input::Boot);
    api.run(&mut bench, at(40_000));
    assert!(bench.actor.runs(AGENT), "whatever the API says");
    assert!(!bench.actor.synced());
    api.mode = Mode::Up;
    api.run(&mut bench, at(120_000));
    assert!(bench.actor.synced());
    assert_eq!(bench.actor.running_since(AGENT), Some(LocalTime::ZERO));
    assert!(told(&api, AGENT).is_some_and(|agent| agent.ready && agent.restarts == 0));
    assert_eq!(api.calls(Verb::Patch, Kind::Pod), []);

    bench.actor.power_lost();
    assert!(!bench.actor.runs(AGENT));
    bench.later(Span::ZERO, Input::Boot);
    api.run(&mut bench, at(135_000));
    let since = bench.actor.running_since(AGENT).expect("it runs again");
    assert!((at(120_800)..at(122_100)).contains(&since), "{since:?}");
    let agent = told(&api, AGENT).expect("it is there");
    assert_eq!((agent.ready, agent.restarts), (true, 1));
    let patches = api.calls(Verb::Patch, Kind::Pod);
    assert!(patches[0] < since, "first it says that the pod is not ready: {patches:?}");
}

#[test]
fn a_container_without_a_pod_is_stopped_once_the_list_is_there() {
    let (mut api, mut bench) = rig();
    api.put(&mut bench, AGENT, None);
    api.run(&mut bench, at(10_000));
    assert!(!bench.actor.runs(AGENT));
    assert_eq!(bench.actor.containers().count(), 0);
    assert_eq!(api.calls(Verb::Delete, Kind::Pod), []);
}

#[test]
fn another_pod_of_the_same_name_waits_until_the_first_has_ended() {
    let (mut api, mut bench) = rig();
    let db = Key::pod(1, 0, 0);
    api.put(&mut bench, db, object(pod(1)));
    api.run(&mut bench, at(10_000));
    let first = bench.actor.running_since(db).expect("it runs");
    api.put(&mut bench, db, None);
    api.put(&mut bench, db, object(pod(1)));
    api.run(&mut bench, at(10_100));
    assert!(bench.actor.runs(db), "the old one drains");
    api.run(&mut bench, at(20_000));
    let second = bench.actor.running_since(db).expect("it runs");
    let (end, _) = bench.notes().find(|(_, note)| note.kind == NoteKind::PodEnded).expect("it ended");
    assert!(first < end && second >= end + Span::from_ms(800), "{first:?} {end:?} {second:?}");
    assert!(told(&api, db).is_some_and(|pod| pod.ready));
}

#[test]
fn a_pod_with_a_claim_waits_for_its_volume() {
    let (mut api, mut bench) = rig();
    let (db, claim) = (Key::pod(1, 0, 0), Key::claim(1, 0));
    api.run(&mut bench, at(1_000));
    api.put(&mut bench, db, object(Pod { claim: Some(claim), ..pod(1) }));
    api.run(&mut bench, at(5_000));
    let asked: Vec<u64> = api.calls(Verb::Get, Kind::VolumeAttachment).iter().map(|at| at.ns() / 1_000_000).collect();
    assert_eq!(asked, [1_001, 1_502, 2_503, 4_504]);
    assert!(!bench.actor.runs(db));
    let attached = VolumeAttachment { claim, node: NODE_ID, attached: true, detaching: None };
    api.put(&mut bench, Key::attachment(claim, NODE_ID), Some(Object::VolumeAttachment(attached)));
    api.run(&mut bench, at(12_000));
    let since = bench.actor.running_since(db).expect("it runs");
    assert!((at(9_305)..at(10_600)).contains(&since), "{since:?}");
}

#[test]
fn users_are_answered_while_a_container_runs_and_reset_when_there_is_none() {
    let (mut api, mut bench) = rig();
    api.run(&mut bench, at(1_000));
    let user = directory().load();
    let accept = |pod| ConnUp::Accepted { from: user, port: Port::Pod(pod) };
    let (good, bad) = (ConnId(900), ConnId(901));
    bench.tell(Input::Conn(good, accept(AGENT)));
    assert_eq!(bench.tell(Input::Conn(bad, accept(WEB))), [Effect::Abort(bad)]);
    bench.later(Span::from_ms(1), Input::Message(good, Message::UserRequest(7)));
    api.run(&mut bench, at(1_100));
    let replies: Vec<_> = bench.sent().filter(|(_, message)| **message == Message::UserReply(7)).collect();
    assert_eq!(replies.len(), 1);
    assert!((at(1_002)..at(1_004)).contains(&replies[0].0), "{replies:?}");

    let deleted = Pod { deleted: Some(at(1_100)), ..running(2) };
    api.put(&mut bench, AGENT, object(deleted));
    api.run(&mut bench, at(1_300));
    bench.later(Span::ZERO, Input::Message(good, Message::UserRequest(8)));
    api.run(&mut bench, at(1_310));
    assert!(bench.sent().any(|(_, message)| *message == Message::UserReply(8)), "it drains, and serves");
    api.run(&mut bench, at(4_000));
    assert!(bench.log.iter().any(|(_, effect)| *effect == Effect::Abort(good)), "its process is gone");
    assert_eq!((bench.actor.traffic().served(), bench.actor.traffic().refused()), (2, 1));
}

#[test]
fn what_the_node_controller_wrote_is_corrected() {
    let (mut api, mut bench) = rig();
    api.run(&mut bench, at(15_000));
    let change = |object: &mut Object, change: Change| assert!(change.apply(object));
    let mut node = api.store[&Key::node(NODE_ID)].value.object.clone();
    change(&mut node, Change::NodeUnknown(at(15_000)));
    api.put(&mut bench, Key::node(NODE_ID), Some(node));
    let mut agent = api.store[&AGENT].value.object.clone();
    change(&mut agent, Change::PodNotReady(at(15_000)));
    api.put(&mut bench, AGENT, Some(agent));
    api.run(&mut bench, at(25_100));
    let node = api.store[&Key::node(NODE_ID)].value.object.node().expect("it is a node");
    assert_eq!(node.ready, Condition::True);
    assert!(told(&api, AGENT).is_some_and(|agent| agent.ready), "with the next batch");
    assert_eq!(api.calls(Verb::Patch, Kind::Pod), [at(25_002)]);
}

#[test]
fn containers_fail_at_the_dials_rate_and_are_restarted_with_back_off() {
    let (mut api, mut bench) = rig();
    bench.knobs = bench.knobs.with(Knob::PodFailureRate, 60_000).expect("it is allowed");
    api.run(&mut bench, at(3_600_000));
    let exits = bench.actor.exits();
    assert!((8..25).contains(&exits), "one in a minute that it runs, and then it waits for five: {exits}");
    let agent = told(&api, AGENT).expect("it is there");
    assert!(u32::from(agent.restarts).abs_diff(exits) <= 1);
    let waits: Vec<u32> =
        bench.notes().filter(|(_, note)| note.kind == NoteKind::ContainerRestarts).map(|(_, note)| note.a).collect();
    assert_eq!(waits[..4], [0, 10_000, 20_000, 40_000]);
}
