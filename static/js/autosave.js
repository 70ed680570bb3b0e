// What is typed is kept on the server as a draft, soon after typing stops, beside the story and never over it.
const PAUSE = 1500; // milliseconds without a change
const desk = document.querySelector("[data-desk]");
const form = document.querySelector("#story_form");
const kept = document.querySelector("[data-kept]");
const conflict = document.querySelector("[data-conflict]");
const trouble = document.querySelector("[data-autosave-trouble]");
let timer;
let isDirty = false; // something was typed that neither the story nor a draft holds
let running; // the request that is on its way
let isLeaving = false;

function warn(place, sentence) {
  place.hidden = !sentence;
  (place.querySelector("p") ?? place).textContent = sentence;
}

async function send() {
  isDirty = false;
  try {
    const response = await fetch(desk.dataset.autosave, { method: "POST", body: new FormData(form) });
    const answer = response.ok || response.status === 409 ? await response.json() : {};
    if (!response.ok) {
      throw new Error(answer.error ?? `The draft can't be kept: the server answered ${response.status}. Save, or copy what you typed.`);
    }
    kept.textContent = `Draft kept at ${answer.kept}`;
    warn(conflict, answer.conflict);
    warn(trouble, "");
    if (isDirty && !isLeaving) {
      soon(); // Something was typed meanwhile.
    }
  } catch (error) {
    isDirty = true;
    const isNetwork = error instanceof TypeError;
    warn(trouble, isNetwork ? "The server can't be reached: the draft is not kept at the moment. It is tried again when you go on." : error.message);
  }
}

async function keep() {
  if (running || !isDirty || isLeaving) {
    return;
  }
  running = send();
  await running;
  running = undefined;
}

function soon() {
  isDirty = true;
  kept.textContent = "";
  clearTimeout(timer);
  timer = setTimeout(keep, PAUSE);
}

for (const name of ["input", "change", "ordering:change", "sources:change"]) {
  form.addEventListener(name, (event) => {
    if (event.target.name !== "medium") {
      soon();
    }
  });
}
document.addEventListener("visibilitychange", () => document.hidden && keep());
// A draft that arrived after the story was saved would stay behind: so it goes first.
form.addEventListener("submit", (event) => {
  isLeaving = true;
  clearTimeout(timer);
  if (running) {
    const { submitter } = event;
    event.preventDefault();
    running.then(() => form.requestSubmit(submitter));
    running = undefined;
  }
});
window.addEventListener("beforeunload", (event) => {
  if (isDirty && !isLeaving) {
    event.preventDefault();
  }
});
