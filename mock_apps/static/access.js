// Says at once when the visitor may no longer be here. The gateway ends the page's event stream then; asked at the same
// address, it tells why. Nothing is loaded anew by itself: what was typed stays on the page.
const AGAIN_AFTER_MS = 3000;
const place = document.getElementById("access");
const lost = document.getElementById("access-lost");
const address = place.dataset.stream;
let stream = null;

// One stream for each page that is looked at: browsers open only six connections to a server over HTTP/1.1.
function open() {
  if (stream || document.hidden || place.hasChildNodes()) return;
  stream = new EventSource(address);
  stream.onmessage = (event) => document.dispatchEvent(new CustomEvent("streamed", { detail: event.data }));
  stream.onerror = look;
}

function close() {
  stream?.close();
  stream = null;
}

async function look() {
  close();
  const { allowed, problem } = await asked();
  // That nobody is signed in is said by the gateway's own `session.js`, where it could be loaded.
  if (problem?.reason === "not-signed-in" && window.inkom) {
    window.inkom.check();
    return;
  }
  if (problem) {
    tell(problem.cause ?? problem.reason);
    return;
  }
  if (allowed) place.replaceChildren();
  // No answer says nothing about the visitor's access: the network or a server is away for a moment.
  setTimeout(open, allowed ? 0 : AGAIN_AFTER_MS);
}

async function asked() {
  const enough = new AbortController();
  try {
    const answer = await fetch(address, { headers: { accept: "application/problem+json" }, signal: enough.signal });
    const refused = answer.status === 401 || answer.status === 403;
    const explained = answer.headers.get("content-type")?.startsWith("application/problem+json");
    return { allowed: answer.ok, problem: refused && explained ? await answer.json() : null };
  } catch {
    return { allowed: false, problem: null };
  } finally {
    enough.abort();
  }
}

function tell(cause) {
  const notice = lost.content.cloneNode(true);
  const reasons = [...notice.querySelectorAll("[data-cause]")];
  const fitting = reasons.find((reason) => reason.dataset.cause === cause) ?? reasons.at(-1);
  reasons.filter((reason) => reason !== fitting).forEach((reason) => reason.remove());
  place.replaceChildren(notice);
  place.scrollIntoView({ block: "nearest" });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) close();
  else if (place.hasChildNodes()) look();
  else open();
});
window.addEventListener("inkom:signed-in", look);
open();
