// The player's page: what the stream tells, drawn.
import { ask, readAll } from "./api.js";
import { celebrate } from "./celebrate.js";
import { $, coin, fill, h, tell } from "./dom.js";
import { amount, number, signed, time } from "./format.js";
import { Live } from "./live.js";
import { card, others, standing } from "./quests.js";
import { prepareEntry, signOut, whoIsIt } from "./session.js";
import { words } from "./words.js";

let quests = null;
let catalog = null;
let snapshot = null;
let live = null;
/** What each card shows, as text, and how many completions its quest had. */
const drawn = new Map();
const completed = new Map();
/** The place of each quest among the cards. */
const order = new Map();

function enter(user) {
  tell($("notice"));
  $("entry").hidden = true;
  $("home").hidden = false;
  $("account").hidden = false;
  $("account-name").textContent = user.user_name ?? "";
  $("to-console").hidden = user.role !== "admin";
  live = new Live("/api/v1/users/me/live", {
    snapshot: (data) => show(data),
    state: (state) => { $("pulse").dataset.state = state; $("pulse").textContent = words[state]; },
    check: async () => {
      try { return (await whoIsIt())?.user_id !== user.user_id; } catch { return false; }
    },
    ended: () => again(words.sessionOver),
  });
  live.open();
}

/** Whoever the browser's session is of by now; without one, the way in. */
async function again(text) {
  leave();
  const user = await whoIsIt().catch(() => null);
  if (user) return enter(user);
  $("entry").hidden = false;
  tell($("notice"), text, "warn");
  $("name").focus();
}

function leave() {
  live?.close();
  live = null;
  snapshot = null;
  drawn.clear();
  completed.clear();
  order.clear();
  $("home").hidden = true;
  $("account").hidden = true;
  $("to-console").hidden = true;
  for (const id of ["quests", "others", "ledger"]) $(id).replaceChildren();
  for (const id of ["gold", "diamond"]) $(id).replaceChildren();
}

async function show(data) {
  snapshot = data;
  if (quests === null || data.catalog !== catalog) {
    try {
      await readQuests(data.catalog);
    } catch (error) {
      tell($("notice"), error.message, "bad");
      if (quests === null) return;
    }
  }
  // A newer one may have come while the quests were read.
  if (snapshot === data) draw();
}

async function readQuests(tag) {
  const [all, rewards] = await Promise.all([readAll("/quests"), readAll("/rewards")]);
  const byId = new Map(rewards.map((reward) => [reward.reward_id, reward]));
  quests = all.filter((quest) => byId.has(quest.reward_id)).map((quest) => ({ ...quest, reward: byId.get(quest.reward_id) }));
  catalog = tag;
  tell($("notice"));
}

function draw() {
  const { user, progress, claims, wallet } = snapshot;
  for (const item of ["gold", "diamond"]) {
    const text = number(user?.[item] ?? 0);
    if ($(item).textContent !== text) $(item).replaceChildren(coin(item), text);
  }
  drawQuests(progress, claims);
  drawLedger(wallet);
}

function drawQuests(progress, claims) {
  const place = $("quests");
  const rows = new Map(progress.map((row) => [row.quest_id, row]));
  const known = new Set(quests.map((quest) => quest.quest_id));
  if (!quests.length) return fill(place, h("p.empty", {}, words.noQuests));
  let list = place.querySelector("ul.quests:not([aria-hidden])");
  if (!list || list.querySelector(".bone-card")) {
    list = h("ul.quests", {});
    fill(place, list);
    drawn.clear();
  }
  for (const old of [...list.children]) if (!known.has(old.dataset.quest)) old.remove();
  const standings = new Map(quests.map((quest) => [quest.quest_id, standing(quest, rows.get(quest.quest_id),
    claims.filter((claim) => claim.quest_id === quest.quest_id), snapshot.claim_counts[quest.quest_id] ?? 0)]));
  arrange(standings);
  quests.forEach((quest, index) => {
    const now = standings.get(quest.quest_id);
    const text = JSON.stringify([quest, now]);
    const old = list.querySelector(`[data-quest="${quest.quest_id}"]`);
    let shown = old;
    if (!old || drawn.get(quest.quest_id) !== text) {
      const hadFocus = old?.contains(document.activeElement);
      shown = card(quest, now, claim);
      if (old) old.replaceWith(shown);
      // Where the button was there may be nothing to press any more.
      if (hadFocus) (shown.querySelector("button") ?? shown.querySelector("h3")).focus();
      drawn.set(quest.quest_id, text);
    }
    if (list.children[index] !== shown) list.insertBefore(shown, list.children[index] ?? null);
    const before = completed.get(quest.quest_id);
    completed.set(quest.quest_id, now.completed);
    if (before !== undefined && now.completed > before) {
      celebrate(shown);
      say(words.completed(quest.name, amount(quest.reward.reward_qty, quest.reward.reward_item)));
    }
  });
  const strangers = claims.filter((claim) => !known.has(claim.quest_id) && claim.status === "pending");
  fill($("others"), others(strangers, claim));
}

/** What waits comes first and what is done last, as it was when the page opened: later nothing moves away under a finger. */
function arrange(standings) {
  const rank = (quest) => ({ waiting: 0, done: 2, full: 2 })[standings.get(quest.quest_id).state] ?? 1;
  if (!order.size) for (const quest of [...quests].sort((one, two) => rank(one) - rank(two))) order.set(quest.quest_id, order.size);
  for (const quest of quests) if (!order.has(quest.quest_id)) order.set(quest.quest_id, order.size);
  quests.sort((one, two) => order.get(one.quest_id) - order.get(two.quest_id));
}

function drawLedger(entries) {
  const names = new Map(quests.map((quest) => [quest.quest_id, quest.name]));
  const quest = new Map(snapshot.claims.map((claim) => [claim.claim_id, names.get(claim.quest_id)]));
  fill($("ledger"), entries.length
    ? h("ul.ledger", {}, entries.map((entry) => h("li", {},
      h("span.what", {}, (entry.kind === "claim" && quest.get(entry.ref)) || words.kinds[entry.kind] || entry.kind),
      h("span", { className: entry.amount > 0 ? "plus" : "minus" }, `${signed(entry.amount)} ${words.items(entry.item, Math.abs(entry.amount))}`),
      h("span.small", {}, time(entry.created_at)),
      h("span.small.after", {}, words.balanceAfter(number(entry.balance_after))))))
    : h("p.soft.small", {}, words.ledgerEmpty));
}

/** For screen readers. */
function say(text) {
  $("news").textContent = text;
}

async function claim(row, button) {
  // A button that is disabled would lose the focus.
  if (button.ariaDisabled) return;
  button.ariaDisabled = "true";
  button.textContent = words.claiming;
  try {
    const { body } = await ask("POST", `/users/me/claims/${row.claim_id}/claim`);
    tell($("notice"));
    say(words.claimed(amount(body.reward_qty, body.reward_item)));
    drawn.delete(row.quest_id);
  } catch (error) {
    if (error.status === 401) return again(words.sessionOver);
    tell($("notice"), error.message, "bad");
    button.ariaDisabled = null;
    button.textContent = words.claim(amount(row.reward_qty, row.reward_item));
  }
}

$("sign-out").addEventListener("click", async () => {
  $("sign-out").disabled = true;
  try {
    live?.close();
    await signOut();
    await again();
  } catch (error) {
    tell($("notice"), error.message, "bad");
    live?.open();
  } finally {
    $("sign-out").disabled = false;
  }
});

async function start() {
  prepareEntry((user) => {
    enter(user);
    $("main").focus({ preventScroll: true });
  });
  try {
    const user = await whoIsIt();
    if (user) return enter(user);
    $("entry").hidden = false;
    $("name").focus();
  } catch (error) {
    tell($("notice"), error.message, "bad");
    $("notice").append(" ", h("button.slim", { type: "button", onclick: () => location.reload() }, words.tryAgain));
  }
}

start();
