// Record: sound with this browser's own microphone, a file, or words alone; what came of them below.

import { h, put } from "../dom.js";
import { learn, t } from "../words.js";
import en from "../i18n/record.en.js";
import ko from "../i18n/record.ko.js";
import { recordForm } from "./form.js";
import { keptRecords } from "./kept.js";
import { recorder } from "./recorder.js";

learn(en, ko);

/** Show it in `main`; gives what the frame needs to leave it. */
export function show(main) {
  const kept = keptRecords();
  const source = recorder((...sound) => form.take(...sound), (on) => form.record(on));
  const form = recordForm(kept.add, source.pause);
  put(main, h("h1", {}, t("view.record")),
    h("div", { class: "recordpage" },
      h("div", { class: "card" }, source.element, form.element),
      kept.element));
  return {
    redraw: form.redraw,
    erased: kept.refresh,
    changed: kept.refresh,
    leave() {
      source.close();
      form.close();
      kept.close();
    },
  };
}
