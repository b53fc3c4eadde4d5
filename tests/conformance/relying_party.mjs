// A relying party that is not ours: npm's openid-client. It is told everything by a line of JSON (see
// test_openid_client.py), signs somebody of the cast in without pages, and prints what it learnt as a line of JSON. Where
// it refuses, it prints the code of its refusal.

import { createInterface } from 'node:readline';
import { webcrypto } from 'node:crypto';

// Node 18 has these, and hides them.
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;
const client = await import('openid-client');

function authentication(told, key) {
  if (told.authentication === 'client_secret_basic') return client.ClientSecretBasic(told.secret);
  if (told.authentication === 'client_secret_post') return client.ClientSecretPost(told.secret);
  return client.PrivateKeyJwt(key);
}

async function importedKey(told) {
  const { kid, alg, ...jwk } = told.key;
  const algorithm =
    alg === 'ES256' ? { name: 'ECDSA', namedCurve: 'P-256' } : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return { kid, key: await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign']) };
}

// A proof of possession for each call, with a key of this one sign-in (RFC 9449).
const bound = (told, config, keys) => (told.dpop ? { DPoP: client.getDPoPHandle(config, keys) } : undefined);
const newKeys = (told) => (told.dpop ? client.randomDPoPKeyPair('ES256') : undefined);

async function signIn(told) {
  const key = told.key && (await importedKey(told));
  const config = await client.discovery(new URL(told.issuer), told.client_id, told.metadata, authentication(told, key), {
    // Only because the mock of a test has no certificate.
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  });
  const keys = await newKeys(told);
  const proof = bound(told, config, keys);
  const verifier = client.randomPKCECodeVerifier();
  const [state, nonce] = [client.randomState(), client.randomNonce()];
  const parameters = {
    redirect_uri: told.redirect_uri,
    scope: told.scope,
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
  if (proof) parameters.dpop_jkt = await proof.DPoP.calculateThumbprint();
  if (told.signed) await signed(config, parameters, key);
  const address = told.pushed
    ? await client.buildAuthorizationUrlWithPAR(config, parameters, proof)
    : client.buildAuthorizationUrl(config, parameters);
  for (const [name, value] of Object.entries(told.shortcut)) address.searchParams.set(name, value);

  const answer = await fetch(address, { redirect: 'manual' });
  const location = answer.headers.get('location');
  if (!location) throw new Error(`no way back: ${answer.status} ${await answer.text()}`);
  const tokens = await client.authorizationCodeGrant(config, new URL(location), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  }, undefined, proof);
  const claims = tokens.claims();
  const learnt = {
    token_type: tokens.token_type,
    metadata: config.serverMetadata(),
    address: [...address.searchParams.keys()],
    response: [...new URL(location).searchParams.keys()],
    claims,
    userinfo: await client.fetchUserInfo(config, tokens.access_token, claims.sub, proof),
    introspection: await client.tokenIntrospection(config, tokens.access_token),
  };
  if (!tokens.refresh_token) return learnt;
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, proof);
  return {
    ...learnt,
    refreshed: { claims: refreshed.claims(), rotated: refreshed.refresh_token !== tokens.refresh_token },
    used_twice: await refusal(() => client.refreshTokenGrant(config, tokens.refresh_token, undefined, proof)),
  };
}

// The parameters give way to one signed object that holds them (RFC 9101).
async function signed(config, parameters, key) {
  const address = await client.buildAuthorizationUrlWithJAR(config, parameters, key);
  for (const name of Object.keys(parameters)) delete parameters[name];
  Object.assign(parameters, Object.fromEntries(address.searchParams));
}

async function refusal(attempt) {
  try {
    await attempt();
    return null;
  } catch (error) {
    return error.error ?? error.code ?? error.message;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let learnt = null;
  const refused = await refusal(async () => {
    learnt = await signIn(JSON.parse(line));
  });
  console.log(JSON.stringify({ refused, learnt }));
}
