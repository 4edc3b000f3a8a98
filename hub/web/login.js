// Log-in with a token, for a hub that asks for one.

import * as api from "./api.js";
import { h, put } from "./dom.js";
import { recalled, remember } from "./memory.js";
import { t } from "./words.js";

const HOUR_MS = 3_600_000;

let held = recalled("session"); // the mark of the token that this page was let in with, null without one

/** A mark that tells tokens apart: 32 bits, which give nothing away of a token's 256. */
function markOf(token) {
  let mark = 0;
  for (const letter of token) mark = (Math.imul(mark, 31) + letter.charCodeAt(0)) | 0;
  return mark.toString(16);
}

// Another tab of this browser logged out, or another person in: what this page shows and holds is not theirs.
addEventListener("storage", ({ key, newValue }) => {
  if (held !== null && key === "session" && newValue !== held) location.reload();
});

/** Have the session last from the day of its last use on, and not only from the log-in. */
async function prolong() {
  const today = new Date().toDateString();
  if (held === null || recalled("prolonged") === today) return;
  try {
    await api.prolong();
    remember("prolonged", today);
  } catch {
    // A token that ended is asked for again by the call itself, and a hub that is away is asked in an hour.
  }
}

prolong();
setInterval(prolong, HOUR_MS); // a page may stay open for longer than a session lasts

/** Ask for the token in `main`; `done` is called once the hub has taken it. */
export function logIn(main, done) {
  const token = h("input", { id: "token", type: "password", autocomplete: "current-password", required: true });
  const word = h("p", { class: "trouble", role: "alert", hidden: true });
  const send = async (event) => {
    event.preventDefault();
    try {
      await api.logIn(token.value.trim());
      const [before, mark] = [held, markOf(token.value.trim())];
      remember("session", mark);
      held = mark;
      if (before === null || before === mark) done();
      else location.reload(); // what another has not saved or sent is in the memory of this page
    } catch (error) {
      put(word, error.status === 401 ? t("login.wrong") : api.saidBy(error));
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
