/**
 * The ports of one simulated process, behind a gate: while it is shut the process hears nothing, as if it were stopped
 * by a signal. When it opens again everything comes in the least friendly order that the ports allow: late timers and
 * the ends of turns that were asked for before, then what arrived on sockets and files, then the rest.
 */
import type { Done } from "../../src/base/task.ts";
import type { Clock, Disk, File, Net, Socket } from "../../src/host/host.ts";

type Phase = "timer" | "soon" | "poll";
const ORDER: readonly Phase[] = ["timer", "soon", "poll"];

/** The gate of one process. */
export class Gate {
  /** False once the process is gone: then nothing comes through any more. */
  open = true;
  /** Shuts the gate when the process next asks for the end of a turn. */
  shutAtSoon = false;
  #shut = false;
  #held: { readonly phase: Phase; readonly run: () => void }[] = [];

  shut(): void {
    this.#shut = true;
  }

  /** Lets through what waited. */
  release(): void {
    this.#shut = false;
    const held = this.#held;
    this.#held = [];
    for (const phase of ORDER) for (const each of held) if (each.phase === phase && this.open) each.run();
  }

  #pass(phase: Phase, run: () => void): void {
    if (!this.open) return;
    if (this.#shut) this.#held.push({ phase, run });
    else run();
  }

  clock(clock: Clock): Clock {
    return {
      monotonicMs: () => clock.monotonicMs(),
      wallMs: () => clock.wallMs(),
      setTimer: (delayMs, fire) => {
        let isSet = true;
        const timer = clock.setTimer(delayMs, () => this.#pass("timer", () => {
          if (isSet) fire();
        }));
        return {
          cancel: () => {
            isSet = false;
            timer.cancel();
          },
        };
      },
      soon: (run) => {
        if (this.shutAtSoon) {
          this.shutAtSoon = false;
          this.#shut = true;
        }
        clock.soon(() => this.#pass("soon", run));
      },
    };
  }

  net(net: Net): Net {
    return {
      listen: (address, accept, done) =>
        net.listen(address, (socket) => this.#pass("poll", () => accept(this.#socket(socket))), this.#done(done)),
      dial: (address, timeoutMs, done) => net.dial(address, timeoutMs, (...[error, socket]) => {
        this.#pass("poll", () => {
          if (error === null) done(null, this.#socket(socket));
          else done(error);
        });
      }),
    };
  }

  disk(disk: Disk): Disk {
    return this.#port(disk, (name, value) => name === "open" ? this.#port(value as File, (_, each) => each) : value);
  }

  #done<T>(done: Done<T>): Done<T> {
    return (...result) => this.#pass("poll", () => done(...result));
  }

  #socket(socket: Socket): Socket {
    return {
      remote: socket.remote,
      get queuedBytes() {
        return socket.queuedBytes;
      },
      open: (handlers) => socket.open({
        data: (bytes) => this.#pass("poll", () => handlers.data(bytes)),
        drained: () => this.#pass("poll", () => handlers.drained()),
        closed: (error) => this.#pass("poll", () => handlers.closed(error)),
      }),
      write: (parts) => socket.write(parts),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      end: () => socket.end(),
      destroy: () => socket.destroy(),
    };
  }

  /** A port whose functions all end with their completion. */
  #port<P extends object>(port: P, wrap: (name: string, value: unknown) => unknown): P {
    return new Proxy(port, {
      get: (target, name) => (...given: unknown[]) => {
        const done = given.pop() as Done<unknown>;
        const method = Reflect.get(target, name) as (...all: unknown[]) => void;
        method.call(target, ...given, (...[error, value]: Parameters<Done<unknown>>) => {
          this.#pass("poll", () => {
            if (error === null) done(null, wrap(String(name), value));
            else done(error);
          });
        });
      },
    });
  }
}
