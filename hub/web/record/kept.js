// What the person recorded or wrote: each with how far it is read, and the moments that came of it.

import * as api from "../api.js";
import { asking } from "../asking.js";
import { announce, h, keep, put } from "../dom.js";
import { told } from "../reasons.js";
import { entry as row } from "../rows.js";
import { dayText, lengthText, localTime } from "../time.js";
import { percent, t } from "../words.js";

const EVERY_MS = 1000; // while something is being read
const PAGE = 10;
const MOMENTS = 200;

const unread = (record) => record.state === "waiting" || record.state === "reading";

/** The moments of a record, oldest first: those of its time that point to it. */
async function momentsOf(record) {
  const begin = Date.parse(record.start ?? record.made);
  const at = (ms) => new Date(ms).toISOString();
  const answer = await api.moments({
    device: record.device, from: at(begin - 1000), to: at(begin + 1000 * ((record.seconds ?? 0) + 2)), order: "oldest", limit: MOMENTS,
  });
  return answer.items.filter((moment) => moment.record === record.id || record.moments.includes(moment.id));
}

const failure = (record) => h("p", { class: "trouble" }, record.error ? told(record.error) : t("record.failed"));

function state(record) {
  if (record.state === "failed") return failure(record);
  if (!unread(record)) return null;
  const share = record.state === "waiting" ? null : record.progress;
  const words = share === null ? t("record.waiting") : t("record.reading", { share: percent(share) });
  return h("div", { class: "reading" }, h("progress", { max: 1, value: share, "aria-label": words }), h("p", { class: "quiet" }, words));
}

/** What came of a record, as a sentence. */
function outcome(record) {
  if (record.state === "failed") return failure(record).textContent;
  return record.moments.length ? t("record.read", { n: record.moments.length }) : t("record.silent");
}

/** Tell a screen reader, at once, what came of the records that were read and how many are still to be. */
function tell(ended, left) {
  announce([...ended.map(outcome), left ? t("record.left", { n: left }) : null].filter(Boolean).join(" "));
}

function found(record, opened, toggled) {
  if (record.state !== "done") return null;
  if (record.moments.length === 0) return h("p", { class: "quiet" }, t("record.silent"));
  const list = h("ol", { class: "rows" });
  const element = h("details", {
    open: opened,
    ontoggle: () => {
      toggled(element.open);
      if (element.open && !list.childElementCount) fill();
    },
  }, h("summary", {}, t("record.moments", { n: record.moments.length })), list);
  const fill = async () => {
    try {
      keep(list, (await momentsOf(record)).map((moment) => row([moment])));
    } catch (error) {
      put(list, h("li", { class: "quiet" }, api.saidBy(error)));
    }
  };
  return element;
}

function eraser(record, erased) {
  return asking(t("record.erase"), () => t("record.sure"), t("erase.do"), async () => {
    await api.eraseRecord(record.id);
    erased();
  }, "link quiet");
}

/** Make the list. `add(record)` puts one on top and follows it until it is read. */
export function keptRecords() {
  const list = h("ol", { class: "records" });
  const word = h("p", { class: "quiet", role: "status" });
  const more = h("button", { type: "button", class: "small wide", hidden: true, onclick: () => load() }, t("list.more"));
  const element = h("section", { "aria-label": t("record.kept") }, h("h2", {}, t("record.kept")), word, list, more);
  const open = new Set();
  let items = [];
  let next = null;
  let timer = null;
  let gone = false;

  function line(record) {
    const begun = record.start ?? localTime(new Date(record.made)); // until a file is read, only when it came is known
    const time = h("time", { datetime: begun }, `${dayText(begun.slice(0, 10))}, ${begun.slice(11, 16)}`);
    const facts = [t(`origin.${record.origin}`), record.seconds ? lengthText(record.seconds) : null].filter(Boolean).join(" · ");
    return h("li", { class: "record card", "data-id": record.id, "data-state": record.state },
      h("p", { class: "recordhead" }, h("strong", {}, time), h("span", { class: "quiet" }, facts)),
      record.note ? h("p", { class: "words" }, record.note) : null,
      state(record),
      found(record, open.has(record.id), (on) => (on ? open.add(record.id) : open.delete(record.id))),
      unread(record) ? null : eraser(record, () => {
        items = items.filter((one) => one.id !== record.id);
        draw();
      }));
  }

  function draw() {
    keep(list, items.map((record) => ({
      key: record.id, sign: [record.state, record.progress, record.moments.length].join(" "), make: () => line(record),
    })));
    more.hidden = next === null;
    if (items.length) word.textContent = "";
  }

  async function follow() {
    clearTimeout(timer);
    const waiting = items.filter(unread);
    if (gone || waiting.length === 0) return;
    const ended = [];
    await Promise.all(waiting.map(async (record) => {
      try {
        const now = await api.record(record.id);
        if (!unread(now) && items.some((one) => one.id === now.id && unread(one))) ended.push(now); // else it was told
        if (now.state === "done") open.add(now.id);
        items = items.map((one) => (one.id === now.id ? now : one));
      } catch (error) {
        if (error.status === 404) items = items.filter((one) => one.id !== record.id); // erased meanwhile
      }
    }));
    if (gone) return;
    draw();
    if (ended.length) tell(ended, items.filter(unread).length);
    timer = setTimeout(follow, EVERY_MS);
  }

  async function load() {
    try {
      const answer = await api.records({ limit: PAGE, ...(next ? { cursor: next } : {}) });
      const known = new Set(items.map((one) => one.id));
      const fresh = answer.items.filter((one) => !known.has(one.id));
      items = items.concat(fresh);
      next = answer.next ?? null;
      draw();
      if (items.length === 0) word.textContent = t("record.none");
      if (!gone && fresh.some(unread)) tell([], items.filter(unread).length);
      follow();
    } catch (error) {
      put(word, api.saidBy(error));
    }
  }

  load();
  return {
    element,
    add(record) {
      items = [record, ...items.filter((one) => one.id !== record.id)];
      if (record.state === "done") open.add(record.id);
      draw();
      follow();
    },
    refresh() {
      for (const one of list.querySelectorAll("details[open] .rows")) {
        put(one);
        one.parentElement.dispatchEvent(new Event("toggle"));
      }
    },
    close() {
      gone = true;
      clearTimeout(timer);
    },
  };
}
