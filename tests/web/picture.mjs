// The picture in the documentation: a shop at work. `run.sh picture.mjs FILE.png [light|dark] [WIDTH] [TAB]`.

import { isAbsolute, join } from "node:path";
import { once } from "node:events";
import { browse, open } from "./browser.mjs";
import { shop, subscribe } from "./shop.mjs";
import { ACS, EG, Simulator } from "./simulator.mjs";
import { Webhook } from "./webhook.mjs";

const [file, colorScheme = "light", width = "1280", tab = "deliveries"] = process.argv.slice(2);
const simulator = await Simulator.start("--listen", "127.0.0.1:0");
const webhook = await Webhook.start(simulator);
const browser = await browse(simulator);
const { page, faults } = await open(browser, simulator, {
  hash: `#/${tab}`, colorScheme, viewport: { width: Number(width), height: 720 }, timezoneId: "UTC",
});

const { hub, service, topic } = await shop(simulator);
await subscribe(simulator, topic, "relay", `${webhook.url}/events`);
await subscribe(simulator, topic, "billing", `${webhook.url}/fail`, { filter: { includedEventTypes: ["Microsoft.Communication.IncomingCall"] } });
for (const [user, platform] of [["8:acs:alice", "apple"], ["8:acs:bob", "fcmv1"]]) {
  await simulator.door("POST", "phones", { hub, user, platform, tags: ["gold"] });
  await simulator.door("POST", "call", { service, to: user });
}
await simulator.door("POST", "message", { service, to: "8:acs:alice" });
await simulator.door("POST", "faults", { operation: "Microsoft.Communication/*", method: "GET", times: 1, answer: { status: 503, retryAfter: 5 } });
await simulator.request("GET", `${service}?api-version=${ACS}`);
const arrived = once(webhook, "event");
await simulator.door("POST", "sms", { service: "contoso-shop", from: "+15555550100", to: "+15555550199", message: "Where is my order?" });
await arrived;
await simulator.arm("GET", topic, EG);
await page.locator("#tree").getByText("billing").waitFor();
await page.locator("#journal-rows .row").first().getByText("systemTopics/read").waitFor();
if (tab === "details") await page.locator("#tree").getByText("contoso-shop", { exact: true }).click();
if (tab === "deliveries") await page.locator("#deliveries").getByText("SMSReceived").first().waitFor();
await page.screenshot({ path: isAbsolute(file) ? file : join(process.env.CALLED_IN ?? ".", file), fullPage: Number(width) < 900, animations: "disabled" });
await browser.close();
await webhook.stop();
await simulator.stop();
if (faults.length > 0) throw new Error(faults.join("\n"));
