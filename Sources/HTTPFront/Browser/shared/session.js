// Signing in, up and out. The entry form is the same on every page.
import { ask, get } from "./api.js";
import { $, h, tell } from "./dom.js";
import { words } from "./words.js";

/** Whoever the session is of, or null. */
export const whoIsIt = async () => (await get("/session")).user;

export const signOut = () => ask("DELETE", "/session");

/** Makes the entry form work; `entered(user)` is called after each success. */
export function prepareEntry(entered) {
  const form = $("entry-form");
  let isNew = false;

  const draw = () => {
    $("entry-send").textContent = isNew ? words.signUp : words.signIn;
    if ($("entry-other")) $("entry-other").textContent = isNew ? words.toSignIn : words.toSignUp;
    $("password").autocomplete = isNew ? "new-password" : "current-password";
    $("password-hint")?.classList.toggle("hide-text", !isNew);
    tell($("entry-fault"));
  };
  $("entry-other")?.addEventListener("click", () => {
    isNew = !isNew;
    draw();
    $("name").focus();
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const account = { user_name: $("name").value, password: $("password").value };
    const fault = !account.user_name || !account.password ? words.needsBoth
      : isNew && [...account.password].length < 8 ? words.shortPassword : null;
    tell($("entry-fault"), fault);
    if (fault) return void (account.user_name ? $("password") : $("name")).focus();
    const button = $("entry-send");
    button.disabled = true;
    try {
      if (isNew) await ask("POST", "/users/signup", { json: account });
      const { body } = await ask("POST", "/session", { json: account });
      form.reset();
      isNew = false;
      draw();
      entered(body);
    } catch (error) {
      tell($("entry-fault"), error.message);
      $("password").select();
    } finally {
      button.disabled = false;
    }
  });
  draw();
}

/** Asks once before something that cannot be undone; resolves to whether it is wanted. */
export function confirmed(question, action, { danger = true } = {}) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "question" },
      h("form", { method: "dialog", className: "stack" },
        h("p", { id: "question" }, question),
        h("div.actions", {},
          h("button", { type: "submit", value: "no" }, words.cancel),
          h(danger ? "button.danger" : "button.primary", { type: "submit", value: "yes" }, action))));
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
