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

const nothing = () => ({
  sound: null,
  began: null,
  words: "",
  placed: false, // whether its person wants the place told
  place: null, // where the sound was taken, or the words were begun
  asking: null, // the last question for it, until it is answered
  refused: "", // why it was not
  key: newKey(),
  failed: null, // what went with the sound in the last try under this key, which the hub may have taken
  trouble: null, // an element that says why that try failed
});

// It outlives the view, which a log-in in between replaces too, and ends with the page.
let unsent = nothing();
let sending = null; // how much of it is sent, 0 to 1
let recording = false; // whether a sound is on its way that takes the place of the one held
let form = null; // that is shown, null in another view

const wordless = () => unsent.words.trim() === "";

/** Hold another sound, or none. */
const hold = (sound, began) => Object.assign(unsent, { sound, began, key: newKey(), failed: null, trouble: null });

/** Show a text; a screen reader hears it once, however often it is drawn. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Ask where this is, when its person wants it told; until that is known nothing is sent. */
async function locate() {
  const mine = unsent.placed ? whereAmI() : null;
  Object.assign(unsent, { place: null, asking: mine, refused: "" });
  form?.draw();
  if (!mine) return;
  try {
    const found = await mine;
    if (mine !== unsent.asking) return; // it is not wanted any more, or something else is to have a place
    unsent.place = found;
  } catch (error) {
    if (mine !== unsent.asking) return;
    Object.assign(unsent, { placed: false, refused: error.message });
  }
  unsent.asking = null;
  form?.draw();
}

/** Words alone were made where the first of them was written. */
function write(words) {
  const first = wordless();
  unsent.words = words;
  if (first && !wordless() && unsent.sound === null && unsent.placed) locate();
  form?.draw();
}

function body() {
  const { sound, began, words, place } = unsent;
  const data = new FormData();
  if (sound) data.append("audio", sound, sound.name ?? "recording");
  if (words.trim()) data.append("note", words.trim());
  if (began || !sound) data.append("start", localTime(began ?? new Date()));
  if (place) {
    data.append("lat", place.lat);
    data.append("lon", place.lon);
  }
  return data;
}

async function send() {
  const beside = JSON.stringify([unsent.words.trim(), unsent.place]);
  if (unsent.failed !== null && unsent.failed !== beside) unsent.key = newKey(); // to a key that it knows the hub gives what it has
  const { key, words } = unsent;
  unsent.trouble = null;
  sending = 0;
  form?.draw();
  try {
    const made = await api.send(body(), key, (share) => {
      sending = share;
      form?.draw();
    });
    hold(null, null);
    const later = unsent.words === words ? "" : unsent.words; // what was typed meanwhile stays
    unsent.words = "";
    write(later);
    announce(t("record.taken"));
    form?.kept(made);
  } catch (error) {
    unsent.failed = beside;
    if (error.status !== 401) { // else the log-in tells it
      unsent.trouble = h("span", {}, api.saidBy(error));
      if (form === null) announce(t("record.unsent", { why: unsent.trouble.textContent }));
    }
  }
  sending = null;
  form?.draw();
}

/** Take a sound to be sent, also while another view is shown. */
function take(sound, began) {
  hold(sound, began);
  if (unsent.placed) locate();
  form?.draw();
  form?.focus();
}

/** Hear whether a recording is under way: nothing is sent until it is taken. */
function record(on) {
  recording = on;
  form?.draw();
}

/**
 * Make it, with what is not sent yet; `kept(record)` is called once the hub has taken what was sent, and `busy(on)` hears
 * whether something is being sent, so that no other sound takes its place before the hub has it.
 */
export function recordForm(kept, busy) {
  if (sending === null && unsent.sound === null && wordless()) unsent = nothing();
  let drawn = null; // the sound that is
  let picture = null;

  const heard = h("div", { class: "heard" });
  const note = h("textarea", { id: "words", rows: 3, maxlength: 4000, placeholder: t("note.hint"), oninput: () => write(note.value) });
  const where = h("span", { class: "quiet", role: "status" });
  const tick = h("input", {
    type: "checkbox",
    onchange: () => {
      unsent.placed = tick.checked;
      locate();
    },
  });
  const keep = h("button", { type: "submit" }, t("record.keep"));
  const drop = h("button", {
    type: "button",
    onclick: () => {
      hold(null, null);
      draw();
    },
  }, t("record.discard"));
  const bar = h("progress", { max: 1, value: 0, "aria-label": t("record.sending") });
  const word = h("p", { class: "quiet", role: "status" });
  const trouble = h("p", { class: "trouble", role: "alert", hidden: true });
  const submit = (event) => {
    event.preventDefault();
    send();
  };
  const element = h("form", { class: "recordform", onsubmit: submit },
    heard, h("label", { for: "words" }, h("h2", {}, t("record.words"))), note,
    h("label", { class: "choice" }, tick, h("span", {}, t("record.place")), where),
    h("div", { class: "actions" }, keep, drop), bar, word, trouble);

  function drawSound() {
    const { sound } = unsent;
    if (sound === drawn) return;
    drawn = sound;
    picture?.close();
    picture = sound === null || sound.size > LONGEST_BYTES ? null : soundView(sound);
    put(heard, sound && h("p", {}, h("strong", {}, sound.name ?? t("record.new")), " ", h("span", { class: "quiet" }, bytesText(sound.size))), picture?.element);
  }

  function draw() {
    const { sound, words, placed, place, asking, refused } = unsent;
    busy(sending !== null);
    drawSound();
    if (note.value !== words) note.value = words;
    tick.checked = placed;
    say(where, asking ? t("place.asking") : place ? placeText(place) : refused);
    keep.disabled = sending !== null || recording || asking !== null || (sound === null && wordless());
    say(keep, sound === null && !wordless() ? t("record.keep_note") : t("record.keep"));
    drop.hidden = sound === null;
    drop.disabled = sending !== null;
    bar.hidden = sending === null || sound === null;
    bar.value = sending ?? 0;
    say(word, sending ? t("record.sent", { share: percent(sending) }) : sending === 0 ? t("record.sending") : "");
    if (trouble.firstChild !== unsent.trouble) put(trouble, unsent.trouble);
    trouble.hidden = unsent.trouble === null;
  }

  form = { draw, kept, focus: () => note.focus() };
  draw();
  return {
    element,
    take,
    record,
    redraw: () => picture?.redraw(),
    /** End what is drawn; what is not sent stays, for the next form. */
    close() {
      form = null;
      picture?.close();
    },
  };
}
