// The page without a network: whoever was here once can come back offline.

import { isFigure } from './embed/face.ts';

/** Has the browser keep the page's files, where it can and the page is one of its own. What fails changes nothing. */
export function keepFiles(): void {
  if (ONE_FILE || isFigure() || parent !== window || !isSecureContext) return;
  // An origin that nobody else shares may keep nothing; asking for the property throws there.
  try {
    const worker = navigator.serviceWorker as ServiceWorkerContainer | undefined;
    void worker?.register('worker.js').catch(() => undefined);
  } catch {
    // Then it needs its host.
  }
}
