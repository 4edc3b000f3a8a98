// Which of the person's places a cell of the summary belongs to.

import { placeText } from "../place.js";

const CELL_M = 400; // from the middle of a cell to its corner

/** Metres between two places, on a sphere. */
export function metres(a, b) {
  const rad = Math.PI / 180;
  const x = Math.sin(((b.lat - a.lat) * rad) / 2) ** 2
    + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(((b.lon - a.lon) * rad) / 2) ** 2;
  return 2 * 6_371_000 * Math.asin(Math.sqrt(x));
}

/**
 * Give (cell) → {key, name, lat, lon, radius_m} or null, from the places that the hub found; without any, each cell is
 * a place of its own.
 */
export function placer(places) {
  return (cell) => {
    if (!cell) return null;
    if (!places.length) return { key: placeText(cell), name: null, radius_m: CELL_M, ...cell };
    let best = null;
    for (const place of places) {
      const far = metres(place, cell);
      if (far <= place.radius_m + CELL_M && far < (best?.far ?? Infinity)) best = { far, place };
    }
    return best && { key: best.place.id, ...best.place };
  };
}

/** What a place is called: the person's name for it, or where it is. */
export const placeName = (place) => place.name ?? placeText(place);
