//! Each deliberate bug turns the lamp of the rule it breaks red and no other; without it the same script leaves all green.

use brownout_core::actor::role::NoteKind;
use brownout_core::engine::Span;
use brownout_core::fault::Fault;
use brownout_core::inspect;
use brownout_core::invariant::Verdict;
use brownout_core::knob::Knob;
use brownout_core::net::packet::HostId;
use brownout_core::object::Key;
use brownout_core::operator::Operation;
use brownout_core::sim::Command;
use brownout_core::sim::verdicts::{Answer, Heard, What};
use brownout_tests::play::{Play, seeds};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};
use std::collections::BTreeMap;

/// The rules that a run broke.
fn red(play: &Play) -> Vec<&'static str> {
    let observer = play.sim.observer();
    Verdict::ALL.into_iter().filter(|verdict| observer.finding(*verdict).broken > 0).map(Verdict::name).collect()
}

/// Played twice: with what breaks the rule, and without.
fn breaks(name: &str, verdict: Verdict, script: impl Fn(bool) -> Play) {
    let (with, without) = (script(true), script(false));
    let why = || with.sim.observer().first_violation().map(|(at, violation)| format!("{at:?}: {violation}"));
    assert_eq!(red(&with), [verdict.name()], "{name}: {:?}", why());
    assert_eq!(red(&without), [""; 0], "{name}, without it: {:?}", without.sim.observer().first_violation());
    assert!(without.sim.observer().finding(verdict).checks > 0, "{name}: nothing was checked");
    println!("{name}: {}", why().unwrap_or_default());
}

/// Three members with busy users, and this bug if it is on.
fn busy(seed: u64, bug: Knob, on: bool) -> Play {
    Play::with(3, seed, &[(Knob::WriteRate, 20_000), (Knob::ReadRate, 20_000), (bug, on.into())])
}

#[test]
fn a_server_that_reads_without_asking_the_leader_answers_with_what_is_old() {
    breaks("stale reads", Verdict::Linearizability, |on| {
        let mut play = busy(1, Knob::BugStaleReads, on);
        play.secs(20);
        play
    });
}

/// The API server beside the holder of the scheduler's Lease hangs; `then` comes after.
fn holder_cut_off(mut play: Play, then: impl Fn(&mut Play, HostId)) -> Play {
    play.secs(20);
    let holder = inspect::holder(&play.sim, 1).expect("somebody holds it");
    let host = play.sim.directory().host(holder);
    play.inject(Fault::HangApi { host });
    then(&mut play, host);
    play.secs(30);
    play
}

#[test]
fn a_lease_shorter_than_its_renewal_has_two_holders() {
    breaks("short lease", Verdict::OneActingHolder, |on| holder_cut_off(busy(1, Knob::BugShortLease, on), |_, _| {}));
}

/// No bug of a program: client-go trusts that clocks run at the same rate.
#[test]
fn a_fast_clock_takes_a_lease_that_is_still_held() {
    breaks("fast clocks", Verdict::OneActingHolder, |on| {
        holder_cut_off(Play::with(3, 1, &[]), |play, cut| {
            for host in (0..3).map(HostId).filter(|host| on && *host != cut) {
                play.inject(Fault::ClockRate { host, rate_ppm: 2_000_000 });
            }
        })
    });
}

#[test]
fn what_was_never_synced_is_gone_with_the_power() {
    breaks("no fsync", Verdict::AcknowledgedWrites, |on| {
        let mut play = busy(1, Knob::BugNoFsync, on);
        play.secs(50);
        (0..3).for_each(|n| play.inject(Fault::Crash { host: HostId(n) }));
        play.secs(2);
        play.heal();
        play.secs(30);
        play
    });
}

/// A process that ends leaves what it wrote to its kernel; only power takes that away.
#[test]
fn what_was_never_synced_survives_a_process() {
    let mut play = busy(1, Knob::BugNoFsync, true);
    play.secs(50);
    (0..3).for_each(|n| play.inject(Fault::KillEtcd { host: HostId(n) }));
    play.secs(2);
    play.heal();
    play.secs(30);
    assert_eq!(red(&play), [""; 0]);
}

/// One member alone that loses its power has forgotten what the leader knows it has. etcd panics, again and again.
#[test]
fn a_member_that_forgot_its_log_panics() {
    let mut play = busy(1, Knob::BugNoFsync, true);
    play.secs(50);
    let host = play.host(play.follower());
    play.inject(Fault::Crash { host });
    play.secs(1);
    play.heal();
    play.secs(30);
    assert!(play.sim.observer().forgetful() > 1, "it came back as if nothing had happened");
    assert_eq!(red(&play), [""; 0]);
}

/// The leader is cut off, another is elected with a slow vote; before its first entry is on the voter's disk both die. The
/// voter comes back, and the old leader, whose log is longer, asks for its vote in the same term.
fn vote_twice(seed: u64, on: bool) -> Play {
    let mut play = busy(seed, Knob::BugForgetsVote, on);
    play.secs(20);
    let old = play.leader();
    let others: Vec<u8> = (0..3).filter(|n| *n != old).collect();
    for n in &others {
        play.inject(Fault::SlowDisk { host: play.host(*n), times: 200 });
    }
    let mut cuts = Vec::new();
    for n in &others {
        for (from, to) in [(old, *n), (*n, old)] {
            let cut = Fault::Cut { from: play.host(from), to: play.host(to) };
            cuts.extend(play.command(Command::Inject(cut)));
        }
    }
    let cut = play.sim.now();
    let elected = loop {
        play.run(Span::from_ms(2));
        if let Some(leads) = play.first(cut, NoteKind::Leads, |_| true) {
            break leads.program;
        }
    };
    let new = others.iter().copied().find(|n| play.sim.directory().etcd(*n) == elected).expect("it is one of them");
    let voter = others.iter().copied().find(|n| *n != new).expect("there are two");
    play.inject(Fault::KillEtcd { host: play.host(new) });
    let killed = play.command(Command::Inject(Fault::KillEtcd { host: play.host(voter) })).expect("it is a fault");
    play.secs(3);
    for id in cuts.into_iter().chain([killed]) {
        play.command(Command::Heal(id));
    }
    play.secs(20);
    play
}

#[test]
fn a_member_that_forgets_its_vote_elects_two_leaders() {
    breaks("forgotten vote", Verdict::ElectionSafety, |on| vote_twice(4, on));
}

/// Force-deleting a pod of a StatefulSet on a node that cannot be reached: kubernetes.io warns of exactly this.
#[test]
fn a_pod_deleted_by_force_on_a_lost_node_runs_twice() {
    breaks("force delete", Verdict::StatefulSetOrdinals, |on| {
        let mut play = Play::new("quiet", 1);
        play.secs(30);
        // Another ordinal moves first, so that something is checked either way.
        play.command(Command::Operate(Operation::DeletePod(Key::pod(1, 0, 1))));
        play.secs(60);
        let pod = Key::pod(1, 0, 0);
        let directory = play.sim.directory();
        let node = (0..directory.nodes)
            .find(|node| {
                let role = &play.sim.programs()[directory.kubelet(*node).ix()].role;
                matches!(role, brownout_core::actor::role::Role::Kubelet(kubelet) if kubelet.runs(pod))
            })
            .expect("it runs somewhere");
        play.inject(Fault::Isolate { host: directory.node_host(node) });
        play.secs(3);
        let delete = if on { Operation::ForceDeletePod(pod) } else { Operation::DeletePod(pod) };
        play.command(Command::Operate(delete));
        play.secs(60);
        play
    });
}

/// etcd as one object: a revision, and of each key the revision that last wrote it. Whoever else writes may raise the
/// revision at any time.
#[derive(Clone, Debug, Default, PartialEq)]
struct Reference {
    revision: u64,
    /// None: somebody whose answer never came may have written it.
    keys: BTreeMap<Key, Option<u64>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Said {
    revision: u64,
    version: u64,
    succeeded: bool,
}

impl SequentialSpec for Reference {
    type Op = What;
    type Ret = Said;
    fn invoke(&mut self, op: &What) -> Said {
        if let What::Write(Some(key)) = op {
            self.keys.insert(*key, None);
        }
        Said { revision: self.revision, version: 0, succeeded: true }
    }
    fn is_valid_step(&mut self, op: &What, said: &Said) -> bool {
        let (key, writes) = match op {
            What::Serializable => return true,
            What::Read(key) => (key, false),
            What::Write(key) => (key, said.succeeded && key.is_some()),
        };
        let well = if writes { said.revision > self.revision } else { said.revision >= self.revision };
        self.revision = said.revision;
        let Some(key) = key else { return well };
        let known = self.keys.insert(*key, Some(said.version)).flatten();
        well && (writes || known.is_none_or(|known| known == said.version))
    }
}

/// What the reference says of a piece of a history.
fn linearizable(history: &[Heard]) -> bool {
    let mut tester = LinearizabilityTester::new(Reference::default());
    let (mut threads, mut idle, mut next) = (BTreeMap::new(), Vec::new(), 0_u32);
    for heard in history {
        match heard.answer {
            None => {
                let thread = idle.pop().unwrap_or_else(|| {
                    next += 1;
                    next
                });
                threads.insert(heard.call, thread);
                tester.on_invoke(thread, heard.asked).expect("the thread is idle");
            }
            Some(Answer { revision, version, succeeded, .. }) => {
                // What was asked before the piece began is not judged here.
                let Some(thread) = threads.remove(&heard.call) else { continue };
                tester.on_return(thread, Said { revision, version, succeeded }).expect("it was asked");
                idle.push(thread);
            }
        }
    }
    tester.is_consistent()
}

/// The checker that runs all the time against one that looks for an order of all operations: stateright's.
#[test]
fn a_known_checker_agrees_about_linearizability() {
    /// How many questions and answers it looks at together: its search grows with their number as powers do. What it
    /// finds nothing wrong with in a short piece it sees more of; some of what is wrong begins before the longest.
    const PIECES: [usize; 3] = [18, 20, 22];
    for seed in seeds(1, 2) {
        for on in [true, false] {
            let dials = [(Knob::WriteRate, 100_000), (Knob::ReadRate, 100_000), (Knob::BugStaleReads, on.into())];
            let mut play = Play::with(3, seed, &dials);
            play.sim.listen();
            play.secs(10);
            let heard = play.sim.observer().verdicts().heard();
            let broken = |heard: &Heard| heard.answer.is_some_and(|answer| answer.broken);
            let (mut agreed, mut refused, mut undecided) = (0, 0, 0);
            for (end, last) in heard.iter().enumerate().skip(PIECES[2]).filter(|(_, heard)| heard.answer.is_some()) {
                if !broken(last) && end % 101 > 0 {
                    continue;
                }
                // What was broken before is taken out; the question to the last must be in the piece.
                let piece = |count: usize| {
                    let piece = &heard[end + 1 - count..=end];
                    let out: Vec<_> = piece[..count - 1].iter().filter(|it| broken(it)).map(|it| it.call).collect();
                    piece.iter().filter(|it| !out.contains(&it.call)).cloned().collect::<Vec<_>>()
                };
                let asked = |piece: &[Heard]| piece.iter().any(|it| it.call == last.call && it.answer.is_none());
                let mut pieces = PIECES.iter().map(|count| piece(*count)).filter(|piece| asked(piece)).peekable();
                if pieces.peek().is_none() {
                    continue;
                }
                let refuted = if broken(last) {
                    pieces.any(|piece| !linearizable(&piece))
                } else {
                    pieces.next().is_some_and(|piece| !linearizable(&piece))
                };
                assert!(!refuted || broken(last), "seed {seed}, {on}: at {end}: {:#?}", piece(PIECES[0]));
                if refuted != broken(last) {
                    undecided += 1;
                    continue;
                }
                agreed += 1;
                refused += u32::from(refuted);
            }
            println!(
                "seed {seed}, stale reads {on}: agreed {agreed} times, {refused} of them refused; {undecided} undecided"
            );
            assert!(undecided * 10 <= refused, "seed {seed}: {undecided} of {refused} are not decided");
            assert!(agreed > 20, "seed {seed}: {agreed} pieces");
            assert_eq!(refused > 5, on, "seed {seed}: {refused} refused");
        }
    }
}
