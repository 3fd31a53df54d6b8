//! The commands of the scripts in data/raft.
//!
//! `cluster 3 [pre_vote=off] [check_quorum=off] [inflight=2] [bytes=100] [uncommitted=10]` ·
//! `disk 2 terms=1,1,2 [term=2] [commit=1] [vote=1]` (then it restarts) · `campaign 1` · `tick 1 [n]` ·
//! `until 2 campaigns` · `forget 2` (its leader) · `propose 1 text` · `fill 1 n` (n proposals) · `read 1 7` · `transfer 1 3` ·
//! `say 1>2 App field=n...` (a message made up) ·
//! `deliver [1>2] [Kind] [n=1] [last] [twice]` (what is on the wire now) · `settle` (until nothing is) ·
//! `lose [1>2] [Kind]` · `wire` · `cut 1>2` · `cut 3` · `heal` · `slow 1` · `fast 1` · `persist 1` · `crash 1 [torn]` ·
//! `start 1` · `snapshot 1 5` · `compact 1 5` · `unreachable 1 3` · `sent 1 3 [failed]` · `status [1]` · `log 1` ·
//! `progress 1`

use crate::raft_cluster::{Cluster, Torn, happening_in_words, log_of_terms, message_in_words};
use brownout_core::etcd::log::{HardState, Stored};
use brownout_core::etcd::message::{Kind, MemberId, Message, SnapshotMeta};

/// What a script plays with.
pub struct Player {
    cluster: Cluster,
}

impl Default for Player {
    fn default() -> Self {
        Self { cluster: Cluster::new(3, 1, |_| {}) }
    }
}

/// Which messages a command means.
struct Filter {
    route: Option<(MemberId, MemberId)>,
    kind: Option<String>,
    count: usize,
    newest_first: bool,
    twice: bool,
}

impl Filter {
    fn parse(words: &[&str]) -> Self {
        let mut filter = Self { route: None, kind: None, count: usize::MAX, newest_first: false, twice: false };
        for word in words {
            match *word {
                "last" => filter.newest_first = true,
                "twice" => filter.twice = true,
                word if word.contains('>') => filter.route = Some(route(word)),
                word => match word.strip_prefix("n=") {
                    Some(n) => filter.count = n.parse().expect("a number of messages"),
                    None => filter.kind = Some(word.into()),
                },
            }
        }
        filter
    }
    fn means<P>(&self, message: &Message<P>) -> bool {
        self.route.is_none_or(|r| r == (message.from, message.to))
            && self.kind.as_ref().is_none_or(|k| *k == format!("{:?}", message.kind))
    }
}

fn member(word: &str) -> MemberId {
    MemberId(word.parse().unwrap_or_else(|_| panic!("{word} is no member")))
}
fn number(word: &str) -> u64 {
    word.parse().unwrap_or_else(|_| panic!("{word} is no number"))
}
fn route(word: &str) -> (MemberId, MemberId) {
    let (from, to) = word.split_once('>').unwrap_or_else(|| panic!("{word} is no route"));
    (member(from), member(to))
}
fn option<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

impl Player {
    /// Runs one command; the lines of its answer.
    ///
    /// # Panics
    /// If it cannot be read.
    pub fn run(&mut self, command: &str) -> Vec<String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let mut answer = self.act(&words);
        self.cluster.work();
        answer.extend(self.news());
        answer
    }

    fn news(&mut self) -> Vec<String> {
        self.cluster.happenings.drain(..).map(|h| happening_in_words(&h)).collect()
    }

    fn act(&mut self, words: &[&str]) -> Vec<String> {
        let cluster = &mut self.cluster;
        match words {
            ["cluster", n, options @ ..] => self.set_up(n, options),
            ["disk", id, options @ ..] => self.set_disk(member(id), options),
            ["campaign", id] => cluster.raft(member(id)).campaign(),
            ["tick", id, n @ ..] => {
                let times = n.first().map_or(1, |n| number(n));
                return self.tick(member(id), times);
            }
            ["until", id, "campaigns"] => return self.until_campaign(member(id)),
            ["propose", id, text @ ..] => cluster.propose(member(id), &text.join(" ")),
            ["fill", id, n] => {
                for k in 1..=number(n) {
                    cluster.propose(member(id), &format!("f{k}"));
                }
            }
            ["forget", id] => cluster.raft(member(id)).forget_leader(),
            ["read", id, context] => cluster.raft(member(id)).read_index(number(context)),
            ["transfer", id, to] => cluster.raft(member(id)).transfer_leadership(member(to)),
            ["deliver", filter @ ..] => return self.deliver(&Filter::parse(filter)),
            ["say", way, kind, fields @ ..] => return self.say(route(way), kind, fields),
            ["settle"] => return self.settle(),
            ["lose", filter @ ..] => {
                let filter = Filter::parse(filter);
                cluster.wire.retain(|m| !filter.means(m));
            }
            ["wire"] => return cluster.wire.iter().map(message_in_words).collect(),
            ["cut", what] if what.contains('>') => cluster.cuts.push(route(what)),
            ["cut", id] => {
                let id = member(id);
                for other in cluster.ids().filter(|other| *other != id) {
                    cluster.cuts.extend([(id, other), (other, id)]);
                }
            }
            ["heal"] => cluster.cuts.clear(),
            ["status", who @ ..] => return self.status(who),
            ["log", id] => return self.log(member(id)),
            ["progress", id] => return self.progress(member(id)),
            _ => self.act_on_member(words),
        }
        Vec::new()
    }

    fn act_on_member(&mut self, words: &[&str]) {
        let cluster = &mut self.cluster;
        match words {
            ["slow", id] => cluster.member(member(id)).slow_disk = true,
            ["fast", id] => {
                cluster.member(member(id)).slow_disk = false;
                cluster.persist(member(id));
            }
            ["persist", id] => cluster.persist(member(id)),
            ["crash", id] => cluster.crash(member(id), Torn::Nothing),
            ["crash", id, "torn"] => cluster.crash(member(id), Torn::Entries),
            ["start", id] => cluster.start(member(id)),
            ["snapshot", id, index] => cluster.raft(member(id)).offer_snapshot(number(index)),
            ["compact", id, index] => {
                cluster.raft(member(id)).compact(number(index));
                cluster.member(member(id)).wal.compact(number(index));
            }
            ["unreachable", id, of] => cluster.raft(member(id)).report_unreachable(member(of)),
            ["sent", id, of, failed @ ..] => {
                cluster.raft(member(id)).report_snapshot(member(of), failed.is_empty());
            }
            _ => panic!("no such command: {words:?}"),
        }
    }

    fn set_up(&mut self, n: &str, options: &[&str]) {
        let off = |name| option(options, name) == Some("off");
        self.cluster = Cluster::new(number(n) as u8, 1, |config| {
            config.pre_vote = !off("pre_vote");
            config.check_quorum = !off("check_quorum");
            if let Some(n) = option(options, "inflight") {
                config.max_inflight = number(n) as u32;
            }
            if let Some(n) = option(options, "bytes") {
                config.max_bytes_per_message = number(n) as u32;
            }
            if let Some(n) = option(options, "uncommitted") {
                config.max_uncommitted_bytes = number(n);
            }
        });
    }

    fn set_disk(&mut self, id: MemberId, options: &[&str]) {
        let terms: Vec<u64> =
            option(options, "terms").unwrap_or_default().split(',').filter(|t| !t.is_empty()).map(number).collect();
        let value = |name| option(options, name).map(number);
        let hard_state = HardState {
            term: value("term").or(terms.last().copied()).unwrap_or(0),
            vote: value("vote").map(|id| MemberId(id as u8)),
            commit: value("commit").unwrap_or(0),
        };
        let stored = Stored { hard_state, log: log_of_terms(&terms), applied: hard_state.commit };
        self.cluster.replace_disk(id, stored);
    }

    fn tick(&mut self, id: MemberId, times: u64) -> Vec<String> {
        let mut answer = Vec::new();
        for _ in 0..times {
            self.cluster.raft(id).tick();
            self.cluster.work();
            answer.extend(self.news());
        }
        answer
    }

    /// Ticks until the member asks for votes.
    fn until_campaign(&mut self, id: MemberId) -> Vec<String> {
        let questions = |player: &Self| {
            let asks = |m: &&Message<_>| m.from == id && matches!(m.kind, Kind::Vote | Kind::PreVote);
            player.cluster.wire.iter().filter(asks).count()
        };
        let before = questions(self);
        for ticks in 1..=1_000 {
            let news = self.tick(id, 1);
            if questions(self) > before {
                let term = self.cluster.raft(id).term();
                let mut answer = vec![format!("{} campaigns after {ticks} ticks, term {term}", id.0)];
                answer.extend(news);
                return answer;
            }
        }
        vec!["it never does".into()]
    }

    fn deliver(&mut self, filter: &Filter) -> Vec<String> {
        let mut taken = Vec::new();
        let mut wire: Vec<_> = core::mem::take(&mut self.cluster.wire);
        if filter.newest_first {
            wire.reverse();
        }
        for message in wire {
            if filter.means(&message) && taken.len() < filter.count {
                taken.push(message);
            } else {
                self.cluster.wire.push(message);
            }
        }
        if filter.newest_first {
            self.cluster.wire.reverse();
        }
        let mut answer = Vec::new();
        for message in taken {
            let mut words = message_in_words(&message);
            let copy = filter.twice.then(|| message.clone());
            if !self.cluster.deliver(message) {
                words += " (lost)";
            }
            answer.push(words);
            self.cluster.work();
            answer.extend(self.news());
            if let Some(copy) = copy {
                answer.push(format!("{} (again)", message_in_words(&copy)));
                self.cluster.deliver(copy);
                self.cluster.work();
                answer.extend(self.news());
            }
        }
        answer
    }

    /// A message that nobody sent, without entries.
    fn say(&mut self, (from, to): (MemberId, MemberId), kind: &str, fields: &[&str]) -> Vec<String> {
        let kind = match kind {
            "App" => Kind::App,
            "AppResp" => Kind::AppResp,
            "Heartbeat" => Kind::Heartbeat,
            "HeartbeatResp" => Kind::HeartbeatResp,
            "Snap" => Kind::Snap,
            _ => panic!("{kind} is never said"),
        };
        let value = |name| option(fields, name).map_or(0, number);
        let mut message = Message::new(kind, from, to, value("term"));
        message.index = value("index");
        message.log_term = value("log_term");
        message.commit = value("commit");
        message.context = value("context");
        if kind == Kind::Snap {
            let meta = SnapshotMeta { index: message.index, term: message.log_term };
            (message.index, message.log_term, message.snapshot) = (0, 0, Some(meta));
        }
        let words = message_in_words(&message);
        self.cluster.deliver(message);
        vec![words]
    }

    /// Only what happens is told, not every message.
    fn settle(&mut self) -> Vec<String> {
        for _ in 0..10_000 {
            if self.cluster.wire.is_empty() {
                return Vec::new();
            }
            let message = self.cluster.wire.remove(0);
            self.cluster.deliver(message);
            self.cluster.work();
        }
        vec!["it never settles".into()]
    }

    fn status(&mut self, who: &[&str]) -> Vec<String> {
        let ids: Vec<MemberId> = match who {
            [] => self.cluster.ids().collect(),
            ids => ids.iter().map(|id| member(id)).collect(),
        };
        let mut answer = Vec::new();
        for id in ids {
            answer.push(match &self.cluster.members[id.ix()].raft {
                None => format!("{} down", id.0),
                Some(raft) => {
                    let who = |id: Option<MemberId>| id.map_or("-".into(), |id| id.0.to_string());
                    format!(
                        "{} {:?} term {} vote {} leader {} log {}..{} commit {} applied {}{}",
                        id.0,
                        raft.role(),
                        raft.term(),
                        who(raft.vote()),
                        who(raft.leader()),
                        raft.first_index(),
                        raft.last_index(),
                        raft.commit_index(),
                        raft.applied_index(),
                        if raft.in_lease() { ", in lease" } else { "" },
                    )
                }
            });
        }
        answer
    }

    fn log(&mut self, id: MemberId) -> Vec<String> {
        let raft = self.cluster.raft(id);
        let terms: Vec<String> = raft.entries(0..=u64::MAX).map(|e| e.term.to_string()).collect();
        vec![format!("{} from {}: terms {}", id.0, raft.first_index(), terms.join(" "))]
    }

    fn progress(&mut self, id: MemberId) -> Vec<String> {
        let others: Vec<MemberId> = self.cluster.ids().filter(|other| *other != id).collect();
        let raft = self.cluster.raft(id);
        let line = |of: MemberId| {
            let p = raft.progress(of);
            format!(
                "{} {:?} matched {} next {} inflight {}{}{}",
                of.0,
                p.state,
                p.matched,
                p.next_index,
                p.inflight(),
                if p.is_paused() { " paused" } else { "" },
                if p.recent_active { "" } else { " silent" },
            )
        };
        others.into_iter().map(line).collect()
    }
}
