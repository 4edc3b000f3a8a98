// Moments as they arrive. Arrivals are handed over once a frame, so that sixty a second cost one drawing each.

import { eachFrame } from "./dom.js";

const AGAIN_MS = 5000;

/**
 * Follow /api/stream until the function that comes back is called.
 * `arrived` gets a list of moments; `changed(live)` is told when the line is up or down; a line that comes back after
 * it was down is told by `resumed`, since the hub may not have kept all that was missed.
 */
export function follow({ arrived, changed, resumed }) {
  let source = null;
  let timer = null;
  let lost = false;
  let batch = [];

  const hand = eachFrame(() => {
    const moments = batch;
    batch = [];
    if (moments.length) arrived(moments);
  });

  function take(event) {
    try {
      batch.push(JSON.parse(event.data));
    } catch {
      return; // not a moment: a comment or a beat of a hub newer than this page
    }
    hand();
  }

  function connect() {
    source = new EventSource("/api/stream");
    source.addEventListener("message", take);
    source.addEventListener("moment", take);
    source.addEventListener("open", () => {
      changed(true);
      if (lost) resumed();
      lost = false;
    });
    source.addEventListener("error", () => {
      changed(false);
      lost = true;
      if (source.readyState === EventSource.CLOSED) {
        clearTimeout(timer);
        timer = setTimeout(connect, AGAIN_MS);
      }
    });
  }

  connect();
  return () => {
    clearTimeout(timer);
    source.close();
    batch = [];
  };
}
