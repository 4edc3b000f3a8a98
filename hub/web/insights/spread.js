// How sure a mean is. A day counts once, however much was heard on it, and so does a week or month among others: what
// was heard in one is alike, and counting each of it would feign a certainty that is not there.

const T = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23]; // Student's t, 97.5 %, by degrees of freedom
const ROUNDING = 1e-6; // sums of the same numbers in another order are no difference

const student = (freedom) => T[freedom - 1] ?? 1.96 + 2.5 / freedom;

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

const deviation = (values, mean) => Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));

const within = (value) => Math.min(1, Math.max(-1, value));

/** {n, mean, low, high} of some days' values; low and high bound the mean with 95 %, null for fewer than three. */
export function spread(values) {
  const n = values.length;
  if (n === 0) return { n, mean: null, low: null, high: null };
  const mean = meanOf(values);
  if (n < 3) return { n, mean, low: null, high: null };
  const half = (student(n - 1) * deviation(values, mean)) / Math.sqrt(n);
  return { n, mean, low: within(mean - half), high: within(mean + half) };
}

/**
 * The band {mean, low, high} in which, with 95 %, one more of these values would lie if nothing had changed; null for
 * fewer than three.
 */
export function band(values) {
  const n = values.length;
  if (n < 3) return null;
  const mean = meanOf(values);
  const half = student(n - 1) * deviation(values, mean) * Math.sqrt(1 + 1 / n);
  return { mean, low: within(mean - half), high: within(mean + half) };
}

/** 1 when a value lies above a band, -1 below, 0 within, null without a band. */
export function compared(value, usual) {
  if (usual === null) return null;
  if (value > usual.high + ROUNDING) return 1;
  return value < usual.low - ROUNDING ? -1 : 0;
}

/** Group the buckets of days by what their `key` names: name → [a value of each day]. */
export function byDay(buckets, key, of) {
  const found = new Map();
  for (const bucket of buckets) {
    const name = bucket[key];
    if (name === null || bucket[of] === null) continue;
    found.set(name, [...(found.get(name) ?? []), bucket[of]]);
  }
  return found;
}
