// Why a flag that there is moves nothing here: the model has it as a constant, or not at all.

import { sayIfKnown, say } from '../say.ts';
import { goDuration, type Setting } from './flags.ts';
import type { Component } from './known.ts';

/** What the model has as a constant, as its flag would be written. CONSTANTS.md says where each comes from; a test compares. */
export const FIXED: Readonly<Record<Component, Readonly<Record<string, string>>>> = {
  etcd: { 'backend-batch-interval': '100ms', 'warning-apply-duration': '100ms', 'snapshot-catchup-entries': '5000', 'watch-progress-notify-interval': '5s', 'experimental-watch-progress-notify-interval': '5s' },
  'kube-apiserver': {
    'max-requests-inflight': '400', 'max-mutating-requests-inflight': '200', 'request-timeout': '60s', 'etcd-healthcheck-timeout': '2s', 'etcd-compaction-interval': '5m',
    'storage-initialization-timeout': '60s', 'default-not-ready-toleration-seconds': '300', 'default-unreachable-toleration-seconds': '300',
  },
  'kube-controller-manager': {
    'kube-api-qps': '20', 'kube-api-burst': '30', 'concurrent-deployment-syncs': '5', 'concurrent-replicaset-syncs': '5', 'concurrent-statefulset-syncs': '5', 'concurrent-service-endpoint-syncs': '5',
    'concurrent-daemonset-syncs': '2', 'concurrent-gc-syncs': '20', 'max-endpoints-per-slice': '100', 'node-monitor-period': '5s', 'node-monitor-grace-period': '50s',
    'node-eviction-rate': '0.1', 'secondary-node-eviction-rate': '0.01', 'large-cluster-size-threshold': '50', 'unhealthy-zone-threshold': '0.55',
  },
  'kube-scheduler': { 'kube-api-qps': '50', 'kube-api-burst': '100', podInitialBackoffSeconds: '1', podMaxBackoffSeconds: '10' },
  kubelet: {
    nodeStatusUpdateFrequency: '10s', 'node-status-update-frequency': '10s', nodeStatusReportFrequency: '5m', nodeLeaseDurationSeconds: '40', maxPods: '110', 'max-pods': '110',
  },
};

/** Flags with a reason of their own; their sentences end in these. */
const OWN: Readonly<Record<string, string>> = {
  'leader-elect': 'elect', 'snapshot-count': 'snapshot', 'quota-backend-bytes': 'quota', 'auto-compaction-mode': 'compaction', 'auto-compaction-retention': 'compaction',
  'initial-cluster-state': 'cluster', 'initial-cluster-token': 'cluster', 'enable-priority-and-fairness': 'fairness', 'goaway-chance': 'goaway', 'watch-cache': 'cache', 'default-watch-cache-size': 'cache', 'watch-cache-sizes': 'cache',
  'event-ttl': 'events', controllers: 'controllers', 'force-new-cluster': 'cluster',
};

/** The rest by what their names are about, the first that fits. */
const ABOUT: readonly (readonly [RegExp, string])[] = [
  [/cert|tls|cipher|ca-?file|(^|-)key|auth|token|crl|kubeconfig|service-account|encryption|requestheader|oidc|cors|whitelist|anonymous|signing|proxy-client|seccomp|privileged|bcrypt/i, 'security'],
  [/^v$|vmodule|(^|-)log|metric|trac|profiling|audit|pprof|debug|healthz|event-?(qps|burst|record)|version|warning/i, 'telling'],
  [/admission|feature-?gates|runtime-config|emulat|aggregator|bootstrap-token|garbage-collector|swagger/i, 'features'],
  [/url|address|port|bind|listen|advertise|host|cidr|ip-range|node-ip|dns|domain|^name$|interface|discovery|pod-?cidr|resolv|hairpin|iptables|egress|cluster-name|socket/i, 'address'],
  [/dir|file|path|^config$|manifest|root|prefix|storage-(backend|media)|wal/i, 'files'],
  [/cloud|provider|volume|pv-|pvc|attach|dynamic-provisioning|route/i, 'cloud'],
  [/cgroup|eviction|image|container|cpu|memory|reserved|pods|oom|swap|registry|topology|kernel|sysctl|open-?files|windows|runtime|streaming|gc/i, 'machine'],
  [/concurrent-|sync-period|batch-period|autoscaler|resync|cron|job|namespace|quota|ttl/i, 'controllers_work'],
];

/** Why this setting does not matter here, in a sentence. */
export function whyUnused(component: Component | null, { name, value }: Setting): string {
  const model = component === null ? undefined : FIXED[component][name];
  if (model !== undefined) return same(model, value) ? say('own_fixed_same', { model }) : say('own_fixed', { model });
  const reason = OWN[name] ?? ABOUT.find(([about]) => about.test(name))?.[1];
  return (reason === undefined ? undefined : sayIfKnown(`own_why_${reason}`)) ?? say('own_why_none');
}
/** Whether the model has this as a constant, and as another one. */
export function isFixedElsewhere(component: Component | null, { name, value }: Setting): boolean {
  const model = component === null ? undefined : FIXED[component][name];
  return model !== undefined && !same(model, value);
}
/** Whether two values are the same, however they are written. */
function same(a: string, b: string): boolean {
  if (a === b) return true;
  const [one, other] = [goDuration(a) ?? Number(a), goDuration(b) ?? Number(b)];
  return b !== '' && one === other;
}
