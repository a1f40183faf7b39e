// <hb-chart>: reads the chart's own table out where the pointer is.

class Chart extends HTMLElement {
  connectedCallback() {
    const plot = this.querySelector(".chart-plot")!;
    plot.addEventListener("pointermove", (e) => this.read(plot, (e as PointerEvent).clientX));
    plot.addEventListener("pointerleave", () => this.hide());
  }

  private hide() {
    this.classList.remove("reading");
  }

  private read(plot: Element, x: number) {
    const box = plot.getBoundingClientRect();
    const at = ((x - box.left) / box.width) * 1000;
    const table = this.parentElement!.querySelector<HTMLTableElement>(".chart-data")!;
    let best: HTMLTableRowElement | undefined;
    let gap = Infinity;
    for (const row of table.tBodies[0].rows) {
      const d = Math.abs(Number(row.dataset.x) - at);
      if (d < gap) [gap, best] = [d, row];
    }
    if (!best) return;
    const heads = [...table.tHead!.rows[0].cells].slice(1).map((c) => c.textContent!.trim());
    const values = [...best.cells].map((c) => c.textContent!.trim());
    const out = this.querySelector("output")!;
    out.textContent = [values[0], ...heads.map((h, i) => `${h} ${values[i + 1]}`)].join("  ·  ");
    const line = this.querySelector(".cursor")!;
    for (const end of ["x1", "x2"]) line.setAttribute(end, Number(best.dataset.x) / 10 + "%");
    this.classList.add("reading");
  }
}
customElements.define("hb-chart", Chart);
