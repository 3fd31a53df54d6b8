// What there is: members, API servers, nodes, and where etcd runs. A cluster of another shape is another run.

import type { OwnApp } from '../app.ts';
import { button, html, setMixed, setText } from '../dom.ts';
import { capital, say } from '../say.ts';
import type { Topology } from '../state.ts';
import type { Own } from './own.ts';

/** The most API servers where etcd has its own hosts, as the engine says. */
const EXTERNAL_MAX = 3;

export class TopologyPanel {
  private readonly app: OwnApp;
  private readonly members = html('select', { id: 'topology-members' }, ...[1, 3, 5].map((n) => html('option', { value: n }, String(n))));
  private readonly etcd = html('select', { id: 'topology-etcd' }, ...(['stacked', 'external'] as const).map((kind) => html('option', { value: kind }, say(`topology_${kind}`))));
  private readonly apis = html('select', { id: 'topology-api' }, ...[1, 2, 3, 4, 5].map((n) => html('option', { value: n }, String(n))));
  private readonly nodes = html('input', { type: 'number', id: 'topology-nodes', min: 3, max: 5000, step: 1, inputmode: 'numeric' });
  private readonly refused = html('p', { class: 'refused', role: 'status', id: 'refused-topology' });
  private readonly told = html('p', { class: 'muted note', role: 'status', id: 'own-told' });
  private readonly opener = button(say('own'), () => void this.openOwn(), { id: 'own-open', 'aria-haspopup': 'dialog' });
  private own: Promise<Own> | undefined;
  private shown = '';

  constructor(app: OwnApp, parent: HTMLElement) {
    this.app = app;
    const field = (control: HTMLElement, text: string): HTMLElement => html('div', { class: 'pair' }, html('label', { for: control.id }, text), control);
    const apply = button(say('topology_apply'), () => app.rebuild(this.wanted()), { id: 'topology-apply' });
    this.etcd.addEventListener('change', () => this.fit());
    this.members.addEventListener('change', () => this.fit());
    const details = html(
      'details', { class: 'more', id: 'topology' }, html('summary', {}, say('topology')),
      field(this.members, say('topology_members')), field(this.etcd, say('topology_etcd')), field(this.apis, say('topology_api')), field(this.nodes, say('topology_nodes')),
      apply, html('p', { class: 'muted note' }, say('topology_note')), this.refused,
    );
    parent.append(details, html('div', { class: 'own-opener' }, this.opener, this.told));
  }
  /** Its reader is large and seldom wanted: it comes when it is asked for. */
  private async openOwn(): Promise<void> {
    setText(this.told, say('own_loading'));
    try {
      this.own ??= import('./own.ts').then(({ Own }) => new Own(this.app, (sentence) => setText(this.told, sentence)));
      const own = await this.own;
      setText(this.told, '');
      own.open();
    } catch {
      this.own = undefined;
      setText(this.told, say('own_failed'));
    }
  }
  update(): void {
    const { cluster, state } = this.app;
    const key = `${cluster.members} ${cluster.apis} ${cluster.external} ${state.started}`;
    if (key !== this.shown) {
      this.shown = key;
      this.members.value = String(cluster.members);
      this.etcd.value = cluster.external ? 'external' : 'stacked';
      this.apis.value = String(cluster.apis);
      this.nodes.value = String(cluster.nodes);
      this.fit();
    }
    setMixed(this.refused, state.refused?.knob === 'topology' ? `${capital(state.refused.sentence)}.` : '');
  }
  /** In the stacked topology an API server runs beside a member of its own. */
  private fit(): void {
    const most = this.etcd.value === 'stacked' ? Number(this.members.value) : EXTERNAL_MAX;
    for (const option of this.apis.options) option.disabled = Number(option.value) > most;
    if (Number(this.apis.value) > most) this.apis.value = String(most);
  }
  private wanted(): Topology {
    return { members: Number(this.members.value), api_servers: Number(this.apis.value), external: this.etcd.value === 'external', nodes: Number(this.nodes.value) };
  }
}
