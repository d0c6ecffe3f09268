"use strict";
// Shows what fits while somebody types. Without it the search is a form, which the gate answers.
(() => {
  const field = document.getElementById("q");
  const none = document.getElementById("none");
  const heard = document.getElementById("heard");
  const tiles = [...document.querySelectorAll("[data-words]")];
  const groups = [...document.querySelectorAll(".group")];
  if (!field || !groups.length) return;
  const look = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const tile of tiles) tile.hidden = !words.every((word) => tile.dataset.words.includes(word));
    for (const group of groups) group.hidden = !group.querySelector("li:not([hidden])");
    const found = new Set(tiles.filter((tile) => !tile.hidden).map((tile) => tile.querySelector("a").href)).size;
    none.hidden = found > 0;
    heard.textContent = words.length ? `${found} found` : "";
  };
  field.form.querySelector("button").hidden = true;
  field.addEventListener("input", look);
  field.form.addEventListener("submit", (event) => {
    // Enter opens what is found, where that is one application.
    const found = new Set(tiles.filter((tile) => !tile.hidden).map((tile) => tile.querySelector("a").href));
    event.preventDefault();
    if (field.value.trim() && found.size === 1) location.assign([...found][0]);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== field && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
    }
    if (event.key === "Escape" && document.activeElement === field) {
      field.value = "";
      look();
    }
  });
  look();
})();
