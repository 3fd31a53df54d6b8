//! What was written in which order, and whether watchers hear all of it in that order.
//!
//! Two hops: etcd to the API servers' watch caches, and API servers to the watches of the control plane, of the users and
//! of the first nodes. Of each watch the checker knows what it has told so far. What it tells next must be later, and
//! between the two no other write may be that the watch wants; a progress notification or a bookmark says so, too. Of a
//! watch of one node's pods only the order is checked, for which pods are meant depends on where they were before; of
//! one that begins with the state as it is, only what comes after that.

use crate::actor::ProgramId;
use crate::api::rpc::{Request, Selector, Version, WatchEvents};
use crate::engine::Time;
use crate::etcd::kv::Store;
use crate::etcd::rpc::{Revision, WatchCall, WatchNews, WatchReply};
use crate::invariant::{Book, Verdict};
use crate::object::Key;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// How many writes are remembered, for keys' values and for gaps of watches; a watch that was silent for longer is
/// checked for its order only. Unit: writes. Chosen: 80 s of the standard cluster, and the two seconds that a watch of
/// a busy one may lag.
const WRITES: usize = 4096;

/// A write that some member applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Write {
    key: Key,
    revision: Revision,
    deleted: bool,
}

/// The newest writes, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Writes {
    newest: Revision,
    /// Every write after this revision is here.
    from: Revision,
    writes: VecDeque<Write>,
}

impl Writes {
    pub(super) const fn newest(&self) -> Revision {
        self.newest
    }
    /// A store may have changed.
    pub(super) fn look(&mut self, store: &Store) {
        let newest = store.revision();
        if newest <= self.newest {
            return;
        }
        if self.newest == 0 || store.compacted() > self.newest + 1 {
            // What a run begins with has no history; a member that went on from a snapshot may not have all of it.
            self.writes.clear();
            self.from = store.compacted().max(self.newest);
        }
        for event in store.since(self.from.max(self.newest) + 1) {
            self.push(event.kv.key, event.kv.mod_revision, event.deleted);
        }
        self.newest = newest;
    }
    fn push(&mut self, key: Key, revision: Revision, deleted: bool) {
        self.writes.push_back(Write { key, revision, deleted });
        if self.writes.len() > WRITES
            && let Some(old) = self.writes.pop_front()
        {
            self.from = old.revision;
        }
    }
    #[cfg(test)]
    pub(super) fn wrote(&mut self, key: Key, revision: Revision) {
        self.push(key, revision, false);
        self.newest = revision;
    }
    pub(super) fn bytes(&self) -> usize {
        self.writes.len() * size_of::<Write>()
    }
    /// What was written after this revision never was.
    pub(super) fn forget_after(&mut self, revision: Revision) {
        while self.writes.pop_back_if(|write| write.revision > revision).is_some() {}
        self.newest = self.newest.min(revision);
        self.from = self.from.min(revision);
    }
    /// Which write a key had at a revision: its revision, 0 if there was none. None: nobody remembers.
    pub(super) fn version_at(&self, key: Key, revision: Revision) -> Option<Revision> {
        if revision > self.newest {
            return None;
        }
        let end = self.writes.partition_point(|write| write.revision <= revision);
        let write = self.writes.range(..end).rfind(|write| write.key == key)?;
        Some(if write.deleted { 0 } else { write.revision })
    }
    /// The writes after one revision, up to another.
    fn between(&self, after: Revision, to: Revision) -> impl Iterator<Item = &Write> {
        let start = self.writes.partition_point(|write| write.revision <= after);
        self.writes.range(start..).take_while(move |write| write.revision <= to)
    }
}

/// A watch, and how far it has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Watch {
    id: u32,
    from: Key,
    to: Key,
    /// Everything up to there was told; none: it begins with the state as it is, which has not come.
    told: Option<Revision>,
    /// Whether it wants all of its range.
    whole: bool,
}

impl Watch {
    /// A watch that a client asks an API server for.
    pub(super) fn of_api(request: &Request) -> Self {
        let kind = request.key.kind();
        let (from, to) = match request.selector {
            Selector::Name(key) => (key, Key(key.0 + 1)),
            Selector::All | Selector::OnNode(_) => (kind.first(), kind.end()),
        };
        let told = match request.version {
            Version::NotOlderThan(after) if after > 0 => Some(after),
            _ => None,
        };
        Self { id: request.id, from, to, told, whole: !matches!(request.selector, Selector::OnNode(_)) }
    }
    pub(super) const fn id(&self) -> u32 {
        self.id
    }
    /// It tells of these writes, and that there is no other up to `reached`. What is wrong with that: the revision told, and the
    /// one expected.
    fn tells(
        &mut self,
        writes: &Writes,
        events: impl Iterator<Item = (Key, Revision)> + Clone,
        reached: Option<Revision>,
    ) -> Result<(), (Revision, Revision)> {
        let newest = events.clone().map(|(_, revision)| revision).max();
        let Some(told) = self.told else {
            self.told = newest.max(reached);
            return Ok(());
        };
        let mut last = told;
        for (n, (_, revision)) in events.clone().enumerate() {
            // A revision may have several events, but not in two messages.
            if revision < last || (n == 0 && revision == last) {
                return Err((revision, last + 1));
            }
            last = revision;
        }
        if let Some(reached) = reached.filter(|reached| *reached < last) {
            return Err((reached, last));
        }
        let upto = last.max(reached.unwrap_or_default());
        self.told = Some(upto);
        if !self.whole || told < writes.from || upto > writes.newest {
            return Ok(());
        }
        let keys = self.from..self.to;
        let mut wanted = writes.between(told, upto).filter(|write| keys.contains(&write.key));
        for (key, revision) in events {
            match wanted.next() {
                Some(write) if (write.key, write.revision) == (key, revision) => {}
                Some(write) => return Err((revision, write.revision)),
                None => return Err((revision, 0)),
            }
        }
        wanted.next().map_or(Ok(()), |missed| Err((upto, missed.revision)))
    }
}

fn judge(now: Time, book: &mut Book, result: Result<(), (Revision, Revision)>, hop: u64, who: ProgramId) {
    let (told, expected) = result.err().unwrap_or_default();
    book.judge(now, Verdict::WatchOrder, result.is_ok(), [told, expected, hop, who.0.into()]);
}

/// An API server begins or ends a watch of etcd.
pub(super) fn called(watches: &mut Vec<Watch>, call: &WatchCall, newest: Revision) {
    match *call {
        WatchCall::Create { watch, from, to, start, .. } => {
            watches.retain(|it| it.id != watch);
            // Without a start it begins somewhere after now.
            let told = start.checked_sub(1);
            watches.push(Watch { id: watch, from, to, told, whole: start <= newest + 1 });
        }
        WatchCall::Cancel(watch) => watches.retain(|it| it.id != watch),
        WatchCall::Progress => {}
    }
}

/// etcd tells an API server.
pub(super) fn told_by_etcd(
    now: Time,
    book: &mut Book,
    writes: &Writes,
    watches: &mut Vec<Watch>,
    reply: &WatchReply,
    who: ProgramId,
) {
    if let WatchNews::Canceled(_) = reply.news {
        return watches.retain(|watch| watch.id != reply.watch);
    }
    let all = reply.watch == WatchReply::ALL;
    for watch in watches.iter_mut().filter(|watch| all || watch.id == reply.watch) {
        let result = match &reply.news {
            WatchNews::Events(events) => {
                watch.tells(writes, events.iter().map(|event| (event.kv.key, event.kv.mod_revision)), None)
            }
            WatchNews::Progress => watch.tells(writes, core::iter::empty(), Some(reply.revision)),
            WatchNews::Created | WatchNews::Canceled(_) => continue,
        };
        judge(now, book, result, 0, who);
    }
}

/// An API server tells its client.
pub(super) fn told_by_api(
    now: Time,
    book: &mut Book,
    writes: &Writes,
    watches: &mut Vec<Watch>,
    told: &WatchEvents,
    who: ProgramId,
) {
    let Some(at) = watches.iter().position(|watch| watch.id == told.id) else { return };
    if !told.events.is_empty() || told.bookmark.is_some() {
        let events = told.events.iter().map(|event| (event.kv.key, event.kv.mod_revision));
        let result = watches[at].tells(writes, events, told.bookmark);
        judge(now, book, result, 1, who);
    }
    if told.end.is_some() {
        watches.swap_remove(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Kind;

    const POD: Key = Key::pod(1, 0, 0);
    const NODE: Key = Key::node(3);

    fn writes() -> Writes {
        let mut writes = Writes { newest: 10, from: 10, writes: VecDeque::new() };
        for (revision, key) in [(11, POD), (12, NODE), (13, POD), (14, NODE), (15, POD)] {
            writes.push(key, revision, revision == 15);
            writes.newest = revision;
        }
        writes
    }
    fn pods(told: Revision) -> Watch {
        Watch { id: 1, from: Kind::Pod.first(), to: Kind::Pod.end(), told: Some(told), whole: true }
    }
    fn tells(watch: &mut Watch, events: &[Revision], reached: Option<Revision>) -> Result<(), (Revision, Revision)> {
        watch.tells(&writes(), events.iter().map(|revision| (POD, *revision)), reached)
    }

    #[test]
    fn a_watch_that_tells_all_in_order_is_well() {
        let mut watch = pods(10);
        assert_eq!(tells(&mut watch, &[11], None), Ok(()));
        assert_eq!(tells(&mut watch, &[], Some(12)), Ok(()));
        assert_eq!(tells(&mut watch, &[13, 15], Some(15)), Ok(()));
    }

    #[test]
    fn one_that_goes_back_repeats_or_leaves_out_is_not() {
        assert_eq!(tells(&mut pods(13), &[11], None), Err((11, 14)));
        assert_eq!(tells(&mut pods(13), &[13], None), Err((13, 14)));
        assert_eq!(tells(&mut pods(10), &[13], None), Err((13, 11)));
        assert_eq!(tells(&mut pods(11), &[], Some(14)), Err((14, 13)));
        assert_eq!(tells(&mut pods(13), &[], Some(11)), Err((11, 13)));
        assert_eq!(tells(&mut pods(11), &[12], None), Err((12, 0)), "it is no pod's");
    }

    #[test]
    fn what_nobody_remembers_is_not_judged_but_for_its_order() {
        assert_eq!(tells(&mut pods(5), &[13], None), Ok(()), "what came after 5 is forgotten");
        assert_eq!(tells(&mut pods(13), &[20], None), Ok(()), "nobody has 20 yet");
        let mut some = Watch { whole: false, ..pods(10) };
        assert_eq!(tells(&mut some, &[13], None), Ok(()));
        assert_eq!(tells(&mut some, &[11], None), Err((11, 14)));
        let mut fresh = Watch { told: None, ..pods(0) };
        assert_eq!(tells(&mut fresh, &[15, 11, 13], None), Ok(()), "the state comes in the order of keys");
        assert_eq!(tells(&mut fresh, &[11], None), Err((11, 16)));
    }

    #[test]
    fn a_key_is_what_its_newest_write_made_of_it() {
        let writes = writes();
        assert_eq!(writes.version_at(POD, 12), Some(11));
        assert_eq!(writes.version_at(POD, 14), Some(13));
        assert_eq!(writes.version_at(POD, 15), Some(0));
        assert_eq!(writes.version_at(NODE, 11), None);
        assert_eq!(writes.version_at(NODE, 16), None);
    }
}
