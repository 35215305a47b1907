// Where the simulator is and who is allowed in, under the names that Azure's own tools read.
export const {
  AZURE_RESOURCE_MANAGER_ENDPOINT: arm,
  AZURE_SUBSCRIPTION_ID: subscription,
  AZURE_TENANT_ID: tenant,
  AZURE_CLIENT_ID: clientId,
  AZURE_CLIENT_SECRET: clientSecret,
} = process.env;
