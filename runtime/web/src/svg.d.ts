// Pictures are bundled as their source text.
declare module "*.svg" {
  const source: string;
  export default source;
}
