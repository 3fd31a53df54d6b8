//! How late messages are over two simulated TCP ends and two lossy links, beside what was measured on real Linux.

use super::{Line, Unit, quantile};
use brownout_core::engine::{LocalTime, Ppm, Purpose, Span, Time, keyed};
use brownout_core::net::tcp::{Config, Conn, ConnEvent, Out};
use brownout_core::net::{Fate, Link, Luck, Params, Segment};
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};

/// One measured row. See `tests/reference/README.md`.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    /// What was sent.
    pub traffic: String,
    /// `cubic` or `bbr`.
    pub congestion_control: String,
    /// Chance of loss per packet and direction.
    pub p: f64,
    /// Connections at once.
    pub connections: u32,
    /// How long each sent.
    pub seconds: u64,
    /// Whether the kernel paced the senders. Those of `tcp.json` were switched from BBR to CUBIC after they had
    /// connected, which leaves pacing on.
    #[serde(default = "yes")]
    pub paced: bool,
    /// Every figure by name.
    #[serde(flatten)]
    pub figures: BTreeMap<String, serde_json::Value>,
}

impl Row {
    fn bbr(&self) -> bool {
        self.congestion_control == "bbr"
    }
}

const fn yes() -> bool {
    true
}

/// Reads the reference of this repository.
///
/// # Panics
/// If it doesn't parse: it is part of the repository.
pub fn reference() -> Vec<Row> {
    let files = [include_str!("../../reference/tcp.json"), include_str!("../../reference/tcp_unpaced.json")];
    let rows = files.iter().flat_map(|file| serde_json::from_str::<Vec<Row>>(file).expect("the reference parses"));
    rows.collect()
}

/// What a sender does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// A message of so many bytes every so often.
    Scheduled(u32, Span),
    /// A message of so many bytes, the next one after the answer.
    Asking(u32),
}

/// The pause between an answer and the next message: at no loss the reference has 4.95 messages per second.
pub const PAUSE: Span = Span::from_ms(200);
/// Bytes of an answer: chosen, small.
const ANSWER: u32 = 16;
/// When losses begin, and messages count: a row at 50 % counts none that was sent before.
const LOSS_FROM: Time = Time::from_secs(5);
/// The path's rate: without loss 300 kB take 0.69 ms longer than one packet in the reference, 3.4 Gbit/s. It is the
/// machine's time per packet.
const RATE_MBPS: u32 = 3_400;
/// One-way delay: half of the reference's 0.1 ms round trip.
const DELAY: Span = Span::from_us(50);

impl Traffic {
    /// The traffic the reference means by a name.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn named(name: &str) -> Self {
        match name {
            "100 B every 100 ms" => Self::Scheduled(100, Span::from_ms(100)),
            "600 B 60 times a second" => Self::Scheduled(600, Span::from_ns(1_000_000_000 / 60)),
            "30 kB, next after the ack" => Self::Asking(30_000),
            "300 kB, next after the ack" => Self::Asking(300_000),
            other => panic!("the reference knows no traffic \"{other}\""),
        }
    }
}

/// Delays of one run, in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Delays {
    /// Every message; one that hadn't arrived counts with its age.
    pub all: Vec<f64>,
    /// Those that arrived.
    pub delivered: Vec<f64>,
}

/// Two ends, two links, and the messages between them.
struct Rig {
    seed: u64,
    now: Time,
    ends: [Conn; 2],
    links: [Link; 2],
    packets: [u64; 2],
    wire: BTreeMap<(Time, u64), (usize, Segment)>,
    serial: u64,
    out: Out,
    read: [u64; 2],
    /// Messages on their way from end 0: where each ends, and when it was due.
    pending: VecDeque<(u64, Time)>,
    written: u64,
    next_send: Option<Time>,
    delays: Delays,
    loss: Ppm,
    traffic: Traffic,
    segments: u64,
    /// When something was read last, and how long nothing was before each time.
    last_read: Time,
    silences: Vec<Span>,
}

fn local(now: Time) -> LocalTime {
    LocalTime::from_ns(now.ns())
}

impl Rig {
    fn new(seed: u64, traffic: Traffic, loss: Ppm, (paced, bbr): (bool, bool)) -> Self {
        let config = Config { pacing: paced && !bbr, bbr, ..Config::default() };
        let mut out = Out::default();
        let client = Conn::connect(&config, LocalTime::ZERO, &mut out);
        let syn = out.segments[0];
        out.clear();
        let server = Conn::accept(&config, LocalTime::ZERO, &syn, &mut out);
        let mut rig = Self {
            seed,
            now: Time::ZERO,
            ends: [client, server],
            links: [Link::default(), Link::default()],
            packets: [0; 2],
            wire: BTreeMap::new(),
            serial: 0,
            out,
            read: [0; 2],
            pending: VecDeque::new(),
            written: 0,
            next_send: Some(Time::from_ms(10)),
            delays: Delays::default(),
            loss,
            traffic,
            segments: 0,
            last_read: LOSS_FROM,
            silences: Vec::new(),
        };
        rig.flush(1);
        rig
    }
    fn flush(&mut self, side: usize) {
        loop {
            self.transmit(side);
            let mut out = std::mem::take(&mut self.out);
            let mut again = false;
            for event in out.events.drain(..) {
                if let ConnEvent::Readable { upto } = event {
                    let fresh = upto - self.read[side];
                    self.read[side] = upto;
                    self.ends[side].read(local(self.now), fresh as u32, &mut self.out);
                    self.on_read(side, upto);
                    again = true;
                }
            }
            if !again {
                self.out = out;
                self.out.clear();
                return;
            }
        }
    }
    fn transmit(&mut self, side: usize) {
        let lossy = self.now >= LOSS_FROM;
        let params = Params {
            delay: DELAY,
            rate_mbps: RATE_MBPS,
            queue: Span::from_secs(1),
            loss: if lossy { self.loss } else { Ppm::ZERO },
            ..Params::default()
        };
        for segment in self.out.segments.drain(..) {
            let n = self.packets[side];
            self.packets[side] += 1;
            self.segments += 1;
            let luck = Luck {
                loss: keyed(self.seed, Purpose::LinkLoss, side as u64, n),
                jitter: keyed(self.seed, Purpose::LinkJitter, side as u64, n),
                burst: keyed(self.seed, Purpose::LinkBurst, side as u64, n),
            };
            let fate = self.links[side].offer(self.now, segment.wire_bytes(), &params, &luck);
            if let Fate::Deliver { at } = fate {
                self.serial += 1;
                self.wire.insert((at, self.serial), (1 - side, segment));
            }
        }
    }
    /// In-order bytes reached a program.
    fn on_read(&mut self, side: usize, upto: u64) {
        if side == 0 {
            if upto.is_multiple_of(u64::from(ANSWER)) {
                self.next_send = Some(self.now + PAUSE);
            }
            return;
        }
        self.silences.push(self.now.since(self.last_read.min(self.now)));
        self.last_read = self.now.max(LOSS_FROM);
        while let Some(&(_, due)) = self.pending.front().filter(|(end, _)| *end <= upto) {
            self.pending.pop_front();
            let delay = self.now.since(due).ns() as f64 / 1e6;
            if due >= LOSS_FROM {
                self.delays.all.push(delay);
                self.delays.delivered.push(delay);
            }
            if matches!(self.traffic, Traffic::Asking(_)) {
                self.ends[1].write(local(self.now), ANSWER, &mut self.out);
            }
        }
    }
    fn send(&mut self) {
        let due = self.now;
        let bytes = match self.traffic {
            Traffic::Scheduled(bytes, every) => {
                self.next_send = Some(due + every);
                bytes
            }
            Traffic::Asking(bytes) => {
                self.next_send = None;
                bytes
            }
        };
        self.written += u64::from(bytes);
        self.pending.push_back((self.written, due));
        self.ends[0].write(local(due), bytes, &mut self.out);
        self.flush(0);
    }
    fn run(&mut self, until: Time) {
        loop {
            let wire = self.wire.first_key_value().map(|((at, _), _)| *at);
            let timers = [0, 1].map(|side| {
                let at = self.ends[side].next_timer()?;
                Some(Time::from_ns(at.ns()).max(self.now))
            });
            let candidates = [wire, timers[0], timers[1], self.next_send];
            let Some(at) = candidates.into_iter().flatten().min() else {
                return;
            };
            if at > until {
                return;
            }
            self.now = at;
            if wire == Some(at) {
                let Some((_, (side, segment))) = self.wire.pop_first() else {
                    return;
                };
                self.ends[side].on_segment(local(at), &segment, &mut self.out);
                self.flush(side);
            } else if self.next_send == Some(at) {
                self.send();
            } else {
                let side = usize::from(timers[0] != Some(at));
                self.ends[side].on_timer(local(at), &mut self.out);
                self.flush(side);
            }
        }
    }
}

/// Simulates one row's connections and pools their messages.
pub fn simulate(row: &Row, seed: u64) -> Delays {
    let traffic = Traffic::named(&row.traffic);
    let loss = Ppm::new((row.p * 1e6).round() as u32);
    let end = LOSS_FROM + Span::from_secs(row.seconds);
    let mut delays = Delays::default();
    for connection in 0..row.connections {
        let mut rig = Rig::new(seed * 1_000 + u64::from(connection), traffic, loss, (row.paced, row.bbr()));
        rig.run(end);
        delays.all.append(&mut rig.delays.all);
        delays.delivered.append(&mut rig.delays.delivered);
        if matches!(traffic, Traffic::Scheduled(..)) {
            let ages = rig.pending.iter().filter(|(_, due)| *due >= LOSS_FROM);
            delays.all.extend(ages.map(|(_, due)| end.since(*due).ns() as f64 / 1e6));
        }
    }
    delays.all.sort_by(f64::total_cmp);
    delays.delivered.sort_by(f64::total_cmp);
    delays
}

/// How idle connections stood still. See `tests/reference/README.md`.
#[derive(Clone, Debug, Deserialize)]
pub struct Idle {
    /// Chance of loss per packet and direction.
    pub p: f64,
    /// Bytes of a message.
    pub bytes: u32,
    /// How far apart messages were, in ms.
    pub every_ms: f64,
    /// How many connections there were.
    pub connections: u64,
    /// For how many seconds.
    pub seconds: u64,
    /// By seconds: how often one of them read nothing for so long.
    pub silences: BTreeMap<String, u64>,
}

/// The idle connections of this repository.
///
/// # Panics
/// If they don't parse: they are part of the repository.
pub fn idle_reference() -> Vec<Idle> {
    serde_json::from_str(include_str!("../../reference/tcp_idle.json")).expect("the reference parses")
}

/// How often per measured connection a simulated one read nothing for longer than so many seconds, of `times` as many.
pub fn idle(row: &Idle, times: u64) -> BTreeMap<u64, f64> {
    let traffic = Traffic::Scheduled(row.bytes, Span::from_us((row.every_ms * 1e3) as u64));
    let loss = Ppm::new((row.p * 1e6).round() as u32);
    let end = LOSS_FROM + Span::from_secs(row.seconds);
    let mut silences = Vec::new();
    for connection in 0..row.connections * times {
        let mut rig = Rig::new(70_000 + connection, traffic, loss, (false, false));
        rig.run(end);
        silences.append(&mut rig.silences);
        silences.push(end.since(rig.last_read));
    }
    let longer = |limit: u64| silences.iter().filter(|silence| silence.ns() > limit * 1_000_000_000).count();
    let limits = row.silences.keys().filter_map(|limit| limit.parse().ok());
    limits.map(|limit| (limit, longer(limit) as f64 / times as f64)).collect()
}

/// The figures a row is judged by, in the reference's names.
pub const FIGURES: [&str; 14] = [
    "delivered",
    "all_ms_p10",
    "all_ms_p50",
    "all_ms_p90",
    "all_ms_p99",
    "delivered_ms_p50",
    "delivered_ms_p90",
    "delivered_ms_p99",
    "share_gt100ms",
    "share_gt200ms",
    "share_gt1s",
    "share_gt2s",
    "share_gt5s",
    "share_gt10s",
];

/// One figure of a run.
///
/// # Panics
/// If it isn't in [`FIGURES`].
pub fn figure(delays: &Delays, name: &str) -> f64 {
    let later = |ms: f64| {
        let late = delays.all.iter().filter(|d| **d > ms).count();
        late as f64 / delays.all.len().max(1) as f64
    };
    let of = |sorted, q| quantile(sorted, q).unwrap_or(-1.0);
    match name {
        "delivered" => delays.delivered.len() as f64,
        "all_ms_p10" => of(&delays.all, 0.1),
        "all_ms_p50" => of(&delays.all, 0.5),
        "all_ms_p90" => of(&delays.all, 0.9),
        "all_ms_p99" => of(&delays.all, 0.99),
        "delivered_ms_p50" => of(&delays.delivered, 0.5),
        "delivered_ms_p90" => of(&delays.delivered, 0.9),
        "delivered_ms_p99" => of(&delays.delivered, 0.99),
        "share_gt100ms" => later(100.0),
        "share_gt200ms" => later(200.0),
        "share_gt1s" => later(1_000.0),
        "share_gt2s" => later(2_000.0),
        "share_gt5s" => later(5_000.0),
        "share_gt10s" => later(10_000.0),
        other => panic!("no figure is called {other}"),
    }
}

/// Every line. What a row has as -1 did not happen.
pub fn lines(seeds: u64) -> Vec<Line> {
    let mut lines = Vec::new();
    for row in reference() {
        let runs: Vec<Delays> = (1..=seeds).map(|seed| simulate(&row, seed)).collect();
        for name in FIGURES {
            let Some(measured) = row.figures[name].as_f64().filter(|value| *value >= 0.0) else { continue };
            let mut simulated: Vec<f64> =
                runs.iter().map(|run| figure(run, name)).filter(|value| *value >= 0.0).collect();
            simulated.sort_by(f64::total_cmp);
            if simulated.is_empty() {
                simulated.push(f64::INFINITY);
            }
            let unit = match name {
                "delivered" => Unit::Count,
                name if name.starts_with("share") => Unit::Share,
                _ => Unit::Ms,
            };
            let paced = match (row.paced, row.bbr()) {
                (_, true) => ", BBR",
                (false, _) => ", not paced",
                _ => "",
            };
            lines.push(Line {
                setting: format!("{}, {} %{paced}", row.traffic, (row.p * 100.0).round()),
                place: "the receiver".into(),
                name: name.into(),
                unit,
                // Without loss it is the sender's clock that was measured.
                input: row.p == 0.0,
                measured: vec![measured],
                simulated,
            });
        }
    }
    lines
}

/// Segments handled per second by a loss-free ping-pong of 100-byte messages, for a benchmark: simulated work done.
pub fn ping_pong(rounds: u64) -> u64 {
    let config = Config::default();
    let (mut out, mut replies) = (Out::default(), Out::default());
    let mut now = LocalTime::ZERO;
    let mut client = Conn::connect(&config, now, &mut out);
    let mut server = Conn::accept(&config, now, &out.segments[0], &mut replies);
    out.clear();
    let mut operations = 0;
    let mut read = [0u64; 2];
    for round in 0..rounds {
        now = now + Span::from_us(100);
        let mut side = round % 2;
        if round > 1 {
            let (end, out) = if side == 0 { (&mut client, &mut out) } else { (&mut server, &mut replies) };
            end.write(now, 100, out);
        }
        // Hand segments over until both are silent.
        while !out.segments.is_empty() || !replies.segments.is_empty() {
            let (from, to, end) =
                if side == 0 { (&mut out, &mut replies, &mut server) } else { (&mut replies, &mut out, &mut client) };
            let reader = 1 - side as usize;
            for segment in from.segments.drain(..) {
                operations += 1;
                end.on_segment(now, &segment, to);
            }
            from.events.clear();
            let mut upto = read[reader];
            for event in to.events.drain(..) {
                if let ConnEvent::Readable { upto: end } = event {
                    upto = end;
                }
            }
            if upto > read[reader] {
                end.read(now, (upto - read[reader]) as u32, to);
                read[reader] = upto;
            }
            side = 1 - side;
        }
        for (end, out) in [(&mut client, &mut out), (&mut server, &mut replies)] {
            if end.next_timer().is_some_and(|at| at <= now) {
                end.on_timer(now, out);
            }
        }
    }
    operations
}
