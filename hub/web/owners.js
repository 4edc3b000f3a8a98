// Whose days: a choice that is there only where the hub knows several owners.

import * as api from "./api.js";
import { h } from "./dom.js";
import { t } from "./words.js";

/** The owners that the devices name, in the order of letters. Throws ApiError. */
export async function owners() {
  const { items } = await api.devices();
  return [...new Set(items.map((device) => device.owner).filter(Boolean))].sort();
}

/** A choice of owner that fills itself; `pick(owner)` gets null for "everybody" or "the hub's own". */
export function ownerChoice(chosen, none, pick) {
  const select = h("select", { id: "owner", onchange: () => pick(select.value || null) }, h("option", { value: "" }, none));
  const element = h("label", { class: "field-line", hidden: true }, t("owner.whose"), select);
  owners().then((known) => {
    element.hidden = known.length < 2 && !chosen;
    select.append(...known.map((owner) => h("option", { value: owner, selected: owner === chosen }, owner)));
  }, () => {}); // without the devices there is nothing to choose from
  return element;
}
