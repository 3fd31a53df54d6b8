// What a person does with kubectl: to a workload, a pod, a node. The API may still refuse it; then the events say so.

import type { App } from '../app.ts';
import { button, html, setAttribute, setMixed } from '../dom.ts';
import type { Frame } from '../frame.ts';
import { toolbar } from '../roving.ts';
import { capital, say } from '../say.ts';
import type { Selection } from '../state.ts';
import * as words from '../words.ts';

const KINDS = ['deployment', 'statefulset', 'daemonset'] as const;

export function nodeActs(app: App, node: number): HTMLElement[] {
  const name = words.nodeName(node);
  return ([['drain', 'drain'], ['cordon', 'cordon'], ['uncordon', 'uncordon'], ['delete_node', 'delete']] as const).map(([act, key]) => {
    const element = button(say(`do_${key}`), () => app.operate({ [act]: node }));
    setAttribute(element, 'aria-label', say('do_to', { what: say(`do_${key}`), thing: name }));
    return element;
  });
}

export function workloadActs(app: App, workload: number): HTMLElement[] {
  const rollout = button(say('do_rollout'), () => app.operate({ rollout: workload }));
  return [rollout];
}

export function podActs(app: App, { row: workload, other: number = 0, third: template = 0 }: Selection): HTMLElement[] {
  const pod = { workload, template, number };
  return [
    button(say('do_kill'), () => app.operate({ delete_pod: { ...pod, force: false } })),
    button(say('do_force'), () => app.operate({ delete_pod: { ...pod, force: true } })),
  ];
}

/** The panel of workloads and nodes. */
export class Kubectl {
  private readonly app: App;
  private readonly workload = html('select', { id: 'do-workload' });
  private readonly replicas = html('input', { type: 'number', id: 'do-replicas', min: 0, max: 5000, step: 1, inputmode: 'numeric' });
  private readonly node = html('input', { type: 'number', id: 'do-node', min: 1, step: 1, value: 1, inputmode: 'numeric' });
  private readonly name = html('input', { type: 'text', id: 'do-name', autocomplete: 'off', spellcheck: 'false', maxlength: 80 });
  private readonly kind = html('select', { id: 'do-kind' }, ...KINDS.map((kind) => html('option', { value: kind }, say(`workload_kind_${KINDS.indexOf(kind)}` as 'workload_kind_0'))));
  private readonly count = html('input', { type: 'number', id: 'do-count', min: 0, max: 5000, step: 1, value: 3, inputmode: 'numeric' });
  private readonly refused = html('p', { class: 'refused', role: 'status', id: 'refused-kubectl' });
  private built = '';
  private pods: readonly Selection[] = [];

  constructor(app: App, parent: HTMLElement) {
    this.app = app;
    this.workload.addEventListener('change', () => this.showReplicas());
    const chosen = (): number => Number(this.workload.value);
    const scale = button(say('do_scale'), () => this.number(this.replicas, 'replicas', (replicas) => app.operate({ scale: { workload: chosen(), replicas } })), { id: 'do-scale' });
    const rollout = button(say('do_rollout'), () => app.operate({ rollout: chosen() }), { id: 'do-rollout' });
    const kill = button(say('do_kill_one'), () => this.killOne(chosen()), { id: 'do-kill' });
    const onNode = (act: 'cordon' | 'uncordon' | 'drain'): HTMLElement =>
      button(say(`do_${act}`), () => this.number(this.node, 'node', (node) => app.operate({ [act]: node - 1 })), { id: `do-${act}` });
    const add = button(say('do_add_node'), () => app.operate('add_node'), { id: 'do-add-node' });
    const create = button(say('do_create'), () => this.create(), { id: 'do-create' });
    const field = (control: HTMLElement, text: string, ...more: HTMLElement[]): HTMLElement =>
      html('div', { class: 'inline' }, html('label', { for: control.id }, text), control, ...more);
    const fresh = html(
      'details', { class: 'more', id: 'new-workload' }, html('summary', {}, say('do_new')),
      field(this.name, say('do_name')), field(this.kind, say('do_kind')), field(this.count, say('do_replicas'), create),
    );
    const bar = (label: string, buttons: readonly HTMLElement[]): HTMLElement => {
      const { node, fill } = toolbar(label, 'buttons');
      fill(buttons);
      return node;
    };
    parent.append(
      html('h2', {}, say('kubectl')),
      field(this.workload, say('do_workload')), field(this.replicas, say('do_replicas'), scale),
      bar(say('do_workload'), [rollout, kill]),
      field(this.node, say('do_node'), add), bar(say('do_node'), [onNode('drain'), onNode('cordon'), onNode('uncordon')]),
      fresh, this.refused,
    );
  }

  update(frame: Frame): void {
    const { workload, pod } = frame;
    const ids = Array.from({ length: workload.rows }, (_, row) => workload.id(row));
    const key = ids.map((id) => `${id} ${words.workloadName(frame, id)}`).join();
    if (key !== this.built) {
      this.built = key;
      const before = this.workload.value;
      this.workload.replaceChildren(...ids.map((id) => html('option', { value: id }, words.workloadName(frame, id))));
      if (ids.includes(Number(before)) && before !== '') this.workload.value = before;
    }
    const row = words.workloadRow(frame, Number(this.workload.value));
    this.desired = workload.desired(row);
    if (this.replicas.value === '') this.showReplicas();
    this.replicas.disabled = workload.kind(row) === 2;
    this.pods = Array.from({ length: pod.rows }, (_, at) => at)
      .filter((at) => pod.workload(at) === Number(this.workload.value) && pod.deleting(at) === 0)
      .map((at) => words.podSelection(frame, at));
    setAttribute(this.node, 'max', frame.node.rows);
    const { refused } = this.app.state;
    setMixed(this.refused, refused?.knob === 'kubectl' ? `${capital(refused.sentence)}.` : '');
  }
  private desired = 0;
  private showReplicas(): void {
    this.replicas.value = String(this.desired);
  }
  private killOne(workload: number): void {
    const [first] = this.pods;
    if (first === undefined) this.app.act({ type: 'refused', knob: 'kubectl', sentence: say('do_no_pod') });
    else this.app.operate({ delete_pod: { workload, template: first.third ?? 0, number: first.other ?? 0, force: false } });
  }
  private create(): void {
    this.number(this.count, 'replicas', (replicas) => this.app.operate({ create: { name: this.name.value, kind: this.kind.value, replicas } }));
  }
  /** Reads a whole number; what is none gets a sentence here, for the engine takes numbers only. */
  private number(input: HTMLInputElement, field: string, use: (value: number) => void): void {
    const value = Number(input.value);
    if (input.value.trim() === '' || !Number.isInteger(value) || value < Number(input.min) || value > Number(input.max)) {
      const values = { field, value: input.value === '' ? '""' : input.value, min: input.min, max: input.max };
      this.app.act({ type: 'refused', knob: 'kubectl', sentence: say('do_no_number', values) });
      return;
    }
    use(value);
  }
}
