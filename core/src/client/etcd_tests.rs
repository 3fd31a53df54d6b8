use super::*;
use crate::client::bench::at;
use crate::engine::Purpose;
use crate::etcd::rpc::{Event, Key, KeyValue, Value};

const READ: Op = Op::Range { key: Key(1), serializable: false };
const WRITE: Op = Op::Put { key: Key(1), value: Value::words(10, [0; 3]), lease: 0 };
const LATE: u64 = 3_600_000;

struct Rig {
    client: EtcdClient,
    rng: Rng,
    out: Out,
}

impl Rig {
    fn started() -> Self {
        let mut rig = Self { client: EtcdClient::default(), rng: Rng::stream(1, Purpose::Test, 0), out: Vec::new() };
        rig.client.start(at(0), &mut rig.rng, &mut rig.out);
        assert_eq!(rig.take(), [Action::Open(0)]);
        rig
    }
    fn ready() -> Self {
        let mut rig = Self::started();
        rig.connect(0);
        assert_eq!(rig.take(), [Action::Up(Up::Connected(0))]);
        rig
    }
    fn connect(&mut self, ms: u64) {
        self.client.on_connected(at(ms), &mut self.rng, 0, &mut self.out);
    }
    fn take(&mut self) -> Out {
        core::mem::take(&mut self.out)
    }
    fn call(&mut self, op: Op, deadline_ms: u64) -> u32 {
        self.client.call(op, at(deadline_ms), &mut self.out)
    }
    fn down(&mut self, ms: u64) -> Out {
        self.client.on_down(at(ms), &mut self.rng, 0, Down::Kernel(Reason::Reset), &mut self.out);
        self.take()
    }
    fn reply(&mut self, ms: u64, id: u32, result: Result<Response, EtcdError>) -> Out {
        self.client.on_reply(at(ms), &mut self.rng, 0, &Reply { id, result }, &mut self.out);
        self.take()
    }
    /// Lets timers go off until `ms`; what came of it, and when.
    fn run(&mut self, ms: u64) -> Vec<(u64, Action)> {
        let mut seen = Vec::new();
        while let Some(next) = self.client.next_timer().filter(|next| *next <= at(ms)) {
            self.client.on_timer(next, &mut self.rng, &mut self.out);
            seen.extend(self.take().into_iter().map(|action| (next.ns() / 1_000_000, action)));
        }
        seen
    }
}

fn sent(id: u32, op: Op) -> Action {
    Action::Send(0, Frame::Rpc(Request { id, op }))
}
fn failed(call: u32, error: EtcdError) -> Action {
    Action::Up(Up::Done(call, Err(Failure::Etcd(error))))
}

#[test]
fn refused_dials_follow_the_ladder_and_success_resets_it() {
    let mut rig = Rig::started();
    let (mut now, mut ideal) = (0, 1000);
    for n in 0..14 {
        rig.down(now);
        let dial = rig.client.next_timer().expect("it waits for the next dial").ns() / 1_000_000 + 1;
        assert_eq!(rig.run(dial).len(), 1, "dial {n}");
        let wait = dial - now;
        let spread = if n == 0 { 1 } else { ideal / 5 + 1 };
        assert!((ideal - spread..=ideal + spread).contains(&wait), "dial {n} after {wait} ms, not about {ideal}");
        now = dial;
        ideal = (ideal * 16 / 10).min(120_000);
    }
    rig.connect(now);
    rig.take();
    assert_eq!(rig.down(now)[1], Action::Open(0), "the first dial after a break does not wait");
    rig.down(now);
    assert_eq!(rig.run(now + 1000), [(now + 1000, Action::Open(0))]);
}

#[test]
fn a_silent_dial_is_given_up_after_20_s() {
    let mut rig = Rig::started();
    assert_eq!(rig.run(21_000), [(20_000, Action::Abort(0)), (21_000, Action::Open(0))]);
}

#[test]
fn calls_wait_for_a_connection_until_their_own_deadline() {
    let mut rig = Rig::started();
    let short = rig.call(WRITE, 2_000);
    let long = rig.call(WRITE, 34_000);
    assert_eq!(rig.take(), []);
    assert_eq!(rig.run(3_000), [(2_000, Action::Up(Up::Done(short, Err(Failure::Deadline))))]);
    rig.connect(3_000);
    assert_eq!(rig.take(), [Action::Up(Up::Connected(0)), sent(1, WRITE)]);
    let ok = Response { revision: 5, succeeded: true, kv: None, range: None };
    assert_eq!(rig.reply(3_001, 1, Ok(ok.clone())), [Action::Up(Up::Done(long, Ok(ok)))]);
    assert_eq!(rig.client.calls(), 0);
}

#[test]
fn a_call_given_up_under_way_is_cancelled_at_etcd() {
    let mut rig = Rig::ready();
    let call = rig.call(READ, 2_000);
    let expired = Action::Up(Up::Done(call, Err(Failure::Deadline)));
    rig.take();
    assert_eq!(rig.run(2_000), [(2_000, Action::Send(0, Frame::Cancel(1))), (2_000, expired)]);
    assert_eq!(rig.reply(2_001, 1, Err(EtcdError::Timeout)), [], "its late answer is for nobody");
    let call = rig.call(READ, 9_000);
    rig.take();
    rig.client.abandon(call, &mut rig.out);
    assert_eq!(rig.take(), [Action::Send(0, Frame::Cancel(2))]);
}

#[test]
fn without_retries_the_first_error_is_the_last() {
    let mut rig = Rig::ready();
    rig.client.set_retries(false);
    let read = rig.call(READ, LATE);
    rig.take();
    assert_eq!(rig.reply(5, 1, Err(EtcdError::LeaderChanged)), [failed(read, EtcdError::LeaderChanged)]);
    let read = rig.call(READ, LATE);
    rig.take();
    assert!(rig.down(10).contains(&failed(read, EtcdError::ConnectionBroken)));
    assert_eq!(rig.client.calls(), 0);
}

#[test]
fn a_dead_connection_is_noticed_after_40_s_of_silence() {
    let mut rig = Rig::ready();
    let write = rig.call(WRITE, LATE);
    rig.take();
    let seen = rig.run(40_000);
    assert_eq!(seen[0], (30_000, Action::Send(0, Frame::Ping)));
    assert_eq!(seen[1], (40_000, Action::Abort(0)));
    assert_eq!(seen[2], (40_000, Action::Up(Up::Disconnected(0, Down::Keepalive))));
    assert_eq!(seen[3..], [(40_000, Action::Open(0)), (40_000, failed(write, EtcdError::ConnectionBroken))]);
}

#[test]
fn any_read_is_life() {
    let mut rig = Rig::ready();
    rig.call(READ, LATE);
    rig.take();
    assert_eq!(rig.run(35_000), [(30_000, Action::Send(0, Frame::Ping))]);
    rig.client.on_read(at(39_999), 0);
    assert_eq!(rig.run(69_998), []);
    assert_eq!(rig.run(70_000), [(69_999, Action::Send(0, Frame::Ping))]);
}

#[test]
fn after_a_break_a_read_is_tried_again_and_a_write_is_not() {
    let mut rig = Rig::ready();
    let _read = rig.call(READ, LATE);
    let write = rig.call(WRITE, LATE);
    rig.take();
    let broken = Action::Up(Up::Disconnected(0, Down::Kernel(Reason::Reset)));
    assert_eq!(rig.down(1_000), [broken, Action::Open(0), failed(write, EtcdError::ConnectionBroken)]);
    rig.connect(1_001);
    assert_eq!(rig.take(), [Action::Up(Up::Connected(0))]);
    let again = rig.run(2_000);
    assert_eq!(again.len(), 1);
    assert!((1_022..=1_027).contains(&again[0].0), "the pause is 25 ms and 10 %: {again:?}");
    assert_eq!(again[0].1, sent(3, READ));
}

#[test]
fn a_read_is_tried_a_hundred_times_and_no_more() {
    let mut rig = Rig::ready();
    let read = rig.call(READ, LATE);
    assert_eq!(rig.take(), [sent(1, READ)]);
    for n in 1..100 {
        assert_eq!(rig.reply(n * 100, n as u32, Err(EtcdError::LeaderChanged)), []);
        assert_eq!(rig.run(n * 100 + 28).len(), 1);
    }
    assert_eq!(rig.reply(10_000, 100, Err(EtcdError::LeaderChanged)), [failed(read, EtcdError::LeaderChanged)]);
}

#[test]
fn which_errors_of_etcd_are_tried_again() {
    for (op, error, again) in [
        (READ, EtcdError::Timeout, true),
        (WRITE, EtcdError::Timeout, false),
        (WRITE, EtcdError::TimeoutLeaderFail, false),
        (WRITE, EtcdError::LeaderChanged, false),
        (READ, EtcdError::DeadlineExceeded, true),
        (WRITE, EtcdError::DeadlineExceeded, true),
        (READ, EtcdError::TooManyRequests, false),
    ] {
        let mut rig = Rig::ready();
        let call = rig.call(op.clone(), LATE);
        rig.take();
        let told = rig.reply(7_000, 1, Err(error));
        assert_eq!(told.is_empty(), again, "{op:?} after {error:?}: {told:?}");
        assert!(again || told == [failed(call, error)]);
    }
}

#[test]
fn one_call_too_many_is_refused() {
    let mut rig = Rig::started();
    for _ in 0..LIMIT {
        rig.call(READ, LATE);
    }
    assert_eq!(rig.take(), []);
    let call = rig.call(READ, LATE);
    assert_eq!(rig.take(), [failed(call, EtcdError::TooManyRequests)]);
}

#[test]
fn a_connection_on_which_nothing_is_under_way_is_not_pinged() {
    let mut rig = Rig::ready();
    assert_eq!(rig.client.next_timer(), None);
    rig.call(READ, LATE);
    rig.take();
    assert_eq!(rig.run(30_000), [(30_000, Action::Send(0, Frame::Ping))]);
}

fn event(n: u64, mod_revision: Revision) -> Event {
    let kv = KeyValue { key: Key(n), value: Value::default(), create_revision: 1, mod_revision, version: 1 };
    Event { kv, deleted: false }
}
fn create(n: u8, watch: u32, start: Revision) -> Action {
    let (from, to) = (Key(1), Key(9));
    let call = WatchCall::Create { watch, from, to, start, progress_notify: true, require_leader: true };
    Action::Send(n, Frame::Watch(call))
}
fn told(id: u32, revision: Revision, news: WatchNews) -> Action {
    Action::Up(Up::Watch(id, revision, news))
}

impl Rig {
    fn three() -> Self {
        let (client, out) = (EtcdClient::new(3), Vec::new());
        let mut rig = Self { client, rng: Rng::stream(1, Purpose::Test, 0), out };
        rig.client.start(at(0), &mut rig.rng, &mut rig.out);
        assert_eq!(rig.take(), [Action::Open(0), Action::Open(1), Action::Open(2)]);
        rig
    }
    fn watch(&mut self, id: u32, start: Revision) {
        self.client.watch(id, Key(1), Key(9), start, true, &mut self.out);
    }
    fn news(&mut self, n: u8, watch: u32, revision: Revision, news: WatchNews) -> Out {
        self.client.on_watch_reply(at(0), n, &WatchReply { watch, revision, news }, &mut self.out);
        self.take()
    }
    /// To which endpoints it wrote.
    fn written(&mut self) -> Vec<u8> {
        let to = |action| if let Action::Send(n, _) = action { Some(n) } else { None };
        self.take().into_iter().filter_map(to).collect()
    }
}

#[test]
fn calls_take_turns_over_the_connections_that_stand() {
    let mut rig = Rig::three();
    (0..4).for_each(|_| _ = rig.call(READ, LATE));
    assert_eq!(rig.take(), [], "they wait for a connection");
    rig.client.on_connected(at(1), &mut rig.rng, 1, &mut rig.out);
    assert_eq!(rig.written(), [1, 1, 1, 1]);
    rig.client.on_connected(at(2), &mut rig.rng, 2, &mut rig.out);
    (0..4).for_each(|_| _ = rig.call(READ, LATE));
    let written = rig.written();
    assert!(written == [1, 2, 1, 2] || written == [2, 1, 2, 1], "{written:?}");
}

#[test]
fn a_read_that_failed_goes_to_the_next_endpoint_at_once_and_pauses_after_two() {
    let mut rig = Rig::three();
    (0..3).for_each(|n| rig.client.on_connected(at(0), &mut rig.rng, n, &mut rig.out));
    rig.take();
    rig.call(READ, LATE);
    let first = rig.written()[0];
    let reply = |id| Reply { id, result: Err(EtcdError::LeaderChanged) };
    rig.client.on_reply(at(5), &mut rig.rng, first, &reply(1), &mut rig.out);
    let second = rig.written()[0];
    assert_eq!(second, (first + 1) % 3);
    rig.client.on_reply(at(10), &mut rig.rng, second, &reply(2), &mut rig.out);
    assert_eq!(rig.take(), []);
    let again = rig.run(100);
    assert!((32..=38).contains(&again[0].0), "{again:?}");
}

#[test]
fn a_watch_goes_on_at_the_next_revision_over_another_connection() {
    let mut rig = Rig::three();
    rig.watch(7, 5);
    assert_eq!(rig.take(), []);
    rig.client.on_connected(at(0), &mut rig.rng, 0, &mut rig.out);
    assert_eq!(rig.take(), [Action::Up(Up::Connected(0)), create(0, 1, 5)]);
    rig.client.on_connected(at(0), &mut rig.rng, 2, &mut rig.out);
    assert_eq!(rig.take(), [Action::Up(Up::Connected(2))], "it stays where it was opened");
    assert_eq!(rig.news(0, 1, 9, WatchNews::Created), [told(7, 9, WatchNews::Created)]);
    let events = WatchNews::Events([event(1, 6), event(2, 8)].into());
    assert_eq!(rig.news(0, 1, 9, events.clone()), [told(7, 9, events)]);
    assert_eq!(rig.down(1_000), [Action::Up(Up::Disconnected(0, Down::Kernel(Reason::Reset))), Action::Open(0)]);
    assert_eq!(rig.run(1_002), [(1_001, create(2, 2, 9))], "after 1.25 ms");
    assert_eq!(rig.news(2, 2, 9, WatchNews::Created), [], "its user knows");
    assert_eq!(rig.news(0, 1, 20, WatchNews::Progress), [], "an earlier stream's last words");
    assert_eq!(rig.news(2, 2, 20, WatchNews::Progress), [told(7, 20, WatchNews::Progress)]);
    rig.client.request_progress(&mut rig.out);
    assert_eq!(rig.take(), [Action::Send(2, Frame::Watch(WatchCall::Progress))]);
    assert_eq!(rig.news(2, WatchReply::ALL, 30, WatchNews::Progress), [told(7, 30, WatchNews::Progress)]);
    rig.client.on_down(at(2_000), &mut rig.rng, 2, Down::PeerClosed, &mut rig.out);
    rig.take();
    rig.run(2_010);
    rig.client.on_connected(at(2_020), &mut rig.rng, 0, &mut rig.out);
    assert_eq!(rig.take()[1], create(0, 3, 31));
}

#[test]
fn the_pauses_of_a_watch_grow_to_a_tenth_of_a_second() {
    let mut rig = Rig::ready();
    rig.watch(7, 5);
    rig.take();
    let (mut now, mut pauses) = (0, Vec::new());
    for _ in 0..24 {
        rig.down(now);
        rig.connect(now);
        rig.take();
        let opened = rig.run(now + 200);
        pauses.push(opened[0].0 - now);
        now += 200;
    }
    assert_eq!((pauses[0], pauses[4], pauses[23]), (1, 3, 100), "{pauses:?}");
}

#[test]
fn no_leader_and_compacted_end_a_watch() {
    for end in [WatchEnd::NoLeader, WatchEnd::Compacted(12)] {
        let mut rig = Rig::ready();
        rig.watch(7, 5);
        assert_eq!(rig.take(), [create(0, 1, 5)]);
        let over = WatchNews::Canceled(end);
        assert_eq!(rig.news(0, 1, 20, over.clone()), [told(7, 20, over)]);
        rig.down(1_000);
        rig.connect(1_000);
        rig.take();
        assert_eq!(rig.run(2_000), []);
    }
    let mut rig = Rig::ready();
    rig.watch(7, 5);
    rig.take();
    rig.client.cancel_watch(7, &mut rig.out);
    assert_eq!(rig.take(), [Action::Send(0, Frame::Watch(WatchCall::Cancel(1)))]);
    assert_eq!(rig.news(0, 1, 20, WatchNews::Canceled(WatchEnd::Requested)), []);
}
