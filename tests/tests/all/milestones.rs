//! Milestones: what was hurt first and what came back in which order, measured on whole runs.

use brownout_core::engine::Time;
use brownout_core::fault::Fault;
use brownout_core::metrics::{Alert, AlertState, Lamp};
use brownout_core::milestones::{Progress, RecoveryStep, Rung, Sign, Sort};
use brownout_tests::play::Play;

#[test]
fn a_crashed_leader_hurts_from_the_bottom_up_and_recovers_in_order() {
    let mut play = Play::new("quiet", 7);
    play.secs(30);
    assert!(play.sim.observer().milestones().settled(), "{:?}", play.complaints());
    let milestones = play.sim.observer().milestones();
    let hurts: Vec<_> = Rung::ALL.iter().map(|rung| milestones.hurt(*rung)).collect();
    assert!(milestones.began().is_none(), "{:?}: {hurts:?}", milestones.began());
    let crashed = play.sim.now();
    play.inject(Fault::Crash { host: play.host(play.leader()) });
    play.secs(40);
    let hurt = |play: &Play, rung| play.sim.observer().milestones().hurt(rung).expect("it was hurt");
    let (network, etcd) = (hurt(&play, Rung::Network), hurt(&play, Rung::Etcd));
    assert_eq!((network.sign, etcd.sign), (Sign::HostDown, Sign::ProcessEnded));
    assert!(etcd.at == crashed && network.at >= crashed);
    assert!(hurt(&play, Rung::Users).at > crashed);
    let healed = play.sim.now();
    play.heal();
    play.secs(60);
    let milestones = play.sim.observer().milestones();
    let at = |step| match milestones.step(step) {
        Progress::Reached(at) => at,
        other => panic!("{step:?}: {other:?}"),
    };
    assert_eq!(milestones.healed(), Some(healed));
    let chain =
        [RecoveryStep::Connections, RecoveryStep::MemberCaughtUp, RecoveryStep::ApiReady, RecoveryStep::UsersWell];
    for pair in chain.windows(2) {
        println!("{:?} {:?} {:?}", pair, at(pair[0]), at(pair[1]));
    }
    assert!(at(RecoveryStep::MemberCaughtUp) > healed && at(RecoveryStep::ApiReady) > healed);
    assert!(at(RecoveryStep::UsersWell) >= at(RecoveryStep::ApiReady));
    assert!(
        at(RecoveryStep::UsersWell)
            < Time::ZERO + healed.since(Time::ZERO) + brownout_core::engine::Span::from_secs(30)
    );
    assert!(milestones.over());
}

#[test]
fn quorum_lost_and_back_runs_up_the_whole_chain() {
    let mut run = brownout_core::timeline::Timeline::new("quorum-lost", 3).expect("the scenario is known");
    let mut end = 0;
    let (mut firing, mut lit, mut fired) = (Vec::new(), Vec::new(), Vec::new());
    let milestones = loop {
        end += 5;
        while !run.seek(Time::from_secs(end), 1_000_000) {}
        let observer = run.sim().observer();
        for alert in Alert::ALL {
            if observer.metrics().alerts().value(*alert).is_some() && !firing.contains(alert) {
                firing.push(*alert);
                println!("{end} s: {alert:?} {:?}", observer.metrics().alerts().state(*alert));
            }
        }
        for lamp in Lamp::ALL {
            let state = observer.metrics().lamps().state(lamp);
            if state.lit.is_some() && !lit.contains(&lamp) {
                lit.push(lamp);
                println!("{end} s: {lamp:?} {state:?}");
            }
        }
        if end == 85 || end == 95 {
            fired.push(observer.metrics().alerts().state(Alert::NoLeader));
        }
        let milestones = observer.milestones();
        if end >= 400 || end > 60 && milestones.over() && milestones.episode() > 0 {
            break milestones.clone();
        }
    };
    println!("settled {} began {:?} healed {:?}", milestones.settled(), milestones.began(), milestones.healed());
    for rung in Rung::ALL {
        println!("{rung:?} {:?}", milestones.hurt(rung));
    }
    for step in RecoveryStep::ALL {
        println!("{step:?} {:?}", milestones.step(step));
    }
    println!("{:?}", milestones.harms());
    assert!(milestones.settled());
    let hurt = |rung| milestones.hurt(rung).map(|hurt| hurt.at);
    assert!(hurt(Rung::Etcd) < hurt(Rung::LeaderElection) && hurt(Rung::LeaderElection) <= hurt(Rung::Controllers));
    let at = |step| match milestones.step(step) {
        Progress::Reached(at) => at,
        other => panic!("{step:?}: {other:?}"),
    };
    assert!(at(RecoveryStep::EtcdLeader) <= at(RecoveryStep::ApiReady));
    // A Lease needs etcd and one API server; that every API server is ready may come later.
    assert!(at(RecoveryStep::EtcdLeader) <= at(RecoveryStep::LeasesHeld));
    assert!(at(RecoveryStep::LeasesHeld) <= at(RecoveryStep::BacklogReconciled));
    let missing = Sort::ALL.map(|sort| milestones.harms().of(sort).missing_ms);
    assert_eq!(missing, [0; 3], "pods keep running");
    // Two members are dead from 20 s on; the third has no leader by 30 s, an evaluation; the alert's minute is over at 90 s.
    assert_eq!(fired, [AlertState::Pending(Time::from_secs(30)), AlertState::Firing(Time::from_secs(90))]);
}
