//! Random runs: a scenario, a seed, and commands that are allowed at random moments.

use brownout_core::actor::role::Directory;
use brownout_core::engine::{Ppm, Purpose, Rng, Span, Time, Trace};
use brownout_core::fault::Fault;
use brownout_core::journal::Run;
use brownout_core::knob::Knob;
use brownout_core::net::packet::HostId;
use brownout_core::object::Key;
use brownout_core::operator::{Operation, WorkloadKind};
use brownout_core::scenario;
use brownout_core::sim::Command;
use brownout_core::timeline::Timeline;

/// A command that might be allowed.
pub fn command(luck: &mut Rng, hosts: u64) -> Command {
    let host = HostId(luck.draw().below(hosts - 1) as u32);
    let other = HostId(luck.draw().below(hosts) as u32);
    match luck.draw().below(24) {
        0..=5 => {
            let dials: Vec<Knob> = Knob::ALL.iter().copied().filter(|knob| !knob.is_bug()).collect();
            let knob = dials[luck.draw().below(dials.len() as u64) as usize];
            let spec = knob.spec();
            // Most of the time near its default: its far ends make runs of nothing but refusals and storms.
            let high =
                if luck.draw().below(4) == 0 { spec.max } else { spec.default.max(1).saturating_mul(3).min(spec.max) };
            let value = spec.min + luck.draw().below(u64::from(high.max(spec.min) - spec.min) + 1) as u32;
            Command::Set(vec![(knob, value)])
        }
        6 => Command::Set(vec![
            (Knob::LossPlace, luck.draw().below(14) as u32),
            (Knob::Loss, luck.draw().below(500_000) as u32),
        ]),
        7 => Command::Inject(Fault::Cut { from: host, to: other }),
        8 => Command::Inject(Fault::Isolate { host }),
        9 => Command::Inject(Fault::Lossy { host, loss: Ppm::new(luck.draw().below(400_000) as u32) }),
        10 => {
            let (enter, leave, loss) = (Ppm::new(20_000), Ppm::new(200_000), Ppm::new(900_000));
            Command::Inject(Fault::Bursty { host, enter, leave, loss })
        }
        11 => Command::Inject(Fault::Slow { host, extra: Span::from_us(1 + luck.draw().below(200_000)) }),
        12 => Command::Inject(Fault::Crash { host }),
        13 => Command::Inject(Fault::KillEtcd { host }),
        14 => Command::Inject(Fault::Pause { host }),
        15 => Command::Inject(Fault::HangApi { host }),
        16 => Command::Inject(Fault::SlowDisk { host, times: 1 + luck.draw().below(300) as u32 }),
        17 => Command::Inject(Fault::CutNodes),
        18..=20 => operation(luck),
        21 => Command::AddNode,
        _ if luck.draw().below(3) == 0 => {
            Command::Inject(Fault::ClockRate { host, rate_ppm: 500_000 + luck.draw().below(1_500_000) as u32 })
        }
        _ => Command::HealAll,
    }
}

/// Something done with kubectl.
fn operation(luck: &mut Rng) -> Command {
    let workload = luck.draw().below(4) as u16;
    let node = luck.draw().below(11) as u16;
    let replicas = luck.draw().below(30) as u32;
    Command::Operate(match luck.draw().below(9) {
        0 | 1 => Operation::Scale { workload, replicas },
        2 => Operation::Rollout(workload),
        3 => Operation::DeletePod(Key::pod(1, 0, luck.draw().below(5) as u32)),
        4 => Operation::ForceDeletePod(Key::pod(1, 0, luck.draw().below(5) as u32)),
        5 => Operation::Cordon(node, luck.draw().below(2) == 0),
        6 => Operation::Drain(node),
        7 => Operation::DeleteNode(node),
        _ => {
            let kind = [WorkloadKind::Deployment, WorkloadKind::StatefulSet, WorkloadKind::DaemonSet];
            let kind = kind[luck.draw().below(3) as usize];
            return Command::Create { name: format!("w{}", luck.draw().below(100)), kind, replicas };
        }
    })
}

/// The scenario's own cluster, or another.
fn cluster(luck: &mut Rng, own: Directory) -> Directory {
    let members = [1, 3, 5][luck.draw().below(3) as usize];
    let (api_servers, nodes) = (1 + luck.draw().below(3) as u8, 3 + luck.draw().below(20) as u16);
    match luck.draw().below(4) {
        0 => Directory { members, api_servers, external: true, nodes },
        1 => Directory { members, api_servers: api_servers.min(members), external: false, nodes },
        _ => own,
    }
}

/// A run of half a minute with up to a dozen commands.
pub fn run(seed: u64) -> Timeline {
    run_into(seed, Trace::new(1 << 16))
}
/// The same, recorded into `trace`.
pub fn run_into(seed: u64, trace: Trace) -> Timeline {
    let mut luck = Rng::stream(seed, Purpose::Scenario, 0);
    let scenario = scenario::ALL[luck.draw().below(scenario::ALL.len() as u64) as usize];
    let directory = cluster(&mut luck, scenario.directory);
    let mut run = Timeline::on(scenario, directory, seed, trace);
    let hosts = run.sim().hosts().len() as u64;
    let mut at = Time::from_ms(500);
    for _ in 0..luck.draw().below(12) {
        at += luck.draw().up_to(Span::from_secs(4));
        // Stop inside an instant now and then: a command belongs to a step, not only to a moment.
        if luck.draw().below(3) == 0 {
            run.seek(at, luck.draw().below(5_000) as u32);
        } else {
            run.seek(at, u32::MAX);
        }
        let _refused = run.command(command(&mut luck, hosts));
    }
    run.seek(Time::from_secs(30), u32::MAX);
    run
}

/// Many runs as data, each with its digest.
pub fn runs(count: u64) -> Vec<Run> {
    (1..=count).map(|seed| Run::of(&run(seed))).collect()
}
