//! Milestones: what was hurt first and what came back in which order, measured on whole runs.

use brownout_core::engine::Time;
use brownout_core::fault::Fault;
use brownout_core::milestones::{Progress, RecoveryStep, Rung, Sign};
use brownout_tests::play::Play;

#[test]
fn a_crashed_leader_hurts_from_the_bottom_up_and_recovers_in_order() {
    let mut play = Play::new("quiet", 7);
    play.secs(30);
    assert!(play.sim.observer().milestones().settled(), "{:?}", play.complaints());
    assert!(play.sim.observer().milestones().began().is_none());
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
