// Settings: a list of parts, and the part that the address names. On a phone the list comes first and leads to a part.

import { h, put } from "../dom.js";
import { learn, t } from "../words.js";
import en from "../i18n/settings.en.js";
import ko from "../i18n/settings.ko.js";
import * as access from "./access.js";
import * as browser from "./browser.js";
import * as data from "./data.js";
import * as devices from "./devices.js";
import * as keeping from "./keeping.js";
import * as places from "./places.js";
import * as rules from "./rules.js";
import * as schedule from "./schedule.js";
import * as zones from "./zones.js";

learn(en, ko);

const PARTS = { browser, devices, schedule, zones, keeping, rules, places, access, data };

/** Show the settings; `again` draws the page anew in another language. */
export function show(main, params, again) {
  const asked = params.get("part");
  const name = Object.hasOwn(PARTS, asked ?? "") ? asked : "browser";
  const owner = params.get("owner");
  const stage = h("div", { class: "part" });
  const list = h("nav", { class: "parts", "aria-label": t("settings.parts") }, h("ul", {}, Object.keys(PARTS).map((part) => h("li", {},
    h("a", { href: `#/settings?part=${part}`, "aria-current": part === name ? "page" : null },
      h("span", {}, t(`settings.${part}`)), h("span", { class: "quiet" }, t(`settings.${part}_hint`)))))));
  put(main, h("h1", {}, t("view.settings")),
    h("div", { class: `settings${asked ? " deep" : ""}` }, list,
      h("div", {}, h("p", { class: "up" }, h("a", { href: "#/settings" }, `‹ ${t("view.settings")}`)), stage)));
  const shown = PARTS[name].show(stage, {
    owner,
    again,
    choose: (who) => {
      location.hash = `#/settings?${new URLSearchParams({ part: name, ...(who ? { owner: who } : {}) })}`;
    },
  });
  return { leave: () => shown?.close?.(), redraw: () => shown?.redraw?.() };
}
