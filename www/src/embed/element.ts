// <brownout-playground scenario="…" loss="30">: makes the frame in which the playground runs, and talks to it. It knows no
// parameter by name: its attributes are the page's parameters, and the page says which of them are dials.

/** What `getState` and `brownout-state` tell. */
export interface PlaygroundState {
  /** The moment of the run. */
  seconds: number;
  running: boolean;
  speed: number;
  scenario: string;
  seed: number;
  theme: string;
  /** Where the dials stand, by their parameters, in the units of an address. */
  dials: Record<string, number | string | boolean>;
  /** From the users down to the network: 0 healthy, 1 hurt, 2 does not do its work; and in words. */
  rungs: Record<string, { level: number; text: string; since: string }>;
  /** The digest of everything executed so far. */
  digest: string;
}
export interface PlaygroundEvent {
  seconds: number;
  kind: string;
  program: { what: string; n?: number };
  text: string;
}
export interface PlaygroundSettings {
  dials?: Record<string, number | string | boolean>;
  speed?: number;
  theme?: string;
}
/** The beginning of a run; or a run as `export('json')` gives it, as text or as an object. */
export type PlaygroundRun = string | { scenario: string; seed?: number; dials?: Record<string, number | string | boolean> } | Record<string, unknown>;
export type PlaygroundExport = 'json' | 'csv' | 'link';

const VERSION = 1;
/** How high a frame may become by itself, in px. */
const HEIGHT = { least: 160, most: 2000, first: 420 };
/** Attributes that are the host's or the element's own. */
const OWN = new Set(['class', 'id', 'style', 'title', 'slot', 'part', 'lang', 'dir', 'hidden', 'inert', 'tabindex', 'role', 'is', 'height', 'width', 'src', 'sandbox', 'relay', 'embed']);
const PARAMETER = /^[a-z][a-z_]*$/;

/** The page lies beside this script, whatever a bundler thinks of addresses that it can see. */
const BESIDE = import.meta.url.replace(/[^/]*$/, '');

interface Pending {
  resolve(value: never): void;
  reject(error: Error): void;
}

/** A reply or a piece of news, as far as it was looked at. */
interface Heard {
  readonly type: string;
  readonly id?: number;
  readonly state?: PlaygroundState;
  readonly dials?: readonly string[];
  readonly parameters?: readonly string[];
  readonly events?: readonly PlaygroundEvent[];
  readonly height?: number;
  readonly data?: unknown;
  readonly error?: string;
}

export class BrownoutPlayground extends HTMLElement {
  private frame: HTMLIFrameElement | undefined;
  private dials: ReadonlySet<string> | undefined;
  /** Whether somebody listens in the frame. */
  private loaded = false;
  private readonly pending = new Map<number, Pending>();
  private queue: object[] = [];
  private number = 0;
  private readonly changes = new MutationObserver((records) => this.changed(new Set(records.map(({ attributeName }) => attributeName ?? ''))));
  private readonly hear = (event: MessageEvent): void => this.heard(event);

  connectedCallback(): void {
    addEventListener('message', this.hear);
    this.changes.observe(this, { attributes: true });
    this.open();
  }
  disconnectedCallback(): void {
    removeEventListener('message', this.hear);
    this.changes.disconnect();
    this.close('The playground was taken out of the page.');
  }

  /** Lets time run. Where nobody can see the frame it does once somebody can. */
  play(): Promise<PlaygroundState> {
    return this.ask({ type: 'play' });
  }
  pause(): Promise<PlaygroundState> {
    return this.ask({ type: 'pause' });
  }
  /** Goes to a moment of the run, forward or back. Where nobody can see the frame it does once somebody can. */
  seek(seconds: number): Promise<PlaygroundState> {
    return this.ask({ type: 'seek', seconds });
  }
  /** Executes one event. */
  step(): Promise<PlaygroundState> {
    return this.ask({ type: 'step' });
  }
  /** Moves dials, all or none, and sets the speed and the theme. */
  set(settings: PlaygroundSettings): Promise<PlaygroundState> {
    return this.ask({ type: 'set', ...settings });
  }
  /** Begins another run, or plays one that was exported. */
  load(run: PlaygroundRun): Promise<PlaygroundState> {
    return this.ask({ type: 'load', run });
  }
  getState(): Promise<PlaygroundState> {
    return this.ask({ type: 'getState' });
  }
  /** The run as a journal, its series as a table, or a link to it on the full page. */
  export(kind: PlaygroundExport): Promise<string> {
    return this.ask({ type: 'export', kind });
  }

  private open(): void {
    this.close('The playground begins anew.');
    const frame = document.createElement('iframe');
    const source = new URL(this.getAttribute('src') ?? `${BESIDE}embed.html`, document.baseURI);
    for (const { name, value } of this.attributes) if (isParameter(name)) source.searchParams.set(name, value === '' ? 'on' : value);
    // A single file is a full page unless it is asked to be a figure.
    source.searchParams.set('embed', 'on');
    source.searchParams.set('relay', location.origin === 'null' ? '*' : location.origin);
    const sandbox = this.getAttribute('sandbox');
    if (sandbox !== null) frame.setAttribute('sandbox', sandbox);
    frame.loading = 'lazy';
    frame.allow = 'fullscreen; clipboard-write';
    frame.title = this.title === '' ? 'Brownout playground' : this.title;
    frame.style.cssText = 'display: block; width: 100%; border: 0';
    frame.src = source.href;
    frame.addEventListener('load', () => {
      if (this.frame !== frame) return;
      this.loaded = true;
      for (const waiting of this.queue.splice(0)) this.post(waiting);
    });
    this.frame = frame;
    this.size(HEIGHT.first);
    if (this.style.display === '') this.style.display = 'block';
    this.replaceChildren(frame);
  }
  private close(reason: string): void {
    this.frame?.remove();
    this.frame = undefined;
    this.dials = undefined;
    this.loaded = false;
    this.queue = [];
    for (const { reject } of this.pending.values()) reject(new Error(reason));
    this.pending.clear();
  }
  /** A height that the host asks for stays; else the frame is as high as what is in it. */
  private size(height: number): void {
    if (this.frame === undefined) return;
    const own = Number(this.getAttribute('height'));
    this.frame.style.height = `${own > 0 ? own : Math.min(HEIGHT.most, Math.max(HEIGHT.least, height))}px`;
  }
  private changed(names: ReadonlySet<string>): void {
    const parameters = [...names].filter(isParameter);
    const dials = parameters.filter((name) => this.dials?.has(name) === true && this.hasAttribute(name));
    const others = parameters.filter((name) => !dials.includes(name));
    const now = new Set(['running', 'speed', 'theme'].filter((name) => this.hasAttribute(name) && this.dials !== undefined));
    if (names.has('title') && this.frame !== undefined) this.frame.title = this.title;
    if (names.has('src') || names.has('sandbox') || others.some((name) => !now.has(name))) return this.open();
    if (names.has('height')) this.size(HEIGHT.first);
    const settings: PlaygroundSettings = {};
    if (dials.length > 0) settings.dials = Object.fromEntries(dials.map((name) => [name, this.getAttribute(name) ?? '']));
    if (names.has('speed')) settings.speed = Number(this.getAttribute('speed'));
    if (names.has('theme')) settings.theme = this.getAttribute('theme') ?? 'auto';
    // What is wrong with them is told as an event.
    const tell = (error: Error): void => this.tell('error', { error: error.message });
    if (Object.keys(settings).length > 0) this.set(settings).catch(tell);
    if (names.has('running')) (['on', '1', 'true', ''].includes(this.getAttribute('running') ?? '') ? this.play() : this.pause()).catch(tell);
  }

  private ask<T>(order: object): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.frame === undefined) return reject(new Error('The playground is not in a page.'));
      this.number += 1;
      this.pending.set(this.number, { resolve, reject });
      const message = { brownout: VERSION, id: this.number, ...order };
      if (this.loaded) return this.post(message);
      // A frame that is far away is asked to begin.
      this.queue.push(message);
      this.frame.loading = 'eager';
    });
  }
  private post(message: object): void {
    // The page may have no origin of its own, in a sandbox. What is said is no secret.
    this.frame?.contentWindow?.postMessage(message, '*');
  }
  private heard({ source, data }: MessageEvent): void {
    if (this.frame === undefined || source !== this.frame.contentWindow || data?.brownout !== VERSION) return;
    const message: Heard = data;
    const asked = message.id === undefined ? undefined : this.pending.get(message.id);
    if (asked !== undefined && message.id !== undefined) {
      this.pending.delete(message.id);
      if (message.type === 'error') asked.reject(new Error(message.error));
      else asked.resolve((message.type === 'export' ? message.data : message.state) as never);
      return;
    }
    switch (message.type) {
      case 'ready':
        this.dials = new Set(message.dials);
        return this.tell('ready', { state: message.state, parameters: message.parameters, dials: message.dials });
      case 'resize':
        return this.size(message.height ?? HEIGHT.first);
      case 'state':
        return this.tell('state', message.state);
      case 'event':
        for (const event of message.events ?? []) this.tell('event', event);
        return;
      case 'task':
      case 'error': {
        const { type, id: _, ...detail } = message;
        return this.tell(type, detail);
      }
    }
  }
  private tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(`brownout-${name}`, { detail, bubbles: true, composed: true }));
  }
}

function isParameter(name: string): boolean {
  return !OWN.has(name) && PARAMETER.test(name) && !name.startsWith('on');
}

declare global {
  interface HTMLElementTagNameMap {
    'brownout-playground': BrownoutPlayground;
  }
}

if (customElements.get('brownout-playground') === undefined) customElements.define('brownout-playground', BrownoutPlayground);
