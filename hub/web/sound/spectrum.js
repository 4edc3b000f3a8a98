// What a sound looks like: its loudest samples by time, and its power by time and pitch.

const WINDOW = 512;
const FLOOR_DB = -75; // below the loudest; quieter is drawn as nothing
const LOWEST_HZ = 60;

const hann = Float32Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW));

/** The smallest and largest sample of each of `columns` equal parts: [Float32Array, Float32Array]. */
export function peaks(samples, columns) {
  const low = new Float32Array(columns);
  const high = new Float32Array(columns);
  for (let i = 0; i < columns; i += 1) {
    const to = Math.max(Math.floor(((i + 1) * samples.length) / columns), Math.floor((i * samples.length) / columns) + 1);
    for (let n = Math.floor((i * samples.length) / columns); n < to && n < samples.length; n += 1) {
      low[i] = Math.min(low[i], samples[n]);
      high[i] = Math.max(high[i], samples[n]);
    }
  }
  return [low, high];
}

/** Turn `real` and `imaginary`, of a length that is a power of two, into their Fourier transform (Cooley and Tukey 1965). */
function transform(real, imaginary) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i += 1) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2;
    for (let k = 0; k < half; k += 1) {
      const angle = (-2 * Math.PI * k) / size;
      const [c, d] = [Math.cos(angle), Math.sin(angle)];
      for (let i = k; i < n; i += size) {
        const j = i + half;
        const x = real[j] * c - imaginary[j] * d;
        const y = real[j] * d + imaginary[j] * c;
        real[j] = real[i] - x;
        imaginary[j] = imaginary[i] - y;
        real[i] += x;
        imaginary[i] += y;
      }
    }
  }
}

/** Where each row's pitch lies among the transform's bins, the highest pitch first; equal steps of pitch (log Hz). */
function bins(rows, rate) {
  const top = Math.log(rate / 2 / LOWEST_HZ);
  return Array.from({ length: rows }, (_, row) => (LOWEST_HZ * Math.exp((top * (rows - 1 - row)) / (rows - 1)) * WINDOW) / rate);
}

/** Power in `rows` steps of pitch by `columns` steps of time, row by row: 0 (nothing) to 1 (the loudest). */
export function spectrogram(samples, rate, columns, rows) {
  const at = bins(rows, rate);
  const out = new Float32Array(rows * columns);
  const real = new Float32Array(WINDOW);
  const imaginary = new Float32Array(WINDOW);
  let most = 1e-12;
  for (let column = 0; column < columns; column += 1) {
    const from = Math.floor(((column + 0.5) * samples.length) / columns - WINDOW / 2);
    for (let i = 0; i < WINDOW; i += 1) real[i] = (samples[from + i] ?? 0) * hann[i];
    imaginary.fill(0);
    transform(real, imaginary);
    for (let row = 0; row < rows; row += 1) {
      const bin = Math.min(WINDOW / 2 - 1, Math.floor(at[row]));
      const part = Math.min(1, at[row] - bin);
      const power = (1 - part) * (real[bin] ** 2 + imaginary[bin] ** 2) + part * (real[bin + 1] ** 2 + imaginary[bin + 1] ** 2);
      out[row * columns + column] = power;
      most = Math.max(most, power);
    }
  }
  return out.map((power) => Math.max(0, 1 - (10 * Math.log10(power / most + 1e-12)) / FLOOR_DB));
}
