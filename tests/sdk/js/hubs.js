// Notification hubs for the official data-plane client: made through ARM, reached by their own host names.
import dns from "node:dns";
import { createClientContext } from "@azure/notification-hubs/api";
import { arm, credential, door, group, scope, subscription } from "./clients.js";

// The client connects to {namespace}.servicebus.windows.net and nowhere else. What DNS says of that name is all that is
// changed for it, in this process; the port is part of the connection string, where the client takes it from.
const { lookup } = dns;
dns.lookup = (name, ...rest) => lookup(name.endsWith(".servicebus.windows.net") ? "127.0.0.1" : name, ...rest);

const version = "2023-10-01-preview";
const provider = `${arm}/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.NotificationHubs`;

export const credentials = {
  apnsCredential: { endpoint: "https://api.push.apple.com:443/3/device", token: "p8", keyId: "key", appId: "team", appName: "com.shop" },
  fcmV1Credential: { clientEmail: "push@shop", privateKey: "key", projectId: "shop" },
  gcmCredential: { googleApiKey: "key", gcmEndpoint: "https://fcm.googleapis.com/fcm/send" },
  wnsCredential: { packageSid: "sid", secretKey: "key", windowsLiveEndpoint: "https://login.live.com/accesstoken.srf" },
  browserCredential: { subject: "mailto:push@shop", vapidPublicKey: "public", vapidPrivateKey: "private" },
  admCredential: { clientId: "id", clientSecret: "secret", authTokenUrl: "https://api.amazon.com/auth/O2/token" },
  baiduCredential: { baiduApiKey: "key", baiduSecretKey: "secret", baiduEndPoint: "https://channel.api.duapp.com" },
  xiaomiCredential: { appSecret: "secret", endpoint: "https://api.xmpush.global.xiaomi.com" },
};

async function ask(method, path, body) {
  const { token } = await credential.getToken(scope);
  const answer = await fetch(`${provider}/${path}?api-version=${version}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** A namespace of that tier with a hub that has every credential; contexts for it by the name of an access policy. */
export async function hub(namespace, sku = "Standard") {
  await ask("PUT", `namespaces/${namespace}`, { location: "westeurope", sku: { name: sku } });
  const properties = Object.fromEntries(Object.entries(credentials).map(([name, properties]) => [name, { properties }]));
  const path = `namespaces/${namespace}/notificationHubs/phones`;
  const { id } = await ask("PUT", path, { location: "westeurope", properties });
  const context = async (rule = "DefaultFullSharedAccessSignature") => {
    const { primaryConnectionString } = await ask("POST", `${path}/authorizationRules/${rule}/listKeys`);
    const port = new URL(arm).port || "443";
    // What is refused is asked here, so nothing is tried again.
    const options = { retryOptions: { maxRetries: 0 } };
    return createClientContext(primaryConnectionString.replace(".windows.net/", `.windows.net:${port}/`), "phones", options);
  };
  return { id, context };
}

/** Registers a phone by a door and returns its handle. */
export async function phone(hubId, user, platform, more = {}) {
  return (await door("POST", "phones", { hub: hubId, user, platform, ...more })).handle;
}

/** What the phone with that handle received. */
export async function received(handle) {
  const { phones } = await door("GET", "phones");
  return phones.find((p) => p.handle === handle)?.received ?? [];
}

/** Every item of an iterator. */
export async function collected(items) {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}
