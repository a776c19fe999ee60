/**
 * The ports of one simulated process, behind a gate: while it is shut the process hears nothing, as if it were stopped
 * by a signal. When it opens again everything comes in the least friendly order that the ports allow: late timers and
 * the ends of turns that were asked for before, then what arrived on sockets and files, then the rest. The gate counts
 * what its process holds, so that what it forgets to give back is found.
 */
import type { Done } from "../base/task.ts";
import type { Clock, Disk, File, FileLock, Listener, Net, Socket, SocketHandlers, Timer } from "../host/host.ts";

/** What comes through a gate; the numbers go into the trace. */
export const Passage = { timer: 1, soon: 2, poll: 3, data: 4, accept: 5, drained: 6, closed: 7, dialled: 8 } as const;
type Passage = (typeof Passage)[keyof typeof Passage];

/** In which order a gate lets through what waited. */
const RELEASE_ORDER: readonly ((kind: Passage) => boolean)[] = [
  (kind) => kind === Passage.timer,
  (kind) => kind === Passage.soon,
  (kind) => kind !== Passage.timer && kind !== Passage.soon,
];

/** What a process holds of its system. */
export interface Holdings {
  timers: number;
  sockets: number;
  files: number;
  listeners: number;
}

/** Hears of all that passes: what it is, and its size in bytes if it has one. */
export type PassageTrace = (kind: Passage, size: number) => void;

/** The gate of one process. */
export class Gate {
  /** False once the process is gone: then nothing comes through any more. */
  open = true;
  /** Shuts the gate when the process next asks for the end of a turn. */
  shutAtSoon = false;
  readonly holdings: Holdings = { timers: 0, sockets: 0, files: 0, listeners: 0 };
  readonly #trace: PassageTrace;
  #shut = false;
  #held: { readonly kind: Passage; readonly size: number; readonly run: () => void }[] = [];

  constructor(trace: PassageTrace = () => {}) {
    this.#trace = trace;
  }

  /** Whether the process is paused. */
  get isShut(): boolean {
    return this.#shut;
  }

  shut(): void {
    this.#shut = true;
  }

  /** Lets through what waited. */
  release(): void {
    this.shutAtSoon = false;
    this.#shut = false;
    const held = this.#held;
    this.#held = [];
    for (const comesNow of RELEASE_ORDER) {
      for (const { kind, size, run } of held) if (comesNow(kind)) this.pass(kind, size, run);
    }
  }

  pass(kind: Passage, size: number, run: () => void): void {
    if (!this.open) return;
    if (this.#shut) {
      this.#held.push({ kind, size, run });
      return;
    }
    this.#trace(kind, size);
    run();
  }

  clock(clock: Clock): Clock {
    return {
      monotonicMs: () => clock.monotonicMs(),
      wallMs: () => clock.wallMs(),
      setTimer: (delayMs, fire) => new GateTimer(this, clock, delayMs, fire),
      soon: (run) => {
        if (this.shutAtSoon) {
          this.shutAtSoon = false;
          this.#shut = true;
        }
        clock.soon(() => this.pass(Passage.soon, 0, run));
      },
    };
  }

  net(net: Net): Net {
    return {
      listen: (address, accept, done) => net.listen(
        address,
        (socket) => this.pass(Passage.accept, 0, () => accept(new GateSocket(this, socket))),
        (...[error, listener]) => this.pass(Passage.poll, 0, () => {
          if (error === null) done(null, this.#listener(listener));
          else done(error);
        }),
      ),
      dial: (address, timeoutMs, done) => net.dial(address, timeoutMs, (...[error, socket]) => {
        this.pass(Passage.dialled, error === null ? 1 : 0, () => {
          if (error === null) done(null, new GateSocket(this, socket));
          else done(error);
        });
      }),
    };
  }

  disk(disk: Disk): Disk {
    return {
      open: (path, options, done) => disk.open(path, options, (...[error, file]) => this.pass(Passage.poll, 0, () => {
        if (error === null) done(null, new GateFile(this, file));
        else done(error);
      })),
      makeDirectory: (path, done) => disk.makeDirectory(path, this.done(done)),
      list: (path, done) => disk.list(path, this.done(done)),
      stat: (path, done) => disk.stat(path, this.done(done)),
      rename: (from, to, done) => disk.rename(from, to, this.done(done)),
      unlink: (path, done) => disk.unlink(path, this.done(done)),
      syncDirectory: (path, done) => disk.syncDirectory(path, this.done(done)),
      freeBytes: (path, done) => disk.freeBytes(path, this.done(done)),
      lock: (path, done) => disk.lock(path, this.done<FileLock | null>(done)),
    };
  }

  done<T>(done: Done<T>): Done<T> {
    return (...result) => {
      const size = typeof result[1] === "number" ? result[1] : 0;
      this.pass(Passage.poll, size, () => done(...result));
    };
  }

  #listener(listener: Listener): Listener {
    this.holdings.listeners += 1;
    return {
      address: listener.address,
      close: (done) => {
        this.holdings.listeners -= 1;
        listener.close(this.done(done));
      },
    };
  }
}

class GateTimer implements Timer {
  readonly #gate: Gate;
  readonly #timer: Timer;
  #isSet = true;

  constructor(gate: Gate, clock: Clock, delayMs: number, fire: () => void) {
    this.#gate = gate;
    gate.holdings.timers += 1;
    this.#timer = clock.setTimer(delayMs, () => gate.pass(Passage.timer, 0, () => {
      if (!this.#isSet) return;
      this.#end();
      fire();
    }));
  }

  cancel(): void {
    if (!this.#isSet) return;
    this.#end();
    this.#timer.cancel();
  }

  #end(): void {
    this.#isSet = false;
    this.#gate.holdings.timers -= 1;
  }
}

class GateSocket implements Socket {
  readonly remote: string;
  readonly #gate: Gate;
  readonly #socket: Socket;
  /** Whoever listens when something passes, not when it came: a process that was paused may have changed hands since. */
  #handlers: SocketHandlers | null = null;
  #isOpen = true;

  constructor(gate: Gate, socket: Socket) {
    this.#gate = gate;
    this.#socket = socket;
    this.remote = socket.remote;
    gate.holdings.sockets += 1;
  }

  get queuedBytes(): number {
    return this.#socket.queuedBytes;
  }

  open(handlers: SocketHandlers): void {
    const gate = this.#gate;
    this.#handlers = handlers;
    this.#socket.open({
      data: (bytes) => gate.pass(Passage.data, bytes.length, () => this.#handlers?.data(bytes)),
      drained: () => gate.pass(Passage.drained, 0, () => this.#handlers?.drained()),
      closed: (error) => {
        this.#givenBack();
        gate.pass(Passage.closed, error === null ? 0 : 1, () => this.#handlers?.closed(error));
      },
    });
  }

  write(parts: readonly Uint8Array[]): void {
    this.#socket.write(parts);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Whether the other side ever hears of it is the system's business. */
  end(): void {
    this.#givenBack();
    this.#socket.end();
  }

  destroy(): void {
    this.#givenBack();
    this.#socket.destroy();
  }

  #givenBack(): void {
    if (this.#isOpen) this.#gate.holdings.sockets -= 1;
    this.#isOpen = false;
  }
}

class GateFile implements File {
  readonly #gate: Gate;
  readonly #file: File;

  constructor(gate: Gate, file: File) {
    this.#gate = gate;
    this.#file = file;
    gate.holdings.files += 1;
  }

  read(into: Uint8Array, position: number, done: Done<number>): void {
    this.#file.read(into, position, this.#gate.done(done));
  }

  write(parts: readonly Uint8Array[], position: number, done: Done<number>): void {
    this.#file.write(parts, position, this.#gate.done(done));
  }

  sync(done: Done<void>): void {
    this.#file.sync(this.#gate.done(done));
  }

  sizeBytes(done: Done<number>): void {
    this.#file.sizeBytes(this.#gate.done(done));
  }

  truncate(bytes: number, done: Done<void>): void {
    this.#file.truncate(bytes, this.#gate.done(done));
  }

  close(done: Done<void>): void {
    this.#gate.holdings.files -= 1;
    this.#file.close(this.#gate.done(done));
  }
}
