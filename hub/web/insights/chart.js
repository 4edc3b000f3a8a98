// Means with their uncertainty: dots with whiskers over time, or one below the other; and the same as numbers.

import { h, put, s } from "../dom.js";
import { number, t } from "../words.js";

const HEIGHT = 220;
const EDGE = { left: 4, right: 4, top: 24, bottom: 44 };

const two = (value) => (value === null ? "–" : number(Math.round(value * 100) / 100 || 0)); // "-0" is nothing

/** "0.12 (0.04 to 0.20), 6 days" */
const spreadText = (point) =>
  t(point.low === null ? "chart.few" : "chart.spread", { mean: two(point.mean), low: two(point.low), high: two(point.high), days: t("chart.days", { n: point.n }) });

/** "Usual: -0.05 to 0.12" */
const usualText = (usual) => t("chart.usual", { low: two(usual.low), high: two(usual.high) });

function numbers(points, usual) {
  const row = (name, { mean, low, high, n }) => h("tr", {},
    h("th", { scope: "row" }, name), h("td", {}, two(mean)), h("td", {}, low === null ? "–" : `${two(low)} … ${two(high)}`), h("td", {}, number(n)));
  return h("details", { class: "numbers" }, h("summary", {}, t("chart.numbers")),
    h("table", {}, h("thead", {}, h("tr", {}, ["chart.what", "chart.mean", "chart.between", "chart.n"].map((key) => h("th", { scope: "col" }, t(key))))),
      h("tbody", {}, usual ? row(t("chart.usual_row"), usual) : null,
        points.filter((point) => point.n > 0).map((point) => row(point.href ? h("a", { href: point.href }, point.name) : point.name, point)))));
}

/** The end of a scale that is the same up and down, so that zero lies in the middle. */
function reach(points, usual) {
  const ends = points.flatMap((point) => [point.mean, point.low, point.high]).concat(usual ? [usual.low, usual.high] : []);
  return Math.min(1, Math.max(0.2, ...ends.filter((value) => value !== null).map(Math.abs)) * 1.1);
}

function dot(x, y, point) {
  return s("circle", { cx: x, cy: y, r: 5, class: point.low === null ? "dot unsure" : "dot" }, s("title", {}, `${point.name}: ${spreadText(point)}`));
}

/**
 * Points {name, mark, n, mean, low, high, href} from left to right; `mark` is written below where there is one. `usual`
 * {n, mean, low, high} is the band behind them, null for none. `poles` are the words for up and down.
 */
export function timeline(label, points, usual, poles) {
  const box = h("div", { class: "chart" });
  const element = h("div", {}, box,
    usual ? h("p", { class: "key quiet" }, s("svg", { "aria-hidden": "true" }, s("rect", { class: "usual", width: "100%", height: "100%", rx: 4 })), usualText(usual)) : null,
    numbers(points, usual));
  const told = usual ? `${label}. ${usualText(usual)}` : label;
  const most = reach(points, usual);

  function draw() {
    const width = box.clientWidth;
    if (!width) return;
    const step = (width - EDGE.left - EDGE.right) / points.length;
    const x = (i) => EDGE.left + (i + 0.5) * step;
    const y = (value) => EDGE.top + ((most - value) / (2 * most)) * (HEIGHT - EDGE.top - EDGE.bottom);
    const line = (from, to, className) => s("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1], class: className });
    const right = width - EDGE.right;
    put(box, s("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": told },
      usual ? s("rect", { class: "usual", x: EDGE.left, y: y(usual.high), width: right - EDGE.left, height: Math.max(2, y(usual.low) - y(usual.high)), rx: 4 }) : null,
      line([EDGE.left, y(0)], [right, y(0)], "zero"),
      points.map((point, i) => (point.low === null ? null : line([x(i), y(point.low)], [x(i), y(point.high)], "whisker"))),
      points.map((point, i) => (point.mean === null ? null : dot(x(i), y(point.mean), point))),
      points.map((point, i) => (point.mark ? s("text", { x: x(i), y: HEIGHT - 6, "text-anchor": "middle" }, point.mark) : null)),
      s("text", { x: EDGE.left, y: 14 }, `↑ ${poles[0]}`),
      s("text", { x: EDGE.left, y: HEIGHT - 26 }, `↓ ${poles[1]}`)));
  }

  const watch = new ResizeObserver(draw);
  watch.observe(box);
  return { element, close: () => watch.disconnect() };
}

/** The same points below one another, named at the left: for what has no order of its own. */
export function ladder(points, poles) {
  const most = reach(points, null);
  const at = (value) => `${(50 + (50 * value) / most).toFixed(1)}%`;
  const rows = points.map((point) => {
    const track = s("svg", { class: "track", "aria-hidden": "true" },
      s("line", { x1: "50%", x2: "50%", y1: 0, y2: "100%", class: "zero" }),
      point.low === null ? null : s("line", { x1: at(point.low), x2: at(point.high), y1: "50%", y2: "50%", class: "whisker" }),
      s("circle", { cx: at(point.mean), cy: "50%", r: 5, class: "dot" }));
    return h("li", {}, h("a", { href: point.href }, point.name), track, h("span", { class: "unseen" }, spreadText(point)), h("span", { class: "quiet number" }, t("chart.days", { n: point.n })));
  });
  return h("div", {}, h("p", { class: "poles quiet", "aria-hidden": "true" }, h("span", {}, `← ${poles[1]}`), h("span", {}, `${poles[0]} →`)), h("ol", { class: "ladder" }, rows));
}
