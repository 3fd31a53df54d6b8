// The page: owns the one state and the one engine, and wires the views to them.

import { begin, isRefusal, type Beginning, type Pace, type Plan, type Progress } from './begin.ts';
import { NOTES_ALL, type Answer, type Catalog, type Change, type Engine, type FaultRequest, type Module, type NoteRow, type WhatIf } from './engine.ts';
import type { Effect, OwnApp } from './app.ts';
import { Chooser } from './compare/chooser.ts';
import { open, type Against } from './compare/open.ts';
import type { Pair } from './compare/pair.ts';
import { subjectOf } from './compare/subject.ts';
import type { CompareView, Subject } from './compare/view.ts';
import { catalogIn } from './catalog.ts';
import { NO_CLUSTER, clusterOf, type Cluster } from './cluster.ts';
import { byId } from './dom.ts';
import type { Host, Watcher } from './embed/host.ts';
import { nowMs, type Frame } from './frame.ts';
import { branchName } from './lanewords.ts';
import { showing } from './link/address.ts';
import { Desk } from './link/desk.ts';
import type { Opened } from './link/open.ts';
import type { Run } from './link/run.ts';
import { loadLocale } from './locale.ts';
import { remember } from './looks.ts';
import { Loop } from './loop.ts';
import { noteText, SPOKEN, type Act, type Operation } from './notes.ts';
import { Past } from './past.ts';
import { capital, exact, inEnglish, moment, say, speakIn } from './say.ts';
import { INITIAL, reduce, type Action, type Question, type State, type Topology } from './state.ts';
import { format, type Wish } from './url.ts';
import { Charts } from './view/charts.ts';
import { Dials } from './view/dials.ts';
import { Branches, changedText } from './view/branches.ts';
import { Events, KEPT } from './view/events.ts';
import { Faults } from './view/faults.ts';
import { Flights } from './view/flights.ts';
import { Inspector } from './view/inspector.ts';
import { Kubectl } from './view/kubectl.ts';
import { Ladder, legend } from './view/ladder.ts';
import { Lamps } from './view/lamps.ts';
import { applyLanguage, applyLooks, isStill, watchSystem } from './view/looks.ts';
import { Verdicts } from './view/verdicts.ts';
import { Milestones } from './view/milestones.ts';
import { showBroken, updateNotices, Voice } from './view/notices.ts';
import { readPalette, type Palette } from './view/palette.ts';
import { Blank } from './view/blank.ts';
import { keepKeyboard, keepKeyboardAfterDialogs } from './view/keyboard.ts';
import { Reference } from './view/reference.ts';
import { Scene } from './view/scene.ts';
import { Scrubber } from './view/scrubber.ts';
import { Tasks } from './view/tasks.ts';
import { TimeWords } from './view/timewords.ts';
import { Timeline } from './view/timeline.ts';
import { TopBar } from './view/topbar.ts';
import { TopologyPanel } from './view/topology.ts';
import { Waiting } from './view/waiting.ts';
import { WhyPanel } from './view/why.ts';
import { podName, workloadName } from './words.ts';

/** Texts change at 4 Hz: faster cannot be read. In ms. */
const TEXT_EVERY = 250;
/** Charts get new samples this often at most, in ms. */
const SAMPLES_EVERY = 100;
/** The journal is kept for the case of a crash this often at most, in ms. */
const REMEMBER_EVERY = 500;
/** The address follows the state after this long, in ms: browsers limit how often it may change. */
const ADDRESS_AFTER = 400;
/** After a journey the texts follow over so many frames, a few in each, so that none is late. */
const SETTLE = 12;
/** Notes closer to now than this, in us, are passed over by whoever goes from note to note: many come at once. */
const NOTE_APART = 10_000;
/** Notes asked for at once: at high speed hundreds come between two looks, and nobody can read more. */
const NOTES_MAX = 60;

export class Page implements Host, OwnApp {
  state: State = INITIAL;
  knobs: ReadonlyMap<string, number> = new Map();
  catalog: Catalog;
  scripted = false;
  cluster: Cluster = NO_CLUSTER;
  readonly named;
  readonly past: Past;
  private readonly module: Module;
  private engine: Engine;
  private readonly loop: Loop;
  private views: ReturnType<Page['makeViews']>;
  private readonly blank = new Blank();
  /** The two runs side by side, while they are compared; this page's engine is A. */
  private comparing: CompareView | undefined;
  /** What they are about, and when that was asked, in us of the run. */
  private about: { readonly against: Against; readonly atUs: number } | undefined;
  /** Whoever opened the comparison gets the keyboard back, if it is not the button that all share. */
  private asker: HTMLElement | null = null;
  private palette: Palette;
  private noteNumber = 0;
  private samplesTaken = false;
  /** When the notes were last read, in us of the run; -1: what was read does not count any more. */
  private notedUs = 0;
  /** Frames left in which the texts follow a journey. */
  private settling = 0;
  /** Whether the controls have to be brought up to date, but not everything else at once. */
  private controlsDue = false;
  /** Whether a command was given since the branches were read. */
  private branchesDue = true;
  /** What was asked for while the run was on its way somewhere. */
  private later: (() => void)[] = [];
  private textAt = -Infinity;
  private samplesAt = -Infinity;
  private dirty = true;
  /** Whether the engine broke. Then nobody may call it again. */
  private isBroken = false;
  /** Whether the last thing that moved time was a single step. */
  private stepping = false;
  private due: ((frame: Frame) => void)[] = [];
  private addressTimer: ReturnType<typeof setTimeout> | undefined;

  /** How many runs were asked for; a newer one makes the older ones stop. */
  private asked = 0;
  private readonly waiting: Waiting;
  private readonly pace: Pace | undefined;
  /** Whoever embeds the page. */
  watcher: Watcher | undefined;
  refilled: (() => void) | undefined;
  /** Where runs go out and come in. */
  private readonly desk: Desk;
  /** When the desk last took the journal. */
  private rememberedAt = -Infinity;
  private rememberDue = true;

  /** `kept`: what of the address says where the run stands. */
  constructor(module: Module, wish: Wish, { engine, scripted, notices: more }: Beginning, waiting: Waiting, kept: string, pace?: Pace) {
    this.module = module;
    this.engine = engine;
    this.scripted = scripted;
    this.waiting = waiting;
    this.pace = pace;
    this.catalog = catalogIn(module.catalog);
    this.past = new Past(module.catalog, () => this.engine);
    this.past.look();
    const now = (): Frame => module.frame(this.engine, false);
    this.named = {
      workload: (id: number): string => workloadName(now(), id),
      pod: (workload: number, template: number, number: number): string => podName(now(), workload, template, number),
    };
    const { scenario, seed, topology, running, speed, looks, face, notices } = wish;
    this.state = { ...INITIAL, ...looks, lanes: matchMedia('(min-width: 640px) and (min-height: 800px)').matches, scenario, seed, topology, speed, face, notices: [...notices, ...more] };
    this.loop = new Loop({
      nowUs: () => this.comparing?.pair.nowUs() ?? this.engine.now_us(),
      run: (untilUs, budget) => (this.comparing?.pair ?? this.engine).run(untilUs, budget),
      draw: (wallMs) => this.draw(wallMs),
      arrived: () => this.arrived(),
      atStart: () => this.act({ type: 'run', running: false }),
      broke: (error) => this.broke(error),
    });
    Object.assign(globalThis, { brownoutStats: Object.assign(this.loop.stats, { engine_bytes: () => module.bytes() }) });
    this.palette = readPalette(this.catalog.classes);
    this.desk = this.makeDesk(kept);
    this.views = this.makeViews();
    watchSystem(() => this.showLooks());
    keepKeyboardAfterDialogs();
    this.refresh();
    this.loop.speed = speed;
    this.act({ type: 'run', running });
    if (wish.compare !== null) void this.compare({ kind: 'preset', name: wish.compare }, running);
  }

  act(action: Action): void {
    const before = this.state;
    this.state = reduce(before, action);
    const { running, backwards, speed, quiet } = this.state;
    this.views.voice.quiet = quiet;
    this.loop.speed = speed;
    this.loop.backwards = backwards;
    if (action.type === 'look') this.looked(before.locale);
    if (running !== before.running) {
      if (running) this.stepping = false;
      const time = moment(this.isBroken ? 0 : this.engine.now_us() / 1000);
      this.views.voice.say(running ? say(backwards ? 'started_back' : 'started', { speed: exact(speed) }) : say('paused', { time }));
    }
    this.loop.setRunning(running);
    this.changed();
    this.watcher?.changed(before, this.state);
  }
  setKnobs(changes: readonly Change[]): boolean {
    if (this.isBroken) return false;
    if (this.loop.goingTo !== undefined) {
      this.later.push(() => this.setKnobs(changes));
      return true;
    }
    try {
      const fixed = this.comparing?.fixed(changes.map(({ name }) => name));
      if (fixed !== undefined) {
        this.act({ type: 'refused', knob: changes[0]?.name ?? '', sentence: fixed });
        return false;
      }
      if (this.comparing === undefined) {
        this.engine.set_knobs([...changes]);
        this.acted();
      } else {
        this.comparing.both({ set: changes });
      }
      if (this.state.refused !== null) this.act({ type: 'accepted' });
      return true;
    } catch (error) {
      this.refused(changes[0]?.name ?? '', error);
      return false;
    } finally {
      this.refresh();
    }
  }
  refusal(name: string, value: number): string | undefined {
    return this.isBroken ? undefined : (this.engine.check_knob(name, value) ?? this.comparing?.pair.b.check_knob(name, value));
  }
  check(changes: readonly Change[]): string | undefined {
    const [scenario] = this.catalog.scenarios;
    if (this.isBroken || scenario === undefined) return undefined;
    // Another engine is asked, the smallest: this one's past must not have it. It may lack the place of the losses.
    const scratch = this.module.create(scenario.name, 1, { members: 1, api_servers: 1, external: false, nodes: 3 });
    try {
      const places = new Set(this.catalog.knobs.filter(({ unit }) => unit === 'place').map(({ name }) => name));
      scratch.set_knobs(merged(this.knobs, changes).filter(({ name }) => !places.has(name)));
      return undefined;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return inEnglish(error.message);
    } finally {
      scratch.free();
    }
  }
  inject(fault: FaultRequest): void {
    this.give({ inject: fault }, () => this.engine.inject(fault));
  }
  operate(act: Operation): void {
    this.give(act, () => this.engine.operate(act), 'kubectl');
  }
  heal(id: number): void {
    this.give({ heal: id }, () => this.engine.heal(id));
  }
  healAll(): void {
    this.give('heal_all', () => this.engine.heal_all());
  }
  stepEvent(): void {
    this.act({ type: 'run', running: false });
    this.stepping = true;
    this.command(() => {
      if (this.comparing === undefined) this.engine.step_event();
      else this.comparing.stepEvent();
    });
  }
  stepBack(): void {
    this.act({ type: 'run', running: false });
    this.stepping = true;
    this.command(() => {
      if (this.comparing === undefined) this.engine.step_back();
      else this.comparing.stepBack();
      this.notedUs = -1;
      this.views.flights.forget();
    });
  }
  get goingTo(): number | undefined {
    return this.loop.goingTo;
  }
  seek(us: number): void {
    if (this.isBroken || this.comparing !== undefined) return;
    this.stepping = false;
    this.past.look();
    if (this.state.changed !== null) this.act({ type: 'changed-past', changed: null });
    // A fraction of a microsecond before the end would be in the past, and whatever is done there another branch.
    const seen = this.past.travel.seen_us;
    this.loop.seek(us >= seen ? seen + 1 : us);
  }
  stopSeek(): void {
    this.loop.stop();
  }
  seekNote(forward: boolean): void {
    this.whenThere(() => {
      const at = this.engine.note_beside(forward, NOTE_APART);
      // Just after it, so that it has happened.
      this.seek(at === undefined ? (forward ? Infinity : 0) : at + 1);
    });
  }
  switchBranch(id: number): void {
    this.command(() => this.otherBranch(this.engine.switch_branch(id)), 'branches');
  }
  whatIf(what: WhatIf, effect?: Effect): void {
    this.command(() => {
      const [from, nowUs] = [this.past.travel.branch, this.engine.now_us()];
      const atUs = this.engine.what_if(what);
      this.otherBranch(atUs);
      this.changedPast(from, atUs);
      // As far as the other one is seen: side by side they tell what came of it.
      this.loop.seek(Math.max(nowUs, atUs));
      if (effect !== undefined) this.later.push(() => this.tellOf(effect));
    }, 'branches');
  }
  /** Whether something happened in this branch, too. */
  private tellOf({ at_us, kind, program, what }: Effect): void {
    const notes: NoteRow[] = this.engine.notes(0, NOTES_ALL);
    const same = notes.filter((note) => note.kind === kind && note.program === program);
    const again = same.find((note) => note.at_us === at_us);
    const later = same.find((note) => note.at_us > at_us);
    const at = moment(at_us / 1000);
    const told =
      again !== undefined
        ? say('what_if_same', { what, at })
        : later === undefined
          ? say('what_if_gone', { what, at })
          : say('what_if_later', { what, at, then: moment(later.at_us / 1000) });
    this.act({ type: 'told', told });
    this.views.voice.say(told);
  }
  renameBranch(id: number, name: string): boolean {
    const before = this.state.refused;
    this.command(() => this.engine.rename_branch(id, name), 'branches');
    this.past.readBranches();
    return this.state.refused === null || this.state.refused === before;
  }
  deleteBranch(id: number): void {
    this.command(() => this.engine.delete_branch(id), 'branches');
    if (!this.isBroken) this.past.readBranches();
  }
  compareWith(id: number): void {
    this.act({ type: 'run', running: false });
    this.whenThere(() => {
      this.past.look();
      this.past.readBranches();
      const { played, branches, travel } = this.past;
      const other = branches.find((branch) => branch.id === id);
      if (played === undefined || other === undefined) return;
      const seenUs = Math.max(travel.seen_us, other.seen_us);
      const asker = document.activeElement;
      void this.compare({ kind: 'branch', id, names: [branchName(played), branchName(other)], partUs: this.engine.parts_from(id) ?? null, seenUs });
      this.asker = asker instanceof HTMLElement && byId('timeline').contains(asker) ? asker : null;
    });
  }
  /** Another branch is played from now on: nothing that was read of this one counts. */
  private otherBranch(toUs: number): void {
    this.past.look();
    this.past.forget();
    this.past.readBranches();
    this.views.events.clear();
    this.notedUs = -1;
    this.state = { ...this.state, why: null };
    this.seek(toUs);
  }
  private changedPast(from: number, atUs: number): void {
    const branch = this.past.travel.branch;
    this.act({ type: 'changed-past', changed: { atUs, branch, from } });
    this.views.voice.say(changedText(this.past.branches, { atUs, branch, from }));
  }
  /** A command was given. In the past it began a branch. */
  private acted(): void {
    const from = this.past.travel.branch;
    this.branchesDue = true;
    // At once: what was commanded last is the likeliest to break the engine.
    this.rememberDue = true;
    this.remember(performance.now());
    if (!this.past.look()) return;
    this.past.forget();
    this.past.readBranches();
    this.changedPast(from, this.past.nowUs);
  }
  /** Does it now, or when the run has come to where it is on its way to. */
  whenThere(call: () => void): void {
    if (this.isBroken) return;
    if (this.loop.goingTo === undefined) call();
    else this.later.push(call);
  }
  /** A journey is over, or a frame of playing backwards. */
  private arrived(): void {
    this.views.flights.forget();
    this.views.ladder.forget();
    const later = this.loop.goingTo === undefined ? this.later.splice(0) : [];
    if (this.state.backwards) return;
    if (this.engine.now_us() < this.notedUs) this.notedUs = -1;
    this.settling = SETTLE;
    this.textAt = -Infinity;
    this.samplesAt = -Infinity;
    this.due = [];
    // Dials stood elsewhere then.
    if (later.length > 0) this.readModel();
    for (const call of later) call();
  }
  /** A command for the run, or for both that are compared. */
  private give(act: Act | { inject: FaultRequest }, alone: () => void, where = ''): void {
    const { comparing } = this;
    this.command(comparing === undefined ? alone : () => comparing.both(act), where);
  }
  share(): void {
    if (!this.isBroken) this.desk.share();
  }
  startOver(scenario: string, seed: number): void {
    const same = scenario === this.state.scenario;
    void this.begin(scenario, seed, same ? this.state.topology : null, same, '');
  }
  rebuild(topology: Topology): void {
    const { scenario, seed } = this.state;
    void this.begin(scenario, seed, topology, true, 'topology');
  }
  async restart(topology: Topology | null, changes: readonly Change[], where: string): Promise<boolean> {
    const { scenario, seed } = this.state;
    return await this.begin(scenario, seed, topology ?? this.state.topology, true, where, changes);
  }
  private async begin(scenario: string, seed: number, topology: Topology | null, keepDials: boolean, where: string, moved: readonly Change[] = []): Promise<boolean> {
    const changes = keepDials ? merged(this.knobs, moved) : [];
    return await this.load({ scenario, seed, topology, changes, strict: moved.length > 0 }, where);
  }
  /** Another run; the old one goes on if the engine refuses the new one. Returns whether it began. */
  async load(plan: Plan, where: string): Promise<boolean> {
    try {
      return await this.takeIn(async (progress) => {
        const beginning = await begin(this.module, plan, progress, this.pace);
        return beginning === undefined ? undefined : { plan, beginning };
      }, (share) => this.waiting.show(share, nodesOf(plan, this.catalog)));
    } catch (error) {
      this.refused(where, error);
      return false;
    }
  }
  /** Another run takes this one's place. Returns whether it did; throws a sentence where there can be no such run. */
  private async takeIn(load: (progress: Progress) => Promise<Pick<Opened, 'plan' | 'beginning'> | undefined>, show: (share: number) => boolean | void): Promise<boolean> {
    if (this.isBroken) return false;
    this.asked += 1;
    const mine = this.asked;
    try {
      this.act({ type: 'run', running: false });
      const opened = await load((share) => mine === this.asked && show(share) !== false);
      if (opened === undefined) return false;
      const isWanted = mine === this.asked && !this.isBroken;
      if (isWanted) this.replace(opened.plan, opened.beginning);
      else opened.beginning.engine.free();
      return isWanted;
    } catch (error) {
      if (!isRefusal(error)) this.broke(error);
      throw error;
    } finally {
      if (mine === this.asked) this.waiting.done();
    }
  }
  async open(run: Run): Promise<boolean> {
    const { openRun } = await import('./link/open.ts');
    return await this.takeIn((progress) => openRun(run, progress), showing(this.waiting));
  }
  goTo(us: number): void {
    if (this.isBroken || this.comparing !== undefined) return;
    this.stepping = false;
    this.loop.seek(us);
  }
  sleep(asleep: boolean): void {
    this.loop.sleep(asleep);
  }
  get rungs(): Host['rungs'] {
    return this.views.ladder.now;
  }
  runJournal(): string {
    return this.engine.journal();
  }
  /** Two runs side by side. What is asked for last is shown. */
  private async compare(against: Against, running = false): Promise<void> {
    this.act({ type: 'run', running: false });
    this.asked += 1;
    const mine = this.asked;
    const { scenario, seed, topology } = this.state;
    const atUs = this.engine.now_us();
    const subject = subjectOf(against, this, atUs);
    try {
      const progress = (share: number): boolean => {
        if (mine === this.asked) this.waiting.show(share, this.cluster.nodes);
        return mine === this.asked;
      };
      // Loaded when somebody wants to see two runs: most never do.
      const { CompareView: View } = await import('./compare/view.ts');
      const pair = await open(against, { engine: this.engine, seed, opensUs: subject.opensUs, progress });
      if (pair !== undefined && (mine !== this.asked || this.isBroken)) discard(pair, this.engine);
      else if (pair !== undefined) {
        const preset = against.kind === 'preset' ? against.name : null;
        if (pair.a !== this.engine) this.replace(preset === null ? { scenario, seed, topology, changes: [] } : { scenario: subject.scenario, seed, topology: null, changes: [] }, { engine: pair.a, scripted: true, notices: [] });
        else this.stopComparing();
        this.about = { against, atUs };
        this.comparing = this.showPair(View, pair, subject, against);
        this.views.voice.say(say('compare_opened', { about: subject.about }));
        this.act({ type: 'compare', preset });
        if (running) this.act({ type: 'run', running });
      }
    } catch (error) {
      this.refused('compare', error);
    }
    if (mine === this.asked) this.waiting.done();
  }
  private showPair(View: typeof CompareView, pair: Pair, subject: Subject, against: Against): CompareView {
    return new View(this, this.module, pair, subject, {
      leave: () => this.stopComparing(),
      goOnWithB: () => (against.kind === 'branch' ? this.takeUp(pair.b) : this.goOnWith(pair.b)),
      say: (text) => this.views.voice.say(text),
      redraw: () => this.loop.redraw(),
    });
  }
  /** Gives the page back to A; B is freed unless somebody goes on with it. */
  private stopComparing(keepB = false): void {
    const { comparing } = this;
    if (comparing === undefined) return;
    this.act({ type: 'run', running: false });
    this.comparing = undefined;
    comparing.close();
    if (!keepB) comparing.pair.b.free();
    this.views.voice.say(say('compare_left'));
    this.act({ type: 'compare', preset: null });
    this.past.look();
    this.past.forget();
    [this.branchesDue, this.notedUs] = [true, -1];
    this.refresh();
    (this.asker?.isConnected === true ? this.asker : this.views.chooser.opener).focus();
    keepKeyboard();
    this.asker = null;
  }
  /** B is another branch: it is played from now on, and none is lost. */
  private takeUp(b: Engine): void {
    const nowUs = b.now_us();
    this.stopComparing(true);
    this.command(() => {
      this.otherBranch(this.engine.take_up(b));
      this.loop.seek(nowUs);
      b.free();
    }, 'branches');
  }
  private goOnWith(b: Engine): void {
    this.stopComparing(true);
    const { scenario, seed } = this.state;
    this.replace({ scenario, seed, topology: topologyOf(this.module.frame(b, true)), changes: [] }, { engine: b, scripted: this.scripted, notices: [] });
  }
  private replace({ scenario, seed, topology }: Plan, { engine, scripted, notices }: Beginning): void {
    this.stopComparing();
    this.act({ type: 'start-over', scenario, seed, topology });
    this.state = { ...this.state, notices: [...this.state.notices, ...notices] };
    this.engine.free();
    this.engine = engine;
    this.scripted = scripted;
    this.stepping = false;
    this.later = [];
    this.loop.stop();
    this.notedUs = -1;
    this.past.look();
    this.past.forget();
    [this.branchesDue, this.rememberDue, this.rememberedAt] = [true, true, -Infinity];
    this.views.events.clear();
    this.views.flights.forget();
    this.views.ladder.forget();
    this.views.tasks.forget();
    this.refresh();
  }

  /** Calls the engine where a refusal is a sentence and anything else its end. */
  private command(call: () => void, where = ''): void {
    if (this.loop.goingTo !== undefined) {
      this.later.push(() => this.command(call, where));
      return;
    }
    const before = this.state.refused;
    this.guard(call, where);
    if (before !== null && before === this.state.refused) this.act({ type: 'accepted' });
    if (!this.isBroken) this.acted();
    this.refresh();
  }
  private guard(call: () => void, where = ''): void {
    if (this.isBroken) return;
    try {
      call();
    } catch (error) {
      this.refused(where, error);
    }
  }
  private refused(knob: string, error: unknown): void {
    if (!isRefusal(error)) {
      this.broke(error);
      return;
    }
    this.act({ type: 'refused', knob, sentence: inEnglish(error.message) });
  }
  /** Reads again what only changes by command. */
  private refresh(): void {
    if (this.isBroken) return;
    this.readModel();
    this.changed();
  }
  private readModel(): void {
    const knobs: Change[] = this.engine.knobs();
    this.knobs = new Map(knobs.map(({ name, value }) => [name, value]));
    this.module.named(this.engine);
    this.cluster = clusterOf(this.module.frame(this.engine, true));
    this.comparing?.refresh();
  }
  private changed(): void {
    this.dirty = true;
    this.loop.redraw();
    clearTimeout(this.addressTimer);
    // A frame's address is nobody's.
    if (parent === window) this.addressTimer = setTimeout(() => {
      this.desk.look();
      history.replaceState(null, '', this.desk.address());
    }, ADDRESS_AFTER);
  }
  private makeDesk(kept: string): Desk {
    return new Desk({
      app: this,
      module: this.module,
      engine: () => this.engine,
      settings: () => format(this.state, this.knobs, this.catalog),
      takeIn: (load) => this.takeIn(load, showing(this.waiting)),
      whenThere: (call) => this.whenThere(call),
      changed: () => this.changed(),
    }, kept);
  }

  private makeViews() {
    const voice = new Voice(byId('voice'));
    const canvas = byId('flights') as HTMLCanvasElement;
    const redraw = (): void => {
      this.dirty = true;
      this.loop.redraw();
    };
    byId('legend').append(legend(this.catalog.classes));
    const ladder = new Ladder(this, byId('ladder'), canvas, redraw);
    const timeline = new Timeline(this, byId('timeline'));
    const scrubber = new Scrubber(this, byId('timeline'), redraw);
    const events = new Events(this, byId('events'), { commands: () => this.takeJournal() });
    const why = {
      why: (question: Question): Answer => this.answer(question),
      command: (place: number): string => events.command(place),
    };
    return {
      voice,
      topbar: new TopBar(this, byId('topbar'), () => this.share()),
      tasks: new Tasks(this, byId('task'), (text) => voice.say(text)),
      dials: new Dials(this, byId('dials-network'), byId('dials-election')),
      topology: new TopologyPanel(this, byId('dials-election')),
      kubectl: new Kubectl(this, byId('kubectl')),
      faults: new Faults(this, byId('faults')),
      ladder,
      flights: new Flights(this, canvas),
      lamps: new Lamps(this, byId('lamps')),
      verdicts: new Verdicts(this, byId('verdicts')),
      milestones: new Milestones(this, byId('milestones')),
      reference: new Reference(this, byId('reference'), (most) => this.engine.notes(0, most), redraw),
      charts: new Charts(this, byId('charts'), redraw),
      scene: new Scene(byId('scene-words'), redraw),
      inspector: new Inspector(this, byId('inspector')),
      events,
      why: new WhyPanel(this, byId('answer'), why, (steps) => {
        ladder.showWhy(steps);
        scrubber.showWhy(steps);
        redraw();
      }),
      timeline,
      scrubber,
      branches: new Branches(this, byId('timeline')),
      timeWords: new TimeWords(this, byId('timeline')),
      chooser: this.makeChooser(),
    };
  }

  /** What was asked about may not be there: time went back to before it was. Then there is no answer. */
  private answer(question: Question): Answer {
    try {
      return this.engine.why(question);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return { steps: [], end: 'record', draws: [], command: null };
    }
  }
  private makeChooser(): Chooser {
    const chooser = new Chooser(this, (against) => void this.compare(against));
    document.querySelector('header.top')?.append(chooser.opener);
    return chooser;
  }

  private draw(wallMs: number): void {
    if (this.isBroken) return;
    const { views, palette, dirty } = this;
    const still = isStill(this.state);
    if (this.comparing !== undefined) {
      this.dirty = false;
      if (dirty) this.controls();
      this.comparing.draw(palette, wallMs, still, dirty, this.loop.behind, this.stepping);
      if (dirty) this.views.faults.update(this.module.frame(this.engine, false));
      return;
    }
    const now = performance.now();
    // A round ends before the next one begins: where frames are slow, the last texts would never have their turn.
    const begins = dirty || (this.due.length === 0 && now - this.textAt >= TEXT_EVERY);
    if (begins) {
      this.textAt = now;
      this.due = [...this.texts];
      this.takeNotes();
      this.views.reference.look();
      this.past.look();
      this.desk.look();
      if (this.branchesDue) this.past.readBranches();
      this.branchesDue = false;
      this.remember(now);
    }
    if (dirty || this.controlsDue) this.controls();
    this.controlsDue = false;
    if (dirty || now - this.samplesAt >= SAMPLES_EVERY) this.takeSamples(now);
    // From here on the frame's views are in use: no call of the engine.
    const frame = this.module.frame(this.engine, begins);
    this.past.nowUs = nowMs(frame) * 1000;
    if (this.samplesTaken) this.past.taken(frame);
    // All at once after a command; else a few a frame, so that none is late.
    const moving = this.state.running || this.loop.goingTo !== undefined || this.settling > 0;
    const texts = this.due.splice(0, dirty || !moving ? this.due.length : this.settling > 0 ? 2 : 1);
    this.dirty = false;
    for (const update of texts) update(frame);
    views.flights.draw(frame, views.ladder.layout, palette, wallMs, still);
    views.scrubber.draw(palette, this.samplesTaken || dirty);
    this.samplesTaken = false;
    views.charts.draw(palette, palette.key, !moving);
    this.watcher?.drawn();
    if (this.settling > 0) {
      this.settling -= 1;
      this.loop.redraw();
    }
  }
  /** Lets the desk keep the journal after a command; of a long drag now and then. */
  private remember(now: number): void {
    if (!this.rememberDue || now - this.rememberedAt < REMEMBER_EVERY) return;
    [this.rememberDue, this.rememberedAt] = [false, now];
    this.desk.remember();
  }
  /** What only changes when somebody asks for it, and may ask the engine. */
  private controls(): void {
    const { dials, topology, topbar, why, chooser } = this.views;
    chooser.update();
    dials.update();
    topology.update();
    topbar.update();
    why.answer();
    updateNotices(this, byId('notices'));
  }
  /** The parts of the page that are text. Each is brought up to date four times a second. */
  private readonly texts: readonly ((frame: Frame) => void)[] = [
    (frame) => this.views.ladder.update(frame, isStill(this.state)),
    ...[0, 1, 2].map((part) => (frame: Frame): void => this.views.ladder.upper[part]?.(frame, this.palette)),
    (frame) => this.views.timeline.update(nowMs(frame), this.loop, this.views.events.caption, this.stepping),
    () => this.views.scrubber.update(),
    () => this.views.branches.update(),
    () => this.views.timeWords.update(),
    (frame) => this.views.inspector.update(frame),
    (frame) => this.views.faults.update(frame),
    (frame) => this.views.kubectl.update(frame),
    (frame) => this.views.lamps.update(frame),
    (frame) => this.views.verdicts.update(frame),
    (frame) => this.views.milestones.update(frame),
    (frame) => this.views.reference.update(frame),
    () => this.views.events.update(),
    (frame) => this.views.scene.update(frame, this.views.ladder),
    (frame) => {
      this.views.tasks.observe(frame);
      this.views.tasks.update();
    },
    () => this.views.charts.describe(),
  ];

  private takeNotes(): void {
    const nowUs = this.engine.now_us();
    const again = nowUs < this.notedUs || this.notedUs < 0;
    if (again) this.noteNumber = 0;
    this.notedUs = nowUs;
    const fresh: NoteRow[] = this.engine.notes(this.noteNumber, again ? KEPT : NOTES_MAX);
    const last = fresh.at(-1);
    if (last !== undefined) this.noteNumber = last.number + 1;
    const notable = new Map(this.catalog.notes.map(({ name, notable }) => [name, notable]));
    const shown = fresh.filter(({ kind }) => kind === 'command' || notable.get(kind) === true);
    if (again) this.views.events.restart(shown);
    else if (shown.length > 0) this.views.events.add(shown);
    if (!again && shown.length > 0) this.watcher?.noted(shown);
    // What was done moves dials, also where it is done again because time went back.
    if (again || shown.some(({ kind }) => kind === 'command')) {
      this.readModel();
      this.controlsDue = true;
    }
    const spoken = again || this.state.backwards ? undefined : shown.findLast(({ kind }) => SPOKEN.has(kind));
    if (spoken !== undefined && this.state.running) this.views.voice.say(capital(noteText(spoken, this.cluster, this.named)));
  }
  private takeJournal(): { do: Act }[] {
    return commandsOf(this.engine.journal());
  }
  private takeSamples(now: number): void {
    this.samplesAt = now;
    this.past.takeSamples();
    this.samplesTaken = true;
  }

  /** Somebody chose how the page looks or speaks. */
  private looked(locale: string): void {
    if (!this.state.face.embedded) remember(this.state);
    this.showLooks();
    if (this.state.locale !== locale) void this.speak();
  }
  private showLooks(): void {
    applyLooks(this.state);
    this.palette = readPalette(this.catalog.classes);
    this.changed();
  }
  /** Says everything anew in the language that was chosen: other views of the same run, which goes on where it is. */
  private async speak(): Promise<void> {
    const { locale } = this.state;
    const notice = await speakAs(locale, () => this.state.locale === locale && !this.isBroken);
    if (locale !== this.state.locale || this.isBroken) return;
    this.catalog = catalogIn(this.module.catalog);
    const { views: old, comparing, about } = this;
    const restore = this.blank.renew();
    applyLanguage();
    const { why } = this.state;
    // What was asked was said in the other language; the question is the same.
    const asked = why === null ? null : { ...why, what: '' };
    this.state = { ...this.state, told: '', refused: null, notices: notice === undefined ? [] : [notice], why: asked };
    this.views = this.makeViews();
    this.views.ladder.resume(old.ladder);
    this.views.tasks.resume(old.tasks);
    this.views.voice.resume(old.voice);
    [this.due, this.notedUs, this.textAt, this.branchesDue] = [[], -1, -Infinity, true];
    if (comparing !== undefined && about !== undefined) {
      const subject = subjectOf(about.against, this, about.atUs);
      const View = comparing.constructor as typeof CompareView;
      this.comparing = this.showPair(View, comparing.pair, { ...subject, seenUs: comparing.seenUs }, about.against);
    }
    this.refilled?.();
    this.refresh();
    restore();
    this.views.voice.say(say('language_now'));
  }

  private broke(error: unknown): void {
    if (this.isBroken) return;
    this.isBroken = true;
    this.loop.setRunning(false);
    const text = [this.module.panicText(), String(error)].filter((part) => part !== '').join('\n');
    showBroken(byId('broken'), text, this.desk.rescue(text));
    this.watcher?.broke(text);
    console.error(error);
  }
}

/** The cluster of a run, as another one begins with it. */
function topologyOf(frame: Frame): Topology {
  const { members, apis: api_servers, external, nodes } = clusterOf(frame);
  return { members, api_servers, external, nodes };
}

/** Speaks this language, if `wanted` still says so when it is here. A sentence if it cannot be had. */
export async function speakAs(name: string, wanted: () => boolean = () => true): Promise<string | undefined> {
  try {
    const locale = await loadLocale(name);
    if (wanted()) speakIn(locale);
    return undefined;
  } catch {
    if (wanted()) speakIn();
    return say('language_failed', { language: name });
  }
}

/** Where dials stand, but for those that are moved. */
function merged(standing: ReadonlyMap<string, number>, moved: readonly Change[]): Change[] {
  return [...new Map([...standing, ...moved.map(({ name, value }) => [name, value] as const)])].map(([name, value]) => ({ name, value }));
}

/** Frees what nobody waits for any more, but for the run at hand. */
function discard(pair: Pair, kept: Engine): void {
  pair.free();
  for (const engine of [pair.a, pair.b]) if (engine !== kept) engine.free();
}

/** The commands of a journal as the engine writes it. */
function commandsOf(journal: string): { do: Act }[] {
  return JSON.parse(journal).journal;
}

export function nodesOf({ scenario, topology }: Pick<Plan, 'scenario' | 'topology'>, { scenarios }: Catalog): number {
  return topology?.nodes ?? scenarios.find(({ name }) => name === scenario)?.nodes ?? 0;
}
