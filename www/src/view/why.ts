// Why: from an event, or from something that lasts, back to what was done or drawn. Each step is a sentence; what it
// names can be selected, and its moment gone to.

import type { TimeApp } from '../app.ts';
import { timerText } from '../catalog.ts';
import { button, html, setText } from '../dom.ts';
import type { Answer, Lost, WhyStep } from '../engine.ts';
import { noteText } from '../notes.ts';
import { capital, moment, say, sayIfKnown, span } from '../say.ts';
import type { Question, Selection } from '../state.ts';
import { programName, programSelection } from '../words.ts';
import { keepKeyboard } from './keyboard.ts';

/** Steps of one kind in a row, from this many on, fold into one line. */
const FOLD = 3;
/** The most packets whose luck can be changed at once. */
const MOST_SPARED = 64;

/** What the panel may ask, while no frame is in use. */
export interface Source {
  why(question: Question): Answer;
  /** The command at this place, as a sentence. */
  command(place: number): string;
}

export class WhyPanel {
  private readonly app: TimeApp;
  private readonly source: Source;
  private readonly node = html('div', { class: 'why', id: 'why', role: 'region', 'aria-label': say('why_title') });
  private readonly onPath: (steps: readonly WhyStep[]) => void;
  /** What came of a what-if: it outlives the question, for that is about another branch. */
  private readonly told = html('p', { class: 'told', hidden: true });
  private asked: Question | null = null;
  private asker: HTMLElement | null = null;

  constructor(app: TimeApp, parent: HTMLElement, source: Source, onPath: (steps: readonly WhyStep[]) => void) {
    this.app = app;
    this.source = source;
    this.onPath = onPath;
    parent.append(this.told, this.node);
  }

  /** Asks the engine what is wanted to be known. Not while a frame is in use. */
  answer(): void {
    const { why, told } = this.app.state;
    setText(this.told, told);
    this.told.hidden = told === '';
    const question = why?.question ?? null;
    if (question === this.asked) return;
    this.asked = question;
    if (why === null) {
      this.close();
      return;
    }
    if (!this.node.contains(document.activeElement)) this.asker = document.activeElement as HTMLElement | null;
    const answer = this.source.why(why.question);
    const [first] = answer.steps;
    const what = why.what === '' && first !== undefined ? capital(this.text(first)) : why.what;
    const heading = html('h3', { tabindex: -1 }, what === '' ? say('why_title') : say('why_of', { what }));
    const close = button(say('why_close'), () => this.app.act({ type: 'why', asked: null }), { class: 'quiet-button' });
    const known = answer.steps.length > 0;
    this.node.replaceChildren(
      html('div', { class: 'head' }, heading, close),
      known ? this.chain(answer) : html('p', {}, say('why_none')),
      ...(known ? [this.whatIfs(answer)] : []),
    );
    this.onPath(answer.steps);
    // Asked before, and said in another language now: whoever chose that stays where they are.
    if (why.what === '') return;
    heading.focus({ preventScroll: true });
    // A column of its own scrolls by itself; on a phone the page does.
    this.node.scrollIntoView({ block: 'nearest' });
  }
  private close(): void {
    const hadFocus = this.node.contains(document.activeElement);
    this.node.replaceChildren();
    this.onPath([]);
    if (hadFocus) {
      this.asker?.focus();
      keepKeyboard();
    }
    this.asker = null;
  }

  private chain(answer: Answer): HTMLElement {
    const items: HTMLElement[] = [];
    const { steps } = answer;
    for (let at = 0; at < steps.length; ) {
      let end = at + 1;
      while (end < steps.length && isLike(steps[at], steps[end])) end += 1;
      const same = steps.slice(at, end);
      const [first, ...rest] = same;
      if (first !== undefined) items.push(this.item(first, at + 1));
      if (same.length >= FOLD) items.push(this.folded(rest, at + 2));
      else rest.forEach((step, n) => items.push(this.item(step, at + 2 + n)));
      at = end;
    }
    return html('ol', { class: 'chain' }, ...items, html('li', { class: 'ending' }, say(`why_end_${answer.end}`)));
  }
  /** Several steps of one kind behind one line. */
  private folded(steps: readonly WhyStep[], from: number): HTMLElement {
    const inner = html('ol', { class: 'chain' }, ...steps.map((step, n) => this.item(step, from + n)));
    return html('li', { class: 'fold' }, html('details', {}, html('summary', {}, say('why_fold', { n: steps.length })), inner));
  }
  private item(step: WhyStep, number: number): HTMLElement {
    const { app } = this;
    const when = moment(step.at_us / 1000);
    const time = button(when, () => app.seek(step.at_us + 1), { class: 'when', 'aria-label': say('why_go', { at: when }) });
    const item = html('li', { 'data-step': number }, time, html('span', { class: 'text' }, ...this.linked(capital(this.text(step)), step)));
    const mark = (on: boolean): void => {
      item.toggleAttribute('data-on', on);
      document.querySelector(`.why-path [data-step="${number}"]`)?.toggleAttribute('data-on', on);
    };
    for (const [name, on] of [['pointerenter', true], ['pointerleave', false], ['focusin', true], ['focusout', false]] as const) {
      item.addEventListener(name, () => mark(on));
    }
    return item;
  }
  /** The sentence with what it names as buttons that select it. */
  private linked(text: string, step: WhyStep): (Node | string)[] {
    const { app } = this;
    const parts: (Node | string)[] = [text];
    for (const program of [step.program, step.other]) {
      if (program === null) continue;
      const selection = programSelection(program, app.cluster);
      const name = programName(program, app.cluster);
      if (selection !== undefined) splitAt(parts, name, (shown) => link(app, shown, selection));
    }
    return parts;
  }
  private text(step: WhyStep): string {
    const { cluster, named } = this.app;
    const { what, kind, a, b } = step;
    if (what === 'note' && kind !== null) return noteText({ program: step.program ?? 0xffff, kind, a, b }, cluster, named);
    if (what === 'command') return say('step_command', { what: this.source.command(step.count) });
    const name = (program: number | null): string => (program === null ? say('name_world') : programName(program, cluster));
    return sayIfKnown(`step_${what}`, {
      program: name(step.program),
      other: name(step.other),
      kind: kindText(what, kind),
      n: step.count,
      took: span(step.took_us / 1000),
      since: step.since_us === null ? '' : moment(step.since_us / 1000),
      span: span((step.at_us - (step.since_us ?? step.at_us)) / 1000),
    }) ?? what;
  }
  /** The same run with one thing otherwise: what makes an answer more than a claim. */
  private whatIfs({ draws, command, steps }: Answer): HTMLElement {
    const { app } = this;
    const buttons: HTMLElement[] = [];
    const lost: readonly Lost[] = draws.slice(0, MOST_SPARED);
    const first = steps[0];
    const what = app.state.why?.what ?? '';
    const effect = first?.what === 'note' ? { at_us: first.at_us, kind: first.kind, program: first.program, what } : undefined;
    if (lost.length > 0) {
      buttons.push(button(say('what_if_arrive', { n: lost.length }), () => app.whatIf({ arrive: lost }, effect)));
    }
    if (command !== null) {
      buttons.push(button(say('what_if_without'), () => app.whatIf({ without: command }, effect)));
    }
    return html('div', { class: 'what-if', role: 'group', 'aria-label': say('what_if') }, ...buttons);
  }
}

function link(app: TimeApp, text: string, selection: Selection): HTMLElement {
  return button(text, () => app.act({ type: 'select', selection }), { class: 'noun' });
}
/** Replaces the first place where a name stands in one of the texts. */
function splitAt(parts: (Node | string)[], name: string, make: (shown: string) => Node): void {
  for (let n = 0; n < parts.length; n += 1) {
    const part = parts[n];
    if (typeof part !== 'string') continue;
    const at = part.toLowerCase().indexOf(name.toLowerCase());
    if (at < 0) continue;
    parts.splice(n, 1, part.slice(0, at), make(part.slice(at, at + name.length)), part.slice(at + name.length));
    return;
  }
}
function isLike(a: WhyStep | undefined, b: WhyStep | undefined): boolean {
  return a !== undefined && b !== undefined && a.what === b.what && a.what === 'message';
}
function kindText(what: string, kind: string | null): string {
  if (kind === null) return '';
  return what === 'timer' ? timerText(kind) : (sayIfKnown(`class_${kind}`) ?? kind);
}
