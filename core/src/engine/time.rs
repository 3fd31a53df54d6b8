//! The true clock, spans, and the clock each host reads instead.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};

/// A moment on the true clock, in nanoseconds since the start of the run. No host can read it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

/// A length of time, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

/// A moment on one host's clock, in nanoseconds. It has no conversion to [`Time`]: only a [`Clock`] relates the two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LocalTime(u64);

impl Time {
    /// The start of the run. Code: an end of the range.
    pub const ZERO: Self = Self(0);

    /// The moment `ns` nanoseconds after the start.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }
    /// The moment `ms` milliseconds after the start.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms * 1_000_000)
    }
    /// The moment `s` seconds after the start.
    pub const fn from_secs(s: u64) -> Self {
        Self(s * 1_000_000_000)
    }
    /// Nanoseconds since the start.
    pub const fn ns(self) -> u64 {
        self.0
    }
    /// The moment so long before, or the beginning.
    pub const fn before(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.ns()))
    }
    /// The span from `earlier` to here; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all. Code: an end of the range.
    pub const ZERO: Self = Self(0);

    /// A span of `ns` nanoseconds.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }
    /// A span of `us` microseconds.
    pub const fn from_us(us: u64) -> Self {
        Self(us * 1_000)
    }
    /// A span of `ms` milliseconds.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms * 1_000_000)
    }
    /// A span of `s` seconds.
    pub const fn from_secs(s: u64) -> Self {
        Self(s * 1_000_000_000)
    }
    /// Nanoseconds.
    pub const fn ns(self) -> u64 {
        self.0
    }
    /// Whole microseconds.
    pub const fn us(self) -> u64 {
        self.0 / 1_000
    }
    /// Whole milliseconds.
    pub const fn ms(self) -> u64 {
        self.0 / 1_000_000
    }
    /// This span times `numerator / denominator`, rounded down.
    pub const fn scale(self, numerator: u64, denominator: u64) -> Self {
        // Nearly always the product fits, and 128-bit division is slow where it must be emulated.
        match self.0.checked_mul(numerator) {
            Some(product) => Self(product / denominator),
            None => Self((self.0 as u128 * numerator as u128 / denominator as u128) as u64),
        }
    }
    /// The difference, or zero if `other` is longer.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl LocalTime {
    /// When the host's clock read zero. Code: an end of the range.
    pub const ZERO: Self = Self(0);

    /// The moment the host's clock reads `ns`.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }
    /// What the host's clock reads, in nanoseconds.
    pub const fn ns(self) -> u64 {
        self.0
    }
    /// The span from `earlier` to here on this host's clock; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for Time {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}
impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}
impl Add<Span> for LocalTime {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}
impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}
impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}
impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

fn seconds(f: &mut fmt::Formatter<'_>, ns: u64) -> fmt::Result {
    write!(f, "{}.{:06}s", ns / 1_000_000_000, ns % 1_000_000_000 / 1_000)
}
impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        seconds(f, self.0)
    }
}
impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        seconds(f, self.0)
    }
}
impl fmt::Debug for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        seconds(f, self.0)
    }
}

/// One host's clock: where it stands against the true clock, and how fast it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clock {
    true_base: Time,
    local_base: LocalTime,
    rate_ppm: u32,
}

impl Clock {
    /// The rate of a perfect clock: a million local microseconds in a true second. Unit: ppm. Chosen: clocks run true
    /// until a fault changes one host's.
    pub const TRUE_RATE: u32 = 1_000_000;

    /// A clock that reads `offset` at the start of the run and runs true.
    pub const fn new(offset: Span) -> Self {
        Self { true_base: Time::ZERO, local_base: LocalTime(offset.0), rate_ppm: Self::TRUE_RATE }
    }
    /// What the clock reads at `now`.
    pub fn read(&self, now: Time) -> LocalTime {
        let since = now.since(self.true_base);
        if self.rate_ppm == Self::TRUE_RATE {
            return self.local_base + since;
        }
        self.local_base + since.scale(self.rate_ppm as u64, Self::TRUE_RATE as u64)
    }
    /// How long `local` takes on the true clock, rounded up so that a timer never fires early.
    pub fn true_span(&self, local: Span) -> Span {
        if self.rate_ppm == Self::TRUE_RATE {
            return local;
        }
        let exact = u128::from(local.0) * u128::from(Self::TRUE_RATE);
        Span(exact.div_ceil(u128::from(self.rate_ppm)).min(u128::from(u64::MAX / 4)) as u64)
    }
    /// From `now` on the clock runs at `rate_ppm` local microseconds in a true second. It does not jump.
    ///
    /// # Panics
    /// If the rate is zero: a stopped clock is a paused host.
    pub fn set_rate(&mut self, now: Time, rate_ppm: u32) {
        assert!(rate_ppm > 0, "a clock needs a rate");
        self.local_base = self.read(now);
        self.true_base = now;
        self.rate_ppm = rate_ppm;
    }
    /// Local microseconds in a true second.
    pub const fn rate_ppm(&self) -> u32 {
        self.rate_ppm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_shortens_true_spans_and_never_fires_early() {
        let mut clock = Clock::new(Span::from_secs(5));
        clock.set_rate(Time::from_secs(10), 1_250_000);
        let before = clock.read(Time::from_secs(10));
        assert_eq!(before, LocalTime::from_ns(15_000_000_000));
        let wait = clock.true_span(Span::from_secs(10));
        assert_eq!(wait, Span::from_secs(8));
        assert!(clock.read(Time::from_secs(10) + wait).since(before) >= Span::from_secs(10));
    }
}
