// One stream of Server-Sent Events: each message is a whole snapshot, so whatever was missed does not matter.

/** How long a page that nobody sees stays connected: browsers have six connections per host. */
const patience = 5000;

export class Live {
  #path; #on; #source = null; #timer = 0; #hiding = 0; #failures = 0; #isOpen = false;

  /** `on` has `snapshot(data)`, `state("live" | "lost" | "paused")` and `ended()` for a session that is over. */
  constructor(path, on) {
    this.#path = path;
    this.#on = on;
    this.visibility = () => (document.hidden ? this.#hide() : this.#show());
  }

  open() {
    if (this.#isOpen) return;
    this.#isOpen = true;
    document.addEventListener("visibilitychange", this.visibility);
    this.#connect();
  }

  close() {
    this.#isOpen = false;
    document.removeEventListener("visibilitychange", this.visibility);
    this.#drop();
  }

  #drop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#hiding);
    this.#source?.close();
    this.#source = null;
  }

  #connect() {
    this.#drop();
    const source = new EventSource(this.#path);
    this.#source = source;
    source.addEventListener("open", () => { this.#failures = 0; this.#on.state("live"); });
    source.addEventListener("snapshot", (event) => { this.#on.state("live"); this.#on.snapshot(JSON.parse(event.data)); });
    source.addEventListener("signed-out", () => { this.close(); this.#on.ended(); });
    source.addEventListener("replaced", () => { this.#drop(); this.#on.state("paused"); });
    source.addEventListener("error", () => {
      this.#on.state("lost");
      // The browser tries again by itself when the connection broke, and gives up after an answer such as 503.
      if (source.readyState === EventSource.CLOSED && this.#source === source) this.#again();
    });
  }

  #again() {
    this.#failures += 1;
    const wait = Math.min(8000, 500 * 2 ** Math.min(this.#failures, 5)) * (0.5 + Math.random() / 2);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      if (!this.#isOpen) return;
      const isOver = await this.#on.check();
      if (!this.#isOpen) return;
      if (isOver) { this.close(); this.#on.ended(); } else this.#connect();
    }, wait);
  }

  #hide() {
    clearTimeout(this.#hiding);
    this.#hiding = setTimeout(() => { this.#drop(); this.#on.state("paused"); }, patience);
  }

  async #show() {
    clearTimeout(this.#hiding);
    if (this.#source) return;
    this.#failures = 0;
    const isOver = await this.#on.check();
    if (!this.#isOpen || this.#source) return;
    if (isOver) { this.close(); this.#on.ended(); } else this.#connect();
  }
}
