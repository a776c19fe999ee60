/** The version of this build; `scripts/tidy.ts` holds it equal to that of package.json and deno.json. */
export const version: string = "0.1.0";
