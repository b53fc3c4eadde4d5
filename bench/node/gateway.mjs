// A gateway as a team would write it with npm's packages: undici as the proxy, ioredis, sessions cached in process for
// one second. It decides by a right with dates or by being a legal representative, sets eight headers and strips both
// the client's own copies of them and its session cookie..
import http from "node:http";
import Redis from "ioredis";
import { Pool } from "undici";

const [port, backend, redisPort] = process.argv.slice(2);
const redis = new Redis(Number(redisPort), "127.0.0.1");
const pool = new Pool(`http://127.0.0.1:${backend}`, { connections: 64 });
const KEPT_MS = 1000;
const MOST_KEPT = 10_000;
const HOP_BY_HOP = new Set(["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"]);
const kept = new Map();

async function sessionOf(token) {
  const found = kept.get(token);
  if (found !== undefined && found.until > Date.now()) return found.session;
  const text = await redis.get(`session:${token}`);
  if (text === null) {
    kept.delete(token);
    return null;
  }
  const session = JSON.parse(text);
  if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value);
  kept.set(token, { session, until: Date.now() + KEPT_MS });
  return session;
}

function allowed(session) {
  if (session.legalRepresentative) return true;
  const today = new Date().toISOString().slice(0, 10);
  return session.rights.some(
    (right) => right.name === "VLAIO Inkom Gebruiker Nieuw" && right.from <= today && (right.until ?? "9999") >= today,
  );
}

function cookiesOf(header) {
  const others = [];
  let token;
  for (const part of (header ?? "").split(/; */)) {
    if (part.startsWith("sid=")) token = part.slice(4);
    else if (part) others.push(part);
  }
  return { token, others: others.join("; ") };
}

function onwards(request, others, session) {
  const headers = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (!HOP_BY_HOP.has(name) && !name.startsWith("x-inkom-") && name !== "cookie") headers[name] = value;
  }
  if (others) headers.cookie = others;
  return Object.assign(headers, session.headers);
}

const server = http.createServer(async (request, response) => {
  const { token, others } = cookiesOf(request.headers.cookie);
  const session = token === undefined ? null : await sessionOf(token);
  if (session === null) {
    response.writeHead(401, { "content-type": "application/problem+json" }).end('{"status":401}');
    return;
  }
  if (!allowed(session)) {
    response.writeHead(403, { "content-type": "application/problem+json" }).end('{"status":403}');
    return;
  }
  const bodiless = request.method === "GET" || request.method === "HEAD";
  try {
    await pool.stream(
      {
        path: request.url,
        method: request.method,
        headers: onwards(request, others, session),
        body: bodiless ? null : request,
      },
      ({ statusCode, headers }) => {
        const back = {};
        for (const [name, value] of Object.entries(headers)) if (!HOP_BY_HOP.has(name)) back[name] = value;
        response.writeHead(statusCode, back);
        return response;
      },
    );
  } catch {
    if (!response.headersSent) response.writeHead(502);
    response.end();
  }
});
server.keepAliveTimeout = 600_000;
server.listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
