"use strict";
// Plays a video frame by frame, and sends where uses of tools begin and end; all of it stays on this machine.
const SPEEDS = [0.25, 0.5, 1, 2, 4, 8], COLOURS = 8, LANE = 18, AHEAD = 24, HELD = 80;
let times = [], end = 1, tools = [], uses = [], chosen = 0, at = 0, speed = 2;
let playing = false, startedAt = 0, startedFrom = 0, sending = Promise.resolve();
const images = new Map();

const seconds = (us) => (us / 1e6).toFixed(3);

function load(number) {
  if (!images.has(number)) {
    const image = new Image();
    image.addEventListener("load", () => { if (number === at) draw(); });
    image.addEventListener("error", () => {
      image.failed = true;
      if (number === at) say("This frame cannot be decoded.");
    });
    image.src = `/frames/${number}`;
    images.set(number, image);
  }
  return images.get(number);
}

const stride = () => Math.max(1, SPEEDS[speed] / 2);
const settled = (image) => image.failed || (image.complete && image.naturalWidth > 0);

function prefetch() {
  const step = playing ? stride() : 1, count = playing ? AHEAD : 2;
  for (let number = at; number <= Math.min(times.length - 1, at + count * step); number += step) load(number);
  for (const [number, image] of images) {
    if (images.size <= HELD) break;
    if (number < at || number > at + AHEAD * stride()) { if (!image.complete) image.src = ""; images.delete(number); }
  }
}

function draw() {
  const image = load(at);
  if (!image.complete || !image.naturalWidth) return;
  const canvas = by("frame");
  if (canvas.width !== image.naturalWidth || canvas.height !== image.naturalHeight) {
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
  }
  canvas.getContext("2d").drawImage(image, 0, 0);
  document.body.dataset.drawn = String(at);
}

function shape(kind, name, attributes) {
  const element = document.createElementNS(SVG, kind);
  element.setAttribute("class", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function paint() {
  const strip = by("strip"), height = tools.length * LANE;
  strip.setAttribute("viewBox", `0 0 ${end} ${height}`);
  strip.setAttribute("height", height);
  const lanes = tools.map((_, lane) => shape("rect", "lane", { x: 0, y: lane * LANE + 1, width: end, height: LANE - 2 }));
  const marks = uses.map((use) => {
    const lane = tools.indexOf(use.tool), begun = use.end_us === null;
    const width = (begun ? Math.max(times[at], use.start_us + end / 500) : use.end_us) - use.start_us;
    return shape("rect", `use c${lane % COLOURS}${begun ? " begun" : ""}`,
      { x: use.start_us, y: lane * LANE + 3, width, height: LANE - 6, "data-tool": use.tool });
  });
  strip.replaceChildren(...lanes, ...marks, shape("line", "here", { x1: times[at], x2: times[at], y1: 0, y2: height }));
  by("clock").textContent = `${seconds(times[at])} s of ${seconds(end)} s, frame ${at + 1} of ${times.length}`;
  by("speed").textContent = `${playing ? "playing" : "paused"}, ${SPEEDS[speed]}×`;
  by("tools").replaceChildren(...tools.map((name, number) => {
    const entry = document.createElement("li"), button = document.createElement("button");
    const own = uses.filter((use) => use.tool === name), begun = own.some((use) => use.end_us === null);
    button.className = `c${number % COLOURS}`;
    button.textContent = `${number < 9 ? `${number + 1} ` : ""}${name} (${own.length}${begun ? ", in use" : ""})`;
    button.setAttribute("aria-pressed", String(number === chosen));
    button.addEventListener("click", () => { chosen = number; paint(); });
    entry.append(button);
    return entry;
  }));
  Object.assign(document.body.dataset, { at: String(at), uses: String(uses.length), tool: tools[chosen] });
}

function go(number) {
  at = Math.max(0, Math.min(number, times.length - 1));
  startedAt = performance.now();
  startedFrom = times[at];
  prefetch();
  draw();
  paint();
}

function frameAt(time) {
  let low = 0, high = times.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle] <= time) low = middle; else high = middle - 1;
  }
  return low;
}

function tick(now) {
  if (!playing) return;
  const due = frameAt(startedFrom + (now - startedAt) * 1000 * SPEEDS[speed]), step = stride();
  const next = Math.min(at + step, times.length - 1);
  if (!settled(load(next))) {  // decoding is behind: the clock waits for it
    startedAt = now;
    startedFrom = times[at];
  } else if (due >= next && next > at) {
    at = next;
    prefetch();
    draw();
    paint();
  }
  if (at === times.length - 1) { playing = false; paint(); } else requestAnimationFrame(tick);
}

function play(plays) {
  playing = plays;
  go(playing && at === times.length - 1 ? 0 : at);
  if (playing) requestAnimationFrame(tick);
}

function mark(action) {
  const body = { action, tool: tools[chosen], frame: at };
  sending = sending.then(() => ask("/api/marks", body)).then((answer) => {
    ({ uses } = answer);
    say("");
    paint();
  }).catch((error) => say(error.message));
}

function press(key, shift) {
  const number = Number(key);
  if (key === " ") play(!playing);
  else if (key === "ArrowLeft" || key === "ArrowRight") {
    const sign = key === "ArrowLeft" ? -1 : 1;
    playing = false;
    if (!shift) go(at + sign);
    else go(sign > 0 ? Math.max(at + 1, frameAt(times[at] + 1e6)) : Math.min(at - 1, frameAt(times[at] - 1e6)));
  } else if (key === "ArrowUp" || key === "ArrowDown") {
    speed = Math.max(0, Math.min(speed + (key === "ArrowUp" ? 1 : -1), SPEEDS.length - 1));
    go(at);
  } else if (key === "Home" || key === "End") { playing = false; go(key === "Home" ? 0 : times.length - 1); }
  else if (key === "[" || key === "i") mark("begin");
  else if (key === "]" || key === "o") mark("end");
  else if (key === "x") mark("remove");
  else if (key === "u") mark("undo");
  else if (number >= 1 && number <= Math.min(9, tools.length)) { chosen = number - 1; paint(); }
  else return false;
  return true;
}

by("strip").addEventListener("click", (event) => {
  const area = by("strip").getBoundingClientRect();
  playing = false;
  go(frameAt(((event.clientX - area.left) / area.width) * end));
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (press(event.key, event.shiftKey)) event.preventDefault();
});
for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", () => { press(button.dataset.key, false); button.blur(); });
}
by("end").addEventListener("click", async () => {
  playing = false;
  await sending;
  await ask("/api/end", {});
  say("Ended. You may close this page.");
});

ask("/api/video").then((answer) => {
  ({ times_us: times, end_us: end, tools, uses } = answer);
  by("name").textContent = answer.name;
  if (answer.damaged) say("Parts of the video are damaged, and are passed by.");
  const begun = uses.find((use) => use.end_us === null), last = begun || uses[uses.length - 1];
  if (last) chosen = tools.indexOf(last.tool);
  go(last ? frameAt(begun ? last.start_us : last.end_us) : 0);
  document.body.dataset.ready = "yes";
}).catch((error) => say(error.message));
