// The ground that maps stand on: the coasts of the world, drawn by Leaflet. No tiles, no other host.

import { h } from "./dom.js";
import { badge, SHOWN } from "./emotions.js";
import { t } from "./words.js";

export const COASTS_TO = 9; // the zoom up to which the coasts are drawn: they are too coarse to lie under a town

/** Have `load` run once for all who ask; after a failure, told in a sentence, whoever asks next has it run again. */
function once(load) {
  let loaded = null;
  return () => (loaded ??= load().catch(() => {
    loaded = null;
    throw new Error(t("error.unreachable"));
  }));
}

/** Load Leaflet; it is a plain script that leaves `window.L`. */
const leaflet = once(() => new Promise((resolve, reject) => {
  document.head.append(h("link", { rel: "stylesheet", href: "/vendor/leaflet/leaflet.css" }));
  document.head.append(h("script", { src: "/vendor/leaflet/leaflet.js", onload: () => resolve(window.L), onerror: reject }));
}));

/** The coasts as GeoJSON. */
const land = once(() => fetch("/vendor/world/land.json").then((answer) => (answer.ok ? answer.json() : Promise.reject(answer))));

/** Make a map in `field`; gives {L, world}. `still` makes one that is only looked at. Throws an Error with a sentence. */
export async function ground(field, { still = false } = {}) {
  const [L, coast] = await Promise.all([leaflet(), land()]);
  const calm = still || matchMedia("(prefers-reduced-motion: reduce)").matches;
  const moves = still ? { dragging: false, scrollWheelZoom: false, doubleClickZoom: false, touchZoom: false, boxZoom: false, keyboard: false } : {};
  const world = L.map(field, { attributionControl: false, zoomControl: false, minZoom: 1, maxZoom: 17, zoomAnimation: !calm, fadeAnimation: !calm, markerZoomAnimation: !calm, ...moves }).setView([20, 20], 2);
  const shape = L.geoJSON(coast, { interactive: false, className: "land" });
  const lay = () => (world.getZoom() > COASTS_TO ? shape.remove() : shape.addTo(world));
  lay();
  world.on("zoomend", lay);
  if (!still) L.control.zoom({ zoomInTitle: t("map.closer"), zoomOutTitle: t("map.farther") }).addTo(world);
  L.control.scale({ imperial: false, maxWidth: 120 }).addTo(world);
  return { L, world };
}

/** The emotion that was felt most often: of {emotion: count}; "note" where there is none. */
export function strongest(emotions) {
  return SHOWN.reduce((best, emotion) => ((emotions[emotion] ?? 0) > (emotions[best] ?? 0) ? emotion : best), "note");
}

/** A circle in the colour of an emotion, with its sign and a number above one. */
export function pin(L, at, emotion, n, words, interactive = true) {
  const size = n > 1 ? Math.min(2.7, 1.9 + 0.2 * Math.log10(n)) : 1.9;
  const sign = h("span", { class: "pin", "data-emotion": emotion }, badge(emotion), n > 1 ? h("b", { "data-n": short(n) }) : null); // drawn by the style: its name tells the number in full
  sign.style.setProperty("--size", `${size}rem`);
  return L.marker(at, { icon: L.divIcon({ html: sign, className: "pinbox", iconSize: [44, 44] }), alt: words, title: words, keyboard: interactive, interactive });
}

/** "940", "12k" */
const short = (n) => (n < 1000 ? String(n) : new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: n < 10_000 ? 1 : 0 }).format(n));
