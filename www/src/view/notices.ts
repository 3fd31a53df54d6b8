// What the page has to say about itself: bad addresses, a broken engine, and the one line that is read out.

import type { App } from '../app.ts';
import { button, html, list, setMixed, setText } from '../dom.ts';
import type { Rescue } from '../link/desk.ts';
import { say } from '../say.ts';
import { copyable } from './copy.ts';

/** The least time between two messages, in ms. */
const EVERY = 1000;

/** The page's one polite live region. Of what comes too fast the newest is read. */
export class Voice {
  private readonly region: HTMLElement;
  private waiting: string | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = 0;
  quiet = false;

  constructor(region: HTMLElement) {
    this.region = region;
  }
  /** Goes on where the voice of another language stopped: also in two languages nobody hears two things in a second. */
  resume(old: Voice): void {
    this.last = old.last;
    this.quiet = old.quiet;
    clearTimeout(old.timer);
  }
  say(text: string): void {
    if (this.quiet) return;
    this.waiting = text;
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.last = performance.now();
      if (this.waiting !== undefined && !this.quiet) setText(this.region, this.waiting);
      this.waiting = undefined;
    }, Math.max(0, this.last + EVERY - performance.now()));
  }
}

/** Sentences about the address, each of which can be dismissed. */
export function updateNotices(app: App, parent: HTMLElement): void {
  const { notices } = app.state;
  parent.hidden = notices.length === 0;
  list(parent, notices, () => {
    const item = html('li', {}, html('span'), button(say('dismiss'), () => {
      app.act({ type: 'dismiss', notice: [...parent.children].indexOf(item) });
    }, { class: 'quiet-button' }));
    return item;
  }, (item, notice) => {
    const text = item.firstElementChild;
    if (text !== null) setMixed(text, notice);
  });
}

/** The engine broke: what it said, the address that leads to where it did, and a report to copy. */
export function showBroken(parent: HTMLElement, text: string, rescue: Promise<Rescue>): void {
  const reload = button(say('reload'), () => location.reload(), { class: 'primary' });
  const more = html('div', {});
  parent.replaceChildren(html('p', {}, html('strong', {}, say('broken'))), html('pre', {}, text), more, html('div', { class: 'buttons' }, reload));
  parent.hidden = false;
  void rescue.then(({ link, report }) => {
    more.append(...(link === '' ? [] : [copyable('broken-link', say('broken_replay'), link, 3)]), copyable('broken-report', say('broken_report'), report, 6));
  });
}
