// The page's words, in the reader's language.

import en from "./i18n/en.js";
import ko from "./i18n/ko.js";
import { recalled, remember } from "./memory.js";

const DICTIONARIES = { en: { ...en }, ko: { ...ko } };

let chosen = recalled("language");
if (!(chosen in DICTIONARIES)) chosen = navigator.language.startsWith("ko") ? "ko" : "en";

/** The language in use: "en" or "ko". */
export const language = () => chosen;

/** Add the words of a view that is loaded when it is first asked for. */
export function learn(english, korean) {
  Object.assign(DICTIONARIES.en, english);
  Object.assign(DICTIONARIES.ko, korean);
}

/** Change the language for this browser; whoever shows words must draw again. */
export function speak(code) {
  chosen = code;
  remember("language", code);
  document.documentElement.lang = code;
}

/** Tell whether the dictionary has `key`. */
export const known = (key) => key in DICTIONARIES[chosen];

/** The words for `key`, with {names} filled in; an entry with `one` and `other` is chosen by the number `n`. */
export function t(key, values = {}) {
  let entry = DICTIONARIES[chosen][key];
  if (entry === undefined) return key;
  if (typeof entry === "object") entry = entry[new Intl.PluralRules(chosen).select(values.n)] ?? entry.other;
  return entry.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? number(values[name]) : values[name]));
}

/** A number as the language writes it. */
export const number = (value) => new Intl.NumberFormat(chosen).format(value);

/** A share of one as a percentage; what would round to nothing is "<1%". */
export function percent(share) {
  const format = new Intl.NumberFormat(chosen, { style: "percent" });
  return share > 0 && share < 0.005 ? `<${format.format(0.01)}` : format.format(share);
}

/** A size in bytes, as "3.2 MB". */
export function bytesText(bytes) {
  const unit = bytes >= 1e6 ? "megabyte" : "kilobyte";
  const value = Math.max(0.1, bytes / (bytes >= 1e6 ? 1e6 : 1e3));
  return new Intl.NumberFormat(chosen, { style: "unit", unit, maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}

/** The labels of scenes that the page knows. */
export const sceneLabels = () => Object.keys(ko).filter((key) => key.startsWith("scene.")).map((key) => key.slice(6));

/** What a scene's label is called; a label without words is shown as it is, without its underscores. */
export function sceneName(label) {
  const key = `scene.${label}`;
  return known(key) ? t(key) : label.replaceAll("_", " ");
}
