// The frame: navigation, the view that the address names, the panel of one moment, log-in and the words above all.

import * as api from "./api.js";
import { h, keep, put, s, unpressed } from "./dom.js";
import { logIn } from "./login.js";
import { MomentPanel } from "./moment.js";
import * as recall from "./recall.js";
import * as today from "./today.js";
import { language, t } from "./words.js";

// What one opens the page for comes with it; the other views come when they are first asked for.
const VIEWS = {
  today: () => today,
  recall: () => recall,
  record: () => import("./record/view.js"),
  insights: () => import("./insights/view.js"),
  settings: () => import("./settings/view.js"),
};

const SIGNS = {
  today: "M3 13c3-6 6-6 9 0s6 6 9 0",
  recall: "M4 6.5h16v13H4zM4 11h16M9 3.5v5M15 3.5v5",
  record: "M12 3.5a3 3 0 0 1 3 3V12a3 3 0 0 1-6 0V6.5a3 3 0 0 1 3-3zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3",
  insights: "M4 19.5h16M6.5 15.5v-4M12 15.5v-10M17.5 15.5v-7",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M13 7a2 2 0 1 0 4 0a2 2 0 1 0-4 0M7 17a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
};

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const banner = document.getElementById("banner");

let shown = null; // what the current view gave
let address = null; // its address without the moment
let locked = false;
let looked = null; // the moment that was opened last

function place() {
  const [path, query] = location.hash.slice(2).split("?");
  const params = new URLSearchParams(query);
  const opened = params.get("moment");
  params.delete("moment");
  return { name: Object.hasOwn(VIEWS, path) ? path : "today", params, opened };
}

function words() {
  document.documentElement.lang = language();
  document.getElementById("skip").textContent = t("frame.skip");
  nav.setAttribute("aria-label", t("frame.nav"));
}

function navigation(name) {
  keep(nav, Object.keys(VIEWS).map((view) => ({ key: view, sign: `${view === name} ${language()}`, make: () =>
    h("a", { href: `#/${view}`, "aria-current": view === name ? "page" : null },
      s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: SIGNS[view] })), h("span", {}, t(`view.${view}`))) })));
  document.title = `${t(`view.${name}`)} · Moodscape`;
}

const panel = new MomentPanel({
  erased: (id) => shown?.erased?.(id),
  changed: (moment) => shown?.changed?.(moment),
  closed() {
    panel.id = null;
    const at = document.activeElement;
    if (at === document.body || panel.dialog.contains(at)) { // what it was opened from is drawn anew, or gone
      const row = main.querySelector(`[data-id="${CSS.escape(looked)}"] a`);
      (row ?? main).focus({ preventScroll: true });
    }
    const { name, params, opened } = place();
    if (opened === null) return;
    const rest = params.toString();
    history.replaceState(null, "", `#/${name}${rest ? `?${rest}` : ""}`);
  },
});

/** The control that stands where `held` was, once all is drawn anew; `main` where there is none. */
function twin({ id, name, value }) {
  const alike = id ? `#${CSS.escape(id)}` : `[name="${CSS.escape(name ?? "")}"][value="${CSS.escape(value ?? "")}"]`;
  return main.querySelector(alike) ?? main;
}

async function show(name, params, moved) {
  const wanted = address;
  shown?.leave?.();
  shown = null;
  let view;
  try {
    view = await VIEWS[name]();
  } catch {
    if (address === wanted) put(main, h("h1", {}, t(`view.${name}`)), h("p", { class: "trouble", role: "alert" }, t("error.view")));
    return;
  }
  if (address !== wanted || locked) return; // its reader has gone on meanwhile
  const held = document.activeElement;
  const within = main.contains(held);
  shown = view.show(main, params, restart);
  if (moved) main.focus({ preventScroll: true });
  else if (within && document.activeElement === document.body) twin(held).focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function route() {
  if (locked) return;
  const { name, params, opened } = place();
  const wanted = `${name}?${params}`;
  if (wanted !== address) {
    const moved = address !== null && !address.startsWith(`${name}?`);
    address = wanted;
    navigation(name);
    if (shown?.update && !moved) shown.update(params);
    else show(name, params, moved);
  }
  looked = opened ?? looked;
  panel.open(opened);
}

/** Draw everything again: after log-in, in another language, or on another day. */
function restart() {
  locked = false;
  shown?.leave?.();
  shown = null;
  address = null;
  words();
  route();
}

api.on("login", () => {
  api.forgetKept();
  if (locked) return;
  locked = true;
  shown?.leave?.();
  shown = null;
  panel.open(null);
  put(nav);
  logIn(main, restart);
});

api.on("kept", (kept) => {
  banner.hidden = !kept;
  banner.textContent = kept ? t("frame.kept") : "";
});

// Followed as a link, it would be the address of another view.
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

window.addEventListener("hashchange", unpressed(route)); // a press takes words from their field, which changes the address
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown?.redraw?.());
words();
route();

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/sw.js").catch(() => {
    // Plain http on a name other than localhost has no service worker; the page works without one.
  });
}
