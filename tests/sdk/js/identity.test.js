// Every kind of credential that @azure/identity has and that needs no person, at a cloud with a name of its own.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { CommunicationServiceManagementClient } from "@azure/arm-communication";
import {
  ChainedTokenCredential,
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  DefaultAzureCredential,
  EnvironmentCredential,
  WorkloadIdentityCredential,
} from "@azure/identity";
import { all, arm, authority, clientId, clientSecret, door, group, scope, subscription, tenant } from "./clients.js";

const issuer = "https://cluster.example";
const subject = "system:serviceaccount:shop:js";
const federated = generateKeyPairSync("rsa", { modulusLength: 2048 });
let files;
let tokenFile;
let certificateFile;

const base64url = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** An assertion as a cluster issues it. */
function assertion(changed = {}) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, sub: subject, aud: ["api://AzureADTokenExchange"], iat: now, exp: now + 600, ...changed };
  const text = `${base64url({ alg: "RS256", typ: "JWT", kid: "js" })}.${base64url(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), federated.privateKey).toString("base64url")}`;
}

before(async () => {
  files = await mkdtemp(path.join(os.tmpdir(), "identity-"));
  tokenFile = path.join(files, "token");
  await writeFile(tokenFile, assertion());
  const jwk = { ...federated.publicKey.export({ format: "jwk" }), kid: "js", alg: "RS256", use: "sig" };
  await door("POST", "federation", { clientId, issuer, subject, jwks: { keys: [jwk] } });
  certificateFile = path.join(files, "app.pem");
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=app", "-days", "2"];
  execFileSync("openssl", [...request, "-keyout", certificateFile, "-out", path.join(files, "app.crt")], { stdio: "ignore" });
  const certificate = await readFile(path.join(files, "app.crt"), "utf8");
  await appendFile(certificateFile, certificate);
  await door("POST", "config", { certificate: { clientId, certificate } });
});
after(() => rm(files, { recursive: true }));

/** The token is good for what it is for. */
async function works(credential) {
  const { token, expiresOnTimestamp } = await credential.getToken(scope);
  assert.ok(expiresOnTimestamp > Date.now());
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  assert.equal(claims.tid, tenant);
  const settings = { endpoint: arm, credentialScopes: scope };
  const client = new CommunicationServiceManagementClient(credential, subscription, settings);
  await all(client.communicationServices.listByResourceGroup(group));
}

test("a secret", () => works(new ClientSecretCredential(tenant, clientId, clientSecret, authority)));

test("a wrong secret is refused in Entra's words", () =>
  assert.rejects(new ClientSecretCredential(tenant, clientId, "wrong", authority).getToken(scope), /AADSTS7000215/));

test("a certificate", () =>
  works(new ClientCertificateCredential(tenant, clientId, { certificatePath: certificateFile }, authority)));

test("an assertion", () => works(new ClientAssertionCredential(tenant, clientId, async () => assertion(), authority)));

test("an assertion about somebody else is refused", () => {
  const other = async () => assertion({ sub: "system:serviceaccount:shop:other" });
  return assert.rejects(new ClientAssertionCredential(tenant, clientId, other, authority).getToken(scope), /AADSTS700213/);
});

test("workload identity", () =>
  works(new WorkloadIdentityCredential({ tenantId: tenant, clientId, tokenFilePath: tokenFile, ...authority })));

test("the environment", () => works(new EnvironmentCredential(authority)));

test("the default chain", () => works(new DefaultAzureCredential(authority)));

test("a chain goes on where one has nothing", async () => {
  const { AZURE_CLIENT_SECRET: secret } = process.env;
  delete process.env.AZURE_CLIENT_SECRET;
  const nothing = new EnvironmentCredential(authority);
  process.env.AZURE_CLIENT_SECRET = secret;
  await works(new ChainedTokenCredential(nothing, new ClientSecretCredential(tenant, clientId, clientSecret, authority)));
});
