// What a person sees and does on the page.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, test } from "node:test";
import { browse, open } from "./browser.mjs";
import { shop, subscribe } from "./shop.mjs";
import { ACS, EG, Simulator } from "./simulator.mjs";
import { Webhook } from "./webhook.mjs";

const EVIL = "<img src=x onerror=\"alert('in')\">";

let simulator, browser, webhook, made, page, faults, close;

before(async () => {
  simulator = await Simulator.start("--profile", "azure", "--time-scale", "0.00001");
  browser = await browse(simulator);
  ({ page, faults, close } = await open(browser, simulator));
});

after(async () => {
  await browser?.close();
  await webhook?.stop();
  await simulator?.stop();
});

afterEach(() => assert.deepEqual(faults.splice(0), [], "errors on the page"));

const tree = () => page.getByRole("tree");
const item = (name) => tree().getByRole("treeitem").filter({ has: page.getByText(name, { exact: true }) });
const tab = (name) => page.getByRole("tab", { name });
const newest = () => page.locator("#journal-rows .row").first();
const card = (name) => page.getByRole("form", { name });

async function submit(form, values) {
  for (const [name, value] of Object.entries(values)) {
    const field = form.locator(`[name="${name}"]`);
    if (await field.evaluate((element) => element.tagName === "SELECT")) await field.selectOption(value);
    else await field.fill(value);
  }
  await form.locator("button.main").click();
  await form.locator("output:not(:empty)").waitFor();
  return form.locator("output").textContent();
}

test("an empty simulator says what to do in every view", async () => {
  await tree().getByText("Nothing was made yet").waitFor();
  for (const [name, says] of [["Deliveries", "There is none yet"], ["Phones", "There is no phone yet"], ["Faults", "Nothing fails"], ["Details", "Choose a resource"]]) {
    await tab(name).click();
    await page.getByRole("tabpanel").getByText(says).waitFor();
  }
  await tab("Try it").click();
  assert.equal(await card("Send an SMS").locator("select").isDisabled(), true);
});

test("what is made in Azure appears in the tree without a reload, with what it points to", async () => {
  webhook = await Webhook.start(simulator);
  made = await shop(simulator, { tags: { team: "shop", note: EVIL } });
  await subscribe(simulator, made.topic, "relay", `${webhook.url}/events`);
  await item("contoso-shop").click();
  const details = page.locator("#details");
  await details.getByText("Europe", { exact: true }).waitFor();
  await details.getByRole("button", { name: "phones", exact: true }).click();
  await details.getByText("notification hub", { exact: true }).waitFor();
  assert.equal(await item("phones").getAttribute("aria-selected"), "true");
  await item("relay").click();
  await details.getByText(`${webhook.url}/events`).first().waitFor();
});

test("the journal moves by itself, can be filtered, and can be held", async () => {
  await simulator.request("GET", `${simulator.group}/providers/Microsoft.Communication/communicationServices/nowhere?api-version=${ACS}`);
  await newest().getByText("nowhere").waitFor();
  assert.equal(await newest().locator(".status").textContent(), "404");
  await newest().locator("summary").click();
  await newest().getByText("Microsoft.Communication/CommunicationServices/read").waitFor();
  await page.getByLabel("Part of Azure").selectOption("outward");
  await newest().getByText("EventGrid/eventSubscriptions/validation/action").waitFor();
  assert.equal(await page.locator("#journal-rows .row").count(), 1);
  await page.getByLabel("Part of Azure").selectOption("");
  await page.getByLabel("changes only").check();
  assert.deepEqual([...new Set(await page.locator("#journal-rows .effect").allTextContents())].sort(), ["create"]);
  await page.getByLabel("changes only").uncheck();
  await page.getByLabel("Filter the journal by text").fill("no such words");
  await page.getByText("No request meets the filter").waitFor();
  await page.getByLabel("Filter the journal by text").fill("");
  const pause = page.locator("#journal-pause");
  await pause.click();
  await simulator.arm("GET", made.topic, EG);
  await page.getByText("Resume (1 new)").waitFor();
  assert.match(await newest().locator(".path").textContent(), /nowhere/);
  await pause.click();
  await newest().getByText("systemTopics/contoso-shop-events").waitFor();
});

test("an SMS sent by a form reaches the webhook, and its delivery is shown", async () => {
  const arrived = once(webhook, "event");
  await tab("Try it").click();
  const said = await submit(card("Send an SMS"), { from: "+15550001", to: "+15550002", message: EVIL });
  assert.equal(said, "1 on the way to relay.");
  const [event] = await arrived;
  assert.equal(event.data.message, EVIL);
  await tab("Deliveries").click();
  await page.locator("#deliveries").getByText(event.id).waitFor();
  await page.locator("#deliveries").getByText("Delivered", { exact: true }).waitFor();
});

test("what is refused or fails shows its tries, its probation and its dead letters", async () => {
  const deadLetterDestination = { endpointType: "StorageBlob", properties: { resourceId: `${simulator.group}/providers/Microsoft.Storage/storageAccounts/shop`, blobContainerName: "lost" } };
  await subscribe(simulator, made.topic, "refusing", `${webhook.url}/refuse`, { deadLetterDestination });
  await subscribe(simulator, made.topic, "failing", `${webhook.url}/fail`);
  await tab("Try it").click();
  const any = card("Post any event");
  const wrong = await submit(any, { data: "{not json" });
  assert.match(wrong, /the data is no JSON/);
  const said = await submit(any, { type: "Microsoft.Communication.SMSReceived", subject: EVIL, data: '{"message": "hidden words"}', count: "2" });
  assert.match(said, /^2 on the way to /);
  await tab("Deliveries").click();
  const panel = page.locator("#deliveries");
  await panel.getByText("Retry", { exact: true }).first().waitFor();
  await panel.getByRole("heading", { name: "Dead letters" }).waitFor();
  await panel.getByText("UndeliverableDueToClientError").first().waitFor();
  await panel.getByText("lost", { exact: true }).first().waitFor();
});

test("a phone is added and rung by forms, and its handle is nobody's business", async () => {
  await tab("Phones").click();
  await submit(card("Add a phone"), { user: EVIL, platform: "apple", tags: "gold, vip" });
  const phone = page.getByRole("article");
  await phone.getByText("nothing yet").waitFor();
  const { phones } = await simulator.door("GET", "phones");
  made.secrets.push(phones[0].handle);
  await tab("Try it").click();
  assert.equal(await submit(card("Ring a call"), { to: EVIL }), "1 phone rang.");
  await simulator.door("POST", "portal/unlink", { service: made.service });
  assert.equal(await submit(card("Push a chat message"), { to: EVIL }), "No phone rang: the service is not linked to a hub.");
  await tab("Phones").click();
  await phone.getByText("Incoming call").waitFor();
  await page.locator("#phones").getByText("1 × not linked").waitFor();
  assert.equal(await phone.locator("strong").first().textContent(), EVIL);
});

test("a fault is placed, strikes, is seen in the journal, and is taken away", async () => {
  await tab("Faults").click();
  const said = await submit(card("Place a fault"), { operation: "Microsoft.EventGrid/*", "answer/status": "429", "answer/retryAfter": "7", times: "1" });
  assert.equal(said, "Fault 1 waits for its requests.");
  const struck = await simulator.request("GET", `${made.topic}?api-version=${EG}`);
  assert.deepEqual([struck.status, struck.headers["retry-after"]], [429, "7"]);
  await page.locator("#journal-rows .row").getByText("fault 1").waitFor();
  await page.getByLabel("Outcome").selectOption("fault");
  assert.equal(await page.locator("#journal-rows .row").count(), 1);
  await page.getByLabel("Outcome").selectOption("");
  await page.locator("#faults td.number").nth(1).getByText("1 of 1", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Remove all" }).click();
  await page.getByText("Nothing fails").waitFor();
  assert.deepEqual((await simulator.door("GET", "faults")).faults, []);
});

test("the form offers every key that a fault may have, and what is given there is what is placed", async () => {
  const { keys } = await simulator.door("GET", "faults/keys");
  const offered = keys.filter(({ at }) => at !== "answer");
  const form = card("Place a fault");
  assert.deepEqual((await form.locator("[name]").evaluateAll((all) => all.map(({ name }) => name))).sort(), offered.map(({ at }) => at).sort());
  await form.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
  const sample = ({ at, takes }) => {
    if (takes === "flag") return true;
    if (takes === "object") return {};
    if (takes === "fraction") return 0.25;
    if (takes === "json") return { deep: [1, null] };
    if (takes.word) return takes.word[0];
    if (takes.number) return Math.max(takes.number[0], 3);
    return at.endsWith("pointer") || at.endsWith("/id") ? "/tags/owner" : `some ${at}`;
  };
  const needed = (at) => keys.filter((key) => key.at === "answer/after/set/pointer" && at.startsWith("answer/after/set/"));
  const conditions = offered.filter(({ at }) => !at.startsWith("answer/"));
  const status = offered.find(({ at }) => at === "answer/status");
  const effects = offered.filter(({ at }) => at.startsWith("answer/"));
  // All conditions together; effects one by one, as not all go together.
  for (const wanted of [[...conditions, status], ...effects.map((key) => [...new Set([...needed(key.at), key])])]) {
    await form.evaluate((element) => element.querySelectorAll("[name]").forEach((one) => (one.type === "checkbox" ? (one.checked = false) : (one.value = ""))));
    for (const key of wanted) {
      const control = form.locator(`[name="${key.at}"]`);
      if (key.takes === "flag" || key.takes === "object") await control.check();
      else if (key.takes.word) await control.selectOption(sample(key));
      else await control.fill(key.takes === "json" ? JSON.stringify(sample(key)) : String(sample(key)));
    }
    await form.locator("output").evaluate((element) => (element.textContent = ""));
    const said = await submit(form, {});
    assert.match(said, /^Fault \d+ waits/, wanted.map(({ at }) => at).join());
    const placed = (await simulator.door("GET", "faults")).faults.at(-1);
    for (const key of wanted) assert.deepEqual(key.at.split("/").reduce((value, name) => value[name], placed), sample(key), key.at);
  }
  await form.locator('[name="answer/lro"]').selectOption("fail");
  await form.locator('[name="answer/lro/late/ms"]').fill("5");
  await form.locator("output").evaluate((element) => (element.textContent = ""));
  assert.match(await submit(form, {}), /exclude each other/);
  await form.locator('[name="plane"]').selectOption("entra");
  assert.equal(await form.locator('[name="answer/lro"]').isVisible(), false);
  assert.equal(await form.locator('[name="answer/drop"]').isVisible(), true);
  await form.locator('[name="plane"]').selectOption("");
  assert.equal(await form.locator('[name="answer/lro"]').isVisible(), true);
  await simulator.door("DELETE", "faults");
});

test("names and texts of users stay text, in every view", async () => {
  await simulator.door("POST", "config", { addGroup: EVIL });
  await item(EVIL).click();
  await page.locator("#details .title").getByText(EVIL).waitFor();
  await item("contoso-shop").click();
  await page.locator("#details").getByText(`note: ${EVIL}`).waitFor();
  await simulator.request("GET", `/subscriptions/${encodeURIComponent(EVIL)}?api-version=2021-04-01`);
  for (const name of ["Deliveries", "Phones", "Try it", "Faults", "Details"]) await tab(name).click();
  assert.equal(await page.locator("img:not(header img)").count(), 0);
  assert.equal(await page.locator("script:not([src])").count(), 0);
});

test("no secret is anywhere on the page", async () => {
  for (const name of ["phones", "relay", "contoso-shop", "DefaultFullSharedAccessSignature"]) {
    await item(name).click();
    await page.locator("#details .title").getByText(name, { exact: true }).waitFor();
  }
  for (const summary of await page.locator("#journal-rows summary").all()) await summary.click();
  const text = await page.content();
  for (const secret of [...made.secrets, simulator.token, simulator.environment.AZURE_CLIENT_SECRET, "hidden words"]) {
    assert.ok(!text.includes(secret), `${secret} is on the page`);
  }
});

test("keys alone do: the tree, its branches, and the tabs", async () => {
  await item("rg-shop").click();
  await page.keyboard.press("ArrowLeft");
  assert.equal(await item("rg-shop").getAttribute("aria-expanded"), "false");
  assert.equal(await item("contoso-push").count(), 0);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  const focused = page.locator("#tree [tabindex='0']");
  assert.equal(await focused.getAttribute("aria-selected"), "true");
  assert.equal(await focused.evaluate((element) => element === document.activeElement), true);
  await tab("Details").focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await tab("Deliveries").getAttribute("aria-selected"), "true");
  await page.getByLabel("Find resources by name").fill("push");
  assert.equal(await item("contoso-push").count(), 1);
  assert.equal(await item("contoso-shop").count(), 0);
  await page.getByLabel("Find resources by name").fill("");
});

test("what is deleted leaves the tree", async () => {
  await item("failing").click();
  await simulator.arm("DELETE", `${made.topic}/eventSubscriptions/failing`, EG);
  await page.getByText("is gone from Azure").waitFor();
  await item("failing").waitFor({ state: "detached" });
});

test("a simulator that ends is said to be away", async () => {
  const other = await Simulator.start();
  const its = await browse(other);
  const opened = await open(its, other);
  await other.stop();
  await opened.page.getByText("away, trying again").waitFor();
  await its.close();
});

/** Whether all of its width is shown. */
async function inView(shown, what) {
  const { x, width } = await what.boundingBox();
  return x >= 0 && x + width <= shown.viewportSize().width;
}

test("at 400 pixels nothing hangs over the side, and dark is dark", async () => {
  const light = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await close();
  const narrow = await open(browser, simulator, { viewport: { width: 400, height: 800 }, colorScheme: "dark" });
  const dark = await narrow.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const brightness = (colour) => colour.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
  assert.ok(brightness(dark) < 150 && brightness(light) > 600, `${dark} and ${light}`);
  await simulator.door("POST", "faults", { operation: "Microsoft.Communication/CommunicationServices/*", method: "GET", times: 1, answer: { status: 503, retryAfter: 5 } });
  for (const name of ["Deliveries", "Phones", "Try it", "Faults", "Details"]) {
    await narrow.page.getByRole("tab", { name }).click();
    const over = await narrow.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(over <= 0, `${name}: ${over} pixels too wide`);
    const inside = await narrow.page.locator("[role=tabpanel]:not([hidden])").evaluate((panel) =>
      Math.max(...[panel, ...panel.querySelectorAll(".wide")].map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)));
    assert.ok(inside <= 0, `${name}: ${inside} pixels to be scrolled sideways for`);
    assert.ok(await inView(narrow.page, narrow.page.getByRole("tab", { name })), `the tab ${name} is out of sight`);
  }
  await narrow.page.getByRole("tab", { name: "Faults" }).click();
  const button = narrow.page.getByRole("button", { name: "Remove", exact: true });
  await button.waitFor();
  assert.ok(await inView(narrow.page, button), "a fault's button is out of sight");
  assert.deepEqual(narrow.faults, []);
  await narrow.close();
});
