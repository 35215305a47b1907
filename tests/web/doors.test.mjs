// What lies beneath the page: the stream, the tree for people, and who may change things.

import assert from "node:assert/strict";
import { once } from "node:events";
import https from "node:https";
import { after, before, test } from "node:test";
import { Simulator, ask } from "./simulator.mjs";

let simulator;

before(async () => {
  simulator = await Simulator.start();
});

after(() => simulator?.stop());

/** An open stream: `until(words)` waits until its text holds them. */
async function stream(path, headers = {}) {
  const request = https.get(`${simulator.url}/_sim/journal/stream${path}`, { headers, ca: simulator.ca, agent: false });
  const [answer] = await once(request, "response");
  const own = { answer, text: "", ended: false, close: () => request.destroy() };
  answer.setEncoding("utf8");
  answer.on("error", () => {});
  const waiting = [];
  answer.on("data", (chunk) => {
    own.text += chunk;
    for (const { words, resolve } of waiting) if (own.text.includes(words)) resolve();
  });
  own.until = (words) => (own.text.includes(words) ? Promise.resolve() : new Promise((resolve) => waiting.push({ words, resolve })));
  return own;
}

const group = () => simulator.request("GET", `${simulator.group}?api-version=2021-04-01`);
const door = (path, more = {}) => ask(`${simulator.url}/_sim/${path}`, { ca: simulator.ca, ...more });
const entries = (text) => text.split("\n").filter((line) => line.startsWith("data: {\"sequence")).map((line) => JSON.parse(line.slice(6)));

test("the stream begins with what is new, goes on where a reader was, and obeys the conditions", async () => {
  await group();
  const live = await stream("");
  assert.equal(live.answer.headers["content-type"], "text/event-stream");
  await live.until("the journal of azure-sim");
  await group();
  await live.until("Microsoft.Resources/subscriptions/resourceGroups/read");
  const [first] = entries(live.text);
  assert.equal(entries(live.text).length, 1, "nothing older");
  assert.match(live.text, new RegExp(`\nid: ${first.sequence}\ndata: `));
  live.close();
  const again = await stream("?since=0&plane=arm", { "last-event-id": String(first.sequence - 1) });
  await again.until(`"sequence":${first.sequence},`);
  assert.equal(entries(again.text).length, 1);
  again.close();
  const tokens = await stream("?since=0&plane=entra");
  await tokens.until("token/action");
  assert.deepEqual(entries(tokens.text).map(({ plane }) => plane), ["entra"]);
  tokens.close();
});

test("lines of JSON for those who ask for them", async () => {
  const lines = await stream("?since=0", { accept: "application/x-ndjson" });
  await lines.until("token/action");
  for (const line of lines.text.split("\n").filter(Boolean)) assert.ok(JSON.parse(line).sequence);
  lines.close();
});

test("only what changes something is called a change", async () => {
  const following = await stream("?changes=true");
  await following.until("the journal");
  await door("state");
  await group();
  await following.until("resourceGroups/read");
  assert.ok(!following.text.includes("event: changed"), following.text);
  await simulator.door("POST", "config", { addGroup: "rg-new" });
  await following.until("event: changed");
  following.close();
});

test("mistakes in the question are named before anything is streamed", async () => {
  for (const [query, said] of [["sinc=1", "there is no 'sinc'"], ["limit=3", "a stream has no 'limit'"], ["changes=maybe", "'maybe' is neither true nor false"]]) {
    const answer = await door(`journal/stream?${query}`);
    assert.equal(answer.status, 400);
    assert.match(answer.json.error, new RegExp(said));
  }
});

test("a reader that fell behind what is kept is told how much it missed", async () => {
  const small = await Simulator.start("--journal-capacity", "2");
  const own = simulator;
  try {
    for (let count = 0; count < 5; count += 1) await small.request("GET", `${small.group}?api-version=2021-04-01`);
    simulator = small;
    const late = await stream("?since=1");
    await late.until("event: missed\ndata: {\"missed\":3}");
    await late.until("\"sequence\":6,");
    late.close();
  } finally {
    simulator = own;
    await small.stop();
  }
});

test("the state is a tree: as JSON, drawn for people, and beneath one id", async () => {
  const whole = await door("state");
  const [subscription] = whole.json.nested;
  assert.equal(subscription.type, "Microsoft.Resources/subscriptions");
  assert.deepEqual(subscription.children.map(({ name, state }) => [name, state]).at(-1), ["rg-shop", "Succeeded"]);
  assert.ok(whole.json.resources[simulator.group.toLowerCase()]);
  const drawn = await door("state", { headers: { accept: "text/plain" } });
  assert.match(drawn.headers["content-type"], /^text\/plain/);
  assert.match(drawn.text, /└─ rg-shop \(resourceGroups\) \[Succeeded\]/);
  const part = await door(`state?under=${encodeURIComponent(simulator.group)}`);
  assert.deepEqual(part.json.nested.map(({ name }) => name), ["rg-shop"]);
  assert.equal((await door("state?view=tree")).json.resources, undefined);
  for (const [query, status] of [["under=/nothing", 404], ["under=x", 400], ["view=x", 400], ["x=1", 400]]) {
    assert.equal((await door(`state?${query}`)).status, status, query);
  }
});

test("another web page can change nothing", async () => {
  const body = JSON.stringify({ addGroup: "rg-evil" });
  for (const headers of [{ origin: "https://evil.example" }, { origin: "null" }, { "sec-fetch-site": "cross-site" }]) {
    const answer = await door("config", { method: "POST", headers, body });
    assert.equal(answer.status, 403, JSON.stringify(headers));
  }
  assert.equal((await door("config", { method: "POST", headers: { origin: simulator.url, "sec-fetch-site": "same-origin" }, body: "{}" })).status, 200);
  assert.ok(!(await door("state")).text.includes("rg-evil"));
});

test("the page and its files come with a strict policy, and nothing else is there", async () => {
  assert.equal((await door("../_sim")).headers.location, "/_sim/");
  const page = await door("");
  assert.match(page.headers["content-security-policy"], /^default-src 'self';/);
  for (const [, file] of page.text.matchAll(/(?:src|href)="(web\/[^"]+)"/g)) {
    const answer = await door(file);
    assert.equal(answer.status, 200, file);
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
  }
  assert.equal((await door("web/nothing.js")).status, 404);
});

test("a stream ends with the server", async () => {
  const other = await Simulator.start();
  const own = simulator;
  simulator = other;
  const last = await stream("");
  simulator = own;
  await last.until("the journal");
  const ended = once(last.answer, "end");
  await other.stop();
  await ended;
  assert.match(last.text, /: the simulator ends\n/);
});
