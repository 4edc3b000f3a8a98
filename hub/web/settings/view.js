// Settings: a list of parts, and the part that the address names. On a phone the list comes first and leads to a part.

import { focusOn, h, put } from "../dom.js";
import { ownerChoice, soleOwner } from "../owners.js";
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
const OWNED = ["schedule", "zones", "keeping", "rules", "places"]; // each owner has their own

const mark = (link, current) => (current ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current"));

/** Show the settings; `again` draws the page anew in another language. */
export function show(main, params, again) {
  const link = (part) => h("a", { href: `#/settings?part=${part}` },
    h("span", {}, t(`settings.${part}`)), h("span", { class: "quiet" }, t(`settings.${part}_hint`)));
  const links = Object.fromEntries(Object.keys(PARTS).map((part) => [part, link(part)]));
  const list = h("nav", { class: "parts", "aria-label": t("settings.parts") }, h("ul", {}, Object.values(links).map((one) => h("li", {}, one))));
  const chooser = h("div", { class: "whose" });
  const stage = h("div", { class: "part" });
  const element = h("div", { class: "settings" }, list,
    h("div", {}, h("p", { class: "up" }, h("a", { href: "#/settings" }, `‹ ${t("view.settings")}`)), chooser, stage));
  let name = null;
  let owner = null; // as the address says
  let shown = null;
  let whose = null; // the choice of an owner, of a part that wants one; it stays from one such part to the next, so that it keeps the focus

  function choose(who) {
    location.hash = `#/settings?${new URLSearchParams({ part: name, ...(who ? { owner: who } : {}) })}`;
  }

  function showOwner() {
    if (whose?.element.isConnected) whose.choose(owner);
    else {
      whose = ownerChoice(owner, t("owner.own"), choose, 1); // anew: another part may have named more owners
      put(chooser, whose.element);
    }
    if (owner === null) soleOwner().then((sole) => whose.choose(owner ?? sole), () => {}); // the part tells what is wrong
  }

  /** Bring a reader who asked for another part to it: its title, or on a phone the way back to the one that was left. */
  function arrive(left) {
    const title = stage.querySelector("h2");
    if (title.checkVisibility()) focusOn(title);
    else links[left].focus();
  }

  function update(now) {
    const [asked, left, held] = [now.get("part"), name, document.activeElement];
    owner = now.get("owner");
    const within = left !== null && (main.contains(held) || held === document.body);
    name = Object.hasOwn(PARTS, asked ?? "") ? asked : "browser";
    const moved = name !== left || element.classList.contains("deep") !== Boolean(asked);
    for (const [part, one] of Object.entries(links)) mark(one, part === name);
    element.classList.toggle("deep", Boolean(asked));
    shown?.close?.();
    put(stage);
    if (OWNED.includes(name)) showOwner();
    else put(chooser);
    shown = PARTS[name].show(stage, { owner, again });
    if (moved && left !== null) window.scrollTo(0, 0);
    if (within && (moved || document.activeElement === document.body)) arrive(left);
  }

  put(main, h("h1", {}, t("view.settings")), element);
  update(params);
  return { update, leave: () => shown?.close?.() };
}
