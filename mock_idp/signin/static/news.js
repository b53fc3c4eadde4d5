// Comfort only: asks every two seconds whether something changed, and then goes on or shows the page anew.
// Everything works without it, by the buttons and links on the page.
"use strict";

const place = document.querySelector("[data-news]");

function isTyping() {
  const inputs = [...document.querySelectorAll("input:not([type=hidden])")];
  return inputs.some((input) => input.value !== "" || input === document.activeElement);
}

async function look() {
  const answer = await fetch(place.dataset.news, { headers: { accept: "application/json" } });
  if (!answer.ok) {
    location.replace(location.pathname); // the page itself says what is over
    return;
  }
  const { state } = await answer.json();
  if (place.dataset.goOn === state) {
    place.requestSubmit();
  } else if (state !== place.dataset.state && !isTyping()) {
    location.replace(location.pathname);
  } else {
    setTimeout(lookAgain, 2000);
  }
}

function lookAgain() {
  look().catch(() => setTimeout(lookAgain, 5000));
}

if (place) {
  lookAgain();
}
