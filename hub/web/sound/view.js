// A sound with its waveform, its spectrogram and a player. A press on the picture plays from there.

import { canvasPen, eachFrame, h } from "../dom.js";
import { palette } from "../emotions.js";
import { t } from "../words.js";
import { peaks, spectrogram } from "./spectrum.js";

const RATE = 16_000; // what the readers hear
const ROWS = 72;
const COLUMNS = 480;
const LONGEST_S = 600; // a longer sound is only played: its samples would fill a phone's memory
// Lightness alone tells the power, so that it is read without telling colours apart.
const RAMPS = {
  dark: [[20, 21, 26], [63, 40, 104], [169, 60, 116], [244, 136, 94], [252, 246, 200]],
  light: [[247, 244, 239], [240, 196, 172], [205, 88, 122], [96, 44, 122], [28, 16, 58]],
};

function ramp() {
  const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark");
  const stops = RAMPS[dark ? "dark" : "light"];
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (stops.length - 1);
    const from = Math.min(stops.length - 2, Math.floor(at));
    return stops[from].map((value, axis) => value + (stops[from + 1][axis] - value) * (at - from));
  });
}

function picture(powers) {
  const colours = ramp();
  const image = new ImageData(COLUMNS, ROWS);
  powers.forEach((power, i) => image.data.set([...colours[Math.round(power * 255)], 255], 4 * i));
  const canvas = new OffscreenCanvas(COLUMNS, ROWS);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/**
 * Show the sound at an address of the hub, or a Blob. `span` {from, seconds} marks a part of it: the moment within a
 * longer recording. Gives {element, close, redraw}.
 */
export function soundView(source, { seconds = null, span = null } = {}) {
  const own = source instanceof Blob;
  const address = own ? URL.createObjectURL(source) : source;
  const audio = h("audio", { controls: true, preload: "metadata", src: address, "aria-label": t("sound.player") });
  const canvas = h("canvas", { class: "soundpicture", role: "img", "aria-label": t("sound.loading"), onclick: (event) => seek(event) });
  const words = h("p", { class: "quiet" }, t("sound.loading"));
  const element = h("div", { class: "soundview" }, canvas, audio, words);
  const stop = new AbortController();
  let heard = null; // {wave, powers, seconds}
  let sight = null;

  const paint = eachFrame(() => {
    const { pen, width, height } = canvasPen(canvas);
    if (!heard || !width) return;
    const colours = palette();
    const middle = height * 0.25;
    const low = height * 0.5;
    sight ??= picture(heard.powers);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(sight, 0, low, width, height - low);
    if (span) {
      pen.fillStyle = colours.line;
      pen.fillRect((span.from / heard.seconds) * width, 0, Math.max(2, (span.seconds / heard.seconds) * width), low);
    }
    pen.fillStyle = colours.ink;
    const [lows, highs] = heard.wave;
    const most = heard.loudest || 1;
    for (let i = 0; i < COLUMNS; i += 1) {
      const top = middle - (highs[i] / most) * middle * 0.92;
      const bottom = middle - (lows[i] / most) * middle * 0.92;
      pen.fillRect((i / COLUMNS) * width, top, Math.max(1, width / COLUMNS - 0.4), Math.max(1, bottom - top));
    }
    if (audio.currentTime > 0) {
      pen.fillStyle = colours.anger;
      pen.fillRect((audio.currentTime / heard.seconds) * width - 1, 0, 2, height);
    }
  });

  function seek(event) {
    if (!heard) return;
    const box = canvas.getBoundingClientRect();
    audio.currentTime = ((event.clientX - box.left) / box.width) * heard.seconds;
    audio.play().catch(() => {}); // a browser that does not let it begin leaves it where it was put
    paint();
  }

  function told(text) {
    canvas.hidden = true;
    words.textContent = text;
  }

  async function fetched() {
    const answer = await fetch(address, { signal: stop.signal });
    if (answer.ok) return answer.arrayBuffer();
    audio.hidden = true;
    told(answer.status === 404 ? t("sound.gone") : t("sound.unread"));
    return null;
  }

  async function load() {
    if (seconds > LONGEST_S) {
      told(t("sound.long"));
      return;
    }
    try {
      const bytes = own ? await source.arrayBuffer() : await fetched();
      if (bytes === null) return;
      const decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
      const samples = decoded.getChannelData(0);
      const wave = peaks(samples, COLUMNS);
      const loudest = wave[1].reduce((most, value, i) => Math.max(most, value, -wave[0][i]), 0);
      heard = { wave, loudest, powers: spectrogram(samples, RATE, COLUMNS, ROWS), seconds: decoded.duration };
      canvas.setAttribute("aria-label", t("sound.picture", { n: Math.round(decoded.duration) }));
      words.textContent = t(span ? "sound.hint_span" : "sound.hint");
      paint();
    } catch (error) {
      if (error.name !== "AbortError") told(t("sound.unread"));
    }
  }

  let frame = null;
  const follow = () => {
    paint();
    frame = audio.paused ? null : requestAnimationFrame(follow);
  };
  audio.addEventListener("play", follow);
  audio.addEventListener("timeupdate", paint);
  const watch = new ResizeObserver(paint);
  watch.observe(canvas);
  load();
  return {
    element,
    redraw() {
      sight = null;
      paint();
    },
    close() {
      stop.abort();
      watch.disconnect();
      cancelAnimationFrame(frame);
      audio.pause();
      if (own) URL.revokeObjectURL(address);
    },
  };
}
