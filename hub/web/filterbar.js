// The filter bar: every control writes the address, and shows what the address says.

import * as api from "./api.js";
import { focusOn, h, put } from "./dom.js";
import { badge, SHOWN } from "./emotions.js";
import { ask, changed, toggled } from "./filter.js";
import { addDays, isDay, shortDayText } from "./time.js";
import { number, sceneLabels, sceneName, t } from "./words.js";

const BASES = ["speech", "scene", "none"];

function radiusText(metres) {
  return metres >= 1000 ? `${number(metres / 1000)} km` : `${number(metres)} m`;
}

/** What the filter holds besides emotions and words, as [field, value, words]: each can be taken away. */
function others(filter) {
  const each = (field, say) => filter.getAll(field).map((value) => [field, value, say(value)]);
  const one = (field, say) => (filter.has(field) ? [[field, null, say(filter.get(field))]] : []);
  const dayOf = (text) => (isDay(text) ? shortDayText(text) : text.slice(0, 16).replace("T", " "));
  const near = (at) => {
    const [lat, lon] = at.split(",").map(Number);
    const place = Number.isFinite(lat) && Number.isFinite(lon) ? `${lat.toFixed(3)}, ${lon.toFixed(3)}` : at;
    return t("filter.near", { radius: radiusText(Number(filter.get("radius_m") ?? 500)), place });
  };
  return [
    ...one("from", (day) => t("filter.since", { day: dayOf(day) })),
    ...one("to", (day) => t("filter.until", { day: dayOf(isDay(day) ? addDays(day, -1) : day) })),
    ...one("near", near),
    ...one("bbox", () => t("map.label")),
    ...each("scene", sceneName),
    ...each("basis", (value) => t(`basis.${value}`)),
    ...each("device", (value) => value),
    ...one("owner", (owner) => t("filter.owner", { owner })),
    ...each("has", (value) => t(`filter.${value}`)),
    ...one("valence", (range) => t("filter.valence", { range: range.replace(",", " … ") })),
    ...one("arousal", (range) => t("filter.arousal", { range: range.replace(",", " … ") })),
  ];
}

/** Make the bar; `show(filter)` brings its controls to what the filter says. */
export function filterBar() {
  let filter = new URLSearchParams();
  let over = false; // a field that goes with the bar tells of a change, when its reader has gone elsewhere
  // What is typed counts for every control: a phone may leave the focus in the field when another is touched.
  const choose = (change) => {
    if (!over) ask((now) => changed(change(now), { text: text.value.trim() }));
  };
  const set = (fields) => choose((now) => changed(now, fields));
  const toggle = (field, value) => choose((now) => toggled(now, field, value));

  const text = h("input", { type: "search", name: "text", "aria-label": t("filter.words"), placeholder: t("filter.short"), onchange: () => set({}) });
  const emotions = SHOWN.map((emotion) => h("button", {
    type: "button", class: "chip", "aria-pressed": "false", "data-value": emotion,
    onclick: () => toggle("emotion", emotion),
  }, badge(emotion), t(`emotion.${emotion}`)));
  const strip = h("div", { class: "chips scroll", role: "group", "aria-label": t("filter.emotion") }, emotions);
  const from = h("input", { type: "date", id: "filter-from", onchange: () => set({ from: from.value }) });
  const to = h("input", { type: "date", id: "filter-to", onchange: () => set({ to: isDay(to.value) ? addDays(to.value, 1) : null }) });
  const option = (value, words) => h("option", { value }, words);
  const basis = h("select", { id: "filter-basis", onchange: () => set({ basis: basis.value }) },
    option("", t("filter.any")), BASES.map((value) => option(value, t(`basis.${value}`))));
  const scenes = sceneLabels().map((label) => [label, sceneName(label)]).sort((a, b) => a[1].localeCompare(b[1]));
  const scene = h("select", { id: "filter-scene", onchange: () => set({ scene: scene.value }) },
    option("", t("filter.any")), scenes.map(([label, words]) => option(label, words)));
  const where = h("select", {
    id: "filter-where",
    onchange: () => {
      const [near, radius] = where.value.split(" ");
      set(near ? { near, radius_m: radius, bbox: null } : { near: null, radius_m: null });
    },
  }, option("", t("filter.any")));
  const device = h("select", { id: "filter-device", onchange: () => set({ device: device.value }) }, option("", t("filter.any")));
  const tick = (value) => h("input", { type: "checkbox", value, onchange: () => toggle("has", value) });
  const [note, place, clip] = [tick("note"), tick("place"), tick("clip")];
  const rest = h("div", { class: "chips" });
  const clear = h("button", { type: "button", class: "small", onclick: () => ask(() => new URLSearchParams()) }, t("filter.clear"));
  const more = h("details", { ontoggle: () => more.open && fill() }, h("summary", {}, t("filter.more")),
    h("div", { class: "fields" },
      h("label", {}, t("filter.from"), from), h("label", {}, t("filter.to"), to),
      h("label", {}, t("filter.where"), where), h("label", {}, t("filter.scene"), scene),
      h("label", {}, t("filter.basis"), basis), h("label", {}, t("filter.device"), device)),
    h("div", { class: "ticks" }, h("label", { class: "choice" }, note, t("filter.note")),
      h("label", { class: "choice" }, place, t("filter.place")), h("label", { class: "choice" }, clip, t("filter.clip"))));

  const element = h("form", {
    class: "filterbar card", role: "search", "aria-label": t("filter.label"),
    onsubmit: (event) => {
      event.preventDefault();
      set({});
    },
  }, h("div", { class: "find" }, text, h("button", { type: "submit" }, t("filter.find"))),
  strip, more, rest);

  let filled = false;
  let placesOf; // the owner whose places are to be chosen from: null for everybody, undefined before any are

  /** Ask for devices and places once they are to be chosen from; what the hub lacks stays at "any". */
  function fill() {
    if (filled) return;
    filled = true;
    api.devices().then(({ items }) => {
      device.append(...items.map((one) => option(one.id, one.name ?? one.id)));
      device.value = filter.get("device") ?? "";
    }, () => {});
    fillPlaces();
  }

  /** Ask for the places of whom the filter names, where others are to be chosen from. */
  function fillPlaces() {
    const owner = filter.get("owner");
    if (!filled || owner === placesOf) return;
    placesOf = owner;
    api.places(owner).then(({ items }) => {
      if (owner !== placesOf) return;
      put(where, option("", t("filter.any")), items.filter((one) => one.name).map((one) => option(placeValue(one), one.name)));
      showPlace();
    }, () => {});
  }

  const placeValue = ({ lat, lon, radius_m }) => `${lat},${lon} ${Math.max(50, Math.round(radius_m))}`;

  function showPlace() {
    where.value = `${filter.get("near")} ${filter.get("radius_m") ?? 500}`;
    if (where.selectedIndex < 0) where.value = "";
  }

  return {
    element,
    show(now) {
      filter = now;
      text.value = filter.get("text") ?? "";
      const chosen = filter.getAll("emotion");
      for (const button of emotions) button.setAttribute("aria-pressed", String(chosen.includes(button.dataset.value)));
      const first = emotions.find((button) => chosen.includes(button.dataset.value));
      if (first && !strip.contains(document.activeElement)) strip.scrollLeft = first.offsetLeft - strip.offsetLeft - 16;
      from.value = (filter.get("from") ?? "").slice(0, 10);
      const until = filter.get("to");
      to.value = isDay(until) ? addDays(until, -1) : (until ?? "").slice(0, 10);
      basis.value = filter.get("basis") ?? "";
      device.value = filter.get("device") ?? "";
      scene.value = filter.getAll("scene").length === 1 ? filter.get("scene") : "";
      showPlace();
      fillPlaces();
      const has = filter.getAll("has");
      note.checked = has.includes("note");
      place.checked = has.includes("place");
      clip.checked = has.includes("clip");
      const held = rest.contains(document.activeElement);
      put(rest, others(filter).map(([field, value, words]) => h("button", {
        type: "button", class: "chip plain", "aria-label": t("filter.without", { what: words }),
        onclick: () => (value === null ? set({ [field]: null, ...(field === "near" ? { radius_m: null } : {}) }) : toggle(field, value)),
      }, words, h("span", { "aria-hidden": "true" }, "×"))), [...filter.keys()].length ? clear : null);
      if (held) focusOn(element);
    },
    close: () => (over = true),
  };
}
