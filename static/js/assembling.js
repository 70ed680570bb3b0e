// The page on which an issue is put together: keep the figures and the preview of the email as fresh as the form.
const CALM = 700; // milliseconds without a change before the server is asked
const form = document.querySelector("#issue_form");
const figures = form.querySelector("[data-figures]");
const preview = form.querySelector("[data-preview]");
let timer, asked = 0, changed = false;

function show(values) {
  for (const element of figures.querySelectorAll("[data-figure]")) {
    const value = values[element.dataset.figure];
    if (element instanceof HTMLMeterElement) {
      element.value = value;
    } else {
      element.textContent = value;
    }
  }
  figures.querySelector("[data-size]").className = `figures-size is-${values.size}`;
}

async function count() {
  const number = ++asked;
  const trouble = figures.querySelector("[data-trouble]");
  try {
    const response = await fetch(figures.dataset.figures, { method: "POST", body: new FormData(form) });
    const values = response.redirected ? { errors: "You are logged out. Log in in another window." } : await response.json();
    if (number === asked) {
      trouble.textContent = values.errors ?? "";
      if (response.ok && !values.errors) {
        show(values);
      }
    }
  } catch {
    trouble.textContent = "The server can’t be reached: the figures are those of before.";
  }
}

function refresh() {
  form.requestSubmit(preview);
  count();
}

function touch() {
  if (!figures) {
    changed = true;
    return;
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, CALM);
  changed = true;
  figures.querySelector("[data-unsaved]").hidden = false;
}

// Where the pressed button has left with its item, the keyboard goes on at the item's first one.
function keepFocus(item) {
  const lost = document.activeElement === document.body || !document.activeElement.checkVisibility();
  if (lost) {
    [...item.querySelectorAll("button, summary")].find((each) => each.checkVisibility())?.focus();
  }
}

form.addEventListener("ordering:change", ({ detail }) => {
  detail.item.querySelector(".card-more").open = false;
  const section = detail.to.id.replace("section-", "");
  if (section !== "queue") {
    detail.item.querySelector("select").value = section;
    detail.item.querySelector(".card-add").dataset.orderingMove = detail.to.id;
  }
  setTimeout(() => keepFocus(detail.item));
  touch();
});
form.addEventListener("input", ({ target }) => {
  if (target.name?.startsWith("preview-")) {
    refresh();
  } else if (!target.name?.startsWith("to-")) {
    touch();
  }
});
form.addEventListener("click", (event) => {
  const step = event.target.closest("button[name=_move]");
  if (step) {
    event.preventDefault(); // ordering.js takes the step on the page.
  }
  if (step?.classList.contains("card-to")) {
    step.dataset.orderingMove = `section-${step.closest("div").querySelector("select").value}`;
  }
}, { capture: true });
form.addEventListener("submit", ({ submitter }) => {
  if (submitter !== preview) {
    changed = false;
  }
});
window.addEventListener("beforeunload", (event) => {
  if (changed) {
    event.preventDefault();
  }
});
