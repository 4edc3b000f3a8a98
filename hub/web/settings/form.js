// What the forms of the settings share: a form that tells how its saving went, and a card that fills itself.

import { saidBy } from "../api.js";
import { focusOn, h, put } from "../dom.js";
import { t } from "../words.js";

/** A form; `save()` is awaited, and the sentence it gives (or "Saved.") is told. An ApiError is told in words. */
export function saving(save, children, label = t("note.save")) {
  const word = h("p", { class: "quiet", role: "status" });
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  let busy = false; // the button is not disabled meanwhile: it would lose the focus
  return h("form", {
    class: "setting",
    onsubmit: async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      word.textContent = "";
      trouble.hidden = true;
      try {
        word.textContent = (await save()) ?? t("note.saved");
      } catch (error) {
        put(trouble, saidBy(error));
        trouble.hidden = false;
      }
      busy = false;
    },
  }, children, trouble, h("div", { class: "actions" }, h("button", { type: "submit" }, label), word));
}

/** A labelled field. */
export const field = (label, input, hint = null) => h("label", { class: "field-line" }, label, input, hint ? h("span", { class: "quiet" }, hint) : null);

/** A card that says `loading`, and then what `load` makes of it, or what went wrong. */
export function card(stage, title, hint, load) {
  const body = h("div", { class: "cardbody" }, h("p", { class: "quiet" }, t("moment.loading")));
  const name = h("h2", {}, title);
  stage.append(h("section", { class: "card" }, name, hint ? h("p", { class: "quiet" }, hint) : null, body));
  const fill = async () => {
    let made;
    try {
      made = await load(fill);
    } catch (error) {
      made = h("p", { class: "quiet", role: "status" }, saidBy(error));
    }
    const held = body.contains(document.activeElement);
    put(body, made);
    if (held) focusOn(name);
  };
  fill();
}
