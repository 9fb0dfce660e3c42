"use strict";
(() => {
  // Every text is set as text, never as HTML: it may come from anybody.
  const FORMS = {
    evolutions: [
      { name: "severity", legend: "Usable?", options: [
        ["u", 0, "usable"], ["m", 1, "a lesser fault"], ["b", 2, "broken"]] },
      { name: "kinds", legend: "What is wrong", many: true, options: [
        ["s", "stagnant", "no harder"], ["c", "contradictory", "contradicts itself"],
        ["v", "unsolvable", "cannot be solved"], ["l", "lost_information", "lost information"],
        ["a", "answered", "gives the answer away"], ["k", "leaked", "words of the prompt"], ["o", "off_task", "became another task"]] },
      { name: "gain", legend: "How much harder", options: [
        ["0", 0, "not"], ["1", 1, "slightly"], ["2", 2, "clearly"], ["3", 3, "much"]] },
      { name: "response_ok", legend: "Response", needs: "response", options: [
        ["r", true, "right"], ["x", false, "wrong"]] },
    ],
    answers: [
      { name: "better", legend: "Which is better?", options: [
        ["1", "left", "left"], ["0", "tie", "tie"], ["2", "right", "right"]] },
    ],
  };
  const at = (id) => document.getElementById(id);
  const made = (tag, text, attributes = {}) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  let state = null;
  let label = {};
  let busy = false;
  let plain = false;

  function card(title, text, wide) {
    const box = made("article", undefined, { "aria-label": title });
    if (wide) box.className = "whole";
    const body = made("div", undefined, { class: "text", tabindex: "0", dir: "auto" });
    if (Array.isArray(text)) {
      for (const [kind, words] of text) {
        body.append(kind === "same" ? document.createTextNode(words)
          : made(kind === "added" ? "ins" : "del", words));
      }
    } else body.textContent = text;
    box.append(made("h3", title), body);
    return box;
  }

  function button(key, text, act) {
    const node = made("button", undefined, { type: "button", "data-key": key });
    node.append(made("kbd", key), ` ${text}`);
    node.addEventListener("click", act);
    return node;
  }

  function group(field) {
    const set = made("fieldset");
    set.append(made("legend", field.legend));
    for (const [key, value, text] of field.options) {
      const node = button(key, text, () => choose(field, value));
      node.dataset.field = field.name;
      node.dataset.value = JSON.stringify(value);
      set.append(node);
    }
    return set;
  }

  function choose(field, value) {
    if (field.many) {
      const kinds = new Set(label[field.name]);
      if (!kinds.delete(value)) kinds.add(value);
      label[field.name] = [...kinds];
      // What has a fault is not usable; how bad it is, the rater says.
      if (kinds.size && !label.severity) label.severity = 1;
    } else {
      label[field.name] = label[field.name] === value ? null : value;
      if (field.name === "severity" && value === 0) label.kinds = [];
    }
    press();
  }

  function press() {
    for (const node of document.querySelectorAll("button[data-field]")) {
      const value = JSON.parse(node.dataset.value);
      const said = label[node.dataset.field];
      node.setAttribute("aria-pressed", String(Array.isArray(said) ? said.includes(value) : said === value));
    }
  }

  function fields() {
    return FORMS[state.kind].filter((field) => !field.needs || state.item[field.needs] !== null);
  }

  function show(next) {
    state = next;
    const item = state.item;
    at("progress").textContent = `${state.done} of ${state.total} labelled by ${state.rater}`;
    at("bar").max = Math.max(state.total, 1);
    at("bar").value = state.done;
    at("item").hidden = at("form").hidden = item === null;
    at("end").hidden = item !== null;
    at("item").replaceChildren();
    at("form").replaceChildren();
    const tools = made("fieldset");
    if (item !== null) {
      label = state.before ? { ...state.before, better: state.before.side } : { kinds: [] };
      if (state.kind === "evolutions") {
        at("item").append(card("Original", item.original), card("Evolved", item.evolved));
        if (item.response !== null) at("item").append(card("Response", item.response, true));
      } else {
        at("item").append(card("Instruction", item.instruction, true),
          card("Left answer", item.left), card("Right answer", item.right));
      }
      const note = made("textarea", undefined, { id: "note", maxlength: "2000", "aria-label": "note", placeholder: "note" });
      note.value = label.note || "";
      at("form").append(...fields().map(group), note);
      tools.append(button("Enter", "save, next", save), button("n", "later", skip),
        button("t", "note", () => at("note").focus()));
      if (state.kind === "evolutions") tools.append(button("d", "changes on or off", marks));
    }
    tools.append(button("z", "take back", undo));
    at("form").append(tools);
    at("form").hidden = false;
    at("item").classList.toggle("plain", plain);
    press();
    window.scrollTo(0, 0);
  }

  function marks() {
    plain = !plain;
    at("item").classList.toggle("plain", plain);
  }

  function tell(text) {
    at("message").textContent = text;
    at("message").hidden = text === "";
  }

  async function ask(name, body) {
    if (busy) return;
    busy = true;
    try {
      const reply = await fetch(name, body === undefined ? {} : {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
      const said = await reply.json();
      tell(said.error || "");
      if (!said.error) show(said);
    } catch {
      tell("The program does not answer: start it again with the same command. What was saved is kept.");
    } finally {
      busy = false;
    }
  }

  const save = () => {
    if (state.item) ask("label", { ...label, note: at("note").value, item: state.item.id });
  };
  const skip = () => { if (state.item) ask("skip", { item: state.item.id }); };
  const undo = () => ask("undo", {});

  document.addEventListener("keydown", (event) => {
    if (state === null || event.isComposing || event.altKey || event.metaKey) return;
    const writing = event.target.id === "note";
    if (writing && event.key === "Escape") event.target.blur();
    if (event.key === "Enter" && (event.ctrlKey || !writing)) {
      event.preventDefault();
      save();
      return;
    }
    if (writing || event.ctrlKey || event.repeat) return;
    const node = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
    if (node) {
      event.preventDefault();
      node.click();
    }
  });
  ask("item");
})();
