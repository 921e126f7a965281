// Somebody who comes from their own letter has a key behind the "#" of the address, which browsers send to nobody.
// It goes into the reply form, or on to the page that has it, and out of the address bar, from where it would be
// copied to friends. Without this script they type their name.
"use strict";
(() => {
  const key = location.hash.slice(1);
  const form = document.getElementById("reply_form");
  const field = form && form.elements.namedItem("reader");
  if (/^w\.\d+\./.test(key)) {
    for (const link of document.querySelectorAll("a[data-reply]")) link.hash = key;
    if (field) field.value = key;
    history.replaceState(null, "", location.pathname + location.search);
  }
  if (!field || !field.value) return;
  fetch(form.dataset.who, { method: "POST", body: field.value })
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
    .then((name) => {
      const shown = form.elements.namedItem("name");
      if (!shown.value) shown.value = name;
      form.querySelector("[data-known]").hidden = false;
      form.querySelector("[data-stranger]").hidden = true;
    })
    .catch(() => {
      field.value = "";
    });
})();
