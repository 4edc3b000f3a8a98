// How the page looks and speaks in this browser.

import * as api from "../api.js";
import { h, put } from "../dom.js";
import { badge, SHOWN } from "../emotions.js";
import { recalled, remember } from "../memory.js";
import { language, speak, t } from "../words.js";
import { saving } from "./form.js";

function choice(name, legend, options, chosen, pick) {
  return h("fieldset", { class: "pick" }, h("legend", {}, legend), options.map(([value, label, lang]) =>
    h("label", { class: "choice", lang }, h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => pick(value) }), label)));
}

function setTheme(value) {
  remember("theme", value === "auto" ? null : value);
  if (value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
}

/** Log out: the page begins anew, with nothing of anybody's days in it. */
async function leave() {
  await api.logOut();
  remember("session", null);
  location.assign("/");
  return "";
}

/** Show it; `again` draws the page anew in another language. */
export function show(stage, { again }) {
  api.devices().catch(() => {}); // nothing else here asks the hub, and who has no session is to be asked for a token
  put(stage,
    h("section", { class: "card" },
      h("h2", {}, t("settings.browser")),
      choice("language", t("settings.language"), [["en", "English", "en"], ["ko", "한국어", "ko"]], language(), (code) => {
        speak(code);
        again();
      }),
      choice("theme", t("settings.theme"), ["auto", "light", "dark"].map((theme) => [theme, t(`theme.${theme}`)]), recalled("theme") ?? "auto", setTheme),
      recalled("session") ? saving(leave, [], t("settings.log_out")) : null),
    h("section", { class: "card" }, h("h2", {}, t("settings.signs")),
      h("ul", { class: "chips" }, SHOWN.map((emotion) => h("li", { class: "chip" }, badge(emotion), t(`emotion.${emotion}`)))),
      h("p", { class: "quiet" }, t("settings.honest"))));
}
