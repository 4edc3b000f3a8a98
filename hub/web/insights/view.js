// Insights: weeks and months beside what is usual, and when and where days differ. What a reading is, and is not, is
// said on the page; a difference is named only where chance alone would hardly make it.

import * as api from "../api.js";
import { h, put } from "../dom.js";
import { ownerChoice } from "../owners.js";
import { addDays, shortMonthText, today, weekdays } from "../time.js";
import { learn, sceneName, t } from "../words.js";
import en from "../i18n/insights.en.js";
import ko from "../i18n/insights.ko.js";
import { ladder, timeline } from "./chart.js";
import { madeOf, sentence } from "./compare.js";
import { enough, oldest, periods, spokenOf, usualBand } from "./periods.js";
import { byDay, spread } from "./spread.js";
import { placeName, placer } from "./where.js";

learn(en, ko);

const RECENT_DAYS = 84;
const LEAST_DAYS = 3; // for a scene or a place to be told of
const MOST_ROWS = 12;

const recent = () => ({ from: addDays(today(), 1 - RECENT_DAYS), to: addDays(today(), 1) });

function choice(name, legend, values, chosen, pick) {
  return h("fieldset", { class: "segments" }, h("legend", { class: "unseen" }, legend), values.map((value) =>
    h("label", {}, h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => pick(value) }), h("span", {}, t(`insights.${name}_${value}`)))));
}

/** Show it in `main`. */
export function show(main, params) {
  const span = params.get("span") === "month" ? "month" : "week";
  const of = params.get("of") === "arousal" ? "arousal" : "valence";
  const owner = params.get("owner");
  const stop = new AbortController();
  const charts = [];
  const poles = [t(`insights.${of}_up`), t(`insights.${of}_down`)];

  const go = (changes) => {
    const now = new URLSearchParams({ span, of, ...(owner ? { owner } : {}), ...changes });
    if (!now.get("owner")) now.delete("owner");
    location.hash = `#/insights?${now}`;
  };
  const body = h("div", { class: "insights" }, h("p", { class: "quiet" }, t("insights.loading")));
  put(main, h("h1", {}, t("view.insights")),
    h("div", { class: "controls" },
      choice("span", t("insights.spans"), ["week", "month"], span, (value) => go({ span: value })),
      choice("of", t("insights.measures"), ["valence", "arousal"], of, (value) => go({ of: value })),
      ownerChoice(owner, t("owner.everybody"), (value) => go({ owner: value ?? "" }))),
    body);

  const summary = async (query) => (await api.summary({ ...query, ...(owner ? { owner } : {}) }, stop.signal)).buckets;

  function line(label, points, usual) {
    const made = timeline(label, points, usual, poles);
    charts.push(made);
    return made.element;
  }

  function part(title, hint, ...children) {
    return h("section", { class: "card" }, h("h2", {}, title), hint ? h("p", { class: "quiet" }, hint) : null, children);
  }

  function overTime(days) {
    const all = periods(days, span);
    const spoken = spokenOf(all, days, span);
    if (spoken === null) return part(t("insights.over_time"), t("insights.too_little"));
    const usual = usualBand(spoken.usual, span, of);
    let month = span === "week" && all[0].begin.slice(0, 7) !== all[2].begin.slice(0, 7) ? all[0].begin.slice(0, 7) : null; // no room for its mark
    const points = all.map((period) => {
      const fresh = period.begin.slice(0, 7) !== month;
      month = period.begin.slice(0, 7);
      const query = new URLSearchParams({ from: period.begin, to: period.end });
      return { name: period.name, mark: fresh && shortMonthText(month), href: `#/recall?${query}`, ...spread(period.days.map((day) => day[of])) };
    });
    return h("section", { class: "card" },
      h("h2", { class: "saying" }, sentence(spoken, span, of)),
      h("p", { class: "quiet" }, t("insights.days_heard", { n: spoken.one.days.length }), " ", usual ? t(`insights.band_${span}`) : t("insights.no_usual")),
      line(t("insights.over_time"), points, usual),
      h("h3", {}, t("insights.made_of", { which: spoken.current ? t(`insights.this_${span}`) : spoken.one.name })),
      madeOf(spoken));
  }

  async function hours() {
    const found = byDay(await summary({ ...recent(), by: "day,hour_of_day" }), (bucket) => bucket.hour_of_day, of);
    const points = [...Array(24).keys()].map((hour) => ({
      name: t("insights.hour", { hour: String(hour).padStart(2, "0") }), mark: hour % 6 ? null : String(hour).padStart(2, "0"), ...spread(found.get(hour) ?? []),
    }));
    return part(t("insights.by_hour"), null, line(t("insights.by_hour"), points, null));
  }

  function week(days) {
    const names = weekdays();
    const since = recent().from;
    const points = names.map((name, i) => ({
      name, mark: name, ...spread(days.filter(({ day }) => day >= since && (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7 === i).map((day) => day[of])),
    }));
    return part(t("insights.by_weekday"), null, line(t("insights.by_weekday"), points, null));
  }

  /** Rows of those with enough days, the pleasantest (or liveliest) first. */
  function rows(found, nameOf, hrefOf) {
    return [...found].map(([key, values]) => ({ key, ...spread(values) })).filter((point) => point.n >= LEAST_DAYS)
      .sort((a, b) => b.n - a.n).slice(0, MOST_ROWS).sort((a, b) => b.mean - a.mean)
      .map((point) => ({ ...point, name: nameOf(point.key), href: hrefOf(point.key) }));
  }

  function rungs(title, points) {
    return part(title, null, points.length ? ladder(points, null, poles) : h("p", { class: "quiet" }, t("insights.too_little")));
  }

  async function scenes() {
    const found = byDay(await summary({ ...recent(), by: "day,scene", basis: "scene" }), (bucket) => bucket.scene, of);
    return rungs(t("insights.by_scene"), rows(found, sceneName, (scene) => `#/recall?${new URLSearchParams({ scene })}`));
  }

  async function where() {
    const buckets = await summary({ ...recent(), by: "day,place", has: "place" });
    const known = await api.places().then(({ items }) => items, () => []);
    const find = placer(known);
    const places = new Map();
    const found = byDay(buckets, (bucket) => {
      const place = find(bucket.place);
      if (place) places.set(place.key, place);
      return place?.key ?? null;
    }, of);
    const address = ({ lat, lon, radius_m }) => `#/recall?${new URLSearchParams({ near: `${lat},${lon}`, radius_m: Math.round(radius_m) })}`;
    return rungs(t("insights.by_place"), rows(found, (key) => placeName(places.get(key)), (key) => address(places.get(key))));
  }

  async function load() {
    try {
      const days = (await summary({ by: "day", from: oldest(span), to: addDays(today(), 1) })).filter(enough);
      if (days.length === 0) {
        put(body, h("div", { class: "empty" }, h("p", {}, t("insights.none")), h("p", { class: "quiet" }, t("insights.none_hint"))));
        return;
      }
      put(body, overTime(days), h("h2", { class: "across" }, t("insights.recent")));
      for (const make of [hours, () => week(days), scenes, where]) {
        const made = await make();
        if (stop.signal.aborted) return;
        body.append(made);
      }
      body.append(h("p", { class: "quiet across" }, t("insights.honest")));
    } catch (error) {
      if (error.name !== "AbortError") body.append(h("p", { class: "trouble", role: "alert" }, error.message));
    }
  }

  load();
  return {
    leave() {
      stop.abort();
      for (const chart of charts) chart.close();
    },
  };
}
