/**
 * The names in an X.509 certificate, read from its DER. The runtimes show them as one text, in which Deno quotes nothing
 * (measured): there a DNS name that holds ", URI:draft-node:a" looks like two names, and would make a client a node.
 */

/** What a certificate calls its owner. */
export interface CertificateNames {
  /** Of the subject; empty without one. */
  readonly commonName: string;
  /** Alternative names that are DNS names, mail addresses or URIs. */
  readonly alternatives: readonly AlternativeName[];
}

/** One alternative name. */
export interface AlternativeName {
  readonly kind: "mail" | "dns" | "uri";
  readonly name: string;
}

const Tag = { sequence: 0x30, octets: 0x04, oid: 0x06, version: 0xa0, extensions: 0xa3 } as const;

/** Content of the object identifiers 2.5.4.3 and 2.5.29.17. */
const COMMON_NAME = "550403";
const ALTERNATIVE_NAMES = "551d11";

/** Context tags of a GeneralName. */
const KINDS: ReadonlyMap<number, AlternativeName["kind"]> = new Map([[0x81, "mail"], [0x82, "dns"], [0x86, "uri"]]);

interface Item {
  readonly tag: number;
  readonly content: Uint8Array;
}

/**
 * The names in `der`.
 *
 * @throws RangeError if it is no certificate in DER
 */
export function namesIn(der: Uint8Array): CertificateNames {
  const [certificate] = itemsIn(der);
  const [body] = itemsIn(contentOf(certificate, Tag.sequence));
  const fields = itemsIn(contentOf(body, Tag.sequence));
  // version (optional), serial, signature, issuer, validity, subject, …
  const subject = fields[fields[0]?.tag === Tag.version ? 5 : 4];
  const extensions = fields.find(({ tag }) => tag === Tag.extensions);
  return { commonName: commonNameIn(contentOf(subject, Tag.sequence)), alternatives: extensions === undefined ? [] : alternativesIn(extensions.content) };
}

function commonNameIn(subject: Uint8Array): string {
  const pairs = itemsIn(subject).flatMap(({ content }) => itemsIn(content)).map((pair) => itemsIn(contentOf(pair, Tag.sequence)));
  const found = pairs.find(([type]) => type?.tag === Tag.oid && hex(type.content) === COMMON_NAME);
  return found?.[1] === undefined ? "" : new TextDecoder("utf-8").decode(found[1].content);
}

function alternativesIn(content: Uint8Array): AlternativeName[] {
  const [list] = itemsIn(content);
  for (const extension of itemsIn(contentOf(list, Tag.sequence))) {
    const [type, ...rest] = itemsIn(contentOf(extension, Tag.sequence));
    if (type?.tag !== Tag.oid || hex(type.content) !== ALTERNATIVE_NAMES) continue;
    const value = rest.find(({ tag }) => tag === Tag.octets);
    const [names] = itemsIn(contentOf(value, Tag.octets));
    return itemsIn(contentOf(names, Tag.sequence)).flatMap(({ tag, content: name }) => {
      const kind = KINDS.get(tag);
      return kind === undefined ? [] : [{ kind, name: new TextDecoder("latin1").decode(name) }];
    });
  }
  return [];
}

function itemsIn(bytes: Uint8Array): Item[] {
  const items: Item[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] as number;
    const first = bytes[at + 1];
    const more = first === undefined || first < 0x80 ? 0 : first & 0x7f;
    // Longer lengths than those of four bytes no certificate has, and DER knows no open end.
    if (first === undefined || first === 0x80 || more > 4) throw malformed();
    let length = more === 0 ? first : 0;
    for (let i = 0; i < more; i++) length = length * 256 + (bytes[at + 2 + i] ?? Number.NaN);
    const from = at + 2 + more;
    if (!(from + length <= bytes.length)) throw malformed();
    items.push({ tag, content: bytes.subarray(from, from + length) });
    at = from + length;
  }
  return items;
}

function contentOf(item: Item | undefined, tag: number): Uint8Array {
  if (item?.tag !== tag) throw malformed();
  return item.content;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function malformed(): RangeError {
  return new RangeError("this is no certificate in DER");
}
