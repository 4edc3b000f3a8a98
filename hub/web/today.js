// The view of one day: what is heard now, the ribbon, what the day was made of, and its moments, newest first.

import { Day } from "./day.js";
import { announce, h, keep, put, soon } from "./dom.js";
import { badge } from "./emotions.js";
import * as api from "./api.js";
import { deviceList, nowCard, present, wasHeard } from "./now.js";
import { Ribbon, told } from "./ribbon.js";
import { shares } from "./ribbon-shape.js";
import { entry, momentAddress, runs, titleOf } from "./rows.js";
import { follow } from "./stream.js";
import { addDays, dayOf, daysBetween, dayText, instant, isDay, today } from "./time.js";
import { percent, t } from "./words.js";

const ROWS = 40;
const DEVICES = 3; // the others are in the settings
const DRAW_MS = 200; // arrivals are drawn together
const TELL_MS = 10_000; // how often arrivals are told to a screen reader

const dayAddress = (day) => (day === today() ? "#/today" : `#/today?day=${day}`);

/** The head of a day; `reach(day)` lets it lead up to that day, or up to today where that is later. */
function dayBar(date) {
  let typing = false; // a browser tells of a change at each key: what is typed is a day once it is left or Enter is pressed
  let over = false; // a field that goes with its view is left too, and its reader has gone elsewhere
  const go = () => {
    typing = false;
    if (over || pick.value === date) return;
    if (isDay(pick.value) && pick.value <= pick.max) location.hash = dayAddress(pick.value);
    else pick.value = date;
  };
  const pick = h("input", {
    type: "date", value: date, "aria-label": t("today.pick"), "data-control": "pick",
    onkeydown: (event) => (event.key === "Enter" ? go() : (typing = true)), onpointerdown: () => (typing = false),
    onchange: () => typing || go(), onblur: go,
  });
  const step = (name, sign) => h("a", { class: "step", "aria-label": t(`today.${name}`), "data-control": name }, sign);
  const [before, after] = [step("before", "‹"), step("after", "›")];
  before.href = dayAddress(addDays(date, -1));
  const element = h("div", { class: "daybar" },
    h("h1", {}, date === today() ? t("today.title") : dayText(date)),
    h("div", { class: "steps" }, before, pick, after,
      date === today() ? null : h("a", { class: "small", href: "#/today", "data-control": "back" }, t("today.back"))));
  return {
    element,
    reach(day) {
      const last = day > today() ? day : today();
      const later = addDays(date, 1);
      pick.max = last > date ? last : date;
      if (later <= last) after.href = dayAddress(later);
      else after.removeAttribute("href");
    },
    /** Give the focus to the control of this name, or to the choice of a day where this day has none such. */
    focus(name) {
      const control = element.querySelector(`[data-control="${name}"]:is(input, [href])`) ?? pick;
      control.focus();
    },
    close: () => (over = true),
  };
}

function madeOf(date, moments) {
  return shares(moments).map(([emotion, share]) => ({ key: emotion, sign: percent(share), make: () => h("li", {},
    h("a", { class: "chip", href: `#/recall?${new URLSearchParams({ emotion, from: date, to: addDays(date, 1) })}` },
      badge(emotion), t(`emotion.${emotion}`), h("span", { class: "quiet" }, percent(share)))) }));
}

/** The day with moments that is nearest to `date`, a day without any; the earlier of two, undefined where there is none. */
async function nearestDay(date) {
  const ask = async (query) => (await api.moments({ limit: 1, ...query })).items;
  const found = await Promise.all([ask({ to: date }), ask({ order: "oldest", from: addDays(date, 1) })]);
  const apart = (day) => Math.abs(daysBetween(date, day));
  return found.flat().map(dayOf).sort((a, b) => apart(a) - apart(b))[0];
}

async function emptyWord(date) {
  const words = [h("p", {}, date === today() ? t("today.empty_now") : t("today.empty"))];
  const day = await nearestDay(date);
  if (day) words.push(h("p", {}, h("a", { href: dayAddress(day) }, t("today.last", { day: dayText(day) }))));
  else words.push(h("p", { class: "quiet" }, t("today.first")));
  return words;
}

/** Show the day of `params` in `main`, with `again` drawing the page anew; gives what the frame needs to change and to leave it. */
export function show(main, params, again) {
  const date = isDay(params.get("day")) ? params.get("day") : today();
  const bar = dayBar(date);
  const held = document.activeElement.closest(".daybar [data-control]")?.dataset.control; // by a step from another day
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
  let newest; // that was heard, of all days: a device elsewhere may be on another; undefined until it is known
  let latest = ""; // the last day that has a moment, also one that a wrong clock put ahead
  let untold = 0; // moments that came since a screen reader heard of any
  let last; // of them
  let toldAt = 0;
  let asked = false;

  async function explain() {
    if (asked) return;
    asked = true;
    try {
      put(empty, await emptyWord(date));
    } catch (error) {
      put(empty, h("p", {}, api.saidBy(error)));
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
    bar.reach(latest);
    hear(moments.findLast(wasHeard)); // also what lay ahead when it came
    now.show(newest);
  }, DRAW_MS);

  const day = new Day(date, draw);
  const load = async () => {
    try {
      trouble.hidden = true;
      await day.load();
    } catch (error) {
      if (error.name === "AbortError") return;
      put(trouble, api.saidBy(error));
      trouble.hidden = false;
    }
  };

  function hear(moment) {
    if (moment && (!newest || instant(moment) >= instant(newest))) newest = moment;
  }

  function lead(moment) {
    if (dayOf(moment) > latest) latest = dayOf(moment);
  }

  async function loadNewest() {
    const ask = async (...more) =>
      (await api.moments([["limit", 1], ["basis", "speech"], ["basis", "scene"], ...more], day.stop.signal)).items[0] ?? null;
    try {
      let found = await ask();
      if (found) lead(found);
      // Not with a time at once: the worker would keep each answer for a question that is never asked again.
      if (found && !wasHeard(found)) found = await ask(["to", new Date(present()).toISOString()]);
      hear(found);
      newest ??= null;
      draw();
    } catch {
      // The day is asked for at the same time, and tells why it cannot be loaded.
    }
  }

  function arrived(moments) {
    moments.forEach(lead);
    moments.filter(wasHeard).forEach(hear);
    untold += day.add(moments);
    last = moments.findLast((moment) => dayOf(moment) === date) ?? last;
    tell();
  }

  function tell() {
    if (untold === 0 || date !== today() || Date.now() - toldAt <= TELL_MS) return;
    announce(t("today.arrived", { n: untold, title: titleOf(last) }));
    toldAt = Date.now();
    untold = 0;
  }

  put(main,
    bar.element,
    date === today() ? h("div", { class: "head" }, now.element, devices.element) : null,
    trouble,
    card,
    h("section", { "aria-label": t("list.label") }, h("h2", {}, t("list.label")), list, empty, more));
  bar.reach(today());
  if (held) bar.focus(held);
  const loadAll = () => {
    load();
    loadNewest();
  };
  loadAll();
  if (date === today()) devices.start();
  const unfollow = follow({ arrived, changed: draw, resumed: loadAll });
  const clock = setInterval(() => {
    if (!params.has("day") && today() !== date) again(); // midnight has passed
    else draw();
    tell();
  }, 30_000);

  return {
    redraw: draw,
    erased(id) {
      day.remove(id);
      latest = "";
      if (id === newest?.id) newest = undefined;
      loadNewest();
    },
    changed(moment) {
      if (moment.id === newest?.id) newest = moment;
      day.add([moment]);
    },
    leave() {
      bar.close();
      clearInterval(clock);
      unfollow();
      devices.close();
      ribbon.close();
      day.close();
    },
  };
}
