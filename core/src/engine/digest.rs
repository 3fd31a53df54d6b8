//! One number that stands for a state: the same on 32 and 64 bits, on every target.

use core::hash::{Hash, Hasher};

/// A hasher over a stated order: every integer is widened to 64 bits and mixed in; byte strings go eight at a time,
/// little end first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// The digest of one value.
    pub fn of<T: Hash + ?Sized>(value: &T) -> u64 {
        let mut digest = Self::default();
        value.hash(&mut digest);
        digest.finish()
    }
    /// Mixes one number in.
    pub fn add(&mut self, n: u64) {
        let x = (self.0.rotate_left(23) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = x ^ (x >> 29);
    }
}

impl Hasher for Digest {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }
    fn write_u8(&mut self, n: u8) {
        self.add(u64::from(n));
    }
    fn write_u16(&mut self, n: u16) {
        self.add(u64::from(n));
    }
    fn write_u32(&mut self, n: u32) {
        self.add(u64::from(n));
    }
    fn write_u64(&mut self, n: u64) {
        self.add(n);
    }
    fn write_u128(&mut self, n: u128) {
        self.add(n as u64);
        self.add((n >> 64) as u64);
    }
    fn write_usize(&mut self, n: usize) {
        self.add(n as u64);
    }
    fn write_i8(&mut self, n: i8) {
        self.add(n as i64 as u64);
    }
    fn write_i16(&mut self, n: i16) {
        self.add(n as i64 as u64);
    }
    fn write_i32(&mut self, n: i32) {
        self.add(n as i64 as u64);
    }
    fn write_i64(&mut self, n: i64) {
        self.add(n as u64);
    }
    fn write_isize(&mut self, n: isize) {
        self.add(n as i64 as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_variants_are_widened() {
        assert_eq!(Digest::of(&7usize), Digest::of(&7u64));
        assert_ne!(Digest::of(&[1u32, 2][..]), Digest::of(&[2u32, 1][..]));
        assert_ne!(Digest::of(&Some(0u8)), Digest::of(&None::<u8>));
    }
}
