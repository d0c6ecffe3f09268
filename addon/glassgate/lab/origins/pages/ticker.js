// Shows the payroll run as it ticks. All that comes is put in as text, never as markup.
"use strict";
const at = (id) => document.getElementById(id);
const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ticks`);
socket.addEventListener("message", (event) => {
  const tick = JSON.parse(event.data);
  at("clock").textContent = tick.time.slice(11, 19);
  at("bar").value = tick.done;
  at("state").textContent = tick.done ? `${tick.done} of ${tick.of} payslips: ${tick.last}` : "a new run begins";
  at("state").dataset.tick = tick.tick;
});
socket.addEventListener("close", () => {
  at("state").textContent = "the connection is closed: your session may have ended; load the page anew";
});
