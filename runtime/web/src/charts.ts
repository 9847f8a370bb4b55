// Charts of dashboards, a bundle of its own that only pages with charts load. `<m-chart data-chart>` draws what the server
// worked out; the same figures stand beside it as a table, so nothing is lost where nothing can be drawn.

import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use, type ECharts } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, LineChart, GridComponent, MarkLineComponent, TooltipComponent, CanvasRenderer]);

/** What the server says about a chart. */
interface Drawing {
  kind: "line" | "bar" | "funnel";
  percent: boolean;
  labels: string[];
  words: string[];
  links: (string | null)[];
  values: (number | null)[];
  target: number | null;
}

/** Height of a bar with its gap, in pixels. */
const BAR = 34;

class Chart extends HTMLElement {
  private chart: ECharts | undefined;
  private readonly resized = new ResizeObserver(() => this.chart?.resize());
  private readonly themed = new MutationObserver(() => this.draw());
  private readonly scheme = matchMedia("(prefers-color-scheme: dark)");
  private readonly redraw = () => this.draw();

  connectedCallback(): void {
    this.draw();
    this.resized.observe(this);
    this.themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.scheme.addEventListener("change", this.redraw);
  }

  disconnectedCallback(): void {
    this.resized.disconnect();
    this.themed.disconnect();
    this.scheme.removeEventListener("change", this.redraw);
    this.chart?.dispose();
    this.chart = undefined;
  }

  /** A colour of the style sheet, as a canvas understands it. */
  private colour(name: string): string {
    this.style.color = `var(--${name})`;
    const colour = getComputedStyle(this).color;
    this.style.removeProperty("color");
    return colour;
  }

  private draw(): void {
    const drawing = JSON.parse(this.dataset.chart ?? "null") as Drawing | null;
    if (!drawing) return;
    if (drawing.kind !== "line") this.style.height = `${drawing.labels.length * BAR + 12}px`;
    this.chart?.dispose();
    this.chart = init(this);
    this.chart.setOption(drawing.kind === "line" ? this.line(drawing) : this.bars(drawing));
    this.chart.on("click", ({ dataIndex }) => {
      const link = drawing.links[dataIndex];
      if (link) location.href = link;
    });
  }

  private common(drawing: Drawing) {
    const [text, line] = [this.colour("text-3"), this.colour("line")];
    const words = (at: number) => `${drawing.labels[at]}: ${drawing.words[at]}`;
    return {
      text,
      line,
      animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      textStyle: { fontFamily: getComputedStyle(this).fontFamily, color: text },
      // Pages allow no styles within markup, so the words are drawn.
      tooltip: {
        renderMode: "richText" as const,
        confine: true,
        backgroundColor: this.colour("surface"),
        borderColor: line,
        textStyle: { color: this.colour("text"), fontSize: 13 },
        formatter: (at: unknown) => words((Array.isArray(at) ? at[0] : at).dataIndex as number),
      },
    };
  }

  private axis(drawing: Drawing, { text, line }: { text: string; line: string }) {
    const formatter = (value: number) => (drawing.percent ? `${Math.round(value * 100)}%` : String(value));
    return { type: "value" as const, axisLabel: { color: text, formatter }, splitLine: { lineStyle: { color: line } }, minInterval: drawing.percent ? 0 : 1 };
  }

  private line(drawing: Drawing) {
    const common = this.common(drawing);
    const accent = this.colour("accent");
    return {
      ...common,
      grid: { left: 8, right: 14, top: 12, bottom: 4, containLabel: true },
      tooltip: { ...common.tooltip, trigger: "axis" as const },
      xAxis: {
        type: "category" as const, data: drawing.labels, boundaryGap: false,
        axisLabel: { color: common.text, hideOverlap: true, formatter: (day: string) => day.slice(5) },
        axisLine: { lineStyle: { color: common.line } }, axisTick: { show: false },
      },
      yAxis: this.axis(drawing, common),
      series: [{
        type: "line" as const, data: drawing.values, showSymbol: drawing.values.length < 15, smooth: 0.2,
        itemStyle: { color: accent }, lineStyle: { width: 2 }, areaStyle: { color: accent, opacity: 0.08 },
        markLine: drawing.target === null ? undefined : {
          silent: true, symbol: "none", label: { show: false },
          lineStyle: { color: this.colour("good"), type: "dashed" as const }, data: [{ yAxis: drawing.target }],
        },
      }],
    };
  }

  private bars(drawing: Drawing) {
    const common = this.common(drawing);
    const label = (at: { dataIndex: number }) => drawing.words[at.dataIndex] ?? "";
    return {
      ...common,
      grid: { left: 4, right: 64, top: 4, bottom: 4, containLabel: true },
      xAxis: { ...this.axis(drawing, common), show: false },
      yAxis: {
        type: "category" as const, data: drawing.labels, inverse: true, axisLine: { show: false }, axisTick: { show: false },
        axisLabel: { color: this.colour("text-2"), width: 110, overflow: "truncate" as const },
      },
      series: [{
        type: "bar" as const, data: drawing.values, barMaxWidth: 18,
        itemStyle: { color: this.colour("accent"), borderRadius: 3 },
        label: { show: true, position: "right" as const, color: this.colour("text-2"), formatter: label },
        cursor: drawing.links.some(Boolean) ? "pointer" : "default",
      }],
    };
  }
}

customElements.define("m-chart", Chart);
