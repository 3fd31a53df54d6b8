// What the bundler makes of files that are not scripts: their address, relative to the page.
declare module '*.svg' {
  const url: string;
  export default url;
}
declare module '*.png' {
  const url: string;
  export default url;
}
declare module '*.css' {
  const text: string;
  export default text;
}
