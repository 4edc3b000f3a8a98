// How sure a mean of days is. A day counts once, however much was heard on it: moments of one day are alike, and
// counting each would feign a certainty that is not there.

const T = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23]; // Student's t, 97.5 %, by degrees of freedom

const student = (freedom) => T[freedom - 1] ?? 1.96 + 2.5 / freedom;

/** {n, mean, sd, low, high} of some days' values; low and high bound the mean with 95 %, null for fewer than three. */
export function spread(values) {
  const n = values.length;
  if (n === 0) return { n, mean: null, sd: null, low: null, high: null };
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 3) return { n, mean, sd: null, low: null, high: null };
  const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const half = (student(n - 1) * sd) / Math.sqrt(n);
  return { n, mean, sd, low: Math.max(-1, mean - half), high: Math.min(1, mean + half) };
}

/**
 * Compare two spreads: 1 when `a` lies above `b` with 95 %, -1 below, 0 when chance alone would explain it, null when
 * there are too few days. Welch's interval with the smaller sample's degrees of freedom.
 */
export function compared(a, b) {
  if (a.sd === null || b.sd === null) return null;
  const half = student(Math.min(a.n, b.n) - 1) * Math.sqrt(a.sd ** 2 / a.n + b.sd ** 2 / b.n);
  const apart = a.mean - b.mean;
  return Math.abs(apart) <= half ? 0 : Math.sign(apart);
}

/** Group buckets by `key(bucket)`, one value a day: key → [values]. Buckets of one key and day are weighed by count. */
export function byDay(buckets, key, of) {
  const days = new Map();
  for (const bucket of buckets) {
    const name = key(bucket);
    if (name === null || bucket[of] === null) continue;
    const at = `${name} ${bucket.day}`;
    const sum = days.get(at) ?? { name, value: 0, weight: 0 };
    sum.value += bucket[of] * bucket.count;
    sum.weight += bucket.count;
    days.set(at, sum);
  }
  const found = new Map();
  for (const { name, value, weight } of days.values()) found.set(name, [...(found.get(name) ?? []), value / weight]);
  return found;
}
