// The frame: navigation, the view that the address names, the panel of one moment, log-in and the words above all.

import * as api from "./api.js";
import { h, put } from "./dom.js";
import { logIn } from "./login.js";
import { MomentPanel } from "./moment.js";
import * as recall from "./recall.js";
import * as settings from "./settings.js";
import * as today from "./today.js";
import { language, t } from "./words.js";

const VIEWS = { today, recall, settings };

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const banner = document.getElementById("banner");

let shown = null; // what the current view gave
let address = null; // its address without the moment
let locked = false;

function place() {
  const [path, query] = location.hash.slice(2).split("?");
  const params = new URLSearchParams(query);
  const opened = params.get("moment");
  params.delete("moment");
  return { name: path in VIEWS ? path : "today", params, opened };
}

function words() {
  document.documentElement.lang = language();
  document.getElementById("skip").textContent = t("frame.skip");
  nav.setAttribute("aria-label", t("frame.nav"));
}

function navigation(name) {
  put(nav, Object.keys(VIEWS).map((view) =>
    h("a", { href: `#/${view}`, "aria-current": view === name ? "page" : null }, t(`view.${view}`))));
  document.title = `${t(`view.${name}`)} · Moodscape`;
}

const panel = new MomentPanel({
  erased: (id) => shown?.erased?.(id),
  changed: (moment) => shown?.changed?.(moment),
  closed() {
    panel.id = null;
    const { name, params, opened } = place();
    if (opened === null) return;
    const rest = params.toString();
    history.replaceState(null, "", `#/${name}${rest ? `?${rest}` : ""}`);
  },
});

function route() {
  if (locked) return;
  const { name, params, opened } = place();
  const wanted = `${name}?${params}`;
  if (wanted !== address) {
    const moved = address !== null && !address.startsWith(`${name}?`);
    address = wanted;
    navigation(name);
    if (shown?.update && !moved) shown.update(params);
    else {
      shown?.leave?.();
      shown = VIEWS[name].show(main, params, restart);
      if (moved) main.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
  }
  panel.open(opened);
}

/** Draw everything again: after log-in, or in another language. */
function restart() {
  locked = false;
  shown?.leave?.();
  shown = null;
  address = null;
  words();
  route();
}

api.on("login", () => {
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

window.addEventListener("hashchange", route);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown?.redraw?.());
words();
route();

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/sw.js").catch(() => {
    // Plain http on a name other than localhost has no service worker; the page works without one.
  });
}
