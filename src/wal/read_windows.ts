/**
 * Memory that read after read is made into. Memory that is new costs more than what is read into it: the system has to
 * give and clear each page, and the garbage collector to find out that the last ones are free. Measured on Bun with 1 GiB
 * of entries that are applied: 1.4 s of processor in place of 2.6 s.
 */

/** The windows of one read at a time. */
export class ReadWindows {
  readonly #windows: Uint8Array[] = [];
  #taken = 0;

  /** What was read into them is void. */
  reset(): void {
    this.#taken = 0;
  }

  /** `bytes` bytes, whatever they hold. */
  take(bytes: number): Uint8Array {
    const at = this.#taken++;
    const known = this.#windows[at];
    if (known !== undefined && known.length >= bytes) return known.subarray(0, bytes);
    const made = new Uint8Array(bytes);
    this.#windows[at] = made;
    return made;
  }
}
