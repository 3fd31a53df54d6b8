//! Two runs with the same luck and one difference: where they part.

use brownout_core::compare::Comparison;
use brownout_core::engine::{Purpose, Rng, Span, Time, Trace};
use brownout_core::fault::Fault;
use brownout_core::journal::Run;
use brownout_core::knob::Knob;
use brownout_core::net::packet::HostId;
use brownout_core::scenario::Scenario;
use brownout_core::sim::Command;
use brownout_core::timeline::Timeline;
use brownout_tests::pair::Pair;
use brownout_tests::play::seeds;
use brownout_tests::random;

fn quiet(seed: u64) -> Timeline {
    let scenario = Scenario::named("quiet").expect("there is one");
    Timeline::of(scenario, seed, Trace::new(1 << 18))
}
fn at_rest(seed: u64, until: Time) -> Timeline {
    let mut run = quiet(seed);
    run.seek(until, u32::MAX);
    run
}

#[test]
fn two_identical_runs_never_part() {
    for seed in seeds(3, 20) {
        let run = Run::of(&random::run(seed));
        let read = || run.timeline().expect("a run that was made can be read");
        let mut pair = Pair::new(read(), read());
        pair.to(Time::from_ns(run.until_us * 1000));
        assert_eq!(pair.comparison.found(), None, "seed {seed}");
        assert_eq!(pair.comparison.heard(), None, "seed {seed}");
        assert_eq!(pair.runs[0].sim().history(), pair.runs[1].sim().history(), "seed {seed}");
    }
}

#[test]
fn a_command_that_changes_nothing_is_no_difference() {
    for seed in seeds(2, 10) {
        let mut pair = Pair::new(quiet(seed), quiet(seed));
        pair.to(Time::from_ms(9_000 + seed * 131));
        pair.command(1, Command::Set(vec![(Knob::LossPlace, 0)]));
        pair.to(Time::from_secs(40));
        assert_eq!((pair.comparison.found(), pair.comparison.heard()), (None, None), "seed {seed}");
    }
}

#[test]
fn runs_part_where_the_one_difference_acts_and_never_before() {
    let mut parted = 0;
    for seed in seeds(8, 60) {
        let mut luck = Rng::stream(seed, Purpose::Test, 3);
        let mut pair = Pair::new(quiet(seed), quiet(seed));
        let at = Time::from_ms(4_000 + luck.draw().below(12_000));
        pair.to(at);
        let side = luck.draw().below(2) as usize;
        let command = loop {
            let command = random::command(&mut luck, 4);
            if pair.runs[side].sim().may(&command).is_ok() {
                break command;
            }
        };
        pair.command(side, command.clone());
        pair.to(at + Span::from_secs(15));
        let [a, b] = &pair.runs;
        let same = a.sim().history() == b.sim().history();
        let Some(found) = pair.comparison.found() else {
            // A command has a row of its own, so equal histories are not to be had. Alike they may be all the same.
            let rows = |run: &Timeline| run.sim().marks().rows;
            assert_eq!(rows(a).abs_diff(rows(b)), 1, "seed {seed}: {command:?} made a difference that was not found");
            continue;
        };
        parted += 1;
        assert!(!same && found.at >= at, "seed {seed}: {command:?} at {at:?}, parted at {:?}", found.at);
        assert!([found.a, found.b].iter().flatten().all(|row| row.at >= found.at), "seed {seed}: {found:?}");
        if let Some(heard) = pair.comparison.heard() {
            assert!(heard.at >= found.at, "seed {seed}: {heard:?} was heard before {found:?}");
        }
        // Before that moment there is no difference; there again it is the same one.
        for run in &mut pair.runs {
            run.seek(Time::from_ns(found.at.ns() - 1), u32::MAX);
        }
        pair.look();
        assert_eq!((pair.comparison.found(), pair.comparison.heard()), (None, None), "seed {seed}, gone back");
        for run in &mut pair.runs {
            run.seek(at + Span::from_secs(15), u32::MAX);
        }
        pair.look();
        assert_eq!(pair.comparison.found(), Some(found), "seed {seed}, there again");
    }
    assert!(parted > 4, "only {parted} commands made any difference");
}

/// However late somebody looks, what is found is what a look at every step would have found.
#[test]
fn what_the_trace_has_forgotten_is_found_by_playing_again() {
    for seed in seeds(1, 4) {
        let short = || {
            let scenario = Scenario::named("quiet").expect("there is one");
            Timeline::of(scenario, seed, Trace::new(1 << 16))
        };
        let mut pair = Pair::new(short(), short());
        pair.to(Time::from_secs(12));
        pair.inject(1, Fault::SlowDisk { host: HostId(1), times: 3 });
        pair.to(Time::from_secs(20));
        let (found, heard) = (pair.comparison.found(), pair.comparison.heard());
        assert!(found.is_some(), "seed {seed}");
        for run in &mut pair.runs {
            run.seek(Time::from_secs(120), u32::MAX);
            assert!(run.trace().rows().oldest() > 0, "seed {seed}: nothing was forgotten");
        }
        let late = Comparison::new(&pair.runs[0], &pair.runs[1]);
        assert_eq!(late.found(), found, "seed {seed}");
        assert!(heard.is_none_or(|heard| late.heard() == Some(heard)), "seed {seed}");
    }
}

/// After the runs have parted, a command in the past of both begins another future, in which they part elsewhere.
#[test]
fn a_command_before_the_difference_is_for_both_and_the_difference_stays() {
    let mut pair = Pair::new(at_rest(3, Time::from_secs(10)), at_rest(3, Time::from_secs(10)));
    pair.runs[1].schedule(Time::from_secs(14), Command::Inject(Fault::Isolate { host: HostId(2) })).expect("it may");
    pair.look();
    pair.to(Time::from_secs(16));
    assert!(pair.comparison.found().is_some_and(|found| found.at >= Time::from_secs(14)));
    for run in &mut pair.runs {
        run.seek(Time::from_secs(12), u32::MAX);
    }
    pair.look();
    for run in &mut pair.runs {
        run.command(Command::Set(vec![(Knob::LinkDelay, 4_000)])).expect("it may");
    }
    pair.look();
    for run in &mut pair.runs {
        run.seek(Time::from_secs(20), u32::MAX);
    }
    pair.look();
    assert!(pair.comparison.found().is_some_and(|found| found.at >= Time::from_secs(14)));
    let [a, b] = &pair.runs;
    assert_eq!((a.sim().faults().len(), b.sim().faults().len()), (0, 1));
    for run in [a, b] {
        let mut again = Run::of(run).timeline().expect("it reads");
        again.seek(run.sim().now(), u32::MAX);
        assert_eq!(again.sim().history(), run.sim().history());
    }
}

#[test]
fn a_fork_goes_on_like_the_run_it_came_from() {
    let mut run = at_rest(5, Time::from_ms(21_234));
    run.command(Command::Inject(Fault::Isolate { host: HostId(1) })).expect("it may");
    run.seek(Time::from_ms(31_234), u32::MAX);
    run.seek(Time::from_secs(29), u32::MAX);
    let mut fork = run.fork();
    assert!(run.sim() == fork.sim());
    fork.seek_step(run.sim().steps() - 500);
    for run in [&mut run, &mut fork] {
        run.seek(Time::from_secs(45), u32::MAX);
    }
    assert!(run.sim() == fork.sim());
    fork.seek(Time::from_secs(3), u32::MAX);
    run.seek(Time::from_secs(3), u32::MAX);
    assert!(run.sim() == fork.sim());
}

#[test]
fn other_clusters_differ_from_the_start() {
    let [a, b] = brownout_core::compare::presets::Preset::named("stacked-or-external")
        .expect("there is one")
        .open(1)
        .expect("it opens");
    let found = Comparison::new(&a, &b).found().expect("they differ");
    assert_eq!((found.at, found.a, found.b), (Time::ZERO, None, None));
}

/// Another branch is a run of its own: it is the branch to the bit, parts where what was done first differs, and can be
/// taken up without losing any.
#[test]
fn two_branches_part_where_they_were_begun() {
    for seed in seeds(2, 4) {
        let scenario = Scenario::named("quiet").expect("there is one");
        let mut run = Timeline::of(scenario, seed, Trace::new(1 << 16));
        run.seek(Time::from_secs(12), u32::MAX);
        run.command(Command::Inject(Fault::Crash { host: HostId(1) })).expect("it may");
        run.seek(Time::from_secs(34), u32::MAX);
        run.seek(Time::from_ms(21_500), u32::MAX);
        run.command(Command::Inject(Fault::HangApi { host: HostId(2) })).expect("it may");
        run.seek(Time::from_secs(30), u32::MAX);
        let parted = run.parts_from(0).expect("there is one").expect("they part");
        assert_eq!(parted, Time::from_ms(21_500), "seed {seed}");
        let mut other = run.fork_of(0).expect("there is one");
        other.seek(Time::from_secs(30), u32::MAX);
        let mut first = run.clone();
        first.switch(0).expect("there is one");
        first.seek(Time::from_secs(30), u32::MAX);
        assert!(first.sim() == other.sim(), "seed {seed}");
        let found = Comparison::new(&run, &other).found().expect("they differ");
        assert!(found.at >= parted && found.at < parted + Span::from_secs(1), "seed {seed}: {found:?}");
        // However late it is looked for.
        let mut late = [run.clone(), other.clone()];
        late.iter_mut().for_each(|run| _ = run.seek(Time::from_secs(120), u32::MAX));
        assert!(late[0].trace().rows().oldest() > 0, "seed {seed}: nothing was forgotten");
        assert_eq!(Comparison::new(&late[0], &late[1]).found(), Some(found), "seed {seed}");
        // As it was, it is a branch that is there; with something done to it, it is one more.
        let mut back = run.clone();
        back.take_up(&other).expect("there is room");
        assert_eq!((back.branch().id, back.branches().len()), (0, 2), "seed {seed}");
        other.command(Command::HealAll).expect("it may");
        other.seek(Time::from_secs(33), u32::MAX);
        run.take_up(&other).expect("there is room");
        assert!(run.seek(Time::from_secs(33), u32::MAX));
        assert_eq!(run.branches().len(), 3, "seed {seed}");
        assert!(run.sim() == other.sim(), "seed {seed}");
    }
}
