// One moment, opened over any view: what was heard, why the device thinks so, and what its person says of it.

import * as api from "./api.js";
import { asking } from "./asking.js";
import { h, keep, put } from "./dom.js";
import { badge, EMOTIONS, feltIn } from "./emotions.js";
import { placeText } from "./place.js";
import { reasonOf } from "./reasons.js";
import { entry, heardIn, noteText } from "./rows.js";
import { clockText, dayOf, dayText, instant, lengthText } from "./time.js";
import { number, percent, sceneName, t } from "./words.js";

const ALIKE = 5; // similar moments shown

const unsaved = new Map(); // id → words for a moment that the hub has not got: they outlive the panel

/** What the hub refused about a moment, as children of an element. */
const refusal = (error) => (error.status === 404 ? t("moment.gone") : api.saidBy(error));

function section(title, ...children) {
  return h("section", {}, h("h3", {}, title), children);
}

function distribution(emotions) {
  const bars = Object.entries(emotions).sort((a, b) => b[1] - a[1]).map(([emotion, share]) => {
    const bar = h("span", { class: "bar", "data-emotion": emotion, "aria-hidden": "true" });
    bar.style.setProperty("--share", share);
    return h("li", {}, badge(emotion), h("span", {}, t(`emotion.${emotion}`)), bar, h("span", { class: "number" }, percent(share)));
  });
  return h("ul", { class: "distribution" }, bars);
}

function why(moment) {
  if (moment.basis === "none") return null;
  const reasons = [];
  if (moment.basis === "speech") reasons.push(h("p", {}, t("why.speech")));
  if (moment.rule) reasons.push(h("p", {}, t("why.rule"), " ", h("q", { lang: reasonOf(moment.rule).lang }, reasonOf(moment.rule).words)));
  if (moment.emotion === "unclear") reasons.push(h("p", {}, t("why.unclear")));
  if (moment.confidence !== null) reasons.push(h("p", { class: "quiet" }, t("why.confidence", { share: percent(moment.confidence) })));
  const models = Object.entries(moment.models ?? {}).filter(([, name]) => name);
  return section(t("moment.why"), reasons, distribution(moment.emotions),
    models.length ? h("details", {}, h("summary", {}, t("why.models")),
      h("dl", { class: "facts" }, models.map(([part, name]) => [h("dt", {}, part), h("dd", {}, h("code", {}, name))]))) : null);
}

function facts(moment) {
  const rows = [[t("fact.when"), h("time", { datetime: moment.start }, `${dayText(dayOf(moment))}, ${clockText(moment)}`)]];
  if (moment.seconds) rows.push([t("fact.length"), lengthText(moment.seconds)]);
  rows.push([t("fact.heard"), heardIn(moment)]);
  if (moment.scene) rows.push([t("fact.scene"), `${sceneName(moment.scene.label)}, ${percent(moment.scene.confidence)}`]);
  if (moment.level_dbfs !== null && moment.level_dbfs !== undefined) rows.push([t("fact.level"), `${number(Math.round(moment.level_dbfs))} dBFS`]);
  const place = moment.place;
  if (place) {
    const near = new URLSearchParams({ near: `${place.lat},${place.lon}`, radius_m: 500 });
    rows.push([t("fact.place"), [
      placeText(place), place.accuracy_m ? ` ± ${lengthOf(place.accuracy_m)}` : "", " ",
      h("a", { href: `#/recall?${near}` }, t("fact.near"))]]);
  } else rows.push([t("fact.place"), t("fact.no_place")]);
  rows.push([t("fact.device"), moment.device]);
  if (moment.clock === "free") rows.push([t("fact.clock"), t("fact.clock_free")]);
  if (moment.origin !== "ambient") rows.push([t("fact.origin"), t(`origin.${moment.origin}`)]);
  return h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

const lengthOf = (metres) => (metres >= 1000 ? `${number(Math.round(metres / 100) / 10)} km` : `${number(Math.round(metres))} m`);

/** The sound of a moment, from the module that draws it; `opened` gets what must be closed again. */
function sound(moment, opened) {
  if (!moment.clip) return null;
  const hearing = h("div", { class: "hearing" });
  Promise.all([import("./sound/view.js"), spanOf(moment)]).then(([{ soundView }, span]) => {
    const view = soundView(`/api/clips/${moment.clip.sha256}`, { seconds: moment.clip.seconds, span });
    hearing.append(view.element);
    opened(view);
  }, () => hearing.append(h("p", { class: "quiet" }, t("error.view"))));
  return section(t("moment.clip"), hearing);
}

/** Where in its clip a moment lies, when the clip is that of a longer record. */
async function spanOf(moment) {
  if (!moment.record || moment.clip.seconds <= moment.seconds + 0.5) return null;
  try {
    const record = await api.record(moment.record);
    const from = (instant(moment) - Date.parse(record.start)) / 1000;
    return from >= 0 && from < moment.clip.seconds ? { from, seconds: moment.seconds } : null;
  } catch {
    return null; // the record is gone or the hub knows no records: the sound alone is shown
  }
}

function where(moment, opened) {
  if (!moment.place) return null;
  const element = h("div", { class: "whereabouts" });
  import("./smallmap.js").then(({ smallMap }) => {
    const view = smallMap(moment);
    element.append(view.element);
    opened(view);
  }, () => element.remove());
  return element;
}

function noteForm(moment, changed) {
  let saved = noteText(moment);
  const text = h("textarea", {
    id: "note", rows: 3, maxlength: 4000, placeholder: t("note.hint"),
    oninput: () => (text.value === saved ? unsaved.delete(moment.id) : unsaved.set(moment.id, text.value)),
  });
  text.value = unsaved.get(moment.id) ?? saved;
  const word = h("span", { class: "quiet", role: "status" }, unsaved.has(moment.id) ? t("note.unsaved") : null);
  const save = async (event) => {
    event.preventDefault();
    const sent = text.value;
    try {
      await api.writeNote(moment.id, sent.trim());
      saved = sent;
      if (unsaved.get(moment.id) === sent) unsaved.delete(moment.id); // what was typed meanwhile stays
      word.textContent = t("note.saved");
      changed();
    } catch (error) {
      put(word, refusal(error));
    }
  };
  return h("form", { class: "note", onsubmit: save },
    h("label", { for: "note" }, h("h3", {}, t("moment.note"))), text,
    h("div", { class: "actions" }, h("button", { type: "submit" }, t("note.save")), word));
}

function correction(moment, changed) {
  if (moment.basis === "none") return null;
  let felt = feltIn(moment);
  const word = h("p", { class: "quiet", role: "status" });
  const choose = async (emotion) => {
    try {
      await api.correct(moment.id, emotion);
      felt = emotion ?? moment.emotion;
      word.textContent = emotion === null ? t("correct.undone") : t("correct.saved", { emotion: t(`emotion.${emotion}`) });
      undo.hidden = emotion === null;
      changed();
    } catch (error) {
      put(word, refusal(error));
    }
    for (const radio of fieldset.querySelectorAll("input")) radio.checked = radio.value === felt;
  };
  const undo = h("button", { type: "button", class: "link", hidden: !moment.correction, onclick: () => choose(null) }, t("correct.undo"));
  const choices = EMOTIONS.map((emotion) => h("label", { class: "choice" },
    h("input", { type: "radio", name: "felt", value: emotion, checked: emotion === felt, onchange: () => choose(emotion) }),
    badge(emotion), h("span", {}, t(`emotion.${emotion}`))));
  const fieldset = h("fieldset", { class: "choices" }, h("legend", {}, h("h3", {}, t("moment.correct"))), choices, undo, word);
  return fieldset;
}

/** The list is filled once the hub has answered; a moment without any like it has no such part. */
function alike(moment) {
  const list = h("ol", { class: "rows" });
  const element = section(t("moment.similar"), list);
  element.hidden = true;
  api.similar(moment.id).then(({ items }) => {
    element.hidden = items.length === 0;
    keep(list, items.slice(0, ALIKE).map((one) => entry([one], { dated: true })));
  }, () => element.remove());
  return element;
}

function eraser(moment, erased) {
  return h("div", { class: "eraser" }, asking(t("erase.ask"), () => t("erase.sure"), t("erase.do"), async () => {
    try {
      await api.erase(moment.id);
    } catch (error) {
      throw error.status === 404 ? new Error(t("moment.gone")) : error;
    }
    unsaved.delete(moment.id);
    erased();
  }, "danger"));
}

/** The panel of the page; `erased(id)` and `changed(moment)` tell the view below, `closed()` that it was shut. */
export class MomentPanel {
  constructor({ erased, changed, closed }) {
    this.tell = { erased, changed };
    this.id = null;
    this.views = [];
    this.body = h("div", { class: "body" });
    this.dialog = h("dialog", {
      class: "panel", "aria-labelledby": "moment-title",
      onclose: () => {
        this.shut();
        closed();
      },
      onclick: (event) => event.target === this.dialog && this.dialog.close(),
    }, this.body);
    document.body.append(this.dialog);
  }

  /** Open the moment with this id, or shut the panel for null. */
  async open(id) {
    if (id === this.id) return;
    this.id = id;
    if (id === null) {
      this.dialog.close();
      return;
    }
    if (!this.dialog.open) this.dialog.showModal();
    this.shut();
    this.fill(this.top(t("moment.loading")));
    await this.load(id);
  }

  async load(id) {
    try {
      const moment = await api.moment(id);
      if (this.id === id) this.draw(moment);
    } catch (error) {
      if (this.id === id) this.fill(this.top(refusal(error)));
    }
  }

  /** Show these children; the focus goes to the title when what had it is gone. */
  fill(...children) {
    put(this.body, ...children);
    if (!this.body.contains(document.activeElement)) this.body.querySelector("h2").focus();
  }

  /** Close the sound and the map of what was shown. */
  shut() {
    for (const view of this.views) view.close();
    this.views = [];
  }

  top(...title) {
    const shut = h("button", { type: "button", class: "close", "aria-label": t("moment.close"), onclick: () => this.dialog.close() }, "×");
    return h("div", { class: "panel-top" }, h("h2", { id: "moment-title", class: "felt", tabindex: -1 }, title), shut);
  }

  draw(moment) {
    const felt = feltIn(moment);
    const refresh = async () => {
      const now = await api.moment(moment.id);
      this.tell.changed(now);
      put(head, this.heading(now, feltIn(now)));
    };
    const head = h("div", { class: "panel-head" }, this.heading(moment, felt));
    const opened = (view) => (this.id === moment.id ? this.views.push(view) : view.close());
    this.fill(head, sound(moment, opened), facts(moment), where(moment, opened), noteForm(moment, refresh), correction(moment, refresh), why(moment),
      eraser(moment, () => {
        this.dialog.close(); // first: its row gets the focus back, and gives it to the one that comes in its place
        this.tell.erased(moment.id);
      }),
      alike(moment)); // last: it comes late, and must not move the button that erases from under a finger
  }

  heading(moment, felt) {
    const differs = moment.correction && moment.emotion && moment.correction !== moment.emotion;
    return [
      this.top(badge(felt), t(`emotion.${felt}`)),
      differs ? h("p", { class: "quiet" }, t("moment.corrected", { emotion: t(`emotion.${moment.emotion}`) })) : null,
    ];
  }
}
