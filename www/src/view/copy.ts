// Text to take along: a field, and a button that copies it and says so.

import { button, html, setText } from '../dom.ts';
import { say } from '../say.ts';

/** How long a button says what it did, in ms. */
const SAID = 2500;

/** A field with this text under this label, and its button. `told` hears what the button did. */
export function copyable(id: string, label: string, text: string, rows: number, told: (what: string) => void = () => undefined): HTMLElement {
  const field = html('textarea', { id, readonly: true, rows, spellcheck: 'false' });
  field.value = text;
  const copy = button(say('copy'), () => void copyFrom(field, copy, told), { class: 'copy', 'aria-label': say('copy_what', { what: label }) });
  return html('div', { class: 'copyable' }, html('label', { for: id }, label), field, copy);
}

async function copyFrom(field: HTMLTextAreaElement, copy: HTMLButtonElement, told: (what: string) => void): Promise<void> {
  let said = say('share_done');
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // Then whoever wants it takes it from the field.
    field.focus();
    field.select();
    said = say('share_failed');
  }
  setText(copy, said);
  told(said);
  setTimeout(() => setText(copy, say('copy')), SAID);
}
