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

const post = () => fetch(desk.dataset.autosave, { method: "POST", body: new FormData(form) });

// Logging in again, in another window, changes the token without which neither drafts nor saving are accepted.
// False if nobody is logged in.
async function renewToken() {
  const response = await fetch(window.location.href);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const token = page.querySelector("#story_form [name=csrfmiddlewaretoken]");
  if (token) {
    form.elements.csrfmiddlewaretoken.value = token.value;
  }
  return !response.redirected;
}

function sentenceFor(status) {
  if (status === 403) {
    return "You may not change this story any more: it was approved, perhaps. Saving keeps what you typed as a draft.";
  }
  return `The draft can't be kept: the server answered ${status}. Save, or copy what you typed.`;
}

// What the server said. Throws an Error with a sentence, or a TypeError if there is no server.
async function answerOf() {
  let response = await post();
  let isLoggedIn = !response.redirected;
  if (response.status === 403) {
    isLoggedIn = await renewToken();
    response = isLoggedIn ? await post() : response;
  }
  if (!isLoggedIn) {
    throw new Error("You are logged out: the draft is not kept. Log in in another window, then go on here. Nothing typed is lost.");
  }
  const answer = response.ok || response.status === 409 ? await response.json() : { error: sentenceFor(response.status) };
  if (answer.error) {
    throw new Error(answer.error);
  }
  return answer;
}

async function send() {
  isDirty = false;
  try {
    const answer = await answerOf();
    kept.textContent = `Draft kept at ${answer.kept}`;
    warn(conflict, answer.conflict);
    warn(trouble, "");
    if (isDirty && !isLeaving) {
      soon(); // Something was typed meanwhile.
    }
  } catch (error) {
    isDirty = true;
    const isNetwork = error instanceof TypeError;
    warn(trouble, isNetwork ? "The server can't be reached: the draft is not kept. It is tried again when you go on." : error.message);
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
