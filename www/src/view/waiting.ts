// What is said while a cluster starts: before the page opens, and before another run replaces the one on it.

import { button, byId, html, setText } from '../dom.ts';
import { say } from '../say.ts';
import { keepKeyboard } from './keyboard.ts';

/** Shorter waits are not worth a word, in ms. */
const PATIENCE = 300;

export class Waiting {
  private readonly node = byId('loading');
  private readonly text = html('span', { role: 'status' });
  private readonly bar = html('progress', { max: 1, 'aria-label': say('loading') });
  private readonly stop = button(say('waiting_stop'), () => {
    this.isStopped = true;
  });
  private since: number | undefined;
  private isStopped = false;
  /** Who had the keyboard before the stop button took it. */
  private before: Element | null = null;

  constructor() {
    this.node.replaceChildren(this.text, this.bar, this.stop);
    this.bar.hidden = true;
    this.stop.hidden = true;
    setText(this.text, say('loading'));
  }
  /** It has not begun. */
  rests(sentence: string): void {
    setText(this.text, sentence);
  }
  show(share: number, nodes: number): void {
    this.since ??= performance.now();
    if (performance.now() - this.since < PATIENCE) return;
    this.node.hidden = false;
    this.bar.hidden = false;
    this.bar.value = share;
    setText(this.text, say('loading_cluster', { n: nodes }));
  }
  /** On the way somewhere that may be far. Returns whether whoever waits still wants to get there. */
  showWay(text: string, share: number): boolean {
    this.since ??= performance.now();
    if (performance.now() - this.since < PATIENCE) return true;
    this.node.hidden = false;
    this.bar.hidden = false;
    this.bar.value = share;
    setText(this.text, text);
    if (this.stop.hidden) {
      this.stop.hidden = false;
      this.isStopped = false;
      this.before = document.activeElement;
      this.stop.focus();
    }
    return !this.isStopped;
  }
  done(): void {
    this.since = undefined;
    const hasKeyboard = document.activeElement === this.stop;
    if (hasKeyboard && this.before instanceof HTMLElement) this.before.focus();
    this.before = null;
    this.node.hidden = true;
    this.stop.hidden = true;
    this.isStopped = false;
    // What had it before may be gone.
    if (hasKeyboard) keepKeyboard();
  }
  failed(sentence: string): void {
    this.node.hidden = false;
    this.bar.hidden = true;
    setText(this.text, sentence);
  }
}
