export const de = {} as never; export const catalog: Record<string,string> = {};
