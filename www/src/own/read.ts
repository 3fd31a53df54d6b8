// Text from outside as the programs that it starts: manifests, configurations and command lines. All of it is text; nothing
// is run, fetched or believed beyond its length.

import { LineCounter, parseDocument, type YAMLError } from 'yaml';
import { clipped, say } from '../say.ts';
import { componentOf, guess, readLines, settings, variable, words, type Process, type Setting } from './flags.ts';
import { hasFlag, type Component } from './known.ts';

/** The longest text that is read, in bytes. A manifest has three thousand. */
export const MOST_BYTES = 256 * 1024;
/** The most documents of one text; what comes after is not read. */
const MOST_DOCUMENTS = 50;
/** The most that is read of all settings; the rest is left. */
const MOST_SETTINGS = 1500;
/** The most often that one document may use its anchors: a few lines of them make gigabytes. */
const MOST_ALIASES = 50;
/** How much of a name shows, in letters: pods of the control plane have their host's. */
const NAME = 60;
/** How deep lists may lie in lists. */
const DEEPEST = 60;

export interface Read {
  readonly processes: readonly Process[];
  /** What could not be read, a sentence each. */
  readonly problems: readonly string[];
}
type Tree = Map<unknown, unknown>;

/** Between two documents. */
const SEPARATOR = /^---(?=\s|$).*$/m;

/** Reads a text of one or several documents. */
export function read(text: string): Read {
  const [processes, problems]: [Process[], string[]] = [[], []];
  const bytes = new Blob([text]).size;
  if (bytes > MOST_BYTES) return { processes, problems: [say('own_too_long', { kb: Math.ceil(bytes / 1024), most: MOST_BYTES / 1024 })] };
  if (isBinary(text)) return { processes, problems: [say('own_binary', { source: say('own_pasted') })] };
  let line = 1;
  let n = 0;
  const documents = text.replace(/^\uFEFF/, '').split(SEPARATOR).flatMap((one) => {
    const start = line;
    line += one.split('\n').length - 1;
    if (one.trim() === '') return [];
    n += 1;
    // A comment at the very beginning says what it is: the page writes the names of files there.
    const [, title] = /^\s*#[ \t]*(\S.*)/.exec(one) ?? [];
    return [{ one, start, source: title === undefined ? say('own_document', { n }) : clipped(title) }];
  });
  if (documents.length > MOST_DOCUMENTS) problems.push(say('own_too_many', { n: documents.length, most: MOST_DOCUMENTS }));
  for (const { one, start, source } of documents.slice(0, MOST_DOCUMENTS)) readDocument(one, source, start, processes, problems);
  return limited({ processes, problems });
}

/** Whatever is no text: it has characters that nobody types. */
export function isBinary(text: string): boolean {
  const odd = text.match(/[\u0000-\u0008\u000E-\u001F\uFFFD]/g)?.length ?? 0;
  return text.includes('\u0000') || odd > text.length / 50;
}
function limited({ processes, problems }: Read): Read {
  let left = MOST_SETTINGS;
  const kept: Process[] = [];
  for (const process of processes) {
    if (left <= 0) break;
    kept.push({ ...process, settings: process.settings.slice(0, left) });
    left -= process.settings.length;
  }
  return left >= 0 ? { processes: kept, problems } : { processes: kept, problems: [...problems, say('own_too_many_settings', { most: MOST_SETTINGS })] };
}

function readDocument(text: string, source: string, firstLine: number, processes: Process[], problems: string[]): void {
  const before = processes.length;
  const tree = isYaml(text) ? parse(text, source, firstLine, problems) : undefined;
  if (tree === 'refused') return;
  if (tree === undefined) processes.push(...readLines(text, source));
  else readTree(tree, source, processes, problems);
  if (processes.length === before && tree === undefined) problems.push(say('own_nothing', { source }));
}

/** Whether a text is meant as YAML or JSON, and not as lines with flags. */
function isYaml(text: string): boolean {
  return /^\s*["']?(apiVersion|kind)["']?\s*:/m.test(text) || /^\s*\{/m.test(text) || /^["']?[a-z][a-z-]+["']?:(\s|$)/m.test(text);
}

/** A document as a tree of maps, lists and texts; no tag means anything in it. */
function parse(text: string, source: string, firstLine: number, problems: string[]): Tree | 'refused' | undefined {
  if (deepest(text) > DEEPEST) {
    problems.push(say('own_too_deep', { source, most: DEEPEST }));
    return 'refused';
  }
  try {
    const lines = new LineCounter();
    const document = parseDocument(text, { schema: 'failsafe', lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
    const [error] = document.errors;
    if (error !== undefined) {
      problems.push(badYaml(error, source, firstLine - 1 + lines.linePos(error.pos[0]).line));
      return 'refused';
    }
    const tree: unknown = document.toJS({ mapAsMap: true, maxAliasCount: MOST_ALIASES });
    return tree instanceof Map ? tree : undefined;
  } catch (error) {
    problems.push(error instanceof ReferenceError ? say('own_aliases', { source, most: MOST_ALIASES }) : say('own_too_deep', { source, most: DEEPEST }));
    return 'refused';
  }
}
function badYaml({ code, message }: YAMLError, source: string, line: number): string {
  if (code === 'TAB_AS_INDENT') return say('own_tab', { source, line: String(line) });
  if (code === 'DUPLICATE_KEY') return say('own_duplicate', { source, line: String(line) });
  return say('own_bad_yaml', { source, line: String(line), error: clipped(message, 120) });
}
/** How deep brackets lie in brackets, or lines are indented: the parser would lose itself. */
function deepest(text: string): number {
  let [depth, most] = [0, 0];
  for (const [sign] of text.matchAll(/[[{\]}]|- (?=- )/g)) {
    if (sign.startsWith('-')) most = Math.max(most, depth + 1);
    else depth = sign === '[' || sign === '{' ? depth + 1 : Math.max(0, depth - 1);
    most = Math.max(most, depth);
  }
  for (const [, indent = ''] of text.matchAll(/^((?: |- |\? )+)\S/gm)) most = Math.max(most, indent.length / 2 > DEEPEST ? DEEPEST + 1 : 0);
  return most;
}

function readTree(tree: Tree, source: string, processes: Process[], problems: string[]): void {
  const kind = text(tree.get('kind'));
  const before = processes.length;
  if (kind === 'Pod') readPod(tree, source, processes);
  else if (kind === 'List' || kind === 'PodList') for (const item of list(tree.get('items'))) readTree(map(item), source, processes, problems);
  else if (kind === 'KubeletConfiguration') processes.push({ component: 'kubelet', source, whole: true, settings: fields(tree) });
  else if (kind === 'KubeSchedulerConfiguration') processes.push({ component: 'kube-scheduler', source, whole: true, settings: schedulerFields(tree) });
  else if (kind === 'ClusterConfiguration') readKubeadm(tree, source, processes);
  else if (kind === 'ConfigMap') readConfigMap(tree, source, processes, problems);
  else if (kind === '') readEtcdFile(tree, source, processes);
  if (processes.length > before) return;
  problems.push(kind === '' ? say('own_nothing', { source }) : say('own_kind', { source, kind: clipped(kind, NAME) }));
}

function readPod(tree: Tree, source: string, processes: Process[]): void {
  const name = clipped(text(map(tree.get('metadata')).get('name')), NAME);
  for (const entry of list(map(tree.get('spec')).get('containers'))) {
    const container = map(entry);
    const command = [...list(container.get('command')), ...list(container.get('args'))].map(text);
    // A shell's one argument is a command line.
    const line = /(^|\/)(ba|da|a)?sh$/.test(command[0] ?? '') ? command.flatMap(words) : command;
    const at = line.findIndex((word) => componentOf(word) !== null);
    const component = componentOf(line[at] ?? '') ?? componentOf(text(container.get('name'))) ?? componentOf(text(container.get('image')));
    if (component === null) continue;
    const found = settings(component, line.slice(at + 1));
    for (const one of list(container.get('env'))) {
      const set = variable(text(map(one).get('name')), text(map(one).get('value')));
      if (set !== undefined) found.push(set);
    }
    if (component === 'kube-apiserver') found.push({ name: 'livenessProbe', written: 'livenessProbe', kind: 'field', value: String(container.has('livenessProbe')) });
    processes.push({ component, source: name === '' ? source : name, whole: true, settings: found });
  }
}

/** What kubeadm keeps in the cluster: documents in a map. */
function readConfigMap(tree: Tree, source: string, processes: Process[], problems: string[]): void {
  const inner = map(tree.get('data')).get('ClusterConfiguration') ?? map(tree.get('data')).get('kubelet');
  const found = parse(text(inner), source, 1, problems);
  // One map in another is enough.
  if (found instanceof Map && text(found.get('kind')) !== 'ConfigMap') readTree(found, source, processes, problems);
}

/** kubeadm's own configuration: extraArgs are a map, or since v1beta4 a list of names and values. */
function readKubeadm(tree: Tree, source: string, processes: Process[]): void {
  const parts: readonly [Component, unknown][] = [
    ['etcd', map(map(tree.get('etcd')).get('local')).get('extraArgs')],
    ['kube-apiserver', map(tree.get('apiServer')).get('extraArgs')],
    ['kube-controller-manager', map(tree.get('controllerManager')).get('extraArgs')],
    ['kube-scheduler', map(tree.get('scheduler')).get('extraArgs')],
  ];
  const endpoints = list(map(map(tree.get('etcd')).get('external')).get('endpoints')).map(text);
  for (const [component, extra] of parts) {
    const pairs = extra instanceof Map ? [...extra].map(([name, value]) => [text(name), text(value)]) : list(extra).map((one) => [text(map(one).get('name')), text(map(one).get('value'))]);
    const found = settings(component, pairs.map(([name = '', value = '']) => `--${name}=${value}`));
    if (component === 'kube-apiserver' && endpoints.length > 0) found.push({ name: 'etcd-servers', written: 'etcd.external.endpoints', kind: 'field', value: endpoints.join(',') });
    if (component !== 'etcd' || endpoints.length === 0) processes.push({ component, source, whole: true, settings: found });
  }
}

/** etcd's configuration file names its flags. */
function readEtcdFile(tree: Tree, source: string, processes: Process[]): void {
  const names = [...tree.keys()].map(text);
  if (!names.some((name) => hasFlag('etcd', name)) || guess(fields(tree)) !== 'etcd') return;
  processes.push({ component: 'etcd', source, whole: true, settings: fields(tree).map((one) => ({ ...one, kind: hasFlag('etcd', one.name) ? 'flag' : 'field' })) });
}

/** What stands right in a configuration. What has parts of its own is one setting without a value. */
function fields(tree: Tree): Setting[] {
  return [...tree].filter(([name]) => !['apiVersion', 'kind', 'metadata'].includes(text(name))).map(([name, value]) => ({ name: text(name), written: text(name), kind: 'field', value: Array.isArray(value) ? value.map(text).join(',') : text(value) }));
}
function schedulerFields(tree: Tree): Setting[] {
  const election = [...map(tree.get('leaderElection'))].map(([name, value]): Setting => {
    const field = text(name);
    return { name: `leader-elect${field === 'leaderElect' ? '' : `-${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`}`, written: `leaderElection.${field}`, kind: 'flag', value: text(value) };
  });
  return [...election, ...fields(tree).filter(({ name }) => name !== 'leaderElection')];
}

function map(value: unknown): Tree {
  return value instanceof Map ? value : new Map();
}
function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
