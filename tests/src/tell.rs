//! What happened, in words for a terminal.

use brownout_core::actor::ProgramId;
use brownout_core::actor::role::{Directory, Place};
use brownout_core::engine::Time;
use brownout_core::sim::Code;
use brownout_core::why::{Step, What, Why};

/// An answer, a line for each step.
pub fn answer(directory: Directory, why: &Why) -> String {
    let lines = why.steps.iter().map(|step| format!("    {}\n", line(directory, step)));
    lines.collect::<String>() + &format!("    = {:?}\n", why.end)
}
fn seconds(at: Time) -> f64 {
    at.ns() as f64 / 1e9
}
fn line(directory: Directory, step: &Step) -> String {
    let name = |program: Option<ProgramId>| program.map_or("-".into(), |id| who(directory, id.0));
    let (program, other) = (name(step.program), name(step.other));
    let since = step.since.map_or(String::new(), |since| format!(" since {:.3}", seconds(since)));
    let row = step.row.map_or(String::new(), |row| match step.what {
        What::Note => format!(" {} a={} b={}", Code::name(row.code), row.a, row.b),
        _ => format!(" {}", Code::name(row.code)),
    });
    let took = if step.took.is_zero() { String::new() } else { format!(" took {} ms", step.took.ms()) };
    let count = if step.count > 0 { format!(" x{}", step.count) } else { String::new() };
    format!("{:>9.3} {:<12} {program} {other}{since}{took}{count}{row}", seconds(step.at), step.what.name())
}

/// What a program is called.
pub fn who(directory: Directory, process: u16) -> String {
    if process == u16::MAX {
        return "-".into();
    }
    if process == ProgramId::API_SERVERS.0 {
        return "apis".into();
    }
    match directory.place(ProgramId(process)) {
        Place::Etcd(n) => format!("etcd-{}", n + 1),
        Place::Api(n) => format!("api-{}", n + 1),
        Place::Control(n, 0) => format!("kcm-{}", n + 1),
        Place::Control(n, _) => format!("sched-{}", n + 1),
        Place::Prober(n) => format!("prober-{}", n + 1),
        Place::Balancer => "balancer".into(),
        Place::Load => "users".into(),
        Place::Operator => "operator".into(),
        Place::EtcdUser(n) => format!("users of etcd {}", n + 1),
        Place::Kubelet(n) => format!("node-{n}"),
        Place::Proxy(n) => format!("proxy-{n}"),
    }
}
