// Changing the page in place: htmx's morph, told what a reader has touched.

interface Htmx {
  swap(ctx: { sourceElement: Element; target: Element; swap: string; text: string }): Promise<void>;
  trigger(on: Element, event: string): void;
  registerExtension(name: string, ext: Record<string, (el: Element, detail: Change) => boolean | void>): void;
}
interface Change {
  attrName: string;
  newValue: string | null;
}
declare const window: Window & { htmx: Htmx };
export const htmx = window.htmx;

// typed says whether a reader has put something into a field.
function typed(el: Element): boolean {
  if (el instanceof HTMLTextAreaElement) return el.value !== el.defaultValue;
  if (!(el instanceof HTMLInputElement)) return false;
  return el.checked !== el.defaultChecked || el.value !== el.defaultValue;
}

htmx.registerExtension("hinoban", {
  // What is open stays open, what was typed stays typed.
  htmx_before_morph_attr: (el, change) => {
    if (change.attrName === "open") return !(el instanceof HTMLDetailsElement || el instanceof HTMLDialogElement);
    if (change.attrName === "value" || change.attrName === "checked") return !typed(el);
    return true;
  },
  htmx_before_morph_node: (el) => !(el instanceof HTMLTextAreaElement && typed(el)) && !(el instanceof HTMLSelectElement && el === document.activeElement),
});

export const main = (): HTMLElement => document.getElementById("main")!;

// morph makes the inside of target what text says.
export function morph(target: Element, text: string): Promise<void> {
  return htmx.swap({ sourceElement: target, target, swap: "innerMorph", text });
}

// refresh asks for this page again and changes what has changed.
export async function refresh(): Promise<void> {
  const answer = await fetch(location.href, { headers: { "HX-Request": "true", "HX-Target": "main#main" } });
  if (answer.redirected) return location.reload(); // signed out meanwhile
  if (!answer.ok) return;
  await morph(main(), await answer.text());
  for (const p of document.querySelectorAll(".panel-body")) htmx.trigger(p, "refresh");
  document.dispatchEvent(new Event("hinoban:refreshed"));
}
