//! Plays two runs in lockstep, compares them, and hears every row of both.

use crate::play::{Heard, UserRequest};
use brownout_core::actor::ProgramId;
use brownout_core::actor::role::NoteKind;
use brownout_core::compare::Comparison;
use brownout_core::compare::presets::{OPENS, Preset};
use brownout_core::engine::{Flight, Span, Time};
use brownout_core::fault::Fault;
use brownout_core::sim::{Code, Command};
use brownout_core::timeline::Timeline;

/// What one run left behind.
#[derive(Default)]
pub struct Record {
    rows: u64,
    flown: u64,
    /// Every note so far.
    pub notes: Vec<Heard>,
    /// Every packet so far.
    pub flights: Vec<Flight>,
}

impl Record {
    fn hear(&mut self, run: &Timeline) {
        let (rows, flights) = (run.trace().rows(), run.trace().flights());
        assert!(rows.oldest() <= self.rows, "the trace forgot rows before the test heard them");
        for row in rows.since(self.rows) {
            if let Some(kind) = Code::note(row.code) {
                let program = ProgramId(row.process);
                self.notes.push(Heard { at: row.at, program, kind, a: row.a, b: row.b });
            }
        }
        self.rows = rows.end();
        assert!(flights.oldest() <= self.flown, "packets were forgotten before the test heard of them");
        self.flights.extend(flights.since(self.flown));
        self.flown = flights.end();
    }
    /// The notes of a kind since a moment.
    pub fn since(&self, from: Time, kind: NoteKind) -> impl Iterator<Item = &Heard> {
        self.notes.iter().filter(move |note| note.at >= from && note.kind == kind)
    }
    /// Users' requests that ended in a window.
    pub fn requests(&self, from: Time, to: Time) -> Vec<UserRequest> {
        let ended = self.since(from, NoteKind::UserRequest).filter(|note| note.at < to);
        ended.map(UserRequest::of).collect()
    }
    /// The share of users' requests of a kind that succeeded in a window; of all, or of those to one API server.
    pub fn success(&self, kind: u8, api: Option<u8>, from: Time, to: Time) -> f64 {
        let all = self.requests(from, to);
        let all: Vec<_> = all.iter().filter(|r| r.kind == kind && api.is_none_or(|api| r.api == api)).collect();
        assert!(!all.is_empty(), "no request of kind {kind} ended");
        all.iter().filter(|r| r.ok()).count() as f64 / all.len() as f64
    }
}

/// Two runs.
pub struct Pair {
    /// A and B.
    pub runs: [Timeline; 2],
    /// What each left behind since the pair was made.
    pub records: [Record; 2],
    /// Where they part.
    pub comparison: Comparison,
}

impl Pair {
    /// These two, from where they are. What happened before is compared but not heard, unless they are at the beginning.
    pub fn new(a: Timeline, b: Timeline) -> Self {
        let comparison = Comparison::new(&a, &b);
        let record = |run: &Timeline| {
            let marks = run.sim().marks();
            Record { rows: marks.rows, flown: marks.flights, ..Record::default() }
        };
        let records = [record(&a), record(&b)];
        Self { runs: [a, b], records, comparison }
    }
    /// A preset as it opens.
    pub fn open(preset: &str, seed: u64) -> Self {
        let preset = Preset::named(preset).expect("the test names a preset");
        let [a, b] = &preset.sides;
        if (a.directory, a.knobs) != (b.directory, b.knobs) {
            let [a, b] = preset.open(seed).expect("a preset can be opened");
            return Self::new(a, b);
        }
        // They are one run until the script: played once.
        let mut run = a.begin(seed).expect("a preset can be begun");
        run.seek(OPENS, u32::MAX);
        let mut other = run.fork();
        a.prepare(&mut run).expect("a preset can be prepared");
        b.prepare(&mut other).expect("a preset can be prepared");
        Self::new(run, other)
    }
    /// Plays both on until the test has what it waits for, to `to` at most.
    pub fn until(&mut self, to: Time, done: impl Fn(&[Record; 2]) -> bool) -> &mut Self {
        while self.runs[0].sim().now() < to && !done(&self.records) {
            let next = self.runs[0].sim().now() + Span::from_secs(1);
            self.to(next.min(to));
        }
        self
    }
    /// Plays both on, in slices as a page would.
    pub fn to(&mut self, to: Time) -> &mut Self {
        while self.runs[0].sim().now() < to {
            let stop = (self.runs[0].sim().now() + Span::from_ms(50)).min(to);
            for side in [0, 1] {
                loop {
                    let arrived = self.runs[side].seek(stop, 100);
                    self.records[side].hear(&self.runs[side]);
                    // Also where one is ahead of the other.
                    self.look();
                    if arrived {
                        break;
                    }
                }
            }
        }
        self
    }
    /// Compares what is new.
    pub fn look(&mut self) {
        self.comparison.advance(&self.runs[0], &self.runs[1]);
    }
    /// Gives a command to one of them.
    pub fn command(&mut self, side: usize, command: Command) {
        self.look();
        self.runs[side].command(command).expect("the test's command is allowed");
        self.records[side].hear(&self.runs[side]);
        self.look();
    }
    /// Injects a fault into one of them.
    pub fn inject(&mut self, side: usize, fault: Fault) {
        self.command(side, Command::Inject(fault));
    }
}
