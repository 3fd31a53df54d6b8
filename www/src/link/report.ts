// A lab report in Markdown: what was set up and done, what came of it, and how to see it again. What came of it is what the
// page says.

import { actText } from '../acts.ts';
import { capital, clipped, moment, say, sayIfKnown } from '../say.ts';
import { written } from '../spoken.ts';
import type { Sheet } from './sheet.ts';
import { plain } from './snippets.ts';

/** Commands listed; a long drag makes hundreds. */
const COMMANDS = 200;

/** The report. */
export function labReport(sheet: Sheet): string {
  const { run, link, title, whole } = sheet;
  const identity: [string, string][] = [
    [say('report_digest'), `\`${run.digest ?? ''}\``], [say('report_engine'), `\`${clipped(run.engine)}\``], [say(whole ? 'report_link' : 'report_link_settings'), `<${link}>`],
  ];
  const sections = [
    [`# ${plain(title)}`],
    [`## ${say('report_setup')}`, table([say('report_what'), say('report_value')], [...setUp(sheet), ...identity])],
    [`## ${say('report_dials')}`, dials(sheet)],
    [`## ${say('report_commands')}`, commands(sheet)],
    [`## ${say('milestones')}`, plain(document.querySelector('#milestones > p')?.textContent ?? ''), items('hurts', say('milestones_hurt')), items('kind-hurts', say('milestones_kinds')), items('recovery', say('milestones_recovery'))],
    [`## ${say('report_numbers')}`, numbers()],
    [`## ${say('verdicts')}`, items('verdict-list', '')],
    [`## ${say('report_notes')}`, say('report_notes_here')],
  ];
  return `${sections.map((parts) => parts.filter((part) => part !== '').join('\n\n')).join('\n\n')}\n`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}
function setUp({ house, run }: Sheet): [string, string][] {
  const { catalog, cluster } = house.app;
  const scenario = catalog.scenarios.find(({ name }) => name === run.scenario);
  const { members, apis, nodes, external } = cluster;
  return [
    [say('scenario'), plain(`${run.scenario}: ${scenario?.summary ?? ''}`)],
    [say('seed'), String(run.seed)],
    [say('report_cluster'), plain(say(external ? 'report_cluster_external' : 'report_cluster_stacked', { members, apis, nodes }))],
    [say('report_time'), moment(run.until_us / 1000)],
  ];
}
function dials({ house: { app } }: Sheet): string {
  const moved = app.catalog.knobs.filter((spec) => (app.knobs.get(spec.name) ?? spec.default) !== spec.default);
  if (moved.length === 0) return say('report_dials_none');
  const name = (knob: string): string => plain(capital(sayIfKnown(`dial_${knob}`) ?? knob));
  const rows = moved.map((spec) => [name(spec.name), plain(spec.flag), plain(written(app, spec.name, app.knobs.get(spec.name) ?? 0)), plain(written(app, spec.name, spec.default))]);
  return table([say('report_dial'), say('report_flag'), say('report_value'), say('report_default')], rows);
}
/** What was done up to now; of more than fit, the newest. */
function commands({ house: { app }, run }: Sheet): string {
  const done = run.journal.slice(0, run.end?.commands ?? run.journal.length);
  if (done.length === 0) return say('report_commands_none');
  const shown = done.slice(-COMMANDS);
  const rows = shown.map((line) => [moment(line.at_ns / 1e6), plain(capital(actText(app, line.do))), line.scripted ? say('report_by_script') : say('report_by_you')]);
  const left = done.length - shown.length;
  return `${left > 0 ? `${say('report_commands_left', { n: left })}\n\n` : ''}${table([say('report_time'), say('report_what'), say('report_by')], rows)}`;
}
/** What a list of the page says, under a title of its own. */
function items(id: string, title: string): string {
  const rows = [...document.querySelectorAll(`#${id} > li`)].map((item) => {
    const [name = '', text = ''] = ['.name', '.text'].map((part) => plain(item.querySelector(part)?.textContent ?? ''));
    return `- ${name}: ${text}`;
  });
  return rows.length === 0 ? '' : `${title === '' ? '' : `### ${title}\n\n`}${rows.join('\n')}`;
}
/** The charts in words. */
function numbers(): string {
  return [...document.querySelectorAll('#charts figure > p')].map((summary) => `- ${plain(summary.textContent ?? '')}`).join('\n');
}
