"use strict";
(() => {
  const bins = JSON.parse(document.getElementById("data").textContent);
  const table = document.getElementById("bins");
  const tip = document.body.appendChild(Object.assign(document.createElement("div"), { id: "tip", hidden: true }));
  let chosen = null;
  document.documentElement.classList.add("live");

  // What comes from files goes into the page as text, never as markup
  const make = (tag, text, css) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (css) made.className = css;
    return made;
  };

  const rowOf = (bin) => table.querySelector(`tr[data-b="${bin}"]`);

  const listed = (bin) => {
    const of = bins[bin];
    const columns = [["contig", of.contigs, ""], ["length, bp", of.length.map((x) => x.toLocaleString("en")), "n"],
      ["GC, %", of.gc.map((x) => x?.toFixed(1) ?? ""), "n"], ["depth, x", of.depth, "n"], ["probability", of.probability, "n"],
      ["next best", of.second.map((other) => bins[other]?.name ?? ""), ""]]
      .filter((column) => column[1].length);
    const inner = make("table");
    const head = inner.createTHead().insertRow();
    for (const [name, , css] of columns) head.append(make("th", name, css));
    const body = inner.createTBody();
    of.contigs.forEach((_, row) => {
      const line = body.insertRow();
      for (const [, values, css] of columns) line.append(make("td", values[row], css));
    });
    const box = make("div", undefined, "inner");
    box.append(inner);
    if (of.more) box.append(make("p", `and ${of.more.toLocaleString("en")} shorter ones, see contigs.tsv`));
    return box;
  };

  const choose = (bin) => {
    document.querySelectorAll("tr.open").forEach((row) => row.remove());
    document.querySelectorAll(".on").forEach((part) => part.classList.remove("on"));
    document.querySelectorAll("[aria-expanded=true]").forEach((part) => part.setAttribute("aria-expanded", "false"));
    chosen = bin === chosen ? null : bin;
    document.querySelectorAll("figure svg").forEach((svg) => {
      svg.classList.toggle("some", chosen !== null && svg.querySelector(".b") !== null);
    });
    if (chosen === null) return;
    document.querySelectorAll(`svg [data-b="${chosen}"]`).forEach((part) => part.classList.add("on"));
    const row = rowOf(chosen);
    row.classList.add("on");
    row.querySelector("button").setAttribute("aria-expanded", "true");
    const open = make("tr", undefined, "open");
    const cell = make("td");
    cell.colSpan = row.cells.length;
    cell.append(listed(chosen));
    open.append(cell);
    row.after(open);
  };

  document.addEventListener("click", (event) => {
    const part = event.target.closest("[data-b]");
    if (part && !event.target.closest(".open")) choose(Number(part.dataset.b));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && chosen !== null) choose(chosen);
  });
  document.addEventListener("pointermove", (event) => {
    const part = event.target.closest?.("svg .b");
    tip.hidden = !part;
    if (!part) return;
    const of = bins[Number(part.dataset.b)];
    tip.textContent = `${of.name}: ${of.about}`;
    tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY + 14}px`;
  });

  const value = (row, column) => {
    const cell = row.cells[column];
    const number = Number(cell.dataset.v ?? cell.textContent);
    return cell.textContent.trim() === "" ? -1 : Number.isNaN(number) ? cell.textContent : number;
  };
  const sort = (head, column) => {
    const down = head.getAttribute("aria-sort") !== "descending";
    if (chosen !== null) choose(chosen);
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map((row) => [value(row, column), row]);
    rows.sort(([a], [b]) => (down ? -1 : 1) * (typeof a === "string" || typeof b === "string"
      ? String(a).localeCompare(String(b), "en", { numeric: true }) : a - b));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  if (table) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (head.textContent === "by sample") return;
      head.dataset.sort = "";
      head.tabIndex = 0;
      head.addEventListener("click", () => sort(head, column));
      head.addEventListener("keydown", (event) => event.key === "Enter" && sort(head, column));
    });
  }
})();
