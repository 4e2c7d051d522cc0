"use strict";
// Sends images that are dropped, shows what counts on them, and sends boxes that a person corrected.
let about = null, at = null, boxes = [], chosen = null, kind = 0, start = null, drawn = null, sending = false;
const images = new Map();

async function upload(file) {
  const response = await fetch("/api/count", {
    method: "POST", body: file,
    headers: { "Content-Type": "application/octet-stream", "X-CSRF-Token": csrf, "X-Name": encodeURIComponent(file.name) },
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function take(files) {
  const wrong = [];
  say("");
  for (const file of files) {
    by("place").textContent = `Counting ${file.name} …`;
    try {
      if (file.size > about.most_bytes) throw new Error(`${file.name} has more than ${about.most_bytes >> 20} MiB`);
      const answer = await upload(file);
      images.set(answer.image.number, answer.image);
      totals(answer.totals);
      show(answer.image.number);
    } catch (error) {
      wrong.push(error.message);
    }
  }
  by("place").textContent = at === null ? "" : placed();
  say(wrong.join("\n"));
  document.body.dataset.refused = String(Number(document.body.dataset.refused || 0) + wrong.length);
  document.body.dataset.taken = String(images.size);
}

const figure = (value) => (value === null ? "" : value.toFixed(1));

function row(cells, tag) {
  const line = document.createElement("tr");
  for (const text of cells) {
    const cell = document.createElement(tag);
    cell.textContent = text;
    line.append(cell);
  }
  return line;
}

function totals(all) {
  by("totals").replaceChildren(
    row(["class", "count", "95 % interval", "members", "D10", "D50", `D90 ${about.unit}`], "th"),
    ...all.map((each) => row([
      each.name, each.count, each.low === null ? "unknown" : `${each.low} to ${each.high}`,
      each.members === null ? "" : `about ${each.members}`, figure(each.d10), figure(each.d50), figure(each.d90),
    ], "td")));
  const bars = all.length ? all[0].histogram : [], most = Math.max(1, ...bars);
  by("histogram").replaceChildren(...bars.map((count, number) => {
    const bar = document.createElementNS(SVG, "rect"), height = 4 * count / most;
    const edges = { x: number + 0.05, y: 4 - height, width: 0.9, height };
    for (const [name, value] of Object.entries(edges)) bar.setAttribute(name, value);
    return bar;
  }));
  by("images").replaceChildren(...[...images.values()].map((image) => {
    const entry = document.createElement("li"), button = document.createElement("button");
    button.textContent = `${image.name}: ${image.cannot_tell ? "cannot tell" : image.boxes.length}`
      + (image.corrected ? ", corrected" : "");
    button.addEventListener("click", () => show(image.number));
    entry.append(button);
    return entry;
  }));
}

function placed() {
  const image = images.get(at);
  if (image.cannot_tell) return `${image.name}: cannot tell. ${image.cannot_tell}`;
  const counts = about.classes.map((name) => `${image.boxes.filter((box) => box.class === name).length} ${name}`);
  return `${image.name}: ${counts.join(", ")}`;
}

function show(number) {
  at = number;
  chosen = null;
  const image = images.get(at);
  boxes = image.boxes.map((box) => ({ ...box }));
  by("shown").hidden = false;
  by("frame").src = `/images/${number}`;
  by("boxes").setAttribute("viewBox", `0 0 ${image.width} ${image.height}`);
  by("place").textContent = placed();
  by("place").className = image.cannot_tell ? "doubt" : "sub";
  document.body.dataset.at = String(number);
  paint();
}

function paint() {
  by("boxes").replaceChildren(...[...boxes, ...(drawn ? [drawn] : [])].map((box, number) => {
    const shape = document.createElementNS(SVG, "rect");
    const edges = { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top };
    for (const [name, value] of Object.entries(edges)) shape.setAttribute(name, value);
    shape.setAttribute("class", `k${about.classes.indexOf(box.class) % 5}${number === chosen ? " chosen" : ""}`);
    return shape;
  }));
  by("classes").replaceChildren(...about.classes.map((name, number) => {
    const entry = document.createElement("li"), button = document.createElement("button");
    button.textContent = `${number + 1} ${name}`;
    button.className = `k${number % 5}`;
    button.setAttribute("aria-pressed", String(number === kind));
    button.addEventListener("click", () => choose(number));
    entry.append(button);
    return entry;
  }));
  document.body.dataset.boxes = String(boxes.length);
}

function choose(number) {
  kind = number;
  if (chosen !== null) boxes[chosen].class = about.classes[number];
  paint();
}

function point(event) {
  const area = by("boxes").getBoundingClientRect(), image = images.get(at);
  const share = [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
  return share.map((each, axis) => Math.min(1, Math.max(0, each)) * (axis ? image.height : image.width));
}

function remove() {
  if (chosen === null) return say("Click a box first.");
  boxes.splice(chosen, 1);
  chosen = null;
  paint();
}

async function keep() {
  if (at === null || sending) return;
  sending = true;
  try {
    const answer = await ask("/api/correct", {
      number: at, boxes: boxes.map(({ class: name, left, top, right, bottom }) => ({ class: name, left, top, right, bottom })),
    });
    images.set(at, answer.image);
    totals(answer.totals);
    show(at);
    say(answer.note || "");
    document.body.dataset.corrected = String(Number(document.body.dataset.corrected || 0) + 1);
  } catch (error) {
    say(error.message);
  } finally {
    sending = false;
  }
}

by("boxes").addEventListener("pointerdown", (event) => {
  start = point(event);
  by("boxes").setPointerCapture(event.pointerId);
});
by("boxes").addEventListener("pointermove", (event) => {
  if (!start) return;
  const [x, y] = point(event);
  drawn = {
    class: about.classes[kind], left: Math.min(x, start[0]), right: Math.max(x, start[0]),
    top: Math.min(y, start[1]), bottom: Math.max(y, start[1]),
  };
  paint();
});
by("boxes").addEventListener("pointerup", (event) => {
  const [x, y] = point(event);
  if (drawn && drawn.right - drawn.left > 4 && drawn.bottom - drawn.top > 4) {
    boxes.push(drawn);
    chosen = boxes.length - 1;
  } else {
    chosen = boxes.findIndex((box) => box.left <= x && x <= box.right && box.top <= y && y <= box.bottom);
    if (chosen < 0) chosen = null;
  }
  start = drawn = null;
  paint();
});
by("drop").addEventListener("dragover", (event) => { event.preventDefault(); by("drop").classList.add("over"); });
by("drop").addEventListener("dragleave", () => by("drop").classList.remove("over"));
by("drop").addEventListener("drop", (event) => {
  event.preventDefault();
  by("drop").classList.remove("over");
  take(event.dataTransfer.files);
});
by("files").addEventListener("change", () => take(by("files").files));
by("remove").addEventListener("click", remove);
by("send").addEventListener("click", keep);
by("end").addEventListener("click", async () => {
  await ask("/api/end", {});
  document.body.replaceChildren("Ended. You may close this page.");
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Delete") remove();
  else if (event.key === "Enter" && event.target === document.body) keep();
  else if (about && Number(event.key) >= 1 && Number(event.key) <= about.classes.length) choose(Number(event.key) - 1);
});
ask("/api/about").then((answer) => {
  about = answer;
  for (const image of about.images) images.set(image.number, image);
  totals(about.totals);
  document.body.dataset.ready = "yes";
}).catch((error) => say(error.message));
