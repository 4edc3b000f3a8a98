// Whose days: a choice that is there only where the hub knows several owners.

import * as api from "./api.js";
import { h } from "./dom.js";
import { t } from "./words.js";

/** The owners that the devices name, in the order of letters. Throws ApiError. */
export async function owners() {
  const { items } = await api.devices();
  return [...new Set(items.map((device) => device.owner).filter(Boolean))].sort();
}

/** The owner of all devices there are; null where there are several, or a device is nobody's. Throws ApiError. */
export async function soleOwner() {
  const { items } = await api.devices();
  const named = new Set(items.map((device) => device.owner));
  return named.size === 1 ? [...named][0] : null;
}

/**
 * A choice of owner that fills itself once the devices are known, shown where there are `least`: {element, choose}.
 * `pick(owner)` gets null for "everybody" or "the hub's own"; `choose(owner)` shows another as chosen.
 */
export function ownerChoice(chosen, none, pick, least = 2) {
  const select = h("select", { id: "owner", onchange: () => pick(select.value || null) }, h("option", { value: "" }, none));
  const element = h("label", { class: "field-line", hidden: true }, t("owner.whose"), select);
  const choose = (owner) => {
    chosen = owner;
    select.value = owner ?? "";
  };
  owners().then((known) => {
    element.hidden = known.length < least && !chosen;
    select.append(...known.map((owner) => h("option", { value: owner }, owner)));
    choose(chosen);
  }, () => {}); // without the devices there is nothing to choose from
  return { element, choose };
}
