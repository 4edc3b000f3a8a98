// The form of a day's ribbon: at each five minutes, how wide each emotion's band is and how high the ribbon lies.

import { feltIn, SHOWN } from "./emotions.js";
import { minuteOf } from "./time.js";

const STEP = 5; // minutes
export const STEPS = 1440 / STEP;
const BAND_SPREAD = 2; // standard deviation of the smoothing, in steps
const HEIGHT_SPREAD = 7; // the ribbon rises and falls more slowly than its bands change
const QUIET_S = 2; // seconds for each step that silence weighs, so that the ribbon comes back to the middle
const LEAST_S = 45; // a day's fullest five minutes count as at least this much, so that a single word is no flood

/** Values spread over their neighbours by a Gaussian of this standard deviation. */
function smooth(values, spread) {
  const reach = 3 * spread;
  const kernel = [...Array(2 * reach + 1).keys()].map((i) => Math.exp(-((i - reach) ** 2) / (2 * spread ** 2)));
  const weight = kernel.reduce((sum, value) => sum + value, 0);
  const out = new Float32Array(STEPS);
  for (let i = 0; i < STEPS; i += 1) {
    if (values[i] === 0) continue;
    for (let k = -reach; k <= reach; k += 1) {
      const j = i + k;
      if (j >= 0 && j < STEPS) out[j] += (values[i] * kernel[k + reach]) / weight;
    }
  }
  return out;
}

/**
 * Give {bands, width, height} of moments of one day:
 * bands: emotion → Float32Array[STEPS], its share of the ribbon's width, 0 to 1;
 * width: how much was heard, 0 to 1 of the day's fullest time (square root, so that a few words still show);
 * height: valence, -1 to 1, smoothed, 0 where nothing is heard for long.
 */
export function shape(moments) {
  const seconds = Object.fromEntries(SHOWN.map((emotion) => [emotion, new Float32Array(STEPS)]));
  const pleasant = new Float32Array(STEPS);
  for (const moment of moments) {
    const band = seconds[feltIn(moment)];
    if (!band) continue; // a note without sound has no band
    const i = Math.min(STEPS - 1, Math.floor(minuteOf(moment) / STEP));
    const length = Math.max(1, moment.seconds);
    band[i] += length;
    pleasant[i] += length * (moment.valence ?? 0);
  }
  const all = Float32Array.from({ length: STEPS }, (_, i) => SHOWN.reduce((sum, emotion) => sum + seconds[emotion][i], 0));
  const bands = Object.fromEntries(SHOWN.map((emotion) => [emotion, smooth(seconds[emotion], BAND_SPREAD)]));
  const heard = smooth(all, BAND_SPREAD);
  const most = heard.reduce((a, b) => Math.max(a, b), LEAST_S);
  const around = smooth(all, HEIGHT_SPREAD);
  const height = smooth(pleasant, HEIGHT_SPREAD).map((value, i) => value / (around[i] + QUIET_S));
  const width = heard.map((value) => Math.sqrt(value / most));
  for (const emotion of SHOWN) bands[emotion] = bands[emotion].map((value, i) => (heard[i] > 0 ? value / heard[i] : 0));
  return { bands, width, height };
}

/** How much of the heard time each emotion takes, the largest first: [[emotion, share], …]. */
export function shares(moments) {
  const sums = new Map();
  let all = 0;
  for (const moment of moments) {
    if (moment.basis === "none") continue;
    const length = Math.max(1, moment.seconds);
    sums.set(feltIn(moment), (sums.get(feltIn(moment)) ?? 0) + length);
    all += length;
  }
  return [...sums].map(([emotion, sum]) => [emotion, sum / all]).sort((a, b) => b[1] - a[1]);
}
