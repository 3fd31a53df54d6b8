// Breaking things by hand, and the list of what is broken.

import type { App } from '../app.ts';
import { button, html, list, setAttribute, setMixed, setText } from '../dom.ts';
import type { FaultRequest } from '../engine.ts';
import { NONE, type Frame } from '../frame.ts';
import { faultText } from '../notes.ts';
import { toolbar } from '../roving.ts';
import { capital, say, sayIfKnown, span } from '../say.ts';
import { leaderRow } from '../words.ts';

/** How many times as long a slow disk takes: a sync of 1.5 ms becomes one of 0.3 s. Chosen. */
const SLOW_DISK_TIMES = 200;
const LEADER = 'leader';
/** The faults that have a button, by the engine's names. */
const BUTTONS = ['isolate', 'cut', 'crash', 'kill-etcd', 'pause', 'hang-api', 'slow-disk'];

export function request(name: string, host: number, to: number): FaultRequest {
  if (name === 'cut') return { name, host, to };
  return name === 'slow-disk' ? { name, host, value: SLOW_DISK_TIMES } : { name, host };
}

/** The host that a one-way cut of `host` points to unless another one is chosen. */
export function nextHost(host: number, hosts: number): number {
  return (host + 1) % Math.max(1, hosts);
}

export function faultLabel(name: string): string {
  return sayIfKnown(`fault_${name}`) ?? name;
}

/** The faults with a button that a cluster of this size can have. */
export function faultNames(app: App): string[] {
  return BUTTONS.filter((name) => app.catalog.faults.includes(name) && (app.cluster.controlHosts > 1 || (name !== 'cut' && name !== 'isolate')));
}

export class Faults {
  private readonly app: App;
  private readonly at: HTMLSelectElement;
  private readonly towards: HTMLSelectElement;
  private readonly towardsRow: HTMLElement;
  private readonly buttons = toolbar(say('faults'), 'buttons');
  private readonly inForce: HTMLElement;
  private readonly none: HTMLElement;
  private readonly healAll: HTMLButtonElement;
  private readonly refused = html('p', { class: 'refused', role: 'status' });
  private leader = 0;
  private built = 0;

  constructor(app: App, parent: HTMLElement) {
    this.app = app;
    this.at = html('select', { id: 'fault-at' });
    this.towards = html('select', { id: 'fault-towards' });
    this.towardsRow = html('div', { class: 'inline' }, html('label', { for: 'fault-towards' }, say('faults_other')), this.towards);
    this.at.addEventListener('change', () => this.fillTowards());
    this.inForce = html('ul', { class: 'in-force', 'aria-label': say('faults_in_force') });
    this.none = html('p', { class: 'muted' }, say('faults_none'));
    this.healAll = button(say('faults_heal_all'), () => app.healAll(), { id: 'heal-all' });
    parent.append(
      html('h2', {}, say('faults')),
      html('div', { class: 'inline' }, html('label', { for: 'fault-at' }, say('faults_at')), this.at),
      this.buttons.node, this.towardsRow, this.refused, this.none, this.inForce, this.healAll,
    );
  }

  update(frame: Frame): void {
    this.leader = Math.max(0, leaderRow(frame));
    this.build();
    const { refused } = this.app.state;
    setMixed(this.refused, refused?.knob === '' ? `${capital(refused.sentence)}.` : '');
    const { fault } = frame;
    const rows = Array.from({ length: fault.rows }, (_, row) => row);
    list(this.inForce, rows, () => this.makeItem(), (item, row) => {
      const what = this.what(frame, row);
      const [text, heal] = [item.children[0], item.children[1]];
      if (text === undefined || heal === undefined) return;
      setText(text, `${capital(what)} ${say('force_since', { span: span(fault.since(row)) })}`);
      setAttribute(heal, 'aria-label', say('faults_heal_this', { what }));
      setAttribute(heal, 'data-id', fault.id(row));
    });
    this.none.hidden = rows.length > 0;
    this.healAll.hidden = rows.length === 0;
  }

  private what({ fault }: Frame, row: number): string {
    const to = fault.to(row);
    return faultText({
      name: this.app.catalog.faults[fault.kind(row)] ?? '',
      host: fault.host(row),
      to: to === NONE ? null : to,
      value: fault.value(row),
    }, this.app.cluster);
  }
  private makeItem(): HTMLElement {
    const heal = button(say('faults_heal'), () => this.app.heal(Number(heal.dataset['id'])));
    return html('li', {}, html('span'), heal);
  }
  private host(): number {
    return this.at.value === LEADER ? this.leader : Number(this.at.value);
  }
  /** Choices and buttons, again when the cluster has another size. */
  private build(): void {
    const { app } = this;
    const { controlHosts, nodes } = app.cluster;
    if (this.built === controlHosts + nodes * 100) return;
    this.built = controlHosts + nodes * 100;
    const hosts = Array.from({ length: controlHosts }, (_, host) => host);
    this.at.replaceChildren(
      html('option', { value: LEADER }, say('faults_leader')),
      ...hosts.map((host) => html('option', { value: host }, say('name_host', { n: host + 1 }))),
    );
    this.fillTowards();
    const buttons = faultNames(app).map((name) =>
      button(faultLabel(name), () => app.inject(request(name, this.host(), this.target())), { id: `fault-${name}` }),
    );
    this.buttons.fill(buttons);
    this.towardsRow.hidden = controlHosts < 2;
  }
  private fillTowards(): void {
    const host = this.at.value === LEADER ? -1 : Number(this.at.value);
    const others = Array.from({ length: this.app.cluster.controlHosts }, (_, other) => other).filter((other) => other !== host);
    this.towards.replaceChildren(...others.map((other) => html('option', { value: other }, say('name_host', { n: other + 1 }))));
  }
  private target(): number {
    const to = Number(this.towards.value);
    return to === this.host() ? nextHost(to, this.app.cluster.controlHosts) : to;
  }
}
