// What the user looks at and has asked for; never what the model is. (state, action) -> state.

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

export type Theme = 'auto' | 'light' | 'dark';

/** What a run begins with, as the engine takes it. */
export interface Topology {
  readonly members: number;
  readonly api_servers: number;
  readonly external: boolean;
  readonly nodes: number;
}

export interface State {
  readonly scenario: string;
  readonly seed: number;
  /** The cluster, if it is not the scenario's own. */
  readonly topology: Topology | null;
  /** The preset whose two runs are compared. */
  readonly compare: string | null;
  /** How many runs there have been. */
  readonly started: number;
  readonly running: boolean;
  /** Simulated seconds in one second of the user's. */
  readonly speed: number;
  readonly selected: Selection;
  readonly theme: Theme;
  readonly quiet: boolean;
  readonly moreDials: boolean;
  readonly eventsHeld: boolean;
  /** The task under way; as many as there are: all done. */
  readonly task: number;
  /** The note whose causes are shown. */
  readonly why: number | null;
  /** The engine's sentence about what it last refused: a dial, by its name, or else a fault. */
  readonly refused: { readonly knob: string; readonly sentence: string } | null;
  readonly notices: readonly string[];
}

export type Action =
  | { type: 'run'; running: boolean }
  | { type: 'speed'; speed: number }
  | { type: 'select'; selection: Selection }
  | { type: 'theme'; theme: Theme }
  | { type: 'quiet'; quiet: boolean }
  | { type: 'more-dials'; open: boolean }
  | { type: 'hold-events'; held: boolean }
  | { type: 'task-done' }
  | { type: 'why'; note: number | null }
  | { type: 'refused'; knob: string; sentence: string }
  | { type: 'accepted' }
  | { type: 'compare'; preset: string | null }
  | { type: 'dismiss'; notice: number }
  | { type: 'start-over'; scenario: string; seed: number; topology: Topology | null };

export const INITIAL: State = {
  scenario: '',
  seed: 1,
  topology: null,
  compare: null,
  started: 0,
  running: false,
  speed: 1,
  selected: { thing: 'member', row: 0 },
  theme: 'auto',
  quiet: false,
  moreDials: false,
  eventsHeld: false,
  task: 0,
  why: null,
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
      return { ...state, running: action.running };
    case 'speed':
      return { ...state, speed: action.speed };
    case 'select':
      return { ...state, selected: action.selection };
    case 'theme':
      return { ...state, theme: action.theme };
    case 'quiet':
      return { ...state, quiet: action.quiet };
    case 'more-dials':
      return { ...state, moreDials: action.open };
    case 'hold-events':
      return { ...state, eventsHeld: action.held };
    case 'task-done':
      return { ...state, task: state.task + 1 };
    case 'why':
      return { ...state, why: action.note };
    case 'refused':
      return { ...state, refused: { knob: action.knob, sentence: action.sentence } };
    case 'accepted':
      return state.refused === null ? state : { ...state, refused: null };
    case 'compare':
      return { ...state, compare: action.preset };
    case 'dismiss':
      return { ...state, notices: state.notices.filter((_, index) => index !== action.notice) };
    case 'start-over': {
      const { scenario, seed, topology } = action;
      return { ...state, scenario, seed, topology, compare: null, started: state.started + 1, running: false, selected: INITIAL.selected, why: null, refused: null, task: 0 };
    }
  }
}

export function same(a: Selection, b: Selection): boolean {
  return a.thing === b.thing && a.row === b.row && a.other === b.other && a.third === b.third;
}
