//! The link by itself: order, rate, queue, and that more loss only adds losses.

use super::*;
use crate::engine::{Purpose, keyed};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

fn luck(n: u64) -> Luck {
    Luck {
        loss: keyed(11, Purpose::LinkLoss, 0, n),
        jitter: keyed(11, Purpose::LinkJitter, 0, n),
        burst: keyed(11, Purpose::LinkBurst, 0, n),
    }
}

fn plain() -> Params {
    Params { delay: Span::from_us(500), ..Params::default() }
}

fn lost(params: &Params, packets: u64) -> BTreeSet<u64> {
    let mut link = Link::default();
    (0..packets)
        .filter(|n| {
            let fate = link.offer(Time::from_ns(n * 1_000_000), 100, params, &luck(*n));
            matches!(fate, Fate::Drop(_))
        })
        .collect()
}

#[test]
fn more_loss_only_adds_losses() {
    let at = |ppm| lost(&Params { loss: Ppm::new(ppm), ..plain() }, 20_000);
    let (one, five, thirty) = (at(10_000), at(50_000), at(300_000));
    assert!(one.is_subset(&five) && five.is_subset(&thirty));
    assert!((5_700..6_300).contains(&thirty.len()), "{} of 20000 at 30 %", thirty.len());
    let bursts = Params {
        burst_enter: Ppm::new(10_000),
        burst_leave: Ppm::new(100_000),
        burst_loss: Ppm::new(900_000),
        loss: Ppm::new(50_000),
        ..plain()
    };
    assert!(five.is_subset(&lost(&bursts, 20_000)));
}

#[test]
fn arrivals_keep_the_order_of_departure_under_jitter() {
    let params = Params { jitter: Span::from_ms(5), ..plain() };
    let mut link = Link::default();
    let mut newest = Time::ZERO;
    let mut late = 0;
    for n in 0..5_000 {
        let now = Time::from_ns(n * 1_000_000);
        let Fate::Deliver { at } = link.offer(now, 100, &params, &luck(n)) else { panic!("packet {n} was dropped") };
        assert!(at >= newest && at >= now + params.delay, "packet {n}");
        late += u64::from(at.since(now) > Span::from_ms(5));
        newest = at;
    }
    assert!(late > 1_000, "{late} of 5000 late: the jitter does not show");
}

#[test]
fn the_rate_spaces_packets_and_the_queue_is_bounded() {
    let params = Params { rate_mbps: 12, queue: Span::from_ms(5), ..plain() };
    let mut link = Link::default();
    // 1500 bytes at 12 Mbit/s take a millisecond.
    let fates: Vec<Fate> = (0..8).map(|n| link.offer(Time::from_ms(10), 1_500, &params, &luck(n))).collect();
    for (n, fate) in fates.iter().enumerate() {
        let expected = if n <= 5 {
            Fate::Deliver { at: Time::from_ns(10_000_000 + 1_000_000 * (n as u64 + 1) + 500_000) }
        } else {
            Fate::Drop(DropReason::QueueFull)
        };
        assert_eq!(*fate, expected, "packet {n}");
    }
    assert_eq!(link.busy_until(), Time::from_ms(16));
    let later = link.offer(Time::from_ms(16), 1_500, &params, &luck(9));
    assert_eq!(later, Fate::Deliver { at: Time::from_ns(17_500_000) });
}

#[test]
fn bursts_last_as_long_as_they_say() {
    let params =
        Params { burst_enter: Ppm::new(20_000), burst_leave: Ppm::new(125_000), burst_loss: Ppm::ONE, ..plain() };
    let gone = lost(&params, 200_000);
    let bursts = gone.iter().filter(|n| !gone.contains(&(*n + 1))).count();
    let mean_hundredths = gone.len() * 100 / bursts;
    assert!((760..840).contains(&mean_hundredths), "mean burst {mean_hundredths}/100 packets");
    // In the long run 20000 / (20000 + 125000) of the packets meet a burst: 13.8 %.
    assert!((26_000..29_300).contains(&gone.len()), "{} of 200000", gone.len());
}

#[test]
fn a_cut_link_passes_nothing_and_forgets_nothing() {
    let mut link = Link::default();
    let cut = Params { cut: true, ..plain() };
    assert_eq!(link.offer(Time::ZERO, 100, &cut, &luck(0)), Fate::Drop(DropReason::Cut));
    assert_eq!(link.offer(Time::ZERO, 100, &plain(), &luck(1)), Fate::Deliver { at: Time::from_ns(500_000) });
}

#[test]
fn loss_is_decided_by_its_own_draw() {
    let params = Params { loss: Ppm::new(500_000), ..plain() };
    let (low, high) = (Draw::from_bits(0), Draw::from_bits(u64::MAX));
    for (loss, expected) in [(low, true), (high, false)] {
        let luck = Luck { loss, jitter: if expected { high } else { low }, burst: high };
        let fate = Link::default().offer(Time::ZERO, 100, &params, &luck);
        assert_eq!(fate == Fate::Drop(DropReason::Loss), expected);
    }
}
