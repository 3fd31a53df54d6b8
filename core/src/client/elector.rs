//! client-go's leader election: who holds a Lease object, as one candidate sees it.
//!
//! A candidate trusts its own clock only: a Lease has run out when its record did not change for the duration that the
//! record names, counted from when the candidate last saw it change. Timestamps in the record are for the reader.
//! Source: client-go tools/leaderelection/leaderelection.go, of 1.30 and later (with the fast path), and
//! resourcelock/leaselock.go.

use crate::actor::ProgramId;
use crate::api::rpc::{Status, Verb};
use crate::engine::{LocalTime, Rng, Span};
use crate::etcd::rpc::{Key, KeyValue, Revision, Value};
use crate::knob::{Knob, Knobs};
use alloc::vec::Vec;

/// The Lease object kube-system/kube-controller-manager. Code: a key.
pub const KCM_KEY: Key = Key::election(0);
/// The Lease object kube-system/kube-scheduler. Code: a key.
pub const SCHEDULER_KEY: Key = Key::election(1);
/// A candidate waits RetryPeriod and up to so many times more. Unit: ratio. Sourced: client-go
/// tools/leaderelection/leaderelection.go#JitterFactor.
const JITTER_FACTOR: (u64, u64) = (12, 10);
/// How long one call may take, of RenewDeadline. Unit: ratio. Sourced: client-go
/// tools/leaderelection/resourcelock/interface.go#NewFromKubeconfig.
const CALL_SHARE: (u64, u64) = (1, 2);
/// No limit of a call is shorter. Sourced: client-go
/// tools/leaderelection/resourcelock/interface.go#NewFromKubeconfig.
const CALL_TIMEOUT_MIN: Span = Span::from_secs(1);
/// With a deliberate bug: how long a Lease lasts, of RenewDeadline. Unit: ratio. Chosen: plainly too short.
const SHORT_LEASE: (u64, u64) = (1, 2);
/// And at least. Chosen: a Lease says whole seconds; none at all would be another bug.
const SHORT_LEASE_MIN: Span = Span::from_secs(1);
/// What a Lease object weighs. Chosen: its protobuf with a managedFields entry is a little under half a kilobyte.
const LEASE_BYTES: u32 = 480;

/// The Lease object of a component: 0 is kube-controller-manager, 1 is kube-scheduler.
pub const fn lease_key(component: u8) -> Key {
    if component == 0 { KCM_KEY } else { SCHEDULER_KEY }
}

/// Who a candidate is: a new process has a new name. kubernetes cmd/kube-controller-manager/app/
/// controllermanager.go#Run adds a random UUID to the host's name; here the process is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The program.
    pub program: ProgramId,
    /// How many processes of it there were before, in its low 16 bits.
    pub process: u16,
}

/// What a Lease object says: client-go tools/leaderelection/resourcelock/interface.go#LeaderElectionRecord.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Record {
    /// Who holds it.
    pub holder: Option<Identity>,
    /// How often it changed hands. Stops at 65,535.
    pub transitions: u16,
    /// leaseDurationSeconds: how long observers wait, whole seconds.
    pub duration_s: u16,
    /// When its holder last renewed it, by the holder's clock.
    pub renew_time: LocalTime,
    /// When its holder acquired it, by the holder's clock.
    pub acquire_time: LocalTime,
}

impl Record {
    /// The record as a value of the store. Body: one more than the holder's program (16 bits, 0: nobody), its process
    /// (16), transitions (16), duration in seconds (16), most significant first; renew time; acquire time.
    pub fn encode(&self) -> Value {
        let (program, process) = self.holder.map_or((0, 0), |holder| (holder.program.0 + 1, holder.process));
        let word = |n: u16, shift: u32| u64::from(n) << shift;
        let packed = word(program, 48) | word(process, 32) | word(self.transitions, 16) | word(self.duration_s, 0);
        Value::words(LEASE_BYTES, [packed, self.renew_time.ns(), self.acquire_time.ns()])
    }
    /// The record that a value of the store carries.
    pub fn decode(value: &Value) -> Self {
        let body = value.object.words();
        let word = |shift: u32| (body[0] >> shift) as u16;
        let holder = word(48).checked_sub(1).map(|program| Identity { program: ProgramId(program), process: word(32) });
        Self {
            holder,
            transitions: word(16),
            duration_s: word(0),
            renew_time: LocalTime::from_ns(body[1]),
            acquire_time: LocalTime::from_ns(body[2]),
        }
    }
    /// How long observers wait.
    pub const fn duration(&self) -> Span {
        Span::from_secs(self.duration_s as u64)
    }
}

/// The flags of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    /// --leader-elect-lease-duration.
    pub lease_duration: Span,
    /// --leader-elect-renew-deadline.
    pub renew_deadline: Span,
    /// --leader-elect-retry-period.
    pub retry_period: Span,
}

impl Timing {
    /// The flags as the dials have them.
    pub fn of(knobs: &Knobs) -> Self {
        let renew_deadline = knobs.ms(Knob::RenewDeadline);
        let short = knobs.on(Knob::BugShortLease);
        Self {
            lease_duration: if short {
                renew_deadline.scale(SHORT_LEASE.0, SHORT_LEASE.1).max(SHORT_LEASE_MIN)
            } else {
                knobs.ms(Knob::LeaseDuration)
            },
            renew_deadline,
            retry_period: knobs.ms(Knob::RetryPeriod),
        }
    }
    /// client-go tools/leaderelection/resourcelock/interface.go#NewFromKubeconfig: how long one call may take.
    pub fn call_timeout(&self) -> Span {
        self.renew_deadline.scale(CALL_SHARE.0, CALL_SHARE.1).max(CALL_TIMEOUT_MIN)
    }
}

/// What an elector wants done, or tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Ask the API server; the answer goes to [`Elector::on_reply`].
    Call {
        /// Get, Create or Update.
        verb: Verb,
        /// The version an Update expects.
        resource_version: Revision,
        /// What to write.
        value: Value,
        /// How long it may take.
        timeout: Span,
    },
    /// It leads from now on.
    Acquired {
        /// The Lease's transitions.
        transitions: u16,
    },
    /// It sees another holder than before.
    Observed {
        /// Whom.
        holder: Identity,
        /// The Lease's version.
        resource_version: Revision,
    },
    /// It renewed, this long after the last success.
    Renewed(Span),
    /// A try failed; a candidate's wait for another's Lease is none.
    TryFailed {
        /// What the last call came to.
        status: Status,
        /// Whether it is a holder's first after a good one.
        first_of_holder: bool,
    },
    /// The renew deadline passed, this long after the last success: the process must exit.
    Lost(Span),
}

/// The part of a try that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// A holder's optimistic Update of the version it remembers.
    Fast(Record),
    Get,
    Create(Record),
    Update(Record),
}

/// A holder's renewal round: tries on a ticker until one succeeds or the deadline passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Round {
    deadline: LocalTime,
    /// The ticker's next tick; one in the past is kept, any before it are lost.
    tick: LocalTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// Not started, or given up.
    Off,
    /// Between two tries of a candidate, two rounds or two tries of a round.
    Resting(LocalTime),
    /// A call is under way, in a try that began then.
    Calling(Stage, LocalTime),
}

/// One candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Elector {
    me: Identity,
    phase: Phase,
    /// Some: it leads and is in a renewal round.
    round: Option<Round>,
    leads: bool,
    record: Record,
    /// The record as it was last read; writes do not touch it.
    read: Option<Record>,
    observed_at: LocalTime,
    resource_version: Revision,
    reported: Option<Identity>,
    last_success: LocalTime,
    failing: bool,
}

type Out = Vec<Action>;

impl Elector {
    /// A candidate that knows nothing.
    pub fn new(me: Identity) -> Self {
        Self {
            me,
            phase: Phase::Off,
            round: None,
            leads: false,
            record: Record::default(),
            read: None,
            observed_at: LocalTime::ZERO,
            resource_version: 0,
            reported: None,
            last_success: LocalTime::ZERO,
            failing: false,
        }
    }
    /// Whether its process works as the leader: from winning the Lease until the renew deadline, whatever the store says.
    pub const fn believes(&self) -> bool {
        self.leads
    }
    /// Who it is.
    pub const fn me(&self) -> Identity {
        self.me
    }
    /// The record it saw or wrote last.
    pub const fn record(&self) -> &Record {
        &self.record
    }
    /// Whom it takes for the holder.
    pub const fn observed_holder(&self) -> Option<Identity> {
        self.record.holder
    }
    /// When it last saw the record change.
    pub const fn observed_at(&self) -> LocalTime {
        self.observed_at
    }
    /// When the Lease runs out by its clock, if it saw one.
    pub fn lease_expiry(&self) -> Option<LocalTime> {
        self.record.holder.map(|_| self.observed_at + self.record.duration())
    }
    /// The Lease's version as it knows it.
    pub const fn resource_version(&self) -> Revision {
        self.resource_version
    }
    /// When it last wrote the record, if it ever did.
    pub fn last_success(&self) -> Option<LocalTime> {
        self.leads.then_some(self.last_success)
    }
    /// When a holder gives up: of the round under way, or of the next one.
    pub fn renew_deadline(&self, timing: &Timing) -> Option<LocalTime> {
        let next = self.last_success + timing.retry_period + timing.renew_deadline;
        self.leads.then(|| self.round.map_or(next, |round| round.deadline))
    }
    /// When it tries next, if it is not trying now.
    pub const fn next_try(&self) -> Option<LocalTime> {
        if let Phase::Resting(until) = self.phase { Some(until) } else { None }
    }
    /// Whether a call is under way.
    pub const fn calling(&self) -> bool {
        matches!(self.phase, Phase::Calling(..))
    }
    /// When it wants [`Elector::on_timer`].
    pub fn next_timer(&self) -> Option<LocalTime> {
        super::earlier(self.next_try(), self.round.map(|round| round.deadline))
    }
    /// The process starts: the first try is at once.
    pub fn start(&mut self, now: LocalTime, timing: &Timing, out: &mut Out) {
        self.attempt(now, timing, out);
    }
    /// A timer went off, perhaps too early.
    pub fn on_timer(&mut self, now: LocalTime, timing: &Timing, out: &mut Out) {
        if self.round.is_some_and(|round| round.deadline <= now) {
            self.phase = Phase::Off;
            self.round = None;
            self.leads = false;
            out.push(Action::Lost(now.since(self.last_success)));
        } else if self.next_try().is_some_and(|at| at <= now) {
            self.attempt(now, timing, out);
        }
    }
    /// The answer to the call under way.
    pub fn on_reply(
        &mut self,
        now: LocalTime,
        timing: &Timing,
        rng: &mut Rng,
        status: Status,
        kv: Option<&KeyValue>,
        out: &mut Out,
    ) {
        let Phase::Calling(stage, started) = self.phase else { return };
        match (stage, kv) {
            (Stage::Fast(record) | Stage::Update(record) | Stage::Create(record), Some(kv)) if status.is_ok() => {
                self.succeed(now, timing, record, kv.mod_revision, out);
            }
            // The fast path falls back to the slow one within the same try.
            (Stage::Fast(_), _) => self.call(Stage::Get, started, timing, out),
            (Stage::Get, Some(kv)) if status.is_ok() => self.on_record(now, started, timing, rng, kv, out),
            (Stage::Get, _) if status == Status::NotFound => {
                let record = self.fresh(started, timing);
                self.call(Stage::Create(record), started, timing, out);
            }
            _ => {
                self.fail(status, out);
                self.rest(now, timing, rng, out);
            }
        }
    }

    /// client-go tools/leaderelection/leaderelection.go#tryAcquireOrRenew, up to its first call.
    fn attempt(&mut self, now: LocalTime, timing: &Timing, out: &mut Out) {
        if self.leads {
            let interval = timing.retry_period;
            let round = self.round.get_or_insert(Round { deadline: now + timing.renew_deadline, tick: now });
            while round.tick <= now {
                round.tick = round.tick + interval;
            }
        }
        if self.is_leader() && self.lease_valid(now) {
            let record = self.renewal(now, timing, &self.record);
            self.call(Stage::Fast(record), now, timing, out);
        } else {
            self.call(Stage::Get, now, timing, out);
        }
    }
    /// The record was read.
    fn on_record(
        &mut self,
        now: LocalTime,
        started: LocalTime,
        timing: &Timing,
        rng: &mut Rng,
        kv: &KeyValue,
        out: &mut Out,
    ) {
        let old = Record::decode(&kv.value);
        self.resource_version = kv.mod_revision;
        if self.read != Some(old) {
            self.read = Some(old);
            self.record = old;
            self.observed_at = now;
        }
        self.report(out);
        // Judged by the time at which the try began, as client-go does.
        if old.holder.is_some() && self.lease_valid(started) && !self.is_leader() {
            if self.leads {
                self.fail(Status::Conflict, out); // Somebody took the Lease; it goes on to its deadline.
            }
            return self.rest(now, timing, rng, out);
        }
        let record = if self.is_leader() {
            self.renewal(started, timing, &old)
        } else {
            Record { transitions: old.transitions.saturating_add(1), ..self.fresh(started, timing) }
        };
        self.call(Stage::Update(record), started, timing, out);
    }
    fn succeed(&mut self, now: LocalTime, timing: &Timing, record: Record, version: Revision, out: &mut Out) {
        let since = now.since(self.last_success);
        self.record = record;
        self.observed_at = now;
        self.resource_version = version;
        self.reported = record.holder;
        self.last_success = now;
        self.failing = false;
        self.round = None;
        if self.leads {
            out.push(Action::Renewed(since));
            self.phase = Phase::Resting(now + timing.retry_period);
        } else {
            self.leads = true;
            out.push(Action::Acquired { transitions: record.transitions });
            self.attempt(now, timing, out); // The first round begins at once.
        }
    }
    fn fail(&mut self, status: Status, out: &mut Out) {
        let first_of_holder = self.leads && !self.failing;
        self.failing |= self.leads;
        out.push(Action::TryFailed { status, first_of_holder });
    }
    /// A try came to nothing: a holder waits for its ticker, a candidate for a period with jitter.
    fn rest(&mut self, now: LocalTime, timing: &Timing, rng: &mut Rng, out: &mut Out) {
        let jitter = rng.draw().up_to(timing.retry_period.scale(JITTER_FACTOR.0, JITTER_FACTOR.1));
        let Some(round) = self.round else {
            self.phase = Phase::Resting(now + timing.retry_period + jitter);
            return;
        };
        self.phase = Phase::Resting(round.tick);
        if round.tick <= now || round.deadline <= now {
            self.on_timer(now, timing, out);
        }
    }
    fn call(&mut self, stage: Stage, started: LocalTime, timing: &Timing, out: &mut Out) {
        let (verb, value) = match stage {
            Stage::Get => (Verb::Get, Value::default()),
            Stage::Create(record) => (Verb::Create, record.encode()),
            Stage::Fast(record) | Stage::Update(record) => (Verb::Update, record.encode()),
        };
        self.phase = Phase::Calling(stage, started);
        let resource_version = self.resource_version;
        out.push(Action::Call { verb, resource_version, value, timeout: timing.call_timeout() });
    }
    fn is_leader(&self) -> bool {
        self.record.holder == Some(self.me)
    }
    /// client-go tools/leaderelection/leaderelection.go#isLeaseValid.
    fn lease_valid(&self, now: LocalTime) -> bool {
        self.observed_at + self.record.duration() > now
    }
    fn fresh(&self, now: LocalTime, timing: &Timing) -> Record {
        let duration_s = (timing.lease_duration.ms() / 1000).min(u64::from(u16::MAX)) as u16;
        Record { holder: Some(self.me), transitions: 0, duration_s, renew_time: now, acquire_time: now }
    }
    fn renewal(&self, now: LocalTime, timing: &Timing, old: &Record) -> Record {
        let Record { transitions, acquire_time, .. } = *old;
        Record { transitions, acquire_time, ..self.fresh(now, timing) }
    }
    fn report(&mut self, out: &mut Out) {
        if self.record.holder != self.reported {
            self.reported = self.record.holder;
            if let Some(holder) = self.record.holder.filter(|holder| *holder != self.me) {
                out.push(Action::Observed { holder, resource_version: self.resource_version });
            }
        }
    }
}

#[cfg(test)]
#[path = "elector_tests.rs"]
mod tests;
