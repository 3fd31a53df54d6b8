// What two runs are about, in words.

import { knob, type App } from '../app.ts';
import { faultText } from '../notes.ts';
import { capital, moment, say, sayIfKnown } from '../say.ts';
import { written } from '../spoken.ts';
import type { Against, OtherBranch } from './open.ts';
import type { Subject } from './view.ts';

/** What two runs are about, and where they open. */
export type Opened = Subject & { readonly opensUs: number; readonly scenario: string };

/** The question, the two labels, and where a preset opens. */
export function subjectOf(against: Against, app: App, nowUs: number): Opened {
  if (against.kind === 'preset') {
    const preset = app.catalog.presets.find(({ name }) => name === against.name);
    if (preset === undefined) return { title: '', about: '', labels: ['', ''], opensUs: 0, scenario: app.state.scenario };
    const { question, about, labels, opens_us, scenario } = preset;
    return { title: question, about, labels, opensUs: opens_us, scenario };
  }
  if (against.kind === 'branch') return ofBranches(against, app, nowUs);
  const [mine, theirs] = labelsOf(against, app);
  const title = say('compare_with', { what: theirs });
  return { title, about: say('compare_with_about', { what: theirs, time: moment(nowUs / 1000) }), labels: [mine, theirs], opensUs: nowUs, scenario: app.state.scenario };
}

/** Two futures open where both can be seen: now, or if they have not parted by now, as far as either has been played. */
function ofBranches({ names, partUs, seenUs }: OtherBranch, app: App, nowUs: number): Opened {
  const [a, b] = names;
  const about = partUs === null ? say('compare_branches_alike', { a, b }) : say('compare_branches_about', { a, b, at: moment(partUs / 1000) });
  const opensUs = partUs !== null && partUs < nowUs ? nowUs : Math.max(nowUs, seenUs + 1);
  return { title: say('compare_branches', { a, b }), about, labels: names, seenUs, opensUs, scenario: app.state.scenario };
}

function labelsOf(against: Exclude<Against, { kind: 'preset' | 'branch' }>, app: App): [string, string] {
  switch (against.kind) {
    case 'dial': {
      const { name, value } = against.change;
      const spec = app.catalog.knobs.find((spec) => spec.name === name);
      const dial = sayIfKnown(`dial_${name}`) ?? capital(spec?.flag ?? name);
      const label = (value: number): string => `${dial} ${written(app, name, value)}`;
      return [label(knob(app, name)), label(value)];
    }
    case 'fault': {
      const { name, host = 0, to = null, value = null } = against.fault;
      return [say('compare_as_it_is'), faultText({ name, host, to, value }, app.cluster)];
    }
    case 'topology': {
      const { members, external } = against.topology;
      const label = (members: number, external: boolean): string => say('compare_cluster', { members, kind: say(external ? 'topology_external' : 'topology_stacked') });
      return [label(app.cluster.members, app.cluster.external), label(members, external)];
    }
  }
}
