// <hb-tap> holds the page that a link of a message leads to. A person who
// tapped "noise" there has answered already: the form is sent once the page is
// seen. What fetches pages without showing them sends nothing, and without
// script the button does the same.
class Tap extends HTMLElement {
  private readonly send = () => {
    const form = this.querySelector("form");
    const verdict = this.dataset.verdict;
    if (!form || !verdict || document.hidden) return;
    document.removeEventListener("visibilitychange", this.send);
    delete this.dataset.verdict;
    const button = form.querySelector<HTMLButtonElement>(`button[value="${CSS.escape(verdict)}"]`);
    form.requestSubmit(button);
  };

  connectedCallback() {
    document.addEventListener("visibilitychange", this.send);
    // A frame later: pages that are only rendered ahead are hidden still.
    requestAnimationFrame(this.send);
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.send);
  }
}
customElements.define("hb-tap", Tap);
