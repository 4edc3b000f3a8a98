// The parts of the view: one week or month beside the usual ones, and when and where the last twelve weeks differed.

import * as api from "../api.js";
import { h, put } from "../dom.js";
import { placeText } from "../place.js";
import { addDays, shortMonthText, today, weekday, weekdays } from "../time.js";
import { sceneName, t } from "../words.js";
import { ladder, timeline } from "./chart.js";
import { madeOf, sentence, whichOf } from "./compare.js";
import { enough, oldest, periods, spokenOf, usualBand } from "./periods.js";
import { byDay, spread } from "./spread.js";

const RECENT_DAYS = 84;
const LEAST_DAYS = 3; // for a scene or a place to be told of
const MOST_ROWS = 12;

const recent = () => ({ from: addDays(today(), 1 - RECENT_DAYS), to: addDays(today(), 1) });

function part(title, ...children) {
  return h("section", { class: "card" }, h("h2", {}, title), children);
}

/** Fill `body` with what `span`, `of` and `owner` ask for; gives what ends it. */
export function fill(body, { span, of, owner }) {
  const stop = new AbortController();
  const charts = [];
  const poles = [t(`insights.${of}_up`), t(`insights.${of}_down`)];
  const whose = owner ? { owner } : {};

  const summary = async (query) => (await api.summary({ ...query, ...whose }, stop.signal)).buckets;
  const address = (query) => `#/recall?${new URLSearchParams({ ...query, ...whose })}`;

  function line(label, points, usual) {
    const made = timeline(label, points, usual, poles);
    charts.push(made);
    return made.element;
  }

  function overTime(days) {
    const all = periods(days, span);
    const spoken = spokenOf(all, days, span);
    if (spoken === null) return part(t("insights.over_time"), h("p", { class: "quiet" }, t("insights.too_little")));
    const usual = usualBand(spoken, span, of);
    let month = span === "week" && all[0].begin.slice(0, 7) !== all[2].begin.slice(0, 7) ? all[0].begin.slice(0, 7) : null; // no room for its mark
    const points = all.map((period) => {
      const fresh = period.begin.slice(0, 7) !== month;
      month = period.begin.slice(0, 7);
      return { name: period.name, mark: fresh && shortMonthText(month), href: address({ from: period.begin, to: period.end }), ...spread(period.days.map((day) => day[of])) };
    });
    return h("section", { class: "card" },
      h("h2", { class: "saying" }, sentence(spoken, usual, span, of)),
      h("p", { class: "quiet" }, t("insights.days_heard", { n: spoken.one.days.length }), " ", t(`insights.${usual ? "band" : "no_usual"}_${span}`)),
      line(t("insights.over_time"), points, usual),
      h("h3", {}, t("insights.made_of", { which: whichOf(spoken, span) })),
      h("p", { class: "quiet" }, t("insights.made_of_how")),
      madeOf(spoken.one, usual ? spoken.usual : [], address));
  }

  async function hours() {
    const found = byDay(await summary({ ...recent(), by: "day,hour_of_day" }), "hour_of_day", of);
    const points = [...Array(24).keys()].map((hour) => ({
      name: t("insights.hour", { hour: String(hour).padStart(2, "0") }), mark: hour % 6 ? null : String(hour).padStart(2, "0"), ...spread(found.get(hour) ?? []),
    }));
    return part(t("insights.by_hour"), line(t("insights.by_hour"), points, null));
  }

  function week(days) {
    const names = weekdays();
    const since = recent().from;
    const points = names.map((name, i) => ({
      name, mark: name, ...spread(days.filter(({ day }) => day >= since && weekday(day) === i).map((day) => day[of])),
    }));
    return part(t("insights.by_weekday"), line(t("insights.by_weekday"), points, null));
  }

  /** Those with enough days below one another, the pleasantest (or liveliest) first. */
  function rungs(title, points) {
    const shown = points.filter((point) => point.n >= LEAST_DAYS).sort((a, b) => b.n - a.n).slice(0, MOST_ROWS).sort((a, b) => b.mean - a.mean);
    return part(title, shown.length ? ladder(shown, poles) : h("p", { class: "quiet" }, t("insights.too_little")));
  }

  async function scenes() {
    const asked = { ...recent(), basis: "scene" };
    const found = byDay(await summary({ ...asked, by: "day,scene" }), "scene", of);
    return rungs(t("insights.by_scene"), [...found].map(([scene, values]) => ({ name: sceneName(scene), href: address({ ...asked, scene }), ...spread(values) })));
  }

  /** Give the places where most time was spent; a token that sees one device has none. */
  async function places() {
    try {
      const { items } = await api.places(owner);
      return items.filter(({ last }) => last !== null && last >= recent().from).slice(0, MOST_ROWS);
    } catch (error) {
      if (error.status === 403) return [];
      throw error;
    }
  }

  async function where() {
    const points = (await places()).map(async (place) => {
      const asked = { ...recent(), near: `${place.lat},${place.lon}`, radius_m: Math.ceil(place.radius_m) };
      const days = (await summary({ ...asked, by: "day" })).filter((day) => day[of] !== null);
      return { name: place.name ?? placeText(place), href: address(asked), ...spread(days.map((day) => day[of])) };
    });
    return rungs(t("insights.by_place"), await Promise.all(points));
  }

  async function load() {
    put(body, h("p", { class: "quiet" }, t("insights.loading")));
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
      if (!stop.signal.aborted) body.append(h("p", { class: "trouble", role: "alert" }, api.saidBy(error)));
    }
  }

  load();
  return () => {
    stop.abort();
    for (const chart of charts) chart.close();
  };
}
