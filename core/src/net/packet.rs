//! What a network carries: who talks to whom, and one TCP segment without its payload.

/// A host, as a dense number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HostId(pub u32);

impl HostId {
    /// The host's place in a list of all hosts.
    pub const fn ix(self) -> usize {
        self.0 as usize
    }
}

/// A connection, as a dense number. Both ends share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ConnId(pub u32);

/// The control bits of a segment that the simulation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Flags(u8);

impl Flags {
    /// No bit. Code: a bit of TCP's header.
    pub const NONE: Self = Self(0);
    /// The sender ends its stream. Takes one sequence number. Code: a bit of TCP's header.
    pub const FIN: Self = Self(1);
    /// The sender opens its stream. Takes one sequence number. Code: a bit of TCP's header.
    pub const SYN: Self = Self(2);
    /// The sender gives the connection up. Code: a bit of TCP's header.
    pub const RST: Self = Self(4);
    /// `ack` is valid. Code: a bit of TCP's header.
    pub const ACK: Self = Self(16);

    /// Whether every bit of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// The bits of both.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// The bits as on the wire.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// One TCP segment. Its payload is only a length: what the bytes mean is kept by whoever sends them.
///
/// Sequence numbers are offsets into a stream, as `u64`, and never wrap: the SYN is number 0, the first payload byte
/// number 1, the FIN the number after the last payload byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Segment {
    /// The control bits.
    pub flags: Flags,
    /// The first sequence number this segment takes.
    pub seq: u64,
    /// The next sequence number its sender expects from the other side.
    pub ack: u64,
    /// Payload bytes.
    pub len: u32,
    /// Bytes beyond `ack` its sender has room for.
    pub window: u32,
    /// RFC 7323 TSval: the sender's clock in milliseconds.
    pub ts_val: u32,
    /// RFC 7323 TSecr: the other side's clock, echoed. Zero: nothing to echo.
    pub ts_ecr: u32,
    /// RFC 2018 blocks `[start, end)`, an empty one ending the list. The first may be a duplicate report (RFC 2883).
    pub sack: [(u64, u64); 3],
}

impl Segment {
    /// IPv4 and TCP headers without options: 20 + 20 bytes. Sourced: RFC 791#3.1; RFC 9293#3.1.
    pub const HEADER_BYTES: u32 = 40;
    /// The timestamp option with its padding, on every segment. Sourced: RFC 7323#A.
    pub const TIMESTAMP_BYTES: u32 = 12;
    /// What a SYN carries besides: maximum segment size, SACK permitted, window scale, padded together. Sourced: RFC
    /// 9293#3.2; RFC 2018#2; RFC 7323#2.2.
    pub const SYN_OPTION_BYTES: u32 = 8;

    /// Sequence numbers taken: payload, SYN and FIN.
    pub const fn seq_len(&self) -> u64 {
        self.len as u64 + self.flags.contains(Flags::SYN) as u64 + self.flags.contains(Flags::FIN) as u64
    }
    /// The sequence number after this segment.
    pub const fn end(&self) -> u64 {
        self.seq + self.seq_len()
    }
    /// The SACK blocks that are not empty.
    pub fn sack_blocks(&self) -> &[(u64, u64)] {
        let n = self.sack.iter().take_while(|(start, end)| start < end).count();
        &self.sack[..n]
    }
    /// Bytes on the wire above the link layer: IP header, TCP header, options, payload.
    pub fn wire_bytes(&self) -> u32 {
        // A SACK option: two bytes, two of padding, eight per block (RFC 2018, section 3).
        let sack = match self.sack_blocks().len() as u32 {
            0 => 0,
            n => 4 + 8 * n,
        };
        let syn = if self.flags.contains(Flags::SYN) { Self::SYN_OPTION_BYTES } else { 0 };
        Self::HEADER_BYTES + Self::TIMESTAMP_BYTES + syn + sack + self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_bytes_count_headers_and_options() {
        let mut segment = Segment { flags: Flags::ACK, len: 1448, ..Segment::default() };
        assert_eq!(segment.wire_bytes(), 1500);
        segment.len = 0;
        segment.sack = [(5, 7), (9, 12), (0, 0)];
        assert_eq!(segment.wire_bytes(), 40 + 12 + 20);
        segment.sack = Default::default();
        segment.flags = Flags::SYN;
        assert_eq!(segment.wire_bytes(), 60);
        assert_eq!(segment.end(), 1);
    }
}
