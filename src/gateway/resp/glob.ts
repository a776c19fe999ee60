/** Patterns of Redis's, for names of channels and settings. */

/** Characters of a pattern that are looked at: no name is as long. */
const PATTERN_MAX = 256;

/** What `pattern` matches: `*`, `?` and lists in brackets. For short names: it is tried in all its ways. */
export function globOf(pattern: string): RegExp {
  // Stars behind one another would be as many ways to match nothing.
  const source = pattern.slice(0, PATTERN_MAX).replace(/\*+/g, "*").replace(/\[[^\]]*\]|[^a-zA-Z0-9]/g, (part) => {
    if (part === "*") return ".*";
    if (part === "?") return ".";
    return part.length > 2 ? `[${part.slice(1, -1).replace(/[\\[]/g, "\\$&")}]` : `\\${part}`;
  });
  try {
    return new RegExp(`^${source}$`);
  } catch (error) {
    // A list that is none matches nothing.
    if (error instanceof SyntaxError) return /$^/;
    throw error;
  }
}
