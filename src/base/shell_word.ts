/** Commands that a message tells the reader to type, so that they can be pasted whatever a path holds. */

/** What no shell looks into. */
const PLAIN = /^[\w@%+:,./-]+$/;

/** What double quotes do not keep from a shell. */
const LIVE = /["$`\\!]|\p{Cc}/u;

/**
 * `text` as one word of a command: as it is where that is one, else in double quotes, which every shell knows, else in
 * the single quotes of POSIX, in which nothing is special.
 */
export function shellWord(text: string): string {
  if (PLAIN.test(text)) return text;
  return LIVE.test(text) || text === "" ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}
