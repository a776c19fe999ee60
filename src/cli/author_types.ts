/** `draft.d.ts`: what an editor is told of "draft" beside a plugin. */

/** The text, which a build puts in here. */
declare const AUTHOR_TYPES: string;

/** The text of `draft.d.ts`. The source tree makes it when it is asked for: the compiler is at hand there. */
export async function authorTypes(): Promise<string> {
  if (typeof AUTHOR_TYPES === "string") return AUTHOR_TYPES;
  const script = new URL("../../scripts/author_types.ts", import.meta.url);
  const made = await import(script.href) as { authorTypes: () => string };
  return made.authorTypes();
}
