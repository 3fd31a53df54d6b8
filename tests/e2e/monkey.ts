// What somebody does who presses everything. It runs in the page, so that it is fast; nothing of it may be taken from outside.

/** What a batch came to. */
export interface Batch {
  /** Where the generator stands, for the next batch. */
  readonly seed: number;
  /** What was done, newest last, to be read when something broke. */
  readonly deeds: readonly string[];
}

/** Does so many things at random, and lets the page draw now and then. */
export async function press({ seed: first, count }: { seed: number; count: number }): Promise<Batch> {
  let state = first;
  const seen = (globalThis as unknown as { monkeySaw: Seen }).monkeySaw;
  // mulberry32, for it is short, and good enough for this.
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const PER_FRAME = 22;
  const HOSTILE = ['', ' ', '-1', 'NaN', '−5', '<img src=x onerror=alert(1)>', '"><script>1</script>', '{x}', '%00', '\u202egnp', '💥'.repeat(20), 'x'.repeat(5000), "'; DROP TABLE pods; --", '../../etc/passwd', 'undefined', 'javascript:alert(1)'];
  /** The browser lets nobody type anything else into a field for numbers. */
  const NUMBERS = ['', '-1', '0', '3', '7.5', '1e300', '-0', '99999999999999999999', '0.0000001', '2', '11'];
  const KEYS = ['Enter', ' ', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown', 'Escape', 'Tab', 'a', '?', 'Delete'];
  /** They begin another run, which takes long: now and then is enough. */
  const SLOW = '#scenario, #seed, #seed-new, #reset, #topology-apply, #locale, [id^=compare-go], [id^=preset-], .what-if button, [id^=out-]';
  /** What leaves the page, or asks for a file: that is tested elsewhere. */
  const NEVER = 'a[target], input[type=file], [id^=out-], #broken *, [href]:not([href^="#"])';
  const controls = (): HTMLElement[] => {
    const root = document.querySelector('dialog[open]') ?? document;
    return [...root.querySelectorAll<HTMLElement>('button, summary, input, select, textarea, a[href], [role=button], [role=slider]')].filter(
      (control) => !control.matches(':disabled') && !control.matches(NEVER) && control.getClientRects().length > 0,
    );
  };
  const set = (field: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement, value: string): void => {
    field.value = value;
    field.dispatchEvent(new Event('input', { bubbles: true }));
    field.dispatchEvent(new Event('change', { bubbles: true }));
  };
  const key = (at: Element, name: string): void => {
    at.dispatchEvent(new KeyboardEvent('keydown', { key: name, shiftKey: random() < 0.1, bubbles: true, cancelable: true }));
    at.dispatchEvent(new KeyboardEvent('keyup', { key: name, bubbles: true, cancelable: true }));
  };
  /** Does what a control is for; returns a word for it. */
  const use = (control: HTMLElement): string => {
    control.focus({ preventScroll: true });
    if (control instanceof HTMLSelectElement) {
      const value = one([...control.options].filter(({ disabled }) => !disabled))?.value ?? '';
      set(control, value);
      return `= ${value}`;
    }
    if (control instanceof HTMLInputElement && control.type === 'range') {
      const [low, high] = [Number(control.min), Number(control.max)];
      set(control, String(low + random() * (high - low)));
      return `= ${control.value}`;
    }
    if ((control instanceof HTMLInputElement && ['number', 'text', 'search'].includes(control.type)) || control instanceof HTMLTextAreaElement) {
      if (control.readOnly) return 'read';
      // Thousands of nodes are a test of their own.
      const value = one(control.type === 'number' ? NUMBERS : HOSTILE);
      set(control, value);
      key(control, 'Enter');
      return `= ${value.slice(0, 20)}`;
    }
    if (control.getAttribute('role') === 'slider' || random() < 0.15) {
      const name = one(KEYS);
      key(control, name);
      return name;
    }
    if (control instanceof HTMLElement && typeof control.click === 'function') control.click();
    else control.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }));
    return 'clicked';
  };
  let modal = document.querySelector('dialog[open]');
  const deeds: string[] = [];
  // Where things are is asked for once between two frames, for that lays the page out.
  let [all, quick] = [controls(), [] as HTMLElement[]];
  for (let n = 0; n < count; n += 1) {
    if (n % PER_FRAME === 0 || document.querySelector('dialog[open]') !== modal) {
      modal = document.querySelector('dialog[open]');
      all = controls();
      quick = all.filter((control) => !control.matches(SLOW));
    }
    const there = (random() < 0.004 || quick.length === 0 ? all : quick).filter((control) => control.isConnected && !control.matches(':disabled'));
    const control = one(there);
    seen.deeds += 1;
    // Nothing can be pressed while a run is loaded.
    const named = control === undefined ? 'nothing' : control.id || control.getAttribute('aria-label') || (control.textContent ?? '').slice(0, 30);
    deeds.push(`${named} ${control === undefined ? '' : use(control)}`);
    if (random() < 0.1) key(document.activeElement ?? document.body, one(KEYS));
    if (n % PER_FRAME === PER_FRAME - 1) await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  return { seed: state, deeds };
}

/** Watches what is read out and where the keyboard goes, from the first moment on. */
export function watch(): void {
  const seen = { spoken: [] as number[], lost: [] as string[], looked: 0, deeds: 0 };
  Object.assign(globalThis, { monkeySaw: seen });
  document.addEventListener('DOMContentLoaded', () => {
    const voice = document.getElementById('voice');
    if (voice !== null) new MutationObserver(() => seen.spoken.push(performance.now())).observe(voice, { childList: true, characterData: true, subtree: true });
  });
  document.addEventListener('close', ({ target }) => {
    const name = target instanceof Element ? target.id : '';
    const look = (): void => {
      seen.looked += 1;
      if (document.activeElement === document.body && document.querySelector('dialog[open]') === null) seen.lost.push(name);
    };
    // After the page's own timer, which comes between these two; what is done meanwhile, all in one frame, may hide what had it.
    setTimeout(() => {
      const { deeds } = seen;
      setTimeout(() => {
        if (seen.deeds === deeds) look();
      });
    });
  }, true);
}

export interface Seen {
  /** When something was read out, in ms. */
  readonly spoken: readonly number[];
  /** Dialogs after which nothing had the keyboard. */
  readonly lost: readonly string[];
  /** Dialogs after which it was looked for. */
  readonly looked: number;
  /** What was done so far. */
  deeds: number;
}
