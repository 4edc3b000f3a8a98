// Calls of the hub. Every answer that is not a success becomes an ApiError with a sentence fit to be read.

import { told } from "./reasons.js";
import { language, t } from "./words.js";

export class ApiError extends Error {
  /** `status` is 0 when the hub could not be reached. */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const listeners = { login: () => {}, kept: () => {} };

/** Have `work` called when the hub wants a log-in ("login"), or tell whether answers are kept ones ("kept"). */
export function on(event, work) {
  listeners[event] = work;
}

/** Forget the answers that the worker keeps: whoever logs in next may not see these days. */
export async function forgetKept() {
  try {
    await caches.delete("answers-1"); // as the worker calls them
  } catch {
    // Without TLS, or with its storage closed, a browser keeps none.
  }
}

/** Tell whether the worker or a proxy answers for a hub that is away: the hub's own 503 is a problem document. */
function away(status, type) {
  const problem = type?.startsWith("application/problem+json") ?? false;
  return status === 502 || status === 504 || (status === 503 && !problem);
}

function address(path, query) {
  const text = new URLSearchParams(query).toString();
  return text ? `${path}?${text}` : path;
}

async function reason(answer) {
  try {
    const problem = await answer.json();
    return problem.detail && typeof problem.detail === "string" ? problem.detail : (problem.title ?? answer.statusText);
  } catch {
    return answer.statusText;
  }
}

async function call(method, path, { query, body, signal, headers } = {}) {
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method,
      signal,
      headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    answer = null;
  }
  if (answer === null || away(answer.status, answer.headers.get("Content-Type"))) {
    listeners.kept(true);
    throw new ApiError(0, t("error.unreachable"));
  }
  listeners.kept(answer.headers.has("X-Kept"));
  if (answer.status === 401) listeners.login();
  if (!answer.ok) throw new ApiError(answer.status, await reason(answer));
  return answer.status === 204 ? null : answer.json();
}

/** The query, with the language that `describes` is to be in. */
function spoken(query) {
  const pairs = new URLSearchParams(query);
  pairs.set("lang", language());
  return pairs;
}

/** A page of moments: {items, next, total, total_is, describes}. */
export const moments = (query, signal) => call("GET", "/api/moments", { query: spoken(query), signal });

/** One moment with its note and its correction. */
export const moment = (id) => call("GET", `/api/moments/${encodeURIComponent(id)}`);

/** The moments most like one. */
export const similar = (id) => call("GET", `/api/moments/${encodeURIComponent(id)}/similar`);

/** Buckets of what a filter matches. */
export const summary = (query, signal) => call("GET", "/api/summary", { query, signal });

/** The devices with their status and health. */
export const devices = () => call("GET", "/api/devices");

/** Ask a device to do something. */
export const command = (device, order) => call("POST", `/api/devices/${encodeURIComponent(device)}/command`, { body: order });

/** Write the person's words for a moment. */
export const writeNote = (id, text) => call("PUT", `/api/moments/${encodeURIComponent(id)}/note`, { body: { text } });

/** Say what the person felt, whatever the model read. */
export const correct = (id, emotion) => call("PUT", `/api/moments/${encodeURIComponent(id)}/emotion`, { body: { emotion } });

/** Erase a moment for good. */
export const erase = (id) => call("DELETE", `/api/moments/${encodeURIComponent(id)}`);

/** What a device answered to a command: {id, do, sent, reply: null | {ok, error}}. */
export const reply = (device, id) => call("GET", `/api/devices/${encodeURIComponent(device)}/commands/${encodeURIComponent(id)}`);

/** Say what a device is called and whose it is. */
export const describe = (device, words) => call("PUT", `/api/devices/${encodeURIComponent(device)}`, { body: words });

/** Erase all moments that a filter matches: {erased}. */
export const eraseAll = (query) => call("DELETE", "/api/moments", { query });

/** The places that an owner returns to, with their names; `owner` null is whoever the token sees. */
export const places = (owner) => call("GET", "/api/places", { query: owner ? { owner } : {} });

/** Name a place of an owner, or forget its name with null; gives the places. */
export const namePlace = (owner, place) => call("PUT", "/api/places", { query: owner ? { owner } : {}, body: place });

/** A page of records, the newest first: {items, next}. */
export const records = (query) => call("GET", "/api/records", { query });

/** One record with its state, progress and the ids of its moments. */
export const record = (id) => call("GET", `/api/records/${encodeURIComponent(id)}`);

/** Erase a record with its moments and its sound. */
export const eraseRecord = (id) => call("DELETE", `/api/records/${encodeURIComponent(id)}`);

/** What an owner set for the devices and for keeping; `owner` null is one's own. */
export const settings = (owner) => call("GET", "/api/settings", { query: owner ? { owner } : {} });

/** Put all of it. */
export const putSettings = (owner, body) => call("PUT", "/api/settings", { query: owner ? { owner } : {}, body });

/** The table of rules in use: {version, own, text, rules}. */
export const rules = (owner) => call("GET", "/api/rules", { query: owner ? { owner } : {} });

/** Use another table, null for the one that ships; `dry` stores nothing and tells what would change. */
export const putRules = (owner, text, dry) =>
  call("PUT", "/api/rules", { query: { ...(owner ? { owner } : {}), ...(dry ? { dry_run: "true" } : {}) }, body: { text } });

/** The tokens, without what they are. */
export const tokens = () => call("GET", "/api/tokens");

/** Make a token; the answer is the only one that shows it. */
export const makeToken = (body) => call("POST", "/api/tokens", { body });

/** End a token. */
export const revokeToken = (n) => call("DELETE", `/api/tokens/${n}`);

const STALLED_MS = 60_000;

/**
 * Send what a person recorded or wrote; gives the record. `told(share)` hears how much of it is sent, 0 to 1.
 * `key` is the same for every try of the same thing, so that it is kept once. Where nothing moves for a minute the hub
 * counts as away: a connection that was lost without a word would be waited for without end.
 */
export function send(form, key, told) {
  return new Promise((resolve, reject) => {
    const asked = new XMLHttpRequest(); // fetch does not tell how far a body is
    asked.open("POST", "/api/records");
    asked.setRequestHeader("Idempotency-Key", key);
    asked.setRequestHeader("Accept", "application/json");
    let stalled = 0;
    const moves = () => {
      clearTimeout(stalled);
      stalled = setTimeout(() => asked.abort(), STALLED_MS);
    };
    asked.upload.addEventListener("progress", (event) => {
      moves();
      if (event.lengthComputable) told(event.loaded / event.total);
    });
    asked.upload.addEventListener("load", moves);
    asked.addEventListener("loadend", () => clearTimeout(stalled));
    const unreached = () => reject(new ApiError(0, t("error.unreachable")));
    asked.addEventListener("error", unreached);
    asked.addEventListener("abort", unreached);
    asked.addEventListener("load", () => {
      if (away(asked.status, asked.getResponseHeader("Content-Type"))) {
        unreached();
        return;
      }
      let body = null;
      try {
        body = JSON.parse(asked.responseText);
      } catch {
        body = {}; // a proxy's word instead of the hub's
      }
      if (asked.status === 401) listeners.login();
      if (asked.status >= 200 && asked.status < 300) resolve(body);
      else reject(new ApiError(asked.status, body.detail ?? body.title ?? asked.statusText));
    });
    moves();
    asked.send(form);
  });
}

/** What an error says, as children of an element: a hub that lacks the part, or a token that may not, is told as such. */
export function saidBy(error) {
  if (error.status === 404 || error.status === 405) return t("error.lacking");
  if (error.status === 403) return t("error.forbidden");
  return error.status ? told(error.message) : error.message; // without a status it is the page's own
}

/** Log in with a token; the hub answers with a cookie. */
export async function logIn(token) {
  await call("POST", "/api/session", { headers: { Authorization: `Bearer ${token}` } });
  await forgetKept();
}

/** Have the hub keep its cookie for its full time from today on. */
export const prolong = () => call("POST", "/api/session");

/** Log out: the hub takes its cookie back. */
export async function logOut() {
  await call("DELETE", "/api/session");
  await forgetKept();
}
