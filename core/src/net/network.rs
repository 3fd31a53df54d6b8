//! Every directed link between hosts, and the luck of each packet on it.
//!
//! The core is a full mesh: control-plane hosts and the edge. A node has links to and from the core and a loopback, but
//! none to another node: nothing in the model talks from node to node.

use super::link::{Fate, Link, Luck, Params};
use super::packet::HostId;
use crate::engine::{Draw, Purpose, Time, drawn};
use alloc::vec::Vec;

/// One link and what it counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Lane {
    link: Link,
    /// Its parameters, as a place in the list of all different ones.
    shape: u16,
    packets: u64,
    dropped: u64,
}

/// All links.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    core: u32,
    nodes: u32,
    /// The core's, from host to host; then each node's: to every core host, from every core host, its loopback.
    lanes: Vec<Lane>,
    shapes: Vec<Params>,
    /// The packets whose luck was changed.
    spared: Vec<PacketName>,
}

/// Which packet it is, whatever else happens in the run: its connection, and its number in this direction of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PacketName {
    /// The key of the connection's luck, mixed with the seed.
    pub connection: u64,
    /// The packet's number in its direction.
    pub number: u64,
}

impl Network {
    /// The most different parameters that links may have at one time. Code: as many as an index of them can name; a few
    /// faults on a few hosts make dozens.
    const SHAPES: usize = u16::MAX as usize;

    /// Links of `core` hosts among each other and with `nodes` more, all with these parameters.
    pub fn new(core: u32, nodes: u32, params: Params) -> Self {
        let mut network = Self { core, nodes: 0, lanes: Vec::new(), shapes: Vec::from([params]), spared: Vec::new() };
        network.lanes.resize((core * core) as usize, Lane::default());
        (0..nodes).for_each(|_| network.add_node());
        network
    }
    /// One more node. Its links are like the very first one until [`Network::reshape`].
    pub fn add_node(&mut self) {
        self.nodes += 1;
        let lanes = self.lanes.len() + self.lanes_per_node();
        self.lanes.resize(lanes, Lane::default());
    }
    const fn lanes_per_node(&self) -> usize {
        self.core as usize * 2 + 1
    }
    /// The place of a link.
    ///
    /// # Panics
    /// If there is none: from a node to another.
    fn lane(&self, from: HostId, to: HostId) -> usize {
        let core = self.core;
        let of_node = |node: u32| (core * core) as usize + (node - core) as usize * self.lanes_per_node();
        match (from.0 < core, to.0 < core) {
            (true, true) => (from.0 * core + to.0) as usize,
            (false, true) => of_node(from.0) + to.ix(),
            (true, false) => of_node(to.0) + core as usize + from.ix(),
            (false, false) => {
                assert!(from == to, "there is no link from node host {} to node host {}", from.0, to.0);
                of_node(from.0) + core as usize * 2
            }
        }
    }
    /// How many hosts there are.
    pub const fn hosts(&self) -> u32 {
        self.core + self.nodes
    }
    /// How many of them are control-plane hosts and the edge.
    pub const fn core(&self) -> u32 {
        self.core
    }
    /// What its lanes take, in bytes.
    pub const fn bytes(&self) -> usize {
        self.lanes.len() * size_of::<Lane>()
    }
    /// Every link, by its ends.
    pub fn links(&self) -> impl Iterator<Item = (HostId, HostId)> + use<> {
        let (core, hosts) = (self.core, self.hosts());
        let mesh = (0..core).flat_map(move |from| (0..core).map(move |to| (from, to)));
        let node = move |node| {
            let ends = (0..core).flat_map(move |other| [(node, other), (other, node)]);
            ends.chain([(node, node)])
        };
        mesh.chain((core..hosts).flat_map(node)).map(|(from, to)| (HostId(from), HostId(to)))
    }
    /// What a link is like now.
    pub fn params(&self, from: HostId, to: HostId) -> &Params {
        &self.shapes[usize::from(self.lanes[self.lane(from, to)].shape)]
    }
    /// Packets offered to a link, and of those the ones it dropped.
    pub fn counts(&self, from: HostId, to: HostId) -> (u64, u64) {
        let lane = &self.lanes[self.lane(from, to)];
        (lane.packets, lane.dropped)
    }
    /// Makes every link what `params` says from now on. Packets already on their way arrive.
    pub fn reshape(&mut self, params: impl Fn(HostId, HostId) -> Params) {
        let mut shapes: Vec<Params> = Vec::new();
        for (from, to) in self.links() {
            let params = params(from, to);
            // Neighbours are mostly alike: the newest one first.
            let place = shapes.iter().rposition(|shape| *shape == params).unwrap_or_else(|| {
                assert!(shapes.len() < Self::SHAPES, "more than {} kinds of links", Self::SHAPES);
                shapes.push(params);
                shapes.len() - 1
            });
            let lane = self.lane(from, to);
            self.lanes[lane].shape = place as u16;
        }
        self.shapes = shapes;
    }
    /// This packet's dice fall otherwise from now on: it is lost only where every packet is.
    pub fn spare(&mut self, packet: PacketName) {
        self.spared.push(packet);
    }
    /// How many packets' luck was changed.
    pub fn spared(&self) -> usize {
        self.spared.len()
    }
    /// Offers a packet to a link. The packet's name alone decides its luck.
    pub fn offer(&mut self, now: Time, from: HostId, to: HostId, name: PacketName, bytes: u32) -> Fate {
        let lane = self.lane(from, to);
        let draw = |purpose| drawn(name.connection, purpose, name.number);
        let mut luck =
            Luck { loss: draw(Purpose::LinkLoss), jitter: draw(Purpose::LinkJitter), burst: draw(Purpose::LinkBurst) };
        if self.spared.contains(&name) {
            luck.loss = Draw::from_bits(u64::MAX);
        }
        let Lane { link, shape, packets, dropped } = &mut self.lanes[lane];
        let fate = link.offer(now, bytes, &self.shapes[usize::from(*shape)], &luck);
        *packets += 1;
        *dropped += u64::from(matches!(fate, Fate::Drop(_)));
        fate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Span;

    #[test]
    fn every_link_has_a_lane_of_its_own() {
        let mut network = Network::new(4, 2, Params::default());
        network.add_node();
        assert_eq!(network.hosts(), 7);
        let mut places: Vec<usize> = network.links().map(|(from, to)| network.lane(from, to)).collect();
        places.sort();
        assert_eq!(places, (0..network.lanes.len()).collect::<Vec<_>>());
    }

    #[test]
    fn links_become_what_they_are_told() {
        let mut network = Network::new(2, 3, Params::default());
        let delay = |from: HostId, to: HostId| Span::from_us(u64::from(from.0 * 10 + to.0));
        network.reshape(|from, to| Params { delay: delay(from, to), ..Params::default() });
        for (from, to) in network.links() {
            assert_eq!(network.params(from, to).delay, delay(from, to));
        }
    }

    #[test]
    #[should_panic(expected = "no link from node host 3 to node host 4")]
    fn nodes_have_no_link_to_each_other() {
        Network::new(2, 3, Params::default()).params(HostId(3), HostId(4));
    }
}
