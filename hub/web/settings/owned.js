// What an owner set for their devices and for keeping: read, changed in one part, written as a whole.

import * as api from "../api.js";
import { soleOwner } from "../owners.js";
import { card } from "./form.js";

/**
 * Show a card about a part of the owner's settings. `make(settings, save, whose)` gives its content; `save(changes)`
 * writes them with what else is set now, so that two browsers do not undo each other's other parts. `whose` is null
 * where the settings are nobody's.
 */
export function ownedCard(stage, { owner }, title, hint, make) {
  card(stage, title, hint, async () => {
    const whose = owner ?? (await soleOwner());
    const settings = await api.settings(whose);
    const save = async (changes) => {
      const { version, ...now } = { ...(await api.settings(whose)), ...changes };
      await api.putSettings(whose, now);
    };
    return make(settings, save, whose);
  });
}
