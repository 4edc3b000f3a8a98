// The view of one day: what is heard now, the ribbon, what the day was made of, and its moments, newest first.

import { Day } from "./day.js";
import { announce, h, keep, put, soon } from "./dom.js";
import { badge } from "./emotions.js";
import * as api from "./api.js";
import { deviceList, nowCard } from "./now.js";
import { Ribbon, told } from "./ribbon.js";
import { shares } from "./ribbon-shape.js";
import { entry, momentAddress, runs, titleOf } from "./rows.js";
import { follow } from "./stream.js";
import { addDays, dayOf, dayText, isDay, today } from "./time.js";
import { percent, t } from "./words.js";

const ROWS = 40;
const DEVICES = 3; // the others are in the settings
const DRAW_MS = 200; // arrivals are drawn together
const TELL_MS = 10_000; // how often arrivals are told to a screen reader

const dayAddress = (day) => (day === today() ? "#/today" : `#/today?day=${day}`);

function dayBar(date) {
  const pick = h("input", {
    type: "date", value: date, max: today(), "aria-label": t("today.pick"),
    onchange: () => isDay(pick.value) && (location.hash = dayAddress(pick.value)),
  });
  const later = addDays(date, 1);
  const step = (day, sign, label) => h("a", { class: "step", href: dayAddress(day), "aria-label": label }, sign);
  return h("div", { class: "daybar" },
    h("h1", {}, date === today() ? t("today.title") : dayText(date)),
    h("div", { class: "steps" },
      step(addDays(date, -1), "‹", t("today.before")), pick,
      later <= today() ? step(later, "›", t("today.after")) : h("span", { class: "step", "aria-hidden": "true" }),
      date === today() ? null : h("a", { class: "small", href: "#/today" }, t("today.back"))));
}

function madeOf(date, moments) {
  return shares(moments).map(([emotion, share]) => ({ key: emotion, sign: percent(share), make: () => h("li", {},
    h("a", { class: "chip", href: `#/recall?${new URLSearchParams({ emotion, from: date, to: addDays(date, 1) })}` },
      badge(emotion), t(`emotion.${emotion}`), h("span", { class: "quiet" }, percent(share)))) }));
}

async function emptyWord(date) {
  const words = [h("p", {}, date === today() ? t("today.empty_now") : t("today.empty"))];
  const last = (await api.moments({ limit: 1, to: date })).items[0] ?? (await api.moments({ limit: 1 })).items[0];
  if (last) words.push(h("p", {}, h("a", { href: dayAddress(dayOf(last)) }, t("today.last", { day: dayText(dayOf(last)) }))));
  else words.push(h("p", { class: "quiet" }, t("today.first")));
  return words;
}

/** Show the day of `params` in `main`; gives what the frame needs to change and to leave the view. */
export function show(main, params) {
  const date = isDay(params.get("day")) ? params.get("day") : today();
  const now = nowCard();
  const devices = deviceList(DEVICES);
  const ribbon = new Ribbon((moment) => (location.hash = momentAddress(moment.id)));
  const made = h("ul", { class: "chips", "aria-label": t("today.made_of") });
  const summary = h("p", { class: "unseen" });
  const card = h("section", { class: "card", "aria-label": t("ribbon.card") }, ribbon.element, summary, made);
  const list = h("ol", { class: "rows" });
  const empty = h("div", { class: "empty", hidden: true });
  const more = h("button", { class: "small wide", type: "button", hidden: true, onclick: () => ((limit += 4 * ROWS), draw()) }, t("list.more"));
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  let limit = ROWS;
  let newest = null;
  let live = false;
  let toldAt = 0;
  let asked = false;

  async function explain() {
    if (asked) return;
    asked = true;
    try {
      put(empty, await emptyWord(date));
    } catch (error) {
      put(empty, h("p", {}, error.message));
    }
  }

  const draw = soon(() => {
    const moments = day.moments;
    const joined = runs(moments);
    ribbon.show(moments, date === today());
    keep(made, madeOf(date, moments));
    keep(list, joined.slice(0, limit).map((run) => entry(run)));
    summary.textContent = told(moments);
    more.hidden = joined.length <= limit;
    empty.hidden = !day.loaded || moments.length > 0;
    list.hidden = moments.length === 0;
    card.hidden = !empty.hidden;
    if (!empty.hidden) explain();
    if (date === today()) now.show(moments.find((moment) => moment.id === newest?.id) ?? moments.at(-1) ?? null, live);
  }, DRAW_MS);

  const day = new Day(date, draw);
  const load = async () => {
    try {
      trouble.hidden = true;
      await day.load();
    } catch (error) {
      if (error.name === "AbortError") return;
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
  };

  function arrived(moments) {
    newest = moments.at(-1);
    const fresh = day.add(moments);
    if (fresh && date === today() && Date.now() - toldAt > TELL_MS) {
      toldAt = Date.now();
      announce(t("today.arrived", { n: fresh, title: titleOf(newest) }));
    }
  }

  put(main,
    dayBar(date),
    date === today() ? h("div", { class: "head" }, now.element, devices.element) : null,
    trouble,
    card,
    h("section", { "aria-label": t("list.label") }, h("h2", {}, t("list.label")), list, empty, more));
  load();
  if (date === today()) devices.start();
  const unfollow = follow({ arrived, changed: (state) => ((live = state), draw()), resumed: load });
  const clock = setInterval(() => {
    if (!params.has("day") && today() !== date) location.reload(); // midnight has passed
    else draw();
  }, 30_000);

  return {
    redraw: draw,
    erased: (id) => day.remove(id),
    changed: (moment) => day.add([moment]),
    leave() {
      clearInterval(clock);
      unfollow();
      devices.close();
      ribbon.close();
      day.close();
    },
  };
}
