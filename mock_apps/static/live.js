// Shows the events of the live page as they come; `access.js` keeps the stream.
const stage = document.getElementById("live");
document.addEventListener("streamed", (event) => { stage.textContent = JSON.parse(event.detail).count; });
