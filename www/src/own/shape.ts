// What flags tell of a cluster's shape: how many members etcd has, and whether they run beside the API servers.

import type { Cluster } from '../cluster.ts';
import { say } from '../say.ts';
import type { Topology } from '../state.ts';
import type { Process } from './flags.ts';

/** The sizes that the model has. */
const SIZES = [1, 3, 5];
/** The most API servers where etcd has its own hosts. */
const EXTERNAL_MAX = 3;

export interface Shape {
  /** The cluster to begin with; undefined: none that could be had. */
  readonly topology: Topology | undefined;
  /** Whether it is more than a guess. */
  readonly sure: boolean;
  /** A sentence for each of the two flags, by its name. */
  readonly sentences: ReadonlyMap<string, string>;
}

/** The cluster that the programs' flags describe; what they don't say stays as it is here. undefined: they say nothing. */
export function shapeOf(processes: readonly Process[], here: Cluster): Shape | undefined {
  const sentences = new Map<string, string>();
  const listed = processes.flatMap((process) => (process.component === 'etcd' ? [valueOf(process, 'initial-cluster')] : [])).filter((value) => value !== undefined);
  const names = new Set(listed.flatMap((value) => value.split(',')).map((pair) => pair.split('=')[0]?.trim() ?? '').filter((name) => name !== ''));
  const servers = processes.filter(({ component }) => component === 'kube-apiserver');
  const asked = servers.map((server) => askedBy(server)).filter((one) => one !== undefined);
  if (names.size === 0 && asked.length === 0) return undefined;

  const apart = asked.find(({ isOwn }) => !isOwn);
  const external = asked.length === 0 ? here.external : apart !== undefined;
  const told = names.size > 0 ? names.size : (asked.find(({ hosts }) => hosts.length > 1)?.hosts.length ?? apart?.hosts.length);
  const members = told ?? here.members;
  const lone = names.size === 1 && told === 1;
  if (names.size > 0) sentences.set('initial-cluster', say(!SIZES.includes(names.size) ? 'own_members_refused' : lone ? 'own_members_lone' : 'own_members', { n: names.size }));
  if (asked.length > 0) sentences.set('etcd-servers', external ? say('own_external', { n: apart?.hosts.length ?? members }) : say(asked.some(({ hosts }) => hosts.length > 1) ? 'own_stacked_lists' : 'own_stacked'));
  if (!SIZES.includes(members)) {
    if (names.size === 0) sentences.set('etcd-servers', say('own_members_refused', { n: members }));
    return { topology: undefined, sure: false, sentences };
  }
  const counted = new Set(servers.map((server) => valueOf(server, 'advertise-address') ?? server.source)).size;
  const most = external ? EXTERNAL_MAX : members;
  const usual = external ? Math.min(here.apis, EXTERNAL_MAX) : members;
  const api_servers = Math.min(most, counted > 1 ? counted : usual);
  return { topology: { members, api_servers, external, nodes: here.nodes }, sure: !lone, sentences };
}

function valueOf({ settings }: Process, name: string): string | undefined {
  return settings.findLast((setting) => setting.name === name)?.value;
}

/** The etcd hosts that an API server asks, and whether one of them is its own. */
function askedBy(server: Process): { hosts: string[]; isOwn: boolean } | undefined {
  const value = valueOf(server, 'etcd-servers');
  if (value === undefined) return undefined;
  const hosts = [...new Set(value.split(',').map(hostOf).filter((host) => host !== ''))];
  if (hosts.length === 0) return undefined;
  const own = valueOf(server, 'advertise-address');
  return { hosts, isOwn: hosts.some((host) => isLoopback(host) || host === own) };
}
function hostOf(url: string): string {
  try {
    return new URL(url.trim()).hostname;
  } catch {
    return '';
  }
}
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\./.test(host);
}
