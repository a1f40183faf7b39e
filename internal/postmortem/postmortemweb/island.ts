// <hb-cites>: a sentence and the records it stands on light up together, from
// either side. Without script the chips are links and :target lights them.
class Cites extends HTMLElement {
  connectedCallback() {
    this.addEventListener("pointerover", this.light);
    this.addEventListener("focusin", this.light);
    this.addEventListener("pointerleave", this.clear);
  }

  private readonly light = (event: Event) => {
    const at = (event.target as Element).closest<HTMLElement>("[data-cites], [data-seq]");
    this.clear();
    if (!at) return;
    const seq = at.dataset.seq;
    const lit = seq
      ? this.querySelectorAll<HTMLElement>(`[data-cites~="${CSS.escape(seq)}"]`)
      : this.records(at.dataset.cites ?? "");
    for (const el of lit) el.classList.add("lit");
    if (!seq) this.show(lit[0]);
  };

  private readonly clear = () => {
    for (const el of this.querySelectorAll(".lit")) el.classList.remove("lit");
  };

  private records(seqs: string): HTMLElement[] {
    const found = seqs.split(" ").filter(Boolean).map((s) => this.querySelector<HTMLElement>(`[data-seq="${CSS.escape(s)}"]`));
    return found.filter((el) => el !== null);
  }

  // show scrolls the list of records alone: the page stays where it is read.
  private show(record?: HTMLElement) {
    const list = record?.closest<HTMLElement>(".records");
    if (!record || !list || list.scrollHeight <= list.clientHeight) return;
    const top = record.offsetTop - list.offsetTop;
    if (top < list.scrollTop || top + record.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = Math.max(0, top - 24);
    }
  }
}
customElements.define("hb-cites", Cites);
