// <hb-read> holds the form that marks messages as read. A reader who looks at
// the page for a moment has read it; without script the button does the same.
class Read extends HTMLElement {
  private timer = 0;
  private readonly seen = () => {
    clearTimeout(this.timer);
    if (!document.hidden) this.timer = setTimeout(() => void this.send(), 2500);
  };

  connectedCallback() {
    document.addEventListener("visibilitychange", this.seen);
    document.addEventListener("hinoban:refreshed", this.seen);
    this.seen();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
    document.removeEventListener("hinoban:refreshed", this.seen);
  }

  // What is on the screen stays marked as new until the page is loaded again.
  private async send() {
    const form = this.querySelector("form");
    const newest = form && new FormData(form).get("up_to")?.toString();
    if (!form || !newest || newest === this.dataset.sent) return;
    this.dataset.sent = newest;
    await fetch(form.action, { method: "POST", body: new URLSearchParams({ up_to: newest }), redirect: "manual" });
  }
}
customElements.define("hb-read", Read);
