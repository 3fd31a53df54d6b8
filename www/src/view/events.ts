// What happened, newest first, and why.

import { actText } from '../acts.ts';
import type { TimeApp } from '../app.ts';
import { button, html, list, setAttribute, setText } from '../dom.ts';
import type { NoteRow } from '../engine.ts';
import { noteText, noteTone, sameDials, type Act } from '../notes.ts';
import { Roving } from '../roving.ts';
import { capital, moment, say } from '../say.ts';

/** Events kept in the list. More would scroll by unread. */
export const KEPT = 120;

/** Moves of the same dials closer than this are one drag, in us of the run. */
const ONE_DRAG_US = 3_000_000;

const MARKS = { good: '●', bad: '✕', plain: '·' } as const;

/** What the list may ask the engine for, while no frame is in use. */
export interface Questions {
  /** Every command of the run. */
  commands(): readonly { do: Act }[];
}

export class Events {
  private readonly app: TimeApp;
  private readonly ask: Questions;
  private readonly log = html('ol', { class: 'log', id: 'event-list' });
  private readonly none = html('p', { class: 'muted' }, say('events_none'));
  private readonly hold: HTMLButtonElement;
  private readonly roving = new Roving(this.log);
  private notes: NoteRow[] = [];
  private shown: readonly NoteRow[] = [];
  private commands: readonly { do: Act }[] = [];

  constructor(app: TimeApp, parent: HTMLElement, ask: Questions) {
    this.app = app;
    this.ask = ask;
    this.hold = button(say('events_pause'), () => app.act({ type: 'hold-events', held: !app.state.eventsHeld }), { class: 'quiet-button' });
    parent.append(html('div', { class: 'head' }, html('h2', {}, say('events')), this.hold), this.none, this.log);
  }

  /** The newest event, as a sentence; empty if there is none. */
  get caption(): string {
    const newest = this.notes[0];
    return newest === undefined ? '' : `${moment(newest.at_us / 1000)}: ${this.text(newest)}`;
  }
  add(notes: readonly NoteRow[]): void {
    if (notes.some(({ kind }) => kind === 'command')) this.commands = this.ask.commands();
    for (const note of notes.slice(-KEPT)) {
      if (this.isSameDrag(note)) this.notes.shift();
      this.notes.unshift(note);
    }
    this.notes = this.notes.slice(0, KEPT);
  }
  private isSameDrag({ kind, at_us, a }: NoteRow): boolean {
    const [last] = this.notes;
    if (kind !== 'command' || last?.kind !== 'command' || at_us - last.at_us > ONE_DRAG_US) return false;
    return sameDials(this.commands[last.a]?.do, this.commands[a]?.do);
  }
  /** What happened up to here, and no more: time went back. */
  restart(notes: readonly NoteRow[]): void {
    this.notes = [];
    this.add(notes);
  }
  clear(): void {
    this.notes = [];
    this.shown = [];
    this.commands = [];
    // Another run's notes may have the same numbers.
    this.log.replaceChildren();
  }
  private text(note: NoteRow): string {
    return capital(note.kind === 'command' ? this.command(note.a) : noteText(note, this.app.cluster, this.app.named));
  }
  /** The command at this place of the journal, as a sentence. */
  command(place: number): string {
    if (this.commands[place] === undefined) this.commands = this.ask.commands();
    return actText(this.app, this.commands[place]?.do);
  }

  update(): void {
    const { eventsHeld } = this.app.state;
    setText(this.hold, say(eventsHeld ? 'events_resume' : 'events_pause'));
    setAttribute(this.hold, 'aria-pressed', String(eventsHeld));
    if (!eventsHeld) this.shown = this.notes;
    this.none.hidden = this.shown.length > 0;
    this.makeRoom();
    list(this.log, this.shown, () => this.makeItem(), (item, note) => {
      if (item.dataset['number'] === String(note.number)) return;
      item.dataset['number'] = String(note.number);
      item.dataset['tone'] = noteTone(note.kind);
      const [at, mark, text, ask] = item.children;
      const time = moment(note.at_us / 1000);
      if (at !== undefined) {
        setText(at, time);
        setAttribute(at, 'aria-label', say('events_go', { time }));
        setAttribute(at, 'data-us', note.at_us);
      }
      if (mark !== undefined) setText(mark, MARKS[noteTone(note.kind)]);
      if (text !== undefined) setText(text, this.text(note));
      if (ask !== undefined) setAttribute(ask, 'aria-label', say('events_why_this', { what: this.text(note) }));
    });
    this.roving.tidy();
  }
  /** New events push the others down, and those that are taken back leave, so that an item keeps its event, and a button its focus. */
  private makeRoom(): void {
    const numbers = new Set(this.shown.map(({ number }) => String(number)));
    for (const item of [...this.log.children] as HTMLElement[]) {
      if (numbers.has(item.dataset['number'] ?? '')) break;
      item.remove();
    }
    const first = (this.log.firstElementChild as HTMLElement | null)?.dataset['number'];
    const fresh = this.shown.findIndex(({ number }) => String(number) === first);
    for (let count = 0; count < fresh; count += 1) this.log.prepend(this.makeItem());
  }
  private makeItem(): HTMLLIElement {
    const go = button('', () => this.app.seek(Number(go.dataset['us']) + 1), { class: 'go-there', tabindex: -1 });
    const item = html(
      'li', {}, go, html('span', { class: 'mark', 'aria-hidden': 'true' }), html('span', { class: 'text' }),
      button(say('events_why'), () => this.askAbout(item), { class: 'quiet-button', tabindex: -1 }),
    );
    return item;
  }

  private askAbout(item: HTMLElement): void {
    const number = Number(item.dataset['number']);
    const note = this.shown.find((note) => note.number === number);
    if (note !== undefined) this.app.act({ type: 'why', asked: { question: { event: note.id }, what: this.text(note) } });
  }
}
