//! The Deployment controller: kubernetes pkg/controller/deployment, strategy RollingUpdate.
//!
//! Simplified: scaling in the middle of a rollout is not spread over the ReplicaSets in proportion; several changes of
//! one old ReplicaSet in a sync are one write; whether a rollout is under way is remembered by the process, and a new
//! one knows it from old ReplicaSets that still have replicas. Left out: pause, rollback, minReadySeconds, Recreate.

use super::caches::Caches;
use super::controller::Plan;
use crate::actor::role::{Note, NoteKind};
use crate::api::rpc::{Level, Request};
use crate::engine::{LocalTime, Span};
use crate::object::{Deployment, Key, KeyValue, Object, Owner, ReplicaSet};
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Old ReplicaSets that are kept. Unit: ReplicaSets. Sourced: kubernetes
/// pkg/apis/apps/v1/defaults.go#SetDefaults_Deployment: revisionHistoryLimit.
const HISTORY_LIMIT: usize = 10;
/// How long after its progress deadline a Deployment is looked at. Sourced: kubernetes
/// pkg/controller/deployment/progress.go#requeueStuckDeployment.
const DEADLINE_SLACK: Span = Span::from_secs(1);

/// The Deployments whose rollout is under way.
pub type Rolling = BTreeSet<Key>;

/// kubernetes pkg/controller/deployment/util/deployment_util.go#ResolveFenceposts: maxSurge rounded up,
/// maxUnavailable rounded down, and not both zero.
pub fn fenceposts(replicas: u32, surge_pct: u8, unavailable_pct: u8) -> (u32, u32) {
    let surge = (replicas * u32::from(surge_pct)).div_ceil(100);
    let unavailable = replicas * u32::from(unavailable_pct) / 100;
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable.min(replicas)) }
}

/// A ReplicaSet and how many replicas it shall have.
struct Set<'a> {
    kv: &'a KeyValue,
    set: &'a ReplicaSet,
    target: u32,
}

impl Set<'_> {
    fn scale(&self) -> Option<Request> {
        (self.target != self.set.replicas).then(|| {
            let set = ReplicaSet { replicas: self.target, generation: self.set.generation + 1, ..self.set.clone() };
            let value = Object::ReplicaSet(Arc::new(set)).value();
            Request::update(self.kv.key, self.kv.mod_revision, value, Level::WorkloadHigh)
        })
    }
}

/// Takes one Deployment a step further.
pub fn sync(caches: &Caches, rolling: &mut Rolling, key: Key, now: LocalTime) -> Plan {
    let mut plan = Plan::default();
    let Some((kv, it)) = caches.deployment(key) else {
        rolling.remove(&key);
        return plan;
    };
    let owner = Owner { key, uid: kv.create_revision };
    let mut sets: Vec<Set<'_>> = caches
        .replica_sets_of(it.workload)
        .filter(|(_, set)| set.owner == owner)
        .map(|(kv, set)| Set { kv, set, target: set.replicas })
        .collect();
    let newest = sets.iter().position(|set| set.set.template == it.template).map(|ix| sets.remove(ix));
    let created = newest.is_none();
    if created || sets.iter().any(|set| set.set.replicas > 0) {
        rolling.insert(key);
    }
    if let Some(mut newest) = newest {
        newest.target = replicas_of_newest(it, newest.set.replicas, &sets);
        if let Some(scale) = newest.scale() {
            plan.then(scale);
        } else {
            scale_down_old(it, newest.set, &mut sets);
            sets.iter().filter_map(Set::scale).for_each(|scale| plan.then(scale));
        }
        sets.push(newest);
    } else {
        let replicas = replicas_of_newest(it, 0, &sets);
        plan.then(create_replica_set(owner, it, replicas, now));
        plan.note = Some(Note::new(NoteKind::RolloutBegan, u32::from(it.workload), u64::from(it.template)));
    }
    let status = status(it, &sets, rolling.contains(&key), created, now);
    let complete = is_complete(&status);
    if complete && plan.batches.is_empty() {
        clean_up(it, &sets, &mut plan);
    }
    conclude(&mut plan, rolling, kv, it, status, complete, now);
    plan
}

/// What a sync ends with: the status, what to tell, and when to look at the deadline.
fn conclude(
    plan: &mut Plan,
    rolling: &mut Rolling,
    kv: &KeyValue,
    before: &Deployment,
    status: Deployment,
    complete: bool,
    now: LocalTime,
) {
    let note = |kind| Some(Note::new(kind, u32::from(before.workload), u64::from(before.template)));
    if complete && rolling.remove(&kv.key) {
        plan.note = note(NoteKind::RolloutComplete);
    } else if status.deadline_exceeded && !before.deadline_exceeded {
        plan.note = note(NoteKind::RolloutDeadlineExceeded);
    } else if rolling.contains(&kv.key) && !status.deadline_exceeded {
        let deadline = Span::from_secs(u64::from(before.progress_deadline_s));
        plan.again = Some(deadline.saturating_sub(now.since(status.progressed)) + DEADLINE_SLACK);
    }
    if status != *before {
        let value = Object::Deployment(Arc::new(status)).value();
        plan.finally = Some(Request::update(kv.key, kv.mod_revision, value, Level::WorkloadHigh));
    }
}

/// kubernetes pkg/controller/deployment/util/deployment_util.go#NewRSNewReplicas.
fn replicas_of_newest(it: &Deployment, has: u32, old: &[Set<'_>]) -> u32 {
    if has >= it.replicas {
        return it.replicas;
    }
    let (surge, _) = fenceposts(it.replicas, it.max_surge_pct, it.max_unavailable_pct);
    let total = has + old.iter().map(|set| set.set.replicas).sum::<u32>();
    let room = (it.replicas + surge).saturating_sub(total);
    has + room.min(it.replicas - has)
}

/// kubernetes pkg/controller/deployment/rolling.go#reconcileOldReplicaSets: first those replicas of old ReplicaSets
/// that aren't available anyway, then as many as availability allows; the oldest ReplicaSet first.
fn scale_down_old(it: &Deployment, newest: &ReplicaSet, old: &mut [Set<'_>]) {
    old.sort_by_key(|set| (set.set.created, set.kv.key));
    let old_replicas: u32 = old.iter().map(|set| set.set.replicas).sum();
    if old_replicas == 0 {
        return;
    }
    let (_, unavailable) = fenceposts(it.replicas, it.max_surge_pct, it.max_unavailable_pct);
    let least = it.replicas - unavailable;
    let unready_of_newest = newest.replicas.saturating_sub(newest.available);
    let mut room = (old_replicas + newest.replicas).saturating_sub(least + unready_of_newest);
    if room == 0 {
        return;
    }
    for set in old.iter_mut() {
        let unready = set.set.replicas.saturating_sub(set.set.available).min(room);
        set.target -= unready;
        room -= unready;
    }
    let available = newest.available + old.iter().map(|set| set.set.available.min(set.target)).sum::<u32>();
    let mut spare = available.saturating_sub(least);
    for set in old.iter_mut() {
        let down = set.target.min(spare);
        set.target -= down;
        spare -= down;
    }
}

fn create_replica_set(owner: Owner, it: &Deployment, replicas: u32, now: LocalTime) -> Request {
    let set = ReplicaSet {
        owner,
        workload: it.workload,
        template: it.template,
        created: now,
        generation: 1,
        replicas,
        observed_generation: 0,
        status_replicas: 0,
        ready: 0,
        available: 0,
    };
    let key = Key::replica_set(it.workload, it.template);
    Request::create(key, Object::ReplicaSet(Arc::new(set)).value(), Level::WorkloadHigh)
}

/// kubernetes pkg/controller/deployment/util/deployment_util.go#DeploymentComplete.
pub const fn is_complete(it: &Deployment) -> bool {
    it.updated == it.replicas
        && it.status_replicas == it.replicas
        && it.available == it.replicas
        && it.observed_generation >= it.generation
}

/// kubernetes pkg/controller/deployment/sync.go#calculateStatus and progress.go#syncRolloutStatus.
fn status(it: &Deployment, sets: &[Set<'_>], rolling: bool, created: bool, now: LocalTime) -> Deployment {
    let sum = |of: fn(&ReplicaSet) -> u32| sets.iter().map(|set| of(set.set)).sum::<u32>();
    let newest = sets.iter().find(|set| set.set.template == it.template);
    let mut status = Deployment {
        observed_generation: it.generation,
        status_replicas: sum(|set| set.status_replicas),
        updated: newest.map_or(0, |set| set.set.status_replicas),
        ready: sum(|set| set.ready),
        available: sum(|set| set.available),
        ..it.clone()
    };
    if !rolling {
        return status;
    }
    let old = |it: &Deployment| it.status_replicas.saturating_sub(it.updated);
    let progress = status.updated > it.updated
        || old(&status) < old(it)
        || status.ready > it.ready
        || status.available > it.available;
    let deadline = Span::from_secs(u64::from(it.progress_deadline_s));
    if created || progress || is_complete(&status) {
        status.progressed = now;
        status.deadline_exceeded = false;
    } else if now.since(it.progressed) > deadline {
        status.deadline_exceeded = true;
    }
    status
}

/// kubernetes pkg/controller/deployment/sync.go#cleanupDeployment: the oldest of the old ReplicaSets.
fn clean_up(it: &Deployment, sets: &[Set<'_>], plan: &mut Plan) {
    let mut old: Vec<&Set<'_>> = sets.iter().filter(|set| set.set.template != it.template).collect();
    old.sort_by_key(|set| (set.set.created, set.kv.key));
    let surplus = old.len().saturating_sub(HISTORY_LIMIT);
    let empty = |set: &&&Set<'_>| set.set.replicas == 0 && set.set.status_replicas == 0;
    for set in old[..surplus].iter().filter(empty) {
        plan.then(Request::delete(set.kv.key, None, set.kv.create_revision, Level::WorkloadHigh));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fenceposts_round_up_and_down_and_are_never_both_zero() {
        for (replicas, surge, unavailable, expected) in
            [(4, 25, 25, (1, 1)), (3, 25, 25, (1, 0)), (10, 25, 25, (3, 2)), (10, 0, 0, (0, 1)), (1, 0, 100, (0, 1))]
        {
            assert_eq!(fenceposts(replicas, surge, unavailable), expected);
        }
    }
}
