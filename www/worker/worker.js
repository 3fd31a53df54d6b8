// Answers for the page's files when there is no network. VERSION and FILES are put in when the page is bundled.
//
// What has a hash in its name never changes, so what is kept is as good as new. What keeps its name is asked for first:
// whoever is online sees the newest page.

/* global VERSION, FILES */
const KEPT = `brownout-${VERSION}`;
/** How long the network may take before what is kept is shown, in ms. */
const PATIENCE = 3000;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(FILES)).then(() => self.skipWaiting()));
});
self.addEventListener('activate', (event) => {
  const clear = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith('brownout-') && name !== KEPT);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(clear());
});
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const folder = new URL('./', self.location.href);
  if (request.method !== 'GET' || url.origin !== folder.origin || !url.pathname.startsWith(folder.pathname)) return;
  const name = url.pathname.slice(folder.pathname.length) || 'index.html';
  if (!FILES.includes(name)) return;
  event.respondWith(/-[A-Z0-9]{8}\.\w+$/.test(name) ? keptFirst(name, request) : newestFirst(name, request));
});

async function keptFirst(name, request) {
  return (await fromKept(name)) ?? fetch(request);
}
async function newestFirst(name, request) {
  const kept = await fromKept(name);
  if (kept === undefined) return fetch(request);
  const late = new Promise((resolve) => setTimeout(() => resolve(kept), PATIENCE));
  return Promise.race([late, fetch(request).catch(() => kept)]);
}
async function fromKept(name) {
  return (await caches.open(KEPT)).match(new URL(name, self.location.href));
}
