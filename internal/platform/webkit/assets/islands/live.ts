// <hb-live src="/live?topic=…">: the page asks for itself again when a topic
// changes. A page that nobody looks at waits until somebody does.
import { refresh } from "./morph";

class Live extends HTMLElement {
  static observedAttributes = ["src"];
  private source?: EventSource;
  private stale = false;
  private busy = false;
  private readonly seen = () => this.stale && void this.update();
  // A page that the browser keeps for "back" would keep its connection too, and
  // a browser has only six to a server.
  private readonly hide = () => this.source?.close();
  private readonly show = (event: PageTransitionEvent) => {
    if (!event.persisted) return;
    this.listen();
    void this.update();
  };

  connectedCallback() {
    document.addEventListener("visibilitychange", this.seen);
    addEventListener("pagehide", this.hide);
    addEventListener("pageshow", this.show);
    this.listen();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.seen);
    removeEventListener("pagehide", this.hide);
    removeEventListener("pageshow", this.show);
    this.source?.close();
  }

  attributeChangedCallback(_: string, was: string | null) {
    if (was !== null) this.listen();
  }

  private listen() {
    this.source?.close();
    const source = new EventSource(this.getAttribute("src")!);
    let lost = false;
    source.addEventListener("changed", () => void this.update());
    source.onerror = () => {
      lost = true;
      document.documentElement.classList.add("live-lost");
    };
    source.onopen = () => {
      document.documentElement.classList.remove("live-lost");
      if (lost) void this.update(); // what was said meanwhile was not heard
      lost = false;
    };
    this.source = source;
  }

  private async update() {
    this.stale = true;
    if (document.hidden || this.busy) return;
    this.busy = true;
    try {
      while (this.stale) {
        this.stale = false;
        await refresh();
      }
    } catch {
      this.stale = true; // the server is away; onopen asks again
    } finally {
      this.busy = false;
    }
  }
}
customElements.define("hb-live", Live);
