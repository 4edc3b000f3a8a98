// Moments as rows of a list. A scene that goes on is one row, however many moments it has.

import { h } from "./dom.js";
import { badge, feltIn } from "./emotions.js";
import { clockText, instant, lengthText, shortDayText, dayOf } from "./time.js";
import { language, sceneName, t } from "./words.js";

const wordlessMark = (moment) => moment.basis === "none" && moment.origin === "mark" && !moment.note;

/** What was heard, in words. */
export function heardIn(moment) {
  if (moment.basis === "speech") return moment.scene ? t("heard.speech_at", { scene: sceneName(moment.scene.label) }) : t("heard.speech");
  if (moment.basis === "none") return t(wordlessMark(moment) ? "origin.mark" : "heard.note");
  return moment.scene ? sceneName(moment.scene.label) : t("heard.scene");
}

/** Emotion and what was heard, in one line. */
export const titleOf = (moment) => `${t(`emotion.${feltIn(moment)}`)}, ${heardIn(moment)}`;

/** The address of the current view with this moment opened. */
export function momentAddress(id) {
  const [view, query] = location.hash.split("?");
  const pairs = new URLSearchParams(query);
  pairs.set("moment", id);
  return `${view || "#/today"}?${pairs}`;
}

function goesOn(run, later) {
  const last = run.at(-1);
  return later.continues === last.id && feltIn(later) === feltIn(last) && later.scene?.label === last.scene?.label && !later.note && !last.note;
}

/** Join what continues: oldest first in, newest first out, each a list of moments, oldest first. */
export function runs(moments) {
  const found = [];
  const open = new Map(); // the id of a run's last moment → the run
  for (const moment of moments) {
    const run = open.get(moment.continues);
    if (run && goesOn(run, moment)) {
      open.delete(moment.continues);
      run.push(moment);
      open.set(moment.id, run);
    } else {
      const begun = [moment];
      found.push(begun);
      open.set(moment.id, begun);
    }
  }
  return found.reverse().sort((a, b) => instant(b.at(-1)) - instant(a.at(-1)));
}

/** The row of a run as an entry for `keep`; `dated` puts the day before the time. */
export function entry(run, { dated = false } = {}) {
  const last = run.at(-1);
  return {
    key: run[0].id,
    sign: [momentAddress(last.id), feltIn(last), last.correction, noteText(last), language()].join(" "),
    make: () => row(run, dated),
  };
}

/** Its address is made anew when it is pressed: words that were left for it may have changed the one of the view. */
function row(run, dated) {
  const [first, last] = [run[0], run.at(-1)];
  const seconds = run.reduce((sum, moment) => sum + moment.seconds, 0);
  const emotion = feltIn(last);
  const marks = [
    last.note ? t("row.note") : null,
    last.correction ? t("row.corrected") : null,
    last.clip ? t("row.clip") : null,
    (last.origin === "mark" && !wordlessMark(last)) || last.origin === "upload" ? t(`origin.${last.origin}`) : null,
  ].filter(Boolean);
  return h("li", { "data-id": last.id },
    h("a", { class: "row", href: momentAddress(last.id), onclick: (event) => (event.currentTarget.href = momentAddress(last.id)) },
      badge(emotion),
      h("span", { class: "what" },
        h("span", { class: "feeling" }, t(`emotion.${emotion}`)),
        h("span", { class: "quiet" }, [heardIn(last), ...marks].join(" · ")),
        last.note ? h("span", { class: "words" }, noteText(last)) : null),
      h("span", { class: "when" },
        h("time", { datetime: first.start }, (dated ? `${shortDayText(dayOf(first))} ` : "") + clockText(first)),
        seconds ? h("span", { class: "quiet" }, lengthText(seconds)) : null)));
}

/** The words of a moment's note, "" without one. */
export const noteText = (moment) => moment.note ?? "";
