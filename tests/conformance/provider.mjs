// An OpenID Provider that is not ours: npm's oidc-provider, with its own pages for development. It is told everything
// by the JSON file that its one argument names (see provider.py), and runs until it is ended.

import { readFileSync } from 'node:fs';

const told = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { default: Provider } = await import(told.package);

const provider = new Provider(told.issuer, {
  clients: told.clients,
  jwks: { keys: told.keys },
  cookies: { keys: ['only-for-this-test'] },
  scopes: ['openid', 'profile', 'rrn'],
  acrValues: [told.acr],
  claims: {
    openid: ['sub', 'acr'],
    profile: ['given_name', 'family_name'],
    rrn: ['rrn'],
  },
  // By default claims about the person come by UserInfo only (OpenID Connect Core 5.4).
  conformIdTokenClaims: told.claims_by_userinfo_only,
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    jwtUserinfo: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: told.strict },
    dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 'only-for-this-test'), requireNonce: () => told.strict },
    requestObjects: told.package.endsWith('-8')
      ? { request: true, requestUri: false, requireSignedRequestObject: told.strict, mode: 'strict' }
      : { enabled: true, requireSignedRequestObject: told.strict },
  },
  enabledJWA: {
    idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256'],
    userinfoSigningAlgValues: ['RS256', 'ES256'],
    clientAuthSigningAlgValues: ['RS256', 'ES256'],
    requestObjectSigningAlgValues: ['RS256', 'ES256'],
    dPoPSigningAlgValues: ['ES256'],
  },
  findAccount: (_, login) => ({ accountId: login, claims: () => ({ sub: login, ...told.accounts[login] }) }),
});

// The pages for development take any name and any password, and do not say how somebody signed in. A provider's own
// pages would, in this same place.
const finished = provider.interactionFinished.bind(provider);
provider.interactionFinished = (request, response, result, options) => {
  if (result.login) result.login.acr = told.acr;
  return finished(request, response, result, options);
};

// A provider that signs with a key which it does not publish.
if (told.published_keys) {
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.path === '/jwks') ctx.body = { keys: told.published_keys };
  });
}

provider.on('server_error', (_, error) => console.error(error));
provider.listen(told.port, '127.0.0.1');
