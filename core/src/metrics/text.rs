//! The metrics of a moment as text: Prometheus's text format 0.0.4, or OpenMetrics 1.0.

use super::book::Book;
use super::collect::{gauges, is_up};
use super::families::{Family, Spec, Type, Unit};
use super::objects;
use crate::actor::role::Place;
use crate::etcd::kv::Store;
use crate::inspect;
use crate::sim::{Program, Sim};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// How the text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus's text format 0.0.4, which real components answer with by default.
    Prometheus,
    /// OpenMetrics 1.0: a counter's type goes without `_total`, and there is an end.
    OpenMetrics,
}

/// A process that Prometheus scrapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name: the pod's, or what stands in for it.
    pub name: String,
    /// The labels that the scrape adds.
    labels: String,
    book: Book,
    /// What kube-state-metrics says of objects.
    objects: Option<Store>,
}

/// Every target, as it would answer now. What is down has `up` only.
pub fn targets(sim: &Sim) -> Vec<Target> {
    let directory = sim.directory();
    let end = directory.balancer().ix();
    let mut targets = Vec::new();
    for (n, program) in sim.programs()[..end].iter().enumerate() {
        let id = crate::actor::ProgramId(n as u16);
        let (job, port) = match directory.place(id) {
            Place::Etcd(_) => ("etcd", 2381),
            Place::Api(_) => ("kube-apiserver", 6443),
            Place::Control(_, 0) => ("kube-controller-manager", 10257),
            Place::Control(..) => ("kube-scheduler", 10259),
            _ => continue,
        };
        targets.push(target(sim, program, id, job, port));
    }
    if let Some(etcd) = inspect::most_advanced(sim) {
        let (name, objects) = (String::from("kube-state-metrics"), Some(etcd.store().clone()));
        targets.push(Target { name, labels: String::new(), book: Book::default(), objects });
    }
    targets
}
fn target(sim: &Sim, program: &Program, id: crate::actor::ProgramId, job: &str, port: u32) -> Target {
    let registry = sim.observer().metrics().registry();
    let mut book = registry.book(id).filter(|_| is_up(program)).cloned().unwrap_or_default();
    gauges(sim, program, &mut book);
    let host = program.host.0 + 1;
    // kubeadm names a static pod after its component and its host.
    let name = format!("{job}-host-{host}");
    let labels = format!("job=\"{job}\",instance=\"10.0.0.{host}:{port}\",pod=\"{name}\"");
    Target { name, labels, book, objects: None }
}

/// The metrics of these targets.
pub fn write(targets: &[Target], format: Format) -> String {
    let mut text = String::new();
    for family in Family::ALL {
        if targets.iter().all(|target| target.book.of(*family).next().is_none()) {
            continue;
        }
        head(&mut text, family.spec(), format);
        for target in targets {
            for (combination, numbers) in target.book.of(*family) {
                let own: Vec<&str> = family.written(combination).collect();
                let labels = [&own[..], &[target.labels.as_str()]].concat().join(",");
                series(&mut text, family.spec(), &labels, numbers);
            }
        }
    }
    for store in targets.iter().filter_map(|target| target.objects.as_ref()) {
        objects::write(&mut text, store, format);
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn head(text: &mut String, spec: Spec, format: Format) {
    let total = spec.name.ends_with("_total");
    let kind = match spec.kind {
        // OpenMetrics knows no counter that isn't called so.
        Type::Counter if format == Format::OpenMetrics && !total => "unknown",
        Type::Counter => "counter",
        Type::Gauge => "gauge",
        Type::Histogram(_) => "histogram",
    };
    let bare = spec.name.strip_suffix("_total").filter(|_| format == Format::OpenMetrics && kind == "counter");
    let name = bare.unwrap_or(spec.name);
    put(text, format_args!("# HELP {name} {}\n# TYPE {name} {kind}\n", spec.help));
}
fn series(text: &mut String, spec: Spec, labels: &str, numbers: &[u64]) {
    let name = spec.name;
    let Type::Histogram(bounds) = spec.kind else {
        return put(text, format_args!("{name}{{{labels}}} {}\n", number(spec.unit, numbers[0])));
    };
    let mut below = 0;
    for (n, count) in numbers[..=bounds.len()].iter().enumerate() {
        below += count;
        let le = bounds.get(n).map_or_else(|| String::from("+Inf"), |bound| number(spec.unit, *bound));
        put(text, format_args!("{name}_bucket{{{labels},le=\"{le}\"}} {below}\n"));
    }
    put(text, format_args!("{name}_sum{{{labels}}} {}\n", number(spec.unit, numbers[bounds.len() + 1])));
    put(text, format_args!("{name}_count{{{labels}}} {below}\n"));
}
/// A number in its unit: a time as seconds, without a trailing zero that says nothing.
fn number(unit: Unit, n: u64) -> String {
    let (one, digits) = match unit {
        Unit::Count => return format!("{n}"),
        Unit::Us => (1_000_000, 6),
        Unit::Ns => (1_000_000_000, 9),
    };
    let (whole, part) = (n / one, n % one);
    let fraction = format!("{part:0digits$}");
    match fraction.trim_end_matches('0') {
        "" => format!("{whole}"),
        digits => format!("{whole}.{digits}"),
    }
}
fn put(text: &mut String, what: core::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        let mut book = Book::default();
        book.set(Family::HasLeader, &[], 1);
        book.add(Family::PeerSentFailures, &[1], 3);
        book.observe(Family::WalFsync, &[], 1_500);
        Target { name: "etcd-host-1".into(), labels: "job=\"etcd\"".into(), book, objects: None }
    }

    #[test]
    fn buckets_are_cumulative_and_end_at_infinity() {
        let text = write(&[target()], Format::Prometheus);
        let lines = [
            "# TYPE etcd_disk_wal_fsync_duration_seconds histogram",
            "etcd_disk_wal_fsync_duration_seconds_bucket{job=\"etcd\",le=\"0.001\"} 0",
            "etcd_disk_wal_fsync_duration_seconds_bucket{job=\"etcd\",le=\"0.002\"} 1",
            "etcd_disk_wal_fsync_duration_seconds_bucket{job=\"etcd\",le=\"8.192\"} 1",
            "etcd_disk_wal_fsync_duration_seconds_bucket{job=\"etcd\",le=\"+Inf\"} 1",
            "etcd_disk_wal_fsync_duration_seconds_sum{job=\"etcd\"} 0.0015",
            "etcd_disk_wal_fsync_duration_seconds_count{job=\"etcd\"} 1",
            "# TYPE etcd_network_peer_sent_failures_total counter",
            "etcd_network_peer_sent_failures_total{To=\"2\",job=\"etcd\"} 3",
            "etcd_server_has_leader{job=\"etcd\"} 1",
        ];
        for line in lines {
            assert!(text.lines().any(|it| it == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn openmetrics_names_a_counter_without_total_and_ends() {
        let text = write(&[target()], Format::OpenMetrics);
        assert!(text.contains("# TYPE etcd_network_peer_sent_failures counter\n"));
        assert!(text.contains("\netcd_network_peer_sent_failures_total{"));
        assert!(text.ends_with("# EOF\n"));
    }
}
