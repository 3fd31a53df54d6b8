use super::bench::{Cluster, World};
use super::manager::Phase as Start;
use super::{START_FAILED, Work};
use crate::actor::Effect;
use crate::actor::role::NoteKind;
use crate::api::rpc::{Body, Status, Verb};
use crate::object::*;
use alloc::vec::Vec;

fn replicas(world: &World, template: u16) -> u32 {
    let kv = world.store.get(&Key::replica_set(0, template));
    kv.and_then(|kv| kv.value.object.replica_set()).map_or(0, |set| set.replicas)
}

#[test]
fn a_deployment_gets_its_pods_and_endpoints_and_then_nothing_is_written() {
    let mut it = Cluster::new(3, 1);
    it.deploy(0, 4);
    it.run(30);
    assert!(super::deployment::is_complete(it.world.deployment(0)), "{:?}", it.world.deployment(0));
    assert_eq!(it.world.pods().filter(|(_, pod)| pod.ready).count(), 4);
    let slice = &it.world.store.range(Kind::EndpointSlice.first()..).next().expect("a slice").1.value.object;
    assert_eq!(slice.endpoint_slice().expect("a slice").endpoints.iter().filter(|it| it.ready).count(), 4);
    assert_eq!(it.notes(NoteKind::InformersSynced).len(), 1);
    assert_eq!(it.notes(NoteKind::RolloutComplete).len(), 1);
    let before = it.world.writes.len();
    it.run(120);
    assert_eq!(it.world.writes.len(), before, "{:?}", &it.world.writes[before..]);
    for controller in it.manager().controllers() {
        assert_eq!((controller.queue().depth(), controller.busy()), (0, 0), "{:?}", controller.name());
    }
}

#[test]
fn in_the_standard_cluster_there_is_nothing_to_do_and_what_is_lost_is_made_good() {
    let mut it = Cluster::standard(10);
    it.run(86_400 + 70);
    assert_eq!(it.manager().phase(), Start::Working);
    assert!(it.world.writes.is_empty(), "{:?}", it.world.writes[0]);
    assert_eq!(it.notes(NoteKind::InformersSynced).len(), 1);
    let pods: Vec<Key> = it.world.pods().map(|(key, _)| key).collect();
    assert_eq!(pods.len(), 30);
    pods.iter().for_each(|key| it.world.remove(*key));
    it.run(86_400 + 150);
    assert_eq!(it.world.pods().filter(|(_, pod)| pod.ready).count(), 30);
    assert_eq!(it.notes(NoteKind::ItemDropped).len(), 0);
}

#[test]
#[ignore = "for the clock: two minutes of an idle cluster of 5,000 nodes"]
fn five_thousand_nodes() {
    let mut it = Cluster::standard(5_000);
    it.world.idles = true;
    it.run(86_400 + 120);
    assert!(it.world.writes.is_empty());
}

#[test]
fn a_rollout_of_four_goes_by_its_fenceposts() {
    let mut it = Cluster::new(3, 1);
    it.deploy(0, 4);
    it.run(30);
    it.world.patch(Key::of_workload(Kind::Deployment, 0), Change::NewTemplate);
    let scales: Vec<(u16, u32)> = {
        it.run(90);
        let sets = it.world.writes.iter().filter(|(when, request, status)| {
            when.ns() >= 30_000_000_000 && request.key.kind() == Kind::ReplicaSet && status.is_ok()
        });
        let sets = sets.filter_map(|(_, request, _)| match &request.body {
            Body::Value(value) => value.object.replica_set().map(|set| (set.template, set.replicas)),
            _ => None,
        });
        let mut seen: Vec<(u16, u32)> = Vec::new();
        for set in sets {
            if seen.iter().rev().find(|it| it.0 == set.0).is_none_or(|it| it.1 != set.1) {
                seen.push(set);
            }
        }
        seen
    };
    // maxSurge 1, maxUnavailable 1: never more than five, never fewer than three that are ready.
    assert_eq!(scales, [(2, 1), (1, 3), (2, 2), (1, 2), (2, 3), (1, 1), (2, 4), (1, 0)]);
    assert_eq!((replicas(&it.world, 1), replicas(&it.world, 2)), (0, 4));
    assert!(super::deployment::is_complete(it.world.deployment(0)));
    assert_eq!(it.notes(NoteKind::RolloutComplete).len(), 2);
    assert_eq!(it.notes(NoteKind::ItemDropped).len(), 0);
}

#[test]
fn a_rollout_that_cannot_go_on_stands_and_exceeds_its_deadline() {
    let mut it = Cluster::new(3, 1);
    it.deploy(0, 4);
    it.run(30);
    it.world.sick = true;
    it.world.patch(Key::of_workload(Kind::Deployment, 0), Change::NewTemplate);
    it.run(600);
    assert_eq!((replicas(&it.world, 1), replicas(&it.world, 2)), (3, 2), "one unavailable, one surplus");
    assert_eq!(it.notes(NoteKind::RolloutDeadlineExceeded).len(), 0);
    it.run(660);
    let exceeded = it.notes(NoteKind::RolloutDeadlineExceeded);
    assert!(exceeded.len() == 1 && (630..640).contains(&exceeded[0].0), "{exceeded:?}");
    it.world.sick = false;
    it.run(700);
    assert!(super::deployment::is_complete(it.world.deployment(0)) && !it.world.deployment(0).deadline_exceeded);
}

#[test]
fn a_replica_set_starts_slowly_and_stops_at_the_first_failure() {
    let mut it = Cluster::new(3, 1);
    it.deploy(0, 10);
    it.world.fails = 1;
    it.run(30);
    let creations: Vec<(u64, Status)> = it
        .world
        .writes
        .iter()
        .filter(|(_, request, _)| request.verb == Verb::Create && request.key.kind() == Kind::Pod)
        .map(|(when, _, status)| (when.ns() / 1_000_000, *status))
        .collect();
    assert_eq!(creations[0].1, Status::InternalError);
    assert_eq!(creations.len(), 11, "each once, and the failed one again");
    let batches: Vec<usize> = creations[1..].chunk_by(|a, b| a.0 == b.0).map(<[_]>::len).collect();
    assert_eq!(batches, [1, 2, 4, 3]);
}

#[test]
fn a_silent_node_is_unknown_after_50_s_and_its_pods_are_replaced_after_350() {
    let mut it = Cluster::new(6, 1);
    it.deploy(0, 6);
    it.daemon_set(2);
    it.run(100);
    it.world.dead.insert(2);
    it.run(500);
    let unknown = it.notes(NoteKind::NodeNotReady);
    assert_eq!(unknown.len(), 1);
    assert!((150..=160).contains(&unknown[0].0), "{unknown:?}");
    assert_eq!(it.world.node(2).ready, Condition::Unknown);
    assert!(it.world.node(2).taints.unreachable.is_some() && it.world.node(2).taints.no_schedule);
    let evicted = it.notes(NoteKind::PodEvicted);
    assert_eq!(evicted.len(), 1, "the DaemonSet's pod tolerates it for ever");
    assert!((450..=461).contains(&evicted[0].0), "{evicted:?}");
    assert_eq!(it.world.pods().filter(|(_, pod)| pod.workload == 0 && pod.ready).count(), 6, "replaced elsewhere");
    assert!(it.world.pods().filter(|(_, pod)| pod.node == Some(2)).all(|(_, pod)| !pod.ready));
    it.world.dead.clear();
    it.run(530);
    assert_eq!(it.world.node(2).taints, Taints::default());
    assert_eq!(it.world.pods().filter(|(_, pod)| pod.workload == 0).count(), 6, "the old one is gone");
}

#[test]
fn a_node_that_comes_back_in_time_keeps_its_pods() {
    let mut it = Cluster::new(6, 1);
    it.deploy(0, 6);
    it.run(100);
    it.world.dead.insert(2);
    it.run(300);
    assert_eq!(it.manager().memory().evictions.planned(), 1);
    it.world.dead.clear();
    it.run(600);
    assert_eq!((it.notes(NoteKind::PodEvicted).len(), it.manager().memory().evictions.planned()), (0, 0));
}

#[test]
fn when_every_node_goes_silent_nothing_is_evicted_and_taints_go() {
    let mut it = Cluster::new(6, 2);
    it.deploy(0, 6);
    it.run(100);
    it.world.dead.insert(0);
    it.run(200);
    assert!(it.world.node(0).taints.unreachable.is_some());
    it.world.dead.extend(1..6);
    it.run(700);
    assert_eq!(it.notes(NoteKind::EvictionsStop).len(), 1);
    assert!((0..6).all(|id| it.world.node(id).ready == Condition::Unknown));
    assert!((0..6).all(|id| it.world.node(id).taints.no_execute().is_none() && it.world.node(id).taints.no_schedule));
    assert_eq!(it.notes(NoteKind::PodEvicted).len(), 0);
    it.world.dead.clear();
    it.run(800);
    assert_eq!((it.notes(NoteKind::EvictionsResume).len(), it.notes(NoteKind::PodEvicted).len()), (1, 0));
    assert!((0..6).all(|id| it.world.node(id).taints == Taints::default()));
}

#[test]
fn a_new_process_gives_every_node_another_50_s() {
    let mut it = Cluster::new(6, 1);
    it.run(100);
    it.world.dead.extend(0..3);
    it.run(140);
    it.restart();
    let took = it.bench.now;
    it.run(260);
    let began = it.notes(NoteKind::InformersSynced).last().expect("it leads again").0;
    let unknown = it.notes(NoteKind::NodeNotReady);
    assert_eq!(unknown.len(), 3);
    assert!(unknown.iter().all(|(when, _)| (began + 50..=began + 56).contains(when)), "{unknown:?} after {began}");
    assert!(it.bench.now > took);
}

#[test]
fn without_its_config_map_it_exits_and_does_not_campaign() {
    let mut it = Cluster::new(1, 1);
    it.world.refuses = true;
    it.run(10);
    let exits = it.bench.log.iter().filter(|(_, effect)| *effect == Effect::Exit(START_FAILED)).count();
    assert_eq!((exits, it.bench.actor.exited(), it.bench.actor.believes()), (1, true, false));
    it.world.refuses = false;
    it.restart();
    it.run(30);
    assert!(it.bench.actor.believes());
    assert_eq!(it.manager().phase(), Start::Working);
}

#[test]
fn a_hanging_api_server_ends_the_start_after_a_minute() {
    let mut it = Cluster::new(1, 1);
    it.world.mute = true;
    it.run(44);
    assert!(!it.bench.actor.exited());
    it.run(61);
    assert!(it.bench.actor.exited());
    assert!(matches!(it.bench.actor.work(), Work::Manager(manager) if matches!(manager.phase(), Start::Failed(_))));
}

#[test]
fn a_stateful_set_goes_in_order_with_its_claims_and_volumes() {
    let mut it = Cluster::new(3, 1);
    it.stateful_set(1, 3);
    it.run(60);
    let pods = it.requests(Verb::Create, Kind::Pod, 0);
    assert_eq!(pods.iter().map(|(_, key)| key.number()).collect::<Vec<_>>(), [0, 1, 2]);
    let claims = it.requests(Verb::Create, Kind::PersistentVolumeClaim, 0);
    assert!(claims.iter().zip(&pods).all(|(claim, pod)| claim.0 < pod.0), "the claim first");
    assert!(pods.windows(2).all(|pair| pair[1].0 - pair[0].0 > 3000), "each waits until the one before is ready");
    assert_eq!(it.world.pods().filter(|(_, pod)| pod.ready).count(), 3);
    // The rollout goes from the highest ordinal down.
    it.world.patch(Key::of_workload(Kind::StatefulSet, 1), Change::NewTemplate);
    it.run(120);
    let deleted = it.requests(Verb::Delete, Kind::Pod, 60);
    assert_eq!(deleted.iter().map(|(_, key)| key.number()).collect::<Vec<_>>(), [2, 1, 0]);
    assert!(it.world.pods().all(|(_, pod)| pod.template == 2 && pod.ready));
    it.world.patch(Key::of_workload(Kind::StatefulSet, 1), Change::Scale(1));
    it.run(160);
    let deleted = it.requests(Verb::Delete, Kind::Pod, 120);
    assert_eq!(deleted.iter().map(|(_, key)| key.number()).collect::<Vec<_>>(), [2, 1]);
    let claims = it.world.store.keys().filter(|key| key.kind() == Kind::PersistentVolumeClaim).count();
    let attachments = it.world.store.keys().filter(|key| key.kind() == Kind::VolumeAttachment).count();
    assert_eq!((claims, attachments), (3, 1), "claims stay, attachments go");
}

#[test]
fn a_pod_that_is_being_deleted_holds_up_those_above_it_even_while_it_is_ready() {
    let mut it = Cluster::new(3, 1);
    it.stateful_set(1, 3);
    it.run(60);
    let going = Pod { deleted: Some(it.bench.now), ..it.world.pod(Key::pod(1, 0, 1)).clone() };
    it.world.put(Key::pod(1, 0, 1), Object::Pod(alloc::sync::Arc::new(going)));
    it.world.patch(Key::of_workload(Kind::StatefulSet, 1), Change::Scale(4));
    it.run(90);
    let made = it.requests(Verb::Create, Kind::Pod, 60);
    assert_eq!(made.iter().map(|(_, key)| key.number()).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(it.world.pods().filter(|(_, pod)| pod.ready).count(), 4);
}

#[test]
fn a_stateful_sets_pod_on_a_lost_node_is_never_replaced_by_itself() {
    let mut it = Cluster::new(6, 1);
    it.stateful_set(1, 3);
    it.run(100);
    let lost = it.world.pods().find(|(key, _)| key.number() == 1).expect("ordinal 1").1.node.expect("bound");
    it.world.dead.insert(lost);
    it.run(2000);
    assert_eq!(it.notes(NoteKind::PodEvicted).len(), 1);
    let pod = it.world.pods().find(|(key, _)| key.number() == 1).expect("its object stays").1.clone();
    assert!(pod.deleted.is_some() && pod.node == Some(lost));
    it.world.dead.clear();
    it.run(2060);
    let pod = it.world.pods().find(|(key, _)| key.number() == 1).expect("made again").1;
    assert!(pod.deleted.is_none() && pod.ready, "{pod:?}");
}

#[test]
fn a_volume_of_a_lost_node_is_detached_by_force_after_six_minutes() {
    let mut it = Cluster::new(6, 1);
    it.stateful_set(1, 1);
    it.run(60);
    let (key, lost) = it.world.pods().map(|(key, pod)| (key, pod.node.expect("bound"))).next().expect("a pod");
    it.world.dead.insert(lost);
    it.run(180);
    it.world.remove(key); // kubectl delete --force
    it.run(530);
    let pod = it.world.pod(key);
    assert!(pod.node.is_some_and(|node| node != lost) && !pod.ready, "its volume is still attached elsewhere");
    it.run(560);
    assert!(it.world.pod(key).ready);
    assert!(!it.world.store.contains_key(&Key::attachment(Key::claim(1, 0), lost)));
}

#[test]
fn a_daemon_set_has_one_pod_per_node_and_updates_one_at_a_time() {
    let mut it = Cluster::new(5, 1);
    it.daemon_set(2);
    it.run(30);
    assert_eq!(it.world.pods().filter(|(_, pod)| pod.ready && pod.node == pod.only_node).count(), 5);
    it.world.patch(Key::of_workload(Kind::DaemonSet, 2), Change::NewTemplate);
    it.run(90);
    let deleted = it.requests(Verb::Delete, Kind::Pod, 30);
    assert_eq!(deleted.len(), 5);
    assert!(deleted.windows(2).all(|pair| pair[1].0 - pair[0].0 > 2000), "{deleted:?}");
    assert!(it.world.pods().all(|(_, pod)| pod.template == 2 && pod.ready));
    let mut node = it.world.node(0).clone();
    node.id = 5;
    it.world.put(Key::node(5), Object::Node(alloc::sync::Arc::new(node)));
    it.run(100);
    assert_eq!(it.world.pods().count(), 6, "a new node gets one");
}

#[test]
fn what_belongs_to_nobody_is_collected_and_pods_of_a_node_that_is_gone_too() {
    let mut it = Cluster::new(3, 1);
    it.deploy(0, 3);
    it.deploy(1, 3);
    it.run(30);
    it.world.remove(Key::of_workload(Kind::Deployment, 0));
    it.run(60);
    assert!(it.world.pods().all(|(_, pod)| pod.workload == 1));
    assert!(!it.world.store.contains_key(&Key::replica_set(0, 1)));
    it.world.dead.insert(0);
    it.world.remove(Key::node(0));
    it.run(95);
    assert_eq!(it.world.pods().filter(|(_, pod)| pod.node == Some(0)).count(), 1);
    it.run(110);
    assert_eq!(it.world.pods().filter(|(_, pod)| pod.node == Some(0)).count(), 0);
    assert_eq!(it.world.pods().count(), 3);
}
