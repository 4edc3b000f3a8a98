// What the forms of the settings share: a form that tells how its saving went, and a card that fills itself.

import { saidBy } from "../api.js";
import { h, put } from "../dom.js";
import { t } from "../words.js";

/** A form; `save()` is awaited, and the sentence it gives (or "Saved.") is told. An ApiError is told in words. */
export function saving(save, children, label = t("note.save")) {
  const word = h("p", { class: "quiet", role: "status" });
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const send = h("button", { type: "submit" }, label);
  return h("form", {
    class: "setting",
    onsubmit: async (event) => {
      event.preventDefault();
      word.textContent = "";
      trouble.hidden = true;
      send.disabled = true;
      try {
        word.textContent = (await save()) ?? t("note.saved");
      } catch (error) {
        trouble.textContent = saidBy(error);
        trouble.hidden = false;
      }
      send.disabled = false;
    },
  }, children, trouble, h("div", { class: "actions" }, send, word));
}

/** A labelled field. */
export const field = (label, input, hint = null) => h("label", { class: "field-line" }, label, input, hint ? h("span", { class: "quiet" }, hint) : null);

/** A card that says `loading`, and then what `load` makes of it, or what went wrong. */
export function card(stage, title, hint, load) {
  const body = h("div", { class: "cardbody" }, h("p", { class: "quiet" }, t("moment.loading")));
  stage.append(h("section", { class: "card" }, h("h2", {}, title), hint ? h("p", { class: "quiet" }, hint) : null, body));
  const fill = async () => {
    try {
      put(body, await load(fill));
    } catch (error) {
      put(body, h("p", { class: "quiet", role: "status" }, saidBy(error)));
    }
  };
  fill();
}
