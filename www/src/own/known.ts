// The flags that there are, so that a flag which does not matter here is told from one that nobody has. Names only: of
// Kubernetes v1.36 (those of the fields of a KubeletConfiguration, too) and of etcd v3.6 and v3.7. A question mark: it takes
// no value on the command line unless one is joined to it by an equals sign.

/** A program that a flag belongs to. */
export type Component = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubelet';

/** Flags that all four programs of Kubernetes have. */
const SHARED = `
allow-metric-labels allow-metric-labels-manifest authentication-token-webhook-cache-ttl authorization-webhook-cache-authorized-ttl
authorization-webhook-cache-unauthorized-ttl cert-dir client-ca-file contention-profiling? disabled-metrics emulated-version feature-gates help?
kubeconfig log-flush-frequency log-json-info-buffer-size log-json-split-stream? log-text-info-buffer-size log-text-split-stream? logging-format
min-compatibility-version show-hidden-metrics-for-version tls-cert-file tls-cipher-suites tls-min-version tls-private-key-file v version? vmodule
`;

const FLAGS: Readonly<Record<Component, string>> = {
  etcd: `
advertise-client-urls auth-token auth-token-ttl auto-compaction-mode auto-compaction-retention auto-tls? backend-batch-interval backend-batch-limit
backend-bbolt-freelist-type bcrypt-cost bootstrap-defrag-threshold-megabytes cert-file cipher-suites client-cert-allowed-hostname client-cert-auth?
client-cert-file client-crl-file client-key-file compact-hash-check-time compaction-batch-limit compaction-sleep-interval config-file
corrupt-check-time cors data-dir discovery discovery-cacert discovery-cert discovery-dial-timeout discovery-endpoints discovery-fallback
discovery-insecure-skip-tls-verify? discovery-insecure-transport? discovery-keepalive-time discovery-keepalive-timeout discovery-key
discovery-password discovery-proxy discovery-request-timeout discovery-srv discovery-srv-name discovery-token discovery-user
distributed-tracing-address distributed-tracing-instance-id distributed-tracing-sampling-rate distributed-tracing-service-name downgrade-check-time
election-timeout enable-distributed-tracing? enable-grpc-gateway? enable-log-rotation? enable-pprof? experimental-bootstrap-defrag-threshold-megabytes
experimental-compact-hash-check-enabled? experimental-compact-hash-check-time experimental-compaction-batch-limit
experimental-compaction-sleep-interval experimental-corrupt-check-time experimental-distributed-tracing-address
experimental-distributed-tracing-instance-id experimental-distributed-tracing-sampling-rate experimental-distributed-tracing-service-name
experimental-downgrade-check-time experimental-enable-distributed-tracing? experimental-enable-lease-checkpoint?
experimental-enable-lease-checkpoint-persist? experimental-initial-corrupt-check? experimental-memory-mlock?
experimental-peer-skip-client-san-verification? experimental-snapshot-catchup-entries experimental-stop-grpc-service-on-defrag?
experimental-txn-mode-write-with-shared-buffer? experimental-warning-apply-duration experimental-warning-unary-request-duration
experimental-watch-progress-notify-interval feature-gates force-new-cluster? grpc-keepalive-interval grpc-keepalive-min-time grpc-keepalive-timeout
heartbeat-interval help? host-whitelist initial-advertise-peer-urls initial-cluster initial-cluster-state initial-cluster-token
initial-election-tick-advance? key-file listen-client-http-urls listen-client-urls listen-metrics-urls listen-peer-urls log-format log-level
log-outputs log-rotation-config-json logger max-concurrent-streams max-learners max-request-bytes max-snapshots max-txn-ops max-wals memory-mlock?
metrics name peer-auto-tls? peer-cert-allowed-cn peer-cert-allowed-hostname peer-cert-file peer-client-cert-auth? peer-client-cert-file
peer-client-key-file peer-crl-file peer-key-file peer-skip-client-san-verification? peer-trusted-ca-file pre-vote? quota-backend-bytes
raft-read-timeout raft-write-timeout self-signed-cert-validity snapshot-catchup-entries snapshot-count socket-reuse-address? socket-reuse-port?
strict-reconfig-check? tls-max-version tls-min-version trusted-ca-file unsafe-no-fsync? v2-deprecation version? wal-dir warning-apply-duration
warning-unary-request-duration watch-progress-notify-interval
`,
  'kube-apiserver': `${SHARED}
admission-control admission-control-config-file advertise-address aggregator-reject-forwarding-redirect? allow-privileged? anonymous-auth?
api-audiences apiserver-count audit-log-batch-buffer-size audit-log-batch-max-size audit-log-batch-max-wait audit-log-batch-throttle-burst
audit-log-batch-throttle-enable? audit-log-batch-throttle-qps audit-log-compress? audit-log-format audit-log-maxage audit-log-maxbackup
audit-log-maxsize audit-log-mode audit-log-path audit-log-truncate-enabled? audit-log-truncate-max-batch-size audit-log-truncate-max-event-size
audit-log-version audit-policy-file audit-webhook-batch-buffer-size audit-webhook-batch-initial-backoff audit-webhook-batch-max-size
audit-webhook-batch-max-wait audit-webhook-batch-throttle-burst audit-webhook-batch-throttle-enable? audit-webhook-batch-throttle-qps
audit-webhook-config-file audit-webhook-initial-backoff audit-webhook-mode audit-webhook-truncate-enabled? audit-webhook-truncate-max-batch-size
audit-webhook-truncate-max-event-size audit-webhook-version authentication-config authentication-kubeconfig authentication-skip-lookup?
authentication-token-webhook-config-file authentication-token-webhook-version authentication-tolerate-lookup-failure? authorization-always-allow-paths
authorization-config authorization-kubeconfig authorization-mode authorization-policy-file authorization-webhook-config-file
authorization-webhook-version bind-address coordinated-leadership-lease-duration coordinated-leadership-renew-deadline
coordinated-leadership-retry-period cors-allowed-origins debug-socket-path default-not-ready-toleration-seconds default-unreachable-toleration-seconds default-watch-cache-size delete-collection-workers
disable-admission-plugins disable-http2-serving? egress-selector-config-file emulation-forward-compatible? enable-admission-plugins
enable-aggregator-routing? enable-bootstrap-token-auth? enable-garbage-collector? enable-logs-handler? enable-priority-and-fairness?
encryption-provider-config encryption-provider-config-automatic-reload? endpoint-reconciler-type etcd-cafile etcd-certfile etcd-compaction-interval
etcd-count-metric-poll-period etcd-db-metric-poll-interval etcd-healthcheck-timeout etcd-keyfile etcd-prefix etcd-readycheck-timeout etcd-servers
etcd-servers-overrides event-ttl external-hostname goaway-chance http2-max-streams-per-connection kubelet-certificate-authority
kubelet-client-certificate kubelet-client-key kubelet-port kubelet-preferred-address-types kubelet-read-only-port kubelet-timeout
kubernetes-service-node-port lease-reuse-duration-seconds livez-grace-period max-connection-bytes-per-sec max-mutating-requests-inflight
max-requests-inflight min-request-timeout oidc-ca-file oidc-client-id oidc-groups-claim oidc-groups-prefix oidc-issuer-url oidc-required-claim
oidc-signing-algs oidc-username-claim oidc-username-prefix peer-advertise-ip peer-advertise-port peer-ca-file permit-address-sharing?
permit-port-sharing? profiling? proxy-client-cert-file proxy-client-key-file request-timeout requestheader-allowed-names requestheader-client-ca-file
requestheader-extra-headers-prefix requestheader-group-headers requestheader-uid-headers requestheader-username-headers runtime-config
runtime-config-emulation-forward-compatible? secure-port send-retry-after-while-not-ready-once? service-account-extend-token-expiration?
service-account-issuer service-account-jwks-uri service-account-key-file service-account-lookup? service-account-max-token-expiration
service-account-signing-endpoint service-account-signing-key-file service-cluster-ip-range service-node-port-range shutdown-delay-duration
shutdown-send-retry-after? shutdown-watch-termination-grace-period storage-backend storage-initialization-timeout storage-media-type
strict-transport-security-directives tls-sni-cert-key token-auth-file tracing-config-file watch-cache? watch-cache-sizes
`,
  'kube-controller-manager': `${SHARED}
allocate-node-cidrs? allow-untagged-cloud? attach-detach-reconcile-sync-period authentication-kubeconfig authentication-skip-lookup?
authentication-tolerate-lookup-failure? authorization-always-allow-paths authorization-kubeconfig bind-address cidr-allocator-type cloud-config
cloud-provider cluster-cidr cluster-name cluster-signing-cert-file cluster-signing-duration cluster-signing-key-file
cluster-signing-kube-apiserver-client-cert-file cluster-signing-kube-apiserver-client-key-file cluster-signing-kubelet-client-cert-file
cluster-signing-kubelet-client-key-file cluster-signing-kubelet-serving-cert-file cluster-signing-kubelet-serving-key-file
cluster-signing-legacy-unknown-cert-file cluster-signing-legacy-unknown-key-file concurrent-cron-job-syncs concurrent-daemonset-syncs
concurrent-deployment-syncs concurrent-device-taint-eviction-syncs concurrent-endpoint-syncs concurrent-ephemeralvolume-syncs concurrent-gc-syncs
concurrent-horizontal-pod-autoscaler-syncs concurrent-job-syncs concurrent-namespace-syncs concurrent-node-status-updates concurrent-node-syncs
concurrent-rc-syncs concurrent-replicaset-syncs concurrent-resource-quota-syncs concurrent-resourceclaim-syncs concurrent-service-endpoint-syncs
concurrent-service-syncs concurrent-serviceaccount-token-syncs concurrent-statefulset-syncs concurrent-ttl-after-finished-syncs
concurrent-validating-admission-policy-status-syncs configure-cloud-routes? controller-shutdown-timeout controller-start-interval controllers
disable-attach-detach-reconcile-sync? disable-force-detach-on-timeout? disable-http2-serving? enable-dynamic-provisioning? enable-garbage-collector?
enable-hostpath-provisioner? enable-leader-migration? endpoint-updates-batch-period endpointslice-updates-batch-period external-cloud-volume-plugin
flex-volume-plugin-dir horizontal-pod-autoscaler-cpu-initialization-period horizontal-pod-autoscaler-downscale-stabilization
horizontal-pod-autoscaler-initial-readiness-delay horizontal-pod-autoscaler-sync-period horizontal-pod-autoscaler-tolerance
http2-max-streams-per-connection kube-api-burst kube-api-content-type kube-api-qps large-cluster-size-threshold leader-elect?
leader-elect-lease-duration leader-elect-renew-deadline leader-elect-resource-lock leader-elect-resource-name leader-elect-resource-namespace
leader-elect-retry-period leader-migration-config legacy-service-account-token-clean-up-period master max-endpoints-per-slice min-resync-period
mirroring-concurrent-service-endpoint-syncs mirroring-endpointslice-updates-batch-period mirroring-max-endpoints-per-subset namespace-sync-period
node-cidr-mask-size node-cidr-mask-size-ipv4 node-cidr-mask-size-ipv6 node-eviction-rate node-monitor-grace-period node-monitor-period
node-startup-grace-period node-status-update-frequency node-sync-period permit-address-sharing? permit-port-sharing? profiling?
pv-recycler-increment-timeout-nfs pv-recycler-minimum-timeout-hostpath pv-recycler-minimum-timeout-nfs pv-recycler-pod-template-filepath-hostpath
pv-recycler-pod-template-filepath-nfs pv-recycler-timeout-increment-hostpath pvclaimbinder-sync-period requestheader-allowed-names
requestheader-client-ca-file requestheader-extra-headers-prefix requestheader-group-headers requestheader-uid-headers requestheader-username-headers
resource-quota-sync-period root-ca-file route-reconciliation-period secondary-node-eviction-rate secure-port service-account-private-key-file
service-cluster-ip-range terminated-pod-gc-threshold tls-sni-cert-key unhealthy-zone-threshold use-service-account-credentials?
`,
  'kube-scheduler': `${SHARED}
authentication-kubeconfig authentication-skip-lookup? authentication-tolerate-lookup-failure? authorization-always-allow-paths
authorization-kubeconfig bind-address config disable-http2-serving? http2-max-streams-per-connection kube-api-burst kube-api-content-type kube-api-qps
leader-elect? leader-elect-lease-duration leader-elect-renew-deadline leader-elect-resource-lock leader-elect-resource-name
leader-elect-resource-namespace leader-elect-retry-period master permit-address-sharing? permit-port-sharing? pod-max-in-unschedulable-pods-duration
profiling? requestheader-allowed-names requestheader-client-ca-file requestheader-extra-headers-prefix requestheader-group-headers
requestheader-uid-headers requestheader-username-headers secure-port tls-sni-cert-key write-config-to
`,
  kubelet: `${SHARED}
address allowed-unsafe-sysctls anonymous-auth? authentication-token-webhook? authorization-mode bootstrap-kubeconfig cgroup-driver cgroup-root
cgroups-per-qos? cloud-provider cluster-dns cluster-domain config config-dir container-log-max-files container-log-max-size container-runtime-endpoint
cpu-cfs-quota? cpu-cfs-quota-period cpu-manager-policy cpu-manager-policy-options cpu-manager-reconcile-period enable-controller-attach-detach?
enable-debugging-handlers? enable-server? enforce-node-allocatable event-burst event-qps eviction-hard eviction-max-pod-grace-period
eviction-minimum-reclaim eviction-pressure-transition-period eviction-soft eviction-soft-grace-period exit-on-lock-contention?
experimental-allocatable-ignore-eviction? experimental-mounter-path fail-cgroupv1? fail-swap-on? file-check-frequency hairpin-mode
healthz-bind-address healthz-port hostname-override http-check-frequency image-credential-provider-bin-dir image-credential-provider-config
image-gc-high-threshold image-gc-low-threshold image-service-endpoint kernel-memcg-notification? kube-api-burst kube-api-content-type kube-api-qps
kube-reserved kube-reserved-cgroup kubelet-cgroups local-storage-capacity-isolation? lock-file make-iptables-util-chains? manifest-url
manifest-url-header max-open-files max-pods maximum-dead-containers maximum-dead-containers-per-container memory-manager-policy
minimum-container-ttl-duration minimum-image-ttl-duration node-ip node-labels node-status-max-images node-status-update-frequency oom-score-adj
pod-cidr pod-manifest-path pod-max-pids pods-per-core port protect-kernel-defaults? provider-id qos-reserved read-only-port register-node?
register-with-taints registry-burst registry-qps reserved-cpus reserved-memory resolv-conf root-dir rotate-certificates? rotate-server-certificates?
runonce? runtime-cgroups runtime-request-timeout seccomp-default? serialize-image-pulls? streaming-connection-idle-timeout sync-frequency
system-cgroups system-reserved system-reserved-cgroup topology-manager-policy topology-manager-policy-options topology-manager-scope volume-plugin-dir
volume-stats-agg-period windows-priorityclass windows-service?
`,
};

/** The fields of a KubeletConfiguration. */
const KUBELET_FIELDS = `
address allowedUnsafeSysctls authentication authorization cgroupDriver cgroupRoot cgroupsPerQOS clusterDNS clusterDomain
configMapAndSecretChangeDetectionStrategy containerLogMaxFiles containerLogMaxSize containerLogMaxWorkers containerLogMonitorInterval
containerRuntimeEndpoint contentType cpuCFSQuota cpuCFSQuotaPeriod cpuManagerPolicy cpuManagerPolicyOptions cpuManagerReconcilePeriod crashLoopBackOff
enableContentionProfiling enableControllerAttachDetach enableDebugFlagsHandler enableDebuggingHandlers enableProfilingHandler enableServer
enableSystemLogHandler enableSystemLogQuery enforceNodeAllocatable eventBurst eventRecordQPS evictionHard evictionMaxPodGracePeriod
evictionMinimumReclaim evictionPressureTransitionPeriod evictionSoft evictionSoftGracePeriod failCgroupV1 failSwapOn featureGates fileCheckFrequency
hairpinMode healthzBindAddress healthzPort httpCheckFrequency imageGCHighThresholdPercent imageGCLowThresholdPercent imageMaximumGCAge
imageMinimumGCAge imagePullCredentialsVerificationPolicy imageServiceEndpoint iptablesDropBit iptablesMasqueradeBit kernelMemcgNotification
kubeAPIBurst kubeAPIQPS kubeletCgroups kubeReserved kubeReservedCgroup localStorageCapacityIsolation logging makeIPTablesUtilChains maxOpenFiles
maxParallelImagePulls maxPods memoryManagerPolicy memoryReservationPolicy memorySwap memoryThrottlingFactor mergeDefaultEvictionSettings
nodeLeaseDurationSeconds nodeStatusMaxImages nodeStatusReportFrequency nodeStatusUpdateFrequency oomScoreAdj podCIDR podLogsDir podPidsLimit
podsPerCore port preloadedImagesVerificationAllowlist protectKernelDefaults providerID qosReserved readOnlyPort registerNode registerWithTaints
registryBurst registryPullQPS reservedMemory reservedSystemCPUs resolvConf rotateCertificates runOnce runtimeRequestTimeout seccompDefault
serializeImagePulls serverTLSBootstrap showHiddenMetricsForVersion shutdownGracePeriod shutdownGracePeriodByPodPriority
shutdownGracePeriodCriticalPods singleProcessOOMKill staticPodPath staticPodURL staticPodURLHeader streamingConnectionIdleTimeout syncFrequency
systemCgroups systemReserved systemReservedCgroup tlsCertFile tlsCipherSuites tlsCurvePreferences tlsMinVersion tlsPrivateKeyFile
topologyManagerPolicy topologyManagerPolicyOptions topologyManagerScope tracing userNamespaces volumePluginDir volumeStatsAggPeriod
`;

/** The fields of a KubeSchedulerConfiguration; those of its leaderElection are flags as well. */
const SCHEDULER_FIELDS = 'parallelism clientConnection percentageOfNodesToScore podInitialBackoffSeconds podMaxBackoffSeconds profiles extenders delayCacheUntilActive enableProfiling enableContentionProfiling';

export const COMPONENTS = Object.keys(FLAGS) as Component[];

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
function flagsOf(component: Component): Map<string, boolean> {
  return new Map(words(FLAGS[component]).map((word) => [word.replace('?', ''), word.endsWith('?')]));
}
const known = new Map(COMPONENTS.map((component) => [component, flagsOf(component)]));
const fields: ReadonlyMap<Component, readonly string[]> = new Map([['kubelet', words(KUBELET_FIELDS)], ['kube-scheduler', words(SCHEDULER_FIELDS)]]);

/** Whether a program has this flag. */
export function hasFlag(component: Component, flag: string): boolean {
  return known.get(component)?.has(flag) === true;
}
/** Whether its configuration has this field. */
export function hasField(component: Component, field: string): boolean {
  return fields.get(component)?.includes(field) === true;
}
/** Whether it is a switch, so that the next word of a command line is not its value. */
export function isSwitch(component: Component | null, flag: string): boolean {
  return (component === null ? COMPONENTS : [component]).some((one) => known.get(one)?.get(flag) === true);
}
/** The programs that have this flag. */
export function havers(flag: string): Component[] {
  return COMPONENTS.filter((component) => hasFlag(component, flag));
}

/** The name that was probably meant: the nearest that there is, if it is near enough. */
export function nearest(component: Component | null, name: string, isField: boolean): string | undefined {
  const all = (component === null ? COMPONENTS : [component]).flatMap((one) => (isField ? [...(fields.get(one) ?? [])] : [...(known.get(one)?.keys() ?? [])]));
  const most = name.length < 4 ? 0 : name.length < 6 ? 1 : name.length < 14 ? 2 : 3;
  let best: { name: string; far: number } | undefined;
  for (const candidate of all) {
    if (Math.abs(candidate.length - name.length) > most) continue;
    const far = distance(name.toLowerCase(), candidate.toLowerCase(), most);
    if (far <= most && (best === undefined || far < best.far)) best = { name: candidate, far };
  }
  return best?.name;
}

/** How many letters have to be put in, left out, changed or swapped with the next; more than `most`: it does not matter how many. */
function distance(a: string, b: string, most: number): number {
  if (a.length > 80) return most + 1;
  let [before, above] = [[] as number[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    [before, above] = [above, row];
  }
  return above[b.length] ?? most + 1;
}
