// The page as its file has it, to be filled again in another language.

import { byId } from '../dom.ts';

/**
 * The browser gives the keyboard back to the button that opened a dialog, unless that is gone (turn a phone, and its menu
 * folds): then the menu has it, or what makes time run.
 */
export function keepKeyboard(): void {
  for (const control of ['#menu > summary', '#play', '#compare-play']) {
    if (document.activeElement !== document.body) return;
    document.querySelector<HTMLElement>(control)?.focus({ preventScroll: true });
  }
}

/** Does so whenever a dialog closes. */
export function keepKeyboardAfterDialogs(): void {
  // What a dialog does when it closes comes first.
  document.addEventListener('close', () => setTimeout(keepKeyboard), true);
}

export class Blank {
  private readonly blank = byId('page').cloneNode(true) as HTMLElement;

  /** Puts an empty page in place of the one at hand. Returns what opens, scrolls and focuses again as it was. */
  renew(): () => void {
    const page = byId('page');
    const focused = document.activeElement?.id ?? '';
    const open = [...page.querySelectorAll<HTMLDetailsElement>('details[id][open]')].map(({ id }) => id);
    const scrolled = ['.left', '.middle', '.right'].map((part) => [part, page.querySelector(part)?.scrollTop ?? 0] as const);
    const [x, y] = [scrollX, scrollY];
    for (const dialog of document.querySelectorAll('body > dialog')) dialog.remove();
    const fresh = this.blank.cloneNode(true) as HTMLElement;
    fresh.hidden = page.hidden;
    page.replaceWith(fresh);
    return () => {
      for (const id of open) document.getElementById(id)?.setAttribute('open', '');
      if (focused !== '') document.getElementById(focused)?.focus({ preventScroll: true });
      keepKeyboard();
      requestAnimationFrame(() => {
        for (const [part, top] of scrolled) fresh.querySelector(part)?.scrollTo(0, top);
        scrollTo(x, y);
      });
    };
  }
}
