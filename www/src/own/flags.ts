// Command lines, units of systemd and environment variables, as text: what they set, by name. Nothing of it is run.

import { COMPONENTS, havers, isSwitch, type Component } from './known.ts';

/** Something that was set. `name` is the flag's or the field's; `written` is what stands there. */
export interface Setting {
  readonly name: string;
  readonly written: string;
  readonly kind: 'flag' | 'variable' | 'field';
  readonly value: string;
}
/** A program as it is started somewhere. `whole`: all of its flags were seen, so that the others have their defaults. */
export interface Process {
  readonly component: Component | null;
  readonly source: string;
  readonly whole: boolean;
  readonly settings: readonly Setting[];
}

/** The words of a command line, without its quotes. */
export function words(line: string): string[] {
  const found: string[] = [];
  for (const [word] of line.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+/g)) {
    found.push(word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, escaped?: string) => double?.replace(/\\(.)/g, '$1') ?? single ?? escaped ?? ''));
  }
  return found;
}

/** The program that a path or an image is of. */
export function componentOf(word: string): Component | null {
  const base = word.split('/').at(-1)?.replace(/[:@].*$/, '') ?? '';
  return COMPONENTS.find((component) => base.startsWith(component) && /^(-(v?\d|amd64|arm64|s390x|ppc64le).*)?$/.test(base.slice(component.length))) ?? null;
}

/** What a program's flags set; `--a=1`, `--a 1` and `--switch`. Words that are no flags are passed over. */
export function settings(component: Component | null, list: readonly string[]): Setting[] {
  const found: Setting[] = [];
  for (let at = 0; at < list.length; at += 1) {
    const [, dashes = '', name = '', joined] = /^(--?)([A-Za-z][\w.-]*)(?:=([^]*))?$/.exec(list[at] ?? '') ?? [];
    if (name === '') continue;
    let value = joined;
    if (value === undefined) {
      const next = list[at + 1];
      if (isSwitch(component, name) || next === undefined || /^--?[A-Za-z]/.test(next)) value = 'true';
      else {
        value = next;
        at += 1;
      }
    }
    // Programs of Kubernetes take names with underscores for the same.
    found.push({ name: component === 'etcd' ? name : name.replaceAll('_', '-'), written: `${dashes}${name}`, kind: 'flag', value });
  }
  return found;
}

/** The program whose flags these can only be. */
export function guess(found: readonly Setting[]): Component | null {
  for (const { name } of found) {
    const [one, another] = havers(name);
    if (one !== undefined && another === undefined) return one;
  }
  return null;
}

/** An environment variable of etcd's as the flag that it is. */
export function variable(name: string, value: string): Setting | undefined {
  const [, rest] = /^ETCD_([A-Z0-9_]+)$/.exec(name) ?? [];
  return rest === undefined ? undefined : { name: rest.toLowerCase().replaceAll('_', '-'), written: name, kind: 'variable', value };
}

/** Lines as one finds them in a shell, a unit of systemd, a file of variables, or the output of ps. */
export function readLines(text: string, source: string): Process[] {
  const gathered: Gathered[] = [];
  let whole: Gathered | undefined;
  const loose = (component: Component | null): Gathered => {
    if (whole !== undefined && (component === null || whole.component === component)) return whole;
    let one = gathered.find((process) => !process.whole && process.component === component);
    if (one === undefined) gathered.push((one = { component, whole: false, settings: [] }));
    return one;
  };
  for (const line of text.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const { command, variables, other } = parts(line);
    for (const [name, value] of variables) {
      const one = variable(name, value);
      if (one !== undefined) loose('etcd').settings.push(one);
      else if (/^\s*--[A-Za-z]/.test(value)) {
        const component = name.startsWith('KUBELET_') ? 'kubelet' : null;
        const found = settings(component, words(value));
        loose(component ?? guess(found)).settings.push(...found);
      }
    }
    if (other !== undefined) loose(null).settings.push(other);
    const at = command.findIndex((word, index) => componentOf(word) !== null && (command.length === 1 || /^--?[A-Za-z]/.test(command[index + 1] ?? '')));
    const component = at < 0 ? null : componentOf(command[at] ?? '');
    if (component !== null) {
      // Variables before a command are its own.
      const before = gathered.find((process) => !process.whole && process.component === component);
      whole = before === undefined ? { component, whole: true, settings: [] } : Object.assign(before, { whole: true });
      if (before === undefined) gathered.push(whole);
      whole.settings.push(...settings(component, command.slice(at + 1)));
    } else if (command.some((word) => /^--?[A-Za-z]/.test(word))) {
      const found = settings(whole?.component ?? null, command);
      loose(whole?.component ?? guess(found)).settings.push(...found);
    }
  }
  return gathered.filter(({ whole, settings }) => whole || settings.length > 0).map((one) => ({ ...one, source }));
}
interface Gathered {
  component: Component | null;
  whole: boolean;
  settings: Setting[];
}

/** A line's command, the variables that it sets, and what systemd itself is told. */
function parts(line: string): { command: string[]; variables: [string, string][]; other?: Setting } {
  const text = line.trim().replace(/^-\s+/, '').replace(/,$/, '');
  if (/^[#;%]|^$/.test(text)) return { command: [], variables: [] };
  const [, wait] = /^RestartSec=(\S.*)$/.exec(text) ?? [];
  if (wait !== undefined) return { command: [], variables: [], other: { name: 'RestartSec=', written: 'RestartSec=', kind: 'field', value: wait } };
  const [, run] = /^ExecStart=[-@:+!|]*(.*)$/.exec(text) ?? [];
  const [, environment] = /^Environment=(.*)$/.exec(text) ?? [];
  const all = words((run ?? environment ?? text).replace(/^export\s+/, ''));
  const variables: [string, string][] = [];
  while (all.length > 0) {
    const [, name, value = ''] = /^([A-Z][A-Z0-9_]*)=([^]*)$/.exec(all[0] ?? '') ?? [];
    if (name === undefined) break;
    variables.push([name, value]);
    all.shift();
  }
  return { command: environment === undefined ? all : [], variables };
}

const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, 'μs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration in Go's syntax, as `1m30s`, in milliseconds. */
export function goDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  const [, sign = '', rest = ''] = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text) ?? [];
  if (rest === '') return undefined;
  let ms = 0;
  for (const [, number = '', unit = ''] of rest.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) ms += Number(number) * (UNITS[unit] ?? 0);
  return sign === '-' ? -ms : ms;
}
/** A span as systemd takes it: a number is of seconds. In milliseconds. */
export function systemdSpan(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  return goDuration(text.replace(/\s+/g, '').replace(/min/g, 'm').replace(/(\d)(?:sec|seconds?)$/, '$1s'));
}
/** A switch as Go's strconv.ParseBool takes it. */
export function goSwitch(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : undefined;
}
