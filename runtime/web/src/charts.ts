// Charts of dashboards, a bundle of its own that only pages with charts load. `<m-chart data-chart>` draws what the server
// worked out; the same figures stand beside it as a table, so nothing is lost where nothing can be drawn.

import { BarChart, EffectScatterChart, GaugeChart, HeatmapChart, LineChart, RadarChart } from "echarts/charts";
import {
  GeoComponent, GridComponent, LegendComponent, MarkLineComponent, RadarComponent, TooltipComponent, VisualMapComponent,
} from "echarts/components";
import { init, registerMap, use, type ECharts } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type * as MapData from "./map-data";
import { pictureOf } from "./picture";

use([
  BarChart, EffectScatterChart, GaugeChart, HeatmapChart, LineChart, RadarChart, GeoComponent, GridComponent, LegendComponent,
  MarkLineComponent, RadarComponent, TooltipComponent, VisualMapComponent, CanvasRenderer,
]);

interface Series {
  name: string;
  /** A colour of definitions: that of a choice. */
  tone?: string | null;
  values: (number | null)[];
  words: (string | null)[];
  links: (string | null)[];
}

/** What the server says about a chart. */
interface Drawing {
  kind: "line" | "bar" | "funnel" | "stacked" | "heat" | "radar" | "map" | "gauge";
  percent: boolean;
  /** Broken down twice. */
  crossed: boolean;
  labels: string[];
  /** Codes of regions, where labels are regions. */
  codes: (string | null)[];
  /** None on a dial. */
  series: Series[];
  target: number | null;
  value: number;
  words: string;
  whole: number;
  standing: "green" | "amber" | "red" | null;
}

/** Height of a bar with its gap, in pixels. */
const BAR = 30;
const CORNERS_MIN = 3;
/** Where names beside a shape need more of the room than it does. */
const NARROW = 420;
/** The country's width in its heights, as it is drawn. */
const COUNTRY_WIDTH = 1.18;
/** From this share of the largest figure on, a place of a heat map is dark in light pages, and its words are light. */
const DEEP = 0.62;
/** Colours of parts that stand side by side: variables of the style sheet. */
const PARTS = ["chart-1", "chart-2", "chart-3", "chart-4", "chart-5", "chart-6", "chart-7", "chart-8"];
/** The name under which ECharts adds the islands in the South China Sea. */
const MAP = "china";
const SMALLEST_BUBBLE = 8;
const LARGEST_BUBBLE = 34;

/** Charts that were there before are drawn anew without moving. */
const drawn = new Set<string>();

class Chart extends HTMLElement {
  private chart: ECharts | undefined;
  private readonly resized = new ResizeObserver(() => this.chart?.resize());
  private readonly themed = new MutationObserver(() => this.draw());
  private readonly scheme = matchMedia("(prefers-color-scheme: dark)");
  private readonly redraw = () => this.draw();

  connectedCallback(): void {
    if (this.dataset.map) void this.withMap(this.dataset.map);
    else this.draw();
    this.resized.observe(this);
    this.themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.scheme.addEventListener("change", this.redraw);
    document.addEventListener("mortise:themed", this.redraw);
  }

  disconnectedCallback(): void {
    this.resized.disconnect();
    this.themed.disconnect();
    this.scheme.removeEventListener("change", this.redraw);
    document.removeEventListener("mortise:themed", this.redraw);
    this.chart?.dispose();
    this.chart = undefined;
  }

  /** The chart as a picture with its heading, for `data-png`. */
  picture(): HTMLCanvasElement | undefined {
    const canvas = this.chart?.renderToCanvas({ pixelRatio: 2, backgroundColor: this.colour("surface") });
    const heading = this.closest(".dash-card")?.querySelector("h2")?.textContent ?? "";
    return canvas && pictureOf(canvas, heading.replace(/\s+/g, " ").trim(), this.colour("surface"), this.colour("text"), getComputedStyle(this).fontFamily);
  }

  private async withMap(source: string): Promise<void> {
    try {
      const data = (await import(source)) as typeof MapData;
      registerMap(MAP, data.provinces as unknown as Parameters<typeof registerMap>[1]);
      remember(data);
      if (this.isConnected) this.draw();
    } catch {
      // The figures are there as a table.
      this.classList.add("is-undrawn");
    }
  }

  /** A colour of the style sheet, as a canvas understands it. */
  private colour(name: string): string {
    this.style.color = `var(--${name})`;
    const colour = getComputedStyle(this).color;
    this.style.removeProperty("color");
    return colour;
  }

  /** A colour that definitions name. */
  private tone(name: string): string {
    const probe = document.createElement("span");
    probe.className = `tone tone-${name}`;
    this.append(probe);
    probe.style.color = "var(--tone)";
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  }

  /** Colours of the parts: those of their choices where these are told apart by them, what belongs to none in gray. */
  private colours(drawing: Drawing): string[] {
    // A dial has no parts.
    if (!drawing.series) return [this.colour("accent")];
    const tones = drawing.series.map(({ tone }) => tone).filter(Boolean) as string[];
    const rest = drawing.series.length - tones.length;
    if (tones.length === 0 || rest > 1 || new Set(tones).size < tones.length) return PARTS.map((name) => this.colour(name));
    return drawing.series.map(({ tone }) => (tone ? this.tone(tone) : this.colour("line-strong")));
  }

  private draw(): void {
    const drawing = JSON.parse(this.dataset.chart ?? "null") as Drawing | null;
    if (!drawing || (this.dataset.map && !places)) return;
    // Two corners make no shape.
    if (drawing.kind === "radar" && drawing.labels.length < CORNERS_MIN) drawing.kind = drawing.crossed ? "stacked" : "bar";
    const flat = ["bar", "funnel", "stacked"].includes(drawing.kind);
    if (flat) this.style.minHeight = `${drawing.labels.length * BAR + (drawing.crossed ? 52 : 12)}px`;
    this.chart?.dispose();
    this.chart = init(this);
    this.chart.setOption(this.option(drawing));
    drawn.add(this.closest("section")?.id ?? "");
    this.chart.on("click", (at) => {
      const link = this.linkOf(drawing, at as unknown as Pressed);
      if (link) location.href = link;
    });
  }

  private option(drawing: Drawing) {
    switch (drawing.kind) {
      case "line": return this.line(drawing);
      case "funnel": return this.funnel(drawing);
      case "heat": return this.heat(drawing);
      case "radar": return this.radar(drawing);
      case "gauge": return this.gauge(drawing);
      case "map": return this.map(drawing);
      default: return this.bars(drawing);
    }
  }

  /** The records behind what was pressed. */
  private linkOf(drawing: Drawing, at: Pressed): string | null | undefined {
    switch (drawing.kind) {
      case "heat": return drawing.series[at.value?.[0] ?? 0]?.links[at.value?.[1] ?? 0];
      case "radar": return undefined;
      case "funnel": return drawing.series[0]?.links[at.dataIndex];
      case "map": return drawing.series[0]?.links[at.data?.at ?? -1];
      default: return drawing.series[at.seriesIndex ?? 0]?.links[at.dataIndex];
    }
  }

  private common(drawing: Drawing) {
    const [text, line] = [this.colour("text-3"), this.colour("line")];
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches || drawn.has(this.closest("section")?.id ?? "");
    return {
      text,
      line,
      color: this.colours(drawing),
      animation: !still,
      textStyle: { fontFamily: getComputedStyle(this).fontFamily, color: text },
      // Pages allow no styles within markup, so the words are drawn.
      tooltip: {
        renderMode: "richText" as const,
        confine: true,
        backgroundColor: this.colour("surface"),
        borderColor: line,
        textStyle: { color: this.colour("text"), fontSize: 13 },
      },
    };
  }

  private legend(drawing: Drawing) {
    return drawing.crossed
      ? { type: "scroll" as const, bottom: 0, itemWidth: 12, itemHeight: 8, textStyle: { color: this.colour("text-2") }, data: drawing.series.map(({ name }) => name) }
      : undefined;
  }

  private axis(drawing: Drawing, { text, line }: { text: string; line: string }) {
    const formatter = (value: number) => (drawing.percent ? `${Math.round(value * 100)}%` : value.toLocaleString(document.documentElement.lang, { notation: "compact" }));
    return { type: "value" as const, axisLabel: { color: text, formatter }, splitLine: { lineStyle: { color: line } }, minInterval: drawing.percent ? 0 : 1 };
  }

  /** The words beside the pointer: of one mark, or of all at a place of an axis. */
  private told(drawing: Drawing) {
    return (at: unknown) => {
      const marks = (Array.isArray(at) ? at : [at]) as { dataIndex: number; seriesIndex: number }[];
      const label = drawing.labels[marks[0]?.dataIndex ?? 0] ?? "";
      const words = marks.map(({ dataIndex, seriesIndex }) => {
        const series = drawing.series[seriesIndex];
        return `${drawing.crossed ? `${series?.name}: ` : ""}${series?.words[dataIndex] ?? "—"}`;
      });
      return drawing.crossed ? [label, ...words].join("\n") : `${label}: ${words.join()}`;
    };
  }

  private line(drawing: Drawing) {
    const common = this.common(drawing);
    const alone = !drawing.crossed;
    return {
      ...common,
      legend: this.legend(drawing),
      grid: { left: 8, right: 14, top: 12, bottom: alone ? 4 : 30, containLabel: true },
      tooltip: { ...common.tooltip, trigger: "axis" as const, formatter: this.told(drawing) },
      xAxis: {
        type: "category" as const, data: drawing.labels, boundaryGap: false,
        axisLabel: { color: common.text, hideOverlap: true, formatter: (day: string) => day.slice(5) },
        axisLine: { lineStyle: { color: common.line } }, axisTick: { show: false },
      },
      yAxis: this.axis(drawing, common),
      series: drawing.series.map(({ name, values }, index) => ({
        type: "line" as const, name, data: values, symbol: "circle", symbolSize: 6, showSymbol: values.length < (alone ? 15 : 3),
        smooth: 0.3, smoothMonotone: "x" as const, lineStyle: { width: 2 }, emphasis: { focus: "series" as const },
        triggerLineEvent: true,
        areaStyle: alone ? { opacity: 0.08 } : undefined,
        markLine: drawing.target === null || index > 0 ? undefined : {
          silent: true, symbol: "none", label: { show: false },
          lineStyle: { color: this.colour("good"), type: "dashed" as const }, data: [{ yAxis: drawing.target }],
        },
      })),
    };
  }

  private bars(drawing: Drawing) {
    const common = this.common(drawing);
    const stacked = drawing.crossed;
    return {
      ...common,
      legend: this.legend(drawing),
      grid: { left: 4, right: stacked ? 12 : 64, top: 4, bottom: stacked ? 32 : 4, containLabel: true },
      tooltip: { ...common.tooltip, trigger: stacked ? ("axis" as const) : ("item" as const), axisPointer: { type: "shadow" as const }, formatter: this.told(drawing) },
      xAxis: { ...this.axis(drawing, common), show: stacked },
      yAxis: {
        type: "category" as const, data: drawing.labels, inverse: true, axisLine: { show: false }, axisTick: { show: false },
        axisLabel: { color: this.colour("text-2"), width: 110, overflow: "truncate" as const },
      },
      series: drawing.series.map(({ name, values, words, links }) => ({
        type: "bar" as const, name, data: values, barMaxWidth: 18, ...(stacked ? { stack: "all" } : {}),
        itemStyle: { borderRadius: stacked ? 0 : 3 },
        label: { show: !stacked, position: "right" as const, color: this.colour("text-2"), formatter: ({ dataIndex }: { dataIndex: number }) => words[dataIndex] ?? "" },
        cursor: links.some(Boolean) ? "pointer" : "default",
      })),
    };
  }

  /** Steps around a middle line, one below the other, each as wide as it is large. */
  private funnel(drawing: Drawing) {
    const common = this.common(drawing);
    const { values = [], words = [] } = drawing.series[0] ?? {};
    const figures = values.map((value) => value ?? 0);
    const max = Math.max(1e-9, ...figures);
    const [red, green, blue] = this.colour("accent").match(/[\d.]+/g) ?? [];
    // Further down it grows fainter, but never so faint that it cannot be seen.
    const shade = (step: number) => `rgba(${red}, ${green}, ${blue}, ${1 - 0.45 * (step / Math.max(1, figures.length - 1))})`;
    const bar = { type: "bar" as const, stack: "all", barMaxWidth: 26, barCategoryGap: "22%" };
    return {
      ...common,
      grid: { left: 4, right: 82, top: 4, bottom: 4, containLabel: true },
      tooltip: {
        ...common.tooltip,
        formatter: (at: unknown) => {
          const { dataIndex } = at as Pressed;
          return `${drawing.labels[dataIndex]}: ${words[dataIndex] ?? "—"}`;
        },
      },
      xAxis: { type: "value" as const, show: false, max },
      yAxis: {
        type: "category" as const, data: drawing.labels, inverse: true, axisLine: { show: false }, axisTick: { show: false },
        axisLabel: { color: this.colour("text-2"), width: 110, overflow: "truncate" as const },
      },
      series: [
        { ...bar, silent: true, tooltip: { show: false }, itemStyle: { color: "transparent" }, data: figures.map((value) => (max - value) / 2) },
        {
          ...bar,
          data: figures.map((value, step) => ({ value, itemStyle: { color: shade(step), borderRadius: 4 } })),
          label: { show: true, position: "right" as const, color: this.colour("text"), formatter: ({ dataIndex }: { dataIndex: number }) => words[dataIndex] ?? "" },
          cursor: "pointer",
        },
      ],
    };
  }

  private heat(drawing: Drawing) {
    const common = this.common(drawing);
    const figures = drawing.series.flatMap(({ values }) => values.filter((value) => value !== null));
    const [min, max] = [Math.min(0, ...figures), Math.max(1e-9, ...figures)];
    const [onLow, onHigh] = [this.colour("on-heat-low"), this.colour("on-heat-high")];
    const cells = drawing.series.flatMap(({ values }, part) => values.map((value, head) => ({
      value: [part, head, value ?? "-"],
      label: { color: value !== null && (value - min) / (max - min) > DEEP ? onHigh : onLow },
    })));
    const category = { type: "category" as const, axisLine: { show: false }, axisTick: { show: false }, splitArea: { show: false } };
    const words = ({ value: [part, head] }: { value: [number, number] }) => drawing.series[part]?.words[head] ?? "—";
    return {
      ...common,
      grid: { left: 4, right: 8, top: 4, bottom: 4, containLabel: true },
      tooltip: {
        ...common.tooltip,
        formatter: (at: unknown) => {
          const { value } = at as { value: [number, number] };
          return `${drawing.labels[value[1]]} · ${drawing.series[value[0]]?.name}: ${words({ value })}`;
        },
      },
      xAxis: { ...category, data: drawing.series.map(({ name }) => name), axisLabel: { color: this.colour("text-2"), hideOverlap: true } },
      yAxis: { ...category, data: drawing.labels, inverse: true, axisLabel: { color: this.colour("text-2"), width: 110, overflow: "truncate" as const } },
      visualMap: {
        show: false, min, max,
        inRange: { color: [this.colour("heat-low"), this.colour("heat-high")] },
      },
      series: [{
        type: "heatmap" as const, data: cells,
        label: { show: true, formatter: (at: unknown) => words(at as { value: [number, number] }), fontSize: 12 },
        itemStyle: { borderColor: this.colour("surface"), borderWidth: 2, borderRadius: 4 },
      }],
    };
  }

  private radar(drawing: Drawing) {
    const common = this.common(drawing);
    const figures = drawing.series.flatMap(({ values }) => values.map((value) => value ?? 0));
    const max = Math.max(1e-9, ...figures);
    return {
      ...common,
      legend: this.legend(drawing),
      tooltip: {
        ...common.tooltip,
        formatter: (at: unknown) => {
          const { dataIndex } = at as { dataIndex: number };
          const { name, words } = drawing.series[dataIndex] ?? { name: "", words: [] };
          return [drawing.crossed ? name : "", ...drawing.labels.map((label, head) => `${label}: ${words[head] ?? "—"}`)].filter(Boolean).join("\n");
        },
      },
      radar: {
        indicator: drawing.labels.map((name) => ({ name, max })), radius: this.clientWidth < NARROW ? "54%" : "72%", center: ["50%", drawing.crossed ? "46%" : "52%"],
        axisName: { color: this.colour("text-2"), width: 90, overflow: "truncate" as const },
        splitLine: { lineStyle: { color: common.line } }, splitArea: { show: false }, axisLine: { lineStyle: { color: common.line } },
      },
      series: [{ type: "radar" as const, symbolSize: 4, data: drawing.series.map(({ name, values }) => ({ name, value: values.map((value) => value ?? 0), areaStyle: { opacity: 0.1 } })) }],
    };
  }

  private gauge(drawing: Drawing) {
    const common = this.common(drawing);
    const tone = { green: "draw-good", amber: "draw-warn", red: "draw-danger" }[drawing.standing ?? "green"];
    const ground = this.colour("surface-3");
    const share = drawing.target === null ? undefined : Math.min(1, Math.max(0, drawing.target / drawing.whole));
    const mark = this.colour("text-2");
    // The target is a notch in the dial.
    const notch = share === undefined ? [[1, ground]] : [[Math.max(0, share - 0.006), ground], [Math.min(1, share + 0.006), mark], [1, ground]];
    return {
      ...common,
      tooltip: { show: false },
      series: [{
        type: "gauge" as const, silent: true, min: 0, max: drawing.whole, startAngle: 200, endAngle: -20, radius: "120%", center: ["50%", "72%"],
        progress: { show: true, width: 12, itemStyle: { color: this.colour(drawing.standing ? tone : "accent") } },
        axisLine: { lineStyle: { width: 12, color: notch as [number, string][] } },
        axisTick: { show: false }, splitLine: { show: false }, axisLabel: { show: false }, pointer: { show: false }, anchor: { show: false },
        title: { show: false }, detail: { show: false }, data: [{ value: drawing.value }],
      }],
    };
  }

  private map(drawing: Drawing) {
    const common = this.common(drawing);
    const series = drawing.series[0] ?? { name: "", values: [], words: [], links: [] };
    const max = Math.max(1e-9, ...series.values.map((value) => value ?? 0));
    const bubbles = drawing.codes.flatMap((code, at) => {
      const place = code === null ? undefined : placeOf(code);
      const value = series.values[at];
      return place && value ? [{ at, name: drawing.labels[at] ?? "", value: [...place, value] }] : [];
    });
    const size = (value: number[]) => SMALLEST_BUBBLE + Math.sqrt(Math.max(0, value[2] ?? 0) / max) * (LARGEST_BUBBLE - SMALLEST_BUBBLE);
    return {
      ...common,
      tooltip: { ...common.tooltip, formatter: (at: unknown) => {
        const { data } = at as { data?: { at: number; name: string } };
        return data ? `${data.name}: ${series.words[data.at] ?? "—"}` : "";
      } },
      geo: {
        map: MAP, roam: false, silent: true, layoutCenter: ["50%", "50%"],
        // A share of the shorter side: the country is wider than high.
        layoutSize: this.clientWidth > this.clientHeight * COUNTRY_WIDTH ? `${COUNTRY_WIDTH * 100}%` : "100%",
        itemStyle: { areaColor: this.colour("surface-3"), borderColor: this.colour("line-strong") },
      },
      series: [{
        type: "effectScatter" as const, coordinateSystem: "geo" as const, showEffectOn: "emphasis" as const, rippleEffect: { scale: 1.6 },
        data: bubbles, symbolSize: size, itemStyle: { color: this.colour("accent"), opacity: 0.75 },
        label: { show: bubbles.length <= 12, position: "right" as const, color: this.colour("text"), formatter: "{b}" },
        cursor: "pointer",
      }],
    };
  }
}

/** What ECharts says was pressed. */
interface Pressed {
  dataIndex: number;
  seriesIndex?: number;
  value?: [number, number];
  data?: { at?: number };
}

let places: Map<string, MapData.Place> | undefined;

/** Where a region lies; its province, as the bubbles of a country are those of provinces. */
function placeOf(code: string): MapData.Place | undefined {
  return places?.get(code.slice(0, 2));
}

/** Remembers where regions lie, as soon as there is a map. */
function remember({ provinces }: typeof MapData): void {
  places ??= new Map(provinces.features.map(({ id, properties }) => [id, properties.cp]));
}

customElements.define("m-chart", Chart);

document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest("[data-png]");
  const chart = button?.closest(".dash-card")?.querySelector<Chart>("m-chart");
  chart?.picture()?.toBlob((blob) => {
    if (!blob) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${chart.getAttribute("aria-label") ?? "chart"}.png`;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
  }, "image/png");
});
