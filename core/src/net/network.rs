//! Every directed link between hosts, and the luck of each packet on it.

use super::link::{Fate, Link, Luck, Params};
use super::packet::HostId;
use crate::engine::{Purpose, Time, drawn};
use alloc::vec;
use alloc::vec::Vec;

/// One link and what it counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lane {
    link: Link,
    params: Params,
    packets: u64,
    dropped: u64,
}

/// All links: one for each ordered pair of hosts, and a loopback for each host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    hosts: u32,
    lanes: Vec<Lane>,
}

/// Which packet it is, whatever else happens in the run: its connection, and its number in this direction of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketName {
    /// The key of the connection's luck, mixed with the seed.
    pub connection: u64,
    /// The packet's number in its direction.
    pub number: u64,
}

impl Network {
    /// Links between this many hosts, all with these parameters.
    pub fn new(hosts: u32, params: Params) -> Self {
        let lane = Lane { link: Link::default(), params, packets: 0, dropped: 0 };
        Self { hosts, lanes: vec![lane; (hosts * hosts) as usize] }
    }
    const fn lane(&self, from: HostId, to: HostId) -> usize {
        (from.0 * self.hosts + to.0) as usize
    }
    /// How many hosts there are.
    pub const fn hosts(&self) -> u32 {
        self.hosts
    }
    /// What a link is like now.
    pub fn params(&self, from: HostId, to: HostId) -> &Params {
        &self.lanes[self.lane(from, to)].params
    }
    /// Packets offered to a link, and of those the ones it dropped.
    pub fn counts(&self, from: HostId, to: HostId) -> (u64, u64) {
        let lane = &self.lanes[self.lane(from, to)];
        (lane.packets, lane.dropped)
    }
    /// Makes a link like this from now on. Packets already on it arrive.
    pub fn set(&mut self, from: HostId, to: HostId, params: Params) {
        let lane = self.lane(from, to);
        self.lanes[lane].params = params;
    }
    /// Offers a packet to a link. The packet's name alone decides its luck.
    pub fn offer(&mut self, now: Time, from: HostId, to: HostId, name: PacketName, bytes: u32) -> Fate {
        let lane = self.lane(from, to);
        let draw = |purpose| drawn(name.connection, purpose, name.number);
        let luck =
            Luck { loss: draw(Purpose::LinkLoss), jitter: draw(Purpose::LinkJitter), burst: draw(Purpose::LinkBurst) };
        let Lane { link, params, packets, dropped } = &mut self.lanes[lane];
        let fate = link.offer(now, bytes, params, &luck);
        *packets += 1;
        *dropped += u64::from(matches!(fate, Fate::Drop(_)));
        fate
    }
}
