use super::*;
use crate::client::api_bench::{FakeApi, Mode};
use crate::client::bench::{Bench, at};
use crate::object::{Owner, Phase, Pod};
use alloc::vec::Vec;

const DIRECTORY: Directory = Directory::stacked(3, 2);

fn operator() -> (Bench<Operator>, FakeApi) {
    let mut bench = Bench::new(Operator::new(DIRECTORY), DIRECTORY.operator());
    bench.later(Span::ZERO, Input::Boot);
    (bench, FakeApi::default())
}
fn object(workload: WorkloadId, kind: WorkloadKind) -> (Key, Object) {
    (Key::of_workload(object_kind(kind), workload), fresh(at(0), workload, kind, 3))
}
fn pod(owner: Kind, node: NodeId) -> Object {
    Object::Pod(Arc::new(Pod {
        owner: Owner { key: Key::of_workload(owner, 0), uid: 2 },
        workload: 0,
        template: 1,
        created: at(0),
        deleted: None,
        grace_s: 30,
        node: Some(node),
        only_node: None,
        toleration_s: None,
        claim: None,
        phase: Phase::Running,
        ready: true,
        ready_transition: at(0),
        unschedulable: false,
        restarts: 0,
    }))
}
fn node(id: NodeId) -> Object {
    Object::Node(Arc::new(crate::object::Node {
        id,
        zone: 0,
        capacity: 110,
        ready: crate::object::Condition::True,
        heartbeat: at(0),
        transition: at(0),
        unschedulable: false,
        taints: crate::object::Taints::default(),
    }))
}
/// How operations ended: when in ms, of which code, with which status.
fn ends(bench: &Bench<Operator>) -> Vec<(u64, u32, u32)> {
    bench.notes().map(|(at, note)| (at.ns() / 1_000_000, note.a & 0xff, note.a >> 8)).collect()
}

#[test]
fn a_workload_is_created_with_its_service_and_can_be_scaled_and_rolled_out() {
    let (mut bench, mut api) = operator();
    let create = Operation::Create { workload: 3, kind: WorkloadKind::StatefulSet, replicas: 2 };
    bench.later(Span::from_ms(10), Input::Operate(create));
    bench.later(Span::from_secs(1), Input::Operate(Operation::Scale { workload: 3, replicas: 7 }));
    bench.later(Span::from_secs(2), Input::Operate(Operation::Rollout(3)));
    api.run(&mut bench, at(3_000));
    assert!(api.store.contains_key(&Key::of_workload(Kind::Service, 3)));
    let set = api.store[&Key::of_workload(Kind::StatefulSet, 3)].value.object.stateful_set().expect("it is one");
    assert_eq!((set.replicas, set.template, set.generation, set.claims), (7, 2, 3, true));
    assert_eq!(ends(&bench), [(13, 0, 200), (1_002, 1, 200), (2_002, 2, 200)]);
    let opens = bench.log.iter().filter(|(_, effect)| matches!(effect, crate::actor::Effect::Open(..))).count();
    let closes = bench.log.iter().filter(|(_, effect)| matches!(effect, crate::actor::Effect::Close(..))).count();
    assert_eq!((opens, closes), (3, 3), "each kubectl dials anew, and hangs up");
}

#[test]
fn what_is_not_there_is_told() {
    let (mut bench, mut api) = operator();
    for operation in [
        Operation::Scale { workload: 2, replicas: 5 },
        Operation::Scale { workload: 9, replicas: 5 },
        Operation::DeletePod(Key::pod(0, 1, 7)),
        Operation::Drain(1),
    ] {
        bench.later(Span::from_ms(10), Input::Operate(operation));
    }
    api.run(&mut bench, at(3_000));
    assert_eq!(ends(&bench), [(10, 1, 404), (10, 1, 404), (12, 3, 404), (12, 7, 404)]);
    assert!(bench.notes().all(|(_, note)| note.kind == NoteKind::OperationFailed));
}

#[test]
fn a_drain_cordons_and_evicts_all_but_daemons_five_a_second() {
    let (mut bench, mut api) = operator();
    api.put(&mut bench, Key::node(1), Some(node(1)));
    for n in 0..14 {
        api.put(&mut bench, Key::pod(0, 1, n), Some(pod(Kind::ReplicaSet, 1)));
    }
    api.put(&mut bench, Key::pod(0, 1, 50), Some(pod(Kind::ReplicaSet, 0)));
    api.put(&mut bench, Key::pod(2, 0, 51), Some(pod(Kind::DaemonSet, 1)));
    bench.later(Span::ZERO, Input::Operate(Operation::Drain(1)));
    api.run(&mut bench, at(10_000));
    assert!(api.store[&Key::node(1)].value.object.node().expect("it is one").unschedulable);
    let asked: Vec<u64> =
        api.calls(crate::api::rpc::Verb::Delete, Kind::Pod).iter().map(|at| at.ns() / 1_000_000).collect();
    assert_eq!(asked.len(), 14, "not the daemon, not the other node's");
    assert_eq!(asked[..8], [3; 8], "ten at once, two of which were the cordon and the list");
    assert!((190..=200).contains(&(asked[8])) && (1_190..=1_200).contains(&asked[13]), "{asked:?}");
    let [(ended, 7, 200)] = ends(&bench)[..] else { panic!("{:?}", ends(&bench)) };
    assert_eq!(ended, asked[13] + 1);
}

#[test]
fn a_scale_tries_again_after_a_conflict_and_a_rollout_does_not() {
    let (mut bench, mut api) = operator();
    let (key, web) = object(0, WorkloadKind::Deployment);
    api.put(&mut bench, key, Some(web));
    api.fail = Some((crate::api::rpc::Verb::Patch, Kind::Deployment, Status::Conflict));
    bench.later(Span::ZERO, Input::Operate(Operation::Scale { workload: 0, replicas: 5 }));
    bench.later(Span::ZERO, Input::Operate(Operation::Rollout(0)));
    api.run(&mut bench, at(2_500));
    assert_eq!(ends(&bench), [(2, 2, 409)]);
    api.fail = None;
    api.run(&mut bench, at(4_000));
    assert_eq!(ends(&bench).len(), 2);
    assert_eq!(api.store[&key].value.object.deployment().expect("it is one").replicas, 5);
}

#[test]
fn a_refused_connection_is_told_and_a_hung_server_holds_64_operations_at_most() {
    let (mut bench, mut api) = operator();
    api.mode = Mode::Refuses;
    bench.later(Span::ZERO, Input::Operate(Operation::Cordon(0, true)));
    api.run(&mut bench, at(100));
    assert_eq!(ends(&bench), [(1, 5, Status::ConnectionRefused as u32)]);
    api.mode = Mode::Hangs;
    for _ in 0..LIMIT + 1 {
        bench.later(Span::ZERO, Input::Operate(Operation::Cordon(0, false)));
    }
    api.run(&mut bench, at(200));
    assert_eq!(bench.actor.pending(), LIMIT as u32);
    let (_, refused) = bench.notes().last().expect("it told");
    assert_eq!((refused.kind, refused.a), (NoteKind::OperationRefused, 6));
}
