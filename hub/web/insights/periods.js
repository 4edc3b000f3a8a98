// Weeks and months of days: which there are, what each is called, and which one is looked at.

import { addDays, monthText, shortDayText, today, weekday } from "../time.js";
import { band, spread } from "./spread.js";

const SHOWN = { week: 26, month: 12 };
const USUAL = { week: 12, month: 6 }; // what came before, that "usual" means
const LEAST_MOMENTS = 3; // a day with fewer tells too little

/** The Monday on or before a day. */
const monday = (day) => addDays(day, -weekday(day));

const beginOf = { week: monday, month: (day) => `${day.slice(0, 7)}-01` };

function before(begin, span) {
  return span === "week" ? addDays(begin, -7) : beginOf.month(addDays(begin, -1));
}

const after = (begin, span) => (span === "week" ? addDays(begin, 7) : beginOf.month(addDays(begin, 31)));

/** The first day of the oldest period that is needed. */
export function oldest(span) {
  let begin = beginOf[span](today());
  for (let i = 1; i < SHOWN[span] + USUAL[span]; i += 1) begin = before(begin, span);
  return begin;
}

/** Tell whether enough was heard on a day (a bucket of the summary) to count. */
export const enough = (bucket) => bucket.valence !== null && bucket.count >= LEAST_MOMENTS;

/** What a period that begins then is called. */
const nameOf = (begin, span) => (span === "week" ? `${shortDayText(begin)} – ${shortDayText(addDays(begin, 6))}` : monthText(begin.slice(0, 7)));

/** Put days into periods, the oldest first: {begin, end, days, name}, those shown; `end` is exclusive. */
export function periods(days, span) {
  const found = [];
  for (let begin = beginOf[span](today()), i = 0; i < SHOWN[span]; i += 1, begin = before(begin, span)) {
    const end = after(begin, span);
    found.unshift({ begin, end, days: days.filter(({ day }) => day >= begin && day < end), name: nameOf(begin, span) });
  }
  return found;
}

/** The period to speak of: the newest with at least three days, or null; and the days of those before it. */
export function spokenOf(all, days, span) {
  const one = all.findLast((period) => period.days.length >= 3) ?? null;
  if (one === null) return null;
  let begin = one.begin;
  for (let i = 0; i < USUAL[span]; i += 1) begin = before(begin, span);
  return { one, usual: days.filter(({ day }) => day >= begin && day < one.begin), current: one.end > today() };
}

/**
 * The band {n, mean, low, high} of the means of the periods before the one that is spoken of, null for fewer than three;
 * `n` counts their days. Of each as many days are taken as the spoken one has, for a mean of few days strays further.
 */
export function usualBand({ one, usual }, span, of) {
  const groups = new Map();
  for (const bucket of usual) {
    const begin = beginOf[span](bucket.day);
    groups.set(begin, [...(groups.get(begin) ?? []), bucket[of]]);
  }
  const taken = [...groups.values()].map((values) => values.slice(0, one.days.length)).filter((values) => values.length >= 2);
  const found = band(taken.map((values) => spread(values).mean));
  return found && { n: taken.flat().length, ...found };
}
