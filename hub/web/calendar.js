// Months as a heat map of feeling: each day bears its strongest emotion, fuller the more was heard. A day is chosen
// with a press, or with the arrow keys and Enter.

import * as api from "./api.js";
import { h, put } from "./dom.js";
import { badge } from "./emotions.js";
import { ask, changed } from "./filter.js";
import { addDays, dayText, isDay, monthText, today, weekday, weekdays } from "./time.js";
import { t } from "./words.js";

const WIDE = matchMedia("(min-width: 48rem)");

/** The month `n` months after "2026-05". */
function addMonths(month, n) {
  const [year, index] = month.split("-").map(Number);
  return new Date(Date.UTC(year, index - 1 + n, 1)).toISOString().slice(0, 7);
}

/** The emotion with the largest count, the number of moments, and the counts as the stripes of a day; notes have none. */
function madeOf(bucket) {
  const entries = Object.entries(bucket.emotions).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
  const felt = entries.reduce((sum, [, count]) => sum + count, 0);
  let to = 0;
  const stripes = entries.map(([emotion, count]) => {
    const from = to;
    to += (100 * count) / felt;
    return `var(--${emotion}) ${from.toFixed(1)}% ${to.toFixed(1)}%`;
  });
  const gradient = felt ? `linear-gradient(to right, ${stripes.join(", ")})` : null;
  return { emotion: entries[0]?.[0] ?? "note", n: bucket.count, stripes: gradient };
}

/** Make the calendar; `show(filter, newest)` draws it around the filter's end or the newest day. */
export function calendar() {
  let filter = new URLSearchParams();
  let last = null; // the last month shown
  let stop = new AbortController();
  let focusDay = null;

  const months = h("div", { class: "months", onkeydown: (event) => keys(event) });
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const turn = (n) => () => {
    last = addMonths(last, n * (WIDE.matches ? 6 : 1));
    load();
  };
  const before = h("button", { type: "button", class: "step", "aria-label": t("calendar.before"), onclick: turn(-1) }, "‹");
  const after = h("button", { type: "button", class: "step", "aria-label": t("calendar.after"), onclick: turn(1) }, "›");
  const span = h("p", { class: "span", role: "status" });
  const element = h("section", { class: "calendar", "aria-label": t("calendar.label") },
    h("div", { class: "daybar" }, span, h("div", { class: "steps" }, before, after)),
    trouble, months, h("p", { class: "quiet" }, t("calendar.hint")));

  function keys(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
    const day = event.target.dataset?.day;
    if (!step || !day) return;
    event.preventDefault();
    focusOn(addDays(day, step));
  }

  function focusOn(day) {
    const cell = months.querySelector(`[data-day="${day}"]`);
    if (!cell) return;
    for (const one of months.querySelectorAll('[tabindex="0"]')) one.tabIndex = -1;
    cell.tabIndex = 0;
    cell.focus();
    focusDay = day;
  }

  function choose(from, to) {
    focusDay = from;
    const same = filter.get("from") === from && filter.get("to") === to;
    ask((now) => changed(now, same ? { from: null, to: null } : { from, to }));
  }

  function cell(day, found, most) {
    const inside = (!filter.has("from") || day >= filter.get("from").slice(0, 10)) && (!filter.has("to") || day < filter.get("to").slice(0, 10));
    const chosen = inside && (filter.has("from") || filter.has("to"));
    const words = found ? t("calendar.day", { n: found.n, day: dayText(day), emotion: t(`emotion.${found.emotion}`) }) : t("calendar.no", { day: dayText(day) });
    const button = h("button", {
      type: "button", class: "daycell", tabindex: -1, "data-day": day, "data-emotion": found?.emotion, "aria-label": words, title: words,
      "aria-pressed": String(chosen), onclick: () => choose(day, addDays(day, 1)),
    }, h("span", {}, String(Number(day.slice(8)))), found ? badge(found.emotion) : null, found?.stripes ? h("i", { class: "stripes" }) : null);
    if (found?.stripes) button.style.setProperty("--stripes", found.stripes);
    if (found) button.style.setProperty("--much", (0.4 + 0.6 * Math.sqrt(found.n / most)).toFixed(2));
    return button;
  }

  function draw(buckets) {
    const days = new Map(buckets.map((bucket) => [bucket.day, madeOf(bucket)]));
    const most = Math.max(1, ...[...days.values()].map((found) => found.n));
    const n = WIDE.matches ? 12 : 1;
    const shown = [...Array(n).keys()].map((i) => addMonths(last, -i)); // the newest first: one looks back from there
    const heads = weekdays();
    put(months, shown.map((month) => {
      const first = `${month}-01`;
      const next = `${addMonths(month, 1)}-01`;
      const cells = [];
      for (let day = first; day < next; day = addDays(day, 1)) cells.push(cell(day, days.get(day), most));
      cells[0].style.gridColumnStart = weekday(first) + 1;
      return h("div", { class: "month", role: "group", "aria-label": monthText(month) },
        h("button", { type: "button", class: "link", onclick: () => choose(first, next) }, monthText(month)),
        h("div", { class: "days" }, heads.map((name) => h("span", { class: "quiet weekday", "aria-hidden": "true" }, name)), cells));
    }));
    span.textContent = n === 1 ? "" : `${monthText(shown.at(-1))} – ${monthText(last)}`;
    const known = [...days.keys()].at(-1);
    const at = months.querySelector(`[data-day="${focusDay ?? known ?? `${last}-01`}"]`) ?? months.querySelector("[data-day]");
    at.tabIndex = 0;
    after.disabled = last >= today().slice(0, 7);
  }

  async function load() {
    stop.abort();
    stop = new AbortController();
    const n = WIDE.matches ? 12 : 1;
    const query = changed(filter, { from: `${addMonths(last, 1 - n)}-01`, to: `${addMonths(last, 1)}-01`, by: "day", order: null });
    try {
      const answer = await api.summary(query, stop.signal);
      trouble.hidden = true;
      const focused = months.contains(document.activeElement);
      draw(answer.buckets);
      if (focused && focusDay) focusOn(focusDay);
    } catch (error) {
      if (error.name === "AbortError") return;
      put(trouble, api.saidBy(error));
      trouble.hidden = false;
    }
  }

  return {
    element,
    show(now, newest) {
      filter = now;
      const to = (filter.get("to") ?? "").slice(0, 10);
      const end = isDay(to) ? addDays(to, -1) : (newest ?? today());
      const month = end.slice(0, 7);
      const reach = addMonths(last ?? month, WIDE.matches ? -11 : 0);
      if (last === null || month > last || month < reach) last = month;
      load();
    },
    close: () => stop.abort(),
  };
}
