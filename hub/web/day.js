// The moments of one day: loaded page by page, newest first, and kept in order as more arrive.

import * as api from "./api.js";
import { addDays, dayOf, instant } from "./time.js";

const PAGE = 1000;
const PAGES = 20; // more than a device can make in a day

export class Day {
  /** `changed` is called after each change. */
  constructor(date, changed) {
    this.date = date;
    this.changed = changed;
    this.byId = new Map();
    this.sorted = null;
    this.loaded = false;
    this.stop = new AbortController();
  }

  /** The moments, oldest first. */
  get moments() {
    if (this.sorted === null) {
      const timed = [...this.byId.values()].map((moment) => [instant(moment), moment]);
      this.sorted = timed.sort((a, b) => a[0] - b[0]).map(([, moment]) => moment);
    }
    return this.sorted;
  }

  /** Read the day from the hub; what has arrived meanwhile stays. Throws ApiError. */
  async load() {
    const query = { from: this.date, to: addDays(this.date, 1), limit: PAGE };
    for (let page = 0; page < PAGES; page += 1) {
      const answer = await api.moments(query, this.stop.signal);
      this.loaded = true;
      this.add(answer.items);
      if (!answer.next) return;
      query.cursor = answer.next;
    }
  }

  /** Take in the moments that are of this day; gives how many were new. */
  add(moments) {
    const before = this.byId.size;
    for (const moment of moments) if (dayOf(moment) === this.date) this.byId.set(moment.id, moment);
    this.sorted = null;
    this.changed();
    return this.byId.size - before;
  }

  /** Forget a moment that was erased. */
  remove(id) {
    if (!this.byId.delete(id)) return;
    this.sorted = null;
    this.changed();
  }

  /** Stop loading. */
  close() {
    this.stop.abort();
    this.changed = () => {};
  }
}
