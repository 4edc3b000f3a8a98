// The emotions as the page shows them: an order, a sign each (never colour alone), and the colours of the theme.

import { s } from "./dom.js";
import { t } from "./words.js";

/** From unpleasant to pleasant: the order in which bands lie in the ribbon and choices in a list. */
export const EMOTIONS = ["happiness", "calm", "surprise", "neutral", "sadness", "disgust", "anger", "fear"];

/** Every value that the field `emotion` can have, `unclear` last. */
export const SHOWN = [...EMOTIONS, "unclear"];

/** (valence, arousal) of each emotion, the same as in the contract. */
export const COORDINATES = {
  neutral: [0, 0],
  calm: [0.6, -0.55],
  happiness: [0.81, 0.51],
  sadness: [-0.63, -0.27],
  anger: [-0.51, 0.59],
  fear: [-0.64, 0.6],
  disgust: [-0.6, 0.35],
  surprise: [0.4, 0.67],
};

/** Lines in a square of 24 by 24, so that each emotion is known by its shape. */
export const SIGNS = {
  neutral: "M6 12h12",
  calm: "M4 13c2.7-4.6 5.3-4.6 8 0s5.3 4.6 8 0",
  happiness: "M5 9.5c1.6 7.6 12.4 7.6 14 0",
  sadness: "M12 4.5c3.7 5 5.4 7.4 5.4 9.7a5.4 5.4 0 0 1-10.8 0C6.6 11.9 8.3 9.5 12 4.5z",
  anger: "M13.5 3.5 7 13h5l-1.5 7.5L17 11h-5z",
  fear: "M12 5.5 19.5 18.5h-15z",
  disgust: "M7 7l10 10M17 7 7 17",
  surprise: "M12 4.5v15M4.5 12h15M6.7 6.7l10.6 10.6M17.3 6.7 6.7 17.3",
  unclear: "M9 9.2a3 3 0 1 1 4.4 2.7c-1 .6-1.4 1.2-1.4 2.3M12 18.2h.01",
  note: "M5 19l1-4L15.5 5.5l3 3L9 18z",
};

/** The emotion of a moment: the person's correction before the model's reading; "note" where there is no sound. */
export function feltIn(moment) {
  return moment.correction ?? moment.emotion ?? "note";
}

/** A round badge with the emotion's sign in its colour; `named` gives it a name for screen readers. */
export function badge(emotion, { named = false } = {}) {
  const attributes = named ? { role: "img", "aria-label": t(`emotion.${emotion}`) } : { "aria-hidden": "true" };
  return s("svg", { class: "badge", viewBox: "0 0 24 24", "data-emotion": emotion, ...attributes },
    s("circle", { cx: 12, cy: 12, r: 12 }), s("path", { d: SIGNS[emotion], transform: "translate(3.6 3.6) scale(.7)" }));
}

/** The colours of the current theme, for canvases: {calm: "#…", …, ink, quiet, line, paper}. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const names = [...SHOWN, "note", "ink", "quiet", "line", "paper"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
