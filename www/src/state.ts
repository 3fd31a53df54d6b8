// What the user looks at and has asked for; never what the model is. (state, action) -> state.

import { WHOLE, type Face } from './embed/face.ts';
import { PLAIN, type Looks } from './looks.ts';

export type Thing = 'host' | 'member' | 'api' | 'elector' | 'users' | 'link' | 'node' | 'workload' | 'pod' | 'controller' | 'scheduler';
/**
 * Something in the drawing. A link is the pair of its hosts, the lower first; users are a kind of requests; a pod is its
 * workload, its number and its template.
 */
export interface Selection {
  readonly thing: Thing;
  readonly row: number;
  readonly other?: number;
  readonly third?: number;
}

/** What can be asked, as the engine takes it. */
export type Question =
  | { readonly event: number }
  | 'leader'
  | { readonly [of in 'member' | 'lease' | 'watch' | 'api' | 'service' | 'workload' | 'node']?: number }
  | { readonly requests: { readonly api: number; readonly kind: number } }
  | { readonly pod: { readonly workload: number; readonly template: number; readonly number: number } };

/** What a run begins with, as the engine takes it. */
export interface Topology {
  readonly members: number;
  readonly api_servers: number;
  readonly external: boolean;
  readonly nodes: number;
}

export interface State extends Looks {
  readonly scenario: string;
  readonly seed: number;
  /** The cluster, if it is not the scenario's own. */
  readonly topology: Topology | null;
  /** The preset whose two runs are compared. */
  readonly compare: string | null;
  /** How many runs there have been. */
  readonly started: number;
  readonly running: boolean;
  /** Whether time runs backwards while it runs. */
  readonly backwards: boolean;
  /** Whether the lanes of the timeline are shown. */
  readonly lanes: boolean;
  /** Whether branches' commands, the timeline in words and what it costs are shown. */
  readonly timeDetails: boolean;
  /** The branch that is being given a name. */
  readonly renaming: number | null;
  /** When the past was changed last, and into which branch. */
  readonly changed: { readonly atUs: number; readonly branch: number; readonly from: number } | null;
  /** Simulated seconds in one second of the user's. */
  readonly speed: number;
  readonly selected: Selection;
  /** What is shown of the page. */
  readonly face: Face;
  readonly moreDials: boolean;
  readonly eventsHeld: boolean;
  /** The task under way; as many as there are: all done. */
  readonly task: number;
  /** What is being explained, and what it is in words; those empty: the words that its answer begins with. */
  readonly why: { readonly question: Question; readonly what: string } | null;
  /** What came of the newest what-if; empty: nothing yet. */
  readonly told: string;
  /** The engine's sentence about what it last refused: a dial, by its name, or else a fault. */
  readonly refused: { readonly knob: string; readonly sentence: string } | null;
  readonly notices: readonly string[];
}

export type Action =
  | { type: 'run'; running: boolean; backwards?: boolean }
  | { type: 'lanes'; shown: boolean }
  | { type: 'time-details'; shown: boolean }
  | { type: 'rename'; branch: number | null }
  | { type: 'changed-past'; changed: State['changed'] }
  | { type: 'speed'; speed: number }
  | { type: 'select'; selection: Selection }
  /** Looks or speaks otherwise. */
  | { type: 'look'; look: Partial<Looks> }
  | { type: 'more-dials'; open: boolean }
  | { type: 'hold-events'; held: boolean }
  | { type: 'task-done' }
  | { type: 'why'; asked: State['why'] }
  /** What came of a what-if. */
  | { type: 'told'; told: string }
  | { type: 'refused'; knob: string; sentence: string }
  | { type: 'accepted' }
  | { type: 'compare'; preset: string | null }
  | { type: 'notice'; sentence: string }
  | { type: 'dismiss'; notice: number }
  | { type: 'start-over'; scenario: string; seed: number; topology: Topology | null };

export const INITIAL: State = {
  ...PLAIN,
  scenario: '',
  seed: 1,
  topology: null,
  compare: null,
  started: 0,
  running: false,
  backwards: false,
  lanes: true,
  timeDetails: false,
  renaming: null,
  changed: null,
  speed: 1,
  selected: { thing: 'member', row: 0 },
  face: WHOLE,
  moreDials: false,
  eventsHeld: false,
  task: 0,
  why: null,
  told: '',
  refused: null,
  notices: [],
};

/** The speeds that can be chosen, from a thousandth to a thousandfold. */
export const SPEEDS = [-3, -2, -1, 0, 1, 2]
  .flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)))
  .concat(1000);

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case 'run':
      return { ...state, running: action.running, backwards: action.running && action.backwards === true };
    case 'lanes':
      return { ...state, lanes: action.shown };
    case 'time-details':
      return { ...state, timeDetails: action.shown };
    case 'rename':
      return { ...state, renaming: action.branch };
    case 'changed-past':
      return { ...state, changed: action.changed };
    case 'speed':
      return { ...state, speed: action.speed };
    case 'select':
      return { ...state, selected: action.selection };
    case 'look':
      return { ...state, ...action.look };
    case 'more-dials':
      return { ...state, moreDials: action.open };
    case 'hold-events':
      return { ...state, eventsHeld: action.held };
    case 'task-done':
      return { ...state, task: state.task + 1 };
    case 'why':
      return { ...state, why: action.asked, told: '' };
    case 'told':
      return { ...state, told: action.told };
    case 'refused':
      return { ...state, refused: { knob: action.knob, sentence: action.sentence } };
    case 'accepted':
      return state.refused === null ? state : { ...state, refused: null };
    case 'compare':
      return { ...state, compare: action.preset };
    case 'notice':
      return { ...state, notices: [...state.notices, action.sentence] };
    case 'dismiss':
      return { ...state, notices: state.notices.filter((_, index) => index !== action.notice) };
    case 'start-over': {
      const { scenario, seed, topology } = action;
      return { ...state, scenario, seed, topology, compare: null, started: state.started + 1, running: false, backwards: false, renaming: null, changed: null, selected: INITIAL.selected, why: null, told: '', refused: null, task: 0 };
    }
  }
}

export function same(a: Selection, b: Selection): boolean {
  return a.thing === b.thing && a.row === b.row && a.other === b.other && a.third === b.third;
}
