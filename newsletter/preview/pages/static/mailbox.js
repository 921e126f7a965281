// Keys, and a word when new mail has come. The pages work without this.
"use strict";

const typing = (element) => element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;

function step(rows, by) {
  const at = rows.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const rows = [...document.querySelectorAll("a.mail")];
  if (rows.length && (event.key === "j" || event.key === "k")) {
    event.preventDefault();
    step(rows, event.key === "j" ? 1 : -1);
    return;
  }
  const target = [...document.querySelectorAll("[data-key]")].find((element) => element.dataset.key === event.key);
  if (target) {
    event.preventDefault();
    if (typing(target)) { target.focus(); target.select(); } else { target.click(); }
  } else if (event.key === "/") {
    event.preventDefault();
    location.assign("/#search");
  }
});

if (location.hash === "#search") document.querySelector("input[type=search]")?.focus();

const list = document.querySelector("main[data-newest]");
if (list) {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await (await fetch("/newest", { cache: "no-store" })).json();
      document.getElementById("fresh").hidden = answer.newest === list.dataset.newest;
    } catch { /* the viewer was stopped: nothing to say */ }
  }, 3000);
}
