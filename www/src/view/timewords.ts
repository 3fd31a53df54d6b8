// The timeline in words: the same as its lanes, as tables, with what was done, a legend, and what going back costs.

import { actText } from '../acts.ts';
import type { TimeApp } from '../app.ts';
import { button, html, list, setAttribute, setText } from '../dom.ts';
import { laneNames, told } from '../lanewords.ts';
import { capital, moment, say } from '../say.ts';

/** Rows listed at most: more is not read. */
const ROWS = 60;
const MB = 2 ** 20;

const LEGEND = ['leader', 'acts', 'believes', 'lease', 'fault', 'own', 'script', 'phase', 'hurt'] as const;

export class TimeWords {
  private readonly app: TimeApp;
  private readonly drawer: HTMLElement;
  private readonly none = html('p', { class: 'muted' }, say('time_words_none'));
  private readonly more = html('p', { class: 'muted' });
  private readonly rows = html('tbody');
  private readonly acts = html('tbody');
  private readonly actsNone = html('p', { class: 'muted' }, say('time_actions_none'));
  private readonly actsTable: HTMLElement;
  private readonly legend = html('ul', { class: 'time-legend' });
  private readonly cost = html('p', { class: 'muted', id: 'checkpoints' });
  private readonly digest = html('code', { id: 'digest' });
  private shown: readonly unknown[] = [];

  constructor(app: TimeApp, parent: HTMLElement) {
    this.app = app;
    const head = (...keys: ('time_from' | 'time_to' | 'time_what' | 'time_who' | 'chart_time')[]): HTMLElement =>
      html('thead', {}, html('tr', {}, ...keys.map((key) => html('th', { scope: 'col' }, say(key)))));
    this.actsTable = html('table', { id: 'time-actions' }, html('caption', {}, say('time_actions')), head('chart_time', 'time_who', 'time_what'), this.acts);
    const [before = '', after = ''] = say('time_digest', { digest: '\n' }).split('\n');
    this.drawer = html(
      'div', { class: 'time-details', id: 'time-details', role: 'region', 'aria-label': say('time_words'), tabindex: 0, hidden: true },
      html('div', {},
        html('table', { id: 'time-words' }, html('caption', {}, say('time_words')), head('time_from', 'time_to', 'time_what'), this.rows),
        this.none, this.more),
      html('div', {},
        this.actsTable, this.actsNone,
        html('h3', {}, say('legend_time')), this.legend,
        this.cost, html('p', { class: 'muted' }, before, this.digest, after)),
    );
    parent.append(this.drawer);
  }

  update(): void {
    const { past, state } = this.app;
    this.drawer.hidden = !state.timeDetails;
    if (!state.timeDetails) return;
    const { checkpoints, checkpoint_bytes, most_bytes } = past.travel;
    setText(this.cost, say('time_cost', { n: checkpoints, mb: Math.round(checkpoint_bytes / MB), most: Math.round(most_bytes / MB) }));
    setText(this.digest, past.digest);
    const { lanes, branches, samples } = past;
    const key = [lanes.end, samples.version, branches];
    if (key.every((part, n) => part === this.shown[n])) return;
    this.shown = key;
    this.fill();
    this.fillActs();
    const names = [...LEGEND, ...(laneNames(lanes).includes('broken') ? (['broken'] as const) : [])];
    list(this.legend, names, () => html('li', {}, html('span', { class: 'key', 'aria-hidden': 'true' }), html('span')), (item, name) => {
      setAttribute(item, 'data-key', name);
      const text = item.lastElementChild;
      if (text !== null) setText(text, capital(say(`legend_${name}`)));
    });
  }
  private fill(): void {
    const all = told(this.app);
    const rows = all.slice(0, ROWS);
    this.none.hidden = rows.length > 0;
    this.more.hidden = all.length <= ROWS;
    setText(this.more, say('time_words_more', { n: all.length - ROWS }));
    const { end } = this.app.past.lanes;
    list(this.rows, rows, () => html('tr'), (line, { from, to, text }) => {
      const until = to === undefined ? '' : to >= end ? say('time_now') : moment(to * 1000);
      list(line, [moment(from * 1000), until, text], () => html('td'), setText);
    });
  }
  private fillActs(): void {
    const commands = (this.app.past.played?.commands ?? []).toReversed().slice(0, ROWS);
    this.actsTable.hidden = commands.length === 0;
    this.actsNone.hidden = commands.length > 0;
    list(this.acts, commands, () => this.makeAct(), (line, { place, at_us, scripted, do: act }) => {
      const what = capital(actText(this.app, act));
      line.dataset['place'] = String(place);
      line.dataset['us'] = String(at_us);
      const [at, who, text] = line.children;
      const [go, sentence, without] = [at?.firstElementChild, text?.firstElementChild, text?.lastElementChild];
      const time = moment(at_us / 1000);
      if (go != null) {
        setText(go, time);
        setAttribute(go, 'aria-label', say('events_go', { time }));
      }
      if (who !== undefined) setText(who, say(scripted ? 'time_scenario' : 'time_you'));
      if (sentence != null) setText(sentence, what);
      if (without != null) {
        (without as HTMLElement).hidden = typeof act === 'object' && 'nothing' in act;
        setAttribute(without, 'aria-label', say('time_without_this', { what }));
      }
    });
  }
  private makeAct(): HTMLElement {
    const number = (name: string): number => Number(line.dataset[name]);
    const go = button('', () => this.app.seek(number('us') + 1), { class: 'go-there' });
    const without = button(say('time_without'), () => this.app.whatIf({ without: number('place') }), { class: 'quiet-button' });
    const line = html('tr', {}, html('td', {}, go), html('td'), html('td', {}, html('span'), ' ', without));
    return line;
  }
}
