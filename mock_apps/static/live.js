// Shows the events of the live page as they come. The browser reconnects by itself.
const stage = document.getElementById("live");
const source = new EventSource(stage.dataset.address);
source.onmessage = (event) => { stage.textContent = JSON.parse(event.data).count; };
