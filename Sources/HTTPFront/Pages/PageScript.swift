enum PageScript {
    static let js = #"""
        const api = "/api/v1";
        const refreshEvery = 3000;
        const $ = (id) => document.getElementById(id);
        let token = sessionStorage.getItem("token");
        let timer = 0;
        let shown = "";

        class Refusal extends Error {
          constructor(status, text) { super(text); this.status = status; }
        }

        async function call(path, options = {}) {
          const headers = { ...options.headers };
          if (token) headers.Authorization = `Bearer ${token}`;
          let response;
          try {
            response = await fetch(api + path, { ...options, headers, cache: "no-store" });
          } catch {
            throw new Refusal(0, "The server cannot be reached. Trying again.");
          }
          const body = response.status === 204 ? null : await response.json().catch(() => null);
          if (!response.ok) throw new Refusal(response.status, words(response, body));
          return body;
        }

        function words(response, body) {
          const wait = response.headers.get("Retry-After");
          if (response.status === 503) return `This is not possible at the moment. Try again in ${wait ?? "a few"} seconds.`;
          const fault = body?.errors?.[0];
          if (fault) return `${fault.pointer.slice(1).replaceAll("_", " ")} ${fault.detail}`;
          const text = body?.error_description ?? body?.detail ?? body?.title ?? `The server answered ${response.status}.`;
          return text.charAt(0).toUpperCase() + text.slice(1);
        }

        function show(element, text) {
          element.textContent = text ?? "";
          element.hidden = !text;
        }

        function element(name, properties = {}, ...children) {
          const made = Object.assign(document.createElement(name), properties);
          made.append(...children);
          return made;
        }

        function enter() {
          clearTimeout(timer);
          show($("notice"));
          const isIn = Boolean(token);
          $("entry").hidden = isIn;
          $("home").hidden = !isIn;
          $("account").hidden = !isIn;
          shown = "";
          if (isIn) refresh(); else $("name").focus();
        }

        function leave(text) {
          token = null;
          sessionStorage.removeItem("token");
          for (const id of ["quests", "claims"]) $(id).replaceChildren(element("p", { className: "quiet-text" }, "Loading…"));
          $("gold").textContent = $("diamond").textContent = "–";
          enter();
          show($("notice"), text);
        }

        async function signIn(name, password) {
          const body = new URLSearchParams({ grant_type: "password", username: name, password });
          token = null;
          const answer = await call("/login/access-token", { method: "POST", body });
          token = answer.access_token;
          sessionStorage.setItem("token", token);
        }

        async function signUp(name, password) {
          await call("/users/signup", {
            method: "POST", headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ user_name: name, password }),
          });
        }

        async function submit(event) {
          event.preventDefault();
          const [name, password] = [$("name").value, $("password").value];
          if (!name || !password) return show($("entry-fault"), "Name and password are needed.");
          const buttons = $("entry-form").querySelectorAll("button");
          for (const button of buttons) button.disabled = true;
          show($("entry-fault"));
          try {
            if (event.submitter?.value === "sign-up") await signUp(name, password);
            await signIn(name, password);
            $("entry-form").reset();
            enter();
            $("main").focus();
          } catch (error) {
            show($("entry-fault"), error.message);
          } finally {
            for (const button of buttons) button.disabled = false;
          }
        }

        async function signOut() {
          $("sign-out").disabled = true;
          try {
            await call("/logout", { method: "POST" });
            leave();
          } catch (error) {
            if (error.status === 401) leave(); else show($("notice"), error.message);
          } finally {
            $("sign-out").disabled = false;
          }
        }

        async function refresh() {
          clearTimeout(timer);
          const mine = token;
          try {
            const [me, quests, progress, claims] = await Promise.all([
              call("/users/me"), call("/quests/?limit=100"), call("/users/me/progress?limit=100"),
              call("/users/me/claims?limit=100"),
            ]);
            if (mine !== token) return;
            show($("notice"));
            const next = JSON.stringify([me, quests, progress, claims]);
            if (next !== shown) draw(me, quests.data, progress.data, claims.data);
            shown = next;
          } catch (error) {
            if (mine !== token) return;
            if (error.status === 401) return leave("Your session has ended. Sign in again.");
            show($("notice"), error.message);
          }
          timer = setTimeout(refresh, document.hidden ? 10 * refreshEvery : refreshEvery);
        }

        function draw(me, quests, progress, claims) {
          $("account-name").textContent = me.user_name;
          $("gold").textContent = me.gold.toLocaleString("en");
          $("diamond").textContent = me.diamond.toLocaleString("en");
          const names = new Map(quests.map((quest) => [quest.quest_id, quest.name]));
          const standing = new Map(progress.map((row) => [row.quest_id, row]));
          fill($("quests"), quests.map((quest) => questItem(quest, standing.get(quest.quest_id))), "There are no quests yet.");
          fill($("claims"), claims.map((claim) => claimItem(claim, names.get(claim.quest_id))),
            "No rewards yet. Fill a streak to earn the first one.");
        }

        function fill(place, items, empty) {
          const focused = document.activeElement?.dataset?.claim;
          place.setAttribute("aria-busy", "false");
          place.replaceChildren(items.length
            ? element("ul", { className: "list" }, ...items)
            : element("p", { className: "quiet-text" }, empty));
          if (focused) place.querySelector(`[data-claim="${CSS.escape(focused)}"]`)?.focus();
        }

        function questItem(quest, row = { streak: 0, duplication: 0 }) {
          const isFull = row.duplication >= quest.duplication;
          const bar = element("progress", { max: quest.streak, value: isFull ? quest.streak : Math.min(row.streak, quest.streak) });
          bar.setAttribute("aria-label", `Streak of ${quest.name}`);
          const state = isFull
            ? element("p", { className: "done" }, "Completed as often as it can be")
            : element("p", {}, `${row.streak} of ${quest.streak} in this streak`);
          return element("li", { className: "card" },
            element("div", { className: "row" }, element("h3", {}, quest.name),
              element("p", {}, `${Math.min(row.duplication, quest.duplication)} of ${quest.duplication} completed`)),
            bar, state);
        }

        function claimItem(claim, name) {
          const reward = `${claim.reward_qty.toLocaleString("en")} ${claim.reward_item}${claim.reward_qty === 1 || claim.reward_item === "gold" ? "" : "s"}`;
          const about = element("div", {}, element("h3", {}, reward),
            element("p", {}, `${name ?? "A quest that has ended"}, completion ${claim.completion}`));
          let action;
          if (claim.status === "pending") {
            action = element("button", { type: "button", className: "primary" }, "Claim");
            action.dataset.claim = claim.claim_id;
            action.setAttribute("aria-label", `Claim ${reward}, completion ${claim.completion}`);
            action.addEventListener("click", () => take(claim.claim_id, action));
          } else {
            action = element("p", { className: "done" }, "Claimed");
          }
          return element("li", { className: "card row" }, about, action);
        }

        async function take(id, button) {
          button.disabled = true;
          button.textContent = "Claiming…";
          try {
            await call(`/users/me/claims/${id}/claim`, { method: "POST" });
            await refresh();
          } catch (error) {
            if (error.status === 401) return leave("Your session has ended. Sign in again.");
            show($("notice"), error.message);
            button.disabled = false;
            button.textContent = "Claim";
          }
        }

        $("entry-form").addEventListener("submit", submit);
        $("sign-out").addEventListener("click", signOut);
        document.addEventListener("visibilitychange", () => { if (!document.hidden && token) refresh(); });
        enter();

        """#
}
