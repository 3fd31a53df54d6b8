// One stop of the tab key for a group of many: the arrow keys move within it.

import { html, setAttribute } from './dom.ts';

type Stop = HTMLElement | SVGElement;
const STOPS = 'button:not(:disabled), [role="button"]';

/** Makes the buttons of a group one stop of the tab key. Call `tidy` after they changed. */
export class Roving {
  private readonly parent: Element;
  /** Whether left and right go by where things are, not by their order: for a drawing. */
  private readonly spatial: boolean;

  constructor(parent: HTMLElement | SVGElement, spatial = false) {
    this.parent = parent;
    this.spatial = spatial;
    parent.addEventListener('keydown', (event) => this.move(event as KeyboardEvent));
    parent.addEventListener('focusin', ({ target }) => {
      if (target instanceof Element && target.matches(STOPS)) this.stopAt(target as Stop);
    });
  }
  /** Sees to it that the tab key finds exactly one of them. */
  tidy(): void {
    const all = this.all();
    const stops = all.filter(({ tabIndex }) => tabIndex === 0);
    const focused = all.find((stop) => stop === document.activeElement);
    const stop = focused ?? stops[0] ?? all[0];
    if (stop !== undefined && (stops.length !== 1 || stops[0] !== stop)) this.stopAt(stop);
  }
  private all(within: Element = this.parent): Stop[] {
    return [...within.querySelectorAll<Stop>(STOPS)].filter((stop) => stop.closest('[hidden]') === null);
  }
  private stopAt(stop: Stop): void {
    for (const one of this.all()) setAttribute(one, 'tabindex', one === stop ? 0 : -1);
  }
  private move(event: KeyboardEvent): void {
    const all = this.all();
    const at = all.indexOf(event.target as Stop);
    const target = at < 0 ? undefined : this.aim(event, all, at);
    if (target === undefined) return;
    event.preventDefault();
    target.focus();
  }
  /** Where a key leads. In a grid Home and End stay in their row, unless with the control key. */
  private aim({ key, ctrlKey }: KeyboardEvent, all: readonly Stop[], at: number): Stop | undefined {
    const row = ctrlKey ? null : all[at]?.closest('[role="row"]');
    const line = row === null || row === undefined ? all : this.all(row);
    switch (key) {
      case 'ArrowRight':
        return this.spatial ? nearest(all, at, 'x', 1) : all[at + 1];
      case 'ArrowLeft':
        return this.spatial ? nearest(all, at, 'x', -1) : all[at - 1];
      case 'Home':
        return line[0];
      case 'End':
        return line.at(-1);
      case 'ArrowDown':
        return nearest(all, at, 'y', 1);
      case 'ArrowUp':
        return nearest(all, at, 'y', -1);
      default:
        return undefined;
    }
  }
}

/** A row of buttons that belong together, as one stop of the tab key. */
export function toolbar(label: string, style: string): { node: HTMLElement; fill(buttons: readonly HTMLElement[]): void } {
  const node = html('div', { class: style, role: 'toolbar', 'aria-label': label });
  const roving = new Roving(node);
  return {
    node,
    fill(buttons) {
      node.hidden = buttons.length === 0;
      node.replaceChildren(...buttons);
      roving.tidy();
    },
  };
}

/** The button that is the least far away in one direction; what lies aside is further. */
function nearest(all: readonly Stop[], at: number, axis: 'x' | 'y', way: 1 | -1): Stop | undefined {
  const middle = (stop: Stop): { x: number; y: number } => {
    const { left, top, width, height } = stop.getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2 };
  };
  const from = all[at];
  if (from === undefined) return undefined;
  const start = middle(from);
  let best: Stop | undefined;
  let least = Infinity;
  for (const stop of all) {
    const { x, y } = middle(stop);
    const [along, aside] = axis === 'y' ? [y - start.y, x - start.x] : [x - start.x, y - start.y];
    // Up and down look for the next line, left and right for the same one.
    const far = axis === 'y' ? along * way * 4 + Math.abs(aside) : along * way + Math.abs(aside) * 4;
    if (along * way > 4 && far < least) [best, least] = [stop, far];
  }
  return best;
}
