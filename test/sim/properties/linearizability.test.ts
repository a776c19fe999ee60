import { test } from "uvu";
import * as assert from "uvu/assert";
import { Linearizability } from "../../../src/sim/properties/linearizability.ts";
import { Clients } from "./clients.ts";
import { rejects } from "./hand.ts";

const NAME = "linearizability";

function played(play: (clients: Clients) => void, stepsMax?: number): () => void {
  return () => {
    const clients = new Clients([new Linearizability(null, stepsMax)]);
    play(clients);
    clients.finish();
  };
}

const accept = (play: (clients: Clients) => void): void => played(play)();
const refuse = (play: (clients: Clients) => void): void => rejects(NAME, /no order explains/, played(play));

test("one after the other, and reads between", () => {
  accept((clients) => {
    clients.do(["get", "a"], null, 0);
    clients.do(["set", "a", "1"], "OK");
    clients.do(["get", "a"], "1", 1);
    clients.do(["set", "b", "2"], "OK");
    clients.do(["mget", "a", "b", "c"], ["1", "2", null], 2);
    clients.do(["del", "a", "c"], 1);
    clients.do(["exists", "a", "b"], 1, 3);
    clients.do(["list"], [["b", "2", 2]], 3);
    clients.do(["dbsize"], 1, 3);
    clients.do(["strlen", "b"], 1, 3);
  });
});

test("a stale read after the acknowledgement", () => {
  refuse((clients) => {
    clients.do(["set", "a", "1"], "OK");
    clients.do(["set", "a", "2"], "OK");
    clients.do(["get", "a"], "1");
  });
  accept((clients) => {
    clients.do(["set", "a", "1"], "OK");
    const write = clients.call(["set", "a", "2"]);
    clients.do(["get", "a"], "1");
    clients.do(["get", "a"], "2");
    write.says("OK");
  });
});

test("a txn is seen whole or not at all, and answers for the branch that its comparisons choose", () => {
  const move = ["txn", '[["exists","a"],["value","n","=","1"]]', '[["get","a"],["set","b","2"],["del","a"]]', '[["incr","n"]]'] as const;
  const before = (clients: Clients): void => {
    clients.do(["set", "a", "1"], "OK");
    clients.do(move, { succeeded: false, results: [1] });
  };
  const during = (...seen: readonly unknown[][]) => (clients: Clients): void => {
    before(clients);
    const write = clients.call(move);
    for (const values of seen) clients.do(["mget", "a", "b"], values);
    write.says({ succeeded: true, results: ["1", "OK", 1] });
  };
  accept(during(["1", null], [null, "2"], [null, "2"]));
  refuse(during(["1", "2"]));
  refuse(during([null, null]));
  refuse(during([null, "2"], ["1", null]));
  for (const reply of [{ succeeded: false, results: [2] }, { succeeded: true, results: ["0", "OK", 1] }, { succeeded: true, results: ["1", "OK"] }]) {
    refuse((clients) => {
      before(clients);
      clients.do(move, reply);
    });
  }
  // Nobody knows whether it happened.
  for (const values of [["1", null], [null, "2"]]) {
    accept((clients) => {
      before(clients);
      clients.call(move);
      clients.do(["mget", "a", "b"], values);
      clients.do(["mget", "a", "b"], values);
    });
  }
});

test("delex deletes the value that it names alone", () => {
  accept((clients) => {
    clients.do(["incr", "n"], 1);
    clients.do(["delex", "n", "IFEQ", 2], 0);
    clients.do(["delex", "n", "IFEQ", 1], 1);
    clients.do(["delex", "n", "IFEQ", 1], 0);
    clients.do(["incr", "n"], 1);
  });
  refuse((clients) => {
    clients.do(["incr", "n"], 1);
    clients.do(["delex", "n", "IFEQ", 2], 1);
  });
});

test("a new value, then the old one again, while the write is under way", () => {
  refuse((clients) => {
    clients.do(["set", "a", "1"], "OK");
    const write = clients.call(["set", "a", "2"]);
    clients.do(["get", "a"], "2");
    clients.do(["get", "a"], "1");
    write.says("OK");
  });
});

test("an acknowledged write that is lost", () => {
  refuse((clients) => {
    clients.do(["set", "a", "1"], "OK");
    clients.do(["get", "a"], null);
  });
});

test("a write that ended unknown: at once, late, never; but not twice, and not before its call", () => {
  for (const unknown of [true, false]) {
    const late = (reads: readonly (string | null)[]) => (clients: Clients): void => {
      clients.do(["set", "a", "1"], "OK");
      const write = clients.call(["set", "a", "2"]);
      if (unknown) write.fails("TIMEOUT");
      for (const value of reads) clients.do(["get", "a"], value);
    };
    accept(late(["1", "1", "2", "2"]));
    accept(late(["2", "2"]));
    accept(late(["1", "1"]));
    refuse(late(["1", "2", "1"]));
  }
  refuse((clients) => {
    clients.do(["get", "a"], "2");
    clients.call(["set", "a", "2"]).fails("TIMEOUT");
  });
  accept((clients) => {
    clients.call(["incr", "n"]).fails("LOST", "unknown");
    clients.do(["incr", "n"], 2);
  });
  refuse((clients) => {
    clients.call(["incr", "n"]).fails("LOST", "unknown");
    clients.do(["incr", "n"], 3);
  });
});

test("a write that was told not-done never takes effect", () => {
  for (const code of ["LOST", "NOT_LEADER", "BUSY"] as const) {
    accept((clients) => {
      clients.call(["set", "a", "1"]).fails(code, "not-done");
      clients.do(["get", "a"], null);
    });
    refuse((clients) => {
      clients.call(["set", "a", "1"]).fails(code, "not-done");
      clients.do(["get", "a"], "1");
    });
  }
});

test("a stale read is no part of it, and a read that failed neither", () => {
  accept((clients) => {
    clients.do(["set", "a", "1"], "OK");
    clients.call(["get", "a"], "stale").says(null, 0);
    clients.call(["get", "a"]).fails("TIMEOUT", "not-done");
  });
});

test("cas: by revision, once, and what its refusals say", () => {
  accept((clients) => {
    clients.do(["cas", "a", 0, "x"], 5, 5);
    clients.do(["getrev", "a"], ["x", 5], 5);
    clients.call(["cas", "a", 4, "y"]).fails("CONFLICT");
    clients.do(["cas", "a", 5, "z"], 7, 7);
  });
  refuse((clients) => {
    clients.do(["cas", "a", 0, "x"], 5, 5);
    clients.do(["cas", "a", 0, "y"], 6, 6);
  });
  refuse((clients) => {
    clients.do(["cas", "a", 0, "x"], 5, 5);
    clients.call(["cas", "a", 5, "y"]).fails("CONFLICT");
  });
  refuse((clients) => {
    clients.do(["set", "a", "x"], "OK", 5);
    clients.do(["getrev", "a"], ["x", 4], 5);
  });
});

test("cas behind a write of unknown revision: the revision is whatever is read first, and stays", () => {
  const unknown = (clients: Clients): void => clients.call(["set", "a", "x"]).fails("TIMEOUT");
  accept((clients) => {
    unknown(clients);
    clients.do(["getrev", "a"], ["x", 3], 3);
    clients.call(["cas", "a", 2, "y"]).fails("CONFLICT");
    clients.do(["cas", "a", 3, "y"], 5, 5);
  });
  refuse((clients) => {
    unknown(clients);
    clients.do(["getrev", "a"], ["x", 3], 3);
    clients.do(["getrev", "a"], ["x", 4], 4);
  });
});

test("set with conditions and GET, append, incr and decr, and what they answer", () => {
  accept((clients) => {
    clients.do(["set", "a", "1", "XX"], null);
    clients.do(["set", "a", "1", "NX"], "OK");
    clients.do(["set", "a", "2", "NX"], null);
    clients.do(["set", "a", "3", "IFEQ", "1", "GET"], "1");
    clients.do(["set", "a", "4", "IFEQ", "1"], null);
    clients.do(["append", "a", "é"], 3);
    clients.do(["get", "a"], "3é");
    clients.call(["incr", "a"]).fails("REJECTED");
    clients.do(["incrby", "n", "9007199254740993"], 9007199254740993n);
    clients.do(["decr", "n"], 9007199254740992n);
    clients.do(["decrby", "n", 2], 9007199254740990n);
  });
  for (const [command, reply] of [[["set", "a", "2", "NX"], "OK"], [["append", "a", "x"], 1], [["incr", "a"], 3], [["set", "a", "9", "GET"], null]] as const) {
    refuse((clients) => {
      clients.do(["set", "a", "1"], "OK");
      clients.do(command, reply);
    });
  }
  refuse((clients) => clients.call(["incr", "n"]).fails("REJECTED"));
});

test("keys that operations look at together are judged together", () => {
  // Each key by itself can be explained: a before b for one reader, b before a for the other.
  const torn = (clients: Clients): void => {
    const [a, b] = [clients.call(["set", "a", "1"]), clients.call(["set", "b", "1"])];
    clients.do(["mget", "a", "b"], ["1", null]);
    clients.do(["mget", "a", "b"], [null, "1"]);
    a.says("OK");
    b.says("OK");
  };
  refuse(torn);
  refuse((clients) => {
    clients.do(["mset", "a", "1", "b", "1"], "OK");
    clients.do(["list"], [["a", "1", 1]]);
  });
  refuse((clients) => {
    clients.do(["mset", "a", "1", "b", "1"], "OK");
    clients.do(["dbsize"], 1);
  });
});

test("too many keys to be judged together: each by itself", () => {
  const many = Array.from({ length: 70 }, (_, at) => `k${at}`);
  const load = (clients: Clients): void => {
    clients.do(["mset", ...many.flatMap((key) => [key, "1"])], "OK");
    clients.do(["mget", ...many], many.map(() => "1"));
    clients.do(["del", ...many.slice(0, 2)], 2);
    clients.do(["exists", ...many], 68);
  };
  accept(load);
  refuse((clients) => {
    load(clients);
    clients.do(["mget", "k7", "k8"], ["1", null]);
  });
});

test("what expires may be gone at any time, and does not come back", () => {
  const expiring = (...reads: readonly (string | null)[]) => (clients: Clients): void => {
    clients.do(["set", "a", "1", "PX", "50"], "OK");
    for (const value of reads) clients.do(["get", "a"], value);
  };
  accept(expiring("1", "1", null, null));
  refuse(expiring("1", null, "1"));
  accept((clients) => {
    clients.do(["set", "a", "1"], "OK");
    clients.do(["pttl", "a"], -1);
    clients.do(["pexpire", "a", 10], 1);
    clients.do(["pttl", "a"], 9);
    clients.do(["list"], [["a", "1", 1]]);
    clients.do(["dbsize"], 0);
    clients.do(["list"], []);
    clients.do(["persist", "a"], 0);
    clients.do(["ttl", "a"], -2);
  });
  refuse((clients) => {
    clients.do(["set", "a", "1"], "OK");
    clients.do(["expire", "a", 0], 1);
    clients.do(["get", "a"], "1");
  });
  refuse((clients) => {
    clients.do(["set", "a", "1", "EX", "50"], "OK");
    clients.do(["persist", "a"], 1);
    clients.do(["get", "a"], null);
  });
});

test("a search that is given up counts as failed", () => {
  rejects(NAME, /gave up after 3 steps on 9 operations/, played((clients) => {
    for (let i = 0; i < 9; i++) clients.do(["incr", "n"], i + 1);
  }, 3));
});

test("many writes that nobody knows of do not make the search long", () => {
  const property = new Linearizability();
  const clients = new Clients([property]);
  for (let i = 0; i < 60; i++) {
    clients.call(["set", "a", `u${i}`]).fails("TIMEOUT");
    clients.do(["set", "a", `k${i}`], "OK", i + 1);
    clients.do(["get", "a"], i % 3 === 0 ? `u${i}` : `k${i}`, i + 1);
  }
  clients.finish();
  assert.ok(property.steps < 10_000, `${property.steps} steps`);
});

test.run();
