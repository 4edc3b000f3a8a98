// Log-in with a token, for a hub that asks for one.

import * as api from "./api.js";
import { h, put } from "./dom.js";
import { remember } from "./memory.js";
import { t } from "./words.js";

/** Ask for the token in `main`; `done` is called once the hub has taken it. */
export function logIn(main, done) {
  const token = h("input", { id: "token", type: "password", autocomplete: "current-password", required: true });
  const word = h("p", { class: "trouble", role: "alert", hidden: true });
  const send = async (event) => {
    event.preventDefault();
    try {
      await api.logIn(token.value.trim());
      remember("session", "begun");
      done();
    } catch (error) {
      word.textContent = error.status === 401 ? t("login.wrong") : error.message;
      word.hidden = false;
    }
  };
  put(main, h("form", { class: "card login", onsubmit: send },
    h("h1", {}, t("login.title")),
    h("p", { class: "quiet" }, t("login.how")),
    h("label", { for: "token" }, t("login.token")), token, word,
    h("div", { class: "actions" }, h("button", { type: "submit" }, t("login.send")))));
  token.focus();
}
