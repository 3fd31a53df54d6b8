//! etcd by itself under loss and crashes, beside what three real members did. See `tests/reference/README.md`.

use super::{Figures, Line, Unit, by_setting, lines_of, put, quantile};
use brownout_core::actor::role::{Directory, NoteKind, Role};
use brownout_core::engine::{Ppm, Span, Time, Trace};
use brownout_core::etcd::rpc::EtcdError;
use brownout_core::fault::Fault;
use brownout_core::knob::{Knob, Knobs};
use brownout_core::load::etcd_user::Outcome;
use brownout_core::net::packet::HostId;
use brownout_core::sim::{Code, Command, Sim};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What was done to members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Deed {
    /// Their packets are lost.
    Loss,
    /// Their process is killed, and started again at the end.
    Crash,
}
/// Which members it was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// One that follows.
    Follower,
    /// The one that leads.
    Leader,
    /// Every one.
    All,
}

/// What was done to the cluster.
#[derive(Clone, Debug, Deserialize)]
pub struct Spec {
    /// What.
    pub fault: Deed,
    /// To whom.
    pub target: Target,
    /// Chance of loss per packet and direction.
    #[serde(default)]
    pub p: f64,
    /// Puts, linearizable and serializable reads per second and member, each.
    #[serde(default = "usual_rate")]
    pub rate: u32,
    /// Whether members ask before they campaign.
    #[serde(default = "yes")]
    pub prevote: bool,
    /// For how many seconds.
    pub hold: f64,
}

const fn usual_rate() -> u32 {
    20
}
const fn yes() -> bool {
    true
}

/// One measured run.
#[derive(Clone, Debug, Deserialize)]
pub struct Cell {
    /// Its name; runs of one situation end in `_r1`, `_r2`, ...
    pub name: String,
    /// What was done.
    pub spec: Spec,
    /// The members it was done to.
    pub faulty: Vec<u8>,
    /// Who led before.
    pub leader_before: u8,
    /// Figures of the cluster.
    pub cluster: Json,
    /// Figures of the recovery, by member.
    pub recovery: BTreeMap<String, Json>,
    /// Figures by member.
    pub members: BTreeMap<String, Json>,
}

impl Cell {
    /// The situation's name.
    pub fn setting(&self) -> &str {
        self.name.rsplit_once("_r").map_or(&self.name, |(name, _)| name)
    }
    /// What a member is in this cell.
    fn place(&self, member: u8) -> &'static str {
        place(&self.spec, self.faulty.contains(&member), member == self.leader_before)
    }
}

fn place(spec: &Spec, faulty: bool, led: bool) -> &'static str {
    match (spec.target, faulty, led) {
        (Target::All, _, true) => "the leader",
        (Target::All, _, false) => "a follower",
        (_, true, _) => "the faulty member",
        (_, false, true) => "healthy leader",
        (_, false, false) => "healthy follower",
    }
}

/// The cells of this repository.
///
/// # Panics
/// If they don't parse: they are part of the repository.
pub fn reference() -> Vec<Cell> {
    serde_json::from_str(include_str!("../../reference/etcd.json")).expect("the reference parses")
}

/// The clients' deadline in ms: what a failure counts as.
const DEADLINE_MS: f64 = 10_000.0;
/// The quantiles there are.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];
const OPS: [&str; 3] = ["put", "lin", "ser"];
const OP_NAMES: [&str; 3] = ["put", "linearizable", "serializable"];
const WINDOWS: [&str; 3] = ["pre", "hold", "post"];
const WINDOW_NAMES: [&str; 3] = ["before", "during", "after"];

/// The kinds of errors that are compared: a name, what the reference's text of it contains, and the outcome here. The
/// first that fits is meant.
const ERRORS: [(&str, &str, Outcome); 7] = [
    ("timed out, leader failure", "previous leader failure", Outcome::Error(EtcdError::TimeoutLeaderFail as u8)),
    ("timed out, connection lost", "connection lost", Outcome::Error(EtcdError::TimeoutConnectionLost as u8)),
    ("timed out", "request timed out", Outcome::Error(EtcdError::Timeout as u8)),
    ("leader changed", "leader changed", Outcome::Error(EtcdError::LeaderChanged as u8)),
    ("deadline exceeded", "context deadline exceeded", Outcome::Error(EtcdError::DeadlineExceeded as u8)),
    ("no answer in 10 s", "CLIENT_TIMEOUT", Outcome::TimedOut),
    ("no connection", "connect error", Outcome::Refused),
];

/// What one cell says.
fn measured(cell: &Cell) -> Figures {
    let mut figures = Figures::new();
    let number =
        |json: &Json, path: &[&str]| path.iter().try_fold(json, |json, key| json.get(*key)).and_then(Json::as_f64);
    let cluster = [
        ("new_leaders_hold", "elections won", Unit::Count),
        ("new_leaders_post", "elections won after", Unit::Count),
        ("applied_entries_per_s_hold", "entries applied per s", Unit::Count),
        ("frac_majority_has_leader", "majority has a leader", Unit::Share),
    ];
    for (key, name, unit) in cluster {
        if let Some(value) = number(&cell.cluster, &[key]) {
            put(&mut figures, "cluster", name.into(), value, unit, false);
        }
    }
    for (key, name, unit) in [
        ("n", "commit stalls", Unit::Count),
        ("total_s", "commit stalled", Unit::Seconds),
        ("max_s", "longest commit stall", Unit::Seconds),
    ] {
        if let Some(value) = number(&cell.cluster, &["commit_stalls_over_0.5s", key]) {
            put(&mut figures, "cluster", name.into(), value, unit, false);
        }
    }
    for (member, json) in &cell.members {
        let place = cell.place(member.parse().expect("members have numbers"));
        for (key, name, unit) in [
            ("noleader_frac", "without leader", Unit::Share),
            ("noleader_frac_post", "without leader after", Unit::Share),
            ("term_growth_hold", "terms", Unit::Count),
            ("frac_seconds_frozen_hold", "seconds frozen", Unit::Share),
            ("leader_changes_metric_hold", "leaders found", Unit::Count),
        ] {
            if let Some(value) = number(json, &[key]) {
                put(&mut figures, place, name.into(), value, unit, false);
            }
        }
        if json.get("noleader_frac").is_some_and(Json::is_number) {
            let first = number(json, &["t_first_leader_loss_s"]).unwrap_or(f64::INFINITY);
            put(&mut figures, place, "first loss of leader".into(), first, Unit::Seconds, false);
            if let Some(value) = number(json, &["conn_log_hold", "lost_stream"]) {
                put(&mut figures, place, "streams lost".into(), value, Unit::Count, false);
            }
        }
        for (key, name) in [("p50", "entries behind p50"), ("p99", "entries behind p99")] {
            if let Some(value) = number(json, &["lag_entries_hold", key]) {
                put(&mut figures, place, name.into(), value, Unit::Count, false);
            }
        }
        for (op, op_name) in OPS.iter().zip(OP_NAMES) {
            for (window, window_name) in WINDOWS.iter().zip(WINDOW_NAMES) {
                let input = *window == "pre";
                for (quantile, _) in QUANTILES {
                    if let Some(value) = number(json, &[op, window, "cens", quantile]) {
                        let input = input || *op == "ser";
                        put(&mut figures, place, format!("{op_name} {window_name} {quantile}"), value, Unit::Ms, input);
                    }
                }
                for (key, name) in [("succ2s", "2 s"), ("succ5s", "5 s"), ("succ10s", "10 s")] {
                    if let Some(value) = number(json, &[op, window, key]).filter(|_| !input) {
                        let name = format!("{op_name} {window_name} in {name}");
                        put(&mut figures, place, name, value, Unit::Share, input);
                    }
                }
            }
            if let Some(errors) = json.get(*op).and_then(|op| op.get("hold")?.get("errors")?.as_object()) {
                let n = number(json, &[op, "hold", "n"]).unwrap_or(1.0).max(1.0);
                let mut shares = [0.0; ERRORS.len()];
                for (text, count) in errors {
                    if let Some(kind) = ERRORS.iter().position(|(_, part, _)| text.contains(part)) {
                        shares[kind] += count.as_f64().unwrap_or(0.0) / n;
                    }
                }
                for ((kind, ..), share) in ERRORS.iter().zip(shares) {
                    put(&mut figures, place, format!("{op_name} error: {kind}"), share, Unit::Share, false);
                }
            }
        }
        for (window, window_name) in WINDOWS.iter().zip(WINDOW_NAMES) {
            for (quantile, _) in QUANTILES {
                if let Some(value) = number(json, &["watch", window, quantile]) {
                    let name = format!("watch {window_name} {quantile}");
                    put(&mut figures, place, name, value, Unit::Ms, *window == "pre");
                }
            }
        }
        let recovery = &cell.recovery[member];
        for (key, name) in [
            ("caught_up_s", "caught up"),
            ("put_below_50ms_s", "put fast again"),
            ("lin_below_50ms_s", "read fast again"),
        ] {
            let value = number(recovery, &[key]).unwrap_or(f64::INFINITY);
            put(&mut figures, place, name.into(), value, Unit::Seconds, false);
        }
    }
    figures
}

/// One call that ended: whose, of which kind, when it was due (s), after how many ms, with which outcome.
struct Ended {
    user: usize,
    op: usize,
    due: Time,
    ms: f64,
    outcome: u32,
}

/// What was seen of a member 20 times a second.
#[derive(Clone, Copy)]
struct Look {
    at: Time,
    up: bool,
    leader: u64,
    applied: u64,
}

/// How often members are asked. The rig's own.
const POLL: Span = Span::from_ms(50);
/// What a cluster has to find its leader and settle. Chosen.
const SETTLE: Span = Span::from_secs(15);
/// The calm before the fault. The rig's own.
const CALM: Span = Span::from_secs(14);
/// What is watched after it. The rig's own.
const AFTER: Span = Span::from_secs(45);
/// How long a call may take. The rig's own.
const LATE: Span = Span::from_secs(10);

/// The machine under the rig in one window: what it adds to everything, and what no model of etcd can predict.
///
/// Processors: from half of the serializable reads in that window, which need neither network nor disk. The disk: from half
/// of the syncs in the members' own histogram.
#[derive(Clone, Copy, Debug)]
struct Machine {
    fsync_us: u32,
    wait_us: u32,
}

impl Machine {
    fn dials(self) -> Vec<(Knob, u32)> {
        vec![(Knob::Fsync, self.fsync_us), (Knob::CpuWait, self.wait_us)]
    }
    /// What these cells say of it in a window; where nobody was answered, as in the calm before.
    fn of(cells: &[&Cell], window: &str) -> Self {
        let median = |path: &[&str]| {
            let value = |json: &Json| path.iter().try_fold(json, |json, key| json.get(*key)).and_then(Json::as_f64);
            let members = cells.iter().flat_map(|cell| cell.members.values());
            let mut values: Vec<f64> = members.filter_map(value).filter(|ms| *ms < DEADLINE_MS).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied()
        };
        let read = |window| median(&["ser", window, "cens", "p50"]);
        // A read wakes the member and then its user; each wait is half fixed and half exponential, and the median of
        // the sum is 1.84 times the mean of one. Two loopbacks take the rest.
        let wait_ms = read(window).or_else(|| read("pre")).map_or(0.0, |ms| (ms - 0.04) / 1.84);
        // The disk's median is 0.61 of its mean. A rig that says nothing of its disk has the dial's own.
        let sync_us = median(&["fsync_pre_hold", "p50_ms"]).map(|ms| ms * 1e3 / 0.61);
        let spec = Knob::Fsync.spec();
        let fsync_us = sync_us.map_or(spec.default, |us| (us as u32).clamp(spec.min, spec.max));
        Self { fsync_us, wait_us: (wait_ms * 1e3).max(0.0) as u32 }
    }
}

/// The dials of the rig.
fn dials(spec: &Spec, machine: Machine) -> Vec<(Knob, u32)> {
    let rate = spec.rate * 1_000;
    let mut dials = machine.dials();
    dials.extend([
        (Knob::LinkDelay, 50),
        (Knob::LinkJitter, 10),
        (Knob::LinkRate, 3_400),
        (Knob::WriteRate, rate),
        (Knob::ReadRate, rate),
        (Knob::CachedRate, rate),
        (Knob::PreVote, spec.prevote.into()),
    ]);
    dials
}

/// One simulated run of a situation.
fn simulate(spec: &Spec, machines: [Machine; 3], seed: u64) -> Figures {
    let knobs = Knobs::default().with_all(&dials(spec, machines[0])).expect("the rig's dials are allowed");
    let directory = Directory::etcd_alone(3);
    let mut sim = Sim::new(seed, directory, knobs);
    let mut trace = Trace::new(1 << 16);
    let mut heard = Heard::default();
    heard.go(&mut sim, &mut trace, SETTLE + CALM);
    let led = brownout_core::inspect::leader(&sim).expect("an undisturbed cluster has a leader");
    let faulty: Vec<u8> = match spec.target {
        Target::Leader => vec![led],
        Target::Follower => vec![(led + 1) % 3],
        Target::All => vec![0, 1, 2],
    };
    let begun = sim.now();
    for member in &faulty {
        let host = HostId(u32::from(*member));
        let fault = match spec.fault {
            Deed::Loss => Fault::Lossy { host, loss: Ppm::new((spec.p * 1e6).round() as u32) },
            Deed::Crash => Fault::KillEtcd { host },
        };
        sim.command(&Command::Inject(fault), &mut trace).expect("the fault is allowed");
    }
    let becomes = |machine: Machine| Command::Set(machine.dials());
    sim.command(&becomes(machines[1]), &mut trace).expect("the dials are allowed");
    let hold = Span::from_ms((spec.hold * 1e3) as u64);
    heard.go(&mut sim, &mut trace, hold);
    let healed = sim.now();
    sim.command(&Command::HealAll, &mut trace).expect("healing is allowed");
    sim.command(&becomes(machines[2]), &mut trace).expect("the dials are allowed");
    heard.go(&mut sim, &mut trace, AFTER + LATE);
    heard.figures(spec, led, &faulty, begun, healed)
}

/// What is heard and seen of a run.
#[derive(Default)]
struct Heard {
    seen: u64,
    calls: Vec<Ended>,
    /// Of each member's watch: when the put was due, and after how many ms it was told of.
    watched: [Vec<(Time, f64)>; 3],
    looks: [Vec<Look>; 3],
    leads: Vec<Time>,
    terms: [Vec<(Time, u64)>; 3],
    streams: [Vec<Time>; 3],
    found: [Vec<Time>; 3],
    /// Who led last.
    leader: Option<usize>,
    lost: [Vec<Time>; 3],
}

impl Heard {
    fn go(&mut self, sim: &mut Sim, trace: &mut Trace, span: Span) {
        let end = sim.now() + span;
        while sim.now() < end {
            let stop = (sim.now() + POLL).min(end);
            while sim.step(stop, trace) {}
            self.hear(sim, trace);
            for member in 0..3u8 {
                let program = &sim.programs()[sim.directory().etcd(member).ix()];
                let Role::Etcd(etcd) = &program.role else { unreachable!("the directory names members") };
                let raft = etcd.raft();
                let up = program.state == brownout_core::sim::State::Running;
                let leader = raft.leader().map_or(0, |id| id.0.into());
                self.looks[usize::from(member)].push(Look { at: sim.now(), up, leader, applied: raft.applied_index() });
                let terms = &mut self.terms[usize::from(member)];
                if terms.last().is_none_or(|(_, term)| *term != raft.term()) {
                    terms.push((sim.now(), raft.term()));
                }
            }
        }
    }
    fn hear(&mut self, sim: &Sim, trace: &Trace) {
        assert!(trace.rows().oldest() <= self.seen, "the trace forgot rows before they were heard");
        let first_user = sim.directory().etcd_user(0).0;
        for row in trace.rows().since(self.seen) {
            let Some(kind) = Code::note(row.code) else { continue };
            let back = |us: u64| Time::from_ns(row.at.ns().saturating_sub(us * 1_000));
            match kind {
                NoteKind::EtcdCallEnded => self.calls.push(Ended {
                    user: usize::from(row.process - first_user),
                    op: (row.a & 0xff) as usize,
                    due: back(row.b),
                    ms: row.b as f64 / 1e3,
                    outcome: row.a >> 8,
                }),
                NoteKind::EtcdEventSeen => {
                    self.watched[usize::from(row.process - first_user)].push((back(row.b), row.b as f64 / 1e3));
                }
                NoteKind::Leads => {
                    self.leads.push(row.at);
                    self.leader = Some(usize::from(row.process));
                }
                NoteKind::LosesLeader => self.lost[usize::from(row.process)].push(row.at),
                // The reader of a stream that broke says so; so does its writer, if it writes before the reader has
                // dialled again: a leader does, and whoever answers one.
                NoteKind::StreamDown => {
                    let (reader, writer) = (usize::from(row.process), row.a as usize - 1);
                    self.streams[reader].push(row.at);
                    if self.leader == Some(writer) || self.leader == Some(reader) && row.b == 1 {
                        self.streams[writer].push(row.at);
                    }
                }
                NoteKind::FindsLeader => self.found[usize::from(row.process)].push(row.at),
                _ => {}
            }
        }
        self.seen = trace.rows().end();
    }
    fn figures(&self, spec: &Spec, led: u8, faulty: &[u8], begun: Time, healed: Time) -> Figures {
        let mut figures = Figures::new();
        let during = |at: Time| at >= begun && at < healed;
        let cluster = |figures: &mut Figures, name: &str, value: f64, unit: Unit| {
            put(figures, "cluster", name.into(), value, unit, false);
        };
        let won = self.leads.iter().filter(|at| during(**at)).count();
        cluster(&mut figures, "elections won", won as f64, Unit::Count);
        let won_after = self.leads.iter().filter(|at| **at >= healed).count();
        cluster(&mut figures, "elections won after", won_after as f64, Unit::Count);
        let hold_s = healed.since(begun).ns() as f64 / 1e9;
        let ticks: Vec<usize> = (0..self.looks[0].len()).filter(|i| during(self.looks[0][*i].at)).collect();
        let most = |i: usize| (0..3).map(|member| self.looks[member][i].applied).max().unwrap_or(0);
        let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
        cluster(&mut figures, "entries applied per s", (most(last) - most(first)) as f64 / hold_s, Unit::Count);
        let mut stalls = Vec::new();
        let mut since = self.looks[0][first].at;
        for pair in ticks.windows(2) {
            if most(pair[1]) > most(pair[0]) {
                stalls.push(secs(since, self.looks[0][pair[1]].at));
                since = self.looks[0][pair[1]].at;
            }
        }
        stalls.push(secs(since, healed));
        stalls.retain(|stall| *stall > 0.5);
        cluster(&mut figures, "commit stalls", stalls.len() as f64, Unit::Count);
        cluster(&mut figures, "commit stalled", stalls.iter().sum(), Unit::Seconds);
        cluster(&mut figures, "longest commit stall", stalls.iter().copied().fold(0.0, f64::max), Unit::Seconds);
        let has_leader =
            |i: &&usize| (0..3).filter(|m| self.looks[*m][**i].up && self.looks[*m][**i].leader != 0).count() >= 2;
        let share = ticks.iter().filter(has_leader).count() as f64 / ticks.len() as f64;
        cluster(&mut figures, "majority has a leader", share, Unit::Share);
        for member in 0..3 {
            let place = place(spec, faulty.contains(&(member as u8)), member as u8 == led);
            self.member(
                &mut figures,
                place,
                member,
                spec.fault == Deed::Crash && faulty.contains(&(member as u8)),
                begun,
                healed,
            );
        }
        figures
    }
    fn member(&self, figures: &mut Figures, place: &'static str, member: usize, down: bool, begun: Time, healed: Time) {
        let during = |at: Time| at >= begun && at < healed;
        let looks = &self.looks[member];
        let leaderless =
            |looks: &[&Look]| looks.iter().filter(|look| look.leader == 0).count() as f64 / looks.len() as f64;
        let held: Vec<&Look> = looks.iter().filter(|look| during(look.at)).collect();
        let after: Vec<&Look> = looks.iter().filter(|look| look.at >= healed && look.up).collect();
        put(figures, place, "without leader after".into(), leaderless(&after), Unit::Share, false);
        if !down {
            put(figures, place, "without leader".into(), leaderless(&held), Unit::Share, false);
            let first = self.lost[member].iter().find(|at| during(**at)).map_or(f64::INFINITY, |at| secs(begun, *at));
            put(figures, place, "first loss of leader".into(), first, Unit::Seconds, false);
            let streams = self.streams[member].iter().filter(|at| during(**at)).count();
            put(figures, place, "streams lost".into(), streams as f64, Unit::Count, false);
            let found = self.found[member].iter().filter(|at| during(**at)).count();
            put(figures, place, "leaders found".into(), found as f64, Unit::Count, false);
        }
        let term =
            |at: Time| self.terms[member].iter().rev().find(|(since, _)| *since <= at).map_or(0, |(_, term)| *term);
        let growth = term(Time::from_ns(healed.ns() - 1)) - term(begun);
        put(figures, place, "terms".into(), growth as f64, Unit::Count, false);
        let seconds: Vec<&&Look> = held.iter().step_by(20).collect();
        let frozen = seconds.windows(2).filter(|pair| pair[0].applied == pair[1].applied).count();
        put(figures, place, "seconds frozen".into(), frozen as f64 / (seconds.len() - 1) as f64, Unit::Share, false);
        let mut behind: Vec<f64> = (0..looks.len())
            .filter(|i| during(looks[*i].at))
            .map(|i| ((0..3).map(|m| self.looks[m][i].applied).max().unwrap_or(0) - looks[i].applied) as f64)
            .collect();
        behind.sort_by(f64::total_cmp);
        for (name, q) in [("entries behind p50", 0.5), ("entries behind p99", 0.99)] {
            put(figures, place, name.into(), quantile(&behind, q).unwrap_or(0.0), Unit::Count, false);
        }
        // Calls that could still be under way when links heal belong to no window.
        let before = |at: Time, span: Span| Time::from_ns(at.ns() - span.ns());
        let windows = [(before(begun, CALM), begun), (begun, before(healed, LATE)), (healed, healed + AFTER)];
        for (op, op_name) in OP_NAMES.iter().enumerate() {
            for ((from, to), window) in windows.into_iter().zip(WINDOW_NAMES) {
                let calls =
                    || self.calls.iter().filter(move |c| c.user == member && c.op == op && c.due >= from && c.due < to);
                let input = window == "before";
                let mut ms: Vec<f64> = calls().map(|c| if c.outcome == 0 { c.ms } else { DEADLINE_MS }).collect();
                ms.sort_by(f64::total_cmp);
                for (name, q) in QUANTILES {
                    if let Some(value) = quantile(&ms, q) {
                        put(figures, place, format!("{op_name} {window} {name}"), value, Unit::Ms, input);
                    }
                }
                let n = ms.len().max(1) as f64;
                for (name, limit) in [("2 s", 2_000.0), ("5 s", 5_000.0), ("10 s", 9_999.9)] {
                    let share = ms.iter().filter(|ms| **ms <= limit).count() as f64 / n;
                    if !input {
                        put(figures, place, format!("{op_name} {window} in {name}"), share, Unit::Share, input);
                    }
                }
                if window == "during" {
                    for (kind, _, outcome) in ERRORS {
                        let share = calls().filter(|c| c.outcome == outcome.code()).count() as f64 / n;
                        put(figures, place, format!("{op_name} error: {kind}"), share, Unit::Share, false);
                    }
                }
            }
            let fast = |c: &&Ended| c.user == member && c.op == op && c.due >= healed && c.outcome == 0 && c.ms < 50.0;
            let name = match op {
                0 => "put fast again",
                1 => "read fast again",
                _ => continue,
            };
            let at = self.calls.iter().filter(fast).map(|c| secs(healed, c.due)).fold(f64::INFINITY, f64::min);
            put(figures, place, name.into(), at, Unit::Seconds, false);
        }
        for ((from, to), window) in windows.into_iter().zip(WINDOW_NAMES) {
            let told = self.watched[member].iter().filter(|(due, _)| *due >= from && *due < to);
            let mut ms: Vec<f64> = told.map(|(_, ms)| *ms).collect();
            ms.sort_by(f64::total_cmp);
            for (name, q) in QUANTILES {
                if let Some(value) = quantile(&ms, q) {
                    put(figures, place, format!("watch {window} {name}"), value, Unit::Ms, window == "before");
                }
            }
        }
        let target =
            (0..3).filter_map(|m| self.looks[m].iter().find(|look| look.at >= healed)).map(|look| look.applied).max();
        let caught = looks.iter().find(|look| look.at >= healed && Some(look.applied) >= target);
        let caught = caught.map_or(f64::INFINITY, |look| secs(healed, look.at));
        put(figures, place, "caught up".into(), caught, Unit::Seconds, false);
    }
}

fn secs(from: Time, to: Time) -> f64 {
    to.since(from).ns() as f64 / 1e9
}

/// Every line of the situations whose name contains `only`.
pub fn lines(cells: &[Cell], seeds: u64, only: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    for (setting, cells) in by_setting(cells, only, Cell::setting) {
        let machines = WINDOWS.map(|window| Machine::of(&cells, window));
        let (mut simulated, mut real) = (Figures::new(), Figures::new());
        for seed in 1..=seeds {
            let spec = &cells[seed as usize % cells.len()].spec;
            for (key, values) in simulate(spec, machines, seed) {
                simulated.entry(key).or_default().extend(values);
            }
        }
        for (key, values) in cells.into_iter().flat_map(measured) {
            real.entry(key).or_default().extend(values);
        }
        lines.append(&mut lines_of(&setting, real, simulated));
    }
    lines
}
