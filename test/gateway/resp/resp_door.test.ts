/** The door on a node that leads alone, in bytes. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HttpRig } from "../http_rig.ts";

const test = suite("resp door");

let rig: HttpRig;
test.before(async () => {
  rig = await HttpRig.start();
});
test.after(() => rig.stop());

/** Commands as a client library sends them. */
function requests(...commands: readonly (readonly string[])[]): string {
  return commands.map((words) => `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`).join("");
}

/** What comes back for lines of words, each sent as an array, the last behind a QUIT. */
async function talk(...lines: readonly string[]): Promise<string[]> {
  const text = await rig.raw([requests(...lines.map((line) => line.split(" ")), ["QUIT"])]);
  assert.ok(text.endsWith("+OK\r\n"), JSON.stringify(text));
  return text.slice(0, -"+OK\r\n".length).split("\r\n").slice(0, -1);
}

test("strings and expiry, in Redis's replies", async () => {
  const heard = await talk("FLUSHALL", "SET k v", "get k", "GET none", "SET k w NX", "SET k w GET", "INCR n", "INCRBY n -5", "APPEND k xy", "STRLEN k", "MSET a 1 b 2", "MGET a b c",
    "EXISTS a a c", "DEL a c", "EXPIRE b 100", "TTL b", "PERSIST b", "TTL b", "TTL c", "DBSIZE");
  assert.equal(heard, ["+OK", "+OK", "$1", "v", "$-1", "$-1", "$1", "v", ":1", ":-4", ":3", ":3", "+OK", "*3", "$1", "1", "$1", "2", "$-1",
    ":2", ":1", ":1", ":100", ":1", ":-1", ":-2", ":3"]);
});

test("commands that Redis spells otherwise", async () => {
  const heard = await talk("FLUSHDB", "SETEX k 100 v", "TTL k", "PSETEX p 100000 v", "SETNX k w", "SETNX m w", "GETSET k x", "TYPE k", "TYPE none", "TOUCH k none", "UNLINK k none", "SETEX k v");
  assert.equal(heard, ["+OK", "+OK", ":100", "+OK", ":0", ":1", "$1", "v", "+string", "+none", ":1", ":1", "-ERR wrong number of arguments for 'setex' command"]);
});

test("scan goes through all keys", async () => {
  const heard = await talk("FLUSHALL", "MSET one 1 two 2 other 3", "SCAN 0 MATCH o* COUNT 100");
  assert.equal(heard.slice(2), ["*2", "$1", "0", "*2", "$5", "other", "$3", "one"]);
});

test("errors bear Redis's prefix and text", async () => {
  const heard = await talk("SET text abc", "INCR text", "SET k", "SET k v EX 0", "NOPE a b", "SELECT 1", "SELECT x", "AUTH pw", "AUTH default pw", "AUTH eve pw", "HELLO 4", "HELLO x",
    "EXEC", "DISCARD", "CLIENT NOPE", "CONFIG SET a b", "CAS text 1 v", "CAS text x v", "DRAFT USE other", "DRAFT", "PING a b");
  assert.equal(heard.map((line) => line.replace(/revision \d+/, "revision N")), [
    "+OK",
    "-ERR value is not an integer or out of range",
    "-ERR wrong number of arguments for 'set' command",
    "-ERR invalid expire time in 'set' command",
    "-ERR unknown command 'nope', with args beginning with: 'a' 'b' ",
    "-ERR DB index is out of range",
    "-ERR value is not an integer or out of range",
    "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
    "+OK",
    "-WRONGPASS invalid username-password pair or user is disabled.",
    "-NOPROTO unsupported protocol version",
    "-ERR Protocol version is not an integer or out of range",
    "-ERR EXEC without MULTI",
    "-ERR DISCARD without MULTI",
    "-ERR unknown subcommand 'NOPE'. Try CLIENT HELP.",
    "-ERR unknown subcommand 'SET'. Try CONFIG HELP.",
    "-CONFLICT cas lost: the key is at revision N, wanted 1",
    "-ERR value is not an integer or out of range",
    "-NOT_FOUND no group is called 'other': draft admin states lists the groups",
    "-ERR wrong number of arguments for 'draft' command",
    "-ERR wrong number of arguments for 'ping' command",
  ]);
});

test("the handshakes of client libraries", async () => {
  const heard = await talk("HELLO 3 SETNAME me", "CLIENT SETINFO LIB-NAME lib", "CLIENT SETINFO LIB-VER 1.2", "CLIENT GETNAME", "SELECT 0", "GET none", "CONFIG GET save", "RESET", "GET none", "CLIENT GETNAME", "ECHO hi", "PING", "PING hi");
  const [id] = heard.splice(14, 1);
  assert.match(id ?? "", /^:\d+$/);
  assert.equal(heard, [
    "%7", "$6", "server", "$5", "draft", "$7", "version", "$5", "0.1.0", "$5", "proto", ":3", "$2", "id", "$4", "mode", "$10", "standalone", "$4", "role", "$6", "master", "$7", "modules", "*0",
    "+OK", "+OK", "$2", "me", "+OK", "_", "%1", "$4", "save", "$0", "", "+RESET", "$-1", "$-1", "$2", "hi", "+PONG", "$2", "hi",
  ]);
});

test("INFO, COMMAND, CLIENT LIST and ROLE say what is so", async () => {
  const text = (await talk("INFO", "COMMAND COUNT", "COMMAND INFO get nope", "CLIENT LIST", "ROLE", "CLIENT INFO")).join("\n");
  for (const wanted of [/redis_version:7\./, /\nrole:master\n/, /loading:0/, /cluster_enabled:0/, /\nid=\d+ addr=127\.0\.0\.1:\d+ .* cmd=command /, /\n\*3\n\$6\nmaster\n:0\n\*0\n/, /\*10\n\$3\nget\n:-1\n/, /\n\*-1\n/]) {
    assert.match(text, wanted);
  }
});

test("MULTI is one entry: answers in their own forms, nothing of it if one cannot be done", async () => {
  const heard = await talk("FLUSHALL", "MULTI", "SET a 1", "INCR a", "GET none", "SETNX a 2", "EXEC", "MULTI", "SET a 5", "INCR a x", "EXEC", "MULTI", "SET b x", "INCR b", "EXEC", "EXISTS b", "MULTI", "SET a 9", "DISCARD", "GET a", "MULTI", "EXEC", "MULTI", "MULTI", "WATCH a", "PING", "EXEC");
  assert.equal(heard, [
    "+OK", "+OK", "+QUEUED", "+QUEUED", "+QUEUED", "+QUEUED", "*4", "+OK", ":2", "$-1", ":0",
    "+OK", "+QUEUED", "-ERR wrong number of arguments for 'incr' command", "-EXECABORT Transaction discarded because of previous errors.",
    "+OK", "+QUEUED", "+QUEUED", "-EXECABORT Transaction discarded because of: txn THEN 2: value is not an integer or out of range", ":0",
    "+OK", "+QUEUED", "+OK", "$1", "2", "+OK", "*0", "+OK", "-ERR MULTI calls can not be nested", "-ERR WATCH inside MULTI is not allowed",
    "-ERR 'ping' cannot stand between MULTI and EXEC here", "-EXECABORT Transaction discarded because of previous errors.",
  ]);
});

test("EXEC does nothing if a watched key changed, and watches no more behind it", async () => {
  const heard = await talk("SET w 1", "WATCH w none", "SET w 2", "MULTI", "SET w 3", "EXEC", "GET w", "MULTI", "SET w 4", "EXEC", "WATCH w", "UNWATCH", "SET w 5", "MULTI", "GET w", "EXEC", "WATCH fresh", "MULTI", "SET fresh 1", "EXEC", "HELLO 3", "WATCH w", "SET w 6", "MULTI", "EXEC");
  const [before, after] = [heard.slice(0, 26), heard.slice(-5)];
  assert.equal(before, ["+OK", "+OK", "+OK", "+OK", "+QUEUED", "*-1", "$1", "2", "+OK", "+QUEUED", "*1", "+OK", "+OK", "+OK", "+OK", "+OK", "+QUEUED", "*1", "$1", "5", "+OK", "+OK", "+QUEUED", "*1", "+OK", "%7"]);
  assert.equal(after, ["*0", "+OK", "+OK", "+OK", "_"]);
});

test("commands of one connection are done in their order, reads and writes mixed, in one pipeline", async () => {
  const lines = Array.from({ length: 300 }, (_, i) => [`INCR order`, ...(i % 3 === 0 ? ["GET order"] : [])]).flat();
  const heard = await talk("DEL order", ...lines);
  let count = 0;
  const wanted = lines.flatMap((line) => (line.startsWith("INCR") ? [`:${++count}`] : [`$${String(count).length}`, String(count)]));
  assert.equal(heard.slice(1), wanted);
});

test("DRAFT RUN runs the machine's own, DRAFT USE main stays", async () => {
  assert.equal(await talk("SET k v", "DRAFT RUN GET k", "DRAFT USE main", "DRAFT RUN nope"), [
    "+OK", "$1", "v", "+OK", (await talk("DRAFT RUN nope"))[0],
  ]);
});

test("DRAFT WATCH pushes what changes, each change once", async () => {
  const { node } = rig;
  const { index } = await node.client.run(["set", "watch/a", "1"]);
  await node.client.run(["del", "watch/a"]);
  const text = await rig.raw([requests(["HELLO", "3"], ["DRAFT", "WATCH", "watch/", "FROM", String(index)])], (all) => all.includes("#t\r\n"));
  const pushes = text.slice(text.indexOf("+OK\r\n")).split("\r\n");
  assert.equal(pushes.slice(0, 24), [
    "+OK", ">6", "$12", "draft-change", `$${`${index}.1`.length}`, `${index}.1`, "$7", "watch/a", "$1", "1", `:${index}`, "#f",
    ">6", "$12", "draft-change", `$${`${index + 1}.1`.length}`, `${index + 1}.1`, "$7", "watch/a", "_", `:${index + 1}`, "#t", "",
  ]);
  assert.match((await talk("DRAFT WATCH x"))[0] ?? "", /^-ERR DRAFT WATCH pushes/);
});

test("values are bytes: what is no UTF-8 comes back as it was, key and value", async () => {
  const text = await rig.raw(["*3\r\n$3\r\nSET\r\n$2\r\n\xff\xfe\r\n$3\r\n\x00\xc3\r\r\n*2\r\n$3\r\nGET\r\n$2\r\n\xff\xfe\r\n*1\r\n$4\r\nQUIT\r\n"].map((part) => Buffer.from(part, "latin1")));
  assert.is(text, "+OK\r\n$3\r\n\x00\xc3\r\r\n+OK\r\n");
});

test("a fault is told behind the replies to all before it, and closes", async () => {
  assert.is(await rig.raw(["PING\r\nINCR fault\r\n*x\r\nPING\r\n"]), "+PONG\r\n:1\r\n-ERR Protocol error: invalid multibulk length\r\n");
  assert.is(await rig.raw(["*2\r\n$3\r\nGET\r\n$2147483648\r\n"]), "-ERR Protocol error: invalid bulk length\r\n");
});

test("CLUSTER and SENTINEL show one range, owned by the leader", async () => {
  const { port } = rig;
  assert.equal((await talk("SENTINEL get-master-addr-by-name any")).slice(0, 5), ["*2", "$9", "127.0.0.1", `$${String(port).length}`, String(port)]);
  assert.equal((await talk("CLUSTER SLOTS")).slice(0, 10), ["*1", "*3", ":0", ":16383", "*4", "$9", "127.0.0.1", `:${port}`, "$40", (await talk("CLUSTER MYID"))[1]]);
  assert.match((await talk("CLUSTER NODES")).join("\n"), / myself,master - 0 0 1 connected 0-16383\n/);
  assert.equal(await talk("CLUSTER KEYSLOT foo", "CLUSTER KEYSLOT {foo}bar", "CLUSTER KEYSLOT 123456789"), [":12182", ":12182", ":12739"]);
  assert.equal((await talk("SENTINEL sentinels m", "SENTINEL replicas m")), ["*0", "*0"]);
});

test.run();
