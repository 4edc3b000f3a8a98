// What this browser remembers for its reader: language, theme, and a mark of the token that let it in; nothing of days.

/** Give what was remembered under `name`, or null. */
export function recalled(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage is closed to this page
  }
}

/** Remember `value` under `name`; null forgets it. */
export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // Storage is closed to this page; the choice holds until it is left.
  }
}
