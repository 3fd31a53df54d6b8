// Sentences from the locale at hand, and numbers as its people write them.

import { en } from '../locales/en.ts';
import type { Form, Key, Locale, Template } from './locale.ts';

export type { Key } from './locale.ts';
type Values = Readonly<Record<string, string | number>>;

const ENGLISH: Locale = { tag: 'en', dir: 'ltr', sentences: en, engine: (_, english) => english };

let locale = ENGLISH;
let formats = formatsOf(ENGLISH.tag);

/** From now on everything is said in this locale; none: in English. What was said before stays as it is. */
export function speakIn(other: Locale = ENGLISH): void {
  locale = other;
  formats = formatsOf(other.tag);
}

/** The language at hand and its direction. */
export function spokenNow(): Pick<Locale, 'tag' | 'dir'> {
  return locale;
}

/** The sentence of this name with its names in braces filled in. */
export function say(key: Key, values: Values = {}): string {
  return fill(locale.sentences[key], values);
}

/** The same for a name put together at run time; undefined if the locale has no such sentence. */
export function sayIfKnown(key: string, values: Values = {}): string | undefined {
  return Object.hasOwn(en, key) ? say(key as Key, values) : undefined;
}

/** What the engine says in English, by a name of ours for it. */
export function sayOf(name: string, english: string): string {
  return locale.engine(name, english);
}

const ISOLATE = '\u2068';
const END = '\u2069';

/** A sentence that there is in English only, such as the engine's about what it refuses; marked as such in other languages. */
export function inEnglish(sentence: string): string {
  return sentence === '' || locale.tag === 'en' ? sentence : `${ISOLATE}${sentence}${END}`;
}

/** A text in parts: those in the language at hand, and those marked as English. */
export function partsOf(text: string): { text: string; english: boolean }[] {
  return text.split(/(\u2068[^\u2069]*\u2069)/).filter((part) => part !== '').map((part) =>
    part.startsWith(ISOLATE) ? { text: part.slice(1, -1), english: true } : { text: part, english: false });
}

function fill(template: Template, values: Values): string {
  const text = typeof template === 'string' ? template : (template[form(Number(values['n']))] ?? template.other);
  return text.replace(/\{(\w+)\}/g, (braces, name: string) => {
    const value = values[name];
    if (value === undefined) return braces;
    return typeof value === 'number' ? integer(value) : value;
  });
}
function form(n: number): Form {
  return formats.plural.select(n);
}

function formatsOf(tag: string) {
  const number = (options: Intl.NumberFormatOptions): Intl.NumberFormat => new Intl.NumberFormat(tag, options);
  return {
    plural: new Intl.PluralRules(tag),
    either: new Intl.ListFormat(tag, { type: 'disjunction' }),
    whole: number({ maximumFractionDigits: 0 }),
    significant: number({ maximumSignificantDigits: 2 }),
    exact: number({ maximumSignificantDigits: 6, useGrouping: false }),
    fixed: [0, 1, 2, 3, 4, 5, 6].map((digits) => number({ minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: digits < 2 })),
  };
}

/** "reads, writes or lists". */
export function oneOf(names: readonly string[]): string {
  return formats.either.format(names);
}

export function integer(value: number): string {
  return formats.whole.format(value);
}

/** A number with so many digits after the point. */
export function fixed(value: number, digits: number): string {
  return formats.fixed[digits]?.format(value) ?? String(value);
}

/** A number as exact as it is, as far as anybody sets a dial. */
export function exact(value: number): string {
  return formats.exact.format(value);
}

/** A number without more digits than the eye can use. */
export function short(value: number): string {
  return Math.abs(value) >= 10 ? formats.whole.format(value) : formats.significant.format(value);
}

/** A length of time given in milliseconds: "0.3 ms", "420 ms", "3.2 s", "2 min 5 s". */
export function span(ms: number): string {
  if (ms >= 119_500) {
    const seconds = Math.round(ms / 1000);
    return seconds >= 7200
      ? say('span_h', { h: Math.floor(seconds / 3600), min: Math.floor((seconds % 3600) / 60) })
      : say('span_min', { min: Math.floor(seconds / 60), s: seconds % 60 });
  }
  if (ms >= 999.5) return say('span_s', { s: fixed(ms / 1000, 1) });
  return say('span_ms', { ms: ms >= 10 || ms === 0 ? integer(ms) : formats.significant.format(ms) });
}

/** The same in whole seconds, where there is no room for more. */
export function seconds(ms: number): string {
  return ms >= 999.5 ? say('span_s', { s: integer(ms / 1000) }) : span(ms);
}

/** A number of an alert or a lamp. */
export function amount(value: number, unit: 'count' | 'milli_percent' | 'us' | 'milli_per_second' | 'milli_burn'): string {
  switch (unit) {
    case 'count':
      return integer(value);
    case 'milli_percent':
      return share(value / 1e5);
    case 'us':
      return span(value / 1000);
    case 'milli_per_second':
      return say('per_second', { value: short(value / 1000) });
    case 'milli_burn':
      return say('times', { value: short(value / 1000) });
  }
}

/** A moment of the run, from milliseconds. */
export function moment(ms: number): string {
  return ms >= 120_000 ? span(ms) : preciseMoment(ms, 1);
}

/** A moment of the run, however late, with so many digits after the second. */
export function preciseMoment(ms: number, digits: number): string {
  return say('span_s', { s: fixed(ms / 1000, digits) });
}

/** A share from 0 to 1. Only all is "100 %" and only nothing is "0 %". */
export function share(value: number): string {
  if (value > 0 && value < 0.001) return say('percent_less', { value: formats.significant.format(0.1) });
  if (value < 1 && value > 0.99) return say('percent', { value: fixed(Math.floor(value * 1000) / 10, 1) });
  return say('percent', { value: short(value < 1 ? Math.min(value * 100, 99.9) : 100) });
}

/** A probability in parts per million. */
export function ppm(value: number): string {
  return share(value / 1e6);
}

/** The text with its first letter in upper case, unless it begins with the name of a program or a field. */
export function capital(text: string): string {
  if (text.startsWith(ISOLATE)) return ISOLATE + capital(text.slice(1));
  if (text.startsWith(ISOLATE)) return ISOLATE + capital(text.slice(1));
  if (/^([a-z]+[-_]\w|etcd\b)/.test(text)) return text;
  return text.charAt(0).toLocaleUpperCase(locale.tag) + text.slice(1);
}

/** Text from outside for a sentence: short, and without what would break the line. */
export function clipped(text: unknown, most = 40): string {
  const line = String(text).replaceAll(/[\p{C}\s]+/gu, ' ').trim();
  return line.length > most ? `${line.slice(0, most)}…` : line;
}

/** The same where it may be nothing at all, which has to be seen. */
export function quoted(text: string): string {
  return clipped(text) || '""';
}
