//! The onlooker's look at the programs: whether each step of recovery holds now.

use super::{RecoveryStep as Step, Standing, harm};
use crate::actor::role::Role;
use crate::etcd::Etcd;
use crate::inspect;
use crate::knob::Knob;
use crate::sim::{Program, Sim, State};

/// How many committed entries a member that has caught up may not have applied yet. Chosen: what one heartbeat's time
/// of writes comes to.
pub const BEHIND: u64 = 20;
/// How many revisions a fresh watch cache may be behind the store. Chosen: a few, for events take a moment.
pub const STALE: u64 = 20;

/// Whether no fault is in force and no dial loses packets.
pub fn calm(sim: &Sim) -> bool {
    sim.faults().is_empty() && sim.knobs().get(Knob::Loss) == 0
}

/// How things stand.
pub fn look(sim: &Sim) -> Standing {
    let mut standing = [None; Step::ALL.len()];
    let mut set = |step: Step, holds: bool| standing[step as usize] = Some(holds);
    let mut connected = true;
    let mut ready = true;
    for program in control_plane(sim) {
        let runs = program.state == State::Running && !program.paused;
        match &program.role {
            Role::Etcd(etcd) => connected &= runs && etcd.peers().iter().all(|peer| peer.streams() == 2),
            Role::Api(api) => {
                connected &= runs && api.etcd_state() == 2;
                ready &= runs && api.healthy();
            }
            _ => {}
        }
    }
    set(Step::Connections, connected);
    set(Step::ApiReady, ready);
    let leader = inspect::leader(sim);
    let known = members(sim).all(|etcd| etcd.raft().leader().is_some());
    set(Step::EtcdLeader, leader.is_some() && known);
    let newest = members(sim).map(|etcd| etcd.raft().applied_index()).max().unwrap_or(0);
    let applied = members(sim).map(|etcd| etcd.raft().applied_index()).min().unwrap_or(0);
    set(Step::MemberCaughtUp, newest - applied <= BEHIND);
    set(Step::LeasesHeld, (0..2).all(|component| held(sim, component)));
    standing
}

/// Counts pods if that is due, into `harms`.
pub fn count_pods(sim: &Sim, harms: &mut super::Harms) {
    if harms.due(sim.now())
        && let Some(etcd) = inspect::most_advanced(sim)
    {
        harms.count(sim.now(), harm::count(sim, etcd.store()));
    }
}

/// The programs that are no node's and no user's.
fn control_plane(sim: &Sim) -> impl Iterator<Item = &Program> {
    let end = sim.directory().balancer();
    sim.programs()[..end.ix().min(sim.programs().len())].iter()
}
fn members(sim: &Sim) -> impl Iterator<Item = &Etcd> {
    control_plane(sim).filter_map(|program| if let Role::Etcd(etcd) = &program.role { Some(&**etcd) } else { None })
}

/// Whether a component's Lease is valid, and the process that holds it works.
fn held(sim: &Sim, component: u8) -> bool {
    let works = |program: &Program| match &program.role {
        Role::Control(control) => program.state == State::Running && !program.paused && control.believes(),
        _ => false,
    };
    let holder = inspect::holder(sim, component).map(|holder| &sim.programs()[holder.ix()]);
    holder.is_some_and(works) && !inspect::lease_left(sim, component).is_zero()
}
