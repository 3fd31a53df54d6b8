// Where the keyboard is when what had it is gone.

/**
 * Whoever closes something gives the keyboard back to the button that opened it, unless that is gone (turn a phone, and its
 * menu folds; go back in time, and nothing is wrong yet; leave a comparison that a part of the page had begun which is folded
 * now): then the menu has it, or what makes time run.
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
