// Where this browser is, asked for only when its reader wants it told.

import { t } from "./words.js";

const PATIENCE_MS = 20_000;

/** Give {lat, lon, accuracy_m}; throws an Error with a sentence when the browser does not tell. */
export function whereAmI() {
  return new Promise((resolve, reject) => {
    if (!navigator.geolocation || !window.isSecureContext) {
      reject(new Error(t("place.insecure")));
      return;
    }
    const told = ({ coords }) => resolve({
      lat: Number(coords.latitude.toFixed(5)), lon: Number(coords.longitude.toFixed(5)), accuracy_m: coords.accuracy,
    });
    const refused = (error) => reject(new Error(t(error.code === 1 ? "place.refused" : "place.unknown")));
    navigator.geolocation.getCurrentPosition(told, refused, { enableHighAccuracy: true, timeout: PATIENCE_MS });
  });
}

/** "35.1341, 129.1032" */
export const placeText = ({ lat, lon }) => `${lat.toFixed(4)}, ${lon.toFixed(4)}`;
