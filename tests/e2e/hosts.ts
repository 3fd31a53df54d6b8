// Pages that hold the playground in frames, on the playground's own origin and on others.
import type { Frame, Page } from '@playwright/test';
import { createReadStream, existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

export const DIST = process.env['BROWNOUT_DIST'] ?? 'dist';

/** What a host says that its files are. */
export const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.svg': 'image/svg+xml', '.webmanifest': 'application/manifest+json' };

export interface Host {
  readonly origin: string;
  /** Where this text is a page. */
  at(html: string): string;
  close(): void;
}

export interface HostOptions {
  /** A folder whose files are served as well, */
  files?: string;
  /** to everybody, */
  open?: boolean;
  /** from this path on, */
  under?: string;
  /** with these headers, */
  headers?: Readonly<Record<string, string>>;
  /** and as these types. */
  types?: Readonly<Record<string, string>>;
}

/** A site of its own, on another port. */
export async function host({ files, open = false, under = '/', headers = {}, types = TYPES }: HostOptions = {}): Promise<Host> {
  const pages: string[] = [];
  const server: Server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const page = /^\/page\/(\d+)$/.exec(path)?.[1];
    if (open) response.setHeader('access-control-allow-origin', '*');
    if (page !== undefined) {
      response.setHeader('content-type', 'text/html');
      response.end(whole(pages[Number(page)] ?? ''));
      return;
    }
    const within = normalize(path).startsWith(under) ? normalize(path).slice(under.length) : '';
    const file = files === undefined || within === '' ? '' : join(files, within);
    response.statusCode = file !== '' && existsSync(file) ? 200 : path === '/favicon.ico' ? 204 : 404;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (response.statusCode !== 200) return void response.end();
    response.setHeader('content-type', types[extname(file)] ?? 'text/plain');
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, at: (html) => `${origin}/page/${pages.push(html) - 1}`, close: () => server.close() };
}

function whole(html: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>A text</title><link rel="icon" href="data:,"><style>body { margin: 0 } iframe { border: 0; display: block }</style><body>${html}`;
}

/** Opens a page on the playground's own origin. */
export async function openBeside(page: Page, html: string): Promise<void> {
  await page.route('**/beside', (route) => route.fulfill({ contentType: 'text/html', body: whole(html) }));
  await page.goto('/beside');
}

/** The frames that hold a playground, in their order in the page. */
export async function playgrounds(page: Page): Promise<Frame[]> {
  const handles = await page.locator('iframe').elementHandles();
  const frames = await Promise.all(handles.map((handle) => handle.contentFrame()));
  return frames.filter((frame) => frame !== null);
}

export function framesDrawn(frame: Frame): Promise<number | undefined> {
  return frame.evaluate(() => (globalThis as { brownoutStats?: { frames: number } }).brownoutStats?.frames);
}

/** Lets the page around the frames draw so many frames. */
export function aWhile(page: Page, frames = 30): Promise<void> {
  return page.evaluate(
    (most) =>
      new Promise<void>((resolve) => {
        let n = 0;
        const next = (): void => {
          n += 1;
          if (n < most) requestAnimationFrame(next);
          else resolve();
        };
        requestAnimationFrame(next);
      }),
    frames,
  );
}
