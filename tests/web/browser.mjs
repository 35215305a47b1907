// Chromium, and a page that notes everything which must not happen on it.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

function installed() {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const places = (process.env.PATH ?? "").split(delimiter).flatMap((dir) => names.map((name) => join(dir, name)));
  const found = process.env.CHROMIUM ?? places.find(existsSync);
  if (!found) throw new Error("no Chromium on the PATH: install the package chromium, or name a browser in CHROMIUM");
  return found;
}

/** A browser that trusts the simulator's authority, and no other that the system does not. */
export function browse(simulator) {
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: installed(), args: [...sandbox, `--ignore-certificate-errors-spki-list=${simulator.spki}`] });
}

/** Opens the page. `faults` collects errors, warnings, refused policies, dialogs and requests to anywhere else. */
export async function open(browser, simulator, { hash = "", ...more } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, colorScheme: "light", reducedMotion: "reduce", ...more });
  const page = await context.newPage();
  const faults = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && faults.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`thrown: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => request.url().startsWith(simulator.url) || faults.push(`request to ${request.url()}`));
  await page.exposeFunction("refusedByPolicy", (what) => faults.push(`policy: ${what}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => window.refusedByPolicy(`${event.violatedDirective} ${event.blockedURI}`));
  });
  if (process.env.PAGE_FILES) {
    // While the page is worked on: its files from the checkout, not from the program.
    await page.route(/\/_sim\/web\//, (route) => route.fulfill({ path: join(process.env.PAGE_FILES, new URL(route.request().url()).pathname.split("/").pop()) }));
  }
  await page.goto(`${simulator.url}/_sim/${hash}`);
  await page.locator("#live.on").waitFor();
  return { page, faults, close: () => context.close() };
}
