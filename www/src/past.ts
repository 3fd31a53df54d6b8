// Where the run has been: its series and lanes, its branches, how far each was played. Read from the engine and never
// changed here.

import type { BranchRow, Catalog, Engine, Travel } from './engine.ts';
import type { Frame } from './frame.ts';
import { Lanes } from './lanes.ts';
import { Samples } from './samples.ts';

const NOWHERE: Travel = { branch: 0, seen_us: 0, checkpoints: 0, checkpoint_bytes: 0, most_bytes: 0 };

export class Past {
  readonly samples = new Samples();
  readonly lanes: Lanes;
  branches: readonly BranchRow[] = [];
  travel: Travel = NOWHERE;
  /** Where the run stands, in us. */
  nowUs = 0;
  /** The digest of everything executed up to here. */
  digest = '';
  private names: readonly string[] = [];
  private end = 0;
  private readonly engine: () => Engine;

  constructor(catalog: Catalog, engine: () => Engine) {
    this.engine = engine;
    this.lanes = new Lanes(catalog.phases);
  }
  /** The branch that is played. */
  get played(): BranchRow | undefined {
    return this.branches.find(({ id }) => id === this.travel.branch);
  }
  /** Looks how far the run has been seen. Returns whether another branch is played than before. */
  look(): boolean {
    const engine = this.engine();
    const before = this.travel.branch;
    this.travel = engine.travel();
    this.nowUs = engine.now_us();
    this.digest = engine.digest();
    return this.travel.branch !== before;
  }
  /** Reads the branches and their commands again. */
  readBranches(): void {
    this.branches = this.engine().branches();
  }
  /** Forgets the series: they are another branch's now. */
  forget(): void {
    this.samples.clear();
    this.names = [];
    this.end = 0;
  }
  /** Takes up points of the series that are new. Call `taken` with the frame that follows. */
  takeSamples(): void {
    if (this.names.length === 0) this.names = this.engine().sample_columns();
    const cells = this.engine().samples(this.end);
    if (cells.length > 0) this.samples.add(this.names, cells);
  }
  taken({ world }: Frame): void {
    this.end = world.samples_end(0);
  }
}
