// The microphone of this phone or laptop: what it hears becomes one Blob, in memory, when it is stopped.

import { t } from "../words.js";

const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

/** Tell why this page cannot record, or null when it can. */
export function lacking() {
  if (!window.isSecureContext) return t("microphone.insecure");
  if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) return t("microphone.unsupported");
  return null;
}

function sentence(error) {
  if (error.name === "NotAllowedError") return t("microphone.refused");
  if (error.name === "NotFoundError") return t("microphone.none");
  return t("microphone.failed");
}

/**
 * Begin to record; throws an Error with a sentence. Gives {begun, level(), stop()}: `level` is the loudness now,
 * 0 to 1 over 60 dB, and `stop` gives the Blob. The browser's own noise suppression is off: the readers learned from
 * sound as it is, and surroundings are what it would take away.
 */
export async function listen() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  } catch (error) {
    throw new Error(sentence(error));
  }
  const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one));
  const recorder = new MediaRecorder(stream, type ? { mimeType: type } : {});
  const parts = [];
  recorder.addEventListener("dataavailable", (event) => event.data.size && parts.push(event.data));
  const over = new Promise((resolve) => recorder.addEventListener("stop", resolve));

  const context = new AudioContext();
  const meter = context.createAnalyser();
  meter.fftSize = 2048;
  context.createMediaStreamSource(stream).connect(meter);
  const samples = new Float32Array(meter.fftSize);

  recorder.start(1000);
  return {
    begun: new Date(),
    level() {
      meter.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
      return Math.min(1, Math.max(0, 1 + (10 * Math.log10(power + 1e-12)) / 60));
    },
    async stop() {
      if (recorder.state !== "inactive") recorder.stop();
      await over;
      for (const track of stream.getTracks()) track.stop();
      await context.close();
      return new Blob(parts, { type: recorder.mimeType || type || "audio/webm" });
    },
  };
}
