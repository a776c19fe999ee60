/**
 * What @peculiar/x509 wants of the package reflect-metadata, which it does not bring: notes on classes and their members,
 * by key. Import it first.
 */
type Notes = Map<unknown, unknown>;

const all: WeakMap<object, Map<unknown, Notes>> = new WeakMap();

function notesOf(target: object, member: unknown): Notes {
  const members = all.get(target) ?? new Map<unknown, Notes>();
  all.set(target, members);
  const notes = members.get(member) ?? new Map<unknown, unknown>();
  members.set(member, notes);
  return notes;
}

function getOwnMetadata(key: unknown, target: object, member?: unknown): unknown {
  return notesOf(target, member).get(key);
}

function getMetadata(key: unknown, target: object, member?: unknown): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (notesOf(at, member).has(key)) return getOwnMetadata(key, at, member);
  }
  return undefined;
}

function defineMetadata(key: unknown, value: unknown, target: object, member?: unknown): void {
  notesOf(target, member).set(key, value);
}

Object.assign(Reflect, {
  getOwnMetadata, getMetadata, defineMetadata,
  hasOwnMetadata: (key: unknown, target: object, member?: unknown) => notesOf(target, member).has(key),
  hasMetadata: (key: unknown, target: object, member?: unknown) => getMetadata(key, target, member) !== undefined,
  metadata: (key: unknown, value: unknown) => (target: object, member?: unknown) => defineMetadata(key, value, target, member),
});
