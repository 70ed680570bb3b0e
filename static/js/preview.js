// The preview beside the text: the server renders what was typed, one request at a time, shortly after typing stops.
const PAUSE = 300; // milliseconds without a key
const frame = document.querySelector("[data-preview]");
const panel = frame.closest(".desk-preview");
const text = document.querySelector("#id_body");
const form = text.form;
const figures = document.querySelector("[data-words]");
const busy = document.querySelector("[data-busy]");
const problem = document.querySelector("[data-preview-error]");
const findings = document.querySelector("[data-findings]");
let timer;
let isRunning = false;
let isStale = false;
let head = "";

function show(html) {
  const page = frame.contentDocument;
  // The frame's own parser goes by the frame's policy, which allows the styles of emails; this page's does not.
  const next = new frame.contentWindow.DOMParser().parseFromString(html, "text/html");
  next.querySelector("title")?.remove();
  const scrolled = page.documentElement.scrollTop;
  if (next.head.innerHTML !== head) {
    head = next.head.innerHTML;
    page.head.replaceWith(page.adoptNode(next.head));
  }
  page.body.replaceWith(page.adoptNode(next.body));
  page.documentElement.style.colorScheme = getComputedStyle(document.documentElement).colorScheme;
  page.documentElement.scrollTop = scrolled;
}

function goTo(line) {
  const lines = text.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  text.setSelectionRange(start, start + lines[line - 1].length);
  text.blur(); // A browser scrolls to the caret when the field gets the focus, and only then.
  text.focus();
}

function list(found) {
  const items = found.map(({ line, text: sentence, weight }) => {
    const item = document.createElement("li");
    item.className = `is-${weight}`;
    if (line) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `Line ${line}`;
      button.addEventListener("click", () => goTo(line));
      item.append(button, " ");
    }
    item.append(sentence);
    return item;
  });
  findings.querySelector("ol").replaceChildren(...items);
  findings.querySelector("summary").textContent = `${found.length} to look at`;
  findings.hidden = found.length === 0;
}

async function refresh() {
  if (isRunning) {
    isStale = true;
    return;
  }
  isRunning = true;
  isStale = false;
  busy.hidden = false;
  let sentence = "";
  try {
    const response = await fetch(frame.dataset.preview, { method: "POST", body: new FormData(form) });
    if (!response.ok || response.redirected) {
      throw new Error(`${response.status}`);
    }
    const answer = await response.json();
    sentence = answer.error ?? "";
    if (!sentence) {
      show(answer.document);
      list(answer.findings);
      figures.textContent = `${answer.words.toLocaleString("en")} word${answer.words === 1 ? "" : "s"} · ${answer.minutes} min read`;
    }
  } catch {
    sentence = "The preview can't be had from the server at the moment. It is tried again when you go on typing.";
  }
  problem.textContent = sentence;
  problem.hidden = !sentence;
  busy.hidden = true;
  isRunning = false;
  if (isStale) {
    refresh();
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, PAUSE);
}

function start() {
  form.addEventListener("input", soon);
  form.addEventListener("ordering:change", soon);
  form.addEventListener("sources:change", soon);
  text.addEventListener("scroll", () => {
    const page = frame.contentDocument.documentElement;
    const share = text.scrollTop / Math.max(1, text.scrollHeight - text.clientHeight);
    page.scrollTop = share * (page.scrollHeight - page.clientHeight);
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.key.toLowerCase() === "e") {
      event.preventDefault();
      panel.querySelector("[name=medium]:not(:checked)").click();
    }
  });
  refresh();
}

panel.hidden = false;
if (frame.contentDocument?.readyState === "complete" && frame.contentDocument.URL !== "about:blank") {
  start();
} else {
  frame.addEventListener("load", start, { once: true });
}
