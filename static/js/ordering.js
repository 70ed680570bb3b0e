// Lists whose items are put in order by dragging, and with buttons for those who don't drag (WCAG 2.5.7).
//
//   <ol data-ordering="stories" data-ordering-name="the queue" id="queue">
//     <li data-ordering-item data-ordering-name="Scaling laws">
//       … <input data-ordering-place> <button type="button" data-ordering-move="research">To Research</button>
//
// Lists of the same `data-ordering` give each other items, by dragging, by moving up from the first place or down from the
// last, and by buttons whose `data-ordering-move` is the id of a list. Each item gets buttons for up and down, in its
// `.ordering-tools` if it has some. Items may come and go at any time. Inputs marked `data-ordering-place` hold the places from 1 on.
// When somebody has moved an item, the list where it stands now dispatches `ordering:change`, which bubbles, with
// { item, from, to, index } as detail. Needs vendor/sortable.min.js on the page.

const lists = [...document.querySelectorAll("[data-ordering]")];
const items = (list) => list.querySelectorAll(":scope > [data-ordering-item]");
const status = document.createElement("p");

function button(label, move, text) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "ordering-button";
  made.dataset.orderingMove = move;
  made.setAttribute("aria-label", label);
  made.textContent = text;
  return made;
}

function equip(item) {
  if (item.querySelector(".ordering-handle")) {
    return;
  }
  const name = item.dataset.orderingName;
  const handle = document.createElement("span");
  handle.className = "ordering-handle";
  handle.setAttribute("aria-hidden", "true");
  handle.textContent = "⠿";
  item.prepend(handle);
  const tools = item.querySelector(".ordering-tools") ?? item;
  tools.prepend(button(`Move up: ${name}`, "up", "↑"), button(`Move down: ${name}`, "down", "↓"));
}

function refresh(list) {
  [...items(list)].forEach((item, index) => {
    equip(item);
    const place = item.querySelector("[data-ordering-place]");
    if (place) {
      place.value = index + 1;
    }
  });
}

function announce(item, from, to) {
  const index = [...items(to)].indexOf(item);
  refresh(from);
  refresh(to);
  const where = to.dataset.orderingName ? ` in ${to.dataset.orderingName}` : "";
  status.textContent = `${item.dataset.orderingName}: ${index + 1} of ${items(to).length}${where}.`;
  to.dispatchEvent(new CustomEvent("ordering:change", { bubbles: true, detail: { item, from, to, index } }));
}

// Where an item goes: a list, and the item that it stands before there; null is the end. Undefined: it is at the end already.
function destination(item, list, move) {
  const group = lists.filter((each) => each.dataset.ordering === list.dataset.ordering);
  const here = group.indexOf(list);
  if (move === "up") {
    const before = item.previousElementSibling;
    return before ? [list, before] : here > 0 ? [group[here - 1], null] : undefined;
  }
  if (move === "down") {
    const after = item.nextElementSibling;
    const next = group[here + 1];
    return after ? [list, after.nextElementSibling] : next ? [next, next.firstElementChild] : undefined;
  }
  const named = document.getElementById(move);
  return named && [named, null];
}

function move(pressed) {
  const item = pressed.closest("[data-ordering-item]");
  const from = item.closest("[data-ordering]");
  const found = destination(item, from, pressed.dataset.orderingMove);
  if (!found) {
    status.textContent = `${item.dataset.orderingName} is at the end already.`;
    return;
  }
  found[0].insertBefore(item, found[1]);
  announce(item, from, found[0]);
  pressed.focus(); // It was lost when the item moved.
}

status.className = "visually-hidden";
status.setAttribute("role", "status");
document.body.append(status);
document.addEventListener("click", (event) => {
  const pressed = event.target.closest?.("[data-ordering-move]");
  if (pressed?.closest("[data-ordering-item]")) {
    move(pressed);
  }
});
for (const list of lists) {
  refresh(list);
  new MutationObserver(() => refresh(list)).observe(list, { childList: true });
  window.Sortable.create(list, {
    group: list.dataset.ordering,
    handle: ".ordering-handle",
    draggable: "[data-ordering-item]",
    forceFallback: true,
    animation: window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 120,
    ghostClass: "ordering-ghost",
    onEnd: ({ item, from, to, oldIndex, newIndex }) => {
      if (from !== to || oldIndex !== newIndex) {
        announce(item, from, to);
      }
    },
  });
}
