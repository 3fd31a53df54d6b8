//! Links, packets and TCP. Knows hosts as numbers, and nothing of what runs on them.
