// Searching without a server: the words of all letters are one file, fetched when somebody begins to search.
// Without this script there is no search field, and the page is whole.
"use strict";
(() => {
  const form = document.getElementById("search_form");
  const input = document.getElementById("search_words");
  const status = document.getElementById("search_status");
  const found = document.getElementById("search_found");
  const everything = document.getElementById("all_issues");
  const MOST = 20;
  const AROUND = 90;
  let letters = null;

  // each sign becomes one sign, so that a place in the plain text is the same place in the text
  const plainSign = (sign) => {
    const plain = sign.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    return plain.length === 1 ? plain : plain[0] || " ";
  };
  const plainText = (text) => Array.from(text, plainSign).join("");

  const load = () => {
    letters ??= fetch(form.dataset.index)
      .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
      .then((list) =>
        list.map((letter) => ({
          ...letter,
          signs: Array.from(letter.text),
          plain: plainText(letter.text),
          head: plainText(letter.title + " " + letter.tags.join(" ")),
        })),
      );
    return letters;
  };

  const element = (name, text, inside = []) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    made.append(...inside);
    return made;
  };

  const marked = (signs, plain, words, from, to) => {
    const parts = [];
    let at = from;
    while (at < to) {
      const next = words
        .map((word) => [plain.indexOf(word, at), word.length])
        .filter(([place]) => place >= 0 && place < to)
        .sort((one, other) => one[0] - other[0] || other[1] - one[1])[0];
      if (!next) break;
      parts.push(signs.slice(at, next[0]).join(""));
      parts.push(element("mark", signs.slice(next[0], next[0] + next[1]).join("")));
      at = next[0] + next[1];
    }
    parts.push(signs.slice(at, Math.max(at, to)).join(""));
    return parts;
  };

  const passage = (letter, words) => {
    const places = words.map((word) => letter.plain.indexOf(word)).filter((place) => place >= 0);
    if (!places.length) return element("p", letter.summary);
    let from = Math.max(0, Math.min(...places) - AROUND);
    if (from) from = letter.plain.indexOf(" ", from) + 1;
    const to = Math.min(letter.signs.length, from + 3 * AROUND);
    const parts = marked(letter.signs, letter.plain, words, from, to);
    return element("p", "", [from ? "… " : "", ...parts, to < letter.signs.length ? " …" : ""]);
  };

  const result = (letter, words) => {
    const link = element("a", letter.title);
    link.href = letter.page;
    const made = element("article", "", [
      element("p", letter.day),
      element("h2", "", [link]),
      passage(letter, words),
    ]);
    made.firstChild.className = "when";
    made.lang = letter.language;
    return made;
  };

  const rank = (letter, words) => words.filter((word) => letter.head.includes(word)).length;

  const search = async () => {
    const typed = input.value.trim();
    const words = plainText(typed).split(/\s+/).filter(Boolean);
    history.replaceState(null, "", typed ? "?q=" + encodeURIComponent(typed) : location.pathname);
    everything.hidden = words.length > 0;
    if (!words.length) {
      found.replaceChildren();
      status.textContent = "";
      return;
    }
    const list = await load();
    if (typed !== input.value.trim()) return;
    const hits = list
      .filter((letter) => words.every((word) => letter.head.includes(word) || letter.plain.includes(word)))
      .sort((one, other) => rank(other, words) - rank(one, words));
    found.replaceChildren(...hits.slice(0, MOST).map((letter) => result(letter, words)));
    const said = hits.length === 1 ? form.dataset.one : hits.length ? form.dataset.many : form.dataset.none;
    status.textContent = said.replace("#", hits.length);
  };

  const start = () =>
    search().catch(() => {
      form.hidden = true;
      everything.hidden = false;
      found.replaceChildren();
    });

  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(start, 120);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  form.hidden = false;
  const asked = new URLSearchParams(location.search).get("q");
  if (asked) {
    input.value = asked;
    start();
  }
})();
