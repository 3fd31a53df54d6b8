//! The knee of TCP under loss: where a connection stops coping and falls behind for ever. See `tests/reference`.

use brownout_tests::fidelity::tcp::{Row, figure, reference, simulate};

fn row(p: f64) -> Row {
    reference()
        .into_iter()
        .find(|row| row.traffic == "100 B every 100 ms" && (row.p - p).abs() < 1e-9)
        .expect("the reference has this row")
}

/// The median over seeds of one figure.
fn simulated(p: f64, name: &str) -> f64 {
    let seeds = if std::env::var("BROWNOUT_QUICK").is_ok() { 3 } else { 11 };
    let row = row(p);
    let mut values: Vec<f64> = (1..=seeds).map(|seed| figure(&simulate(&row, seed), name)).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measured(p: f64, name: &str) -> f64 {
    row(p).figures[name].as_f64().expect("a number")
}

#[test]
fn at_5_and_10_percent_half_the_messages_notice_nothing() {
    for p in [0.05, 0.1] {
        let median = simulated(p, "all_ms_p50");
        assert!(median < 1.0, "p = {p}: median {median} ms");
        assert!(measured(p, "all_ms_p50") < 2.0);
        let late = simulated(p, "share_gt5s");
        assert!(late < 0.01, "p = {p}: {late} later than 5 s");
    }
}

#[test]
fn at_5_percent_a_lost_message_waits_for_the_next() {
    let (tail, real) = (simulated(0.05, "all_ms_p99"), measured(0.05, "all_ms_p99"));
    assert!((real / 1.5..real * 1.5).contains(&tail), "{tail} ms, measured {real}");
}

#[test]
fn at_10_percent_the_tail_is_seconds() {
    let (tail, real) = (simulated(0.1, "all_ms_p99"), measured(0.1, "all_ms_p99"));
    assert!((real / 3.0..real * 3.0).contains(&tail), "{tail} ms, measured {real}");
}

#[test]
fn at_20_percent_connections_begin_to_fall_behind() {
    let (median, real) = (simulated(0.2, "all_ms_p50"), measured(0.2, "all_ms_p50"));
    assert!((real / 5.0..real * 5.0).contains(&median), "{median} ms, measured {real}");
    let (late, real) = (simulated(0.2, "share_gt5s"), measured(0.2, "share_gt5s"));
    assert!((real / 1.7..real * 1.7).contains(&late), "{late}, measured {real}");
}

#[test]
fn at_30_percent_they_never_catch_up() {
    let (median, real) = (simulated(0.3, "all_ms_p50"), measured(0.3, "all_ms_p50"));
    assert!((real / 2.0..real * 2.0).contains(&median), "{median} ms, measured {real}");
    let (late, real) = (simulated(0.3, "share_gt5s"), measured(0.3, "share_gt5s"));
    assert!((late - real).abs() < 0.1, "{late}, measured {real}");
}
