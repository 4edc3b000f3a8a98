// The ribbon of a day. Its colour is the emotion, its height how pleasant, its width how much was heard; the ticks
// below it are the moments. It is a slider too: arrow keys and pointer walk from moment to moment.

import { canvasPen, eachFrame, h } from "./dom.js";
import { feltIn, palette, SHOWN, SIGNS } from "./emotions.js";
import { shape, STEPS } from "./ribbon-shape.js";
import { clockText, minuteNow, minuteOf, minuteText } from "./time.js";
import { t } from "./words.js";
import { titleOf } from "./rows.js";

const EDGE = 8; // pixels left free at both ends
const TICKS = 22; // pixels for the ticks and what parts them from the ribbon
const BADGE = 9; // radius

export class Ribbon {
  /** `opened(moment)` is called for Enter or a second press. */
  constructor(opened) {
    this.opened = opened;
    this.moments = [];
    this.form = shape([]);
    this.at = -1;
    this.today = false;
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.hours = h("div", { class: "hours", "aria-hidden": "true" }, [0, 6, 12, 18, 24].map((hour) => h("span", {}, String(hour).padStart(2, "0"))));
    this.slider = h("div", {
      class: "ribbon", role: "slider", tabindex: 0, "aria-label": t("ribbon.label"), "aria-valuemin": 0,
      onkeydown: (event) => this.key(event), onclick: (event) => this.press(event),
    }, this.canvas, this.hours);
    this.caption = h("p", { class: "caption" });
    this.element = h("div", {}, this.slider, this.caption);
    this.draw = eachFrame(() => this.paint());
    this.watch = new ResizeObserver(this.draw);
    this.watch.observe(this.canvas);
    this.say();
  }

  /** Show these moments, oldest first; `today` draws the hand of the clock. */
  show(moments, today) {
    const chosen = this.moments[this.at]?.id;
    this.moments = moments;
    this.today = today;
    this.at = chosen ? moments.findIndex((moment) => moment.id === chosen) : -1;
    this.form = shape(moments);
    this.say();
    this.draw();
  }

  /** Stop watching the size. */
  close() {
    this.watch.disconnect();
  }

  x(minute, width) {
    return EDGE + (minute / 1440) * (width - 2 * EDGE);
  }

  choose(index) {
    this.at = Math.min(this.moments.length - 1, Math.max(0, index));
    this.say();
    this.draw();
  }

  key(event) {
    if (!this.moments.length) return;
    const last = this.moments.length - 1;
    const from = this.at < 0 ? last + 1 : this.at;
    const hour = (way) => {
      const minute = minuteOf(this.moments[Math.min(from, last)]) + 60 * way;
      const found = way > 0 ? this.moments.findIndex((m) => minuteOf(m) >= minute) : this.moments.findLastIndex((m) => minuteOf(m) <= minute);
      return found < 0 ? (way > 0 ? last : 0) : found;
    };
    const moves = {
      ArrowLeft: () => from - 1, ArrowDown: () => from - 1, ArrowRight: () => from + 1, ArrowUp: () => from + 1,
      PageDown: () => hour(-1), PageUp: () => hour(1), Home: () => 0, End: () => last,
    };
    if (event.key in moves) this.choose(moves[event.key]());
    else if (event.key === "Enter" && this.at >= 0) this.opened(this.moments[this.at]);
    else return;
    event.preventDefault();
  }

  press(event) {
    if (!this.moments.length) return;
    const box = this.canvas.getBoundingClientRect();
    const minute = ((event.clientX - box.left - EDGE) / (box.width - 2 * EDGE)) * 1440;
    let best = 0;
    this.moments.forEach((moment, i) => {
      if (Math.abs(minuteOf(moment) - minute) < Math.abs(minuteOf(this.moments[best]) - minute)) best = i;
    });
    this.choose(best);
  }

  say() {
    const moment = this.moments[this.at];
    const words = moment ? t("ribbon.moment", { time: clockText(moment), title: titleOf(moment) }) : t("ribbon.none", { n: this.moments.length });
    this.slider.setAttribute("aria-valuemax", Math.max(0, this.moments.length - 1));
    this.slider.setAttribute("aria-valuenow", Math.max(0, this.at));
    this.slider.setAttribute("aria-valuetext", words);
    if (words === this.said) return;
    this.said = words;
    this.caption.replaceChildren(moment
      ? h("button", { class: "link", type: "button", onclick: () => this.opened(this.moments[this.at]) }, words)
      : h("span", { class: "quiet" }, this.moments.length ? t("ribbon.hint") : ""));
  }

  paint() {
    const { pen, width, height } = canvasPen(this.canvas);
    if (!width) return;
    const colours = palette();
    const floor = height - TICKS;
    this.thread(pen, colours, width, floor);
    this.bands(pen, colours, width, floor);
    this.ticks(pen, colours, width, height);
    if (this.today) this.line(pen, this.x(minuteNow(), width), 0, floor, colours.quiet, [2, 3]);
    const moment = this.moments[this.at];
    if (moment) this.line(pen, this.x(minuteOf(moment), width), 0, height, colours.ink, []);
  }

  line(pen, x, from, to, colour, dash) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.setLineDash(dash);
    pen.beginPath();
    pen.moveTo(x, from);
    pen.lineTo(x, to);
    pen.stroke();
    pen.setLineDash([]);
  }

  middle(i, floor) {
    return floor / 2 - this.form.height[i] * floor * 0.4;
  }

  thread(pen, colours, width, floor) {
    pen.strokeStyle = colours.line;
    pen.lineWidth = 2;
    pen.beginPath();
    for (let i = 0; i < STEPS; i += 1) pen.lineTo(this.x((i + 0.5) * (1440 / STEPS), width), this.middle(i, floor));
    pen.stroke();
  }

  bands(pen, colours, width, floor) {
    const wide = floor * 0.5;
    const x = (i) => this.x((i + 0.5) * (1440 / STEPS), width);
    const top = Float32Array.from({ length: STEPS }, (_, i) => this.middle(i, floor) - (this.form.width[i] * wide) / 2);
    const signs = [];
    for (const emotion of SHOWN) {
      const band = this.form.bands[emotion];
      const thick = Float32Array.from(band, (share, i) => share * this.form.width[i] * wide);
      let widest = 0;
      pen.beginPath();
      for (let i = 0; i < STEPS; i += 1) {
        pen.lineTo(x(i), top[i]);
        if (thick[i] > thick[widest]) widest = i;
      }
      for (let i = STEPS - 1; i >= 0; i -= 1) pen.lineTo(x(i), top[i] + thick[i]);
      pen.closePath();
      pen.fillStyle = colours[emotion];
      pen.fill();
      if (thick[widest] > 2 * BADGE - 2) signs.push([emotion, x(widest), top[widest] + thick[widest] / 2]);
      for (let i = 0; i < STEPS; i += 1) top[i] += thick[i];
    }
    for (const [emotion, at, y] of signs) this.sign(pen, colours, emotion, at, y);
  }

  sign(pen, colours, emotion, x, y) {
    pen.save();
    pen.translate(x - 7, y - 7);
    pen.scale(14 / 24, 14 / 24);
    pen.strokeStyle = colours.paper;
    pen.lineWidth = 2.6;
    pen.lineCap = pen.lineJoin = "round";
    pen.stroke(new Path2D(SIGNS[emotion]));
    pen.restore();
  }

  ticks(pen, colours, width, height) {
    for (const moment of this.moments) {
      const emotion = feltIn(moment);
      const x = this.x(minuteOf(moment), width);
      pen.fillStyle = colours[emotion] || colours.quiet;
      const made = moment.origin !== "ambient";
      pen.fillRect(x - 0.5, height - (made ? 14 : 10), Math.max(1.2, (moment.seconds / 86_400) * width), made ? 14 : 10);
    }
  }
}

/** What the ribbon tells in words, for those who do not see it. */
export function told(moments) {
  if (!moments.length) return "";
  return t("ribbon.told", { n: moments.length, from: minuteText(minuteOf(moments[0])), to: minuteText(minuteOf(moments.at(-1))) });
}
