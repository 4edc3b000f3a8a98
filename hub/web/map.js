// Where it was: all that the filter finds, counted by the hub in cells of about 500 m, and one by one as one comes
// close. What lies close is one circle. A place is shown where its moment says it is: one that the device moved into
// the middle of its privacy grid stays there, and the circle counts all that were moved to it.

import * as api from "./api.js";
import { h, put, soon } from "./dom.js";
import { feltIn } from "./emotions.js";
import { ask, changed } from "./filter.js";
import { momentAddress } from "./rows.js";
import { t } from "./words.js";
import { COASTS_TO, ground, pin, strongest } from "./world.js";

const APART = 54; // pixels between circles; what lies nearer to a larger one is counted there
const CLOSE = 14; // the zoom from which moments are asked for one by one: a cell of the hub is wider than a circle there
const MOST = 1000; // of them
const HALF = 0.0025; // degrees: half a cell of the hub
const ROUND = 5; // digits of a map's edge in the address
const SAME_M = 30; // within it moments lie at one place

/** The points around the largest ones: [{points, n, emotions}], the first point of each the largest. */
function gathered(world, points) {
  const groups = [];
  const zoom = world.getZoom();
  for (const point of [...points].sort((a, b) => b.n - a.n)) {
    const at = world.project([point.lat, point.lon], zoom);
    let group = groups.find((one) => Math.hypot(one.at.x - at.x, one.at.y - at.y) < APART);
    if (!group) groups.push((group = { at, points: [], n: 0, emotions: {} }));
    group.points.push(point);
    group.n += point.n;
    for (const [emotion, n] of Object.entries(point.emotions)) group.emotions[emotion] = (group.emotions[emotion] ?? 0) + n;
  }
  return groups;
}

const fromBucket = ({ place, count, emotions }) => ({ ...place, n: count, emotions });
const fromMoment = (moment) => ({ lat: moment.place.lat, lon: moment.place.lon, n: 1, emotions: { [feltIn(moment)]: 1 }, id: moment.id });

/** The part of the box [west, south, east, north] that lies in another, or null. */
function common(box, other) {
  const both = [Math.max(box[0], other[0]), Math.max(box[1], other[1]), Math.min(box[2], other[2]), Math.min(box[3], other[3])];
  return both[0] < both[2] && both[1] < both[3] ? both : null;
}

/** Make the map; `show(filter)` draws what it finds. */
export function map() {
  let filter = new URLSearchParams();
  let drawn = null; // {L, world, circles, trail}
  let beginning = null; // of the map: there may be only one, however often it is asked for meanwhile
  let cells = [];
  let trailOf; // the owner whose trail is drawn: null for everybody, undefined before any is
  let gone = false;
  let stop = new AbortController();
  const field = h("div", { class: "map", role: "group", "aria-label": t("map.label") });
  const hint = h("p", { class: "quiet", role: "status" });
  const here = h("button", { type: "button", class: "small", onclick: () => ask((now) => changed(now, { bbox: box().map((edge) => edge.toFixed(ROUND)).join(",") })) }, t("map.here"));
  const element = h("section", { "aria-label": t("map.label"), class: "mapview" }, field, h("div", { class: "actions" }, hint, here));

  function box() {
    const edges = drawn.world.getBounds();
    return [Math.max(-180, edges.getWest()), Math.max(-90, edges.getSouth()), Math.min(180, edges.getEast()), Math.min(90, edges.getNorth())];
  }

  function pressed(group) {
    const { L, world } = drawn;
    const edges = L.latLngBounds(group.points.map((point) => [point.lat, point.lon]));
    const [one] = group.points;
    if (group.points.length > 1 && edges.getNorthEast().distanceTo(edges.getSouthWest()) > SAME_M) world.fitBounds(edges.pad(0.3));
    else if (group.points.length === 1 && one.id) location.hash = momentAddress(one.id);
    else if (world.getZoom() >= CLOSE) ask((now) => changed(now, { near: `${one.lat},${one.lon}`, radius_m: SAME_M, bbox: null }));
    else world.fitBounds([[one.lat - HALF, one.lon - HALF], [one.lat + HALF, one.lon + HALF]]);
  }

  function circles(points) {
    const { L, world } = drawn;
    const held = document.activeElement.matches(".pinbox") && field.contains(document.activeElement);
    drawn.circles.clearLayers();
    for (const group of gathered(world, points)) {
      const [largest] = group.points;
      const emotion = strongest(group.emotions);
      const words = `${t("recall.count", { n: group.n })}, ${t(`emotion.${emotion}`)}`;
      const marker = pin(L, [largest.lat, largest.lon], emotion, group.n, words);
      marker.on("click keypress", (event) => {
        const press = event.originalEvent;
        if (press?.type === "keypress" && press.key !== "Enter" && press.key !== " ") return;
        press?.preventDefault(); // the space key would scroll as well
        pressed(group);
      });
      drawn.circles.addLayer(marker);
      marker.getElement()?.setAttribute("aria-label", words);
    }
    if (held) field.focus({ preventScroll: true });
  }

  async function near() {
    const own = filter.get("bbox")?.split(",").map(Number);
    const seen = own ? common(box(), own) : box();
    if (seen === null) return { items: [], total: 0 };
    return api.moments(changed(filter, { bbox: seen.map((edge) => edge.toFixed(ROUND)).join(","), has: ["place"], limit: MOST, order: null }), stop.signal);
  }

  const look = soon(async () => {
    if (gone || !drawn) return;
    if (drawn.world.getZoom() < CLOSE) {
      circles(cells);
      say();
      return;
    }
    try {
      const found = await near();
      if (gone || drawn.world.getZoom() < CLOSE) return;
      circles(found.items.filter((moment) => moment.place).map(fromMoment));
      hint.textContent = found.total > found.items.length ? t("map.newest", { n: found.items.length }) : t("map.seen", { n: found.items.length });
    } catch (error) {
      if (error.name !== "AbortError") put(hint, api.saidBy(error));
    }
  }, 120);

  function say() {
    const n = cells.reduce((sum, cell) => sum + cell.n, 0);
    hint.textContent = n ? t("map.hint", { n }) : t("map.none");
  }

  /** All places that the person was ever heard at, pale, and the names they gave: what to find one's way by. */
  async function trail(owner) {
    const { L, world } = drawn;
    const [buckets, known] = await Promise.all([
      api.summary({ by: "place", has: "place", ...(owner ? { owner } : {}) }, stop.signal).then((answer) => answer.buckets),
      api.places(owner).then(({ items }) => items, () => []),
    ]);
    if (gone || owner !== filter.get("owner")) return;
    trailOf = owner;
    drawn.trail.clearLayers();
    for (const { place } of buckets) {
      if (place) L.rectangle([[place.lat - HALF, place.lon - HALF], [place.lat + HALF, place.lon + HALF]], { className: "trail", interactive: false }).addTo(drawn.trail);
    }
    for (const place of known.filter((one) => one.name)) {
      L.marker([place.lat, place.lon], { interactive: false, keyboard: false, icon: L.divIcon({ className: "placename", html: h("span", {}, place.name), iconSize: [0, 0] }) }).addTo(drawn.trail);
    }
    lay();
  }

  function lay() {
    if (drawn.world.getZoom() > COASTS_TO - 1) drawn.trail.addTo(drawn.world);
    else drawn.trail.remove();
  }

  async function begin() {
    const made = await ground(field);
    const { L, world } = made;
    if (gone) {
      world.remove();
      return;
    }
    drawn = { ...made, trail: L.layerGroup(), circles: L.layerGroup().addTo(world) };
    world.on("moveend", look);
    world.on("zoomend", lay);
  }

  function fit() {
    if (cells.length === 0) return;
    const { L, world } = drawn;
    world.fitBounds(L.latLngBounds(cells.flatMap(({ lat, lon }) => [[lat - HALF, lon - HALF], [lat + HALF, lon + HALF]])).pad(0.1), { maxZoom: CLOSE + 1 });
  }

  async function load() {
    stop.abort();
    stop = new AbortController();
    const { signal } = stop;
    hint.textContent = t("map.loading");
    try {
      beginning ??= begin().catch((error) => {
        beginning = null; // so that it is tried again
        throw error;
      });
      const [answer] = await Promise.all([
        api.summary(changed(filter, { by: "place", has: [...filter.getAll("has").filter((one) => one !== "place"), "place"], order: null }), signal),
        beginning,
      ]);
      if (signal.aborted) return;
      const first = cells.length === 0;
      cells = answer.buckets.filter(({ place }) => place).map(fromBucket);
      if (first || !cells.some(({ lat, lon }) => drawn.world.getBounds().contains([lat, lon]))) fit();
      look();
      if (filter.get("owner") !== trailOf) await trail(filter.get("owner"));
    } catch (error) {
      if (!signal.aborted) put(hint, api.saidBy(error));
    }
  }

  return {
    element,
    show(now) {
      filter = now;
      load();
    },
    close() {
      gone = true;
      stop.abort();
      drawn?.world.remove();
    },
  };
}
