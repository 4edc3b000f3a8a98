// One week or month beside what is usual, in a sentence, and what each was made of.

import { h } from "../dom.js";
import { badge, SHOWN } from "../emotions.js";
import { percent, t } from "../words.js";
import { compared, spread } from "./spread.js";

const WORDS = { 1: "more", "-1": "less", 0: "same", null: "few" };

/** What the period that is spoken of is called in a sentence. */
export const whichOf = ({ one, current }, span) => (current ? t(`insights.this_${span}`) : one.name);

/** The sentence about the period that is spoken of against the band of the usual ones, which is null without any. */
export function sentence(spoken, usual, span, of) {
  const apart = compared(spread(spoken.one.days.map((day) => day[of])).mean, usual);
  return t(`insights.${of}_${WORDS[apart]}`, { which: whichOf(spoken, span), usual: t(`insights.usual_${span}`) });
}

/** Each emotion's share of a day's moments, averaged over the days. */
function shares(days) {
  const sums = new Map();
  for (const { emotions } of days) {
    const all = Object.values(emotions).reduce((sum, n) => sum + n, 0);
    for (const [emotion, n] of Object.entries(emotions)) sums.set(emotion, (sums.get(emotion) ?? 0) + n / all);
  }
  return (emotion) => (sums.get(emotion) ?? 0) / Math.max(1, days.length);
}

/** Each emotion's share of a period, with a line where it usually is; `address(query)` leads to its moments. */
export function madeOf(one, usual, address) {
  const [now, then] = [shares(one.days), shares(usual)];
  const most = Math.max(...SHOWN.map((emotion) => Math.max(now(emotion), then(emotion))), 0.05);
  const rows = SHOWN.map((emotion) => {
    const bar = h("span", { class: "bar against", "data-emotion": emotion, "aria-hidden": "true" }, usual.length ? h("i", {}) : null);
    bar.style.setProperty("--share", now(emotion) / most);
    bar.style.setProperty("--usual", then(emotion) / most);
    return h("li", {}, badge(emotion), h("a", { href: address({ emotion, from: one.begin, to: one.end }) }, t(`emotion.${emotion}`)), bar,
      h("span", { class: "number" }, percent(now(emotion))),
      h("span", { class: "quiet number" }, usual.length ? t("insights.usually", { share: percent(then(emotion)) }) : ""));
  });
  return h("ul", { class: "distribution shares" }, rows);
}
