// How the page looks and speaks: what an address asks for, what was chosen here before, and what there is.

import { LANGUAGES, PSEUDO } from './locale.ts';

export type Theme = 'auto' | 'light' | 'dark';
export type PaletteName = 'sky' | 'iris';
export type Motion = 'auto' | 'reduced' | 'full';

export interface Looks {
  readonly theme: Theme;
  readonly palette: PaletteName;
  readonly motion: Motion;
  /** For a projector: large and plain. */
  readonly projector: boolean;
  /** A language's tag; `auto`: the browser's. */
  readonly locale: string;
  /** Whether the live region is silent. */
  readonly quiet: boolean;
}

export const PLAIN: Looks = { theme: 'auto', palette: 'sky', motion: 'auto', projector: false, locale: 'auto', quiet: false };

/** What can be chosen of each kind. */
export const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];
export const PALETTES: readonly PaletteName[] = ['sky', 'iris'];
export const MOTIONS: readonly Motion[] = ['auto', 'reduced', 'full'];
export const LOCALES: readonly string[] = ['auto', ...Object.keys(LANGUAGES)];

/** How an address's parameters are read, each on its own. */
interface Readers {
  oneOf<T extends string>(name: string, names: readonly T[], fallback: T, hidden?: readonly T[]): T;
  onOff(name: string, fallback: boolean): boolean;
}

/** What an address asks for, and where it says nothing, what was chosen before. */
export function readLooks({ oneOf, onOff }: Readers, before: Looks): Looks {
  return {
    theme: oneOf('theme', THEMES, before.theme),
    palette: oneOf('palette', PALETTES, before.palette),
    motion: oneOf('motion', MOTIONS, before.motion),
    projector: onOff('projector', before.projector),
    locale: oneOf('locale', LOCALES, before.locale, PSEUDO),
    quiet: before.quiet,
  };
}

/** The same before anything is loaded; what cannot be had is passed over, and told later. */
export function earlyLooks(query: string, before: Looks): Looks {
  const params = new URLSearchParams(query);
  return readLooks({
    oneOf: (name, names, fallback, hidden = []) => [...names, ...hidden].find((known) => known === params.get(name)) ?? fallback,
    onOff: (name, fallback) => switchOf(params.get(name) ?? '') ?? fallback,
  }, before);
}

/** On, off, or undefined where a text is neither. */
export function switchOf(text: string): boolean | undefined {
  return ['1', 'on', 'true'].includes(text) ? true : ['0', 'off', 'false'].includes(text) ? false : undefined;
}

/** Writes into an address what differs from the plain looks. Quiet is nobody else's business. */
export function formatLooks(params: URLSearchParams, looks: Looks): void {
  for (const name of ['theme', 'palette', 'motion', 'locale'] as const) if (looks[name] !== PLAIN[name]) params.set(name, looks[name]);
  if (looks.projector) params.set('projector', 'on');
}

/** How much larger than it is laid out everything drawn is. Chosen: two rows more of a lecture hall. */
export function scaleOf({ projector }: Pick<Looks, 'projector'>): number {
  return projector ? 1.25 : 1;
}

const KEY = 'brownout-looks';

/** What was chosen in this browser before; plain where nothing is kept, or where nothing may be. */
export function remembered(): Looks {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    const params = new URLSearchParams(Object.entries(kept ?? {}).map(([name, value]) => [name, String(value)]));
    return { ...earlyLooks(String(params), PLAIN), quiet: params.get('quiet') === 'true' };
  } catch {
    return PLAIN;
  }
}

/** Keeps what was chosen, where the browser lets us. Made-up languages are not kept. */
export function remember(looks: Looks): void {
  try {
    const { theme, palette, motion, projector, locale, quiet } = looks;
    localStorage.setItem(KEY, JSON.stringify({ theme, palette, motion, projector, quiet, locale: PSEUDO.includes(locale) ? 'auto' : locale }));
  } catch {
    // A frame of an opaque origin has no storage; the address still remembers.
  }
}
