"use strict";
// Shows tickets one by one, and sends what the owner answers; all of it stays on this machine.
let tickets = [], classes = [], at = 0, drawn = [], chosen = null, start = null, sending = false;

function rectangle(box, kind) {
  const shape = document.createElementNS(SVG, "rect");
  const [x, y, w, h] = box;
  const edges = { x: x - w / 2, y: y - h / 2, width: w, height: h, class: kind };
  for (const [name, value] of Object.entries(edges)) shape.setAttribute(name, value);
  by("boxes").append(shape);
}

function paint() {
  const ticket = tickets[at];
  by("boxes").replaceChildren();
  for (const label of ticket.labels) rectangle(label, "label");
  if (ticket.box) rectangle(ticket.box, "question");
  for (const box of drawn) rectangle([box.x, box.y, box.w, box.h], "drawn");
  by("classes").replaceChildren(...classes.map((name, number) => {
    const entry = document.createElement("li"), button = document.createElement("button");
    button.textContent = number < 9 ? `${number + 1} ${name}` : name;
    button.setAttribute("aria-pressed", String(name === chosen));
    button.addEventListener("click", () => choose(name));
    entry.append(button);
    return entry;
  }));
}

function show(number) {
  at = Math.max(0, Math.min(number, tickets.length - 1));
  const ticket = tickets[at];
  drawn = [];
  chosen = ticket.class || classes[0];
  const answered = tickets.filter((other) => other.verdict).length;
  by("place").textContent = `Ticket ${at + 1} of ${tickets.length}, ${answered} answered`
    + (ticket.verdict ? `; this one: ${ticket.verdict}` : "");
  by("question").textContent = ticket.question;
  by("frame").src = ticket.problem ? "" : `/frames/${ticket.ticket}`;
  say(ticket.problem || "");
  paint();
  document.body.dataset.ticket = ticket.ticket;
  document.body.dataset.answered = String(answered);
}

function choose(name) {
  chosen = name;
  const ticket = tickets[at];
  if (drawn.length) drawn[drawn.length - 1].class = name;
  else if (ticket.box) {
    const [x, y, w, h] = ticket.box;
    drawn = [{ class: name, x, y, w, h }];
  }
  if (drawn.length) say(`Enter sends ${name}`);
  paint();
}

async function send(verdict, boxes) {
  if (sending) return;
  sending = true;
  const ticket = tickets[at];
  try {
    await ask("/api/answers", boxes ? { ticket: ticket.ticket, verdict, boxes } : { ticket: ticket.ticket, verdict });
    ticket.verdict = verdict === "withdrawn" ? null : verdict;
    const next = tickets.findIndex((other, number) => number > at && !other.verdict && !other.problem);
    show(verdict === "withdrawn" ? at : next >= 0 ? next : at + 1);
    if (tickets.every((other) => other.verdict || other.problem)) say("All are answered. Press End.");
  } catch (error) {
    say(error.message);
  } finally {
    sending = false;
  }
}

function press(key) {
  const ticket = tickets[at];
  const number = Number(key);
  if (key === "ArrowLeft") show(at - 1);
  else if (key === "ArrowRight") show(at + 1);
  else if (key === "u") send("withdrawn");
  else if (ticket.verdict) say("This ticket is answered; u takes the answer back.");
  else if (key === "y" && ticket.kind === "badly-located") say("Draw where it should be, then press Enter.");
  else if (key === "y") send("agree");
  else if (key === "n") send("disagree");
  else if (key === "x") send("corrected", []);
  else if (key === "o") send("out-of-scope");
  else if (key === "Escape") { drawn = []; say(""); paint(); }
  else if (key === "Enter" && drawn.length) send("corrected", drawn);
  else if (key === "Enter") say("Draw a box with the mouse first.");
  else if (number >= 1 && number <= Math.min(9, classes.length)) choose(classes[number - 1]);
}

function point(event) {
  const area = by("boxes").getBoundingClientRect();
  const share = (value, from, length) => Math.min(1, Math.max(0, (value - from) / length));
  return [share(event.clientX, area.left, area.width), share(event.clientY, area.top, area.height)];
}

by("boxes").addEventListener("pointerdown", (event) => { start = point(event); event.preventDefault(); });
addEventListener("pointerup", (event) => {
  if (!start) return;
  const [left, top] = start, [right, bottom] = point(event);
  start = null;
  const w = Math.abs(right - left), h = Math.abs(bottom - top);
  if (w < 0.002 || h < 0.002) return;
  const keeps = event.shiftKey || tickets[at].kind === "unlabelled";
  const box = { class: chosen, x: (left + right) / 2, y: (top + bottom) / 2, w, h };
  drawn = keeps ? [...drawn, box] : [box];
  say(`Enter sends ${drawn.map((each) => each.class).join(", ")}`);
  paint();
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter") event.preventDefault();
  press(event.key);
});
for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", () => { press(button.dataset.key); button.blur(); });
}
by("end").addEventListener("click", async () => {
  await ask("/api/end", {});
  say("Ended. You may close this page.");
});

ask("/api/tickets").then((answer) => {
  ({ tickets, classes } = answer);
  const first = tickets.findIndex((ticket) => !ticket.verdict && !ticket.problem);
  show(first >= 0 ? first : 0);
  document.body.dataset.ready = "yes";
}).catch((error) => say(error.message));
