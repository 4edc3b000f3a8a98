// Days and hours of the wearer. A moment's `start` keeps the offset of its place, so its local day and hour are read
// from the text; the browser's own time zone never moves a moment to another day.

import { language } from "./words.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The local day of a moment, "2026-05-22". */
export const dayOf = (moment) => moment.start.slice(0, 10);

/** Minutes since local midnight, 0 to 1440. */
export function minuteOf(moment) {
  const text = moment.start;
  return Number(text.slice(11, 13)) * 60 + Number(text.slice(14, 16)) + Number(text.slice(17, 19)) / 60;
}

/** Milliseconds since 1970 of its start. */
export const instant = (moment) => Date.parse(moment.start);

const clocks = new Map();

function format(options) {
  const key = language() + JSON.stringify(options);
  if (!clocks.has(key)) clocks.set(key, new Intl.DateTimeFormat(language() === "ko" ? "ko-KR" : "en-GB", { timeZone: "UTC", ...options }));
  return clocks.get(key);
}

/** The day that it was or will be here, at some milliseconds since 1970. */
const dayAt = (ms) => localTime(new Date(ms)).slice(0, 10);

/** The day that it is here and now. */
export const today = () => dayAt(Date.now());

/** Minutes since midnight, here and now. */
export function minuteNow() {
  const now = new Date();
  return now.getHours() * 60 + now.getMinutes();
}

/** The day `n` days later (earlier when negative). */
export function addDays(day, n) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + n * DAY).toISOString().slice(0, 10);
}

/** How many days `to` is later than `from` (negative when it is earlier). */
export const daysBetween = (from, to) => (Date.parse(to) - Date.parse(from)) / DAY;

/** The weekday of a day, 0 (Monday) to 6. */
export const weekday = (day) => (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;

/** A time with the offset that holds here, "2026-05-22T09:32:10+09:00". */
export function localTime(date) {
  const offset = -date.getTimezoneOffset();
  const two = (n) => String(Math.floor(Math.abs(n))).padStart(2, "0");
  const local = new Date(date.getTime() + offset * MINUTE).toISOString().slice(0, 19);
  return `${local}${offset < 0 ? "-" : "+"}${two(offset / 60)}:${two(offset % 60)}`;
}

/** Tell whether `text` is a day that exists. */
export function isDay(text) {
  if (!/^\d{4}-\d\d-\d\d$/.test(text ?? "")) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text; // 30 February is read as 2 March
}

/** "14:32" */
export const clockText = (moment) => moment.start.slice(11, 16);

/** "14:32" from minutes since midnight. */
export function minuteText(minute) {
  const whole = Math.min(1439, Math.max(0, Math.floor(minute)));
  return `${String(Math.floor(whole / 60)).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}

/** "Friday 22 May 2026" */
export const dayText = (day) => format({ weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(new Date(`${day}T00:00:00Z`));

/** "22 May" */
export const shortDayText = (day) => format({ day: "numeric", month: "short" }).format(new Date(`${day}T00:00:00Z`));

/** "May 2026" from "2026-05". */
export const monthText = (month) => format({ month: "long", year: "numeric" }).format(new Date(`${month}-01T00:00:00Z`));

/** "May" from "2026-05". */
export const shortMonthText = (month) => format({ month: "short" }).format(new Date(`${month}-01T00:00:00Z`));

/** The seven weekdays from Monday, short. */
export const weekdays = () => [...Array(7).keys()].map((i) => format({ weekday: "short" }).format(new Date(Date.UTC(2024, 0, 1 + i))));

/** "4 s", "12 min", "1 h 5 min" */
export function lengthText(seconds) {
  const unit = (value, name) => new Intl.NumberFormat(language(), { style: "unit", unit: name, unitDisplay: "short" }).format(value);
  if (seconds < 59.5) return unit(Math.max(1, Math.round(seconds)), "second");
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return unit(minutes, "minute");
  const rest = minutes % 60;
  return unit(Math.floor(minutes / 60), "hour") + (rest ? ` ${unit(rest, "minute")}` : "");
}

/** "3:07" from seconds. */
export const stopwatchText = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** "2 minutes ago" for an RFC 3339 time; days are counted as the reader's calendar does. */
export function agoText(when) {
  const [then, now] = [Date.parse(when), Date.now()];
  const seconds = Math.max(0, (now - then) / 1000);
  const words = new Intl.RelativeTimeFormat(language(), { numeric: "auto" });
  if (seconds < 60) return words.format(-Math.round(seconds), "second");
  if (seconds < 3600) return words.format(-Math.round(seconds / 60), "minute");
  if (seconds < 86_400) return words.format(-Math.round(seconds / 3600), "hour");
  return words.format(-daysBetween(dayAt(then), dayAt(now)), "day"); // 33 hours may reach back to the day before yesterday
}
