// Moments in the plane of valence (right: pleasant) and arousal (up: lively). The corners are buttons that narrow the
// filter to a quarter of the plane; a press on a moment's sign opens it.

import { canvasPen, eachFrame, h } from "./dom.js";
import { COORDINATES, EMOTIONS, feltIn, palette, SIGNS } from "./emotions.js";
import { ask, changed } from "./filter.js";
import { momentAddress } from "./rows.js";
import { t } from "./words.js";

const QUARTERS = [
  ["unpleasant_lively", "-1,0", "0,1"], ["pleasant_lively", "0,1", "0,1"],
  ["unpleasant_quiet", "-1,0", "-1,0"], ["pleasant_quiet", "0,1", "-1,0"],
];
const EDGE = 26;
const NEAR = 18; // pixels within which a press finds a moment
const SIGN = 24; // the side of the square that signs are drawn in
const SHAPES = Object.fromEntries(Object.entries(SIGNS).map(([emotion, sign]) => [emotion, new Path2D(sign)]));

/** Make the plane; `show(filter, moments)` draws it. */
export function plane() {
  let filter = new URLSearchParams();
  let dots = [];
  const canvas = h("canvas", { role: "img", "aria-label": t("plane.label"), onclick: (event) => press(event) });
  const corners = QUARTERS.map(([name, valence, arousal]) => h("button", {
    type: "button", class: `corner ${name}`, "aria-pressed": "false", "data-valence": valence, "data-arousal": arousal,
    onclick: (event) => {
      const on = event.currentTarget.getAttribute("aria-pressed") === "true";
      ask((now) => changed(now, on ? { valence: null, arousal: null } : { valence, arousal }));
    },
  }, t(`plane.${name}`)));
  const hint = h("p", { class: "quiet" });
  const element = h("section", { class: "plane", "aria-label": t("plane.label") }, h("div", { class: "field" }, canvas, corners), hint);

  const place = (valence, arousal, width, height) => [
    EDGE + ((valence + 1) / 2) * (width - 2 * EDGE), EDGE + ((1 - arousal) / 2) * (height - 2 * EDGE)];

  const paint = eachFrame(() => {
    const { pen, width, height } = canvasPen(canvas);
    if (!width) return;
    const colours = palette();
    pen.strokeStyle = colours.line;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(EDGE, height / 2);
    pen.lineTo(width - EDGE, height / 2);
    pen.moveTo(width / 2, EDGE);
    pen.lineTo(width / 2, height - EDGE);
    pen.stroke();
    for (const moment of dots) sign(pen, colours, feltIn(moment), 12, ...place(moment.valence, moment.arousal, width, height));
    pen.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
    pen.textAlign = "center";
    for (const emotion of EMOTIONS) landmark(pen, colours, emotion, ...place(...COORDINATES[emotion], width, height));
  });

  function sign(pen, colours, emotion, size, x, y) {
    pen.save();
    pen.translate(x - size / 2, y - size / 2);
    pen.scale(size / SIGN, size / SIGN);
    pen.lineWidth = 3;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = colours[emotion];
    pen.stroke(SHAPES[emotion]);
    pen.restore();
  }

  function landmark(pen, colours, emotion, x, y) {
    pen.fillStyle = colours.paper;
    pen.strokeStyle = colours[emotion];
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x, y, 11, 0, 2 * Math.PI);
    pen.fill();
    pen.stroke();
    sign(pen, colours, emotion, 14, x, y);
    const word = t(`emotion.${emotion}`);
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    pen.strokeStyle = colours.paper;
    const below = ["happiness", "disgust", "calm", "sadness", "neutral"].includes(emotion);
    const [wx, wy] = emotion === "fear" ? [x - 8, y - 17] : emotion === "anger" ? [x + 34, y + 4] : [x, below ? y + 24 : y - 17];
    pen.strokeText(word, wx, wy);
    pen.fillStyle = colours.ink;
    pen.fillText(word, wx, wy);
  }

  function press(event) {
    const box = canvas.getBoundingClientRect();
    let best = null;
    let nearest = NEAR;
    for (const moment of dots) {
      const [x, y] = place(moment.valence, moment.arousal, box.width, box.height);
      const far = Math.hypot(x - (event.clientX - box.left), y - (event.clientY - box.top));
      if (far < nearest) [best, nearest] = [moment, far];
    }
    if (best) location.hash = momentAddress(best.id);
  }

  const watch = new ResizeObserver(paint);
  watch.observe(canvas);
  return {
    element,
    redraw: paint,
    show(now, moments) {
      filter = now;
      dots = moments.filter((moment) => moment.valence !== null);
      for (const corner of corners) {
        const on = filter.get("valence") === corner.dataset.valence && filter.get("arousal") === corner.dataset.arousal;
        corner.setAttribute("aria-pressed", String(on));
      }
      hint.textContent = t("plane.hint", { n: dots.length });
      paint();
    },
    close: () => watch.disconnect(),
  };
}
