// A client without an SDK: examples are sent as they are written.
import https from "node:https";
import { arm, clientId, clientSecret, subscription, tenant } from "./environment.js";
import { apiVersion } from "./operations.js";

/** Names are global, so examples that put the same one into two groups cannot both be sent. */
const GROUP = "rg-shop";

/** What has to be there before a request about it, and how it is made. */
const PREREQUISITES = [
  {
    at: /^(\/subscriptions\/[^/]+\/resourceGroups\/[^/]+)/i,
    version: "2021-04-01",
    body: () => ({ location: "westeurope" }),
  },
  {
    at: /^(.*\/Microsoft\.Communication\/communicationServices\/[^/]+)/i,
    version: "2025-05-01",
    body: () => ({ location: "global", properties: { dataLocation: "Europe" } }),
  },
  {
    at: /^(.*\/Microsoft\.NotificationHubs\/namespaces\/[^/]+)/i,
    version: "2023-10-01-preview",
    body: () => ({ location: "eastus", sku: { name: "Standard" } }),
  },
  {
    at: /^(.*\/namespaces\/[^/]+\/notificationHubs\/[^/]+)/i,
    version: "2023-10-01-preview",
    body: () => ({ location: "eastus" }),
  },
  {
    at: /^(.*\/authorizationRules\/[^/]+)/i,
    version: "2023-10-01-preview",
    body: () => ({ properties: { rights: ["Listen"] } }),
  },
  {
    at: /^(.*\/Microsoft\.EventGrid\/systemTopics\/[^/]+)/i,
    version: "2025-02-15",
    body: (id) => ({
      location: "global",
      properties: {
        source: id.replace(/systemTopics\/.*/i, `storage/${id.split("/").pop()}`).replace(/EventGrid/i, "Storage"),
        topicType: "Microsoft.Storage.StorageAccounts",
      },
    }),
  },
  {
    at: /^(.*\/eventSubscriptions\/[^/]+)/i,
    version: "2025-02-15",
    body: (_, azure) => ({
      properties: { destination: { endpointType: "WebHook", properties: { endpointUrl: `${azure.webhook}/made` } } },
    }),
  },
];

export class Azure {
  static async signedIn() {
    const azure = new Azure();
    const form = new URLSearchParams({
      grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret, scope: `${arm}/.default`,
    });
    const answer = await fetch(`${arm}/${tenant}/oauth2/v2.0/token`, { method: "POST", body: form });
    azure.token = (await answer.json()).access_token;
    await azure.#listen();
    return azure;
  }

  /** A webhook that agrees to every handshake. */
  async #listen() {
    const issued = await (
      await fetch(`${arm}/_sim/certificate`, { method: "POST", body: JSON.stringify({ names: ["localhost"] }) })
    ).json();
    this.server = https.createServer({ cert: issued.certificate, key: issued.key }, async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const granted = { "WebHook-Allowed-Origin": "eventgrid.azure.net", "WebHook-Allowed-Rate": "*" };
      if (request.method === "OPTIONS") return response.writeHead(200, granted).end();
      const [event] = [JSON.parse(Buffer.concat(chunks))].flat();
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ validationResponse: event.data?.validationCode }));
    });
    await new Promise((listening) => this.server.listen(0, "127.0.0.1", listening));
    this.webhook = `https://localhost:${this.server.address().port}`;
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** The same values in the simulator's subscription, with webhooks that are there. */
  adapted(value, name = "") {
    if (Array.isArray(value)) return value.map((each) => this.adapted(each));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.adapted(each, key)]));
    }
    if (typeof value !== "string") return value;
    if (name === "subscriptionId") return subscription;
    if (name === "endpointUrl") return `${this.webhook}/example`;
    // Hubs lie where their namespace lies.
    if (name === "location" && value.toLowerCase() !== "global") return "eastus";
    if (name === "resourceGroupName") return GROUP;
    const moved = value.replace(/subscriptions\/[0-9a-f-]{36}/gi, `subscriptions/${subscription}`);
    return moved.replace(/resourceGroups\/[^/]+/gi, `resourceGroups/${GROUP}`);
  }

  /** Makes what the path speaks of, but for what the request itself makes. Returns the refusal, if there is one. */
  async prepared(method, url) {
    const made = method === "PUT" ? url : undefined;
    for (const { at, version, body } of PREREQUISITES) {
      const id = url.match(at)?.[1];
      if (id === undefined || id === made) continue;
      const found = await this.send("GET", `${id}?api-version=${version}`);
      if (found.status !== 404) continue;
      const exchange = await this.send("PUT", `${id}?api-version=${version}`, body(id, this));
      if (exchange.status >= 400) return exchange;
      await this.settled(exchange);
    }
  }

  /** Forgets everything, so that no description finds what another left. */
  async cleared() {
    const { got } = await this.send("GET", `/subscriptions/${subscription}/resourceGroups?api-version=2021-04-01`);
    for (const { id } of got.value) await this.settled(await this.send("DELETE", `${id}?api-version=2021-04-01`));
  }

  async send(method, url, sent) {
    const headers = { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
    const body = sent === undefined ? undefined : JSON.stringify(sent);
    const answer = await fetch(arm + url, { method, headers, body });
    const text = await answer.text();
    const got = text === "" ? undefined : JSON.parse(text);
    const { authorization: _, ...requestHeaders } = headers;
    return { method, url, requestHeaders, sent, status: answer.status, headers: Object.fromEntries(answer.headers), got };
  }

  /** Waits until what a request began has ended, well or not. */
  async settled({ headers, url }) {
    const place = headers["azure-asyncoperation"] ?? headers.location;
    if (place === undefined || !place.startsWith(arm)) return;
    for (let asked = 0; asked < 300; asked += 1) {
      const { status, got } = await this.send("GET", place.slice(arm.length));
      const ended = ["Succeeded", "Failed", "Canceled", "Deleted", "Completed"].includes(got?.status);
      if (status >= 400 || ended || (status !== 202 && got?.status === undefined)) return;
      await new Promise((later) => setTimeout(later, 100));
    }
    throw new Error(`what ${url.split("?")[0]} (${apiVersion(url)}) began does not end`);
  }
}
