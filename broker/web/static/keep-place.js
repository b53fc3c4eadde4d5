// Lets the place on the page that the visitor was going to (what stands after #) go along with every step on the way.
(function () {
  "use strict";
  var place = location.hash;

  function take(element, name) {
    var address = element.getAttribute(name);
    if (address && address.indexOf("#") < 0 && /^[?/](?!\/)/.test(address)) element.setAttribute(name, address + place);
  }

  document.addEventListener("DOMContentLoaded", function () {
    if (place.length < 2 || document.getElementById(place.slice(1))) return;
    Array.prototype.forEach.call(document.querySelectorAll("form[action]"), function (form) { take(form, "action"); });
    Array.prototype.forEach.call(document.querySelectorAll("a[href]"), function (link) { take(link, "href"); });
  });
})();
