// Papers and resources: what is pasted becomes a row at once; a paper that is being looked up fills its row when it is there.
const INTERVAL = 2000; // milliseconds between two looks at a lookup
const add = document.querySelector("[data-add-source]");
const pasted = document.querySelector("#id_paste");
const status = document.querySelector(".source-status");
const form = pasted.form;

function rowFrom(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  return holder.content.firstElementChild;
}

async function wait(row) {
  const address = `${row.dataset.waiting}?story=${add.dataset.story}`;
  while (row.isConnected) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    try {
      const response = await fetch(address);
      const next = response.ok ? rowFrom(await response.text()) : undefined;
      if (next && !next.dataset.waiting && row.isConnected) {
        row.replaceWith(next);
        status.textContent = `${next.dataset.orderingName} was looked up.`;
      }
    } catch {
      // The server restarts, or the network is away: the next try may do.
    }
  }
}

// Add what one line names; true if it is in the list then.
async function addLine(line) {
  const body = new FormData();
  body.append("text", line);
  body.append("story", add.dataset.story);
  body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  try {
    const response = await fetch(add.dataset.addSource, { method: "POST", body });
    const answer = response.ok ? await response.json() : { error: `The server answered ${response.status}. Try it again.` };
    if (answer.error) {
      status.textContent = answer.error;
      return false;
    }
    const list = document.getElementById(answer.list);
    if (list.querySelector(`[data-key="${answer.key}"]`)) {
      status.textContent = "This one is in the list already.";
      return true;
    }
    const row = rowFrom(answer.row);
    list.append(row);
    status.textContent = `Added: ${row.dataset.orderingName}.`;
    form.dispatchEvent(new CustomEvent("sources:change", { bubbles: true }));
    if (row.dataset.waiting) {
      wait(row);
    }
    return true;
  } catch {
    status.textContent = "It did not reach the server. Try it again.";
    return false;
  }
}

// What can't be added stays where it was typed, as does what is typed meanwhile.
async function addAll() {
  for (const line of pasted.value.split("\n").filter((each) => each.trim())) {
    if (await addLine(line)) {
      pasted.value = pasted.value.split("\n").filter((each) => each !== line).join("\n");
    }
  }
}

add.hidden = false;
add.addEventListener("click", addAll);
pasted.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    addAll();
  }
});
pasted.addEventListener("paste", () => setTimeout(addAll));
document.querySelectorAll("[data-waiting]").forEach(wait);
