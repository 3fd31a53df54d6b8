//! A sorted map whose copies share what neither has changed: a checkpoint of 20,000 entries copies some hundred pointers.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::ops::Range;

/// The most entries of a chunk; a full one splits in two. Unit: entries. Chosen: the cost of a copy (a pointer per
/// chunk) against the cost of the first write to a chunk after it (a copy of the chunk).
const CHUNK: usize = 64;

type Chunk<K, V> = Arc<Vec<(K, V)>>;

/// A map of sorted chunks. Two maps are equal if they hold the same, however it is chunked.
#[derive(Clone, Debug)]
pub struct SharedMap<K, V> {
    /// Each chunk with its first key. None is empty.
    chunks: Vec<(K, Chunk<K, V>)>,
    len: usize,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SharedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for SharedMap<K, V> {}

impl<K: Hash, V: Hash> Hash for SharedMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.len.hash(state);
        self.iter().for_each(|entry| entry.hash(state));
    }
}

impl<K, V> SharedMap<K, V> {
    /// How many entries it has.
    pub const fn len(&self) -> usize {
        self.len
    }
    /// Whether it has none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Every entry, by key.
    pub fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.chunks.iter().flat_map(|(_, chunk)| chunk.iter())
    }
}

impl<K: Ord + Copy, V> SharedMap<K, V> {
    /// The chunk where a key is, or belongs.
    fn chunk_of(&self, key: &K) -> usize {
        self.chunks.partition_point(|(first, _)| first <= key).saturating_sub(1)
    }
    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let (_, chunk) = self.chunks.get(self.chunk_of(key))?;
        let at = chunk.binary_search_by(|(k, _)| k.cmp(key)).ok()?;
        Some(&chunk[at].1)
    }
    /// The entries of a range, by key.
    pub fn range(&self, keys: Range<K>) -> impl Iterator<Item = &(K, V)> {
        let chunk = self.chunk_of(&keys.start);
        let inside = move |(key, _): &&(K, V)| *key < keys.end;
        let skip = self.chunks.get(chunk).map_or(0, |(_, it)| it.partition_point(|(key, _)| *key < keys.start));
        let chunks = self.chunks.get(chunk..).unwrap_or_default();
        chunks.iter().flat_map(|(_, chunk)| chunk.iter()).skip(skip).take_while(inside)
    }
}

impl<K: Ord + Copy, V: Clone> SharedMap<K, V> {
    /// The value of a key, to change.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.chunk_of(key);
        let (_, chunk) = self.chunks.get_mut(at)?;
        let slot = chunk.binary_search_by(|(k, _)| k.cmp(key)).ok()?;
        Some(&mut Arc::make_mut(chunk)[slot].1)
    }
    /// Sets the value of a key and returns the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = self.chunk_of(&key);
        let Some((first, chunk)) = self.chunks.get_mut(at) else {
            self.chunks.push((key, Arc::new(Vec::from([(key, value)]))));
            self.len = 1;
            return None;
        };
        let slot = match chunk.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(slot) => return Some(core::mem::replace(&mut Arc::make_mut(chunk)[slot].1, value)),
            Err(slot) => slot,
        };
        let entries = Arc::make_mut(chunk);
        entries.insert(slot, (key, value));
        *first = entries[0].0;
        if entries.len() > CHUNK {
            // Keys that come in order leave full chunks behind them.
            let keep = if slot + 1 == entries.len() { CHUNK } else { CHUNK / 2 };
            let rest = entries.split_off(keep);
            self.chunks.insert(at + 1, (rest[0].0, Arc::new(rest)));
        }
        self.len += 1;
        None
    }
    /// Removes a key and returns its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.chunk_of(key);
        let (first, chunk) = self.chunks.get_mut(at)?;
        let slot = chunk.binary_search_by(|(k, _)| k.cmp(key)).ok()?;
        let entries = Arc::make_mut(chunk);
        let (_, value) = entries.remove(slot);
        self.len -= 1;
        match entries.first() {
            Some((key, _)) => *first = *key,
            None => drop(self.chunks.remove(at)),
        }
        self.join(at);
        Some(value)
    }
    /// Joins a chunk that has become small with the next one, if both fit into half a chunk.
    fn join(&mut self, at: usize) {
        let (Some((_, small)), Some((_, next))) = (self.chunks.get(at), self.chunks.get(at + 1)) else { return };
        if small.len() + next.len() <= CHUNK / 2 {
            let (_, next) = self.chunks.remove(at + 1);
            Arc::make_mut(&mut self.chunks[at].1).extend(next.iter().cloned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Purpose, Rng};
    use alloc::collections::BTreeMap;

    #[test]
    fn any_history_reads_like_a_plain_map_and_copies_stay_as_they_were() {
        let mut rng = Rng::stream(1, Purpose::Test, 0);
        let (mut map, mut plain) = (SharedMap::default(), BTreeMap::new());
        let mut copies = Vec::new();
        for n in 0..40_000_u32 {
            let grows = n / 4_000 % 2 == 0;
            let key = rng.draw().below(3_000) as u32;
            if rng.draw().below(10) < if grows { 8 } else { 2 } {
                assert_eq!(map.insert(key, n), plain.insert(key, n));
            } else {
                assert_eq!(map.remove(&key), plain.remove(&key));
            }
            assert_eq!(map.get(&key), plain.get(&key));
            if let Some(value) = map.get_mut(&(key / 2)) {
                *value += 1;
                *plain.get_mut(&(key / 2)).expect("both have it") += 1;
            }
            if n % 500 == 0 {
                let from = rng.draw().below(3_000) as u32;
                let keys = from..from + rng.draw().below(500) as u32;
                assert!(map.range(keys.clone()).map(|(k, v)| (k, v)).eq(plain.range(keys)));
                assert!(map.iter().map(|(k, v)| (k, v)).eq(plain.iter()) && map.len() == plain.len());
                copies.push((map.clone(), plain.clone()));
            }
        }
        for (map, plain) in copies {
            assert!(map.iter().map(|(k, v)| (k, v)).eq(plain.iter()));
            let mut again = SharedMap::default();
            for (key, value) in &plain {
                again.insert(*key, *value);
            }
            assert!(again == map, "equal, however it came to be");
        }
    }
}
