// Texts to begin with: as operators have them.

/** What kubeadm writes for the first of three, with an operator's flags for a slow network. Shortened. */
const KUBEADM = `# etcd.yaml of the third control plane
apiVersion: v1
kind: Pod
metadata:
  name: etcd
  namespace: kube-system
spec:
  containers:
  - name: etcd
    image: registry.k8s.io/etcd:3.6.6-0
    command:
    - etcd
    - --name=cp-3
    - --data-dir=/var/lib/etcd
    - --initial-cluster=cp-1=https://10.0.0.11:2380,cp-2=https://10.0.0.12:2380,cp-3=https://10.0.0.13:2380
    - --initial-cluster-state=existing
    - --heartbeat-interval=300
    - --election-timeout=3000
    - --snapshot-count=10000
    - --quota-backend-bytes=8589934592
---
# kube-apiserver.yaml
apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - name: kube-apiserver
    image: registry.k8s.io/kube-apiserver:v1.36.2
    command:
    - kube-apiserver
    - --advertise-address=10.0.0.13
    - --etcd-servers=https://127.0.0.1:2379
    - --request-timeout=60s
    - --max-requests-inflight=800
    livenessProbe:
      httpGet: {host: 10.0.0.13, path: /livez, port: 6443, scheme: HTTPS}
---
# kube-controller-manager.yaml
apiVersion: v1
kind: Pod
metadata:
  name: kube-controller-manager
  namespace: kube-system
spec:
  containers:
  - name: kube-controller-manager
    command:
    - kube-controller-manager
    - --leader-elect=true
    - --leader-elect-lease-duration=60s
    - --leader-elect-renew-deadline=40s
    - --leader-elect-retry-period=5s
    - --node-monitor-grace-period=40s
`;

const LINES = `# /etc/systemd/system/etcd.service.d/override.conf
[Service]
Environment="ETCD_HEARTBEAT_INTERVAL=250"
ExecStart=/usr/local/bin/etcd --name cp-1 \\
  --election-timeout 2500 \\
  --snapshot-cuont 100000
RestartSec=5
---
# ps ax
kube-scheduler --leader-elect=true --leader-elect-lease-duration=1m --leader-elect-renew-deadline=40s -v=2
`;

const CONFLICT = `# cp-1
etcd --name cp-1 --heartbeat-interval=500 --election-timeout=2000
---
kube-controller-manager --leader-elect-lease-duration=15s --leader-elect-renew-deadline=20s
---
kube-scheduler --leader-elect-renew-deadline=10s --leader-elect-retry-period=9s
`;

export const EXAMPLES = [
  ['own_example_kubeadm', KUBEADM],
  ['own_example_lines', LINES],
  ['own_example_conflict', CONFLICT],
] as const;
