// A button beside each text that is there to be copied. Without JavaScript the text can be selected as any other.
const FEEDBACK = 2000; // milliseconds for which the button says that it has copied

for (const text of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${text.dataset.copy}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
    setTimeout(() => {
      button.textContent = "Copy";
    }, FEEDBACK);
  });
  if (navigator.clipboard) {
    text.closest("details").append(button);
  }
}
