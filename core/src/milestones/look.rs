//! The onlooker's look at the programs: whether each step of recovery holds now.

use super::{RecoveryStep as Step, Standing, harm};
use crate::actor::role::Role;
use crate::api::ApiServer;
use crate::api::watch_cache::WatchCache;
use crate::control::Work;
use crate::control::manager::Phase;
use crate::etcd::Etcd;
use crate::inspect;
use crate::knob::Knob;
use crate::object::Kind;
use crate::sim::{Program, Sim, State};

/// How many committed entries a member that has caught up may not have applied yet. Unit: entries. Chosen: what one
/// heartbeat's time of writes comes to.
pub const BEHIND: u64 = 20;
/// How many revisions a fresh watch cache may be behind the store. Unit: revisions. Chosen: a few, for events take a
/// moment.
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
    let (mut healthy, mut one) = (true, false);
    for program in control_plane(sim) {
        let runs = runs(program);
        match &program.role {
            Role::Etcd(etcd) => connected &= runs && etcd.peers().iter().all(|peer| peer.streams() == 2),
            Role::Api(api) => {
                connected &= runs && api.etcd_state() == 2;
                healthy &= runs && api.healthy();
                one |= runs && api.healthy();
            }
            _ => {}
        }
    }
    set(Step::Connections, connected);
    set(Step::FirstApiReady, one);
    set(Step::ApiReady, healthy);
    let leader = inspect::leader(sim);
    let known = members(sim).all(|etcd| etcd.raft().leader().is_some());
    set(Step::EtcdLeader, leader.is_some() && known);
    let newest = members(sim).map(|etcd| etcd.raft().applied_index()).max().unwrap_or(0);
    let applied = members(sim).map(|etcd| etcd.raft().applied_index()).min().unwrap_or(0);
    set(Step::MemberCaughtUp, newest - applied <= BEHIND);
    set(Step::LeasesHeld, (0..2).all(|component| held(sim, component)));
    if let Some(lag) = cache_lag(sim) {
        let filled =
            api_servers(sim).all(|(program, api)| runs(program) && CACHED.iter().all(|kind| ready(api, *kind)));
        set(Step::CachesFresh, filled && lag <= STALE);
    }
    // Nobody works on a backlog that nobody knows of: a manager whose informers are not synced has reconciled nothing.
    set(Step::BacklogReconciled, backlog(sim) == Some(0));
    standing
}

/// The kinds whose caches are looked at: those of the standard workloads, and the Leases that change all the time.
/// Code: a list.
const CACHED: [Kind; 8] = [
    Kind::Lease,
    Kind::ConfigMap,
    Kind::Node,
    Kind::Pod,
    Kind::ReplicaSet,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::EndpointSlice,
];

fn ready(api: &ApiServer, kind: Kind) -> bool {
    api.cache(kind).is_some_and(WatchCache::ready)
}
/// By how many revisions the watch caches of the stalest API server that runs are behind: its freshest cache behind the
/// store, or any cache's newest event behind that of another API server. None: no API server runs.
pub fn cache_lag(sim: &Sim) -> Option<u64> {
    let store = inspect::most_advanced(sim)?.store().revision();
    let newest = |api: &ApiServer, kind| api.cache(kind).filter(|it| it.ready()).map(|it| it.history().newest());
    let running = || api_servers(sim).filter(|(program, _)| runs(program)).map(|(_, api)| api);
    let own = running().map(|api| {
        let freshest = CACHED.iter().filter_map(|kind| Some(api.cache(*kind)?.revision())).max();
        store.saturating_sub(freshest.unwrap_or(0))
    });
    let between = CACHED.iter().filter_map(|kind| {
        let most = running().filter_map(|api| newest(api, *kind)).max()?;
        let least = running().filter_map(|api| newest(api, *kind)).min()?;
        // A cache that was just filled remembers no event before that.
        let floor = running().filter_map(|api| Some(api.cache(*kind)?.history().floor())).max()?;
        Some(most.saturating_sub(least.max(floor.min(most))))
    });
    own.max().map(|own| own.max(between.max().unwrap_or(0)))
}
/// What waits and what is worked on in the queues of the kube-controller-manager and the kube-scheduler that lead: keys
/// and pods, but for pods that no node takes. None: one of the two
/// leads nobody that works.
pub fn backlog(sim: &Sim) -> Option<u64> {
    let keys = control_plane(sim).filter_map(|program| match &program.role {
        Role::Control(control) if runs(program) && control.believes() => match control.work() {
            Work::Manager(manager) if manager.phase() == Phase::Working => {
                let keys = manager.controllers().iter().map(|it| it.queue().depth() + it.busy());
                Some(u64::from(keys.sum::<u32>()))
            }
            Work::Scheduler(scheduler) if scheduler.synced() => {
                let (active, back_off, _) = scheduler.pending();
                Some(u64::from(active + back_off + scheduler.binding()))
            }
            Work::Manager(_) | Work::Scheduler(_) => None,
        },
        _ => None,
    });
    let (sum, leaders) = keys.fold((0, 0), |(sum, leaders), keys| (sum + keys, leaders + 1));
    // One of each; two of one believe at once only for a moment.
    (leaders >= 2).then_some(sum)
}

const fn runs(program: &Program) -> bool {
    matches!(program.state, State::Running) && !program.paused
}
fn api_servers(sim: &Sim) -> impl Iterator<Item = (&Program, &ApiServer)> {
    control_plane(sim)
        .filter_map(|program| if let Role::Api(api) = &program.role { Some((program, &**api)) } else { None })
}

/// Counts pods if that is due, into `harms`.
pub fn count_pods(sim: &Sim, harms: &mut super::Harms) {
    if harms.due(sim.now())
        && let Some(etcd) = inspect::most_advanced(sim)
    {
        let (counts, workloads) = harm::count(sim, etcd.store());
        harms.count(sim.now(), counts, workloads);
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
