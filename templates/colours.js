// Light, dark, or as the system has it. The choice stays in this browser and is set before the page is drawn, so that
// nothing flashes; this script has to be small and to stand in the head. Without it the page goes by the system.
{
  const KEY = "colours";
  const NEXT = { system: "light", light: "dark", dark: "system" };
  const NAMES = { system: "Auto", light: "Light", dark: "Dark" };

  const chosen = () => {
    try {
      const kept = localStorage.getItem(KEY);
      return kept in NEXT ? kept : "system";
    } catch {
      return "system"; // The browser keeps nothing for this site.
    }
  };

  const keep = (choice) => {
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // It holds for this page, then.
    }
  };

  const show = (choice) => {
    document.documentElement.dataset.colours = choice;
    document.querySelector('meta[name="color-scheme"]').content = choice === "system" ? "light dark" : choice;
    const name = document.querySelector(".colours-name");
    if (name) {
      name.textContent = NAMES[choice];
    }
  };

  show(chosen());
  addEventListener("storage", (event) => event.key === KEY && show(chosen())); // another tab
  addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector(".colours");
    let choice = chosen();
    button.addEventListener("click", () => {
      choice = NEXT[choice];
      keep(choice);
      show(choice);
    });
    button.hidden = false;
    show(choice);
  });
}
