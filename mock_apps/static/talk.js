// The WebSocket page: says who we are to the backend, and shows what it returns.
const form = document.getElementById("talk");
const log = document.getElementById("log");
const address = new URL(form.dataset.address, location.href);
address.protocol = address.protocol.replace("http", "ws");
const socket = new WebSocket(address);

function show(text) {
  const line = document.createElement("li");
  line.textContent = text;
  log.prepend(line);
}

socket.onmessage = (event) => show(event.data);
socket.onclose = () => show(form.dataset.closed);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  socket.send(form.elements.text.value);
  form.reset();
});
