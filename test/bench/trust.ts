import type { AnswerRoute, CoapReply, CoapRequest } from "../../coap/route.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { authorised } from "../../manager/adapters/coap/authorised.ts";
import type { CoapContext } from "../../manager/adapters/coap/coap-context.ts";
import { OperatorSecretHashes } from "../../manager/adapters/storage/operator-secret-hashes.ts";
import { Authoriser, type Principal } from "../../manager/domain/authoriser.ts";
import { noLabels } from "../../manager/domain/node-labels.ts";
import { permissionOf } from "../../manager/domain/permissions.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";
import { managerTrust } from "./trust-manager.ts";

/** What it costs to ask who may do what, and to sign in. */
export const trustBench: Bench = {
  subject: "heartbeat",
  peers: ["gateway", "operator", "scoped operator", "sign-in", "mqtt-password", "mqtt-certificate", "revocation"],
  compared: {},
  leftOutWhenQuick: ["two of the three rounds"],
  run: runTrustBench,
};

const nodeCount = 10_000;
const beat = permissionOf("node.beat");
const steer = permissionOf("node.steer");

async function runTrustBench({ isQuick }: BenchOptions): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (let round = 0; round < (isQuick ? 1 : 3); round++) {
    measurements.push(...checks(isQuick ? 2_000_000 : 10_000_000), ...(await passwords(isQuick ? 10 : 40)));
  }
  measurements.push(...(await managerTrust({ connects: isQuick ? 200 : 1000, nodes: 100_000 })));
  return measurements;
}

/** Over many nodes, so that no branch is guessed from the last one; the answers are summed, so that nothing is optimised away. */
function checks(count: number): Measurement[] {
  const nodes = Array.from({ length: nodeCount }, (_, i) => `node-${i.toString(36)}`);
  const children = nodes.map((node, i) => `${node}.${i.toString(16)}`);
  const harbour = { site: "harbour", tags: ["crane"] };
  const labels = new Map(nodes.map((node, i) => [node, i % 2 === 0 ? harbour : noLabels]));
  const authoriser = new Authoriser({ labelsOf: (node) => labels.get(node) ?? noLabels });
  const whole: Principal = { id: "ann", role: "operator", scopes: [] };
  const scoped: Principal = { id: "bob", role: "operator", scopes: [["site:pier", "site:harbour"]] };
  let answered = 0;
  const context = { app: { authoriser } } as unknown as CoapContext;
  const route = authorised<AnswerRoute>(context, {
    ...{ method: "POST", path: "/status", replay: "again" },
    answer: () => {
      answered++;
    },
  });
  const requests = nodes.map((id) => ({ peer: { identity: { kind: "node", id } } }) as unknown as CoapRequest);
  const reply = {} as CoapReply;
  return [
    // As every heartbeat comes by it: what stands before its route.
    ...measured("heartbeat", count, (i) => {
      const before = answered;
      route.answer(requests[i]!, reply);
      return answered > before;
    }),
    ...measured("gateway", count, (i) => authoriser.node(beat, nodes[i]!, children[i]!)),
    ...measured("operator", count, (i) => authoriser.operator(whole, steer, nodes[i]!) === "allowed"),
    ...measured("scoped operator", count, (i) => authoriser.operator(scoped, steer, nodes[i]!) === "allowed"),
  ];
}

function measured(subject: string, count: number, check: (index: number) => boolean): Measurement[] {
  const run = (times: number): number => {
    let allowed = 0;
    for (let i = 0, at = 0; i < times; i++) {
      if (check(at)) allowed++;
      if (++at === nodeCount) at = 0;
    }
    return allowed;
  };
  run(count / 10);
  const heapBefore = process.memoryUsage().heapUsed;
  const before = process.cpuUsage();
  const allowed = run(count);
  const { user, system } = process.cpuUsage(before);
  const bytes = Math.max(0, process.memoryUsage().heapUsed - heapBefore) / count;
  if (allowed === 0) throw new Error(`${subject}: nobody was allowed anything`);
  const micros = (user + system) / count;
  return [
    { subject, metric: "cpu_per_check", value: Number(micros.toFixed(4)), unit: "us" },
    { subject, metric: "checks_per_core", value: Math.round(1e6 / micros), unit: "1/s" },
    { subject, metric: "heap_per_check", value: Number(bytes.toFixed(3)), unit: "B" },
  ];
}

/** The hash of a sign-in, and that of a stranger's try, which shall take as long. */
async function passwords(count: number): Promise<Measurement[]> {
  const hashes = new OperatorSecretHashes({ entropy: systemEntropy });
  const stored = await hashes.hash("correct horse battery");
  const timed = async (work: () => Promise<boolean>): Promise<number> => {
    const before = process.cpuUsage();
    for (let i = 0; i < count; i++) await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / count / 1000;
  };
  const known = await timed(() => hashes.verify("correct horse battery", stored));
  const unknown = await timed(() => hashes.verify("correct horse battery", undefined));
  return [
    { subject: "sign-in", metric: "cpu_per_password", value: Number(known.toFixed(1)), unit: "ms" },
    { subject: "sign-in", metric: "cpu_unknown_name", value: Number(unknown.toFixed(1)), unit: "ms" },
  ];
}
