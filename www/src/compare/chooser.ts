// What to compare: questions that two runs answer, or the run at hand with one thing otherwise.

import { knob, type TimeApp } from '../app.ts';
import { button, html, setMixed } from '../dom.ts';
import type { KnobSpec } from '../engine.ts';
import { branchName } from '../lanewords.ts';
import { quantity, shown } from '../quantity.ts';
import { capital, say, sayIfKnown } from '../say.ts';
import { placeExists, placeText } from '../spoken.ts';
import { faultLabel, faultNames, request } from '../view/faults.ts';
import type { Against } from './open.ts';
import { badge } from './side.ts';

function dialLabel(spec: KnobSpec): string {
  return sayIfKnown(`dial_${spec.name}`) ?? capital(spec.flag);
}

export class Chooser {
  readonly opener: HTMLButtonElement;
  private readonly app: TimeApp;
  private readonly choose: (against: Against) => void;
  private readonly dialog: HTMLDialogElement;
  private readonly refused = html('p', { class: 'refused', role: 'status', id: 'refused-compare' });
  private readonly dial: HTMLSelectElement;
  private readonly value = html('span', { class: 'value' });
  private readonly fault = html('select', { id: 'compare-fault' });
  private readonly host = html('select', { id: 'compare-host' });
  private readonly branch = html('select', { id: 'compare-branch' });
  private readonly branches: HTMLElement;
  private readonly members = html('select', { id: 'compare-members' }, ...[1, 3, 5].map((n) => html('option', { value: n }, String(n))));
  private readonly etcd = html('select', { id: 'compare-etcd' }, ...(['stacked', 'external'] as const).map((kind) => html('option', { value: kind }, say(`topology_${kind}`))));

  constructor(app: TimeApp, choose: (against: Against) => void) {
    this.app = app;
    this.choose = choose;
    this.opener = button(say('compare'), () => this.open(), { id: 'compare-open', 'aria-haspopup': 'dialog' });
    const cards = app.catalog.presets.map(({ name, question, about, labels }) => {
      const card = button('', () => this.done({ kind: 'preset', name }), { class: 'card', id: `preset-${name}` });
      const labelled = labels.map((label, index) => html('span', { class: 'pairing' }, badge(index === 0 ? 'A' : 'B'), ` ${label}`));
      card.append(html('strong', {}, question), html('span', { class: 'about' }, about), html('span', { class: 'pairings' }, ...labelled));
      return html('li', {}, card);
    });
    const options = app.catalog.knobs.map((spec) => html('option', { value: spec.name }, dialLabel(spec)));
    this.dial = html('select', { id: 'compare-dial' }, ...options);
    this.dial.addEventListener('change', () => this.showValue());
    const row = (title: string, go: () => void, id: string, ...controls: (HTMLElement | string)[]): HTMLElement =>
      html('div', { class: 'against', role: 'group', 'aria-label': title }, html('h4', {}, title), ...controls, button(say('compare_go'), go, { id, 'aria-label': `${say('compare_go')}: ${title}` }));
    const field = (control: HTMLElement, text: string): HTMLElement => html('span', { class: 'pair' }, html('label', { for: control.id }, text), control);
    this.branches = row(say('compare_other_branch'), () => this.withBranch(), 'compare-go-branch', field(this.branch, say('compare_branch_which')));
    this.dialog = html(
      'dialog', { class: 'chooser', id: 'compare-dialog', 'aria-labelledby': 'compare-title' },
      html('div', { class: 'head' }, html('h2', { id: 'compare-title' }, say('compare_title')), button(say('close'), () => this.dialog.close(), { class: 'quiet-button' })),
      html('p', { class: 'muted' }, say('compare_luck')),
      html('h3', {}, say('compare_presets')), html('ul', { class: 'cards' }, ...cards),
      html('h3', {}, say('compare_this')), html('p', { class: 'muted' }, say('compare_this_about')),
      this.branches,
      row(say('compare_dial'), () => this.done({ kind: 'dial', change: this.change() }), 'compare-go-dial', field(this.dial, say('compare_dial_which')), this.value),
      row(say('compare_fault'), () => this.done({ kind: 'fault', fault: this.request() }), 'compare-go-fault', field(this.fault, say('compare_fault_which')), field(this.host, say('faults_at'))),
      row(say('compare_topology'), () => this.done({ kind: 'topology', topology: this.topology() }), 'compare-go-topology', field(this.members, say('topology_members')), field(this.etcd, say('topology_etcd'))),
      this.refused,
    );
    document.body.append(this.dialog);
  }
  open(): void {
    const { app } = this;
    this.app.act({ type: 'run', running: false });
    this.app.act({ type: 'accepted' });
    this.fault.replaceChildren(...faultNames(app).map((name) => html('option', { value: name }, faultLabel(name))));
    this.host.replaceChildren(...Array.from({ length: app.cluster.controlHosts }, (_, host) => html('option', { value: host }, say('name_host', { n: host + 1 }))));
    app.past.look();
    app.past.readBranches();
    const others = app.past.branches.filter(({ played }) => !played);
    this.branches.hidden = others.length === 0;
    this.branch.replaceChildren(...others.map((branch) => html('option', { value: branch.id }, branchName(branch))));
    this.members.value = String(app.cluster.members);
    this.etcd.value = app.cluster.external ? 'stacked' : 'external';
    this.showValue();
    this.update();
    this.dialog.showModal();
  }
  update(): void {
    const { refused } = this.app.state;
    setMixed(this.refused, refused?.knob === 'compare' ? `${capital(refused.sentence)}.` : '');
    if (refused?.knob === 'compare' && !this.dialog.open) this.dialog.showModal();
  }
  private withBranch(): void {
    this.dialog.close();
    this.app.compareWith(Number(this.branch.value));
  }
  private done(against: Against): void {
    this.dialog.close();
    this.choose(against);
  }
  private spec(): KnobSpec | undefined {
    return this.app.catalog.knobs.find(({ name }) => name === this.dial.value);
  }
  /** A control for the value that B's dial gets: at first somewhere else than A's. */
  private showValue(): void {
    const spec = this.spec();
    if (spec === undefined) return;
    const { app } = this;
    const now = knob(app, spec.name);
    let control: HTMLInputElement | HTMLSelectElement;
    if (spec.unit === 'place') {
      const places = app.catalog.places.map((place, at) => ({ place, at })).filter(({ place }) => placeExists(place, app.cluster));
      control = html('select', { id: 'compare-value' }, ...places.map(({ place, at }) => html('option', { value: at }, placeText(place))));
      control.value = String((now + 1) % places.length);
    } else if (spec.unit === 'switch') {
      control = html('select', { id: 'compare-value' }, html('option', { value: 0 }, say('value_off')), html('option', { value: 1 }, say('value_on')));
      control.value = String(1 - now);
    } else {
      control = html('input', { type: 'number', id: 'compare-value', step: 'any', inputmode: 'decimal', min: shown(spec, spec.min), max: shown(spec, spec.max) });
      const first = spec.name === 'loss_ppm' ? (now === 0 ? 300_000 : 0) : now === 0 ? spec.max / 10 : Math.min(spec.max, now * 2);
      control.value = shown(spec, first);
    }
    const { unit } = quantity(spec);
    this.value.replaceChildren(html('label', { for: 'compare-value' }, say('compare_value')), control, ...(control instanceof HTMLInputElement ? [unit] : []));
  }
  private change(): { name: string; value: number } {
    const spec = this.spec();
    const text = this.dialog.querySelector<HTMLInputElement | HTMLSelectElement>('#compare-value')?.value ?? '';
    if (spec === undefined) return { name: this.dial.value, value: 0 };
    const factor = spec.unit === 'place' || spec.unit === 'switch' ? 1 : quantity(spec).factor;
    return { name: spec.name, value: Math.max(0, Math.round(Number(text) * factor)) };
  }
  private request(): ReturnType<typeof request> {
    const host = Number(this.host.value);
    return request(this.fault.value, host, (host + 1) % Math.max(1, this.app.cluster.controlHosts));
  }
  private topology(): { members: number; api_servers: number; external: boolean; nodes: number } {
    const external = this.etcd.value === 'external';
    const members = Number(this.members.value);
    return { members, external, api_servers: external ? 3 : members, nodes: this.app.cluster.nodes };
  }
}
