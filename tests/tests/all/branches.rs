//! Acting in the past begins another future and loses none: each branch is its journal, wherever one has been meanwhile.

use brownout_core::engine::{Purpose, Rng, Row, Time, Trace};
use brownout_core::fault::Fault;
use brownout_core::journal::Run;
use brownout_core::knob::Knob;
use brownout_core::net::packet::HostId;
use brownout_core::scenario::Scenario;
use brownout_core::sim::event::PacketId;
use brownout_core::sim::{Code, Command, Refused};
use brownout_core::timeline::{MAX_BRANCHES, Timeline, WhatIf};
use brownout_tests::play::seeds;
use brownout_tests::random;

fn quiet(seed: u64) -> Timeline {
    let scenario = Scenario::named("quiet").expect("there is one");
    Timeline::of(scenario, seed, Trace::new(1 << 16))
}
fn secs(secs: u64) -> Time {
    Time::from_secs(secs)
}
fn loss(ppm: u32) -> Command {
    Command::Set(vec![(Knob::LossPlace, 5), (Knob::Loss, ppm)])
}

/// The world, the notes and the series are those of a straight run of the journal.
fn is_straight(run: &Timeline, what: &str) {
    let to = run.sim().now();
    let mut straight = Run::of(run).timeline().expect("it reads");
    assert!(straight.seek(to, u32::MAX));
    assert_eq!(run.sim().history(), straight.sim().history(), "{what}: at {to:?}");
    assert!(run.sim() == straight.sim(), "{what}: at {to:?}: the states differ");
    let notes = |run: &Timeline| -> Vec<Row> {
        let end = run.sim().marks().notes;
        let notes = run.trace().notes();
        (notes.oldest()..end).filter_map(|n| notes.get(n)).copied().collect()
    };
    assert_eq!(notes(run), notes(&straight), "{what}: the notes differ");
    let points =
        |run: &Timeline| -> Vec<_> { run.history().since(0).take_while(|point| point.at <= to).copied().collect() };
    let (ours, theirs) = (points(run), points(&straight));
    let apart = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
    assert_eq!((apart, ours.len()), (None, theirs.len()), "{what}: the series differ");
}

#[test]
fn a_command_in_the_past_keeps_the_old_future() {
    let mut run = quiet(1);
    run.seek(secs(12), u32::MAX);
    run.command(loss(300_000)).expect("it is allowed");
    run.seek(secs(30), u32::MAX);
    let first = run.sim().clone();
    assert_eq!(run.branches().len(), 1);
    // Nothing was changed by looking back.
    run.seek(secs(20), u32::MAX);
    run.seek(secs(30), u32::MAX);
    assert_eq!(run.branches().len(), 1);
    run.seek(secs(20), u32::MAX);
    run.command(loss(0)).expect("it is allowed");
    assert_eq!((run.branches().len(), run.branch().id, run.branch().parent), (2, 1, Some(0)));
    // A drag is many commands and one branch.
    run.command(loss(1_000)).expect("it is allowed");
    assert_eq!(run.branches().len(), 2);
    run.seek(secs(33), u32::MAX);
    let second = run.sim().clone();
    is_straight(&run, "the new future");
    assert_eq!(run.switch(0).expect("it is there"), secs(30), "the old future was played so far");
    run.seek(secs(30), u32::MAX);
    assert!(*run.sim() == first, "the old future is as it was");
    is_straight(&run, "the old future");
    run.switch(1).expect("it is there");
    run.seek(secs(33), u32::MAX);
    assert!(*run.sim() == second);
}

#[test]
fn every_branch_is_its_journal_wherever_one_has_been() {
    for seed in seeds(2, 6) {
        let mut run = quiet(seed);
        let mut luck = Rng::stream(seed, Purpose::Test, 5);
        for visit in 0..60 {
            let ids: Vec<u32> = run.branches().iter().map(|branch| branch.id).collect();
            let other = ids[luck.draw().below(ids.len() as u64) as usize];
            let to = Time::from_ms(luck.draw().below(25_000));
            match luck.draw().below(8) {
                0..=2 => {
                    let _refused = run.command(random::command(&mut luck, 4));
                }
                3 | 4 => {
                    run.switch(other).expect("it is there");
                }
                5 if other != run.branch().id => run.delete(other).expect("it is not played"),
                6 if !run.journal().is_empty() => {
                    let place = luck.draw().below(run.journal().len() as u64) as usize;
                    let _full = run.what_if(WhatIf::Without(place));
                }
                _ => {
                    let lost = run.trace().rows().since(0).find(|row| row.code == Code::Drop as u16).copied();
                    if let Some(row) = lost {
                        let packet = PacketId::of_row(row.process, row.a, row.b);
                        let _full = run.what_if(WhatIf::Arrive(vec![(packet, row.at)]));
                    }
                }
            }
            let budget = if luck.draw().below(4) == 0 { luck.draw().below(3_000) as u32 } else { u32::MAX };
            run.seek(to, budget);
            if luck.draw().below(4) == 0 {
                run.seek_step(run.sim().steps().saturating_sub(luck.draw().below(2_000)));
            }
            if visit % 3 == 0 {
                run.seek(run.sim().now(), u32::MAX);
                is_straight(&run, &format!("seed {seed}, visit {visit}"));
            }
        }
        assert!(run.branches().len() > 3, "seed {seed}: hardly anything was tried");
    }
}

#[test]
fn a_packet_that_is_spared_arrives_and_nothing_before_changes() {
    for seed in seeds(3, 12) {
        let mut run = quiet(seed);
        run.seek(secs(12), u32::MAX);
        run.command(loss(50_000)).expect("it is allowed");
        run.seek(secs(16), u32::MAX);
        let lost: Vec<Row> = run.trace().rows().since(0).filter(|row| row.code == Code::Drop as u16).copied().collect();
        let row = lost[lost.len() / 2];
        let packet = PacketId::of_row(row.process, row.a, row.b);
        let named = |row: &Row| PacketId::of_row(row.process, row.a, row.b) == packet;
        assert_eq!(lost.iter().filter(|row| named(row)).count(), 1, "a name is one packet's");
        let aim = run.what_if(WhatIf::Arrive(vec![(packet, row.at)])).expect("it is allowed");
        assert!(aim < row.at);
        run.seek(secs(16), u32::MAX);
        let other: Vec<Row> =
            run.trace().rows().since(0).filter(|row| row.code == Code::Drop as u16).copied().collect();
        assert!(!other.iter().any(named), "seed {seed}: {packet:?} is lost all the same");
        let before = |rows: &[Row]| -> Vec<(Time, u32)> {
            rows.iter().filter(|it| it.at < row.at).map(|it| (it.at, it.a)).collect()
        };
        assert_eq!(before(&other), before(&lost), "seed {seed}: what came before is the same");
        is_straight(&run, "with better luck");
    }
}

#[test]
fn a_command_can_be_taken_out_and_the_others_stay() {
    let mut run = quiet(3);
    let hosts = [HostId(0), HostId(1)];
    for (at, host) in [(12, hosts[0]), (14, hosts[1])] {
        run.seek(secs(at), u32::MAX);
        run.command(Command::Inject(Fault::Isolate { host })).expect("it is allowed");
    }
    run.seek(secs(20), u32::MAX);
    run.command(Command::Heal(run.sim().faults()[1].0)).expect("it is in force");
    run.seek(secs(25), u32::MAX);
    run.what_if(WhatIf::Without(0)).expect("it is there");
    run.seek(secs(18), u32::MAX);
    let in_force: Vec<Fault> = run.sim().faults().iter().map(|(_, fault, _)| *fault).collect();
    assert_eq!(in_force, [Fault::Isolate { host: hosts[1] }], "only the first is gone");
    run.seek(secs(25), u32::MAX);
    assert!(run.sim().faults().is_empty(), "and the second was healed by its number");
    is_straight(&run, "without the first fault");
}

#[test]
fn branches_are_named_deleted_and_limited_with_a_sentence() {
    let mut run = quiet(2);
    let said = |refused: Result<_, Refused>, part: &str| {
        let sentence = refused.map(|_: Time| ()).expect_err("it is refused").to_string();
        assert!(sentence.contains(part), "{sentence}");
    };
    run.rename(0, "  what really happened\n").expect("it is a name");
    assert_eq!(run.branch().name, "what really happened");
    said(run.rename(0, &"x".repeat(41)).map(|()| Time::ZERO), "name has 41 characters; at most 40 are allowed");
    said(run.switch(7), "branch = 7 is not there; there are: 0");
    said(run.delete(0).map(|()| Time::ZERO), "branch = 0 is the one that is played");
    said(run.what_if(WhatIf::Without(3)), "command = 3 is not there: the run has 0");
    run.seek(secs(5), u32::MAX);
    run.command(loss(1_000)).expect("it is allowed");
    for _ in 1..MAX_BRANCHES {
        run.what_if(WhatIf::Without(0)).expect("there is room");
    }
    said(run.what_if(WhatIf::Without(0)), "at most 24 branches");
    // A child of a deleted branch hangs on where that one began.
    run.delete(1).expect("it is not played");
    let child = run.branches().iter().find(|branch| branch.id == 2).expect("it is there");
    assert_eq!(child.parent, Some(0));
    run.seek(secs(7), u32::MAX);
    is_straight(&run, "the last of them");
}
