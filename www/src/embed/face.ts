// What an address asks to be shown of the page: parts by name, what stays locked, and whom the page talks to.

/** Sets of parts. An embed shows the first one unless it is asked for others; the full page shows everything. */
export const VIEWS = {
  ladder: ['loss', 'ladder', 'caption', 'start-over', 'why', 'words'],
  dials: ['dials', 'caption', 'start-over'],
  timeline: ['timeline', 'branches', 'transport', 'speed', 'caption', 'start-over'],
  chart: ['chart-success', 'caption', 'start-over'],
  charts: ['charts', 'caption', 'start-over'],
  events: ['events', 'why', 'start-over'],
} as const;
export type View = keyof typeof VIEWS;

/** Parts that can be shown and hidden besides the dials, which go by their parameters. */
export const PARTS = [
  'settings', 'task', 'caption', 'transport', 'speed', 'start-over',
  'dials', 'more', 'topology', 'faults', 'kubectl',
  'ladder', 'requests', 'pods', 'work', 'electors', 'servers', 'etcd', 'network', 'legend', 'words',
  'timeline', 'branches', 'milestones', 'reference', 'inspector', 'why', 'events', 'lamps', 'verdicts',
  'charts', 'chart-success', 'chart-latency', 'chart-leaders', 'chart-lease', 'chart-pods', 'chart-stale', 'chart-queue',
] as const;
export type PartName = (typeof PARTS)[number];

export interface Face {
  /** Whether this is a figure in somebody's text, not a page of its own. */
  readonly embedded: boolean;
  readonly views: readonly View[];
  /** Parts and dials. */
  readonly show: readonly string[];
  readonly hide: readonly string[];
  /** Dials that can be seen but not moved. */
  readonly lock: readonly string[];
  /** The origin that may give orders from outside the frame; '*': any; '': none. */
  readonly relay: string;
}

/** Whether the page is a figure without being asked, as embed.html is. */
export function isFigure(): boolean {
  return document.documentElement.dataset['embed'] !== undefined;
}
/** Whether an address asks for anything of that, before anybody knows the dials. */
export function asksForFace(query: string): boolean {
  const params = new URLSearchParams(query);
  return isFigure() || ['embed', 'view', 'show', 'hide', 'lock', 'relay'].some((name) => params.has(name));
}

/** What is said to the page before anybody is there to listen. */
export function hearEarly(): { readonly heard: MessageEvent[]; stop(): void } {
  const heard: MessageEvent[] = [];
  const hear = (event: MessageEvent): void => {
    if (event.source === parent && parent !== window) heard.push(event);
  };
  addEventListener('message', hear);
  return { heard, stop: () => removeEventListener('message', hear) };
}

export const WHOLE: Face = { embedded: false, views: [], show: [], hide: [], lock: [], relay: '' };

/** What locks every dial. */
export const ALL = 'all';

export function isLocked({ lock }: Face, dial: string): boolean {
  return lock.includes(dial) || lock.includes(ALL);
}

const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  dials: ['loss', 'where', 'lease', 'renew', 'retry'],
  charts: PARTS.filter((name) => name.startsWith('chart-')),
};
const LADDER = ['requests', 'pods', 'work', 'electors', 'servers', 'etcd', 'network', 'legend'];

/** The groups that a part is in, which have to be there for it to be seen. */
function groupOf(name: string): string | undefined {
  if (LADDER.includes(name)) return 'ladder';
  return name.startsWith('chart-') ? 'charts' : undefined;
}
function expand(names: readonly string[]): string[] {
  return names.flatMap((name) => [name, ...(MEMBERS[name] ?? [])]);
}

/** Says of each part and dial whether it is shown; undefined: as the page sees fit. */
export function chooser({ embedded, views, show, hide }: Face): (name: string) => boolean | undefined {
  const chosen: readonly View[] = views.length === 0 && embedded ? ['ladder'] : views;
  const shown = new Set(expand([...chosen.flatMap((view) => VIEWS[view]), ...show]));
  for (const name of [...shown]) {
    const group = groupOf(name);
    if (group !== undefined) shown.add(group);
  }
  const hidden = new Set(expand(hide));
  return (name) => {
    if (hidden.has(name)) return false;
    if (shown.has(name)) return true;
    return chosen.length === 0 ? undefined : RUNGS.includes(name) && shown.has('ladder') ? undefined : false;
  };
}

/** What is drawn under the lines of the lower rungs; how much of it there is room for decides the ladder. */
const RUNGS = ['electors', 'servers', 'etcd', 'network'];
