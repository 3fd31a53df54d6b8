// The document as it was asked to look and speak.

import { setAttribute } from '../dom.ts';
import { scaleOf, type Looks } from '../looks.ts';
import { say, spokenNow, type Key } from '../say.ts';

/** Whether less motion was asked for, by the system. */
const STILL = matchMedia('(prefers-reduced-motion: reduce)');

/** Whether nothing may fly: what was chosen here beats the system. */
export function isStill({ motion }: Pick<Looks, 'motion'>): boolean {
  return motion === 'auto' ? STILL.matches : motion === 'reduced';
}

/** Puts the looks where the style sheet finds them. */
export function applyLooks(looks: Looks): void {
  const root = document.documentElement;
  setAttribute(root, 'data-theme', looks.theme);
  setAttribute(root, 'data-palette', looks.palette);
  setAttribute(root, 'data-projector', looks.projector);
  root.style.setProperty('--scale', String(scaleOf(looks)));
  setAttribute(root, 'data-motion', isStill(looks) ? 'reduced' : 'full');
}

/** Says what stands in the document itself, under `root`, in the language at hand. */
export function applyLanguage(root: ParentNode = document): void {
  const { tag, dir } = spokenNow();
  setAttribute(document.documentElement, 'lang', tag);
  setAttribute(document.documentElement, 'dir', dir);
  for (const element of root.querySelectorAll<HTMLElement>('[data-say]')) element.textContent = say(element.dataset['say'] as Key);
  for (const element of root.querySelectorAll<HTMLElement>('[data-say-label]')) element.setAttribute('aria-label', say(element.dataset['sayLabel'] as Key));
}

/** Calls back when the system's colours or its wish for less motion change. */
export function watchSystem(changed: () => void): void {
  for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)', '(prefers-contrast: more)']) matchMedia(query).addEventListener('change', changed);
  STILL.addEventListener('change', changed);
}
