// Calls of the public API. The session is a cookie that no script can read.
import { words } from "./words.js";

const root = "/api/v1";

/** An answer that is no success; status 0 when there was none. */
export class Refusal extends Error {
  constructor(status, text, body = null) {
    super(text);
    this.status = status;
    this.body = body;
  }

  /** The last part of the problem's type, such as `precondition-failed`. */
  get kind() {
    return this.body?.type?.replace("urn:questline:problem:", "") ?? "";
  }
}

/** Sends a request; `json` becomes its body. Returns `{ body, tag }`. */
export async function ask(method, path, { json, headers = {}, signal } = {}) {
  const init = { method, headers: { ...headers }, signal, cache: "no-cache", credentials: "same-origin" };
  if (json !== undefined) {
    init.body = JSON.stringify(json);
    init.headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(root + path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, words.unreachable);
  }
  const text = response.status === 204 ? "" : await response.text();
  let body = null;
  try {
    body = text ? JSON.parse(text) : null;
  } catch {
    // A gateway may answer in its own way.
  }
  if (!response.ok) throw new Refusal(response.status, explain(response, body), body);
  return { body, tag: response.headers.get("ETag") };
}

export const get = async (path, options) => (await ask("GET", path, options)).body;

/** All rows of a list. */
export async function readAll(path) {
  const all = [];
  let cursor = null;
  do {
    const page = await get(`${path}${path.includes("?") ? "&" : "?"}limit=100${cursor ? `&cursor=${cursor}` : ""}`);
    all.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor);
  return all;
}

function explain(response, body) {
  if (response.status === 503) return words.unavailable(response.headers.get("Retry-After"));
  if (response.status === 429) return words.tooMany(response.headers.get("Retry-After"));
  if (body?.errors?.length) return body.errors.map((fault) => words.fault(fault.pointer.slice(1), fault.detail)).join(" ");
  const text = body?.detail ?? body?.title ?? words.oddAnswer(response.status);
  return text.charAt(0).toUpperCase() + text.slice(1).replace(/\.?$/, ".");
}
