//! What the whole control plane promises to show, from etcd to the user's request: each over many seeds.

use brownout_core::actor::role::{NoteKind, Place};
use brownout_core::engine::{Span, Time};
use brownout_core::fault::Fault;
use brownout_core::inspect;
use brownout_core::net::packet::HostId;
use brownout_core::object::{Key, NodeId, Pod, WorkloadId};
use brownout_core::operator::Operation;
use brownout_core::scenario::population::{AGENT, DB, WEB};
use brownout_core::sim::Command;
use brownout_tests::play::{Play, Spread, secs, seeds};

/// The standard cluster, healthy for as long as it takes every kubelet to have renewed its Lease.
fn cluster(seed: u64) -> Play {
    let mut play = Play::new("quiet", seed);
    play.run(Span::from_ms(25_000 + seed * 137));
    assert_eq!(play.complaints(), [""; 0], "seed {seed}");
    play
}
fn pods(play: &Play, workload: WorkloadId) -> Vec<(Key, Pod)> {
    let etcd = inspect::most_advanced(&play.sim).expect("there are members");
    inspect::pods_of(etcd.store(), workload).map(|(key, pod)| (key, pod.clone())).collect()
}
fn ready(play: &Play, workload: WorkloadId) -> usize {
    pods(play, workload).iter().filter(|(_, pod)| pod.ready && pod.deleted.is_none()).count()
}
/// The share of the visitors' requests to a Service that were answered, of those that ended in a window.
fn served(play: &Play, service: WorkloadId, from: Time, to: Time) -> f64 {
    let ended: Vec<bool> = play
        .since(from, NoteKind::ServiceRequest)
        .filter(|note| note.at < to && note.a & 0xffff == u32::from(service))
        .map(|note| note.a >> 16 == 0)
        .collect();
    assert!(ended.len() > 20, "only {} requests ended", ended.len());
    ended.iter().filter(|ok| **ok).count() as f64 / ended.len() as f64
}
/// Seconds from `from` to the first note of a kind, if there is one.
fn first(play: &Play, from: Time, kind: NoteKind) -> Option<f64> {
    play.first(from, kind, |_| true).map(|note| secs(from, note.at))
}
fn api_of(play: &Play, program: u32) -> bool {
    matches!(play.sim.directory().place(brownout_core::actor::ProgramId(program as u16)), Place::Api(_))
}

#[test]
fn at_rest_nothing_is_written_but_leases_and_what_users_write() {
    for seed in seeds(1, 3) {
        let mut play = cluster(seed);
        let from = play.sim.now();
        play.secs(120);
        let quiet = [
            NoteKind::NodeNotReady,
            NoteKind::PodEvicted,
            NoteKind::FirstWrite,
            NoteKind::ServerOut,
            NoteKind::StaticPodUnready,
            NoteKind::ContainerExited,
            NoteKind::CachesLost,
            NoteKind::LeaseLost,
        ];
        for kind in quiet {
            assert_eq!(play.since(from, kind).count(), 0, "seed {seed}: {kind:?}");
        }
        for service in [WEB, DB, AGENT] {
            assert_eq!(served(&play, service, from, play.sim.now()), 1.0, "seed {seed}: Service {service}");
        }
        assert_eq!([ready(&play, WEB), ready(&play, DB), ready(&play, AGENT)], [15, 5, 10], "seed {seed}");
    }
}

#[test]
fn without_any_api_server_pods_run_on_and_users_are_hurt_only_by_what_changes() {
    let (mut before, mut after, mut again) = (vec![], vec![], vec![]);
    for seed in seeds(2, 8) {
        let mut play = cluster(seed);
        let down = play.sim.now();
        for host in 0..3 {
            play.inject(Fault::HangApi { host: HostId(host) });
        }
        play.secs(60);
        before.push(served(&play, WEB, down, play.sim.now()));
        assert_eq!(play.since(down, NoteKind::ContainerExited).count(), 0, "seed {seed}: a container ended");
        // A node goes: its endpoints stay in every node's rules, for nobody can say so.
        let lost = play.sim.now();
        play.inject(Fault::Crash { host: play.sim.directory().node_host(3) });
        play.secs(60);
        after.push(served(&play, WEB, lost + Span::from_secs(30), play.sim.now()));
        play.heal();
        play.secs(150);
        let late = play.sim.now();
        play.secs(30);
        again.push(served(&play, WEB, late, play.sim.now()));
    }
    Spread::new("served while no API server answers", before).all_within(1.0, 1.0);
    // One node of ten has one or two of fifteen pods; to the node itself the load balancer sends nobody any more.
    Spread::new("served once a node is gone as well", after).all_within(0.80, 0.97);
    Spread::new("served after the API is back", again).all_within(1.0, 1.0);
}

#[test]
fn a_lost_nodes_deployment_pods_are_replaced_after_350_s_and_its_stateful_pod_never() {
    let (mut unknown, mut evicted, mut whole, mut hurt, mut well) = (vec![], vec![], vec![], vec![], vec![]);
    for seed in seeds(1, 6) {
        let mut play = cluster(seed);
        let lost = play.sim.now();
        // Ordinal 0 of the StatefulSet is on node 1.
        let node: NodeId = 1;
        play.inject(Fault::Crash { host: play.sim.directory().node_host(node) });
        play.secs(330);
        assert_eq!(play.since(lost, NoteKind::PodEvicted).count(), 0, "seed {seed}: evicted early");
        hurt.push(served(&play, WEB, lost, lost + Span::from_secs(40)));
        well.push(served(&play, WEB, lost + Span::from_secs(80), play.sim.now()));
        unknown.push(first(&play, lost, NoteKind::NodeNotReady).expect("the node is missed"));
        assert!(pods(&play, WEB).iter().any(|(_, pod)| pod.node == Some(node)), "seed {seed}");
        let mut replaced = None;
        for _ in 0..270 {
            play.secs(1);
            let elsewhere = |(_, pod): &&(Key, Pod)| pod.ready && pod.deleted.is_none() && pod.node != Some(node);
            if replaced.is_none() && pods(&play, WEB).iter().filter(elsewhere).count() == 15 {
                replaced = Some(secs(lost, play.sim.now()));
            }
        }
        evicted.push(first(&play, lost, NoteKind::PodEvicted).expect("its pods are evicted"));
        whole.push(replaced.unwrap_or_else(|| panic!("seed {seed}: the Deployment's pods were not replaced")));
        let stuck = pods(&play, DB).into_iter().find(|(key, _)| key.number() == 0).expect("its object stays").1;
        assert_eq!((stuck.node, stuck.deleted.is_some()), (Some(node), true), "seed {seed}: {stuck:?}");
        let daemon = pods(&play, AGENT).into_iter().find(|(_, pod)| pod.node == Some(node)).expect("it stays").1;
        assert_eq!(daemon.deleted, None, "seed {seed}: a DaemonSet's pod was evicted");
        // The node comes back: its kubelet confirms, and the ordinal is made anew.
        play.heal();
        play.secs(60);
        assert_eq!(ready(&play, DB), 5, "seed {seed}");
    }
    Spread::new("a lost node counts as unreachable, s", unknown).all_within(40.0, 66.0);
    Spread::new("served until the node is missed", hurt).all_within(0.75, 0.95);
    Spread::new("served once its endpoints are gone", well).all_within(1.0, 1.0);
    Spread::new("its pods are evicted, s", evicted).all_within(340.0, 370.0);
    Spread::new("the Deployment is whole again, s", whole).all_within(340.0, 385.0);
}

#[test]
fn when_every_node_is_silent_nobody_is_evicted_and_users_notice_nothing() {
    for seed in seeds(1, 4) {
        let mut play = cluster(seed);
        let from = play.sim.now();
        play.inject(Fault::CutNodes);
        play.secs(500);
        let nodes = play.since(from, NoteKind::NodeNotReady).count();
        assert_eq!(nodes, 10, "seed {seed}: every node is missed");
        assert_eq!(play.since(from, NoteKind::PodEvicted).count(), 0, "seed {seed}");
        assert!(play.since(from, NoteKind::EvictionsStop).count() > 0, "seed {seed}");
        assert_eq!(served(&play, WEB, from, play.sim.now()), 1.0, "seed {seed}: the rules stay as they were");
        play.heal();
        play.secs(90);
        assert_eq!(play.since(from, NoteKind::PodEvicted).count(), 0, "seed {seed}");
        assert_eq!([ready(&play, WEB), ready(&play, DB), ready(&play, AGENT)], [15, 5, 10], "seed {seed}");
    }
}

#[test]
fn without_quorum_the_cascade_runs_its_course_and_recovers_in_order() {
    let (mut exits, mut kills, mut first_ok) = (vec![], vec![], vec![]);
    for seed in seeds(2, 6) {
        let mut play = cluster(seed);
        let from = play.sim.now();
        let dead = [play.leader(), play.follower()];
        for member in dead {
            play.inject(Fault::KillEtcd { host: play.host(member) });
        }
        play.secs(180);
        // Nobody writes, holders give up, and kubelets kill what fails its liveness probe.
        for api in 0..3 {
            assert_eq!(play.success(api, 1, from + Span::from_secs(12), play.sim.now()), 0.0, "seed {seed}");
        }
        exits.push(first(&play, from, NoteKind::LeaseLost).expect("holders give up"));
        let kill =
            play.first(from, NoteKind::ProbeKills, |note| api_of(&play, note.a)).expect("API servers are killed");
        kills.push(secs(from, kill.at));
        assert_eq!(play.since(from, NoteKind::PodEvicted).count(), 0, "seed {seed}");
        assert_eq!(play.since(from, NoteKind::NodeNotReady).count(), 0, "seed {seed}: nobody can say so");
        assert_eq!(served(&play, WEB, from, play.sim.now()), 1.0, "seed {seed}: pods run on");
        let healed = play.sim.now();
        play.heal();
        play.secs(420);
        let after = |kind| first(&play, healed, kind).unwrap_or_else(|| panic!("seed {seed}: no {kind:?}"));
        let (leads, caches) = (after(NoteKind::Leads), after(NoteKind::CachesReady));
        let (holds, synced) = (after(NoteKind::Acquired), after(NoteKind::InformersSynced));
        // A Lease needs etcd alone; controllers need their informers, and those the caches.
        assert!(leads < caches && caches < synced, "seed {seed}: {leads} {caches} {synced}");
        assert!(leads < holds && holds < synced, "seed {seed}: {leads} {holds} {synced}");
        first_ok.push(synced);
        // A new manager gives every node a full grace period: nothing is torn down by the recovery itself.
        assert_eq!(play.since(healed, NoteKind::PodEvicted).count(), 0, "seed {seed}");
        assert_eq!(play.complaints(), [""; 0], "seed {seed}");
    }
    Spread::new("a holder gives up without quorum, s", exits).all_within(9.9, 12.2);
    Spread::new("an API server is killed by its liveness probe, s", kills).all_within(69.0, 83.0);
    Spread::new("a manager's informers have synced after healing, s", first_ok).all_within(1.0, 310.0);
}

#[test]
fn a_member_that_is_cut_off_and_one_that_is_dead_look_alike_above_raft() {
    let mut own = [vec![], vec![]];
    for seed in seeds(2, 8) {
        for (kind, own) in own.iter_mut().enumerate() {
            let mut play = cluster(seed);
            let (member, from) = (play.follower(), play.sim.now());
            let host = play.host(member);
            play.inject(if kind == 0 { Fault::Isolate { host } } else { Fault::KillEtcd { host } });
            play.secs(60);
            let middle = from + Span::from_secs(12);
            own.push(play.success(member, 1, middle, play.sim.now()));
            assert_eq!(play.since(from, NoteKind::Leads).count(), 0, "seed {seed}: the leader stays");
            assert_eq!(served(&play, WEB, from, play.sim.now()), 1.0, "seed {seed}");
            let out = play.first(from, NoteKind::ServerOut, |note| note.a == u32::from(member));
            let out = secs(from, out.expect("the balancer takes it out").at);
            assert!((3.0..12.0).contains(&out), "seed {seed}: out of the balancer after {out} s");
            for api in (0..3).filter(|api| *api != member) {
                // No cascade: the others' clients notice nothing at all.
                for kind in 0..2 {
                    assert_eq!(play.success(api, kind, from, play.sim.now()), 1.0, "seed {seed}: API server {api}");
                }
            }
            play.heal();
            assert_eq!(play.recovers(Span::from_secs(150)), [""; 0], "seed {seed}");
        }
    }
    let [cut, dead] = own;
    Spread::new("writes through a cut-off member", cut).all_within(0.0, 0.0);
    Spread::new("writes through a dead member", dead).all_within(0.0, 0.0);
}

#[test]
fn kubectl_scales_rolls_out_and_drains_through_the_api() {
    for seed in seeds(1, 4) {
        let mut play = cluster(seed);
        let from = play.sim.now();
        play.command(Command::Operate(Operation::Scale { workload: WEB, replicas: 20 }));
        play.secs(30);
        assert_eq!(ready(&play, WEB), 20, "seed {seed}: scaled up");
        play.command(Command::Operate(Operation::Rollout(WEB)));
        play.secs(120);
        let web = pods(&play, WEB);
        assert!(web.iter().all(|(_, pod)| pod.template == 2), "seed {seed}: every pod is of the new template");
        assert_eq!((web.len(), ready(&play, WEB)), (20, 20), "seed {seed}");
        play.command(Command::Operate(Operation::Drain(2)));
        play.secs(90);
        let left: Vec<_> =
            [WEB, DB].iter().flat_map(|w| pods(&play, *w)).filter(|(_, pod)| pod.node == Some(2)).collect();
        assert!(left.is_empty(), "seed {seed}: {left:?} are still on the drained node");
        assert_eq!([ready(&play, WEB), ready(&play, DB), ready(&play, AGENT)], [20, 5, 10], "seed {seed}");
        let (victim, _) = pods(&play, WEB)[0].clone();
        play.command(Command::Operate(Operation::DeletePod(victim)));
        play.secs(45);
        assert!(pods(&play, WEB).iter().all(|(key, _)| *key != victim), "seed {seed}");
        assert_eq!(ready(&play, WEB), 20, "seed {seed}: it was replaced");
        assert_eq!(play.since(from, NoteKind::PodEvicted).count(), 0, "seed {seed}");
        // Old endpoints linger for a moment at most: kubelets keep ending pods serving, and proxies sync within a second.
        let share = served(&play, WEB, from, play.sim.now());
        assert!(share > 0.97, "seed {seed}: {share} of the requests were served");
        play.command(Command::AddNode);
        play.secs(60);
        assert_eq!(ready(&play, AGENT), 11, "seed {seed}: the new node has its agent");
    }
}
