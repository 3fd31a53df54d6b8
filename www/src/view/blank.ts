// The page as its file has it, to be filled again in another language.

import { byId } from '../dom.ts';
import { keepKeyboard } from './keyboard.ts';

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
