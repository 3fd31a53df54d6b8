//! Three hosts of a stacked control plane, or one API server beside one etcd, under loss: beside what real Kubernetes did.
//! See `tests/reference/README.md`.

use super::{Figures, Line, Unit, by_setting, lines_of, put, quantile};
use brownout_core::actor::role::{Directory, NoteKind, Place, Role};
use brownout_core::engine::{LocalTime, Ppm, Span, Time, Trace};
use brownout_core::fault::{Fault, FaultId};
use brownout_core::inspect;
use brownout_core::knob::{Knob, Knobs};
use brownout_core::load::{Ended, Kind};
use brownout_core::net::packet::HostId;
use brownout_core::operator::Operation;
use brownout_core::scenario::population::WEB;
use brownout_core::sim::{Code, Command, Sim};
use serde::Deserialize;
use serde_json::Value as Json;

/// What there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topology {
    /// Three hosts with all of it each.
    Stacked3,
    /// One etcd, and an API server beside it.
    Single,
}
/// Whom it was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Faulty {
    /// Whoever led etcd and had the controller manager's Lease: its packets are lost.
    Leader,
    /// One that had neither.
    Neither,
    /// Every host.
    All,
    /// The leader's etcd is killed, for ten seconds.
    Kill,
}
/// What was done.
#[derive(Clone, Debug, Deserialize)]
pub struct Spec {
    /// To whom; none: to the single link.
    pub faulty: Option<Faulty>,
    /// Chance of loss per packet and direction.
    #[serde(default)]
    pub p: f64,
    /// Whether liveness probes act.
    #[serde(default)]
    pub liveness: bool,
}

/// One measured run.
#[derive(Clone, Debug, Deserialize)]
pub struct Run {
    /// Its situation.
    pub name: String,
    /// On what.
    pub topology: Topology,
    /// What was done.
    pub spec: Spec,
    /// The host it was done to, if to one.
    pub faulty: Option<String>,
    /// Who led etcd.
    pub etcd_leader: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub figures: Json,
}

impl Run {
    /// The host that it was done to: a killed etcd is the leader's.
    fn victim(&self) -> Option<&str> {
        self.faulty.as_deref()
    }
    fn place(&self, host: &str) -> &'static str {
        match (self.topology, self.victim()) {
            (Topology::Single, _) => "the host",
            (_, None) => "each host",
            (_, Some(victim)) if victim == host => "the faulty host",
            _ => "another host",
        }
    }
}

/// The runs of this repository.
///
/// # Panics
/// If they don't parse: they are part of the repository.
pub fn reference() -> Vec<Run> {
    serde_json::from_str(include_str!("../../reference/kubernetes.json")).expect("the reference parses")
}

/// The reference's kinds of requests, and the model's.
const KINDS: [(&str, &str, Kind); 5] = [
    ("get0", "cached GET", Kind::GetCached),
    ("getq", "quorum GET", Kind::Read),
    ("list0", "cached LIST", Kind::List),
    ("patch", "PATCH", Kind::Write),
    ("post", "POST", Kind::Create),
];
/// The reference's windows in seconds since the fault, or with an h since the heal.
const WINDOWS: [(&str, i64, i64); 10] = [
    ("pre", -25, 0),
    ("0-2", 0, 2),
    ("2-5", 2, 5),
    ("5-15", 5, 15),
    ("15-30", 15, 30),
    ("30-110", 30, 110),
    ("h0-5", 120, 125),
    ("h5-15", 125, 135),
    ("h15-30", 135, 150),
    ("h30-90", 150, 210),
];
const COMPONENTS: [(&str, &str); 2] = [("kube-controller-manager", "kcm"), ("kube-scheduler", "sched")];

fn number(json: &Json, path: &[&str]) -> Option<f64> {
    path.iter().try_fold(json, |json, key| json.get(*key)).and_then(Json::as_f64)
}

fn measured(run: &Run) -> Figures {
    let mut figures = Figures::new();
    let json = &run.figures;
    let hosts = json["requests"].as_object().expect("every run has requests");
    for (host, kinds) in hosts {
        let place = run.place(host);
        for (key, name, _) in KINDS {
            for (window, ..) in WINDOWS {
                let input = window == "pre";
                let Some(cell) = kinds.get(key).and_then(|kind| kind.get(window)) else { continue };
                if let Some(ok) = number(cell, &["ok"]) {
                    put(&mut figures, place, format!("{name} {window} ok"), ok, Unit::Share, input);
                }
                for quantile in ["p50", "p95"] {
                    if let (Some(s), true) = (number(cell, &[quantile]), number(cell, &["n"]) >= Some(10.0)) {
                        put(&mut figures, place, format!("{name} {window} {quantile}"), s * 1e3, Unit::Ms, input);
                    }
                }
            }
            let first = number(json, &["first_error", host, key, "seen"]).unwrap_or(f64::INFINITY);
            put(&mut figures, place, format!("{name} first error"), first, Unit::Seconds, false);
            if let Some(gap) = number(json, &["longest_no_success", host, key, "longest_gap"]) {
                put(&mut figures, place, format!("{name} longest gap"), gap, Unit::Seconds, false);
            }
            let again = number(json, &["recovery", host, &format!("first_ok_{key}")]);
            if let Some(again) = again.filter(|_| !matches!(key, "get0" | "list0")) {
                put(&mut figures, place, format!("{name} again"), again, Unit::Seconds, false);
            }
        }
        for (key, name) in [("livez", "livez"), ("readyz", "readyz")] {
            let failing = number(json, &["health", host, key, "fail_frac_fault"]).unwrap_or(0.0);
            put(&mut figures, place, format!("{name} failing"), failing, Unit::Share, false);
            let first = number(json, &["health", host, key, "first_fail_seen"]).unwrap_or(f64::INFINITY);
            put(&mut figures, place, format!("{name} first fails"), first, Unit::Seconds, false);
        }
        for quantile in ["p50", "p95"] {
            for (window, ..) in WINDOWS.iter().filter(|(window, ..)| !matches!(*window, "0-2" | "2-5")) {
                let cell = json["watch"].get(host).and_then(|watch| watch.get(*window));
                let n = cell.and_then(|cell| number(cell, &["n"])).unwrap_or(0.0);
                if let (Some(s), true) = (cell.and_then(|cell| number(cell, &[quantile])), n >= 20.0) {
                    put(&mut figures, place, format!("watch {window} {quantile}"), s * 1e3, Unit::Ms, *window == "pre");
                }
            }
        }
    }
    for (component, short) in COMPONENTS {
        let lease = &json["leases"][component];
        let changes = lease["holder_changes"].as_array().map_or(&[][..], |changes| changes);
        put(&mut figures, "cluster", format!("{short} holder changes"), changes.len() as f64, Unit::Count, false);
        let first = changes.first().and_then(|change| number(change, &["t"])).unwrap_or(f64::INFINITY);
        put(&mut figures, "cluster", format!("{short} first change"), first, Unit::Seconds, false);
        if let Some(expired) = number(lease, &["expired_s"]) {
            put(&mut figures, "cluster", format!("{short} lease expired"), expired, Unit::Seconds, false);
        }
        if let Some(gap) = lease["max_renew_gap"].get(0).and_then(Json::as_f64) {
            put(&mut figures, "cluster", format!("{short} longest renew gap"), gap, Unit::Seconds, false);
        }
        let exits = json["process_events"].as_array().map_or(&[][..], |events| events);
        let own: Vec<f64> = exits
            .iter()
            .filter(|event| event[1].as_str().is_some_and(|who| who.starts_with(short)) && event[2] == "exit")
            .filter_map(|event| event[0].as_f64())
            .collect();
        put(&mut figures, "cluster", format!("{short} exits"), own.len() as f64, Unit::Count, false);
        let first = own.first().copied().unwrap_or(f64::INFINITY);
        put(&mut figures, "cluster", format!("{short} first exit"), first, Unit::Seconds, false);
        if let Some(first) = number(json, &["recovery", "cluster", &format!("{component}_first_renew")]) {
            put(&mut figures, "cluster", format!("{short} renews again"), first, Unit::Seconds, false);
        }
    }
    let elections = json["etcd_elections"].as_array().map_or(&[][..], |elections| elections);
    let at: Vec<f64> = elections.iter().filter_map(|election| election[0].as_f64()).collect();
    let won = at.iter().filter(|at| (0.0..=120.0).contains(*at)).count();
    put(&mut figures, "cluster", "elections won".into(), won as f64, Unit::Count, false);
    let first = at.first().copied().unwrap_or(f64::INFINITY);
    put(&mut figures, "cluster", "first election".into(), first, Unit::Seconds, false);
    for op in json["scale"]["dep"].as_array().map_or(&[][..], |ops| ops) {
        let (Some(t), Some(created)) = (number(op, &["t"]), number(op, &["created"])) else { continue };
        if let Some((name, ..)) = SCALES.iter().find(|(_, from, to)| (*from..*to).contains(&t)) {
            put(&mut figures, "cluster", format!("pod created, asked {name}"), created.max(0.0), Unit::Seconds, false);
        }
    }
    figures
}

/// When somebody scaled the Deployment, in seconds since the fault.
const SCALES: [(&str, f64, f64); 5] = [
    ("at 0 s", 0.0, 5.0),
    ("at 10 s", 9.5, 15.0),
    ("at 20 s", 19.5, 25.0),
    ("at 30 to 110 s", 29.0, 111.0),
    ("after", 125.0, 210.0),
];

/// Before the fault: the rig's own.
const CALM: Span = Span::from_secs(25);
/// What a cluster has to settle. Chosen.
const SETTLE: Span = Span::from_secs(40);
/// Whether a run's leader and holders sit where they sat in the rig is tried with so many seeds.
const TRIES: u64 = 40;

struct Seen {
    at: f64,
    host: usize,
    kind: u8,
    ok: bool,
    sent: f64,
    ms: f64,
}

/// One run.
#[derive(Default)]
struct Record {
    seen: u64,
    requests: Vec<Seen>,
    watched: Vec<(usize, f64, f64)>,
    told: Vec<LocalTime>,
    health: Vec<(usize, f64, bool)>,
    /// When API servers found their etcd unwell.
    unhealthy: Vec<(usize, f64)>,
    elections: Vec<f64>,
    exits: Vec<(u8, f64)>,
    /// Component, when, holder, whether the Lease had run out, when it was renewed.
    leases: Vec<(u8, f64, Option<u16>, bool, f64)>,
    pods: Vec<(f64, usize)>,
}

struct Rig {
    sim: Sim,
    trace: Trace,
    zero: Time,
    record: Record,
}

impl Rig {
    fn now(&self) -> f64 {
        self.sim.now().ns() as f64 / 1e9 - self.zero.ns() as f64 / 1e9
    }
    fn settle(&mut self, span: Span) {
        let end = self.sim.now() + span;
        while self.sim.step(end, &mut self.trace) {}
        self.record.seen = self.trace.rows().end();
    }
    fn go(&mut self, span: Span) {
        let end = self.sim.now() + span;
        while self.sim.now() < end {
            let stop = (self.sim.now() + Span::from_ms(100)).min(end);
            while self.sim.step(stop, &mut self.trace) {}
            self.look();
        }
    }
    fn look(&mut self) {
        let at = self.now();
        let directory = self.sim.directory();
        let (rows, zero) = (self.trace.rows(), self.zero.ns() as f64 / 1e9);
        assert!(rows.oldest() <= self.record.seen, "the trace forgot rows before they were heard");
        for row in rows.since(self.record.seen) {
            let when = row.at.ns() as f64 / 1e9 - zero;
            match Code::note(row.code) {
                Some(NoteKind::UserRequest) => {
                    let (kind, host, status) = ((row.a & 0xff) as u8, (row.a >> 8 & 0xff) as usize, row.a >> 16);
                    // What an earlier request without an answer had made, or nobody wrote yet, is no failure.
                    let fine = matches!(status, 200 | 201) || matches!((kind, status), (0 | 2, 404) | (5, 409));
                    let ms = row.b as f64 / 1e3;
                    self.record.requests.push(Seen { at: when, host, kind, ok: fine, sent: when - ms / 1e3, ms });
                }
                Some(NoteKind::Unhealthy) => {
                    if let Place::Api(n) = directory.place(brownout_core::actor::ProgramId(row.process)) {
                        self.record.unhealthy.push((n.into(), when));
                    }
                }
                Some(NoteKind::Leads) => self.record.elections.push(when),
                Some(NoteKind::Exited) => {
                    if let Place::Control(_, component) = directory.place(brownout_core::actor::ProgramId(row.process))
                    {
                        self.record.exits.push((component, when));
                    }
                }
                _ => {}
            }
        }
        self.record.seen = rows.end();
        for component in 0..2 {
            let holder = inspect::holder(&self.sim, component).map(|id| id.0);
            let expired = inspect::lease_left(&self.sim, component).is_zero();
            let renewed = at - inspect::renewed_ago(&self.sim, component).ns() as f64 / 1e9;
            self.record.leases.push((component, at, holder, expired, renewed));
        }
        if let Some(etcd) = inspect::most_advanced(&self.sim) {
            self.record.pods.push((at, inspect::pods_of(etcd.store(), WEB).count()));
        }
        let Role::Load(load) = &self.sim.programs()[directory.load().ix()].role else { unreachable!() };
        self.record.told.resize(directory.api_servers.into(), LocalTime::ZERO);
        for api in 0..directory.api_servers {
            let told = &mut self.record.told[usize::from(api)];
            // The rig's watchers began anew where their watch was lost, and listed nothing.
            let listed = load.sight(api).listed;
            let fresh = |ended: &&Ended| ended.at > *told && ended.ok && ended.at != listed;
            for ended in load.stream(api, Kind::Watch).recent.iter().filter(fresh) {
                self.record.watched.push((api.into(), at, f64::from(ended.latency_us) / 1e3));
            }
            *told = load.stream(api, Kind::Watch).recent.back().map_or(*told, |last| last.at.max(*told));
        }
        // A health check a second, as the rig's.
        if (at * 10.0).round() as i64 % 10 == 5 {
            for api in 0..directory.api_servers {
                let program = &self.sim.programs()[directory.api(api).ix()];
                let Role::Api(server) = &program.role else { unreachable!() };
                let well = server.healthy() && program.state == brownout_core::sim::State::Running;
                self.record.health.push((api.into(), at, well));
            }
        }
    }
}

/// How long a wake-up takes, from the calm's cached GETs: two of them, whose sum's median is 1.84 times the mean of one.
fn wait_us(runs: &[&Run]) -> u32 {
    let hosts = runs.iter().filter_map(|run| run.figures["requests"].as_object()).flatten();
    let mut ms: Vec<f64> =
        hosts.filter_map(|(_, kinds)| number(kinds, &["get0", "pre", "p50"])).map(|s| s * 1e3).collect();
    ms.sort_by(f64::total_cmp);
    ((ms[ms.len() / 2] - 0.04) / 1.84 * 1e3) as u32
}

/// One simulated run, if its leader and holders sit where the rig's did.
fn simulate(run: &Run, wait_us: u32, seed: u64) -> Option<(Record, Option<usize>)> {
    let single = run.topology == Topology::Single;
    let directory = if single {
        Directory { members: 1, api_servers: 1, external: true, nodes: 3 }
    } else {
        Directory::stacked(3, 3)
    };
    let dials = [
        (Knob::LinkDelay, 50),
        (Knob::LinkJitter, 10),
        (Knob::LinkRate, 3_400),
        // About the mean of the etcd cells, half of whose syncs take 1.7 ms: these runs have no histogram.
        (Knob::Fsync, 3_000),
        (Knob::CpuWait, wait_us),
        (Knob::ReadRate, 2_000),
        (Knob::CachedRate, 2_000),
        (Knob::ListRate, 2_000),
        (Knob::WriteRate, 2_000),
        (Knob::CycleRate, 2_000),
        (Knob::ServiceRate, 0),
        (Knob::RestartSec, 10_000),
        (Knob::CachePatience, 0),
        (Knob::ResilientCache, 0),
        (Knob::EtcdRetries, 0),
        // 120 requests of users were under way at once, twice the seats of global-default.
        (Knob::UsersExempt, 1),
        (Knob::LivenessProbes, run.spec.liveness.into()),
    ];
    let knobs = Knobs::default().with_all(&dials).expect("the rig's dials are allowed");
    let mut rig = Rig {
        sim: Sim::new(seed, directory, knobs),
        trace: Trace::new(1 << 17),
        zero: Time::ZERO + SETTLE + CALM,
        record: Record::default(),
    };
    rig.settle(SETTLE);
    let host_of = |sim: &Sim, component| inspect::holder(sim, component).map(|id| sim.directory().host(id).0 as usize);
    let (manager, scheduler) = (host_of(&rig.sim, 0)?, host_of(&rig.sim, 1)?);
    let led = usize::from(inspect::leader(&rig.sim)?);
    let what = run.spec.faulty;
    // Who held what decides what a fault does: the same as in the rig, or another seed.
    let victim = match what {
        Some(Faulty::Leader | Faulty::Kill) => (manager == led && scheduler != led).then_some(Some(led))?,
        Some(Faulty::Neither) => Some((0..3).find(|host| ![manager, scheduler, led].contains(host))?),
        Some(Faulty::All) | None => None,
    };
    let replicas =
        inspect::most_advanced(&rig.sim).map_or(0, |etcd| inspect::pods_of(etcd.store(), WEB).count()) as u32;
    rig.go(Span::from_secs(25));
    let loss = Ppm::new((run.spec.p * 1e6).round() as u32);
    let mut killed: Option<FaultId> = None;
    for host in 0..directory.control_hosts() {
        let host = HostId(host);
        let is_victim = victim == Some(host.0 as usize);
        let fault = match what {
            Some(Faulty::Kill) if is_victim => Fault::KillEtcd { host },
            Some(Faulty::Leader | Faulty::Neither) if is_victim => Fault::Lossy { host, loss },
            // Every packet between two hosts is at risk once: one end of the single link is enough.
            Some(Faulty::All) => Fault::Lossy { host, loss: once(loss) },
            None if host.0 == 0 => Fault::Lossy { host, loss },
            _ => continue,
        };
        killed = rig.sim.command(&Command::Inject(fault), &mut rig.trace).expect("the fault is allowed");
    }
    for turn in 0..21 {
        let scale = Operation::Scale { workload: WEB, replicas: replicas + turn + 1 };
        rig.go(Span::from_ms(400));
        rig.sim.command(&Command::Operate(scale), &mut rig.trace).expect("the operation is allowed");
        rig.go(Span::from_ms(9_600));
        if turn == 0 && what == Some(Faulty::Kill) {
            rig.sim.command(&Command::Heal(killed?), &mut rig.trace).expect("it is in force");
        }
        if turn == 11 {
            rig.sim.command(&Command::HealAll, &mut rig.trace).expect("healing is allowed");
        }
    }
    Some((rig.record, victim))
}

/// A loss that, met twice, is this loss once: of two faulty hosts each takes its share.
fn once(loss: Ppm) -> Ppm {
    let p = f64::from(loss.get()) / 1e6;
    Ppm::new(((1.0 - (1.0 - p).sqrt()) * 1e6).round() as u32)
}

/// The end of the fault, in seconds.
const HEAL: f64 = 120.0;

fn simulated(run: &Run, record: &Record, victim: Option<usize>) -> Figures {
    let mut figures = Figures::new();
    let hosts = if run.topology == Topology::Single { 1 } else { 3 };
    for host in 0..hosts {
        let place = match (hosts, victim) {
            (1, _) => "the host",
            (_, None) => "each host",
            (_, Some(victim)) if victim == host => "the faulty host",
            _ => "another host",
        };
        for (_, name, kind) in KINDS {
            let own = || record.requests.iter().filter(move |r| r.host == host && r.kind == kind as u8);
            for (window, from, to) in WINDOWS {
                let inside = own().filter(|r| r.sent >= from as f64 && r.sent < to as f64);
                let all: Vec<&Seen> = inside.collect();
                if all.is_empty() {
                    continue;
                }
                let input = window == "pre";
                let mut ms: Vec<f64> = all.iter().filter(|r| r.ok).map(|r| r.ms).collect();
                ms.sort_by(f64::total_cmp);
                let ok = ms.len() as f64 / all.len() as f64;
                put(&mut figures, place, format!("{name} {window} ok"), ok, Unit::Share, input);
                for (quantile_name, q) in [("p50", 0.5), ("p95", 0.95)] {
                    if let Some(value) = quantile(&ms, q) {
                        put(&mut figures, place, format!("{name} {window} {quantile_name}"), value, Unit::Ms, input);
                    }
                }
            }
            let during = |r: &&Seen| r.sent >= 0.0 && r.sent < HEAL + 90.0;
            let first = own().filter(during).filter(|r| !r.ok).map(|r| r.at).fold(f64::INFINITY, f64::min);
            put(&mut figures, place, format!("{name} first error"), first, Unit::Seconds, false);
            let mut good: Vec<f64> = own().filter(|r| r.ok && r.at >= 0.0).map(|r| r.at).collect();
            good.sort_by(f64::total_cmp);
            let last = good.first().map_or(HEAL, |first| *first);
            let gap = good.windows(2).map(|pair| pair[1] - pair[0]).fold(last, f64::max);
            put(&mut figures, place, format!("{name} longest gap"), gap, Unit::Seconds, false);
            let again = own().filter(|r| r.ok && r.at >= HEAL).map(|r| r.at - HEAL).fold(f64::INFINITY, f64::min);
            put(&mut figures, place, format!("{name} again"), again, Unit::Seconds, false);
        }
        let checks: Vec<&(usize, f64, bool)> =
            record.health.iter().filter(|(api, at, _)| *api == host && (0.0..HEAL).contains(at)).collect();
        let failing = checks.iter().filter(|(.., well)| !well).count() as f64 / checks.len() as f64;
        let unwell = record.unhealthy.iter().filter(|(api, at)| *api == host && *at >= 0.0).map(|(_, at)| *at);
        let first = unwell.fold(f64::INFINITY, f64::min);
        for name in ["livez", "readyz"] {
            put(&mut figures, place, format!("{name} failing"), failing, Unit::Share, false);
            put(&mut figures, place, format!("{name} first fails"), first, Unit::Seconds, false);
        }
        for (window, from, to) in WINDOWS {
            let told =
                record.watched.iter().filter(|(api, at, _)| *api == host && *at >= from as f64 && *at < to as f64);
            let mut ms: Vec<f64> = told.map(|(.., ms)| *ms).collect();
            ms.sort_by(f64::total_cmp);
            for (name, q) in [("p50", 0.5), ("p95", 0.95)] {
                if let Some(value) = quantile(&ms, q) {
                    put(&mut figures, place, format!("watch {window} {name}"), value, Unit::Ms, window == "pre");
                }
            }
        }
    }
    for (component, (_, short)) in COMPONENTS.into_iter().enumerate() {
        let looks: Vec<_> = record.leases.iter().filter(|l| usize::from(l.0) == component && l.1 >= 0.0).collect();
        let holders: Vec<(f64, u16)> = looks.iter().filter_map(|l| Some((l.1, l.2?))).collect();
        let changes: Vec<f64> = holders.windows(2).filter(|p| p[0].1 != p[1].1).map(|p| p[1].0).collect();
        put(&mut figures, "cluster", format!("{short} holder changes"), changes.len() as f64, Unit::Count, false);
        let first = changes.first().copied().unwrap_or(f64::INFINITY);
        put(&mut figures, "cluster", format!("{short} first change"), first, Unit::Seconds, false);
        let expired = looks.iter().filter(|l| l.3).count() as f64 / 10.0;
        put(&mut figures, "cluster", format!("{short} lease expired"), expired, Unit::Seconds, false);
        let mut renewals: Vec<f64> = looks.iter().map(|l| l.4).collect();
        renewals.dedup_by(|a, b| (*a - *b).abs() < 0.05);
        let gap = renewals.windows(2).map(|p| p[1] - p[0]).fold(0.0, f64::max);
        put(&mut figures, "cluster", format!("{short} longest renew gap"), gap, Unit::Seconds, false);
        let exits: Vec<f64> = record
            .exits
            .iter()
            .filter(|(c, at)| usize::from(*c) == component && *at >= 0.0)
            .map(|(_, at)| *at)
            .collect();
        put(&mut figures, "cluster", format!("{short} exits"), exits.len() as f64, Unit::Count, false);
        let first = exits.first().copied().unwrap_or(f64::INFINITY);
        put(&mut figures, "cluster", format!("{short} first exit"), first, Unit::Seconds, false);
        let again = renewals.iter().find(|at| **at >= HEAL).map_or(f64::INFINITY, |at| at - HEAL);
        put(&mut figures, "cluster", format!("{short} renews again"), again, Unit::Seconds, false);
    }
    let won: Vec<f64> = record.elections.iter().copied().filter(|at| *at >= 0.0).collect();
    let during = won.iter().filter(|at| **at <= HEAL).count() as f64;
    put(&mut figures, "cluster", "elections won".into(), during, Unit::Count, false);
    let first = won.first().copied().unwrap_or(f64::INFINITY);
    put(&mut figures, "cluster", "first election".into(), first, Unit::Seconds, false);
    let before = record.pods.iter().rev().find(|(at, _)| *at < 0.0).map_or(0, |(_, n)| *n);
    for turn in 0..21usize {
        let asked = turn as f64 * 10.0 + 0.4;
        let made = record.pods.iter().find(|(at, n)| *at >= asked && *n > before + turn);
        let created = made.map_or(f64::INFINITY, |(at, _)| at - asked);
        if let Some((name, ..)) = SCALES.iter().find(|(_, from, to)| (*from..*to).contains(&asked)) {
            put(&mut figures, "cluster", format!("pod created, asked {name}"), created, Unit::Seconds, false);
        }
    }
    figures
}

/// Every line of the situations whose name contains `only`.
pub fn lines(runs: &[Run], seeds: u64, only: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    for (setting, runs) in by_setting(runs, only, |run| &run.name) {
        let wait = wait_us(&runs);
        let (mut values, mut real) = (Figures::new(), Figures::new());
        let fitting = (1..=TRIES.max(seeds)).filter_map(|seed| simulate(runs[0], wait, seed));
        for (record, victim) in fitting.take(seeds as usize) {
            for (key, found) in simulated(runs[0], &record, victim) {
                values.entry(key).or_default().extend(found);
            }
        }
        for (key, found) in runs.into_iter().flat_map(measured) {
            real.entry(key).or_default().extend(found);
        }
        lines.append(&mut lines_of(&setting, real, values));
    }
    lines
}
