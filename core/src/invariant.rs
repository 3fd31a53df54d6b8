//! LIST 6: what must hold in every run, whatever the network, the disks and the hosts do; each is a verdict with its
//! numbers. `sim::verdicts` keeps them.

use crate::engine::Time;
use core::fmt;

macro_rules! verdicts {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal [$($number:literal),+];)+) => {
        /// A rule that must hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Verdict { $($(#[doc = $doc])+ $variant),+ }

        impl Verdict {
            /// Every rule, in the order in which the page shows them. Code: a list.
            pub const ALL: [Self; 9] = [$(Self::$variant),+];
            /// The name by which the page finds its sentences.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
            /// What must hold, in a sentence.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii()),+ }
            }
            /// What the numbers of a violation are, in their order. Members, API servers and hosts count from 1.
            pub const fn numbers(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($number),+]),+ }
            }
        }
    };
}

verdicts! {
    /// Raft: no term has two leaders.
    ElectionSafety "election_safety" ["term", "first member", "second member"];
    /// Raft: two logs that have an entry of the same index and term have the same entry there, and the same before it.
    LogMatching "log_matching" ["index", "term", "member"];
    /// Raft: a new leader has every entry that was committed on the disks of a majority.
    LeaderCompleteness "leader_completeness" ["term", "member", "committed index", "its last index"];
    /// Raft: no two members have applied different entries at one index.
    StateMachineSafety "state_machine_safety" ["index", "member"];
    /// etcd: an answer is never older than what somebody had been told before the question was asked.
    Linearizability "linearizability" ["revision answered", "revision known", "API server", "what is wrong: 0 the revision, 1 the value"];
    /// Leader election: no two processes of one component believe that they hold its Lease and run at the same time.
    OneActingHolder "one_acting_holder" ["component", "first host", "second host", "ms until the first heard that its last renewal was well"];
    /// Watches: no watcher hears of a revision after a later one, and none misses a change in between.
    WatchOrder "watch_order" ["revision told", "revision expected", "who is told: 0 an API server, 1 its client", "program"];
    /// etcd: what a client was told is written stays in the log of every later leader.
    AcknowledgedWrites "acknowledged_writes" ["revision acknowledged", "revision left", "member", "term"];
    /// StatefulSets: no ordinal's container runs on two nodes.
    StatefulSetOrdinals "stateful_set_ordinals" ["workload", "ordinal", "node", "other node"];
}

/// The numbers of a violation; which they are, [`Verdict::numbers`] says.
pub type Numbers = [u64; 4];

/// A rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Violation {
    /// Which.
    pub verdict: Verdict,
    /// Its numbers.
    pub numbers: Numbers,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.verdict.name())?;
        for (n, (what, number)) in self.verdict.numbers().iter().zip(self.numbers).enumerate() {
            write!(f, "{} {what} {number}", if n == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

/// What is known of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Finding {
    /// How often it was checked. Stops at its greatest number.
    pub checks: u32,
    /// How often it was found broken. Stops likewise.
    pub broken: u32,
    /// When it was first found broken, with the numbers.
    pub first: Option<(Time, Numbers)>,
}

/// What is known of every rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Book {
    findings: [Finding; Verdict::ALL.len()],
    broken: u32,
    first: Option<(Time, Violation)>,
}

impl Book {
    /// What is known of a rule.
    pub const fn finding(&self, verdict: Verdict) -> &Finding {
        &self.findings[verdict as usize]
    }
    /// How often any rule was found broken.
    pub const fn broken(&self) -> u32 {
        self.broken
    }
    /// The first time that a rule was found broken.
    pub const fn first(&self) -> Option<(Time, Violation)> {
        self.first
    }
    /// A rule was looked at.
    pub const fn checked(&mut self, verdict: Verdict) {
        let finding = &mut self.findings[verdict as usize];
        finding.checks = finding.checks.saturating_add(1);
    }
    /// A rule is broken.
    pub fn broke(&mut self, now: Time, verdict: Verdict, numbers: Numbers) {
        self.broken = self.broken.saturating_add(1);
        self.first.get_or_insert((now, Violation { verdict, numbers }));
        let finding = &mut self.findings[verdict as usize];
        finding.broken = finding.broken.saturating_add(1);
        finding.first.get_or_insert((now, numbers));
    }
    /// A rule was looked at: it holds, or not.
    pub fn judge(&mut self, now: Time, verdict: Verdict, holds: bool, numbers: Numbers) {
        self.checked(verdict);
        if !holds {
            self.broke(now, verdict, numbers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_violation_reads_as_a_sentence_with_its_numbers_and_the_first_one_stays() {
        let mut book = Book::default();
        book.judge(Time::ZERO, Verdict::ElectionSafety, true, [1; 4]);
        assert_eq!((book.broken(), book.first()), (0, None));
        book.judge(Time::ZERO, Verdict::ElectionSafety, false, [7, 1, 3, 0]);
        book.judge(Time::ZERO, Verdict::LogMatching, false, [9, 7, 2, 0]);
        let (_, first) = book.first().expect("it is broken");
        assert_eq!(first.to_string(), "election_safety: term 7, first member 1, second member 3");
        assert_eq!(book.finding(Verdict::ElectionSafety).checks, 2);
        assert_eq!(book.broken(), 2);
        for (n, verdict) in Verdict::ALL.into_iter().enumerate() {
            assert_eq!(verdict as usize, n);
            assert!(verdict.numbers().len() <= 4);
        }
    }
}
