// Elements from code. Text only ever becomes a text node, so nothing that arrives can become markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Make an HTML element: `h("p", {class: "quiet", onclick: f}, "text", child, [more])`. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Give `element` these children and no others. */
export function put(element, ...children) {
  element.replaceChildren(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Give the focus to an element, also to one that is no control; a reader hears it, and Tab goes on from there. */
export function focusOn(element) {
  if (element.tabIndex < 0) element.tabIndex = -1; // a control stays within reach of Tab
  element.focus({ preventScroll: true });
}

/** Give the focus to the control of `entry` that does what `control` did, or to the entry: never to another command. */
function handOver(control, entry) {
  const alike = [...entry.querySelectorAll(control.localName)].find((one) => one.dataset.control === control.dataset.control);
  if (alike) alike.focus();
  else focusOn(entry);
}

/**
 * Bring `list` to `entries` ([{key, sign, make}]) and leave what has not changed in its place, so that focus and
 * pointer stay where they are while moments arrive. `sign` tells by a text whether an entry looks different. Where an
 * entry has several controls of a kind, `data-control` tells them apart. The focus of an entry that is gone goes to
 * the one in its place.
 */
export function keep(list, entries) {
  const control = document.activeElement;
  const before = [...list.children];
  const held = before.findIndex((child) => child.contains(control));
  const old = new Map(before.map((child) => [child.dataset.key, child]));
  const wanted = entries.map(({ key, sign, make }) => {
    const known = old.get(key);
    if (known?.dataset.sign === sign) return known;
    const made = make();
    made.dataset.key = key;
    made.dataset.sign = sign;
    return made;
  });
  const staying = new Set(wanted);
  for (const child of old.values()) if (!staying.has(child)) child.remove();
  let at = list.firstElementChild;
  for (const child of wanted) {
    if (child === at) at = at.nextElementSibling;
    else list.insertBefore(child, at);
  }
  if (held < 0) return;
  const remade = wanted.find((child) => child.dataset.key === before[held].dataset.key);
  if (remade === before[held]) control.focus({ preventScroll: true }); // it may have been moved, which takes the focus
  else if (remade) handOver(control, remade);
  else focusOn(wanted[Math.min(held, wanted.length - 1)] ?? document.getElementById("main"));
}

/** Let `work` run `wait` ms after it is first asked for, once, however often it is asked for meanwhile. */
export function soon(work, wait) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      work();
    }, wait);
  };
}

/** Let `work` run at most once a frame (once in 250 ms while the page is hidden), however often it is asked for. */
export function eachFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    const run = () => {
      waiting = false;
      work();
    };
    if (document.hidden) setTimeout(run, 250);
    else requestAnimationFrame(run);
  };
}

/**
 * Let `work` run at once, or, while a pointer is down, once it is up: what is pressed must not be replaced before the
 * press is a click.
 */
export function unpressed(work) {
  let pressed = false;
  let waiting = false;
  const pointer = (event) => {
    pressed = (event.buttons & 1) !== 0;
    if (pressed || !waiting) return;
    waiting = false;
    setTimeout(work); // the click comes right after the pointer's event
  };
  for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) addEventListener(type, pointer, true);
  return () => {
    if (pressed) waiting = true;
    else work();
  };
}

/** Draw on a canvas of the element's size in device pixels; gives {pen, width, height} in CSS pixels. */
export function canvasPen(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  const [w, t] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== t) [canvas.width, canvas.height] = [w, t];
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** Tell a screen reader something that is already visible. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}
