// Insights: weeks and months beside what is usual, and when and where days differ. What a reading is, and is not, is
// said on the page; a difference is named only where chance alone would hardly make it.

import { h, put } from "../dom.js";
import { ownerChoice } from "../owners.js";
import { learn, t } from "../words.js";
import en from "../i18n/insights.en.js";
import ko from "../i18n/insights.ko.js";
import { fill } from "./parts.js";

learn(en, ko);

const SPANS = ["week", "month"];
const MEASURES = ["valence", "arousal"];

function askedBy(params) {
  const one = (name, values) => values.find((value) => value === params.get(name)) ?? values[0];
  return { span: one("span", SPANS), of: one("of", MEASURES), owner: params.get("owner") || null };
}

function choice(name, legend, values, pick) {
  return h("fieldset", { class: "segments" }, h("legend", { class: "unseen" }, legend), values.map((value) =>
    h("label", {}, h("input", { type: "radio", name, value, onchange: () => pick({ [name]: value }) }), h("span", {}, t(`insights.${name}_${value}`)))));
}

/** Show it in `main`. */
export function show(main, params) {
  let asked = askedBy(params);
  const go = (changes) => {
    const { owner, ...now } = { ...asked, ...changes };
    location.hash = `#/insights?${new URLSearchParams({ ...now, ...(owner ? { owner } : {}) })}`;
  };
  const whose = ownerChoice(asked.owner, t("owner.everybody"), (owner) => go({ owner }));
  const controls = h("div", { class: "controls" },
    choice("span", t("insights.spans"), SPANS, go), choice("of", t("insights.measures"), MEASURES, go), whose.element);
  const body = h("div", { class: "insights" });
  let end = () => {};

  /** Fill the body alone: a control that has the focus keeps it. */
  function update(now) {
    end();
    asked = askedBy(now);
    for (const input of controls.querySelectorAll("input")) input.checked = input.value === asked[input.name];
    whose.choose(asked.owner);
    end = fill(body, asked);
  }

  put(main, h("h1", {}, t("view.insights")), controls, body);
  update(params);
  return { update, leave: () => end() };
}
