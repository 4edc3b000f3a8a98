// The table that turns a scene into an emotion: shown as text, tried on the last week before it is used.

import * as api from "../api.js";
import { asking } from "../asking.js";
import { h, put } from "../dom.js";
import { badge } from "../emotions.js";
import { soleOwner } from "../owners.js";
import { sceneName, t } from "../words.js";
import { card, saving } from "./form.js";

const feeling = (emotion) => [badge(emotion ?? "unclear"), t(`emotion.${emotion ?? "unclear"}`)];

/** What the hub says of a trial, in words and rows. */
function effect({ moments, changed, changes }) {
  if (moments === 0) return h("p", {}, t("rules.nothing"));
  const rows = changes.map((change) => h("li", { class: "change" },
    h("strong", {}, sceneName(change.scene)),
    h("span", { class: "fromto" }, feeling(change.from), h("span", { "aria-label": t("rules.becomes") }, "→"), feeling(change.to)),
    h("span", { class: "quiet number" }, t("recall.count", { n: change.count }))));
  return [h("p", {}, t(changed ? "rules.effect" : "rules.no_effect", { n: moments, changed })), h("ul", { class: "changes" }, rows)];
}

/** Show the rules. */
export function show(stage, { owner }) {
  card(stage, t("settings.rules"), t("rules.how"), async (again) => {
    const whose = owner ?? (await soleOwner());
    const now = await api.rules(whose);
    const text = h("textarea", { class: "yaml", rows: 18, spellcheck: "false", autocapitalize: "off", "aria-label": t("rules.text") });
    text.value = now.text;
    const trial = h("div", { role: "status" });
    const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
    const preview = h("button", {
      type: "button",
      onclick: async () => {
        trouble.hidden = true;
        put(trial, h("p", { class: "quiet" }, t("rules.trying")));
        try {
          put(trial, effect(await api.putRules(whose, text.value, true)));
        } catch (error) {
          put(trial);
          put(trouble, api.saidBy(error));
          trouble.hidden = false;
        }
      },
    }, t("rules.preview"));
    const form = saving(async () => {
      await api.putRules(whose, text.value, false);
      again();
    }, [text, trouble, h("div", { class: "actions" }, preview), trial]);
    return [
      h("p", {}, t(now.own ? "rules.own" : "rules.shipped")),
      form,
      now.own ? asking(t("rules.back"), () => t("rules.back_sure"), t("rules.back_do"), async () => {
        await api.putRules(whose, null, false);
        again();
      }) : null,
    ];
  });
}
