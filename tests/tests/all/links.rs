//! Links: what this engine made it plays again to the bit, and what older ones made opens for ever.

use brownout_core::journal::{ENGINE_VERSION, Run, Stop};
use brownout_core::timeline::Timeline;
use brownout_tests::links::{self, fingerprint, folder, published};
use std::fs;
use std::sync::LazyLock;

static RUNS: LazyLock<Vec<Run>> = LazyLock::new(|| links::ALL.iter().map(|recipe| Run::of(&recipe.run())).collect());

/// Opens a link as the page does, in slices.
fn open(run: &Run, budget: u32) -> Timeline {
    let mut timeline = run.timeline().expect("it is allowed");
    while !timeline.play_on(run.until(), budget).expect("it can be played") {}
    timeline
}

#[test]
fn the_version_is_that_of_the_model() {
    let now = fingerprint(&RUNS);
    let (_, written) = ENGINE_VERSION.split_once('+').expect("a version has a fingerprint");
    assert_eq!(
        written, now,
        "the model makes other runs than the engine {ENGINE_VERSION} did, so it is another one: write {now} in \
         ENGINE_VERSION (core/src/journal.rs)"
    );
}

#[test]
fn a_link_of_this_engine_leads_to_the_same_run_however_it_is_cut() {
    for (recipe, run) in links::ALL.iter().zip(RUNS.iter()) {
        let name = recipe.name;
        let text = serde_json::to_string(run).expect("a run is data");
        let read: Run = serde_json::from_str(&text).expect("it reads");
        for budget in [u32::MAX, 997] {
            let again = open(&read, budget);
            assert_eq!(Run::of(&again), *run, "{name}, {budget} events at a time");
        }
    }
}

#[test]
fn a_link_may_end_between_two_events_of_one_instant_and_before_a_command() {
    let mut inside = 0;
    let mut run = links::ALL[1].run();
    for _ in 0..300 {
        run.step_event();
        inside += u32::from(run.sim().next_at() == Some(run.sim().now()));
        let data = Run::of(&run);
        assert_eq!(Run::of(&open(&data, u32::MAX)), data, "after {} events", run.sim().steps());
        if inside > 2 {
            break;
        }
    }
    assert!(inside > 0, "no two events shared an instant");
    // Just before the first command of the journal, which is still to come.
    let place = run.journal().iter().position(|entry| entry.step > 100).expect("there is a later command");
    run.seek_step(run.journal()[place].step);
    let data = Run::of(&run);
    assert_eq!(data.end.map(|Stop { commands, .. }| commands as usize), Some(place));
    assert_eq!(Run::of(&open(&data, u32::MAX)), data);
}

#[test]
fn every_published_link_opens() {
    let links = published();
    assert!(links.len() >= 12, "only {} links", links.len());
    for (name, run) in links {
        let opened = open(&run, u32::MAX);
        assert_eq!(opened.sim().now().ns() / 1000, run.until_us, "{name}");
        if run.is_ours() {
            assert_eq!(Run::of(&opened), run, "{name}: this very engine made it");
        } else {
            let scripts = run.journal.len();
            assert_eq!(opened.journal().len(), scripts, "{name}: a command was lost");
        }
    }
}

/// What an older engine did at an event happens at its time, and what is impossible now is passed over.
#[test]
fn a_link_of_another_engine_goes_by_its_times() {
    for run in RUNS.iter() {
        let other = Run { engine: "0.0.1+0badc0de".into(), ..run.clone() };
        let opened = open(&other, 997);
        assert_eq!(opened.sim().now().ns() / 1000, run.until_us);
        assert!(opened.journal().iter().all(|entry| entry.step == 0));
    }
}

#[test]
fn a_link_from_outside_is_checked() {
    let good = &RUNS[1];
    let why = |bad: Run| match bad.timeline() {
        Err(why) => why.to_string(),
        Ok(mut run) => run.play_on(bad.until(), u32::MAX).expect_err("it is not allowed").to_string(),
    };
    let end = good.end.expect("it is known");
    let far = Run { end: Some(Stop { at_ns: u64::MAX, ..end }), ..good.clone() };
    assert!(why(far).contains("end.at_ns = "));
    let mut moved = good.clone();
    moved.journal[1].step = 1_000_000_000;
    assert!(why(moved).contains("journal[1].step = 1000000000 is not reached"));
    // An end that there is none of is no harm: the digest tells.
    let none = Run { end: Some(Stop { step: u64::MAX, commands: u32::MAX, ..end }), ..good.clone() };
    assert_eq!(Run::of(&open(&none, u32::MAX)).digest, good.digest);
}

/// `BLESS=1` writes what this engine makes of the standard runs: to be done once, when a page with it is published.
#[test]
fn the_links_of_a_published_engine_are_never_changed() {
    let own = folder().join(ENGINE_VERSION);
    if std::env::var_os("BLESS").is_none() || own.exists() {
        return;
    }
    fs::create_dir_all(&own).expect("a folder can be made");
    for (recipe, run) in links::ALL.iter().zip(RUNS.iter()) {
        let text = serde_json::to_string_pretty(run).expect("a run is data");
        fs::write(own.join(format!("{}.json", recipe.name)), text + "\n").expect("a link can be written");
    }
}
