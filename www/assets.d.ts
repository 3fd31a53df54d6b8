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

/** Whether the page is brownout.html, all in one file. */
declare const ONE_FILE: boolean;
