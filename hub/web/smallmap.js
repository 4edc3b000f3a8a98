// Where one moment was: a small map that is only looked at, so that one sees in which part of the world.

import { h } from "./dom.js";
import { feltIn } from "./emotions.js";
import { t } from "./words.js";
import { ground, pin } from "./world.js";

const ZOOM = 6; // a part of a country: nearer, there are no coasts to tell where one is

/** Make it; gives {element, close}. */
export function smallMap(moment) {
  const field = h("div", { class: "map small", role: "img", "aria-label": t("map.small") });
  let world = null;
  let gone = false;
  const { lat, lon } = moment.place;
  ground(field, { still: true }).then((made) => {
    if (gone) {
      made.world.remove();
      return;
    }
    ({ world } = made);
    world.setView([lat, lon], ZOOM);
    pin(made.L, [lat, lon], feltIn(moment), 1, "", false).addTo(world);
  }, () => field.remove());
  return {
    element: field,
    close() {
      gone = true;
      world?.remove();
    },
  };
}
