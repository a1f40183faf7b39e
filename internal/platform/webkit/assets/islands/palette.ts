// <hb-palette src="/api/palette">: find anything, do anything, by keyboard.

interface Hit {
  group: string;
  title: string;
  sub?: string;
  href: string;
}

class Palette extends HTMLElement {
  private readonly dialog = this.querySelector("dialog")!;
  private readonly input = this.querySelector("input")!;
  private readonly list = this.querySelector<HTMLElement>("[role=listbox]")!;
  private hits: Hit[] = [];
  private at = 0;
  private asked?: AbortController;
  private timer = 0;

  connectedCallback() {
    this.input.addEventListener("input", () => this.ask(90));
    this.input.addEventListener("keydown", (e) => this.key(e));
    this.list.addEventListener("click", (e) => this.go((e.target as Element).closest<HTMLElement>("[role=option]")));
  }

  open(): boolean {
    if (!this.dialog.open) this.dialog.showModal();
    this.input.select();
    this.ask(0);
    return true;
  }

  private ask(wait: number) {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      this.asked?.abort();
      this.asked = new AbortController();
      const url = `${this.getAttribute("src")}?q=${encodeURIComponent(this.input.value)}`;
      try {
        const answer = await fetch(url, { signal: this.asked.signal, headers: { Accept: "application/json" } });
        if (!answer.ok) throw new Error(answer.statusText);
        this.show(await answer.json());
      } catch (err) {
        if ((err as Error).name !== "AbortError") this.say(this.dataset.failed!);
      }
    }, wait);
  }

  private say(text: string) {
    this.hits = [];
    const p = document.createElement("p");
    p.textContent = text;
    this.list.replaceChildren(p);
    this.input.removeAttribute("aria-activedescendant");
  }

  private show(hits: Hit[]) {
    if (!hits.length) return this.say(this.dataset.empty!);
    this.hits = hits;
    const parts: HTMLElement[] = [];
    hits.forEach((hit, i) => {
      if (i === 0 || hits[i - 1].group !== hit.group) parts.push(line("palette-group", hit.group));
      const option = line("palette-hit", hit.title);
      option.id = `palette-${i}`;
      option.setAttribute("role", "option");
      if (hit.sub) option.append(line("palette-sub", hit.sub));
      parts.push(option);
    });
    this.list.replaceChildren(...parts);
    this.mark(0);
  }

  private mark(at: number) {
    this.at = (at + this.hits.length) % this.hits.length;
    this.list.querySelectorAll("[role=option]").forEach((o, i) => {
      o.setAttribute("aria-selected", String(i === this.at));
      if (i === this.at) o.scrollIntoView({ block: "nearest" });
    });
    this.input.setAttribute("aria-activedescendant", `palette-${this.at}`);
  }

  private key(event: KeyboardEvent) {
    if (event.isComposing || !this.hits.length) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key] ?? (event.ctrlKey ? { n: 1, p: -1 }[event.key] : undefined);
    if (step) this.mark(this.at + step);
    else if (event.key === "Enter") this.go(document.getElementById(`palette-${this.at}`));
    else return;
    event.preventDefault();
  }

  private go(option: HTMLElement | null) {
    if (!option) return;
    const to = new URL(this.hits[Number(option.id.slice(8))].href, location.href);
    if (to.origin === location.origin) location.assign(to);
  }
}

function line(name: string, text: string): HTMLElement {
  const el = document.createElement("div");
  el.className = name;
  el.textContent = text;
  return el;
}

customElements.define("hb-palette", Palette);

export function openPalette(): boolean {
  return document.querySelector<Palette>("hb-palette")?.open() ?? false;
}

document.addEventListener("click", (event) => {
  if ((event.target as Element).closest?.(".palette-open")) openPalette();
});
