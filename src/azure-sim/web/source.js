// Where the page gets what it shows, and how it asks for more.

/** GET of a door. */
export const get = (door) => ask("GET", door);
export const post = (door, body) => ask("POST", door, body);
export const remove = (door, body) => ask("DELETE", door, body);

async function ask(method, door, body) {
  const init = { method, headers: { accept: "application/json" } };
  if (body !== undefined) {
    init.headers["content-type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const answer = await fetch(door, init);
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(value.error ?? `the simulator answered ${answer.status}`);
  return value;
}

/**
 * Reads the doors again when something changed: one reading at a time, the last change never left out, and none while nobody
 * looks.
 */
export class Refresher {
  #read;
  #running = false;
  #wanted = false;

  constructor(read) {
    this.#read = read;
    document.addEventListener("visibilitychange", () => this.#run());
  }

  want() {
    this.#wanted = true;
    this.#run();
  }

  async #run() {
    if (this.#running || !this.#wanted || document.hidden) return;
    this.#running = true;
    this.#wanted = false;
    try {
      await this.#read();
    } catch (error) {
      // The stream says that the simulator is away, and comes back by itself; then everything is read again.
      console.debug(String(error));
    }
    this.#running = false;
    this.#run();
  }
}

/** Follows the journal from number `since` on. Connects again by itself. */
export function follow(since, { entry, missed, changed, live }) {
  const stream = new EventSource(`journal/stream?since=${since}&changes=true`);
  stream.addEventListener("open", () => live(true));
  stream.addEventListener("error", () => live(false));
  stream.addEventListener("message", (event) => entry(JSON.parse(event.data)));
  stream.addEventListener("missed", (event) => missed(JSON.parse(event.data).missed));
  stream.addEventListener("changed", changed);
  return stream;
}
