// What an owner set for their devices and for keeping: read, changed in one part, written as a whole.

import * as api from "../api.js";
import { ownerChoice } from "../owners.js";
import { t } from "../words.js";
import { card } from "./form.js";

/**
 * Show a card about a part of the owner's settings. `make(settings, save, again)` gives its content; `save(changes)`
 * writes them with what else is set now, so that two browsers do not undo each other's other parts.
 */
export function ownedCard(stage, { owner, choose }, title, hint, make) {
  card(stage, title, hint, async (again) => {
    const settings = await api.settings(owner);
    const save = async (changes) => {
      const { version, ...now } = { ...(await api.settings(owner)), ...changes };
      await api.putSettings(owner, now);
    };
    return [ownerChoice(owner, t("owner.own"), choose), make(settings, save, again)];
  });
}
