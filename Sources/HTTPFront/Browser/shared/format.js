// Numbers and times as people read them: grouped, and in their own zone with UTC behind it.
import { h } from "./dom.js";
import { words } from "./words.js";

const locale = "en";
const numbers = new Intl.NumberFormat(locale);
const days = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const moments = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

export const number = (value) => numbers.format(value);

export const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + numbers.format(Math.abs(value));

/** An amount of something, as in `1 diamond`, `1,000 gold`. */
export const amount = (quantity, item) => `${number(quantity)} ${words.items(item, Math.abs(quantity))}`;

/** A point in time: the reader's zone, UTC on hover. */
export function time(text, { dateOnly = false } = {}) {
  const date = new Date(text);
  const utc = date.toISOString().replace("T", " ").replace(/\.\d+Z$|Z$/, " UTC");
  return h("time", { dateTime: text, title: utc }, (dateOnly ? days : moments).format(date));
}

/** A length of time in the largest unit that says enough. */
export function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

/** The end of an id, which differs first; all of it on hover. */
export const shortId = (id) => h("code", { title: id }, `…${id.slice(-8)}`);
