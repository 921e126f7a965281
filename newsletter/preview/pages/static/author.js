// The preview, live: asks for the page again when a file was saved, and swaps what has changed.
// Every view is a page of its own and works without this; here they only change without a reload.
"use strict";

const SWAPPED = ["issue-name", "issues", "reader-name", "readers", "heading", "bar", "side"];
const live = document.getElementById("live");
const main = document.getElementById("main");
const keys = document.getElementById("keys");

const element = (id, within = document) => within.getElementById(id);
const typing = (target) => target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select");
const say = (text, state) => { live.textContent = text; live.dataset.state = state; };

// -- the frame: swapped without a flash, and without losing the reader's place --------------------

let place = null; // where the mail was scrolled to: {slug, width, top, share}

function scroller(frame) {
  try { return frame.contentDocument.scrollingElement; } catch { return null; }
}

function remember() {
  const frame = document.querySelector("#paper iframe:not(.coming)");
  const scroll = frame && scroller(frame);
  if (!scroll) return;
  const range = Math.max(1, scroll.scrollHeight - scroll.clientHeight);
  place = { slug: main.dataset.slug, width: scroll.clientWidth, top: scroll.scrollTop, share: scroll.scrollTop / range };
}

function restore(frame) {
  const scroll = scroller(frame);
  if (!scroll || !place || place.slug !== main.dataset.slug) return;
  const same = Math.abs(place.width - scroll.clientWidth) < 2;
  const top = same ? place.top : place.share * (scroll.scrollHeight - scroll.clientHeight);
  scroll.scrollTo({ top, behavior: "instant" });
}

function listen(frame) { // keys work in the mail too, where the browser passes them on
  try { frame.contentDocument.addEventListener("keydown", press); } catch { /* not ours to read */ }
}

function swapPaper(fresh) {
  const paper = element("paper"), next = fresh.querySelector("iframe");
  const now = paper.querySelector("iframe:not(.coming)");
  paper.querySelectorAll("iframe.coming").forEach((frame) => frame.remove());
  if (now && next && now.getAttribute("src") === next.getAttribute("src")) {
    requestAnimationFrame(() => restore(now)); // the same mail in another width
    return;
  }
  if (!next) {
    if (paper.innerHTML !== fresh.innerHTML) paper.innerHTML = fresh.innerHTML;
    return;
  }
  const frame = document.importNode(next, true);
  frame.addEventListener("load", () => {
    if (!frame.isConnected) return;
    if (now?.isConnected) remember(); // the reader may have scrolled while it loaded
    frame.classList.remove("coming");
    [...paper.children].forEach((child) => { if (child !== frame) child.remove(); });
    restore(frame);
    listen(frame);
  }, { once: true });
  if (now) frame.classList.add("coming"); else paper.replaceChildren();
  paper.append(frame);
}

let known = main?.dataset.generation; // how often the workspace had changed when this page was made

// -- the page -------------------------------------------------------------------------------------

let asked = 0;

async function show(address, { push = false, why = "" } = {}) {
  const turn = ++asked;
  let page, answer;
  try {
    answer = await fetch(address, { cache: "no-store" });
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch { return; } // the server was stopped; the stream says so, and asks again when it is back
  if (turn !== asked) return;
  const fresh = element("stage", page);
  if (!fresh || !element("stage")) { location.assign(answer.url); return; }
  remember();
  if (push) history.pushState(null, "", address);
  document.title = page.title;
  main.dataset.slug = page.querySelector("main").dataset.slug;
  known = page.querySelector("main").dataset.generation;
  const focused = document.activeElement?.id;
  const notes = element("notes")?.open;
  for (const id of SWAPPED) {
    const old = element(id), next = element(id, page);
    if (old.innerHTML !== next.innerHTML) old.innerHTML = next.innerHTML;
  }
  if (notes && element("notes")) element("notes").open = true;
  element("stage").className = fresh.className;
  element("inbox").replaceWith(document.importNode(element("inbox", page), true));
  swapPaper(element("paper", page));
  if (focused && document.activeElement?.id !== focused) element(focused)?.focus({ preventScroll: true });
  const broken = element("paper", page).querySelector(".fault");
  if (why || (broken !== null) !== (live.dataset.state === "off")) {
    say(broken ? "Cannot be shown" : why || "Live", broken ? "off" : "on");
  }
}

document.addEventListener("click", (event) => {
  const inside = event.target.closest?.("details.menu");
  document.querySelectorAll("details.menu[open]").forEach((menu) => { if (menu !== inside) menu.open = false; });
  const link = event.target.closest?.("a[href^='/issue/']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  if (inside) { inside.open = false; inside.querySelector("summary").focus(); }
  show(link.getAttribute("href"), { push: true });
});

window.addEventListener("popstate", () => show(location.href));

// -- searching the list ---------------------------------------------------------------------------

const search = element("search");
let waiting = 0;

async function find() {
  const fields = new URLSearchParams(new FormData(search));
  for (const [key, value] of new URL(location.href).searchParams) if (key !== "q") fields.set(key, value);
  const answer = await fetch(`${location.pathname}?${fields}`, { cache: "no-store" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (search.q.value.trim() !== (fields.get("q") ?? "").trim()) return; // typed on meanwhile
  element("found").innerHTML = element("found", page).innerHTML;
}

search?.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => find().catch(() => {}), 150);
});
search?.addEventListener("submit", (event) => {
  event.preventDefault();
  find().then(() => element("found").querySelector("a")?.focus()).catch(() => {});
});

// -- keys -----------------------------------------------------------------------------------------

const wanted = element("keys-on");
const keysOn = () => localStorage.getItem("newsletter-preview-keys") !== "off";

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const menu = document.querySelector("details.menu[open]");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
    return;
  }
  if (menu && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const stops = [...menu.querySelectorAll("summary, input[type=search], .options a")];
    const at = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    stops[Math.min(stops.length - 1, Math.max(0, at))].focus();
    event.preventDefault();
    return;
  }
  if (typing(event.target) || keys?.open || !keysOn()) return;
  if (event.key === "r") {
    event.preventDefault();
    const address = new URL(location.href);
    address.searchParams.set("again", "1");
    show(address.href, { why: "Updated" });
    return;
  }
  const target = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
  if (!target) return;
  event.preventDefault();
  if (target.id === "jump") { element("side").focus(); return; }
  const around = target.closest("details.menu");
  if (target.matches("input")) {
    around.open = true;
    target.focus();
    target.select();
  } else {
    target.click();
    if (target.matches("summary") && around.open) (around.querySelector("input[type=search]") ?? around.querySelector("a[aria-current]"))?.focus();
  }
}

document.addEventListener("keydown", press);

if (keys) {
  wanted.checked = keysOn();
  wanted.addEventListener("change", () => localStorage.setItem("newsletter-preview-keys", wanted.checked ? "on" : "off"));
  const help = document.querySelector("[data-help]");
  help.hidden = false;
  help.addEventListener("click", () => keys.showModal());
  document.querySelectorAll("#paper iframe").forEach((frame) => {
    listen(frame);
    frame.addEventListener("load", () => listen(frame));
  });
}

// -- live -----------------------------------------------------------------------------------------

let stream = null;

function connect() {
  stream?.close();
  stream = new EventSource("/events");
  stream.onopen = () => {
    const broken = document.querySelector(".fault");
    say(broken ? "Cannot be shown" : "Live", broken ? "off" : "on");
  };
  stream.onerror = () => say("Stopped; trying again", "off");
  stream.onmessage = (event) => {
    if (event.data === known) return;
    known = event.data;
    if (element("stage")) show(location.href, { why: "Updated" }); else location.reload();
  };
}

// a hidden page lets go of its connection: browsers keep only six to one address
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { stream?.close(); stream = null; } else if (!stream) connect();
});
if (live && main?.dataset.generation !== undefined && !document.hidden) connect();
