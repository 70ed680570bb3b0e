// Wait for the end of a lookup; then load the page anew, unless somebody has begun to fill it in.
const INTERVAL = 2000; // milliseconds
const line = document.querySelector("[data-lookup]");
let typed = false;
document.querySelector("#paper_form")?.addEventListener("input", () => { typed = true; });

async function wait() {
  try {
    const response = await fetch(line.dataset.lookup, { headers: { Accept: "application/json" } });
    const { state } = response.ok ? await response.json() : { state: "waiting" };
    if (state !== "waiting") {
      if (!typed) {
        window.location.reload();
      }
      line.textContent = "It was looked up. What was found shows when the page is loaded again, without what you typed.";
      return;
    }
  } catch {
    // The server restarts, or the network is away: the next try may do.
  }
  setTimeout(wait, INTERVAL);
}

if (line) {
  setTimeout(wait, INTERVAL);
}
