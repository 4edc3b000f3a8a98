// What is being heard now, and how each device is.

import * as api from "./api.js";
import { focusOn, h, keep, put } from "./dom.js";
import { badge, feltIn } from "./emotions.js";
import { told } from "./reasons.js";
import { heardIn, momentAddress } from "./rows.js";
import { agoText, instant } from "./time.js";
import { percent, t } from "./words.js";

const EVERY_MS = 10_000;
const ANSWER_MS = 6000; // how long a device is waited for
const FRESH_MS = 90_000; // a scene window is 5 s; after this long without one, nothing is being heard
const AHEAD_MS = 90_000; // that a device's clock may be before this browser's

/** The time, in ms since 1970, before which a moment's own must lie: what is later was stamped by a clock that is wrong. */
export const present = () => Date.now() + AHEAD_MS;

/** Tell whether a moment can be what was heard last: it is not words alone, and its time has come. */
export const wasHeard = (moment) => moment.basis !== "none" && instant(moment) < present();

function quietWords(moment) {
  if (moment === undefined) return "";
  return moment === null ? t("now.nothing") : t("now.quiet_since", { ago: agoText(moment.start) });
}

/** The card with the newest moment; `null` shows that nothing was ever heard, undefined that it is not known. */
export function nowCard() {
  const element = h("section", { class: "now", "aria-label": t("now.label") });
  let shown;
  return {
    element,
    show(moment) {
      const fresh = moment && Date.now() - instant(moment) - moment.seconds * 1000 < FRESH_MS;
      const words = fresh ? heardIn(moment) : quietWords(moment);
      const key = `${moment?.id} ${fresh} ${words} ${moment && feltIn(moment)}`;
      if (key === shown) return;
      shown = key;
      const emotion = fresh && feltIn(moment);
      const held = element.contains(document.activeElement);
      put(element, fresh ? h("a", { class: "feel", href: momentAddress(moment.id), "data-emotion": emotion },
        badge(emotion),
        h("span", {},
          h("span", { class: "eyebrow" }, t("now.label")),
          h("strong", {}, t(`emotion.${emotion}`)),
          h("span", { class: "quiet" }, words))) : h("p", { class: "quiet" }, words));
      if (held) focusOn(element.firstElementChild);
    },
  };
}

function detail(device) {
  const health = device.health ?? {};
  const words = [];
  const queue = health.outbox?.depth;
  if (typeof health.battery_percent === "number") words.push(t("device.battery", { share: percent(health.battery_percent / 100) }));
  if (queue > 0) words.push(t("device.queue", { n: queue }));
  if (health.clock === "free") words.push(t("clock.free"));
  return words;
}

function entry(device, act) {
  const made = line(device, act);
  return { key: device.id, sign: `${device.status?.state} ${made.textContent}`, make: () => made };
}

function line(device, act) {
  const state = device.status?.state ?? "unknown";
  const since = device.status?.since;
  const reason = state === "deaf" ? device.health?.capture?.reason : null;
  const words = [t(`device.${state}`) + (since && state !== "listening" ? ` (${agoText(since)})` : ""), reason && told(reason), ...detail(device)];
  const button = (order, control) => h("button", { type: "button", class: "small", "data-control": control, onclick: () => act(device.id, { do: order }) }, t(`device.${order}`));
  return h("li", { class: "device", "data-state": state },
    h("span", { class: "lamp", "aria-hidden": "true" }),
    h("span", { class: "what" },
      h("strong", {}, device.name ?? device.id),
      h("span", { class: "quiet" }, words.filter(Boolean).flatMap((one, i) => [i ? " · " : null, one]))),
    h("span", { class: "actions" }, state === "paused" ? button("resume", "listening") : null,
    state === "listening" ? [button("mark", "mark"), button("pause", "listening")] : null));
}

const URGENT = ["deaf", "offline", "paused"]; // what one would want to know first

function urgency(device) {
  const place = URGENT.indexOf(device.status?.state);
  return place < 0 ? URGENT.length : place;
}

/** The list of devices that have told how they are (what only sent moments has no state), asked for every ten seconds while it is seen; `most` of them, those in trouble first. */
export function deviceList(most = Infinity) {
  const list = h("ul", { class: "devices" });
  const word = h("p", { class: "quiet", role: "status" });
  const element = h("section", { class: "sound", "aria-label": t("device.label") }, list, word);
  let timer = null;
  let closed = false;

  async function act(id, order) {
    word.textContent = t(`device.asked_${order.do}`);
    try {
      const sent = await api.command(id, order);
      ask();
      const answer = await answered(id, sent.id);
      if (answer) put(word, answer.ok ? t(`device.did_${order.do}`) : answer.error ? told(answer.error) : t("device.refused"));
      else if (answer === null) word.textContent = t("device.silent");
    } catch (error) {
      put(word, api.saidBy(error));
    }
    ask();
  }

  /** What the device answers within a few seconds, null for nothing; undefined from a hub that does not tell. */
  async function answered(device, id) {
    for (const end = Date.now() + ANSWER_MS; Date.now() < end && !closed;) {
      try {
        const { reply } = await api.reply(device, id);
        if (reply) return reply;
      } catch (error) {
        if (error.status === 404) return undefined;
        throw error;
      }
      await new Promise((go) => setTimeout(go, 300));
    }
    return null;
  }

  async function ask() {
    clearTimeout(timer);
    if (closed) return;
    timer = setTimeout(ask, EVERY_MS);
    if (document.hidden) return;
    try {
      const answer = await api.devices();
      const devices = answer.items.filter((device) => device.status).toSorted((a, b) => urgency(a) - urgency(b));
      const rest = devices.length - most;
      const more = { key: "more", sign: String(rest), make: () => h("li", {}, h("a", { href: "#/settings?part=devices" }, t("device.more", { n: rest }))) };
      if (devices.length) keep(list, [...devices.slice(0, most).map((device) => entry(device, act)), ...(rest > 0 ? [more] : [])]);
      else put(list, h("li", { class: "quiet" }, t("device.none")));
    } catch (error) {
      if (error.status !== 0) put(list, h("li", { class: "quiet" }, api.saidBy(error)));
    }
  }

  return {
    element,
    start: ask,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
