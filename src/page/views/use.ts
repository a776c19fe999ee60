/** What views share: looking on, and doing what takes time. */
import { useEffect, useState } from "preact/hooks";
import { failureText } from "../api.ts";
import type { Live } from "../live.ts";

/** Shows the view again whenever something new is known. */
export function useLive(live: Live): void {
  const [, setCount] = useState(0);
  useEffect(() => live.subscribe(() => setCount((count) => count + 1)), [live]);
}

/** Something that takes time, as a view shows it. */
export interface Task {
  readonly isBusy: boolean;
  /** Why it failed, in words; empty if it did not. */
  readonly failure: string;
  /** Does it, unless something is under way. */
  readonly run: (work: () => Promise<void>) => void;
  readonly forget: () => void;
}

export function useTask(): Task {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState("");
  const run = (work: () => Promise<void>): void => {
    if (isBusy) return;
    setBusy(true);
    setFailure("");
    work().catch((error: unknown) => setFailure(failureText(error))).finally(() => setBusy(false));
  };
  return { isBusy, failure, run, forget: () => setFailure("") };
}
