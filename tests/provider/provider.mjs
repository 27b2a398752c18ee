// The OpenID provider of the package oidc-provider on 127.0.0.1, with the clients and people that
// come as JSON on stdin. Whoever is among the people signs in with any password. Says its issuer.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const { clients, people, methods } = JSON.parse(readFileSync(0, "utf-8"));
const server = createServer();

server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients,
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    clientAuthMethods: methods,
    cookies: { keys: ["of a test"] },
    pkce: { required: () => true },
    findAccount: (_, id) =>
      people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  });
  server.on("request", provider.callback());
  process.stdout.write(`${issuer}\n`);
});
