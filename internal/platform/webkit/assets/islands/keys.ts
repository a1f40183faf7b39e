// Keys: "g n" goes, j and k walk the rows, "a" and its like press the button
// that names them, "?" helps.
import { openPalette } from "./palette";

let wentAt = -Infinity; // when g was pressed, in ms

function typing(el: EventTarget | null): boolean {
  // A field in a dialog that has just closed still has the focus for a moment.
  if (el instanceof HTMLInputElement && el.type === "checkbox") return false;
  return el instanceof HTMLElement && el.checkVisibility() && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));
}

function place(letter: string): string | undefined {
  for (const pair of (document.body.dataset.hotkeys ?? "").split(" ")) {
    if (pair.startsWith(letter + "=")) return pair.slice(2);
  }
}

function walk(step: number) {
  const rows = [...document.querySelectorAll<HTMLElement>("main [data-row]")].filter((r) => r.offsetParent);
  if (!rows.length) return;
  const here = rows.findIndex((r) => r.contains(document.activeElement));
  const next = rows[Math.min(rows.length - 1, Math.max(0, here < 0 ? (step > 0 ? 0 : rows.length - 1) : here + step))];
  const link = next.querySelector<HTMLElement>(".row-link") ?? next;
  if (link === next) next.tabIndex = -1;
  link.focus();
  next.scrollIntoView({ block: "nearest" });
}

function help() {
  const dialog = document.getElementById("keys") as HTMLDialogElement | null;
  dialog?.open ? dialog.close() : dialog?.showModal();
}

function press(event: KeyboardEvent): boolean {
  const going = event.timeStamp - wentAt < 1200;
  wentAt = -Infinity;
  const to = going && place(event.key);
  if (to) {
    location.assign(to);
    return true;
  }
  switch (event.key) {
    case "g":
      wentAt = event.timeStamp;
      return true;
    case "/":
      return openPalette();
    case "?":
      help();
      return true;
    case "j":
    case "k":
      walk(event.key === "j" ? 1 : -1);
      return true;
  }
  // A row's own button is pressed only from that row: "a" acknowledges what is looked at.
  const key = `[data-key="${CSS.escape(event.key)}"]`;
  const row = document.activeElement?.closest("main [data-row]");
  const named = row?.querySelector<HTMLElement>(key) ?? document.querySelector<HTMLElement>(`main ${key}:not([data-row] *)`);
  named?.click();
  return !!named;
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "k" && openPalette()) return event.preventDefault();
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
  if (event.key !== "?" && document.querySelector("dialog[open]")) return;
  if (press(event)) event.preventDefault();
});

// A click beside a dialog's box closes it.
document.addEventListener("click", (event) => {
  if (event.target instanceof HTMLDialogElement) event.target.close();
});
