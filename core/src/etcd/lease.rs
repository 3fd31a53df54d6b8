//! When etcd leases run out. Only the leader knows: it revokes them through the log, and a new one gives all of them
//! their full time again and an election timeout more. Rules: etcd server/lease/lessor.go.
//!
//! Left out: keepalives (kube-apiserver grants a new lease instead), checkpoints of what is left of a lease, and the
//! spreading of more than 1,000 leases that run out together.

use super::Timer;
use super::kv::Store;
use super::rpc::LeaseId;
use super::watch::until_next;
use crate::actor::Cx;
use crate::engine::{LocalTime, Span};
use crate::knob::Knob;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// How often the leader looks for leases that ran out. Sourced: etcd server/lease/lessor.go#runLoop.
const LOOK_EVERY: Span = Span::from_ms(500);
/// A lease that is still there is revoked again after this long. Sourced: etcd
/// server/lease/lessor.go#defaultExpiredleaseRetryInterval.
const RETRY: Span = Span::from_secs(3);
/// How many leases one look revokes. Unit: leases. Sourced: etcd server/lease/lessor.go#defaultLeaseRevokeRate, halved
/// for half a second. Simplified: etcd also has at most 16 of these proposals under way.
const REVOKES: usize = 500;

/// The clock of the leases.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Lessor {
    /// When the process started: its loop ticks from there.
    boot: LocalTime,
    primary: bool,
    /// When each lease runs out, or is looked at again. Empty unless this member leads.
    expiry: BTreeSet<(LocalTime, LeaseId)>,
}

impl Lessor {
    /// A lessor of a process that starts now.
    pub fn new(boot: LocalTime) -> Self {
        Self { boot, ..Self::default() }
    }
    /// The member leads, and has applied all of the terms before.
    pub fn promote(&mut self, cx: &mut Cx<'_>, store: &Store) {
        let extend = cx.knobs.ms(Knob::ElectionTimeout);
        let until = |ttl_s: u32| cx.now + extend + Span::from_secs(u64::from(ttl_s));
        self.primary = true;
        self.expiry = store.leases().iter().map(|(id, lease)| (until(lease.ttl_s), *id)).collect();
        self.arm(cx);
    }
    /// The member does not lead.
    pub fn demote(&mut self) {
        self.primary = false;
        self.expiry.clear();
    }
    /// A lease was granted.
    pub fn granted(&mut self, cx: &mut Cx<'_>, lease: LeaseId, store: &Store) {
        if let (true, Some(it)) = (self.primary, store.leases().get(&lease)) {
            self.expiry.insert((cx.now + Span::from_secs(u64::from(it.ttl_s)), lease));
            self.arm(cx);
        }
    }
    /// The leases to revoke: [`Timer::Leases`] went off.
    pub fn due(&mut self, cx: &mut Cx<'_>, store: &Store) -> Vec<LeaseId> {
        let mut due = Vec::new();
        while due.len() < REVOKES
            && let Some((_, id)) = self.expiry.first().copied().filter(|(at, _)| *at <= cx.now)
        {
            self.expiry.pop_first();
            if store.leases().contains_key(&id) {
                self.expiry.insert((cx.now + RETRY, id));
                due.push(id);
            }
        }
        self.arm(cx);
        due
    }
    /// Looks again at the first tick of the loop at which a lease has run out.
    fn arm(&self, cx: &mut Cx<'_>) {
        if let Some((at, _)) = self.expiry.first() {
            let wait = at.since(cx.now);
            let rest = until_next(self.boot, cx.now + wait, LOOK_EVERY);
            cx.arm(Timer::Leases, wait + if rest == LOOK_EVERY && !wait.is_zero() { Span::ZERO } else { rest });
        }
    }
}
