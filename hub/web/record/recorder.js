// The round button that records, with the time that runs and how loud it is; or a file, chosen or dropped.

import { announce, h } from "../dom.js";
import { stopwatchText } from "../time.js";
import { t } from "../words.js";
import { lacking, listen } from "./microphone.js";

const EVERY_MS = 100;

/**
 * Make it; `got(sound, began)` is called with a Blob or a File, and when it began (null: the file may know), also right
 * after `close` where that ended a recording. `told(on)` hears whether a recording is under way.
 */
export function recorder(got, told) {
  let line = null; // to the microphone, while it records
  let timer = null;
  let busy = false;
  let gone = false;

  const time = h("p", { class: "stopwatch", "aria-hidden": "true" }, "0:00");
  const button = h("button", { type: "button", class: "big", "aria-pressed": "false", "aria-label": t("record.begin"), onclick: () => press() }, h("span", {}));
  const word = h("p", { class: "quiet", role: "status" });
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const pick = h("input", { type: "file", accept: "audio/*,video/webm,video/mp4", id: "file", class: "unseen", onchange: () => take(pick.files[0]) });
  const drop = h("label", { class: "drop", for: "file" }, h("strong", {}, t("record.choose")), h("span", { class: "quiet" }, t("record.drop")));
  const element = h("div", {
    class: "recorder",
    ondragover: (event) => {
      event.preventDefault();
      if (!pick.disabled) drop.dataset.over = "";
    },
    ondragleave: () => delete drop.dataset.over,
    ondrop: (event) => {
      event.preventDefault();
      delete drop.dataset.over;
      take(event.dataTransfer.files[0]);
    },
  }, h("div", { class: "round" }, button), time, word, trouble, pick, drop);

  function say(text, bad = false) {
    word.textContent = bad ? "" : text;
    trouble.textContent = bad ? text : "";
    trouble.hidden = !bad;
  }

  function take(file) {
    if (file && !pick.disabled) got(file, null); // one can be dropped on a picker that is disabled
    pick.value = "";
  }

  function show() {
    time.textContent = stopwatchText((Date.now() - line.begun.getTime()) / 1000);
    element.style.setProperty("--loud", line.level().toFixed(2));
  }

  async function begin() {
    let opened;
    try {
      opened = await listen();
    } catch (error) {
      say(error.message, true);
      return;
    }
    if (gone || button.disabled) { // its reader left, or sent something, while the browser asked, and nothing else would stop it
      opened.stop();
      return;
    }
    line = opened;
    told(true);
    button.setAttribute("aria-pressed", "true");
    button.setAttribute("aria-label", t("record.end"));
    element.dataset.on = "";
    say(t("record.on"));
    show();
    timer = setInterval(show, EVERY_MS);
  }

  async function end() {
    clearInterval(timer);
    const ended = line;
    line = null;
    const sound = await ended.stop();
    rest();
    told(false);
    got(sound, ended.begun);
  }

  function rest() {
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-label", t("record.begin"));
    delete element.dataset.on;
    element.style.removeProperty("--loud");
    time.textContent = "0:00";
    say(t("record.hint"));
  }

  async function press() {
    if (busy) return;
    busy = true;
    await (line ? end() : begin());
    busy = false;
  }

  rest();
  const why = lacking();
  if (why) say(why, true);
  function pause(on) {
    button.disabled = on || why !== null;
    pick.disabled = on;
  }
  pause(false);
  return {
    element,
    pause,
    /** Stop the microphone. */
    close() {
      gone = true;
      if (!line) return;
      announce(t("record.held"));
      end();
    },
  };
}
