// The what-if on a target is redrawn while somebody types or slides: the address
// says what is shown, so that reloading and sending the link work.
document.addEventListener("htmx:after:swap", () => {
  const shown = document.querySelector<HTMLElement>("#what-if-result [data-target]")?.dataset.target;
  if (!shown) return;
  const url = new URL(location.href);
  if (url.searchParams.get("target") === shown) return;
  url.searchParams.set("target", shown);
  history.replaceState(history.state, "", url);
});
