/** How a stop in good order ended. */
export interface StopEnd {
  stopped: boolean;
  error: Error | null;
}
