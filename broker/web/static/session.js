// For pages of the applications: notices when the session is over, and when it is there again in another tab.
//
//   <script src="/_inkom/session.js" defer></script>               events and `inkom` only
//   <script src="/_inkom/session.js" data-banner defer></script>   shows a banner as well, in the page's language
//
// Events on window: inkom:signed-out, inkom:signed-in (detail: samePerson, sameOrganisation), inkom:ending (detail:
// seconds, extendable), inkom:extended. `inkom` has state, check(), extend() and signIn({here: true}).
// See docs/backend-teams/sign-in-and-forms.md. Nothing on the page depends on this script.
(function () {
  "use strict";
  if (window.inkom || !window.XMLHttpRequest || typeof window.CustomEvent !== "function") return;

  var ME = "/_inkom/me";
  var LOGIN = "/_inkom/login?return_to=";
  var POLL_MS = 5000; // while signed out and looked at
  var RETRY_MS = 30000; // when there was no answer, or none that says something
  var LEAST_PAUSE_MS = 1000;
  var WARN_S = 120; // before the end; WCAG 2.2.1 asks for 20 at least
  var LONGEST_TIMER_MS = 2147483647;
  var script = document.currentScript;
  var withBanner = script && script.hasAttribute("data-banner");
  var first = null; // whose page this is
  var asking = false;
  var askedAt = 0;
  var toExtend = false;
  var timer = null;
  var soon = null;
  var bar = null;
  var channel = null;
  // unknown, in, ending, out, or other: somebody else is signed in, or it is for another organisation
  var inkom = { state: "unknown", check: check, extend: extend, signIn: signIn };
  window.inkom = inkom;

  function check() { ask("GET"); }
  function extend() { ask("POST"); }

  function signIn(options) {
    var place = location.pathname + location.search;
    var tab = options && options.here ? null : window.open(LOGIN + encodeURIComponent("/_inkom/signed-in"), "_blank");
    if (tab) {
      try { tab.opener = null; } catch (error) { /* it has left this site already, and its opener with it */ }
      return;
    }
    location.assign(LOGIN + encodeURIComponent(place) + location.hash);
  }

  function ask(method) {
    if (asking) {
      toExtend = toExtend || method === "POST";
      return;
    }
    asking = true;
    askedAt = Date.now();
    var request = new XMLHttpRequest();
    request.open(method, ME);
    request.timeout = 10000;
    request.setRequestHeader("Accept", "application/json");
    request.onloadend = function () {
      asking = false;
      var me = null;
      if (request.status === 200) { try { me = JSON.parse(request.responseText); } catch (error) { me = null; } }
      // Any other answer, or none, says nothing about the session.
      if (me) here(me); else if (request.status === 401) gone();
      plan(me);
      if (toExtend) {
        toExtend = false;
        extend();
      }
    };
    request.send();
  }

  function here(me) {
    var before = inkom.state;
    if (!me.organisation) return; // signed in again, and the organisation is being chosen
    if (!first) first = me;
    var samePerson = me.person === first.person;
    var sameOrganisation = me.organisation.number === first.organisation.number;
    if (!samePerson || !sameOrganisation) {
      become("other", "inkom:signed-in", { samePerson: samePerson, sameOrganisation: sameOrganisation });
    } else if (before === "out" || before === "other") {
      become("in", "inkom:signed-in", { samePerson: true, sameOrganisation: true });
    } else if (me.ends_in <= WARN_S) {
      become("ending", "inkom:ending", { seconds: me.ends_in, extendable: me.ends_in < me.latest_in });
    } else if (before === "ending") {
      become("in", "inkom:extended", {});
    } else {
      inkom.state = "in";
    }
  }

  function gone() { become("out", "inkom:signed-out", {}); }

  function become(state, name, detail) {
    if (inkom.state === state) return;
    // A page that nobody was signed in to begin with lost nothing.
    if (state === "out" && inkom.state === "unknown") { inkom.state = state; return; }
    inkom.state = state;
    if (channel) channel.postMessage(name);
    window.dispatchEvent(new CustomEvent(name, { detail: detail }));
    if (withBanner) show(name, detail);
  }

  function plan(me) {
    clearTimeout(timer);
    if (document.hidden) return;
    if (inkom.state === "out") timer = setTimeout(check, POLL_MS);
    else timer = setTimeout(check, me ? Math.min(pause(me.ends_in), LONGEST_TIMER_MS) : RETRY_MS);
  }

  function pause(left) { // in milliseconds: until the warning is due, then now and then until the end
    if (left > WARN_S) return (left - WARN_S) * 1000 + LEAST_PAUSE_MS;
    return Math.max(LEAST_PAUSE_MS, Math.min(left * 1000 + LEAST_PAUSE_MS, 15000));
  }

  function look() {
    if (document.hidden) return;
    clearTimeout(soon);
    soon = setTimeout(check, Math.max(0, askedAt + LEAST_PAUSE_MS - Date.now()));
  }

  document.addEventListener("visibilitychange", function () {
    if (document.hidden) clearTimeout(timer); else look();
  });
  // An open channel would keep the page from being shown at once by the Back button.
  window.addEventListener("pagehide", function () { if (channel) channel.close(); channel = null; });
  window.addEventListener("pageshow", function (event) { if (event.persisted) { listen(); look(); } });

  function listen() {
    if (typeof window.BroadcastChannel !== "function") return;
    channel = new BroadcastChannel("inkom");
    channel.onmessage = look;
  }

  // Browsers note the status of what a page fetches, whoever fetched it: fetch, XMLHttpRequest, EventSource.
  if (typeof window.PerformanceObserver === "function") {
    try {
      new PerformanceObserver(function (list) {
        var refused = list.getEntries().some(function (entry) {
          return (entry.responseStatus === 401 || entry.responseStatus === 403) &&
            entry.name.indexOf(location.origin + "/") === 0 && entry.name.indexOf(location.origin + "/_inkom/") !== 0;
        });
        if (refused) look();
      }).observe({ type: "resource" });
    } catch (error) { /* an old browser: the application may call check() */ }
  }

  var DUTCH = {
    out: "U bent niet meer aangemeld. Wat u hebt ingevuld, staat nog op deze pagina.",
    signIn: "Opnieuw aanmelden (nieuw tabblad)",
    back: "U bent weer aangemeld. U kunt verder werken.",
    close: "Sluiten",
    other: "U bent nu aangemeld als iemand anders, of voor een andere organisatie. Laad deze pagina opnieuw voor u verder werkt.",
    reload: "Pagina opnieuw laden",
    idle: "Als u niets doet, wordt u afgemeld om ",
    stay: "Aangemeld blijven",
    latest: "Uw sessie eindigt om ",
    extended: "U blijft aangemeld."
  };
  var ENGLISH = {
    out: "You are no longer signed in. What you filled in is still on this page.",
    signIn: "Sign in again (new tab)",
    back: "You are signed in again. You can go on working.",
    close: "Close",
    other: "You are signed in as somebody else now, or for another organisation. Reload this page before you go on.",
    reload: "Reload the page",
    idle: "If you do nothing, you are signed out at ",
    stay: "Stay signed in",
    latest: "Your session ends at ",
    extended: "You stay signed in."
  };

  function texts() {
    var language = (document.documentElement.lang || "nl").toLowerCase();
    return language.indexOf("nl") === 0 ? DUTCH : ENGLISH;
  }

  function show(name, detail) {
    var text = texts();
    if (name === "inkom:signed-out") banner(text.out, text.signIn, signIn);
    else if (name === "inkom:extended") banner(text.extended, text.close, hide);
    else if (name === "inkom:ending" && detail.extendable) banner(text.idle + clock(detail.seconds) + ".", text.stay, extend);
    else if (name === "inkom:ending") banner(text.latest + clock(detail.seconds) + ".", text.signIn, signIn);
    else if (detail.samePerson && detail.sameOrganisation) banner(text.back, text.close, hide);
    else banner(text.other, text.reload, function () { location.reload(); });
  }

  function clock(seconds) {
    var end = new Date(Date.now() + seconds * 1000);
    return ("0" + end.getHours()).slice(-2) + ":" + ("0" + end.getMinutes()).slice(-2);
  }

  // The first thing on the page, so that it is reached with one press of Tab; it stays in sight and covers nothing.
  function frame() {
    if (bar) return bar;
    bar = document.createElement("div");
    bar.id = "inkom-banner";
    bar.setAttribute("role", "status");
    style(bar, { position: "sticky", top: "0", zIndex: "2147483647", font: "1rem/1.5 system-ui, sans-serif" });
    document.body.insertBefore(bar, document.body.firstChild);
    return bar;
  }

  function banner(text, label, deed) {
    var place = frame();
    var line = document.createElement("p");
    var button = document.createElement("button");
    var inside = place.contains(document.activeElement);
    line.textContent = text + " ";
    style(line, { margin: "0", padding: "0.75rem 1rem", background: "#fff3d1", color: "#1f1a0d", borderBottom: "3px solid #7a4d00" });
    button.type = "button";
    button.textContent = label;
    style(button, { font: "inherit", fontWeight: "bold", padding: "0.4rem 0.9rem", minHeight: "44px", cursor: "pointer", background: "#0b5c63", color: "#ffffff", border: "0", borderRadius: "4px" });
    button.addEventListener("click", function () { deed(); });
    line.appendChild(button);
    place.textContent = "";
    place.appendChild(line);
    if (inside) button.focus();
  }

  function hide() { if (bar) bar.textContent = ""; }

  // One property at a time, which a strict Content-Security-Policy allows; a style attribute it would not.
  function style(element, rules) {
    Object.keys(rules).forEach(function (rule) { element.style[rule] = rules[rule]; });
  }

  function begin() {
    listen();
    if (withBanner) frame();
    if (script && script.hasAttribute("data-announce") && channel) channel.postMessage("inkom:signed-in");
    look();
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin); else begin();
})();
