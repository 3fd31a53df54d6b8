// What is said while a cluster starts: before the page opens, and before another run replaces the one on it.

import { byId, html, setText } from '../dom.ts';
import { say } from '../say.ts';

/** Shorter waits are not worth a word, in ms. */
const PATIENCE = 300;

export class Waiting {
  private readonly node = byId('loading');
  private readonly text = html('span', { role: 'status' });
  private readonly bar = html('progress', { max: 1, 'aria-label': say('loading') });
  private since: number | undefined;

  constructor() {
    this.node.replaceChildren(this.text, this.bar);
    this.bar.hidden = true;
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
  done(): void {
    this.since = undefined;
    this.node.hidden = true;
  }
  failed(sentence: string): void {
    this.node.hidden = false;
    this.bar.hidden = true;
    setText(this.text, sentence);
  }
}
