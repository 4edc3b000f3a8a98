// Find moments again: one filter, kept in the address, shared by calendar, plane, map and list.

import * as api from "./api.js";
import { calendar } from "./calendar.js";
import { h, keep, put } from "./dom.js";
import { changed, filterOf } from "./filter.js";
import { filterBar } from "./filterbar.js";
import { map } from "./map.js";
import { plane } from "./plane.js";
import { entry, runs } from "./rows.js";
import { dayOf, instant } from "./time.js";
import { t } from "./words.js";

const PAGE = 100; // of the list, before more is asked for
const MOST = 1000; // that the hub gives at once
const ROWS = 40;
const POINTS = 500; // that the plane shows
const PANES = { calendar, plane, map };

/** Show what the filter in `params` finds. */
export function show(main, params) {
  const bar = filterBar();
  const title = h("h1", { class: "sentence" });
  const count = h("p", { class: "quiet", role: "status" });
  const list = h("ol", { class: "rows" });
  const empty = h("p", { class: "empty", hidden: true });
  const more = h("button", { class: "small wide", type: "button", hidden: true, onclick: () => moreRows() }, t("list.more"));
  const tabs = Object.keys(PANES).map((name) => h("button", {
    type: "button", "data-pane": name, "aria-pressed": "false", onclick: () => openPane(name),
  }, t(`${name}.label`)));
  const stage = h("div", {});
  let filter = new URLSearchParams();
  let stop = new AbortController();
  let items = [];
  let next = null;
  let asking = false;
  let limit = ROWS;
  let pane = null;
  let paneName = null;
  let known = false; // whether the hub has answered yet: the panes wait for the list, which comes first

  function openPane(name) {
    pane?.close();
    pane = PANES[name]();
    paneName = name;
    put(stage, pane.element);
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.pane === name));
    if (known) tell();
  }

  /** Tell the pane what is asked; the plane gets the newest moments that match, more than the list needs. */
  async function tell() {
    if (paneName !== "plane") {
      pane.show(filter, items.length ? dayOf(items.reduce((a, b) => (instant(a) > instant(b) ? a : b))) : null);
      return;
    }
    const told = pane;
    try {
      const answer = await api.moments(changed(filter, { limit: POINTS, order: null }), stop.signal);
      if (told === pane) pane.show(filter, answer.items);
    } catch (error) {
      if (error.name !== "AbortError") put(count, api.saidBy(error));
    }
  }

  function draw() {
    const joined = runs([...items].sort((a, b) => instant(a) - instant(b)));
    if (filter.get("order") === "oldest") joined.reverse();
    keep(list, joined.slice(0, limit).map((run) => entry(run, { dated: true })));
    list.hidden = items.length === 0;
    more.hidden = joined.length <= limit && next === null;
  }

  async function moreRows() {
    if (asking) return; // a second press would fetch the same page again
    limit += 2 * ROWS;
    if (next !== null) {
      asking = true;
      try {
        const answer = await api.moments(changed(filter, { limit: PAGE, cursor: next }), stop.signal);
        items = items.concat(answer.items);
        next = answer.next;
      } catch (error) {
        if (error.name === "AbortError") return;
        put(count, api.saidBy(error));
      } finally {
        asking = false;
      }
    }
    draw();
  }

  async function load(n) {
    stop.abort();
    stop = new AbortController();
    try {
      const answer = await api.moments(changed(filter, { limit: n }), stop.signal);
      ({ items, next } = answer);
      known = true;
      const all = [...filter.keys()].length === 0;
      title.textContent = all ? t("recall.all") : answer.describes;
      count.textContent = t(answer.total_is === "at_least" ? "recall.at_least" : "recall.count", { n: answer.total });
      empty.textContent = all ? t("recall.none_at_all") : t("recall.none");
      empty.hidden = items.length > 0;
    } catch (error) {
      if (error.name === "AbortError") return;
      items = [];
      next = null;
      title.textContent = t("view.recall");
      put(count, api.saidBy(error));
      empty.hidden = true;
    }
    draw();
    tell();
  }

  /** Ask again for as many as the list has: what was changed or erased counts in it, in the calendar and in the map. */
  function again() {
    draw();
    load(Math.min(MOST, Math.max(PAGE, items.length)));
  }

  function update(now) {
    filter = filterOf(now);
    bar.show(filter);
    limit = ROWS;
    load(PAGE);
  }

  put(main, bar.element,
    h("div", { class: "found" },
      h("div", { class: "side card" }, h("div", { class: "tabs", role: "group", "aria-label": t("frame.nav") }, tabs), stage),
      h("section", { "aria-labelledby": "found" }, h("div", { id: "found" }, title), count, list, empty, more)));
  openPane("calendar");
  update(params);

  return {
    update,
    redraw: () => pane.redraw?.(),
    erased(id) {
      items = items.filter((moment) => moment.id !== id);
      again();
    },
    changed(moment) {
      items = items.map((one) => (one.id === moment.id ? moment : one));
      again();
    },
    leave() {
      bar.close();
      stop.abort();
      pane.close();
    },
  };
}
