"use strict";
// Rows are shown by `textContent` only, a few at a time, and their details when they are opened.
(() => {
  const island = document.getElementById("row-data");
  if (!island) return;
  const rows = JSON.parse(island.textContent);
  const SIZE = 20;
  const SIGNS = { passed: "✓", failed: "✗", unscored: "–" };
  const byId = (id) => document.getElementById(id);
  const controls = ["text", "outcome", "kind", "operation", "rounds", "least", "most"];
  let shown = rows;
  let page = 0;

  const make = (tag, text, name) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (name) node.className = name;
    return node;
  };
  const words = (text) => text.replaceAll("_", " ");
  const roundsOf = (row) => Math.max(0, ...row.rounds.map((step) => step.round));

  const choices = (id, values) => {
    const select = byId(id);
    select.append(new Option("any", ""));
    for (const value of [...new Set(values)].sort()) select.append(new Option(words(String(value)), value));
  };
  choices("f-outcome", rows.map((row) => row.outcome));
  choices("f-kind", rows.flatMap((row) => row.kinds));
  choices("f-operation", rows.flatMap((row) => row.operations));
  choices("f-rounds", rows.map(roundsOf));

  // Made once, at the first search: lower-cased texts of each row.
  let texts = null;
  const allTexts = () => {
    texts ??= rows.map((row) => [row.seed, ...row.rounds.flatMap((step) =>
      [...step.diff.filter(([sign]) => sign >= 0).map(([, text]) => text).join(""),
        step.reply, step.response, step.reason].flat())].join("\n").toLowerCase());
    return texts;
  };

  const matching = () => {
    const want = Object.fromEntries(controls.map((name) => [name, byId("f-" + name).value]));
    const text = want.text.trim().toLowerCase();
    const found = text ? allTexts() : null;
    return rows.filter((row, place) =>
      (!want.outcome || row.outcome === want.outcome)
      && (!want.kind || row.kinds.includes(want.kind))
      && (!want.operation || row.operations.includes(want.operation))
      && (!want.rounds || roundsOf(row) === Number(want.rounds))
      && (want.least === "" || row.words >= Number(want.least))
      && (want.most === "" || row.words <= Number(want.most))
      && (!found || found[place].includes(text)));
  };

  const block = (parent, title, text, folded) => {
    if (!text) return;
    const content = make("div", text, "text");
    content.dir = "auto";
    if (!folded) {
      parent.append(make("span", title, "faint"), content);
      return;
    }
    const box = make("details");
    box.append(make("summary", title), content);
    parent.append(box);
  };

  const changed = (pieces) => {
    const node = make("div", undefined, "text");
    node.dir = "auto";
    for (const [sign, text] of pieces) node.append(sign === 0 ? text : make(sign > 0 ? "ins" : "del", text));
    return node;
  };

  const badge = (outcome, text) => make("span", SIGNS[outcome] + " " + text, "badge " + outcome);

  const details = (row) => {
    const box = make("div");
    if (row.seed.length > 150) block(box, "seed", row.seed, false); // shorter ones stand above
    for (const step of row.rounds) {
      const head = step.round ? "Round " + step.round + (step.attempt ? ", attempt " + (step.attempt + 1) : "") : "Seed";
      box.append(make("h3", head));
      const line = make("p");
      const kinds = step.kinds.length ? ": " + step.kinds.map(words).join(", ") : "";
      line.append(badge(step.outcome, words(step.fate) + kinds), " " + step.reason);
      box.append(line);
      if (step.diff.length && step.round) {
        box.append(make("span", "evolved (underlined: new, struck out: gone)", "faint"), changed(step.diff));
      }
      block(box, "response", step.response, false);
      block(box, "Raw reply to the rewrite", step.reply, true);
      block(box, "What the model thought", step.thinking, true);
      box.append(make("p", step.operation + " · " + step.model + " · " + step.tokens.join(" + ") + " tokens", "meta"));
    }
    return box;
  };

  const entry = (row) => {
    const box = make("details", undefined, "row");
    const head = make("summary");
    // What passed in the end may have failed before.
    const before = row.outcome === "passed" && row.kinds.length ? " after: " : " ";
    head.append(badge(row.outcome, row.outcome),
      make("span", before + row.kinds.map(words).join(", ") + " · " + row.words + " words", "meta"),
      make("span", row.seed.slice(0, 400), "seed"));
    box.append(head);
    box.addEventListener("toggle", () => { if (box.open && box.childNodes.length === 1) box.append(details(row)); });
    return box;
  };

  const draw = () => {
    const pages = Math.max(1, Math.ceil(shown.length / SIZE));
    page = Math.min(Math.max(0, page), pages - 1);
    byId("count").textContent = shown.length.toLocaleString("en") + " of " + rows.length.toLocaleString("en") + " rows";
    byId("at").textContent = "page " + (page + 1) + " of " + pages;
    byId("previous").disabled = page === 0;
    byId("next").disabled = page === pages - 1;
    byId("list").replaceChildren(...shown.slice(page * SIZE, (page + 1) * SIZE).map(entry));
  };
  const filter = () => { shown = matching(); page = 0; draw(); };
  let waiting = 0;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); };

  byId("filters").addEventListener("input", soon);
  byId("filters").addEventListener("reset", () => setTimeout(filter, 0));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("previous").addEventListener("click", () => { page -= 1; draw(); });
  byId("next").addEventListener("click", () => { page += 1; draw(); });
  byId("browser").hidden = false;
  draw();
})();
