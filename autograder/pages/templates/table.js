"use strict";
// Sorting by a column's heading, and filtering by text and kind; nothing is sent or stored.
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function sortValue(row, column) {
  const cell = row.cells[column];
  return "value" in cell.dataset ? cell.dataset.value : cell.textContent.trim().replace("−", "-");
}

function compare(first, second) {
  const [a, b] = [parseFloat(first), parseFloat(second)];
  const numbers = !Number.isNaN(a) && !Number.isNaN(b);
  return numbers ? a - b : collator.compare(first, second);
}

function sort(heading) {
  const table = heading.closest("table");
  const wanted = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  for (const other of heading.parentElement.cells) {
    if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
  }
  heading.setAttribute("aria-sort", wanted);
  const direction = wanted === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => [sortValue(row, heading.cellIndex), row]);
  rows.sort((first, second) => direction * compare(first[0], second[0]));
  body.append(...rows.map((pair) => pair[1]));
}

function filter(name) {
  const [find, kind, shown] = [".find", ".kind", ".shown"].map((control) =>
    document.querySelector(`${control}[data-table="${name}"]`));
  const rows = document.getElementById(name).tBodies[0].rows;
  const text = find.value.trim().toLowerCase();
  let count = 0;
  for (const row of rows) {
    const fits = (!kind.value || row.dataset.kinds.split(" ").includes(kind.value))
      && (!text || row.textContent.toLowerCase().includes(text));
    row.hidden = !fits;
    count += fits;
  }
  shown.textContent = `${count} of ${rows.length} students`;
}

for (const button of document.querySelectorAll("button.sort")) {
  button.addEventListener("click", () => sort(button.closest("th")));
}
for (const control of document.querySelectorAll(".find, .kind")) {
  for (const event of ["input", "change"]) {
    control.addEventListener(event, () => filter(control.dataset.table));
  }
}
for (const shown of document.querySelectorAll(".shown")) filter(shown.dataset.table);
// What is folded on a screen is wanted on paper.
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
