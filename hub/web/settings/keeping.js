// Whether sound is kept around what a person marks, and how long anything is kept.

import { h } from "../dom.js";
import { t } from "../words.js";
import { field, saving } from "./form.js";
import { ownedCard } from "./owned.js";

const CLIPS = { enabled: false, before_s: 20, after_s: 10 };
const KINDS = ["speech_days", "scene_days", "clip_days"];

function clips(settings, save) {
  const now = { ...CLIPS, ...settings.clips };
  const on = h("input", { type: "checkbox", checked: now.enabled });
  const seconds = (name, max) => h("input", { type: "number", min: 0, max, step: 1, required: true, value: now[name] });
  const [before, after] = [seconds("before_s", 60), seconds("after_s", 60)];
  return saving(
    () => save({ clips: { enabled: on.checked, before_s: Number(before.value), after_s: Number(after.value) } }),
    [h("label", { class: "choice" }, on, h("span", {}, t("keeping.clips_on"))),
      h("div", { class: "fields" }, field(t("keeping.before"), before), field(t("keeping.after"), after))]);
}

function ages(settings, save) {
  const inputs = KINDS.map((kind) => [kind, h("input", { type: "number", min: 1, max: 36_500, step: 1, value: settings.retention[kind], placeholder: t("keeping.always") })]);
  return saving(
    () => save({ retention: Object.fromEntries(inputs.map(([kind, input]) => [kind, input.value === "" ? null : Number(input.value)])) }),
    h("div", { class: "fields" }, inputs.map(([kind, input]) => field(t(`keeping.${kind}`), input))));
}

/** Show both. */
export function show(stage, seen) {
  ownedCard(stage, seen, t("keeping.clips"), t("keeping.clips_how"), clips);
  ownedCard(stage, seen, t("keeping.ages"), t("keeping.ages_how"), ages);
}
