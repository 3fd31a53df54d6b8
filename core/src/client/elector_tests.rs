use super::*;
use crate::client::bench::at;
use crate::engine::Purpose;

const TIMING: Timing = Timing {
    lease_duration: Span::from_secs(15),
    renew_deadline: Span::from_secs(10),
    retry_period: Span::from_secs(2),
};

/// What the API does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Api {
    Serves,
    /// Takes calls and never answers.
    Hangs,
    /// Carries calls out and never answers.
    Swallows,
    /// Fails at once.
    Refuses,
    /// Fails after 1.5 s.
    Struggles,
}

/// The Lease object, and what its clients meet.
struct Store {
    kv: Option<KeyValue>,
    api: Api,
}

impl Store {
    const fn new() -> Self {
        Self { kv: None, api: Api::Serves }
    }
    fn write(&mut self, value: Value) -> (Status, Option<KeyValue>) {
        let mod_revision = self.kv.as_ref().map_or(2, |kv| kv.mod_revision + 1);
        self.kv = Some(KeyValue { key: KCM_KEY, value, create_revision: 2, mod_revision, version: 1 });
        (Status::Ok, self.kv.clone())
    }
    fn carry_out(&mut self, verb: Verb, version: Revision, value: Value) -> (Status, Option<KeyValue>) {
        match (verb, self.kv.clone()) {
            (Verb::Get, kv) => (if kv.is_some() { Status::Ok } else { Status::NotFound }, kv),
            (Verb::Create, None) => self.write(value),
            (Verb::Update, Some(kv)) if kv.mod_revision == version => self.write(value),
            (_, kv) => (Status::Conflict, kv),
        }
    }
    /// The answer, and after how long it comes.
    fn call(&mut self, verb: Verb, version: Revision, value: Value, timeout: Span) -> (Span, Reply) {
        match self.api {
            Api::Serves => (Span::ZERO, self.carry_out(verb, version, value)),
            Api::Hangs => (timeout, (Status::ClientTimeout, None)),
            Api::Swallows => {
                self.carry_out(verb, version, value);
                (timeout, (Status::ClientTimeout, None))
            }
            Api::Refuses => (Span::ZERO, (Status::ConnectionError, None)),
            Api::Struggles => (Span::from_ms(1_500), (Status::InternalError, None)),
        }
    }
}

type Reply = (Status, Option<KeyValue>);

struct Candidate {
    elector: Elector,
    rng: Rng,
    reply: Option<(LocalTime, Reply)>,
    log: Vec<(u64, Action)>,
}

impl Candidate {
    fn new(program: u16, process: u16) -> Self {
        let elector = Elector::new(Identity { program: ProgramId(program), process });
        let rng = Rng::stream(u64::from(program), Purpose::Test, u64::from(process));
        Self { elector, rng, reply: None, log: Vec::new() }
    }
    fn settle(&mut self, now: LocalTime, store: &mut Store, out: &mut Out) {
        for action in out.drain(..) {
            self.log.push((now.ns() / 1_000_000, action.clone()));
            if let Action::Call { verb, resource_version, value, timeout } = action {
                let (after, reply) = store.call(verb, resource_version, value, timeout);
                self.reply = Some((now + after, reply));
            }
        }
    }
    fn start(&mut self, ms: u64, store: &mut Store) {
        let mut out = Vec::new();
        self.elector.start(at(ms), &TIMING, &mut out);
        self.settle(at(ms), store, &mut out);
    }
    fn run(&mut self, ms: u64, store: &mut Store) {
        loop {
            let reply = self.reply.as_ref().map(|(at, _)| *at);
            let Some(now) = crate::client::earlier(reply, self.elector.next_timer()).filter(|now| *now <= at(ms))
            else {
                return;
            };
            let mut out = Vec::new();
            match self.reply.take_if(|(due, _)| *due == now) {
                Some((_, (status, kv))) => {
                    self.elector.on_reply(now, &TIMING, &mut self.rng, status, kv.as_ref(), &mut out);
                }
                None => self.elector.on_timer(now, &TIMING, &mut out),
            }
            self.settle(now, store, &mut out);
        }
    }
    /// When it called, and with which verb, from `ms` on.
    fn calls(&self, ms: u64) -> Vec<(u64, Verb)> {
        let call = |(at, action): &(u64, Action)| match action {
            Action::Call { verb, .. } if *at >= ms => Some((*at, *verb)),
            _ => None,
        };
        self.log.iter().filter_map(call).collect()
    }
    /// What it told beside its calls.
    fn told(&self) -> Vec<(u64, Action)> {
        self.log.iter().filter(|(_, action)| !matches!(action, Action::Call { .. })).cloned().collect()
    }
    fn acquired(&self) -> Option<u64> {
        let acquired = |(_, action): &&(u64, Action)| matches!(action, Action::Acquired { .. });
        self.log.iter().find(acquired).map(|(at, _)| *at)
    }
}

/// A holder since 1 s, last renewed at 11 s.
fn holder() -> (Candidate, Store) {
    let (mut holder, mut store) = (Candidate::new(2, 0), Store::new());
    holder.start(1_000, &mut store);
    holder.run(12_999, &mut store);
    (holder, store)
}

#[test]
fn an_absent_lease_is_created_renewed_at_once_and_then_every_retry_period() {
    let (holder, store) = holder();
    let verbs = [Verb::Get, Verb::Create, Verb::Update, Verb::Update, Verb::Update];
    let times = [1_000, 1_000, 1_000, 3_000, 5_000];
    assert_eq!(holder.calls(0)[..5], [0, 1, 2, 3, 4].map(|n| (times[n], verbs[n])));
    assert_eq!(holder.told()[0], (1_000, Action::Acquired { transitions: 0 }));
    assert_eq!(holder.told()[2], (3_000, Action::Renewed(Span::from_secs(2))));
    let record = Record::decode(&store.kv.clone().expect("it was created").value);
    assert_eq!(record.holder, Some(holder.elector.me()));
    assert_eq!((record.acquire_time, record.renew_time, record.duration_s), (at(1_000), at(11_000), 15));
    assert_eq!(holder.elector.lease_expiry(), Some(at(26_000)));
    assert_eq!(holder.elector.renew_deadline(&TIMING), Some(at(23_000)));
    assert_eq!(holder.elector.next_try(), Some(at(13_000)));
}

#[test]
fn against_a_hanging_api_a_holder_makes_two_calls_and_gives_up_12_s_after_its_last_success() {
    let (mut holder, mut store) = holder();
    store.api = Api::Hangs;
    holder.run(22_999, &mut store);
    assert!(holder.elector.believes() && holder.elector.calling());
    holder.run(60_000, &mut store);
    assert_eq!(holder.calls(12_000), [(13_000, Verb::Update), (18_000, Verb::Get)]);
    assert_eq!(holder.log.last(), Some(&(23_000, Action::Lost(Span::from_secs(12)))));
    assert!(!holder.elector.believes());
    assert_eq!(holder.elector.next_timer(), None);
}

#[test]
fn a_holder_that_never_renewed_gives_up_after_10_s() {
    let (mut holder, mut store) = (Candidate::new(2, 0), Store::new());
    store.api = Api::Hangs;
    holder.elector.phase = Phase::Calling(Stage::Create(Record::default()), at(0));
    let kv = KeyValue { key: KCM_KEY, value: Value::default(), create_revision: 2, mod_revision: 2, version: 1 };
    holder.reply = Some((at(0), (Status::Created, Some(kv))));
    holder.run(60_000, &mut store);
    assert_eq!(holder.log.last(), Some(&(10_000, Action::Lost(Span::from_secs(10)))));
}

#[test]
fn against_a_refusing_api_a_holder_tries_every_two_seconds() {
    let (mut holder, mut store) = holder();
    store.api = Api::Refuses;
    holder.run(60_000, &mut store);
    let tries = holder.calls(12_000);
    let fast: Vec<u64> = tries.iter().filter(|(_, verb)| *verb == Verb::Update).map(|(at, _)| *at).collect();
    assert_eq!(fast, [13_000, 15_000, 17_000, 19_000, 21_000]);
    assert_eq!(tries.len(), 10, "each try falls back to a Get: {tries:?}");
    assert_eq!(holder.log.last(), Some(&(23_000, Action::Lost(Span::from_secs(12)))));
    let firsts = holder.log.iter().filter(|(_, action)| {
        matches!(action, Action::TryFailed { status: Status::ConnectionError, first_of_holder: true })
    });
    assert_eq!(firsts.count(), 1);
}

#[test]
fn a_tick_missed_during_a_try_starts_the_next_one_at_once() {
    let (mut holder, mut store) = holder();
    store.api = Api::Struggles;
    holder.run(60_000, &mut store);
    let tries = holder.calls(12_000);
    let fast: Vec<u64> = tries.iter().filter(|(_, verb)| *verb == Verb::Update).map(|(at, _)| *at).collect();
    assert_eq!(fast, [13_000, 16_000, 19_000, 22_000], "each try takes 3 s, the ticker 2 s");
}

#[test]
fn a_renewal_that_comes_back_in_time_saves_the_holder() {
    let (mut holder, mut store) = holder();
    store.api = Api::Hangs;
    holder.run(17_000, &mut store);
    store.api = Api::Serves;
    holder.run(19_999, &mut store);
    // The fast Update hangs until 18 s, the Get after it is answered, and so is the slow path's Update.
    assert_eq!(holder.calls(12_000), [(13_000, Verb::Update), (18_000, Verb::Get), (18_000, Verb::Update)]);
    assert_eq!(holder.log.last(), Some(&(18_000, Action::Renewed(Span::from_secs(7)))));
}

#[test]
fn a_renewal_that_was_carried_out_without_an_answer_is_found_by_the_slow_path() {
    let (mut holder, mut store) = holder();
    store.api = Api::Swallows;
    holder.run(13_000, &mut store);
    store.api = Api::Serves;
    holder.run(18_000, &mut store);
    assert_eq!(holder.calls(12_000), [(13_000, Verb::Update), (18_000, Verb::Get), (18_000, Verb::Update)]);
    assert!(holder.elector.believes());
    let expiry = store.kv.as_ref().map(|kv| Record::decode(&kv.value).renew_time);
    assert_eq!(expiry, Some(at(13_000)), "the time at which the try began");
}

#[test]
fn a_version_that_moved_on_fails_the_fast_path_only() {
    let (mut holder, mut store) = holder();
    let same = store.kv.clone().expect("it was created").value;
    store.write(same); // Somebody touched the object and left the record alone.
    holder.run(13_000, &mut store);
    let verbs = [(13_000, Verb::Update), (13_000, Verb::Get), (13_000, Verb::Update)];
    assert_eq!(holder.calls(12_000), verbs);
    assert_eq!(holder.log.last(), Some(&(13_000, Action::Renewed(Span::from_secs(2)))));
}

#[test]
fn a_standby_takes_over_15_to_24_s_after_the_last_renewal() {
    let (mut least, mut most) = (u64::MAX, 0);
    for program in 3..300 {
        let (_, mut store) = holder();
        let mut standby = Candidate::new(program, 0);
        standby.start(program.into(), &mut Store { kv: store.kv.clone(), api: Api::Serves });
        // It first sees the last renewal, of 11 s, at some poll after 11 s.
        standby.elector.phase = Phase::Resting(at(11_000 + u64::from(program) * 4_400 / 300));
        standby.elector.read = None;
        standby.run(60_000, &mut store);
        let took = standby.acquired().expect("nobody else is there") - 11_000;
        let seen = standby.log.iter().find(|(at, _)| *at > 11_000).map_or(0, |(at, _)| *at) - 11_000;
        assert!((15_000..=19_400).contains(&(took - seen)), "saw it at {seen} ms, took over at {took} ms");
        (least, most) = (least.min(took), most.max(took));
    }
    assert!((15_000..16_500).contains(&least), "least {least} ms");
    assert!((22_000..=23_800).contains(&most), "most {most} ms");
}

#[test]
fn candidates_poll_every_2_to_4_4_seconds() {
    let (_, mut store) = holder();
    let mut standby = Candidate::new(3, 0);
    standby.start(0, &mut store);
    standby.run(14_999, &mut store);
    let at: Vec<u64> = standby.calls(0).iter().map(|(at, _)| *at).collect();
    assert!(at.windows(2).all(|pair| (2_000..=4_400).contains(&(pair[1] - pair[0]))), "{at:?}");
    assert!(at.len() >= 4);
}

#[test]
fn what_the_record_says_about_time_counts_for_nothing_but_its_duration() {
    for (renewed_ms, duration_s, least_ms) in [(0, 15, 15_000), (9_000_000, 15, 15_000), (0, 60, 60_000)] {
        let (_, mut store) = holder();
        let holder = Some(Identity { program: ProgramId(2), process: 0 });
        let renew_time = at(renewed_ms);
        store.write(Record { holder, transitions: 3, duration_s, renew_time, acquire_time: at(0) }.encode());
        let mut standby = Candidate::new(3, 0);
        standby.start(20_000, &mut store);
        standby.run(200_000, &mut store);
        let took = standby.acquired().expect("nobody else is there") - 20_000;
        assert!((least_ms..=least_ms + 4_400).contains(&took), "{took} ms of {duration_s} s");
        let told = standby.told();
        assert!(matches!(told[0], (20_000, Action::Observed { holder, .. }) if holder.program == ProgramId(2)));
        assert_eq!(told[1].1, Action::Acquired { transitions: 4 });
    }
}

#[test]
fn a_restarted_process_waits_for_its_predecessors_lease() {
    let (_, mut store) = holder();
    let mut next = Candidate::new(2, 1);
    next.start(12_000, &mut store);
    next.run(60_000, &mut store);
    let took = next.acquired().expect("nobody else is there");
    assert!((27_000..=31_400).contains(&took), "{took}");
}

#[test]
fn a_holder_whose_lease_was_taken_goes_on_until_its_deadline() {
    let (mut holder, mut store) = holder();
    let thief = Some(Identity { program: ProgramId(9), process: 0 });
    store.write(Record { holder: thief, duration_s: 15, ..Record::default() }.encode());
    holder.run(22_999, &mut store);
    assert!(holder.elector.believes(), "nothing fences it");
    assert_eq!(holder.elector.observed_holder(), thief);
    holder.run(23_000, &mut store);
    assert!(!holder.elector.believes());
    let told = holder.told();
    assert!(told.iter().any(|(at, action)| *at == 13_000 && matches!(action, Action::Observed { .. })));
    let first = Action::TryFailed { status: Status::Conflict, first_of_holder: true };
    assert!(told.contains(&(13_000, first)));
}

#[test]
fn of_two_who_find_the_lease_free_one_wins() {
    let mut store = Store::new();
    let (mut a, mut b) = (Candidate::new(2, 0), Candidate::new(6, 0));
    a.start(0, &mut store);
    b.start(0, &mut store); // Both have read "not found".
    a.run(0, &mut store);
    b.run(0, &mut store);
    assert!(a.elector.believes() && !b.elector.believes());
    let lost = Action::TryFailed { status: Status::Conflict, first_of_holder: false };
    assert_eq!(b.told(), [(0, lost)]);
}

#[test]
fn a_record_survives_the_store() {
    let holder = Some(Identity { program: ProgramId(19), process: 65_535 });
    let record = Record { holder, transitions: 7, duration_s: 300, renew_time: at(5), acquire_time: at(3) };
    assert_eq!(Record::decode(&record.encode()), record);
    assert_eq!(Record::decode(&Record::default().encode()), Record::default());
}
