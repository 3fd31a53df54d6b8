//! What kube-state-metrics says of objects, as far as the alerts look at it: its own names, one series for each object.
//!
//! Source: kube-state-metrics internal/store/{node,pod,deployment,statefulset,daemonset}.go. It is an onlooker like
//! Prometheus: it reads the store of the member that has applied most, and is never stale.

use super::text::Format;
use crate::etcd::kv::Store;
use crate::object::{Condition, DaemonSet, Deployment, Key, Kind, Node, Object, Phase, Pod, StatefulSet};
use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

/// What kube-state-metrics adds to every series. Code: labels.
const TARGET: &str = "job=\"kube-state-metrics\",instance=\"10.0.0.250:8080\",pod=\"kube-state-metrics-0\"";

/// A number of an object, if it has one: what to write between the braces, and the number.
type Read = fn(Key, &Object) -> Option<(String, u64)>;

/// A metric of one kind of objects.
struct Metric {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    read: Read,
}

/// Every metric of objects, by kind. Code: a list.
const METRICS: &[Metric] = &[
    Metric {
        name: "kube_node_status_condition",
        help: "Whether the node's Ready condition is True.",
        kind: Kind::Node,
        read: ready,
    },
    Metric { name: "kube_node_spec_taint", help: "A node's taints.", kind: Kind::Node, read: unreachable },
    Metric {
        name: "kube_node_spec_unschedulable",
        help: "Whether a node is cordoned.",
        kind: Kind::Node,
        read: cordoned,
    },
    Metric { name: "kube_pod_status_phase", help: "The phase a pod is in.", kind: Kind::Pod, read: phase },
    Metric {
        name: "kube_pod_status_ready",
        help: "Whether the pod's Ready condition is True.",
        kind: Kind::Pod,
        read: pod_ready,
    },
    Metric {
        name: "kube_pod_container_status_restarts_total",
        help: "How often a pod's container was restarted.",
        kind: Kind::Pod,
        read: restarts,
    },
    Metric {
        name: "kube_deployment_spec_replicas",
        help: "Pods that a Deployment should have.",
        kind: Kind::Deployment,
        read: |key, o| deployment(key, o, |it| it.replicas),
    },
    Metric {
        name: "kube_deployment_status_replicas_available",
        help: "Pods of a Deployment that are available.",
        kind: Kind::Deployment,
        read: |key, o| deployment(key, o, |it| it.available),
    },
    Metric {
        name: "kube_deployment_status_replicas_updated",
        help: "Pods of a Deployment made from its newest template.",
        kind: Kind::Deployment,
        read: |key, o| deployment(key, o, |it| it.updated),
    },
    Metric {
        name: "kube_deployment_status_condition",
        help: "Whether a Deployment's Progressing condition is False.",
        kind: Kind::Deployment,
        read: progressing,
    },
    Metric {
        name: "kube_statefulset_replicas",
        help: "Pods that a StatefulSet should have.",
        kind: Kind::StatefulSet,
        read: |key, o| stateful_set(key, o, |it| it.replicas),
    },
    Metric {
        name: "kube_statefulset_status_replicas",
        help: "Pods that a StatefulSet has.",
        kind: Kind::StatefulSet,
        read: |key, o| stateful_set(key, o, |it| it.status_replicas),
    },
    Metric {
        name: "kube_statefulset_status_replicas_ready",
        help: "Pods of a StatefulSet that are ready.",
        kind: Kind::StatefulSet,
        read: |key, o| stateful_set(key, o, |it| it.ready),
    },
    Metric {
        name: "kube_statefulset_status_replicas_updated",
        help: "Pods of a StatefulSet made from its newest template.",
        kind: Kind::StatefulSet,
        read: |key, o| stateful_set(key, o, |it| it.updated),
    },
    Metric {
        name: "kube_daemonset_status_desired_number_scheduled",
        help: "Nodes that a DaemonSet should run on.",
        kind: Kind::DaemonSet,
        read: |key, o| daemon_set(key, o, |it| it.desired),
    },
    Metric {
        name: "kube_daemonset_status_current_number_scheduled",
        help: "Nodes of these that have its pod.",
        kind: Kind::DaemonSet,
        read: |key, o| daemon_set(key, o, |it| it.current),
    },
    Metric {
        name: "kube_daemonset_status_number_ready",
        help: "Pods of a DaemonSet that are ready.",
        kind: Kind::DaemonSet,
        read: |key, o| daemon_set(key, o, |it| it.ready),
    },
    Metric {
        name: "kube_daemonset_status_updated_number_scheduled",
        help: "Pods of a DaemonSet made from its newest template.",
        kind: Kind::DaemonSet,
        read: |key, o| daemon_set(key, o, |it| it.updated),
    },
];

/// Writes what it says of every object.
pub fn write(text: &mut String, store: &Store, format: Format) {
    for Metric { name, help, kind, read } in METRICS {
        let mut objects = store.range(kind.first(), kind.end());
        let mut lines = objects.by_ref().filter_map(|kv| read(kv.key, &kv.value.object)).peekable();
        if lines.peek().is_none() {
            continue;
        }
        let total = name.strip_suffix("_total");
        let kind = if total.is_some() { "counter" } else { "gauge" };
        let bare = total.filter(|_| format == Format::OpenMetrics).unwrap_or(name);
        text.write_fmt(format_args!("# HELP {bare} {help}\n# TYPE {bare} {kind}\n"))
            .expect("a String takes everything");
        for (labels, value) in lines {
            text.write_fmt(format_args!("{name}{{{labels},{TARGET}}} {value}\n")).expect("a String takes everything");
        }
    }
}

fn node(object: &Object) -> Option<&Node> {
    object.node()
}
fn ready(_: Key, object: &Object) -> Option<(String, u64)> {
    let node = node(object)?;
    let labels = format!("node=\"node-{}\",condition=\"Ready\",status=\"true\"", node.id);
    Some((labels, u64::from(node.ready == Condition::True)))
}
fn unreachable(_: Key, object: &Object) -> Option<(String, u64)> {
    let node = node(object).filter(|node| node.taints.unreachable.is_some())?;
    let labels = "key=\"node.kubernetes.io/unreachable\",value=\"\",effect=\"NoExecute\"";
    Some((format!("node=\"node-{}\",{labels}", node.id), 1))
}
fn cordoned(_: Key, object: &Object) -> Option<(String, u64)> {
    let node = node(object)?;
    Some((format!("node=\"node-{}\"", node.id), u64::from(node.unschedulable)))
}
/// A pod's labels. `exported_pod` is what Prometheus makes of a label that the target has, too.
fn of_pod(key: Key, pod: &Pod) -> String {
    format!("namespace=\"default\",exported_pod=\"w{}-{}-{}\"", pod.workload, key.template(), key.number())
}
fn phase(key: Key, object: &Object) -> Option<(String, u64)> {
    let pod = object.pod()?;
    let phase = match pod.phase {
        Phase::Pending => "Pending",
        Phase::Running => "Running",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
    };
    Some((format!("{},phase=\"{phase}\"", of_pod(key, pod)), 1))
}
fn pod_ready(key: Key, object: &Object) -> Option<(String, u64)> {
    let pod = object.pod()?;
    Some((format!("{},condition=\"true\"", of_pod(key, pod)), u64::from(pod.ready)))
}
fn restarts(key: Key, object: &Object) -> Option<(String, u64)> {
    let pod = object.pod()?;
    Some((format!("{},container=\"main\"", of_pod(key, pod)), pod.restarts.into()))
}
fn deployment(_: Key, object: &Object, read: impl Fn(&Deployment) -> u32) -> Option<(String, u64)> {
    let it = object.deployment()?;
    Some((format!("namespace=\"default\",deployment=\"w{}\"", it.workload), read(it).into()))
}
fn progressing(key: Key, object: &Object) -> Option<(String, u64)> {
    let (labels, value) = deployment(key, object, |it| u32::from(it.deadline_exceeded))?;
    Some((format!("{labels},condition=\"Progressing\",status=\"false\""), value))
}
fn stateful_set(_: Key, object: &Object, read: impl Fn(&StatefulSet) -> u32) -> Option<(String, u64)> {
    let it = object.stateful_set()?;
    Some((format!("namespace=\"default\",statefulset=\"w{}\"", it.workload), read(it).into()))
}
fn daemon_set(_: Key, object: &Object, read: impl Fn(&DaemonSet) -> u32) -> Option<(String, u64)> {
    let it = object.daemon_set()?;
    Some((format!("namespace=\"default\",daemonset=\"w{}\"", it.workload), read(it).into()))
}
