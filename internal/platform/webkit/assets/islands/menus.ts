// Menus are <details>: a click beside one or the escape key closes it.

function shut(except?: Element | null) {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

document.addEventListener("click", (event) => shut((event.target as Element).closest?.("details.menu")));
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector<HTMLDetailsElement>("details.menu[open]");
  if (event.key !== "Escape" || !menu) return;
  shut();
  menu.querySelector("summary")?.focus();
});

// The rail folds at once; the cookie makes the server draw it so next time.
document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  const button = (event as SubmitEvent).submitter as HTMLButtonElement | null;
  if (!form.classList.contains("rail-fold") || !button) return;
  event.preventDefault();
  document.documentElement.dataset.rail = button.value;
  document.cookie = `hinoban_rail=${button.value};path=/;max-age=34560000;samesite=lax`;
  button.value = button.value === "narrow" ? "wide" : "narrow";
});
