//! The same seed and the same commands give the same bits, however the run is cut, wherever one has been meanwhile.

use brownout_core::engine::{EventId, Purpose, Rng, Span, Time, Trace};
use brownout_core::journal::Run;
use brownout_core::knob::Knob;
use brownout_core::scenario::Scenario;
use brownout_core::sim::{Code, Command};
use brownout_core::timeline::Timeline;
use brownout_tests::play::{Play, seeds};
use brownout_tests::random;

fn straight(run: &Run, to: Time) -> Timeline {
    let mut timeline = run.timeline().expect("a run that was made can be read");
    assert!(timeline.seek(to, u32::MAX));
    timeline
}

#[test]
fn how_a_run_is_cut_into_calls_does_not_matter() {
    for seed in seeds(3, 12) {
        let whole = random::run(seed);
        let mut cut = Run::of(&whole).timeline().expect("it reads");
        let mut luck = Rng::stream(seed, Purpose::Test, 1);
        let mut to = Time::ZERO;
        while to < whole.sim().now() {
            to = (to + luck.draw().up_to(Span::from_ms(700))).min(whole.sim().now());
            while !cut.seek(to, 1 + luck.draw().below(900) as u32) {}
        }
        assert_eq!(cut.sim().history(), whole.sim().history(), "seed {seed}");
        assert!(cut.sim() == whole.sim(), "seed {seed}: the states differ though the histories agree");
        assert_eq!(cut.sim().digest(), whole.sim().digest());
    }
}

/// Wanders through time, gives commands in the past, and compares with a straight run of the journal that came of it.
#[test]
fn a_walk_through_time_ends_where_a_straight_run_does() {
    for seed in seeds(2, 5) {
        let scenario = Scenario::named("quiet").expect("there is one");
        let mut run = Timeline::of(scenario, seed, Trace::new(1 << 16));
        let mut luck = Rng::stream(seed, Purpose::Test, 2);
        for visit in 0..30 {
            let to = Time::from_ms(luck.draw().below(40_000));
            let budget = if luck.draw().below(3) == 0 { luck.draw().below(3_000) as u32 } else { u32::MAX };
            run.seek(to, budget);
            if luck.draw().below(3) == 0 {
                let _refused = run.command(random::command(&mut luck, 4));
            }
            let to = Time::from_ms(luck.draw().below(40_000));
            assert!(run.seek(to, u32::MAX));
            let straight = straight(&Run::of(&run), to);
            assert_eq!(run.sim().history(), straight.sim().history(), "seed {seed}, visit {visit}, at {to:?}");
            assert!(run.sim() == straight.sim(), "seed {seed}, visit {visit}, at {to:?}: the states differ");
        }
    }
}

#[test]
fn stepping_back_and_forth_by_one_event_is_exact() {
    let mut run = random::run(5);
    let end = run.sim().clone();
    for back in [1, 2, 7, 40, 1000] {
        run.seek_step(end.steps() - back);
        assert_eq!(run.sim().steps(), end.steps() - back);
        run.seek_step(end.steps());
        run.seek(end.now(), u32::MAX);
        assert!(*run.sim() == end, "{back} back and forth");
    }
}

#[test]
fn every_row_has_a_cause_older_than_itself_and_only_inputs_have_none() {
    for seed in seeds(3, 12) {
        let run = random::run(seed);
        let mut rows = 0;
        for row in run.trace().rows().since(0) {
            rows += 1;
            assert!(row.cause < row.id && row.link < row.id, "seed {seed}: {row:?}");
            let input = row.code == Code::Boot as u16 || row.code == Code::Command as u16;
            assert!(input || row.cause != EventId::ROOT, "seed {seed}: {row:?} has no cause");
        }
        assert!(rows > 5_000, "seed {seed}: only {rows} rows");
    }
}

#[test]
fn a_refused_command_changes_nothing() {
    let mut run = random::run(3);
    let before = run.sim().clone();
    let journal = run.journal().len();
    for command in [
        Command::Set(vec![(Knob::Loss, 950_000)]),
        Command::Set(vec![(Knob::LeaseDuration, 1_000), (Knob::RenewDeadline, 1_000)]),
        Command::Heal(brownout_core::fault::FaultId(77)),
    ] {
        let why = run.command(command.clone()).expect_err("it is not allowed").to_string();
        assert!(why.contains(" = ") && why.len() > 20, "{command:?}: {why}");
        assert!(*run.sim() == before && run.journal().len() == journal, "{command:?}");
    }
}

/// Raising loss only adds lost packets, as long as the same packets are offered: two runs at rest, compared over their
/// first lost packet's time.
#[test]
fn the_same_packet_meets_the_same_luck_at_another_loss() {
    for seed in seeds(3, 10) {
        let lost = |ppm| {
            let mut play = Play::new("quiet", seed);
            play.secs(5);
            play.set(&[(Knob::LossPlace, 5), (Knob::Loss, ppm)]);
            let from = play.sim.now();
            play.secs(20);
            play.first_drop(from)
        };
        let (some, more) = (lost(2_000), lost(20_000));
        // The first packet lost at 0.2 % is lost at 2 % too, unless an earlier loss there has changed the traffic since.
        if let (Some(some), Some(more)) = (some, more) {
            assert!(more <= some, "seed {seed}: first loss at {some:?} with little, at {more:?} with more");
        }
    }
}

/// The runs that Node and the browser replay: `cargo xtask test` compares their digests with these.
#[test]
fn the_runs_for_the_other_targets_are_written() {
    let runs = random::runs(if brownout_tests::play::quick() { 12 } else { 60 });
    let commands: usize = runs.iter().map(|run| run.journal.len()).sum();
    assert!(commands > runs.len(), "hardly a command was given: {commands} in {} runs", runs.len());
    let again = straight(&runs[0], Time::from_ns(runs[0].until_us * 1000));
    assert_eq!(Run::of(&again).digest, runs[0].digest);
    let target = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    std::fs::create_dir_all(&target).expect("target/ can be made");
    let text = serde_json::to_string(&runs).expect("runs are data");
    std::fs::write(target.join("determinism.json"), text).expect("target/ can be written");
}

/// A learner's command in the middle of a scenario leaves what the scenario still does in place, and the run replays.
#[test]
fn a_script_goes_on_after_a_learners_command() {
    let scenario = Scenario::named("leader-crash").expect("there is one");
    let mut run = Timeline::of(scenario, 4, Trace::new(1 << 16));
    run.seek(Time::from_secs(10), u32::MAX);
    run.command(Command::Set(vec![(Knob::LinkDelay, 2_000)])).expect("it is allowed");
    run.seek(Time::from_secs(22), u32::MAX);
    assert_eq!(run.sim().faults().len(), 1, "the first crash of the script happened");
    // And again from the past, where the crash had been seen already.
    run.seek(Time::from_secs(15), u32::MAX);
    run.command(Command::Set(vec![(Knob::LinkDelay, 3_000)])).expect("it is allowed");
    run.seek(Time::from_secs(120), u32::MAX);
    assert_eq!(run.journal().len(), 8);
    assert_eq!(run.sim().faults().len(), 0, "the script healed what it broke");
    let straight = straight(&Run::of(&run), Time::from_secs(120));
    assert_eq!(straight.sim().history(), run.sim().history());
}
