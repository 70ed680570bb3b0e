// Keep a mailing's ledger fresh while it is being sent; load the page anew when its state changes.
const INTERVAL = 2000; // milliseconds
const ledger = document.querySelector("[data-ledger]");

async function refresh() {
  const response = await fetch(ledger.dataset.ledger, { headers: { Accept: "application/json" } });
  if (!response.ok) {
    throw new Error(`The ledger answered ${response.status}.`);
  }
  const figures = await response.json();
  if (figures.state !== ledger.dataset.state) {
    window.location.reload();
  }
  for (const element of ledger.querySelectorAll("[data-figure]")) {
    const figure = figures[element.dataset.figure];
    if (element instanceof HTMLProgressElement) {
      element.value = figure;
    } else {
      element.textContent = typeof figure === "number" ? figure.toLocaleString("en") : figure || "…";
    }
  }
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
