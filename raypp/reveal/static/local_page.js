"use strict";
// What the pages of one machine share: their elements, and how they read and write.
const csrf = document.querySelector("meta[name=csrf]").content;
const by = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

const say = (words) => { by("note").textContent = words; };

async function ask(path, body) {
  const response = await fetch(path, body === undefined ? {} : {
    method: "POST", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}
