"""How the page looks and keeps itself fresh: one style sheet and one script, named by digest to the browser."""

import base64
import hashlib

from raypp.reports.colours import DARK, LIGHT

REFRESH_S = 10
"""How often an open page asks for news."""

_COLOURS = "".join(f".c{number}{{--c:var(--tool{number})}}" for number in range(len(LIGHT)))
_LIGHT = "".join(f"--tool{number}:{colour};" for number, colour in enumerate(LIGHT))
_DARK = "".join(f"--tool{number}:{colour};" for number, colour in enumerate(DARK))

STYLE = (
    """
:root{color-scheme:light dark;--page:#f4f5f8;--card:#fff;--line:#e3e6eb;--ink:#1a1d21;--soft:#5b626c;--faint:#eceef2;
--seen:#eef0f4;--grid:#d9dde3;--hatch:#9aa1ac;--accent:#2457c5;--good:#157a52;--warn:#9a5b00;--bad:#b3261e;
--good-bg:#e3f5ec;--warn-bg:#fdf0d9;--shadow:0 1px 2px rgb(16 24 40/.05),0 1px 8px rgb(16 24 40/.04);"""
    + _LIGHT
    + """}
@media (prefers-color-scheme:dark){:root{--page:#0e1115;--card:#161a20;--line:#272d36;--ink:#e8eaee;--soft:#9aa3af;
--faint:#1e242c;--seen:#1f252d;--grid:#333b46;--hatch:#6b7480;--accent:#8ab0ff;--good:#5fd0a0;--warn:#f0b860;
--bad:#ff9d94;
--good-bg:#143226;--warn-bg:#38290f;--shadow:none;"""
    + _DARK
    + """}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",
"DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:4px}
.skip{position:absolute;left:-999px}
.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.4rem .8rem;z-index:9}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.bar{display:flex;align-items:center;gap:.9rem;padding:.75rem clamp(1rem,3vw,2.2rem);background:var(--card);
border-bottom:1px solid var(--line);position:sticky;top:0;z-index:5}
.brand{font-weight:700;letter-spacing:-.01em;color:var(--ink);display:flex;gap:.5rem;align-items:center}
.brand svg{display:block}.crumbs{display:flex;gap:.55rem;min-width:0;color:var(--soft)}
.crumbs>*{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;max-width:34vw}
.live{margin-left:auto;display:flex;gap:.5rem;align-items:center;font-size:.82rem;color:var(--soft);
white-space:nowrap}
.live::before{content:"";width:.55rem;height:.55rem;border-radius:50%;background:var(--good)}
.live.stale{color:var(--bad)}.live.stale::before{background:var(--bad)}
main{max-width:1380px;margin:0 auto;padding:1.5rem clamp(1rem,3vw,2.2rem) 4rem}
h1{font-size:1.65rem;line-height:1.2;letter-spacing:-.02em;margin:0;overflow-wrap:anywhere}
h2{font-size:1rem;margin:0 0 .9rem;letter-spacing:-.005em}
.sub{color:var(--soft);margin:.25rem 0 0}
.top{display:flex;flex-wrap:wrap;gap:1rem 2rem;justify-content:space-between;align-items:flex-end;
margin-bottom:1.2rem}
.when{display:flex;flex-wrap:wrap;gap:.4rem;align-items:center}
.chip{display:inline-flex;align-items:center;gap:.35rem;padding:.32rem .75rem;border:1px solid var(--line);
border-radius:999px;
background:var(--card);color:var(--ink);font-size:.86rem;white-space:nowrap}
.chip:hover{border-color:var(--accent);text-decoration:none}
.chip[aria-current]{background:var(--accent);color:var(--card);
border-color:var(--accent)}
details.range{position:relative}details.range summary{cursor:pointer;list-style:none}
details.range summary::-webkit-details-marker{display:none}
details.range form{position:absolute;right:0;z-index:4;margin-top:.4rem;padding:.9rem;background:var(--card);
display:grid;gap:.6rem;
border:1px solid var(--line);border-radius:12px;box-shadow:0 8px 28px rgb(0 0 0/.16)}
label{display:grid;gap:.15rem;font-size:.82rem;color:var(--soft)}
input,button{font:inherit;color:inherit;padding:.35rem .6rem;border:1px solid var(--line);border-radius:8px;
background:var(--page)}
button{background:var(--accent);color:var(--card);border:0;cursor:pointer}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1.15rem 1.25rem;
margin-bottom:1rem;
box-shadow:var(--shadow)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:1rem;margin-bottom:1rem}
.tile{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:.95rem 1.15rem;
box-shadow:var(--shadow)}
.tile dt{color:var(--soft);font-size:.82rem}
.tile dd{margin:.1rem 0 0;font-size:1.5rem;font-weight:650;letter-spacing:-.02em;
line-height:1.25}
.tile p{margin:.15rem 0 0;font-size:.8rem;color:var(--soft)}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:1rem;align-items:start}
.pair>.card{min-width:0}
.now{display:flex;flex-wrap:wrap;gap:.5rem;margin:0 0 1rem;padding:0;list-style:none}
.now li{display:flex;gap:.5rem;align-items:center;padding:.38rem .8rem;border-radius:999px;background:var(--good-bg);
color:var(--good);font-size:.86rem}
.now li.warn{background:var(--warn-bg);color:var(--warn)}
.dot{width:.6rem;height:.6rem;border-radius:3px;background:var(--c);display:inline-block;flex:none}
"""
    + _COLOURS
    + """
.legend{display:flex;flex-wrap:wrap;gap:.35rem 1.3rem;font-size:.8rem;color:var(--soft);margin:.9rem 0 0;padding:0;
list-style:none}
.legend li{display:flex;gap:.45rem;align-items:center}
.legend svg{width:26px;height:12px;border-radius:3px;display:block}
.lanes{display:grid;grid-template-columns:minmax(9rem,15rem) minmax(0,1fr) 9.5rem;column-gap:.9rem;align-items:center;
grid-auto-flow:dense}
.lanes .name{grid-column:1}.lanes .plot{grid-column:2}.lanes .sum{grid-column:3}
.lanes .camera{grid-column:1/-1;font-weight:650;font-size:.88rem;margin:.85rem 0 .25rem;overflow-wrap:anywhere}
.lanes .camera:first-child{margin-top:0}.lanes .camera small{font-weight:400;color:var(--soft);margin-left:.5rem}
.name{display:flex;gap:.5rem;align-items:center;min-width:0;font-size:.88rem;height:27px}
.name span:not(.dot){overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.name .at{color:var(--soft);flex:0 1 auto}
.lanes .sum{font-size:.8rem;color:var(--soft);white-space:nowrap}
.plot{width:100%;height:27px;display:block;overflow:hidden}
.axis,.shifts{width:100%;height:22px;display:block;overflow:visible}
.shifts{height:20px}.axis text,.shifts text{font-size:11px;fill:var(--soft)}.shifts rect{fill:var(--hatch)}
.seen{fill:var(--seen)}.grid{stroke:var(--grid);stroke-width:1}.grid.day{stroke:var(--soft)}
.grid.shift{stroke:var(--soft);stroke-dasharray:3 3}
.any{fill:var(--accent)}.ground{fill:var(--card)}.gap{fill:url(#hatch)}
.hatchline{stroke:var(--hatch);stroke-width:1.1}
.use{fill:var(--c);stroke:var(--c);stroke-width:.7}.use:hover{filter:brightness(1.12) saturate(1.2)}
.use.unsure{fill-opacity:.35;stroke-dasharray:3 2;stroke-width:1.4}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.88rem}
th,td{text-align:left;padding:.42rem .7rem .42rem 0;border-bottom:1px solid var(--line);vertical-align:middle}
th{font-weight:500;color:var(--soft);font-size:.8rem;white-space:nowrap}tr:last-child td{border-bottom:0}
td.n,th.n{text-align:right;white-space:nowrap}td.w{overflow-wrap:anywhere;min-width:7rem}td.t{white-space:nowrap}
.badge{display:inline-block;padding:.05rem .55rem;border-radius:999px;font-size:.78rem;background:var(--faint);
color:var(--soft);
white-space:nowrap}
.badge.good{background:var(--good-bg);color:var(--good)}.badge.warn{background:var(--warn-bg);color:var(--warn)}
tr.group th{padding-top:1rem;font-weight:650;color:var(--ink);font-size:.86rem}
tr.group:first-child th{padding-top:.2rem}
.stack{width:100%;min-width:110px;height:12px;display:block;border-radius:4px;overflow:hidden}
.stack .used{fill:var(--accent)}.stack .idle{fill:var(--grid)}
.empty{text-align:center;padding:3.2rem 1rem;color:var(--soft)}
.empty strong{display:block;color:var(--ink);font-size:1.08rem;
margin-bottom:.3rem}
code{background:var(--faint);padding:.1rem .35rem;border-radius:5px;font-size:.88em;overflow-wrap:anywhere}
.sites{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));gap:1rem;padding:0;margin:0;
list-style:none}
.sites .card{margin:0;display:flex;flex-direction:column;gap:.55rem;height:100%;color:inherit}
.sites a.card:hover{border-color:var(--accent);text-decoration:none}
.sites h2{font-size:1.1rem;margin:0;overflow-wrap:anywhere}.sites p{margin:0;font-size:.86rem;color:var(--soft)}
.sites .plot{height:18px;border-radius:4px}
.note{color:var(--soft);font-size:.82rem;margin:.7rem 0 0}.note.above{margin:0 0 .5rem}
.row:has(h2){align-items:baseline}.row .sub{margin:0
;font-size:.82rem}.row h2{min-width:0}
.row{display:flex;justify-content:space-between;gap:.7rem;align-items:center}
.pages{display:flex;gap:.5rem;justify-content:flex-end;margin-top:.9rem}
footer{max-width:1380px;margin:0 auto;padding:0 clamp(1rem,3vw,2.2rem) 2rem;font-size:.8rem;color:var(--soft)}
@media (max-width:760px){.lanes{grid-template-columns:minmax(0,1fr) auto}.lanes .side{display:none}
.lanes .plot,.lanes .axis,.lanes .shifts{grid-column:1/-1}.lanes .sum{grid-column:2}.odd{display:none}
.name{height:auto;margin-top:.3rem}
.crumbs>*{max-width:26vw}details.range form{right:auto;left:0}.live .long{display:none}}
@media (prefers-reduced-motion:no-preference){.now .pulse{animation:p 2s infinite}@keyframes p{50%{opacity:.35}}}
@media print{.bar,.when,.skip,.pages{display:none}body{background:#fff}.card,.tile{box-shadow:none;break-inside:avoid}
}
"""
)

SCRIPT = """
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
  let asking = false, stale = false, last = performance.now();
  async function refresh() {
    if (asking || document.hidden || document.querySelector("details[open]")) return;
    asking = true;
    try {
      const answer = await fetch(here, {cache: "no-store", credentials: "same-origin"});
      if (!answer.ok) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("data"), shown = document.getElementById("data");
      if (fresh && shown && fresh.innerHTML !== shown.innerHTML) {
        const focus = document.activeElement && document.activeElement.id;
        const scrolled = [...shown.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
        shown.replaceWith(document.adoptNode(fresh));
        fresh.querySelectorAll(".scroll").forEach((one, index) => { one.scrollLeft = scrolled[index] || 0; });
        if (focus) document.getElementById(focus)?.focus({preventScroll: true});
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
  setInterval(refresh, EVERY);
  document.addEventListener("visibilitychange", refresh);
  document.documentElement.dataset.ready = "yes";
})();
""".replace("EVERY", str(REFRESH_S * 1000))


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src {_digest(STYLE)}",
        f"script-src {_digest(SCRIPT)}",
        "connect-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""What a browser may do with the page: nothing but our style, our script, and asking us again."""
