// A small shop in Azure: a linked service, a hub with phones, a topic, and a subscription that a webhook agreed to.

import { ACS, EG, NH } from "./simulator.mjs";

export const P8 = "-----BEGIN PRIVATE KEY-----key-of-apple";
export const FCM = "-----BEGIN PRIVATE KEY-----key-of-google";
export const CODE = "c0de-in-a-query";
export const ATTRIBUTE = "value-of-an-attribute";

export async function shop(simulator, { tags = { team: "shop", stage: "test" } } = {}) {
  const { group } = simulator;
  const namespace = `${group}/providers/Microsoft.NotificationHubs/namespaces/contoso-push`;
  const hub = `${namespace}/notificationHubs/phones`;
  const service = `${group}/providers/Microsoft.Communication/communicationServices/contoso-shop`;
  const topic = `${group}/providers/Microsoft.EventGrid/systemTopics/contoso-shop-events`;
  await simulator.arm("PUT", namespace, NH, { location: "westeurope", sku: { name: "Standard" } });
  const apnsCredential = { properties: { endpoint: "https://api.push.apple.com:443/3/device", token: P8, keyId: "ABCDEFGHIJ", appId: "KLMNOPQRST", appName: "com.example.shop" } };
  const fcmV1Credential = { properties: { clientEmail: "push@example.iam", privateKey: FCM, projectId: "shop" } };
  await simulator.arm("PUT", hub, NH, { location: "westeurope", properties: { apnsCredential, fcmV1Credential } });
  await simulator.arm("PUT", `${hub}/authorizationRules/sender`, NH, { properties: { rights: ["Send"] } });
  await simulator.arm("PUT", service, ACS, { location: "global", tags, properties: { dataLocation: "Europe" } });
  const keys = await simulator.arm("POST", `${hub}/authorizationRules/DefaultFullSharedAccessSignature/listKeys`, NH);
  await simulator.arm("POST", `${service}/linkNotificationHub`, ACS, { resourceId: hub, connectionString: keys.primaryConnectionString });
  const source = { source: service, topicType: "Microsoft.Communication.CommunicationServices" };
  await simulator.arm("PUT", topic, EG, { location: "global", properties: source });
  const serviceKeys = await simulator.arm("POST", `${service}/listKeys`, ACS);
  const secrets = [keys, serviceKeys].flatMap(({ keyName, ...rest }) => Object.values(rest));
  return { namespace, hub, service, topic, secrets: [...secrets, P8, FCM, CODE, ATTRIBUTE] };
}

/** Subscribes a webhook, with a query and a header that are nobody's business. */
export async function subscribe(simulator, topic, name, url, more = {}) {
  const id = `${topic}/eventSubscriptions/${name}`;
  const deliveryAttributeMappings = [{ name: "x-key", type: "Static", properties: { value: ATTRIBUTE, isSecret: true } }];
  const properties = { endpointUrl: `${url}?code=${CODE}`, deliveryAttributeMappings };
  await simulator.arm("PUT", id, EG, { properties: { destination: { endpointType: "WebHook", properties }, ...more } });
  await simulator.settled(id, EG);
  return id;
}
