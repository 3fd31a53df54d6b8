// Sentences from the locale, and numbers as people read them.

import { en } from '../locales/en.ts';

type Template = string | { one: string; other: string };
export type Key = keyof typeof en;
type Values = Readonly<Record<string, string | number>>;

const LOCALE = 'en';
const plural = new Intl.PluralRules(LOCALE);
const sentences: Readonly<Record<string, Template>> = en;

/** The sentence of this name with its names in braces filled in. */
export function say(key: Key, values: Values = {}): string {
  return fill(sentences[key] ?? key, values);
}

/** The same for a name put together at run time; undefined if the locale has no such sentence. */
export function sayIfKnown(key: string, values: Values = {}): string | undefined {
  const template = sentences[key];
  return template === undefined ? undefined : fill(template, values);
}

function fill(template: Template, values: Values): string {
  const text = typeof template === 'string' ? template : template[plural.select(Number(values['n'])) === 'one' ? 'one' : 'other'];
  return text.replace(/\{(\w+)\}/g, (braces, name: string) => {
    const value = values[name];
    if (value === undefined) return braces;
    return typeof value === 'number' ? integer(value) : value;
  });
}

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const significant = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 2 });
const tenths = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const either = new Intl.ListFormat(LOCALE, { type: 'disjunction' });

/** "reads, writes or lists". */
export function oneOf(names: readonly string[]): string {
  return either.format(names);
}

export function integer(value: number): string {
  return whole.format(value);
}

/** A number without more digits than the eye can use. */
export function short(value: number): string {
  return Math.abs(value) >= 10 ? whole.format(value) : significant.format(value);
}

/** A length of time given in milliseconds: "0.3 ms", "420 ms", "3.2 s", "2 min 5 s". */
export function span(ms: number): string {
  if (ms >= 119_500) {
    const seconds = Math.round(ms / 1000);
    return seconds >= 7200
      ? `${whole.format(Math.floor(seconds / 3600))} h ${Math.floor((seconds % 3600) / 60)} min`
      : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }
  if (ms >= 999.5) return `${tenths.format(ms / 1000)} s`;
  if (ms >= 10 || ms === 0) return `${whole.format(ms)} ms`;
  return `${significant.format(ms)} ms`;
}

/** The same in whole seconds, where there is no room for more. */
export function seconds(ms: number): string {
  return ms >= 999.5 ? `${whole.format(ms / 1000)} s` : span(ms);
}

/** A number of an alert or a lamp. */
export function amount(value: number, unit: 'count' | 'milli_percent' | 'us' | 'milli_per_second' | 'milli_burn'): string {
  switch (unit) {
    case 'count':
      return whole.format(value);
    case 'milli_percent':
      return share(value / 1e5);
    case 'us':
      return span(value / 1000);
    case 'milli_per_second':
      return `${short(value / 1000)}/s`;
    case 'milli_burn':
      return `${short(value / 1000)}×`;
  }
}

/** A moment of the run, from milliseconds. */
export function moment(ms: number): string {
  return ms >= 120_000 ? span(ms) : `${tenths.format(ms / 1000)} s`;
}

/** A share from 0 to 1. Only all is "100 %" and only nothing is "0 %". */
export function share(value: number): string {
  if (value > 0 && value < 0.001) return '< 0.1 %';
  if (value < 1 && value > 0.99) return `${(Math.floor(value * 1000) / 10).toFixed(1)} %`;
  return `${short(value < 1 ? Math.min(value * 100, 99.9) : 100)} %`;
}

/** A probability in parts per million. */
export function ppm(value: number): string {
  return share(value / 1e6);
}

/** The text with its first letter in upper case, unless it begins with the name of a program or a field. */
export function capital(text: string): string {
  if (/^([a-z]+[-_]\w|etcd\b)/.test(text)) return text;
  return text.charAt(0).toLocaleUpperCase(LOCALE) + text.slice(1);
}
