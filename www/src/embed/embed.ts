// The page as a figure in somebody's text: it waits until it is seen, sleeps when it is not, shows a part of itself, and
// talks to the page around it where that was asked for.

import { breath, type Pace } from '../begin.ts';
import { byId, html } from '../dom.ts';
import { say } from '../say.ts';
import { format, type Wish } from '../url.ts';
import type { Waiting } from '../view/waiting.ts';
import { WHOLE, type Face, type hearEarly } from './face.ts';
import type { Host } from './host.ts';
import { dress } from './parts.ts';
import { Relay } from './relay.ts';
import { SHEET } from './sheet.ts';
import { Turn } from './turn.ts';

/** Frames of the same text that are further away than this from what can be seen need not begin, in px. */
const NEAR = 200;
/** While it starts a figure takes this much of a frame, in ms: the text around it scrolls on. */
const SLICE_MS = 10;
const SLICE_EVENTS = 2000;

export class Embed {
  private readonly turn = new Turn();
  private readonly relay: Relay;
  private visible = false;
  private near = false;
  /** Whoever waits for it to be seen. */
  private waiting: (() => void)[] = [];
  private page: Host | undefined;

  constructor(waiting: Waiting, early: ReturnType<typeof hearEarly>) {
    this.relay = new Relay(early);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, SHEET];
    waiting.rests(say('embed_waiting'));
    new IntersectionObserver(([entry]) => {
      this.near = entry?.isIntersecting ?? true;
      this.look();
    }, { rootMargin: `${NEAR}px` }).observe(document.documentElement);
    document.addEventListener('visibilitychange', () => this.look());
    this.relay.wanted = () => this.wake();
  }
  private look(): void {
    const visible = this.near && !document.hidden;
    if (visible === this.visible) return;
    this.visible = visible;
    if (!visible) this.turn.giveBack();
    this.page?.sleep(!visible);
    this.relay.sleep(!visible);
    if (visible) this.wake();
  }
  private wake(): void {
    for (const go of this.waiting.splice(0)) go();
  }
  /** Comes back when a reader sees it or a script asks something of it. */
  async seen(): Promise<void> {
    while (!this.visible && !this.relay.busy) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
  /** A figure starts in small slices, one figure after the other; a page of its own as it always does. */
  pace({ embedded }: Face): Pace | undefined {
    if (!embedded) return undefined;
    return {
      events: SLICE_EVENTS,
      turn: SLICE_MS,
      breath: async () => {
        do {
          await this.seen();
          await this.turn.take();
        } while (!this.visible && !this.relay.busy);
        // What cannot be seen has no frames to wait for.
        await (this.visible ? new Promise(requestAnimationFrame) : breath());
      },
    };
  }
  /** The page is there. */
  dress(page: Host, wish: Wish): void {
    this.turn.giveBack();
    this.page = page;
    const { face } = wish;
    document.documentElement.toggleAttribute('data-embed', face.embedded);
    const wear = (): void => {
      dress(face, page.catalog);
      if (face.embedded) this.addBar(page);
      new ResizeObserver(() => this.relay.resize(height())).observe(byId('page'));
    };
    wear();
    page.refilled = wear;
    this.relay.sleep(!this.visible);
    this.relay.attach(page, wish, () => fullPage(page));
    page.sleep(!this.visible);
  }
  /** What a figure's bar has besides the page's own. */
  private addBar(page: Host): void {
    const link = html('a', { id: 'full-page', target: '_blank', rel: 'noopener', href: fullPage(page) });
    link.append(html('span', { class: 'long' }, say('embed_open')), html('span', { class: 'short', 'aria-hidden': 'true' }, say('embed_open_short')));
    // What it leads to is found out when somebody is about to follow it.
    for (const event of ['pointerdown', 'focus', 'pointerenter', 'click'] as const) link.addEventListener(event, () => (link.href = fullPage(page)));
    document.querySelector('#timeline .transport')?.append(link);
    const bar = byId('timeline');
    new ResizeObserver(() => byId('page').style.setProperty('--bar', `${bar.offsetHeight}px`)).observe(bar);
  }
}

/** The same run on the page of its own. */
function fullPage({ state, knobs, catalog }: Host): string {
  const url = new URL(location.href);
  url.pathname = url.pathname.replace(/embed\.html$/, 'index.html').replace(/\/embed$/, '/');
  url.search = format({ ...state, face: WHOLE }, knobs, catalog);
  url.hash = '';
  return url.href;
}

/** How high the page would like to be. It follows from its width alone. */
function height(): number {
  const of = (selector: string): number => document.querySelector<HTMLElement>(selector)?.offsetHeight ?? 0;
  const isFigure = document.documentElement.hasAttribute('data-embed');
  return of('.messages') + of('.main') + of('header.top') + (isFigure ? of('#timeline') : 0);
}
