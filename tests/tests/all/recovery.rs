//! Healing is enough: whatever was done to a cluster, it recovers by itself once nothing is wrong any more, and nothing
//! is left behind.

use brownout_core::engine::{Purpose, Rng, Span};
use brownout_core::fault::Fault;
use brownout_core::knob::Knob;
use brownout_core::net::packet::HostId;
use brownout_core::object::Kind;
use brownout_core::scenario;
use brownout_core::sim::Command;
use brownout_tests::play::{Play, seeds};
use brownout_tests::random;

/// A command that might be allowed: the usual ones, and the far ends of what is allowed.
fn command(luck: &mut Rng, hosts: u64) -> Command {
    let host = HostId(luck.draw().below(hosts) as u32);
    let fault = match luck.draw().below(24) {
        0 => Fault::Cut { from: host, to: host },
        1 => Fault::ClockRate { host, rate_ppm: 100_000 },
        2 => Fault::ClockRate { host, rate_ppm: 10_000_000 },
        3 => Fault::Slow { host, extra: Span::from_secs(10) },
        4 => Fault::SlowDisk { host, times: 10_000 },
        5 => Fault::Crash { host },
        6 => Fault::Pause { host },
        7 => Fault::KillEtcd { host },
        _ => return random::command(luck, hosts),
    };
    Command::Inject(fault)
}

/// Gives commands at random, up to `gap` apart; then everything is healed and every dial stands where it did.
fn abuse(play: &mut Play, luck: &mut Rng, commands: u32, gap: Span) {
    let hosts = play.sim.hosts().len() as u64;
    for _ in 0..commands {
        play.run(luck.draw().up_to(gap));
        let command = command(luck, hosts);
        if play.sim.may(&command).is_ok() {
            play.command(command);
        }
    }
    play.set(&Knob::ALL.iter().map(|knob| (*knob, knob.spec().default)).collect::<Vec<_>>());
    play.heal();
}

/// Lets a healed cluster recover for 400 s and says what is still wrong.
fn wrong_after_healing(play: &mut Play) -> Vec<String> {
    play.secs(370);
    wrong_now(play)
}
/// The same as soon as nothing is wrong any more: what recovers fast need not be watched for the rest of the time.
fn wrong_within_400_s(play: &mut Play) -> Vec<String> {
    for secs in [70, 70, 100, 100] {
        play.secs(secs - 30);
        if wrong_now(play).is_empty() {
            return vec![];
        }
    }
    play.secs(30);
    wrong_now(play)
}
/// What is wrong in the next half a minute.
fn wrong_now(play: &mut Play) -> Vec<String> {
    let from = play.sim.now();
    play.secs(30);
    let mut wrong = play.complaints();
    // A holder that stood still or whose clock was wrong, and a pod that was deleted by force: Kubernetes promises nothing.
    wrong.retain(|what| !what.contains("OneActingHolder") && !what.contains("StatefulSetOrdinals"));
    let failed = play.requests(from, play.sim.now()).iter().filter(|request| !request.ok()).count();
    if failed > 0 {
        wrong.push(format!("{failed} requests of users failed"));
    }
    // A member keeps with each other one two streams, a prober and at most four POSTs. Each API server has a connection
    // for each kind of object, and is connected to by a manager, a scheduler, the users and the balancer; two probes are
    // made of it and two of its member. Each node has a kubelet and a kube-proxy. The operator has one, and the users
    // have one with a pod of each of the three Services.
    let directory = play.sim.directory();
    let (members, apis) = (usize::from(directory.members), usize::from(directory.api_servers));
    let peers = members * (members - 1) * 3;
    let expected = peers + apis * (Kind::ALL.len() + 8) + usize::from(directory.nodes) * 2 + 4;
    let sockets = play.sim.sockets().iter().count();
    if sockets > expected + 8 {
        let mut ports = std::collections::BTreeMap::<String, u32>::new();
        play.sim.sockets().iter().for_each(|it| *ports.entry(format!("{:?}", it.port)).or_default() += 1);
        wrong.push(format!("{sockets} connections where {expected} are needed: {ports:?}"));
    }
    let (pending, packets) = (play.sim.pending(), play.sim.packets_in_flight());
    if pending > 400 * members + 20 * usize::from(directory.nodes) || packets > 200 {
        wrong.push(format!("{pending} events are pending, {packets} packets on their way"));
    }
    wrong
}

#[test]
fn after_anything_a_healed_cluster_is_well_again_by_itself() {
    let mut wrong = vec![];
    // Most scenarios begin alike and differ by their scripts only.
    let mut begun = vec![];
    let beginnings = scenario::ALL.iter().filter(|scenario| {
        let begins = (scenario.directory, scenario.knobs);
        !begun.contains(&begins) && {
            begun.push(begins);
            true
        }
    });
    for scenario in beginnings {
        for seed in seeds(3, 6) {
            let mut luck = Rng::stream(seed, Purpose::Test, 3);
            let mut play = Play::new(scenario.name, seed);
            play.secs(10);
            abuse(&mut play, &mut luck, 12, Span::from_secs(5));
            // What comes back late is looked for in some.
            let all = seed % 5 == 1;
            let complaints = if all { wrong_after_healing(&mut play) } else { wrong_within_400_s(&mut play) };
            if !complaints.is_empty() {
                wrong.push(format!("{} seed {seed}: {complaints:?}", scenario.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_hour_of_faults_leaves_nothing_behind() {
    let mut wrong = vec![];
    for seed in seeds(1, 2) {
        let mut luck = Rng::stream(seed, Purpose::Test, 4);
        let mut play = Play::new("quiet", seed);
        for _ in 0..60 {
            abuse(&mut play, &mut luck, 6, Span::from_secs(20));
            play.secs(5);
        }
        let complaints = wrong_after_healing(&mut play);
        if !complaints.is_empty() {
            wrong.push(format!("seed {seed}: {complaints:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Peers go on dialling a host that stands still; its kernel takes their connections, up to a limit.
#[test]
fn standing_still_for_long_is_bounded_and_leaves_nothing_behind() {
    for seed in seeds(1, 2) {
        let mut play = Play::new("quiet", seed);
        play.secs(10);
        play.inject(Fault::Pause { host: HostId((seed % 3) as u32) });
        // Their number is the same from the fiftieth minute on.
        play.secs(5_400);
        let sockets = play.sim.sockets().iter().count();
        assert!(sockets < 4096 + 200, "seed {seed}: {sockets} connections");
        play.heal();
        assert_eq!(wrong_after_healing(&mut play), [""; 0], "seed {seed}");
    }
}

/// A write that was begun on a disk ten thousand times as slow does not outlive the fault.
#[test]
fn a_disk_that_is_healed_finishes_what_it_is_at_in_good_time() {
    let mut play = Play::new("quiet", 1);
    play.secs(10);
    play.set(&[(Knob::Fsync, 2_000_000)]);
    for n in 0..3 {
        play.inject(Fault::SlowDisk { host: play.host(n), times: 10_000 });
    }
    play.secs(20);
    play.set(&[(Knob::Fsync, Knob::Fsync.spec().default)]);
    play.heal();
    assert_eq!(wrong_after_healing(&mut play), [""; 0]);
}

/// Whatever is due by a clock comes due when that clock says so, even if its rate changed meanwhile.
#[test]
fn a_clock_that_is_healed_takes_its_timers_along() {
    let mut play = Play::new("quiet", 1);
    play.secs(30);
    for host in 0..4 {
        play.inject(Fault::ClockRate { host: HostId(host), rate_ppm: 100_000 });
    }
    let slow = [(Knob::LeaseDuration, 300_000), (Knob::RenewDeadline, 200_000), (Knob::RetryPeriod, 60_000)];
    play.set(&slow);
    play.secs(200);
    let from = play.sim.now();
    play.set(&slow.map(|(knob, _)| (knob, knob.spec().default)));
    play.heal();
    play.secs(150);
    // Every candidate looks again within a retry period and its jitter, 132 s by its clock.
    let holder = play.since(from, brownout_core::actor::role::NoteKind::Renewed).count();
    assert!(holder > 20, "only {holder} renewals after the clocks were healed");
}
