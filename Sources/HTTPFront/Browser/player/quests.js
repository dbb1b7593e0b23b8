// How quests look: one card each, from the quest, the person's progress and their claims.
import { coin, h } from "./dom.js";
import { amount } from "./format.js";
import { words } from "./words.js";

/** Longer streaks are a bar. */
const mostSteps = 14;

/** What the person sees of a quest: numbers and one of `new`, `open`, `waiting`, `full`, `done`. `count` is of all claims. */
export function standing(quest, row, claims, count) {
  const limit = quest.duplication;
  const completed = Math.min(row?.duplication ?? 0, limit);
  const isFull = completed >= limit;
  const streak = isFull ? quest.streak : Math.min(row?.streak ?? 0, quest.streak);
  const waiting = claims.filter((claim) => claim.status === "pending").sort((a, b) => a.completion - b.completion);
  let state = "open";
  if (waiting.length) state = "waiting";
  else if (isFull) state = count >= completed ? "done" : "full";
  else if (!streak && !completed) state = "new";
  return { completed, limit, isFull, streak, waiting, state };
}

export function card(quest, now, claim) {
  const { state } = now;
  const classes = ["card", "quest", state === "done" && "is-done", state === "waiting" && "is-waiting"].filter(Boolean);
  const [text, kind] = badge(now);
  return h("li", { className: classes.join(" "), "data-quest": quest.quest_id },
    h("header", {}, h("h3", { tabIndex: -1, "data-key": `title-${quest.quest_id}` }, quest.name), h("span.badge", { "data-kind": kind }, text)),
    quest.description && h("p.about", {}, quest.description),
    steps(quest, now),
    h("p.line", {},
      h("span", {}, now.isFull ? words.completions(now.completed, now.limit) : words.streak(now.streak, quest.streak)),
      !now.isFull && h("span", {}, words.completions(now.completed, now.limit))),
    h("p.reward", {}, coin(quest.reward.reward_item), amount(quest.reward.reward_qty, quest.reward.reward_item), " ",
      h("span.soft.small", {}, words.perCompletion)),
    h("footer", {}, ...foot(quest, now, claim)));
}

function badge(now) {
  switch (now.state) {
    case "waiting": return [words.stateWaiting(now.waiting.length), "accent"];
    case "full": return [words.stateFull, "warn"];
    case "done": return [words.stateDone, "good"];
    case "new": return [words.stateNew, ""];
    default: return [words.stateOpen, ""];
  }
}

function steps(quest, now) {
  const label = words.streakLabel(quest.name, now.streak, quest.streak);
  if (quest.streak > mostSteps) return h("progress", { max: quest.streak, value: now.streak, "aria-label": label });
  return h("div.steps", { role: "img", "aria-label": label },
    Array.from({ length: quest.streak }, (_, index) => h("span", { className: index < now.streak ? "done" : "" })));
}

function foot(quest, now, claim) {
  if (now.waiting.length) return [claimButton(now.waiting[0], claim)];
  if (now.state === "full") return [h("p.next", {}, words.onItsWay)];
  if (now.isFull) return [h("p.next", {}, words.allClaimed)];
  return [h("p.next", {}, words.more(quest.streak - now.streak, quest.event_type))];
}

export function claimButton(row, claim) {
  const reward = amount(row.reward_qty, row.reward_item);
  return h("button.primary", {
    type: "button", "data-key": `claim-${row.quest_id}`, "data-claim": row.claim_id, onclick: (event) => claim(row, event.currentTarget),
  }, words.claim(reward));
}

/** Claims whose quest is not among those shown. */
export function others(claims, claim) {
  if (!claims.length) return [];
  return [h("section", { "aria-labelledby": "others-title" },
    h("h2", { id: "others-title" }, words.otherRewards),
    h("ul.others", {}, claims.map((row) => h("li.card", {},
      h("div", {}, h("p.reward", {}, coin(row.reward_item), " ", amount(row.reward_qty, row.reward_item)),
        h("p.soft.small", {}, `${words.goneQuest} · ${words.completion(row.completion)}`)),
      claimButton(row, claim)))))];
}
