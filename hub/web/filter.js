// The filter of the address bar: the same names and values as the hub's, so that the address is the question.

const FIELDS = ["emotion", "basis", "origin", "scene", "device", "owner", "from", "to", "bbox", "near", "radius_m",
  "min_confidence", "valence", "arousal", "text", "has", "order"];

/** The part of an address that the hub understands as a filter. */
export function filterOf(params) {
  const filter = new URLSearchParams();
  for (const field of FIELDS) for (const value of params.getAll(field)) if (value) filter.append(field, value);
  return filter;
}

/** A copy of `filter` with the values of some fields replaced: {emotion: ["calm"], from: null}. */
export function changed(filter, fields) {
  const copy = new URLSearchParams(filter);
  for (const [field, value] of Object.entries(fields)) {
    copy.delete(field);
    for (const one of [value].flat()) if (one !== null && one !== undefined && one !== "") copy.append(field, one);
  }
  return copy;
}

/** A copy with `value` of a repeatable field added, or taken away where it is there. */
export function toggled(filter, field, value) {
  const values = filter.getAll(field);
  return changed(filter, { [field]: values.includes(value) ? values.filter((one) => one !== value) : [...values, value] });
}

/**
 * Go to the question that `change` makes of the one in the address. No control keeps a filter to change: views hear of
 * a new address only later, and words that are left for a button are asked for just before the button is pressed.
 */
export function ask(change) {
  const text = change(filterOf(new URLSearchParams(location.hash.split("?")[1]))).toString();
  location.hash = text ? `#/recall?${text}` : "#/recall";
}
