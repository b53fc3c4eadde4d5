// Goes on to the sign-in, and takes the place on the page along: what stands after # in an address never reaches a
// server by itself. It goes in the body of a post, so that it stands in no log and in no Referer.
(function () {
  "use strict";
  var go = document.currentScript.getAttribute("data-go");
  document.documentElement.hidden = true;
  if (location.hash.length < 2) {
    location.replace(go);
    return;
  }
  var form = document.createElement("form");
  var place = document.createElement("input");
  form.method = "post";
  form.action = go;
  place.type = "hidden";
  place.name = "fragment";
  place.value = location.hash.slice(1);
  form.appendChild(place);
  document.documentElement.appendChild(form);
  // Sent before the page is loaded whole, it takes this page's place in the history: Back leads past it.
  form.submit();
})();
