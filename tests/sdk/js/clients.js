// Clients of Microsoft's SDKs, pointed at the simulator as they would be at a private cloud.
import { CommunicationServiceManagementClient } from "@azure/arm-communication";
import { EventGridManagementClient } from "@azure/arm-eventgrid";
import { NotificationHubsManagementClient } from "@azure/arm-notificationhubs";
import { ClientSecretCredential } from "@azure/identity";
import { arm, clientId, clientSecret, subscription, tenant } from "./environment.js";
import { operations } from "./operations.js";

export { arm, clientId, clientSecret, subscription, tenant };
export const group = "rg-shop";
/** The scope that ARM's tokens are asked for with. */
export const scope = `${arm}/.default`;
/** As a private cloud is named to @azure/identity. */
export const authority = { authorityHost: arm, disableInstanceDiscovery: true };
/** Pollers look once a second, not every half minute. */
export const polling = { updateIntervalInMs: 1000 };

/** One of the simulator's own doors. */
export async function door(method, path, body) {
  const answer = await fetch(`${arm}/_sim/${path}`, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} /_sim/${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

export const credential = new ClientSecretCredential(tenant, clientId, clientSecret, authority);

const settings = { endpoint: arm, credentialScopes: scope };
/** options.apiVersion selects another version than the client's own, where the client lets it be selected. */
export const communication = (options) =>
  new CommunicationServiceManagementClient(credential, subscription, { ...settings, ...options });
export const eventGrid = (options) =>
  new EventGridManagementClient(credential, subscription, { ...settings, ...options });
export const notificationHubs = (options) =>
  new NotificationHubsManagementClient(credential, subscription, { ...settings, ...options });

/** Every api-version that the simulator says it takes for an operation; which of them a client really spoke is evidence. */
export const versions = (operation) => operations().find(({ name }) => name === operation).versions;

/** Every item of a paged list. */
export async function all(pages) {
  const items = [];
  for await (const item of pages) items.push(item);
  return items;
}
