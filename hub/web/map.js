// Places of moments on a map of the world's coasts: no tiles, no other host. What lies close is one circle.

import { h, put } from "./dom.js";
import { badge, feltIn, SHOWN } from "./emotions.js";
import { ask, changed } from "./filter.js";
import { momentAddress } from "./rows.js";
import { t } from "./words.js";

const CELL = 48; // pixels; moments of one cell are one circle
const ROUND = 4; // digits of a map's edge in the address
const COASTS_TO = 9; // the zoom up to which the coasts are drawn: they are too coarse to lie under a town

let library = null;

/** Load Leaflet once; it is a plain script that leaves `window.L`. */
function leaflet() {
  library ??= new Promise((resolve, reject) => {
    document.head.append(h("link", { rel: "stylesheet", href: "/vendor/leaflet/leaflet.css" }));
    document.head.append(h("script", { src: "/vendor/leaflet/leaflet.js", onload: () => resolve(window.L), onerror: () => reject(new Error(t("error.unreachable"))) }));
  });
  return library;
}

let coasts = null;

/** The coasts as GeoJSON. */
function land() {
  coasts ??= fetch("/vendor/world/land.json").then((answer) => answer.json());
  return coasts;
}

function cells(world, moments) {
  const found = new Map();
  const zoom = world.getZoom();
  for (const moment of moments) {
    const point = world.project([moment.place.lat, moment.place.lon], zoom);
    const key = `${Math.floor(point.x / CELL)} ${Math.floor(point.y / CELL)}`;
    found.set(key, [...(found.get(key) ?? []), moment]);
  }
  return [...found.values()];
}

function strongest(moments) {
  const count = (emotion) => moments.filter((moment) => feltIn(moment) === emotion).length;
  return [...SHOWN, "note"].reduce((best, emotion) => (count(emotion) > count(best) ? emotion : best));
}

/** Make the map; `show(filter, moments)` draws it. */
export function map() {
  let filter = new URLSearchParams();
  let placed = [];
  let world = null;
  let layer = null;
  let gone = false;
  let fitted = false;
  const field = h("div", { class: "map" });
  const hint = h("p", { class: "quiet", role: "status" });
  const here = h("button", { type: "button", class: "small", onclick: () => {
    const edges = world.getBounds();
    ask(changed(filter, { bbox: [edges.getWest(), edges.getSouth(), edges.getEast(), edges.getNorth()].map((edge) => edge.toFixed(ROUND)).join(",") }));
  } }, t("map.here"));
  const element = h("section", { "aria-label": t("map.label"), class: "mapview" }, field, h("div", { class: "actions" }, hint, here));

  function circles(L) {
    layer.clearLayers();
    for (const group of cells(world, placed)) {
      const emotion = strongest(group);
      const sign = h("span", { class: "pin", "data-emotion": emotion }, badge(emotion), group.length > 1 ? h("b", {}, String(group.length)) : null);
      const words = `${t("map.cluster", { n: group.length })}, ${t(`emotion.${emotion}`)}`;
      const middle = (axis) => group.reduce((sum, moment) => sum + moment.place[axis], 0) / group.length;
      const marker = L.marker([middle("lat"), middle("lon")], { icon: L.divIcon({ html: sign, className: "pinbox", iconSize: [44, 44] }), alt: words, title: words, keyboard: true });
      marker.on("click keypress", (event) => {
        if (event.originalEvent?.type === "keypress" && event.originalEvent.key !== "Enter") return;
        const edges = L.latLngBounds(group.map((moment) => [moment.place.lat, moment.place.lon]));
        if (group.length === 1 || edges.getNorthEast().distanceTo(edges.getSouthWest()) < 10) location.hash = momentAddress(group.at(-1).id);
        else world.fitBounds(edges.pad(0.3));
      });
      layer.addLayer(marker);
      marker.getElement()?.setAttribute("aria-label", words);
    }
  }

  async function draw() {
    let L;
    let coast;
    try {
      [L, coast] = await Promise.all([leaflet(), land()]);
    } catch (error) {
      put(field, h("p", { class: "empty" }, error.message));
      return;
    }
    if (gone) return;
    if (world === null) {
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      world = L.map(field, { attributionControl: false, minZoom: 1, maxZoom: 17, zoomAnimation: !still, fadeAnimation: !still, markerZoomAnimation: !still }).setView([20, 20], 2);
      const ground = L.geoJSON(coast, { interactive: false, className: "land" });
      const lay = () => (world.getZoom() > COASTS_TO ? ground.remove() : ground.addTo(world));
      L.control.scale({ imperial: false }).addTo(world);
      lay();
      world.on("zoomend", lay);
      layer = L.layerGroup().addTo(world);
      world.on("zoomend", () => circles(L));
    }
    if (placed.length && !fitted) world.fitBounds(L.latLngBounds(placed.map((moment) => [moment.place.lat, moment.place.lon])).pad(0.2), { maxZoom: 14 });
    fitted = placed.length > 0;
    circles(L);
  }

  return {
    element,
    show(now, moments) {
      filter = now;
      placed = moments.filter((moment) => moment.place);
      hint.textContent = placed.length ? t("map.hint", { n: placed.length }) : t("map.none");
      draw();
    },
    close() {
      gone = true;
      world?.remove();
    },
  };
}
