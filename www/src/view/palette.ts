// The colours of the style sheet, for canvas and charts, which cannot name them themselves.

export interface Palette {
  /** Tells palettes apart. */
  readonly key: string;
  readonly ink: string;
  readonly muted: string;
  readonly track: string;
  readonly calm: string;
  readonly accent: string;
  readonly wait: string;
  readonly bad: string;
  readonly series: readonly string[];
  packet(className: string): string;
}

const NAMES = ['ink', 'muted', 'track', 'calm', 'accent', 'wait', 'bad', 'series-0', 'series-1', 'series-2', 'series-3', 'series-4'];

/** Reads the colours as they are now, light or dark. */
export function readPalette(classes: readonly string[]): Palette {
  const probe = document.createElement('span');
  probe.hidden = true;
  // A canvas is not forced into the system's colours; on its background these still tell things apart.
  probe.style.setProperty('forced-color-adjust', 'none');
  document.body.append(probe);
  const colour = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const named = Object.fromEntries(NAMES.map((name) => [name, colour(name)]));
  const packets = new Map(classes.map((name) => [name, colour(`class-${name}`)]));
  probe.remove();
  const of = (name: string): string => named[name] ?? '';
  return {
    key: `${document.documentElement.dataset['projector'] === undefined ? '' : 'large '}${NAMES.map(of).join(' ')}`,
    ink: of('ink'),
    muted: of('muted'),
    track: of('track'),
    calm: of('calm'),
    accent: of('accent'),
    wait: of('wait'),
    bad: of('bad'),
    series: [0, 1, 2, 3, 4].map((index) => of(`series-${index}`)),
    packet: (className) => packets.get(className) ?? of('muted'),
  };
}
