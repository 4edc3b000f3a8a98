// Private places: circles in which the devices tell no place, or do not listen at all.

import * as api from "../api.js";
import { h, put } from "../dom.js";
import { placeText, whereAmI } from "../place.js";
import { t } from "../words.js";
import { field, saving } from "./form.js";
import { ownedCard } from "./owned.js";

const RADIUS_M = 300;

function line(zone, dropped) {
  const number = (name, more) => h("input", {
    type: "number", inputmode: "decimal", step: "any", required: true, value: zone[name], ...more,
    onchange: (event) => (zone[name] = Number(event.target.value)),
  });
  return h("li", { class: "span-line" },
    h("div", { class: "fields" },
      field(t("zones.name"), h("input", { type: "text", maxlength: 100, required: true, value: zone.name, onchange: (event) => (zone.name = event.target.value.trim()) })),
      field(t("zones.lat"), number("lat", { min: -90, max: 90 })),
      field(t("zones.lon"), number("lon", { min: -180, max: 180 })),
      field(t("zones.radius"), number("radius_m", { min: 10, max: 50_000 }))),
    h("label", { class: "choice" },
      h("input", { type: "checkbox", checked: zone.pause, onchange: (event) => (zone.pause = event.target.checked) }), h("span", {}, t("zones.pause"))),
    h("p", {}, h("button", { type: "button", class: "small", onclick: () => dropped(zone) }, t("zones.remove"))));
}

/** Show the zones. */
export function show(stage, seen) {
  ownedCard(stage, seen, t("settings.zones"), t("zones.how"), (settings, save, whose) => {
    const zones = settings.zones.map((zone) => ({ ...zone }));
    const list = h("ul", { class: "spans" });
    const word = h("span", { class: "quiet", role: "status" });
    const draw = () => put(list, zones.length ? zones.map((zone) => line(zone, drop)) : h("li", { class: "quiet" }, t("zones.none")));
    const drop = (zone) => {
      zones.splice(zones.indexOf(zone), 1);
      draw();
      blank.focus();
    };
    const add = (at) => {
      zones.push({ name: t("zones.home"), radius_m: RADIUS_M, pause: false, ...at });
      draw();
      list.lastElementChild.querySelector("input").select();
    };
    const here = h("button", {
      type: "button", class: "small",
      onclick: async () => {
        word.textContent = t("place.asking");
        try {
          const { lat, lon } = await whereAmI();
          word.textContent = "";
          add({ lat, lon });
        } catch (error) {
          word.textContent = error.message;
        }
      },
    }, t("zones.here"));
    const known = h("select", {
      "aria-label": t("zones.known"), hidden: true,
      onchange: () => {
        const place = JSON.parse(known.value);
        known.value = "";
        add(place);
      },
    }, h("option", { value: "" }, t("zones.known")));
    api.places(whose).then(({ items }) => {
      known.hidden = items.length === 0;
      known.append(...items.map(({ name, lat, lon, radius_m }) =>
        h("option", { value: JSON.stringify({ name: name ?? t("zones.home"), lat, lon, radius_m: Math.max(RADIUS_M, Math.round(radius_m)) }) }, name ?? placeText({ lat, lon }))));
    }, () => {}); // a hub without places leaves the other two ways
    const blank = h("button", { type: "button", class: "small", onclick: () => add({ lat: "", lon: "" }) }, t("zones.add"));
    draw();
    return saving(() => save({ zones }), [list, h("div", { class: "actions" }, here, blank, known, word)]);
  });
}
