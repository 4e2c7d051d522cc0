"use strict";
(() => {
  const live = document.getElementById("live");
  const since = () => {  // how long ago, and not when: the browser's clock is not the site's
    const gone = Math.floor((performance.now() - last) / 1000);
    return gone < 2 ? "now" : gone < 120 ? gone + " s ago" : Math.floor(gone / 60) + " min ago";
  };
  const say = () => {
    live.lastElementChild.textContent = stale ? "no answer; this is of " + since() : "updated " + since();
    live.classList.toggle("stale", stale);
    live.setAttribute("role", stale ? "alert" : "timer");
  };
  const here = location.origin + location.pathname + location.search;  // without credentials, which fetch refuses
  let asking = false, stale = false, last = performance.now(), tag = "";
  const show = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.getElementById("data"), shown = document.getElementById("data");
    if (fresh && shown && fresh.innerHTML !== shown.innerHTML) {
      const focus = document.activeElement && document.activeElement.id;
      const scrolled = [...shown.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
      shown.replaceWith(document.adoptNode(fresh));
      fresh.querySelectorAll(".scroll").forEach((one, index) => { one.scrollLeft = scrolled[index] || 0; });
      if (focus) document.getElementById(focus)?.focus({preventScroll: true});
    }
  };
  async function refresh() {
    if (asking || document.hidden || document.querySelector("details[open]")) return;
    asking = true;
    try {
      const headers = tag ? {"If-None-Match": tag} : {};
      const answer = await fetch(here, {cache: "no-store", credentials: "same-origin", headers});
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(answer.status);
        show(await answer.text());
        tag = answer.headers.get("ETag") || "";
      }
      last = performance.now();
      stale = false;
    } catch (problem) {
      stale = true;
    } finally {
      asking = false;
      say();
    }
  }
  say();
  setInterval(say, 1000);
  setInterval(refresh, 1000 * Number(live.dataset.everyS));
  document.addEventListener("visibilitychange", refresh);
  document.documentElement.dataset.ready = "yes";
})();
