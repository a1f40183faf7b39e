// A form in main is sent without leaving the page: the answer is morphed in,
// so place, focus and open parts stay. Without script it is an ordinary POST.
import { morph } from "./morph";

document.addEventListener("submit", (event) => {
  const form = event.target as HTMLFormElement;
  if (event.defaultPrevented || form.method !== "post" || !form.closest("main") || form.hasAttribute("data-plain")) return;
  event.preventDefault();
  void send(form, (event as SubmitEvent).submitter);
});

async function send(form: HTMLFormElement, button: HTMLElement | null) {
  const data = new FormData(form, button);
  const multipart = form.enctype === "multipart/form-data";
  button?.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(button?.getAttribute("formaction") ?? form.action, {
      method: "POST",
      body: multipart ? data : new URLSearchParams(data as unknown as Record<string, string>),
    });
    if (!answer.headers.get("Content-Type")?.startsWith("text/html")) return location.assign(answer.url);
    const text = await answer.text();
    // What this form opened or filled is done with.
    form.closest("details.menu")?.removeAttribute("open");
    if (answer.ok) form.reset();
    if (answer.redirected && answer.url !== location.href) history.pushState(null, "", answer.url);
    await morph(document.body, text);
    document.dispatchEvent(new Event("hinoban:refreshed"));
  } catch {
    form.submit(); // let the browser say what is wrong
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

addEventListener("popstate", () => location.reload());
