// Keep a mailing's ledger fresh while it is being sent; load the page anew when its state changes.
const INTERVAL = 2000; // milliseconds
const PERIOD = 60000; // milliseconds for which the pace is measured
const SHORTEST = 10000; // milliseconds: a shorter time would show the pause between two batches
const ledger = document.querySelector("[data-ledger]");
const seen = []; // how many were done when, in the last minute

async function refresh() {
  const response = await fetch(ledger.dataset.ledger, { headers: { Accept: "application/json" } });
  if (!response.ok) {
    throw new Error(`The ledger answered ${response.status}.`);
  }
  const figures = await response.json();
  if (figures.state !== ledger.dataset.state) {
    window.location.reload();
  }
  useRecentPace(figures);
  for (const element of ledger.querySelectorAll("[data-figure]")) {
    const figure = figures[element.dataset.figure];
    if (element instanceof HTMLProgressElement) {
      element.value = figure;
    } else {
      element.textContent = typeof figure === "number" ? figure.toLocaleString("en") : figure;
    }
  }
  ledger.querySelector("[data-put-off]")?.toggleAttribute("hidden", !figures.put_off);
}

// Instead of the average since the start, as soon as there is something to go by.
function useRecentPace(figures) {
  const now = performance.now();
  seen.push({ at: now, done: figures.done });
  while (now - seen[0].at > PERIOD) {
    seen.shift();
  }
  const milliseconds = now - seen[0].at;
  if (milliseconds < SHORTEST) {
    return;
  }
  const rate = ((figures.done - seen[0].done) / milliseconds) * 1000;
  figures.rate = rate.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const due = figures.remaining - figures.put_off;
  if (due) {
    figures.time_left = rate ? `about ${inWords(due / rate)} left` : "…";
  }
  ledger.querySelector("[data-period]").textContent = "in the last minute";
}

function inWords(seconds) {
  const [size, unit] = seconds < 120 ? [1, "seconds"] : seconds < 7200 ? [60, "minutes"] : [3600, "hours"];
  return `${Math.round(seconds / size)} ${unit}`;
}

async function keepFresh() {
  try {
    await refresh();
  } finally {
    setTimeout(keepFresh, INTERVAL);
  }
}

if (ledger) {
  setTimeout(keepFresh, INTERVAL);
}
