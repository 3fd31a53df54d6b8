// Figures of one text start one after the other: each would make the others late.

const NAME = 'brownout-starts';

export class Turn {
  private held: AbortController | undefined;
  private asked: Promise<void> | undefined;

  /** Comes back when it is this figure's turn, which it keeps until it gives it back; or when it gave up waiting. */
  take(): Promise<void> {
    this.asked ??= this.ask();
    return this.asked;
  }
  private async ask(): Promise<void> {
    // Where there is nobody to agree with (a sandbox) it is always one's turn.
    if (!('locks' in navigator)) return;
    const held = new AbortController();
    this.held = held;
    await new Promise<void>((resolve) => {
      const holding = (): Promise<void> => {
        resolve();
        return new Promise((done) => {
          if (held.signal.aborted) done();
          else held.signal.addEventListener('abort', () => done());
        });
      };
      navigator.locks.request(NAME, { signal: held.signal }, holding).catch(() => resolve());
    });
  }
  giveBack(): void {
    this.held?.abort();
    this.held = undefined;
    this.asked = undefined;
  }
}
