// Names for the places that the person returns to.

import * as api from "../api.js";
import { h } from "../dom.js";
import { soleOwner } from "../owners.js";
import { placeText } from "../place.js";
import { lengthText } from "../time.js";
import { t } from "../words.js";
import { card, saving } from "./form.js";

const MOST = 30;

function line(whose, place) {
  const name = h("input", { type: "text", maxlength: 100, value: place.name ?? "", placeholder: t("places.name"), "aria-label": t("places.name_of", { place: placeText(place) }) });
  const near = new URLSearchParams({ near: `${place.lat},${place.lon}`, radius_m: Math.max(50, Math.round(place.radius_m)) });
  const save = async () => {
    const { id, lat, lon, radius_m } = place;
    const words = name.value.trim() || null;
    if (words === place.name) return;
    const { items } = await api.namePlace(whose, { id, name: words, lat, lon, radius_m });
    const named = items.find((one) => one.name === words && one.lat === lat && one.lon === lon);
    place = { ...place, id: named?.id ?? id, name: words }; // a first name gives it an id to be named again by
  };
  return h("li", { class: "span-line" },
    saving(save, [
      h("p", {}, h("a", { href: `#/recall?${near}` }, placeText(place)), " ",
        h("span", { class: "quiet" }, [t("recall.count", { n: place.count }), place.seconds ? lengthText(place.seconds) : null].filter(Boolean).join(" · "))),
      name]));
}

/** Show the places. */
export function show(stage, { owner }) {
  card(stage, t("settings.places"), t("places.how"), async () => {
    const whose = owner ?? (await soleOwner());
    const { items } = await api.places(whose);
    if (items.length === 0) return h("p", { class: "quiet" }, t("places.none"));
    return h("ul", { class: "spans" }, items.slice(0, MOST).map((place) => line(whose, place)));
  });
}
