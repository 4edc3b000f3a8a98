// Calls of the hub. Every answer that is not a success becomes an ApiError with a sentence fit to be read.

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

/** Log in with a token; the hub answers with a cookie. */
export const logIn = (token) => call("POST", "/api/session", { headers: { Authorization: `Bearer ${token}` } });

/** Log out: the hub takes its cookie back. */
export const logOut = () => call("DELETE", "/api/session");
