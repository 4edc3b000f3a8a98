// Take everything out, or erase some of it for good.

import * as api from "../api.js";
import { asking } from "../asking.js";
import { focusOn, h, put } from "../dom.js";
import { addDays, isDay } from "../time.js";
import { number, t } from "../words.js";
import { field, saving } from "./form.js";

const FORMATS = ["csv", "ndjson", "geojson", "parquet"];

function span() {
  const from = h("input", { type: "date" });
  const to = h("input", { type: "date" });
  const device = h("select", {}, h("option", { value: "" }, t("filter.any")));
  api.devices().then(({ items }) => device.append(...items.map((one) => h("option", { value: one.id }, one.name ?? one.id))), () => {});
  return {
    element: h("div", { class: "fields" }, field(t("filter.from"), from), field(t("filter.to"), to), field(t("filter.device"), device)),
    query() {
      const asked = { from: from.value, to: isDay(to.value) ? addDays(to.value, 1) : "", device: device.value };
      return Object.fromEntries(Object.entries(asked).filter(([, value]) => value));
    },
  };
}

function taking() {
  const which = span();
  const link = (format) => h("a", {
    class: "small button", download: `moments.${format}`, href: "/api/export",
    onclick: (event) => (event.currentTarget.href = `/api/export?${new URLSearchParams({ ...which.query(), format })}`),
  }, t(`data.${format}`));
  return h("section", { class: "card" }, h("h2", {}, t("data.export")), h("p", { class: "quiet" }, t("data.export_how")),
    which.element, h("div", { class: "actions" }, FORMATS.map(link)));
}

function erasing() {
  const which = span();
  const word = h("div", { class: "cardbody" });
  const look = async () => {
    put(word);
    const query = which.query();
    if (Object.keys(query).length === 0) return t("data.say_which");
    const { total, total_is, describes } = await api.moments({ ...query, limit: 1 });
    if (total === 0) return t("recall.none");
    const n = total_is === "exact" ? number(total) : t("data.more_than", { n: total });
    const erase = asking(t("data.erase_do", { n }), () => t("data.sure"), t("erase.do"), async () => {
      const { erased } = await api.eraseAll(query);
      const done = h("p", { role: "status" }, t("data.erased", { n: erased }));
      put(word, done);
      focusOn(done);
    });
    put(word, h("p", {}, describes), erase);
    return "";
  };
  return h("section", { class: "card" }, h("h2", {}, t("data.erase")), h("p", { class: "quiet" }, t("data.erase_how")),
    saving(look, which.element, t("data.look")), word);
}

/** Show both. */
export function show(stage) {
  put(stage, taking(), erasing());
}
