// What there is: hosts and programs, numbered as the engine numbers them.

import type { Frame } from './frame.ts';

/** The directory of a run. */
export interface Cluster {
  readonly members: number;
  readonly apis: number;
  /** Whether etcd has hosts of its own. */
  readonly external: boolean;
  readonly nodes: number;
  /** Hosts of members and API servers. The next one is the edge, with the users; then come the nodes'. */
  readonly controlHosts: number;
}

export const NO_CLUSTER: Cluster = { members: 0, apis: 0, external: false, nodes: 0, controlHosts: 0 };

export function clusterOf({ world }: Frame): Cluster {
  return {
    members: world.members(0),
    apis: world.api_servers(0),
    external: world.external(0) === 1,
    nodes: world.nodes(0),
    controlHosts: world.control_hosts(0),
  };
}

export function sameCluster(a: Cluster, b: Cluster): boolean {
  return a.members === b.members && a.apis === b.apis && a.external === b.external && a.nodes === b.nodes;
}

export type Program =
  | { readonly what: 'etcd' | 'api' | 'controller' | 'scheduler' | 'prober' | 'kubelet' | 'proxy'; readonly n: number }
  | { readonly what: 'balancer' | 'users' | 'operator' | 'unknown' };

/** What a program is, from its number. */
export function programAt(program: number, { members, apis, nodes }: Cluster): Program {
  let n = program;
  if (n < members) return { what: 'etcd', n };
  n -= members;
  if (n < apis) return { what: 'api', n };
  n -= apis;
  if (n < apis * 2) return { what: n % 2 === 0 ? 'controller' : 'scheduler', n: Math.floor(n / 2) };
  n -= apis * 2;
  if (n < apis) return { what: 'prober', n };
  n -= apis;
  if (n < 3) return { what: (['balancer', 'users', 'operator'] as const)[n] ?? 'unknown' };
  n -= 3;
  if (n < nodes * 2) return { what: n % 2 === 0 ? 'kubelet' : 'proxy', n: Math.floor(n / 2) };
  return { what: 'unknown' };
}

/** The host of etcd member `n`. */
export function memberHost(n: number): number {
  return n;
}

/** The host of API server `n`. */
export function apiHost(n: number, { members, external }: Cluster): number {
  return external ? members + n : n;
}

/** The host of a node. */
export function nodeHost(n: number, { controlHosts }: Cluster): number {
  return controlHosts + 1 + n;
}

/** The node of a host, or -1. */
export function nodeOfHost(host: number, { controlHosts }: Cluster): number {
  return host > controlHosts ? host - controlHosts - 1 : -1;
}
