// Keeps the page, and the answers it has seen, for when the hub cannot be reached.
// The network is always asked first, so that a new hub brings a new page at once.

const PAGE = "page-2";
const ANSWERS = "answers-1";
const KEPT = 80; // answers; a day or a search is one to three
const PATIENCE_MS = 4000; // without a byte of an answer

const SHELL = [
  "/", "/api.js", "/app.js", "/asking.js", "/calendar.js", "/day.js", "/dom.js", "/emotions.js", "/filter.js",
  "/filterbar.js", "/login.js", "/map.js", "/memory.js", "/moment.js", "/now.js", "/owners.js", "/place.js", "/plane.js",
  "/reasons.js", "/recall.js", "/ribbon-shape.js", "/ribbon.js", "/rows.js", "/smallmap.js", "/stream.js",
  "/theme.js", "/time.js", "/today.js", "/words.js", "/world.js", "/i18n/en.js", "/i18n/insights.en.js",
  "/i18n/insights.ko.js", "/i18n/ko.js", "/i18n/record.en.js", "/i18n/record.ko.js", "/i18n/settings.en.js",
  "/i18n/settings.ko.js", "/insights/chart.js", "/insights/compare.js", "/insights/parts.js", "/insights/periods.js",
  "/insights/spread.js", "/insights/view.js", "/record/form.js", "/record/kept.js", "/record/microphone.js",
  "/record/recorder.js", "/record/view.js", "/settings/access.js", "/settings/browser.js", "/settings/data.js",
  "/settings/devices.js", "/settings/form.js", "/settings/keeping.js", "/settings/owned.js", "/settings/places.js",
  "/settings/rules.js", "/settings/schedule.js", "/settings/view.js", "/settings/zones.js", "/sound/spectrum.js",
  "/sound/view.js", "/css/base.css", "/css/emotions.css", "/css/insights.css", "/css/moment.css", "/css/recall.css",
  "/css/record.css", "/css/settings.css", "/css/today.css", "/icons/icon.svg", "/manifest.webmanifest",
];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(PAGE).then((cache) => cache.addAll(SHELL)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== PAGE && name !== ANSWERS) await caches.delete(name);
    await self.clients.claim();
  })());
});

// An answer of its own, for a rejected one reaches the page as a broken load and not as a hub that is away.
const away = () => new Response(null, { status: 503, statusText: "The hub cannot be reached" });

/** Tell whether an answer is of a proxy that does not reach the hub: the hub's own 503 is a problem document. */
function ofProxy(answer) {
  const problem = answer.headers.get("Content-Type")?.startsWith("application/problem+json") ?? false;
  return answer.status === 502 || answer.status === 504 || (answer.status === 503 && !problem);
}

/**
 * The hub's answer, whole. However slowly it comes it is waited for, but not once nothing has come for a while.
 * Throws where the hub is away.
 */
async function fromHub(request) {
  const patience = new AbortController();
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  };
  wait();
  try {
    const answer = await fetch(request, { signal: AbortSignal.any([patience.signal, request.signal]) });
    if (ofProxy(answer)) throw new Error("a proxy does not reach the hub");
    if (!answer.body) return answer;
    const parts = [];
    const reader = answer.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      wait();
      parts.push(part.value);
    }
    return new Response(new Blob(parts), { status: answer.status, statusText: answer.statusText, headers: answer.headers });
  } finally {
    clearTimeout(timer);
  }
}

async function pageFile(request) {
  const cache = await caches.open(PAGE);
  const key = request.mode === "navigate" ? "/" : request; // the views live behind one file
  try {
    const answer = await fromHub(request);
    if (answer.ok) await cache.put(key, answer.clone());
    return answer;
  } catch (error) {
    if (request.signal.aborted) throw error;
    return (await cache.match(key)) ?? away();
  }
}

async function keep(request, answer) {
  const cache = await caches.open(ANSWERS);
  await cache.put(request, answer);
  const keys = await cache.keys();
  await Promise.all(keys.slice(0, Math.max(0, keys.length - KEPT)).map((key) => cache.delete(key)));
}

async function answerOf(request) {
  try {
    const answer = await fromHub(request);
    if (answer.ok) await keep(request, answer.clone());
    return answer;
  } catch (error) {
    if (request.signal.aborted) throw error;
    const kept = await (await caches.open(ANSWERS)).match(request);
    if (!kept) return away();
    const headers = new Headers(kept.headers);
    headers.set("X-Kept", "1");
    return new Response(kept.body, { status: kept.status, headers });
  }
}

/** What is erased or changed at the hub must not live on here. */
async function change(request) {
  const answer = await fetch(request);
  if (answer.ok) await caches.delete(ANSWERS);
  return answer;
}

const NOT_THE_PAGE = ["/docs", "/openapi.json", "/healthz", "/readyz", "/metrics"];
const ANSWERED = /^\/api\/(moments|summary|devices|places)/;
const CHANGES = /^\/api\/(moments|records|places)/;
// A POST of a record erases nothing, and a worker in between would hide from the page how far it is sent.
const changes = (request, url) => request.method !== "POST" && CHANGES.test(url.pathname);

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.method !== "GET") {
    if (changes(request, url)) event.respondWith(change(request));
  } else if (ANSWERED.test(url.pathname)) event.respondWith(answerOf(request));
  else if (!url.pathname.startsWith("/api/") && !NOT_THE_PAGE.includes(url.pathname)) event.respondWith(pageFile(request));
});
