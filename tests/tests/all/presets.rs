//! What each preset of two runs shows, over many seeds.

use brownout_core::actor::role::NoteKind;
use brownout_core::compare::presets::{ALL, BREAKS, OPENS};
use brownout_core::engine::{Span, Time};
use brownout_core::inspect;
use brownout_core::timeline::Timeline;
use brownout_tests::pair::{Pair, Record};
use brownout_tests::play::{Heard, Spread, secs, seeds};

/// Kinds of users' requests, by number.
const WRITE: u8 = 1;
const CACHED: u8 = 2;

fn after(seconds: u64) -> Time {
    BREAKS + Span::from_secs(seconds)
}
fn term(run: &Timeline) -> u64 {
    inspect::most_advanced(run.sim()).expect("a member runs").raft().term()
}
fn elected(record: &Record) -> Vec<Heard> {
    record.since(BREAKS, NoteKind::Leads).copied().collect()
}
fn failed(record: &Record, kind: u8, to: Time) -> usize {
    record.requests(BREAKS, to).iter().filter(|request| request.kind == kind && !request.ok()).count()
}

#[test]
fn every_preset_opens_on_two_runs_that_are_whole_and_soon_differ() {
    for preset in ALL {
        assert!(preset.question.ends_with('?'), "{}", preset.name);
        let mut pair = Pair::open(preset.name, 1);
        for run in &pair.runs {
            assert_eq!(run.sim().now(), OPENS, "{}", preset.name);
            assert!(inspect::leader(run.sim()).is_some() && run.sim().faults().is_empty(), "{}", preset.name);
        }
        pair.to(after(20));
        assert!(pair.comparison.found().is_some(), "{}: no difference after 20 s", preset.name);
        assert!(pair.runs.iter().all(|run| run.sim().observer().violations() == 0), "{}", preset.name);
    }
}

/// Above Raft the two are alike to the millisecond: the same member is elected, the same candidate takes over. What
/// differs is what the lost member's own server can still do: cut off, it serves reads from its cache.
#[test]
fn a_member_that_is_cut_off_is_for_the_others_as_one_that_crashed() {
    let (mut cut, mut crashed) = (vec![], vec![]);
    for seed in seeds(3, 16) {
        let mut pair = Pair::open("cut-or-crashed", seed);
        pair.to(after(59));
        let found = pair.comparison.found().expect("they differ");
        assert_eq!(found.at, BREAKS, "seed {seed}");
        let [a, b] = &pair.records;
        let (won, too) = (elected(a), elected(b));
        assert_eq!(won.len(), too.len(), "seed {seed}: {won:?} and {too:?}");
        for (won, too) in won.iter().zip(&too) {
            assert!(won.program == too.program && secs(won.at.min(too.at), won.at.max(too.at)) < 0.01, "seed {seed}");
        }
        let [lost_a, lost_b] = [a, b].map(|record| failed(record, CACHED, after(59)));
        assert!(lost_a < lost_b, "seed {seed}: cached reads that fail: {lost_a} cut off, {lost_b} crashed");
        cut.push(lost_a as f64);
        crashed.push(lost_b as f64);
    }
    Spread::new("cached reads that fail, member cut off", cut);
    Spread::new("cached reads that fail, member crashed", crashed);
}

#[test]
fn without_pre_vote_a_member_that_comes_back_brings_the_leader_down() {
    let mut gaps = vec![];
    for seed in seeds(3, 8) {
        let mut pair = Pair::open("pre-vote", seed);
        let before = [0, 1].map(|side| term(&pair.runs[side]));
        // It comes back after half a minute.
        pair.to(after(45));
        let [a, b] = &pair.records;
        assert!(
            elected(a).is_empty() && term(&pair.runs[0]) == before[0],
            "seed {seed}: with PreVote the leader changed"
        );
        let won = elected(b);
        let first = won.first().unwrap_or_else(|| panic!("seed {seed}: without PreVote nothing happened"));
        assert!(first.at >= after(30), "seed {seed}: the majority was disturbed at {:?}", first.at);
        assert!(term(&pair.runs[1]) > before[1] + 5, "seed {seed}: the term hardly rose");
        gaps.push(secs(after(30), first.at));
    }
    Spread::new("another leader after the return, without PreVote, s", gaps).all_within(0.0, 8.0);
}

#[test]
fn where_etcd_is_external_no_api_server_goes_down_with_a_member() {
    for seed in seeds(3, 12) {
        let mut pair = Pair::open("stacked-or-external", seed);
        let dead = [0, 1].map(|side| (inspect::leader(pair.runs[side].sim()).expect("one leads") + 1) % 3);
        pair.to(after(59));
        for api in 0..3 {
            let [a, b] = [0, 1].map(|side| pair.records[side].success(WRITE, Some(api), after(5), after(59)));
            let expected = if api == dead[0] { 0.0..=0.0 } else { 0.99..=1.0 };
            assert!(expected.contains(&a), "seed {seed}: stacked, API server {api}: {a} of the writes succeed");
            assert!(b > 0.99, "seed {seed}: external, API server {api}: only {b} of the writes succeed");
        }
    }
}

#[test]
fn a_longer_lease_survives_a_short_outage() {
    let mut back = vec![];
    for seed in seeds(3, 16) {
        let mut pair = Pair::open("lease-outage", seed);
        // Without renewing B gives up after 40 s, and the outage lasts half as long.
        pair.to(after(45));
        let [a, b] = &pair.records;
        let lost = |record: &Record| record.since(BREAKS, NoteKind::LeaseLost).count();
        assert!(lost(a) > 0, "seed {seed}: no holder gave up in 20 s with 15/10/2");
        assert_eq!(lost(b), 0, "seed {seed}: a holder gave up with 60/40/10");
        let again = a.since(after(20), NoteKind::Acquired).map(|note| note.at).max();
        back.push(secs(after(20), again.unwrap_or_else(|| panic!("seed {seed}: nobody took over"))));
    }
    Spread::new("all leases are held again after the outage, 15/10/2, s", back).all_within(0.0, 20.0);
}

#[test]
fn a_longer_lease_is_longer_without_a_holder_when_it_dies() {
    let (mut short, mut long) = (vec![], vec![]);
    for seed in seeds(3, 16) {
        let mut pair = Pair::open("lease-takeover", seed);
        let taken = |record: &Record| record.since(BREAKS, NoteKind::Acquired).any(|note| note.a == 0);
        pair.until(after(110), |records| records.iter().all(taken));
        for (record, taken) in pair.records.iter().zip([&mut short, &mut long]) {
            let next = record.since(BREAKS, NoteKind::Acquired).find(|note| note.a == 0);
            taken.push(secs(BREAKS, next.unwrap_or_else(|| panic!("seed {seed}: nobody took over")).at));
        }
    }
    Spread::new("another holder after the death of one, 15/10/2, s", short).all_within(12.0, 22.0);
    Spread::new("another holder after the death of one, 60/40/10, s", long).all_within(45.0, 90.0);
}

#[test]
fn loss_at_the_leader_reaches_everybody() {
    let (mut follower, mut leader, mut changes) = (vec![], vec![], vec![]);
    for seed in seeds(4, 12) {
        let mut pair = Pair::open("follower-or-leader", seed);
        let lossy = [0, 1].map(|side| {
            let leader = inspect::leader(pair.runs[side].sim()).expect("one leads");
            if side == 0 { (leader + 1) % 3 } else { leader }
        });
        pair.to(after(89));
        assert!(elected(&pair.records[0]).is_empty(), "seed {seed}: a lossy follower changed the leader");
        changes.push(elected(&pair.records[1]).len() as f64);
        for (side, shares) in [(0, &mut follower), (1, &mut leader)] {
            let others = (0..3).filter(|api| *api != lossy[side]);
            let ok = others.map(|api| pair.records[side].success(WRITE, Some(api), BREAKS, after(89)));
            shares.push(ok.fold(1.0, f64::min));
        }
    }
    Spread::new("leader changes with a lossy leader", changes).median_within(1.0, 5.0);
    Spread::new("writes that succeed at the worst other server, lossy follower", follower).all_within(0.99, 1.0);
    Spread::new("writes that succeed at the worst other server, lossy leader", leader).median_within(0.5, 0.98);
}
