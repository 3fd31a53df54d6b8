use super::*;
use crate::api::rpc::Level;
use crate::client::bench::at;
use crate::object::Key;

const GET: Request = Request::get(Key::user_object(0, 5), Level::GlobalDefault);

fn request(http: &mut Http, ms: u64, timeout_ms: u64) -> Out {
    let mut out = Vec::new();
    http.request(at(ms), GET, Span::from_ms(timeout_ms), 77, &mut out);
    out
}
fn sent(id: u32) -> Action<News> {
    Action::Send(Frame::Api(Request { id, ..GET }))
}
fn done(id: u32, ms: u64, status: Status) -> Action<News> {
    Action::Up(News::Done(Done { id, tag: 77, started: at(ms), status, kv: None, list: None, retry_after: None }))
}
fn connected(http: &mut Http, ms: u64) -> Out {
    let mut out = Vec::new();
    http.on_connected(at(ms), &mut out);
    out
}
fn run(http: &mut Http, ms: u64) -> Vec<(u64, Action<News>)> {
    let mut seen = Vec::new();
    while let Some(next) = http.next_timer().filter(|next| *next <= at(ms)) {
        let mut out = Vec::new();
        http.on_timer(next, &mut out);
        seen.extend(out.into_iter().map(|action| (next.ns() / 1_000_000, action)));
    }
    seen
}

#[test]
fn it_dials_on_demand_and_shares_the_connection() {
    let mut http = Http::default();
    assert_eq!(http.next_timer(), None);
    assert_eq!(request(&mut http, 0, 5_000), [Action::Open]);
    assert_eq!(request(&mut http, 1, 5_000), []);
    assert_eq!(connected(&mut http, 2), [sent(1), sent(2)]);
    assert_eq!(request(&mut http, 3, 5_000), [sent(3)]);
    let mut out = Vec::new();
    http.on_reply(at(4), &Reply::new(2, Status::Ok), &mut out);
    assert_eq!(out, [done(2, 1, Status::Ok)]);
    assert_eq!(http.pending(), 2);
}

#[test]
fn a_request_out_of_time_is_cancelled_and_the_connection_stays() {
    let mut http = Http::default();
    request(&mut http, 0, 5_000);
    connected(&mut http, 1_000);
    let ended = run(&mut http, 6_000);
    assert_eq!(ended, [(5_000, Action::Send(Frame::Cancel(1))), (5_000, done(1, 0, Status::ClientTimeout))]);
    let mut out = Vec::new();
    http.on_reply(at(6_001), &Reply::new(1, Status::Ok), &mut out);
    assert_eq!(out, [], "its late answer is for nobody");
    assert_eq!(request(&mut http, 6_002, 5_000), [sent(2)]);
}

#[test]
fn a_request_that_never_left_is_only_forgotten() {
    let mut http = Http::default();
    request(&mut http, 0, 5_000);
    assert_eq!(run(&mut http, 5_000), [(5_000, done(1, 0, Status::ClientTimeout))]);
    assert_eq!(connected(&mut http, 5_001), []);
}

#[test]
fn a_broken_connection_fails_writes_and_reads_are_tried_again_a_second_later() {
    let mut http = Http::default();
    let mut out = Vec::new();
    let patch = Request::new(Verb::Patch, GET.key, Level::GlobalDefault);
    http.request(at(0), patch, Span::from_secs(5), 77, &mut out);
    request(&mut http, 1, 5_000);
    connected(&mut http, 2);
    out.clear();
    http.on_down(at(100), Down::Broken, &mut out);
    assert_eq!(out, [done(1, 0, Status::ConnectionError)]);
    assert_eq!(request(&mut http, 500, 5_000), [Action::Open], "the next one dials");
    out.clear();
    http.on_down(at(600), Down::Broken, &mut out);
    assert_eq!(out, [done(3, 500, Status::ConnectionError)], "a dial without answer is the end of a read");
    assert_eq!(run(&mut http, 1_100), [(1_100, Action::Open)]);
    assert_eq!(connected(&mut http, 1_101), [sent(2)]);
    let error = Counted { verb: Verb::Get, status: Status::ConnectionError, count: 2 };
    assert_eq!(http.counted(), [Counted { verb: Verb::Patch, count: 1, ..error }, error]);
}

#[test]
fn a_refused_dial_fails_what_waits_for_it_and_nothing_is_left_of_it() {
    let mut http = Http::default();
    let mut out = Vec::new();
    request(&mut http, 10, 5_000);
    http.on_down(at(11), Down::Refused, &mut out);
    assert_eq!(out, [done(1, 10, Status::ConnectionRefused)]);
    assert_eq!(http.next_timer(), None);
    assert_eq!(request(&mut http, 20, 5_000), [Action::Open]);
    assert_eq!(connected(&mut http, 21), [sent(2)]);
}

#[test]
fn a_bare_client_tries_nothing_again() {
    let (mut http, mut out) = (Http::bare(), Vec::new());
    request(&mut http, 0, 5_000);
    connected(&mut http, 1);
    http.on_down(at(2), Down::Broken, &mut out);
    assert_eq!(out, [done(1, 0, Status::ConnectionError)]);
}

#[test]
fn a_retry_after_is_obeyed_ten_times_within_the_requests_own_time() {
    let busy = |id| Reply { retry_after: Some(Span::from_secs(1)), ..Reply::new(id, Status::TooManyRequests) };
    let mut http = Http::default();
    request(&mut http, 0, 60_000);
    connected(&mut http, 0);
    let mut out = Vec::new();
    for n in 0..10 {
        http.on_reply(at(n * 1_000), &busy(1), &mut out);
        assert_eq!((out.len(), run(&mut http, n * 1_000 + 1_000)), (0, alloc::vec![(n * 1_000 + 1_000, sent(1))]));
    }
    http.on_reply(at(10_000), &busy(1), &mut out);
    assert!(matches!(&out[..], [Action::Up(News::Done(done))] if done.status == Status::TooManyRequests));
    assert_eq!(http.counted(), [Counted { verb: Verb::Get, status: Status::TooManyRequests, count: 11 }]);
    out.clear();
    http.request(at(20_000), GET, Span::from_ms(2_500), 77, &mut out);
    for n in 20..22 {
        http.on_reply(at(n * 1_000), &busy(2), &mut out);
        assert_eq!(run(&mut http, n * 1_000 + 1_000).len(), 1);
    }
    http.on_reply(at(22_000), &busy(2), &mut out);
    let ended = (22_500, done(2, 20_000, Status::ClientTimeout));
    assert_eq!(run(&mut http, 30_000), [ended], "its time is up during the third pause");
    assert_eq!(http.pending(), 0);
}

#[test]
fn a_watch_tells_how_its_connection_ended() {
    let watch = Request::new(Verb::Watch, GET.key, Level::GlobalDefault);
    for (down, status) in [(Down::Broken, Status::ConnectionError), (Down::Lost, Status::ClientTimeout)] {
        let (mut http, mut out) = (Http::default(), Vec::new());
        http.request(at(0), watch.clone(), Span::from_secs(5), 77, &mut out);
        connected(&mut http, 0);
        out.clear();
        http.on_reply(at(1), &Reply::new(1, Status::Ok), &mut out);
        assert_eq!(out, [Action::Up(News::Watching(77))]);
        assert_eq!(run(&mut http, 29_000), [], "it has no time limit any more");
        out.clear();
        http.on_down(at(29_000), down, &mut out);
        assert_eq!(out, [done(1, 0, status)]);
    }
    let (mut http, mut out) = (Http::default(), Vec::new());
    http.request(at(0), watch, Span::from_secs(60), 77, &mut out);
    out.clear();
    http.on_down(at(500), Down::Broken, &mut out);
    assert_eq!((out.len(), run(&mut http, 2_000)), (0, alloc::vec![(1_500, Action::Open)]), "it dials again");
}

#[test]
fn a_silent_dial_is_given_up_after_30_s() {
    let mut http = Http::default();
    request(&mut http, 0, 60_000);
    assert_eq!(run(&mut http, 40_000), [(30_000, Action::Abort), (30_000, done(1, 0, Status::ConnectionError))]);
}

#[test]
fn a_dead_connection_is_noticed_after_45_s_of_silence() {
    let mut http = Http::bare();
    request(&mut http, 0, 60_000);
    connected(&mut http, 0);
    let seen = run(&mut http, 50_000);
    assert_eq!(seen[0], (30_000, Action::Send(Frame::Ping)));
    assert_eq!(seen[1..], [(45_000, Action::Abort), (45_000, done(1, 0, Status::ConnectionError))]);
}

#[test]
fn a_pong_is_life() {
    let mut http = Http::default();
    request(&mut http, 0, 600_000);
    connected(&mut http, 0);
    assert_eq!(run(&mut http, 44_000), [(30_000, Action::Send(Frame::Ping))]);
    http.on_read(at(44_000));
    assert_eq!(run(&mut http, 74_000), [(74_000, Action::Send(Frame::Ping))]);
}

#[test]
fn one_request_too_many_fails_at_once() {
    let mut http = Http::default();
    for _ in 0..LIMIT {
        request(&mut http, 0, 1_000);
    }
    assert_eq!(request(&mut http, 1, 1_000), [done(LIMIT + 1, 1, Status::ConnectionError)]);
    assert_eq!(run(&mut http, 2_000).len(), LIMIT as usize);
    assert_eq!(http.pending(), 0);
}
