// When the devices rest: spans of local time on some days of the week.

import { h, put } from "../dom.js";
import { weekdays } from "../time.js";
import { t } from "../words.js";
import { saving } from "./form.js";
import { ownedCard } from "./owned.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const NIGHT = { days: DAYS, from: "22:00", to: "07:00" };

function line(span, changed) {
  const names = weekdays();
  const day = (key, i) => h("label", { class: "day" },
    h("input", {
      type: "checkbox", checked: span.days.includes(key),
      onchange: (event) => (span.days = DAYS.filter((one) => (one === key ? event.target.checked : span.days.includes(one)))),
    }), h("span", {}, names[i]));
  const time = (end, label) => h("label", { class: "field-line" }, label,
    h("input", { type: "time", value: span[end], required: true, onchange: (event) => (span[end] = event.target.value) }));
  return h("li", { class: "span-line" },
    h("div", { class: "daypick", role: "group", "aria-label": t("schedule.days") }, DAYS.map(day)),
    h("div", { class: "actions" }, time("from", t("schedule.from")), time("to", t("schedule.to")),
      h("button", { type: "button", class: "small", onclick: () => changed(span) }, t("schedule.remove"))));
}

/** Show the schedule. */
export function show(stage, seen) {
  ownedCard(stage, seen, t("settings.schedule"), t("schedule.how"), (settings, save) => {
    const spans = settings.schedule.map((span) => ({ ...span }));
    const list = h("ul", { class: "spans" });
    const draw = () => put(list, spans.length ? spans.map((span) => line(span, drop)) : h("li", { class: "quiet" }, t("schedule.none")));
    const drop = (span) => {
      spans.splice(spans.indexOf(span), 1);
      draw();
      add.focus();
    };
    const add = h("button", {
      type: "button", class: "small",
      onclick: () => {
        spans.push({ ...NIGHT });
        draw();
      },
    }, t("schedule.add"));
    draw();
    return saving(() => save({ schedule: spans.filter((span) => span.days.length > 0) }), [list, h("p", {}, add)]);
  });
}
