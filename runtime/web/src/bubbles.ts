// Draws bubbles on the map of China, a bundle of its own (`bubbles.js`) that only pages with such a map load. Outlines of provinces, and
// of the cities of the one that is looked at, lie in bundles of theirs.

import { ScatterChart } from "echarts/charts";
import { GeoComponent, TooltipComponent } from "echarts/components";
import { init, registerMap, use } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";
import type { Outlines } from "./map-data";

use([ScatterChart, GeoComponent, TooltipComponent, LabelLayout, CanvasRenderer]);

/** Width of the smallest and the largest bubble. */
const [SMALLEST, LARGEST] = [10, 52];
/** So many of the largest have their name beside them. */
const NAMED = 12;

interface Bubble {
  label: string;
  words: string;
  place: [number, number];
  weight: number;
  href: string | null;
  /** Where its records are read, which the list beside the map has a link to. */
  cards: string | null;
}

interface Drawing {
  bubbles: Bubble[];
  /** Code of the province that is looked at, or nothing. */
  within: string;
  /** How near points are looked at; none for regions. */
  level: number | null;
}

/** A colour of the style sheet, as a canvas understands it. */
function colour(host: HTMLElement, name: string): string {
  host.style.color = `var(--${name})`;
  const found = getComputedStyle(host).color;
  host.style.removeProperty("color");
  return found;
}

/** Outlines of the country, or of the cities of a province. */
async function outlines(within: string, sources: { country: string; cities: string }): Promise<[string, Outlines]> {
  if (within) {
    const { cities } = (await import(sources.cities)) as typeof import("./map-cities");
    const found = cities[within];
    if (found) return [`within-${within}`, found];
  }
  const { provinces } = (await import(sources.country)) as typeof import("./map-data");
  return ["country", provinces];
}

/** Draws a map and keeps it in its size and colours; the answer ends that. */
export async function draw(host: HTMLElement, data: string, sources: { country: string; cities: string }): Promise<() => void> {
  const drawing = JSON.parse(data) as Drawing;
  const [name, shapes] = await outlines(drawing.within, sources);
  registerMap(name, shapes as never);
  host.replaceChildren();
  let chart = init(host);
  const paint = () => {
    chart.dispose();
    chart = init(host);
    chart.setOption(option(host, drawing, name));
    chart.on("click", (event) => {
      const bubble = event.componentType === "series" ? drawing.bubbles[event.dataIndex] : undefined;
      if (bubble?.href) location.assign(bubble.href);
      else if (bubble?.cards) host.dispatchEvent(new CustomEvent("m:place", { bubbles: true, detail: bubble.cards }));
    });
  };
  paint();
  const resized = new ResizeObserver(() => chart.resize());
  resized.observe(host);
  const themed = new MutationObserver(paint);
  themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", paint);
  return () => {
    resized.disconnect();
    themed.disconnect();
    scheme.removeEventListener("change", paint);
    chart.dispose();
  };
}

function option(host: HTMLElement, drawing: Drawing, map: string) {
  const [text, line, ground, accent] = ["text", "line-strong", "surface-3", "accent"].map((one) => colour(host, one)) as [string, string, string, string];
  const most = Math.max(...drawing.bubbles.map((one) => one.weight), 1);
  const size = (weight: number) => SMALLEST + (LARGEST - SMALLEST) * Math.sqrt(Math.max(weight, 0) / most);
  const font = getComputedStyle(host).fontFamily;
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    textStyle: { fontFamily: font, color: text },
    // Pages allow no styles within markup, so the words are drawn.
    tooltip: {
      renderMode: "richText" as const,
      confine: true,
      backgroundColor: colour(host, "surface"),
      borderColor: line,
      textStyle: { color: text, fontSize: 13 },
      formatter: (at: unknown) => drawing.bubbles[(at as { dataIndex: number }).dataIndex]?.words ?? "",
    },
    geo: {
      map,
      roam: true,
      scaleLimit: { min: 0.8, max: 12 },
      nameProperty: "name",
      label: { show: false },
      tooltip: { show: false },
      itemStyle: { areaColor: ground, borderColor: line, borderWidth: 0.8 },
      emphasis: { disabled: true },
      select: { disabled: true },
    },
    series: [{
      type: "scatter" as const,
      coordinateSystem: "geo" as const,
      data: drawing.bubbles.map((one, index) => ({
        name: one.label,
        value: [...one.place, one.weight],
        symbolSize: size(one.weight),
        cursor: one.href || one.cards ? "pointer" : "default",
        label: { show: index < NAMED, formatter: one.label, position: "right" as const, color: text, fontSize: 12 },
      })),
      labelLayout: { hideOverlap: true },
      itemStyle: { color: accent, opacity: 0.72, borderColor: colour(host, "surface"), borderWidth: 1 },
      emphasis: { itemStyle: { opacity: 0.95 } },
    }],
  };
}
