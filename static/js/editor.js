// The text field: keys, lists that go on, insertions, and the two views of a narrow window.
// Everything is typed as by hand (execCommand), so that the browser's undo takes it back.
const text = document.querySelector("#id_body");
const toolbar = document.querySelector("markdown-toolbar");
const desk = document.querySelector("[data-desk]");
const KEYS = { b: "bold", i: "italic", k: "link", e: "code" };
const SHIFTED = { Period: "quote", Digit8: "unordered-list", Digit7: "ordered-list" };
const ITEM = /^(\s*(?:>\s?)*)(?:([-*+])|(\d+)([.)]))?(\s+)?(\[[ xX]\]\s+)?/;

function type(words) {
  text.focus();
  document.execCommand("insertText", false, words);
}

function press(name) {
  toolbar.querySelector(`[data-md-button="${name}"]`).click();
}

// The start of the next line in a list or quote; "" where the line is neither; null where its item is empty and ends it.
function continuation(line) {
  const [start, quote, bullet, number, mark, space, task] = ITEM.exec(line);
  if (!quote.includes(">") && !(bullet || number) || ((bullet || number) && !space)) {
    return "";
  }
  if (line.trim() === start.trim()) {
    return null;
  }
  const marker = bullet ?? (number ? `${Number(number) + 1}${mark}` : "");
  return `${quote}${marker}${marker ? space : ""}${task ? "[ ] " : ""}`;
}

function continueLine(event) {
  const { selectionStart: caret, selectionEnd, value } = text;
  if (caret !== selectionEnd) {
    return;
  }
  const lineStart = value.lastIndexOf("\n", caret - 1) + 1;
  const next = continuation(value.slice(lineStart, caret));
  if (next === "") {
    return;
  }
  event.preventDefault();
  if (next === null) {
    text.setSelectionRange(lineStart, caret);
    type("\n"); // What follows a list without a blank line would belong to it.
  } else {
    type(`\n${next}`);
  }
}

function insertFootnote() {
  const numbers = [...text.value.matchAll(/\[\^(\d+)\]/g)].map((match) => Number(match[1]));
  const label = `[^${Math.max(0, ...numbers) + 1}]`;
  type(label);
  text.setSelectionRange(text.value.length, text.value.length);
  type(`${text.value.endsWith("\n\n") ? "" : text.value.endsWith("\n") ? "\n" : "\n\n"}${label}: `);
}

function insertReference() {
  const chosen = text.value.slice(text.selectionStart, text.selectionEnd);
  type(`[[${chosen}]]`);
  text.setSelectionRange(text.selectionStart - 2, text.selectionStart - 2);
}

text.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey) {
    return;
  }
  const withControl = event.ctrlKey || event.metaKey;
  const name = withControl && (event.shiftKey ? SHIFTED[event.code] : KEYS[event.key.toLowerCase()]);
  if (name) {
    event.preventDefault();
    press(name);
  } else if (event.key === "Enter" && !withControl && !event.shiftKey) {
    continueLine(event);
  }
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "s") {
    event.preventDefault();
    text.form.querySelector(".desk-bar [name=_continue]").click();
  }
});

toolbar.hidden = false;
toolbar.addEventListener("click", (event) => {
  const wanted = event.target.dataset.insert;
  if (wanted === "footnote") {
    insertFootnote();
  } else if (wanted === "reference") {
    insertReference();
  }
});

// Write or preview, where there is no room for both.
const views = document.querySelector("[data-views]");
views.hidden = false;
desk.dataset.shown = "write";
views.addEventListener("click", (event) => {
  const chosen = event.target.dataset.view;
  if (chosen) {
    desk.dataset.shown = chosen;
    for (const each of views.querySelectorAll("[data-view]")) {
      each.setAttribute("aria-pressed", String(each.dataset.view === chosen));
    }
  }
});

// Select2, which stands there once jQuery is ready, gives its search field no name.
window.django.jQuery(() => {
  for (const field of document.querySelectorAll(".desk-field .select2-search__field")) {
    field.setAttribute("aria-label", field.closest(".desk-field").querySelector("label").textContent);
  }
});
