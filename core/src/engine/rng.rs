//! Dice. Every thing that draws has a stream of its own, and a packet's luck is a function of which packet it is.

use super::time::Span;
use rand::TryRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng};

/// What a stream of dice is for. A new purpose goes to the end: it must not change anybody else's luck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Purpose {
    /// A process: its timeouts, jitter and back-offs. Index: the process.
    Process = 1,
    /// A link's loss, per packet.
    LinkLoss = 2,
    /// A link's jitter, per packet.
    LinkJitter = 3,
    /// A link's bursts: the state of its Gilbert-Elliott chain.
    LinkBurst = 4,
    /// A disk's latency.
    Disk = 5,
    /// The generator of random scenarios in tests.
    Scenario = 6,
    /// Dice of a machine that is tested by itself.
    Test = 7,
    /// Raft's randomised timeouts. Index: the member.
    Raft = 8,
    /// What there is at the beginning: names of pods. Index: the workload.
    Population = 9,
    /// Nodes that fail by themselves. Index: the node.
    Nature = 10,
    /// Which endpoint a node's rules choose. Index: the connection.
    Rules = 11,
    /// How long a program waits for a processor. Index: the program.
    Cpu = 12,
}

/// One mixing round of SplitMix64: every input bit reaches every output bit.
const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The draw that belongs to the `n`-th use of `index` for `purpose`. It keeps no state, so touching one thing never
/// reshuffles the luck of another.
pub const fn keyed(seed: u64, purpose: Purpose, index: u64, n: u64) -> Draw {
    let a = mix(seed ^ 0x9e37_79b9_7f4a_7c15);
    let b = mix(a ^ (purpose as u64).wrapping_mul(0xd1b5_4a32_d192_ed03));
    let c = mix(b ^ index.wrapping_mul(0x8cb9_2ba7_2f3d_8dd7));
    Draw(mix(c ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// The key of all draws of `index`: mixed once, to be drawn from often by [`drawn`].
pub const fn luck_key(seed: u64, index: u64) -> u64 {
    mix(mix(seed ^ 0x9e37_79b9_7f4a_7c15) ^ index.wrapping_mul(0x8cb9_2ba7_2f3d_8dd7))
}

/// The draw that belongs to the `n`-th use of what has this key, for `purpose`. Like [`keyed`], in two mixing rounds.
pub const fn drawn(key: u64, purpose: Purpose, n: u64) -> Draw {
    let purpose = mix(key ^ (purpose as u64).wrapping_mul(0xd1b5_4a32_d192_ed03));
    Draw(mix(purpose ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// A stream of dice: xoshiro256++, seeded by what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(Xoshiro256PlusPlus, u64);

impl core::hash::Hash for Rng {
    /// The stream's origin and how many draws it has made say all: the generator's state follows from them.
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.1);
    }
}

impl Rng {
    /// The stream of `index` for `purpose`.
    pub fn stream(seed: u64, purpose: Purpose, index: u64) -> Self {
        let key = keyed(seed, purpose, index, 0).0;
        Self(Xoshiro256PlusPlus::seed_from_u64(key), key)
    }
    /// The next draw.
    pub fn draw(&mut self) -> Draw {
        let bits = self.0.next_u64();
        self.1 = mix(self.1 ^ bits);
        Draw(bits)
    }
}

impl TryRng for Rng {
    type Error = core::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok((self.draw().0 >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.draw().0)
    }
    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in into.chunks_mut(8) {
            let bytes = self.draw().0.to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

/// A probability in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ppm(u32);

impl Ppm {
    /// Never. Code: an end of the range.
    pub const ZERO: Self = Self(0);
    /// Always. Code: an end of the range.
    pub const ONE: Self = Self(1_000_000);

    /// `ppm` parts per million; more than a million counts as always.
    pub const fn new(ppm: u32) -> Self {
        Self(if ppm > 1_000_000 { 1_000_000 } else { ppm })
    }
    /// Parts per million.
    pub const fn get(self) -> u32 {
        self.0
    }
    /// The chance that at least one of two independent things happens.
    pub const fn or(self, other: Self) -> Self {
        let (a, b) = (1_000_000 - self.0 as u64, 1_000_000 - other.0 as u64);
        Self(1_000_000 - (a * b / 1_000_000) as u32)
    }
}

/// One uniform draw of 64 bits, and the ways to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Draw(u64);

impl Draw {
    /// A draw with these bits, for tests that choose their luck.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
    /// The bits.
    pub const fn bits(self) -> u64 {
        self.0
    }
    /// Whether something of this probability happens. Whatever happens at a low chance happens at a higher one too.
    pub const fn chance(self, p: Ppm) -> bool {
        ((self.0 >> 32) * 1_000_000) >> 32 < p.0 as u64
    }
    /// A uniform integer below `n`; zero if `n` is zero.
    pub const fn below(self, n: u64) -> u64 {
        if n <= u32::MAX as u64 {
            // The upper half of the draw says enough, and 128-bit products are slow where they must be emulated.
            return ((self.0 >> 32) * n) >> 32;
        }
        ((self.0 as u128 * n as u128) >> 64) as u64
    }
    /// A uniform span below `max`.
    pub const fn up_to(self, max: Span) -> Span {
        Span::from_ns(self.below(max.ns()))
    }
    /// An exponentially distributed span with this mean, capped at about 22 means. Integers only.
    pub fn exponential(self, mean: Span) -> Span {
        if mean.is_zero() {
            return Span::ZERO;
        }
        // -ln(u) for u = (bits + 1) / 2^32: the whole part of log2 u by counting, the rest from a table.
        let u = (self.0 >> 32) + 1; // 1..=2^32
        let whole = 63 - u64::from(u.leading_zeros()); // floor(log2 u), 0..=32
        let mantissa = (u << (63 - whole)) << 1; // the bits after the leading one
        let place = (mantissa >> (64 - TABLE_BITS)) as usize;
        let between = mantissa << TABLE_BITS >> 48; // 16 bits
        let (low, high) = (LOG2[place] as u64, LOG2[place + 1] as u64);
        let fraction = low + (((high - low) * between) >> 16); // 0.20
        let minus_log2 = (32 << 20) - ((whole << 20) + fraction).min(32 << 20); // 12.20
        // ln 2 in 0.32 fixed point.
        let minus_ln = (minus_log2 * 2_977_044_472) >> 32; // 12.20
        // Means are below four minutes and the factor below 2^25: the product fits.
        Span::from_ns((mean.ns() * minus_ln) >> 20)
    }
}

/// How fine the table of logarithms is. Unit: bits. Chosen: its error is below a millionth of the mean.
const TABLE_BITS: u32 = 9;
/// log2(1 + n/512) in 0.20 fixed point, by squaring bit after bit. Code: a table.
const LOG2: [u32; (1 << TABLE_BITS) + 1] = {
    let mut table = [1 << 20; (1 << TABLE_BITS) + 1];
    let mut n = 0;
    while n < 1 << TABLE_BITS {
        let mut mantissa: u64 = (1 << 31) + ((n as u64) << (31 - TABLE_BITS)); // 1.31
        let (mut fraction, mut bit) = (0, 0);
        while bit < 20 {
            mantissa = (mantissa * mantissa) >> 31;
            fraction <<= 1;
            if mantissa >= 1 << 32 {
                mantissa >>= 1;
                fraction |= 1;
            }
            bit += 1;
        }
        table[n] = fraction;
        n += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_its_key_and_nothing_else() {
        let mut a = Rng::stream(7, Purpose::Process, 3);
        let mut b = Rng::stream(7, Purpose::Process, 3);
        let mut other = Rng::stream(7, Purpose::Process, 4);
        let first = a.draw();
        assert_eq!(first, b.draw());
        assert_ne!(first, other.draw());
    }

    #[test]
    fn more_chance_only_adds() {
        let mut rng = Rng::stream(1, Purpose::Test, 0);
        for _ in 0..10_000 {
            let draw = rng.draw();
            assert!(!draw.chance(Ppm::new(10_000)) || draw.chance(Ppm::new(50_000)));
        }
    }

    #[test]
    fn chances_are_what_they_say() {
        let mut rng = Rng::stream(2, Purpose::Test, 0);
        let hits = (0..100_000).filter(|_| rng.draw().chance(Ppm::new(300_000))).count();
        assert!((29_500..30_500).contains(&hits), "{hits} of 100000 at 30 %");
        assert!(Draw::from_bits(u64::MAX).chance(Ppm::ONE) && !Draw::from_bits(0).chance(Ppm::ZERO));
    }

    #[test]
    fn the_exponential_has_its_mean_and_its_tail() {
        let mut rng = Rng::stream(3, Purpose::Test, 0);
        let draws: alloc::vec::Vec<u64> =
            (0..100_000).map(|_| rng.draw().exponential(Span::from_us(1_000)).us()).collect();
        let mean = draws.iter().sum::<u64>() / 100_000;
        let tail = draws.iter().filter(|d| **d > 3_000).count(); // e^-3 = 4.98 %
        assert!((985..1_015).contains(&mean), "mean {mean} us");
        assert!((4_700..5_250).contains(&tail), "{tail} of 100000 beyond three means");
    }
}
