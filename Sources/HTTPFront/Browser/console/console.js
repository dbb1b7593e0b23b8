// The console: who may see it, and which view is shown.
import { $, fill, h, tell } from "./dom.js";
import { prepareEntry, signOut, whoIsIt } from "./session.js";
import { words } from "./words.js";

/** Views are loaded when first shown. */
const views = {
  overview: () => import("./overview.js"),
  events: () => import("./events.js"),
  people: () => import("./people.js"),
  person: () => import("./person.js"),
  catalog: () => import("./catalog.js"),
  "dead-letters": () => import("./letters.js"),
  keys: () => import("./keys.js"),
  audit: () => import("./audit.js"),
};

let me = null;
let stop = new AbortController();

/** What a view may use: its place, the rest of the address, a signal that it has ended, and how failures are told. */
async function show() {
  if (!me) return;
  stop.abort();
  stop = new AbortController();
  const { signal } = stop;
  const [name = "overview", rest = ""] = location.hash.replace(/^#\//, "").split("/").filter(Boolean);
  const place = h("div", {});
  const key = views[name] ? name : "overview";
  for (const link of $("nav").querySelectorAll("a")) {
    const isHere = link.hash === `#/${key === "person" ? "people" : key}`;
    if (isHere) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    // On a phone the places are a row that may be wider than the screen.
    if (isHere) $("nav").scrollLeft = link.offsetLeft - ($("nav").clientWidth - link.offsetWidth) / 2;
  }
  tell($("notice"));
  fill($("view"), place);
  try {
    const view = await views[key]();
    if (signal.aborted) return;
    await view.show({ place, rest: decodeURIComponent(rest), signal, fail, say, me });
    document.title = `${place.querySelector("h1")?.textContent ?? "Console"} · Questline`;
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
}

/** A failure that concerns the whole view. */
function fail(error) {
  if (error.name === "AbortError") return;
  if (error.status === 401 || error.status === 403) return void again(words.sessionOver);
  tell($("notice"), error.message ?? String(error), "bad");
  $("notice").append(" ", h("button.slim", { type: "button", onclick: show }, words.tryAgain));
}

function say(text) {
  $("news").textContent = text;
  tell($("notice"), text, "good");
}

function enter(user) {
  if (user.role !== "admin") return again(words.notForYou(user.user_name));
  me = user;
  $("entry").hidden = true;
  $("frame").hidden = false;
  $("account").hidden = false;
  $("account-name").textContent = user.user_name;
  show();
}

async function again(text) {
  stop.abort();
  me = null;
  $("view").replaceChildren();
  $("frame").hidden = true;
  $("account").hidden = true;
  $("entry").hidden = false;
  tell($("entry-notice"), text, "warn");
  $("name").focus();
}

$("sign-out").addEventListener("click", async () => {
  try {
    stop.abort();
    await signOut();
    await again();
  } catch (error) {
    fail(error);
  }
});
addEventListener("hashchange", async () => {
  await show();
  if (!me) return;
  // The focus goes to the new view, and the eye to its beginning.
  $("main").focus({ preventScroll: true });
  scrollTo(0, 0);
});

prepareEntry((user) => {
  enter(user);
  if (me) $("main").focus({ preventScroll: true });
});
whoIsIt().then((user) => (user ? enter(user) : again()), (error) => again(error.message));
