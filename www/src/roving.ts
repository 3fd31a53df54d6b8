// One stop of the tab key for a group of many: the arrow keys move within it.

/** Makes the buttons of a group one stop of the tab key. Call `tidy` after they changed. */
export class Roving {
  private readonly parent: HTMLElement;

  constructor(parent: HTMLElement) {
    this.parent = parent;
    parent.addEventListener('keydown', (event) => this.move(event));
    parent.addEventListener('focusin', ({ target }) => {
      if (target instanceof HTMLButtonElement) this.stopAt(target);
    });
  }
  /** Sees to it that the tab key finds exactly one of them. */
  tidy(): void {
    const all = this.all();
    const stops = all.filter(({ tabIndex }) => tabIndex === 0);
    const focused = all.find((button) => button === document.activeElement);
    const stop = focused ?? stops[0] ?? all[0];
    if (stop !== undefined && (stops.length !== 1 || stops[0] !== stop)) this.stopAt(stop);
  }
  private all(): HTMLButtonElement[] {
    return [...this.parent.querySelectorAll('button')];
  }
  private stopAt(stop: HTMLButtonElement): void {
    for (const button of this.all()) button.tabIndex = button === stop ? 0 : -1;
  }
  private move(event: KeyboardEvent): void {
    const all = this.all();
    const at = all.indexOf(event.target as HTMLButtonElement);
    if (at < 0) return;
    const to = (): HTMLButtonElement | undefined => {
      switch (event.key) {
        case 'ArrowRight':
          return all[at + 1];
        case 'ArrowLeft':
          return all[at - 1];
        case 'Home':
          return all[0];
        case 'End':
          return all.at(-1);
        case 'ArrowDown':
          return nearest(all, at, 1);
        case 'ArrowUp':
          return nearest(all, at, -1);
        default:
          return undefined;
      }
    };
    const target = to();
    if (target === undefined) return;
    event.preventDefault();
    target.focus();
  }
}

/** The button above or below that is the least far away. */
function nearest(all: readonly HTMLButtonElement[], at: number, way: 1 | -1): HTMLButtonElement | undefined {
  const from = all[at]?.getBoundingClientRect();
  if (from === undefined) return undefined;
  let best: HTMLButtonElement | undefined;
  let least = Infinity;
  for (const button of all) {
    const box = button.getBoundingClientRect();
    const down = (box.top - from.top) * way;
    const far = down * 4 + Math.abs(box.left - from.left);
    if (down > 4 && far < least) [best, least] = [button, far];
  }
  return best;
}
