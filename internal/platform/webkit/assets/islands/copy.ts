// <hb-copy>: copies the code block that it stands in.

class Copy extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", () => void this.copy());
  }

  private async copy() {
    const word = this.querySelector("span")!;
    const before = word.textContent;
    await navigator.clipboard.writeText(this.closest("figure")!.querySelector("code")!.textContent!);
    word.textContent = this.dataset.done!;
    setTimeout(() => (word.textContent = before), 1500);
  }
}
customElements.define("hb-copy", Copy);
