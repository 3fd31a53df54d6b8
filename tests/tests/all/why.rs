//! Every why has an answer that ends at something that was done or drawn, and each question its own.

use brownout_core::actor::role::{NoteKind, Place};
use brownout_core::engine::{Row, Span, Time};
use brownout_core::fault::Fault;
use brownout_core::knob::Knob;
use brownout_core::load::Kind;
use brownout_core::net::packet::HostId;
use brownout_core::object::WorkloadId;
use brownout_core::sim::{Code, Command};
use brownout_core::timeline::Timeline;
use brownout_core::why::{End, Question, What, Why};
use brownout_tests::play::seeds;
use brownout_tests::{counterfactual, random, tell};

fn run(scenario: &str, seed: u64, secs: u64) -> Timeline {
    let mut run = Timeline::new(scenario, seed).expect("it is known");
    run.seek(Time::from_secs(secs), u32::MAX);
    run
}
/// The notes of this kind since a moment that fit.
fn notes(run: &Timeline, of: NoteKind, since: u64, fits: impl Fn(&Row) -> bool) -> Vec<Row> {
    let is = |row: &&Row| Code::note(row.code) == Some(of) && row.at >= Time::from_secs(since) && fits(row);
    let rows = run.trace().rows().since(0).filter(is).copied();
    let mut found: Vec<Row> = rows.collect();
    if found.is_empty() {
        found = run.trace().notes().since(0).filter(is).copied().collect();
    }
    found
}
fn place(run: &Timeline, row: &Row) -> Place {
    run.directory().place(brownout_core::actor::ProgramId(row.process))
}
/// The answer says each of these, in this order, and ends at a command of this kind.
fn says(run: &Timeline, question: &Question, whats: &[What], ends: impl Fn(&Command) -> bool) -> Why {
    let why = run.why(question);
    let text = tell::answer(run.directory(), &why);
    let mut left = whats.iter().peekable();
    for step in &why.steps {
        left.next_if(|what| **what == step.what);
    }
    assert!(left.peek().is_none(), "{question:?} of seed {}: no {:?} in\n{text}", run.sim().seed(), left.peek());
    let End::Input(place) = why.end else { panic!("{question:?} of seed {}: no input:\n{text}", run.sim().seed()) };
    assert!(ends(&run.journal()[place].command), "{question:?} of seed {}:\n{text}", run.sim().seed());
    why
}
fn injects(command: &Command) -> bool {
    matches!(command, Command::Inject(_))
}

#[test]
fn a_lost_leader_goes_back_to_what_kept_its_heartbeats_away() {
    for seed in seeds(3, 20) {
        let run = run("leader-cut", seed, 40);
        let lost = notes(&run, NoteKind::LosesLeader, 20, |_| true);
        assert!(!lost.is_empty(), "seed {seed}");
        for row in lost {
            says(&run, &Question::Event(row.id), &[What::Note, What::Cut, What::Command], injects);
        }
    }
}

#[test]
fn lost_heartbeats_end_at_the_dice() {
    let mut drawn = 0;
    for seed in seeds(3, 20) {
        let run = run("lossy-everywhere", seed, 40);
        for row in notes(&run, NoteKind::LosesLeader, 21, |_| true) {
            let why = run.why(&Question::Event(row.id));
            drawn += u32::from(!why.draws.is_empty());
            assert!(matches!(why.end, End::Input(_)), "{}", tell::answer(run.directory(), &why));
        }
    }
    assert!(drawn >= 3, "only {drawn} answers name a draw");
}

#[test]
fn an_election_that_fails_names_whose_vote_is_missing() {
    for seed in seeds(3, 20) {
        let run = run("quorum-lost", seed, 40);
        says(&run, &Question::Leader, &[What::Note, What::Waits, What::Gone, What::Command], injects);
        says(&run, &Question::Member(2), &[What::Note, What::Gone, What::Command], injects);
    }
}

#[test]
fn a_request_that_failed_goes_through_the_servers_that_waited() {
    for seed in seeds(2, 12) {
        let run = run("minority-cut", seed, 45);
        let failed = notes(&run, NoteKind::UserRequest, 30, |row| !(100..429).contains(&(row.a >> 16)));
        assert!(failed.len() > 5, "seed {seed}: {} failed", failed.len());
        for row in failed.iter().step_by(failed.len() / 5) {
            says(&run, &Question::Event(row.id), &[What::Note, What::Cut, What::Command], injects);
        }
        let api =
            (0..5).find(|api| failed.iter().any(|row| row.a >> 8 & 0xff == *api && row.a & 0xff == Kind::Write as u32));
        let api = api.expect("somebody's writes fail") as u8;
        says(&run, &Question::Requests(api, Kind::Write), &[What::Note, What::Cut, What::Command], injects);
    }
}

#[test]
fn a_slow_request_names_the_packet_it_waited_for() {
    let (mut named, mut asked) = (0, 0);
    for seed in seeds(9, 12) {
        let run = run("lossy-everywhere", seed, 30);
        let slow = notes(&run, NoteKind::UserRequest, 21, |row| row.a >> 16 == 200 && row.b > 400_000);
        for row in slow.iter().take(20) {
            let why = run.why(&Question::Event(row.id));
            assert_ne!(why.end, End::Record, "{}", tell::answer(run.directory(), &why));
            named += u32::from(!why.draws.is_empty());
            asked += 1;
        }
    }
    assert!(asked > 5 && named * 10 >= asked * 9, "only {named} of {asked} slow requests name a lost packet");
}

#[test]
fn a_lost_lease_an_exit_and_a_takeover_go_back_to_the_api_that_did_not_answer() {
    for seed in seeds(2, 12) {
        let run = run("quorum-lost", seed, 50);
        for row in notes(&run, NoteKind::LeaseLost, 20, |_| true) {
            says(&run, &Question::Event(row.id), &[What::Note, What::Waits, What::Gone, What::Command], injects);
        }
        let control = |row: &Row| matches!(place(&run, row), Place::Control(..));
        let exits = notes(&run, NoteKind::Exited, 20, control);
        assert!(!exits.is_empty(), "seed {seed}");
        for row in exits {
            let why = says(&run, &Question::Event(row.id), &[What::Note, What::Note, What::Waits], injects);
            let second = why.steps[1].row.and_then(|row| Code::note(row.code));
            assert_eq!(second, Some(NoteKind::LeaseLost));
        }
        says(&run, &Question::Lease(0), &[What::Note, What::Waits, What::Command], injects);
    }
    let mut takeovers = 0;
    for seed in seeds(4, 12) {
        let run = run("member-crash", seed, 60);
        for row in notes(&run, NoteKind::Acquired, 20, |row| row.b > 0) {
            takeovers += 1;
            says(&run, &Question::Event(row.id), &[What::Note, What::Silence, What::Command], injects);
        }
    }
    assert!(takeovers > 0, "no holder was ever lost");
}

#[test]
fn a_stale_watch_goes_back_to_a_member_without_a_leader() {
    for seed in seeds(2, 12) {
        let run = run("minority-cut", seed, 40);
        let behind = (0..5).filter(|api| brownout_core::inspect::watch_behind(run.sim(), *api).ms() > 5_000);
        let mut asked = 0;
        for api in behind {
            asked += 1;
            says(&run, &Question::Watch(api), &[What::Silence, What::Waits, What::Command], injects);
        }
        assert!(asked > 0, "seed {seed}: nobody is behind");
    }
}

#[test]
fn a_restarted_api_server_goes_back_to_the_probe_that_killed_it() {
    for seed in seeds(1, 6) {
        let run = run("quorum-lost", seed, 125);
        let api = |row: &Row| matches!(place(&run, row), Place::Api(_));
        let exits = notes(&run, NoteKind::Exited, 90, api);
        assert!(!exits.is_empty(), "seed {seed}");
        for row in exits {
            let why = says(&run, &Question::Event(row.id), &[What::Note, What::Note, What::Command], injects);
            let killed = why
                .steps
                .iter()
                .any(|step| step.row.is_some_and(|row| Code::note(row.code) == Some(NoteKind::ProbeKills)));
            assert!(killed, "{}", tell::answer(run.directory(), &why));
        }
    }
}

/// The workloads that have pods on this node.
fn on_node(run: &Timeline, node: u16) -> Vec<(WorkloadId, brownout_core::object::Key)> {
    let etcd = brownout_core::inspect::most_advanced(run.sim()).expect("there is one");
    let pods = brownout_core::inspect::pods(etcd.store()).filter(|(_, pod)| pod.node == Some(node));
    pods.map(|(key, _)| (key.group(), key)).collect()
}

#[test]
fn a_missing_pod_and_one_that_is_not_replaced_go_back_to_the_node() {
    for seed in seeds(2, 10) {
        let run = run("node-lost", seed, 45);
        let pods = on_node(&run, 1);
        assert!(!pods.is_empty(), "seed {seed}");
        for (_, pod) in pods {
            // The control plane has not noticed yet.
            says(&run, &Question::Pod(pod), &[What::Trusted, What::Note, What::Command], injects);
        }
        let mut run = run;
        run.seek(Time::from_secs(100), u32::MAX);
        for (workload, pod) in on_node(&run, 1) {
            says(&run, &Question::Pod(pod), &[What::Tolerates, What::Note, What::Silence, What::Command], injects);
            let why = run.why(&Question::Workload(workload));
            assert_eq!(why.steps[0].what, What::Missing);
        }
        says(&run, &Question::Node(1), &[What::Note, What::Silence, What::Command], injects);
    }
}

#[test]
fn pods_that_nobody_makes_go_back_to_the_manager_that_does_not_lead() {
    for seed in seeds(2, 8) {
        let run = run("api-down", seed, 100);
        let (workload, _) = on_node(&run, 3)[0];
        let why = run.why(&Question::Workload(workload));
        assert!(matches!(why.end, End::Input(_)), "{}", tell::answer(run.directory(), &why));
    }
}

#[test]
fn a_users_failed_request_goes_back_to_the_lost_node() {
    for seed in seeds(2, 10) {
        let run = run("node-lost", seed, 40);
        let failed = notes(&run, NoteKind::ServiceRequest, 21, |row| row.a >> 16 > 0);
        assert!(!failed.is_empty(), "seed {seed}");
        for row in failed.iter().step_by(failed.len().div_ceil(5)) {
            says(&run, &Question::Event(row.id), &[What::Note, What::NoPower, What::Command], injects);
        }
        says(&run, &Question::Service((failed[0].a & 0xffff) as u16), &[What::NoPower, What::Command], injects);
    }
}

#[test]
fn reads_that_still_succeed_say_who_answers_them() {
    for seed in seeds(2, 8) {
        let run = run("quorum-lost", seed, 40);
        let why = run.why(&Question::Requests(2, Kind::GetCached));
        assert!(why.steps.iter().any(|step| step.what == What::FromMemory), "{}", tell::answer(run.directory(), &why));
        let run = self::run("minority-cut", seed, 40);
        let works = (0..5).map(|api| run.why(&Question::Requests(api, Kind::Read))).find(|why| {
            let first = why.steps.first().and_then(|step| step.row);
            first.is_some_and(|row| row.a >> 16 == 200)
        });
        let works = works.expect("the majority's reads go on");
        let etcd = works.steps.iter().any(|step| step.program.is_some_and(|id| id.0 < 5));
        assert!(etcd, "{}", tell::answer(run.directory(), &works));
    }
}

/// Whatever is asked in whatever run: the answer goes back in time, and ends.
#[test]
fn every_why_of_every_random_run_ends_at_an_input_or_a_draw() {
    let mut asked = 0;
    for seed in seeds(4, 40) {
        // Where the record is short, the stretch before is played again for each question: enough of that in some.
        let record = if seed % 4 == 1 { 1 << 16 } else { 1 << 19 };
        let run = random::run_into(seed, brownout_core::engine::Trace::new(record));
        let rows: Vec<Row> = run.trace().notes().since(0).copied().collect();
        let few = rows.len().div_ceil(60).max(1);
        let failed = run.trace().rows().since(0).filter(|row| match Code::note(row.code) {
            Some(NoteKind::UserRequest) => row.a >> 16 >= 429 || row.b > 200_000,
            Some(NoteKind::ServiceRequest) => row.a >> 16 > 0,
            Some(NoteKind::ApiRequest) => row.b > 1_000_000,
            Some(NoteKind::TryFailed | NoteKind::CacheLost | NoteKind::ContainerExited) => true,
            _ => false,
        });
        let failed: Vec<Row> = failed.copied().collect();
        let many = failed.len().div_ceil(40).max(1);
        for row in rows.iter().step_by(few).chain(failed.iter().step_by(many)) {
            let why = run.why(&Question::Event(row.id));
            let text = || format!("seed {seed}: {row:?}\n{}", tell::answer(run.directory(), &why));
            assert_ne!(why.end, End::Record, "{}", text());
            assert!(why.steps.windows(2).all(|pair| pair[1].at <= pair[0].at), "{}", text());
            assert!(why.steps.iter().all(|step| step.since.is_none_or(|since| since <= step.at)), "{}", text());
            if let End::Input(place) = why.end {
                assert!(run.journal()[place].at <= row.at, "{}", text());
            }
            asked += 1;
        }
        for question in [Question::Leader, Question::Lease(0), Question::Lease(1), Question::Member(0)] {
            let why = run.why(&question);
            let text = || format!("seed {seed}: {question:?}\n{}", tell::answer(run.directory(), &why));
            assert_ne!(why.end, End::Record, "{}", text());
        }
    }
    assert!(asked > 200, "only {asked} questions");
}

/// Where the record no longer reaches back, the stretch before is played again: the answer is the same.
#[test]
fn an_answer_does_not_depend_on_how_much_is_on_record() {
    let run = run("lossy-everywhere", 3, 40);
    let long = {
        let scenario = brownout_core::scenario::Scenario::named("lossy-everywhere").expect("there is one");
        let mut run = Timeline::of(scenario, 3, brownout_core::engine::Trace::new(1 << 12));
        run.seek(Time::from_secs(40), u32::MAX);
        run
    };
    for row in notes(&run, NoteKind::LosesLeader, 21, |_| true) {
        assert_eq!(run.why(&Question::Event(row.id)), long.why(&Question::Event(row.id)));
    }
}

/// Without the command, or with better luck for the packets that an answer names, the effect moves; other packets' luck
/// moves it less often.
#[test]
fn what_an_answer_ends_at_matters() {
    let outcomes = counterfactual::measure(seeds(5, 10));
    let (mut input, mut draw, mut bystander) = ((0, 0), (0, 0), (0, 0));
    for outcome in outcomes.values() {
        for (sum, share) in
            [(&mut input, outcome.input), (&mut draw, outcome.draw), (&mut bystander, outcome.bystander)]
        {
            *sum = (sum.0 + share.moved, sum.1 + share.of);
        }
    }
    let share = |(moved, of): (u32, u32)| f64::from(moved) / f64::from(of.max(1));
    println!("input {input:?}, draw {draw:?}, bystanders {bystander:?}");
    assert!(input.1 > 20 && draw.1 > 20, "hardly anything was asked: {outcomes:?}");
    assert!(share(input) > 0.99, "without its command an effect stays: {outcomes:?}");
    // Much has more than one sufficient cause where every fourth packet is lost; a silent leader mostly has one.
    assert!(share(draw) > 0.35, "the packets named do not matter: {outcomes:?}");
    assert!(share(draw) > 2.0 * share(bystander), "anybody's luck matters as much: {outcomes:?}");
    let silence = outcomes["loses_leader"].draw;
    assert!(silence.percent() > 60.0, "{silence:?} of silent leaders");
}

/// A quiet run in which one thing is done at half a minute.
fn quiet(seed: u64, command: Command, secs: u64) -> Timeline {
    let scenario = brownout_core::scenario::Scenario::named("quiet").expect("there is one");
    let mut run = Timeline::of(scenario, seed, brownout_core::engine::Trace::new(1 << 20));
    run.seek(SLOW_FROM, u32::MAX);
    run.command(command).expect("it is allowed");
    run.seek(Time::from_secs(secs), u32::MAX);
    run
}
/// When links become slow.
const SLOW_FROM: Time = Time::from_secs(30);

/// The answer ends at the command at half a minute, with a number from the record that is about `ms`, and without that
/// command the effect is gone or comes at another time.
fn ends_at_slow_links(run: &Timeline, row: &Row, ms: std::ops::RangeInclusive<u64>) {
    let why = says(run, &Question::Event(row.id), &[What::Delayed, What::Command], |_| true);
    let text = || format!("seed {}\n{}", run.sim().seed(), tell::answer(run.directory(), &why));
    let End::Input(place) = why.end else { unreachable!("it ends at a command") };
    assert_eq!(run.journal()[place].at, SLOW_FROM, "{}", text());
    let delayed = why.steps.iter().find(|step| step.what == What::Delayed).expect("it says so");
    assert!(ms.contains(&delayed.took.ms()) && delayed.since == Some(SLOW_FROM), "{}", text());
    assert!(why.steps.windows(2).all(|pair| pair[1].at <= pair[0].at), "{}", text());
}
fn moves_without(run: &Timeline, row: &Row) -> bool {
    let place = run.journal().iter().position(|entry| entry.at == SLOW_FROM).expect("it was given");
    let mut other = run.clone();
    other.what_if(brownout_core::timeline::WhatIf::Without(place)).expect("there is room");
    !counterfactual::happened(&mut other, row)
}

#[test]
fn a_request_that_is_slow_for_slow_links_ends_at_the_dial() {
    let mut asked = 0;
    for seed in seeds(3, 12) {
        let run = quiet(seed, Command::Set(vec![(Knob::LinkDelay, 300_000)]), 45);
        let slow = |row: &Row| row.a >> 16 == 200 && row.b > 500_000;
        let slow = notes(&run, NoteKind::UserRequest, 33, slow);
        assert!(slow.len() > 20, "seed {seed}: {} are slow", slow.len());
        for row in slow.iter().step_by(slow.len() / 10) {
            ends_at_slow_links(&run, row, 300..=320);
            asked += 1;
        }
        assert!(moves_without(&run, &slow[0]), "seed {seed}");
        // It is what somebody asks who sees that writes take long.
        let writes = Question::Requests((slow[0].a >> 8) as u8, Kind::Write);
        says(&run, &writes, &[What::Note, What::Delayed, What::Command], |_| true);
    }
    assert!(asked > 20);
}

#[test]
fn where_programs_wait_for_a_processor_what_they_read_still_came_with_its_packet() {
    for seed in seeds(2, 6) {
        let dials = vec![(Knob::LinkDelay, 300_000), (Knob::CpuWait, 300)];
        let run = quiet(seed, Command::Set(dials), 45);
        let slow = notes(&run, NoteKind::UserRequest, 33, |row| row.a >> 16 == 200 && row.b > 500_000);
        assert!(slow.len() > 20, "seed {seed}: {} are slow", slow.len());
        for row in slow.iter().step_by(slow.len() / 10) {
            ends_at_slow_links(&run, row, 300..=325);
        }
    }
}

#[test]
fn a_leader_lost_for_slow_links_ends_at_the_fault() {
    let mut asked = 0;
    for seed in seeds(3, 12) {
        let scenario = brownout_core::scenario::Scenario::named("quiet").expect("there is one");
        let mut run = Timeline::of(scenario, seed, brownout_core::engine::Trace::new(1 << 16));
        run.seek(SLOW_FROM, u32::MAX);
        let leader = brownout_core::inspect::leader(run.sim()).expect("one leads");
        let host = HostId(u32::from(leader));
        let run = quiet(seed, Command::Inject(Fault::Slow { host, extra: Span::from_secs(3) }), 40);
        for kind in [NoteKind::LosesLeader, NoteKind::PreCampaigns, NoteKind::StepsDown] {
            let Some(row) = notes(&run, kind, 30, |_| true).first().copied() else { continue };
            ends_at_slow_links(&run, &row, 3_000..=3_010);
            assert!(moves_without(&run, &row), "seed {seed}");
            asked += 1;
        }
    }
    assert!(asked >= 6, "only {asked}");
}

#[test]
fn an_election_and_a_lease_that_fail_for_slow_links_end_at_the_command() {
    let (mut leases, mut elections) = (0, 0);
    for seed in seeds(3, 12) {
        // Everybody is far from everybody: a candidate's round trip takes as long as it waits before it tries again.
        let slow = vec![(Knob::LinkDelay, 500_000), (Knob::LinkJitter, 200_000), (Knob::ElectionTimeout, 500)];
        let run = quiet(seed, Command::Set(slow), 60);
        for row in notes(&run, NoteKind::LosesLeader, 30, |_| true).iter().take(5) {
            ends_at_slow_links(&run, row, 250..=5_000);
            assert!(moves_without(&run, row), "seed {seed}");
            elections += 1;
        }
        if brownout_core::inspect::leader(run.sim()).is_none() {
            let why = run.why(&Question::Leader);
            assert!(matches!(why.end, End::Input(_)), "{}", tell::answer(run.directory(), &why));
        }
        for row in notes(&run, NoteKind::LeaseLost, 30, |_| true).iter().take(3) {
            ends_at_slow_links(&run, row, 250..=5_000);
            leases += 1;
        }
    }
    assert!(elections >= 3, "{elections} leaders and {leases} leases were lost");
}

/// Asked at the very moment, what is still under way is the reason; asked later, it has landed: both say the same.
#[test]
fn what_is_still_under_way_is_known_at_once() {
    let host = HostId(0);
    let command = Command::Inject(Fault::Slow { host, extra: Span::from_secs(3) });
    let later = quiet(1, command.clone(), 40);
    let lost = notes(&later, NoteKind::LosesLeader, 30, |_| true);
    let row = lost.first().expect("somebody lost it");
    let mut short = quiet(1, command, 30);
    short.seek(row.at, u32::MAX);
    let (now, after) = (short.why(&Question::Event(row.id)), later.why(&Question::Event(row.id)));
    assert_eq!((now.end, now.steps.len()), (after.end, after.steps.len()));
    assert!(now.steps.iter().any(|step| step.what == What::Delayed), "{}", tell::answer(short.directory(), &now));
}
