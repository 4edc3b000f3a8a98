// What goes with a sound: the person's words and the place. Without a sound it is a note alone.

import * as api from "../api.js";
import { announce, h, put } from "../dom.js";
import { placeText, whereAmI } from "../place.js";
import { soundView } from "../sound/view.js";
import { localTime } from "../time.js";
import { bytesText, percent, t } from "../words.js";

const LONGEST_BYTES = 50e6; // a larger sound is not drawn before it is sent

/** A key that no other try has; `crypto.randomUUID` is there on secure pages only. */
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Make it; `kept(record)` is called once the hub has taken what was sent. */
export function recordForm(kept) {
  let sound = null;
  let began = null;
  let place = null; // where the sound was taken, or the words were begun
  let asking = null; // the last question for it, until it is answered
  let written = false; // whether there are words
  let key = newKey();
  let failed = null; // what went with the sound in the last try under this key, which the hub may have taken
  let sending = false;
  let picture = null;

  const heard = h("div", { class: "heard" });
  const note = h("textarea", { id: "words", rows: 3, maxlength: 4000, placeholder: t("note.hint"), oninput: () => wrote() });
  const where = h("span", { class: "quiet", role: "status" });
  const tick = h("input", { type: "checkbox", onchange: () => locate() });
  const send = h("button", { type: "submit", disabled: true }, t("record.keep"));
  const drop = h("button", { type: "button", hidden: true, onclick: () => clear() }, t("record.discard"));
  const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": t("record.sending") });
  const word = h("p", { class: "quiet", role: "status" });
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const element = h("form", { class: "recordform", onsubmit: (event) => submit(event) },
    heard, h("label", { for: "words" }, h("h2", {}, t("record.words"))), note,
    h("label", { class: "choice" }, tick, h("span", {}, t("record.place")), where),
    h("div", { class: "actions" }, send, drop), bar, word, trouble);

  function ready() {
    send.disabled = sending || asking !== null || (sound === null && note.value.trim() === "");
    send.textContent = sound === null && note.value.trim() ? t("record.keep_note") : t("record.keep");
    drop.hidden = sound === null;
  }

  function fail(text) {
    trouble.textContent = text;
    trouble.hidden = text === "";
  }

  /** Ask where this is, when its person wants it told; until that is known nothing is sent. */
  async function locate() {
    const mine = tick.checked ? whereAmI() : null;
    place = null;
    asking = mine;
    where.textContent = mine ? t("place.asking") : "";
    ready();
    if (!mine) return;
    try {
      const found = await mine;
      if (mine !== asking) return; // it is not wanted any more, or something else is to have a place
      place = found;
      where.textContent = placeText(place);
    } catch (error) {
      if (mine !== asking) return;
      tick.checked = false;
      where.textContent = error.message;
    }
    asking = null;
    ready();
  }

  /** Words alone were made where the first of them was written. */
  function wrote() {
    const first = !written;
    written = note.value.trim() !== "";
    if (first && written && sound === null && tick.checked) locate();
    ready();
  }

  function clear() {
    picture?.close();
    picture = null;
    sound = began = null;
    key = newKey();
    failed = null;
    put(heard);
    ready();
  }

  function body() {
    const form = new FormData();
    if (sound) form.append("audio", sound, sound.name ?? "recording");
    if (note.value.trim()) form.append("note", note.value.trim());
    if (began || !sound) form.append("start", localTime(began ?? new Date()));
    if (place) {
      form.append("lat", place.lat);
      form.append("lon", place.lon);
    }
    return form;
  }

  async function submit(event) {
    event.preventDefault();
    fail("");
    const beside = JSON.stringify([note.value.trim(), place]);
    if (failed !== null && failed !== beside) key = newKey(); // to a key that it knows the hub gives what it has
    const sent = { key, words: note.value };
    sending = true;
    ready();
    bar.hidden = sound === null;
    word.textContent = t("record.sending");
    try {
      const made = await api.send(body(), key, (share) => {
        bar.value = share;
        word.textContent = t("record.sent", { share: percent(share) });
      });
      // What was taken or typed meanwhile stays.
      if (key === sent.key) clear();
      if (note.value === sent.words) note.value = "";
      written = false;
      wrote();
      announce(t("record.taken"));
      kept(made);
    } catch (error) {
      if (key === sent.key) failed = beside;
      fail(api.saidBy(error));
    }
    sending = false;
    ready();
    bar.hidden = true;
    word.textContent = "";
  }

  return {
    element,
    /** Take a sound to be sent. */
    take(blob, when) {
      clear();
      fail("");
      sound = blob;
      began = when;
      if (tick.checked) locate();
      picture = blob.size > LONGEST_BYTES ? null : soundView(blob);
      put(heard, h("p", {}, h("strong", {}, blob.name ?? t("record.new")), " ", h("span", { class: "quiet" }, bytesText(blob.size))), picture?.element);
      ready();
      note.focus();
    },
    redraw: () => picture?.redraw(),
    close: () => picture?.close(),
  };
}
