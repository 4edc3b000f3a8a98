// One week or month beside what is usual, in a sentence, and what each was made of.

import { h } from "../dom.js";
import { badge, SHOWN } from "../emotions.js";
import { percent, t } from "../words.js";
import { compared, spread } from "./spread.js";

const WORDS = { 1: "more", "-1": "less", 0: "same", null: "few" };

/** The sentence about `one` period against the days before it. */
export function sentence({ one, usual, current }, span, of) {
  const apart = compared(spread(one.days.map((day) => day[of])), spread(usual.map((day) => day[of])));
  const which = current ? t(`insights.this_${span}`) : one.name;
  return t(`insights.${of}_${WORDS[apart]}`, { which, usual: t(`insights.usual_${span}`) });
}

function shares(days) {
  const sums = new Map();
  let all = 0;
  for (const { emotions } of days) {
    for (const [emotion, n] of Object.entries(emotions)) {
      sums.set(emotion, (sums.get(emotion) ?? 0) + n);
      all += n;
    }
  }
  return (emotion) => (all ? (sums.get(emotion) ?? 0) / all : 0);
}

/** Each emotion's share of the period, with a line where it usually is. */
export function madeOf({ one, usual }) {
  const [now, then] = [shares(one.days), shares(usual)];
  const most = Math.max(...SHOWN.map((emotion) => Math.max(now(emotion), then(emotion))), 0.05);
  const rows = SHOWN.map((emotion) => {
    const bar = h("span", { class: "bar against", "data-emotion": emotion, "aria-hidden": "true" }, usual.length ? h("i", {}) : null);
    bar.style.setProperty("--share", now(emotion) / most);
    bar.style.setProperty("--usual", then(emotion) / most);
    const query = new URLSearchParams({ emotion, from: one.begin, to: one.end });
    return h("li", {}, badge(emotion), h("a", { href: `#/recall?${query}` }, t(`emotion.${emotion}`)), bar,
      h("span", { class: "number" }, percent(now(emotion))),
      h("span", { class: "quiet number" }, usual.length ? t("insights.usually", { share: percent(then(emotion)) }) : ""));
  });
  return h("ul", { class: "distribution shares" }, rows);
}
