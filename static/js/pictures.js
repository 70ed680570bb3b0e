// A picture that is pasted, dropped or chosen is sent to the server; then its words are asked for, and its Markdown goes in.
const text = document.querySelector("#id_body");
const dialog = document.querySelector(".picture-dialog");
const file = document.querySelector("[data-picture-file]");
const status = document.querySelector("[data-editor-status]");
const alt = dialog.querySelector("#picture-alt");
const decorative = dialog.querySelector("#picture-decorative");
const caption = dialog.querySelector("#picture-caption");
const problem = dialog.querySelector("[data-picture-error]");
const shown = dialog.querySelector("[data-picture-shown]");

const pictures = (data) => [...(data?.files ?? [])].filter((each) => each.type.startsWith("image/"));

async function upload(picture) {
  const body = new FormData();
  body.append("file", picture);
  body.append("csrfmiddlewaretoken", text.form.elements.csrfmiddlewaretoken.value);
  status.textContent = `Sending ${picture.name} …`;
  try {
    const response = await fetch(dialog.dataset.upload, { method: "POST", body });
    if (response.status === 403) {
      return { error: "You may not add pictures." };
    }
    if (!response.ok) {
      return { error: `${picture.name} was not taken in: the server answered ${response.status}. Try it again.` };
    }
    return await response.json();
  } catch {
    return { error: `${picture.name} did not reach the server. Try it again.` };
  }
}

// The words for a picture, asked for until there are some or it is left out; undefined then.
function ask(address) {
  alt.value = caption.value = "";
  decorative.checked = false;
  alt.disabled = false;
  problem.hidden = true;
  shown.src = address;
  dialog.returnValue = "";
  dialog.showModal();
  alt.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "insert" ? markdownParts() : undefined);
    }, { once: true });
  });
}

const oneLine = (words) => words.trim().replace(/\s+/g, " ");

function markdownParts() {
  const words = decorative.checked ? "decorative" : oneLine(alt.value).replace(/[\[\]]/g, "\\$&");
  const below = oneLine(caption.value).replace(/"/g, "”");
  return { words, below: below && ` "${below}"` };
}

async function take(picture) {
  const answer = await upload(picture);
  if (answer.error) {
    status.textContent = answer.error;
    return;
  }
  const caret = text.selectionStart;
  const parts = await ask(answer.address);
  text.blur(); // The dialog gave back the focus without the caret.
  text.focus();
  text.setSelectionRange(caret, caret);
  if (!parts) {
    status.textContent = `The picture is stored as ${answer.source}, and stands nowhere in the text.`;
    return;
  }
  const before = text.value.slice(0, text.selectionStart);
  const gap = !before || before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
  document.execCommand("insertText", false, `${gap}![${parts.words}](${answer.source}${parts.below})\n\n`);
  status.textContent = `The picture is in the text, as ${answer.source}.`;
}

async function takeAll(chosen) {
  for (const picture of chosen) {
    await take(picture);
  }
}

dialog.querySelector("form").addEventListener("submit", (event) => {
  if (event.submitter?.value === "insert" && !decorative.checked && !alt.value.trim()) {
    event.preventDefault();
    problem.textContent = "Say what is to be seen, or say that it only decorates.";
    problem.hidden = false;
    alt.focus();
  }
});
decorative.addEventListener("change", () => { alt.disabled = decorative.checked; });
text.addEventListener("paste", (event) => {
  const chosen = pictures(event.clipboardData);
  if (chosen.length && !event.clipboardData.types.includes("text/plain")) {
    event.preventDefault();
    takeAll(chosen);
  }
});
text.addEventListener("dragover", (event) => {
  if ([...event.dataTransfer.items].some((item) => item.kind === "file")) {
    event.preventDefault();
  }
});
text.addEventListener("drop", (event) => {
  const chosen = pictures(event.dataTransfer);
  if (event.dataTransfer.files.length) {
    event.preventDefault();
    if (chosen.length) {
      takeAll(chosen);
    } else {
      status.textContent = "Only pictures can be dropped here: PNG or JPEG, up to 10 MB.";
    }
  }
});
document.querySelector("[data-insert=picture]")?.addEventListener("click", () => file.click());
file.addEventListener("change", async () => {
  await takeAll([...file.files]);
  file.value = "";
});
