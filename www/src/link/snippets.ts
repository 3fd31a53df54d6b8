// What somebody pastes elsewhere to show this run there.

/** Text within HTML, or between the quotes of an attribute. */
export function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (letter) => names[letter] ?? letter);
}
/** Text within Markdown that stays text. */
export function plain(text: string): string {
  return escaped(text.replaceAll(/[\p{C}\s]+/gu, ' ').trim().replaceAll(/[\\`*_{}[\]()#+!|~]/g, (letter) => `\\${letter}`));
}

/** A frame that shows what `link` leads to. */
export function iframe(link: string, title: string, width: string, height: number): string {
  const page = new URL(link);
  const source = new URL(`embed.html${page.search}${page.hash}`, page).href;
  return `<iframe src="${escaped(source)}" title="${escaped(title)}" width="${escaped(width)}" height="${height}" loading="lazy" style="border: 0" allow="fullscreen; clipboard-write"></iframe>`;
}
/** A link in Markdown. */
export function markdown(link: string, title: string): string {
  return `[${plain(title)}](${link.replaceAll('(', '%28').replaceAll(')', '%29')})`;
}
/** The settings as attributes of the page's own element. */
export function element(settings: string, title: string): string {
  const { searchParams } = new URL(settings);
  const attributes = [...searchParams, ['title', title] as const].map(([name, value]) => `${name}="${escaped(value)}"`);
  const script = new URL('brownout-playground.js', settings.replace(/[?#].*$/, '')).href;
  return `<script type="module" src="${escaped(script)}"></script>\n<brownout-playground ${attributes.join(' ')}></brownout-playground>`;
}
