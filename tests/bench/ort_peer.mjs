// The float peer of bitlathe-bench: ONNX Runtime, timed call by call on request.
//
//   node ort_peer.mjs JUDGES        JUDGES: folder whose node_modules holds onnxruntime-node
//
// Reads one JSON object a line, answers one a line:
//   {"do": "setup", "threads": 2}                                                    -> {"onnxruntime": VERSION}
//   {"do": "time", "case": NAME, "file": MODEL, "shape": [N, C, H, W]}               -> {"ms": 12.3, "cpu_ms": 24.1}     one call
//   {"do": "drop"}                                                                   -> {}
// A failure answers {"error": TEXT}. A case is prepared by its first call. Threads do not spin, as in Bitlathe.
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const required = createRequire(join(resolve(process.argv[2]), 'package.json'));
const ort = required('onnxruntime-node');
let threads = 1;
let sessions = new Map();

async function prepare({ file, shape }) {
  const session = await ort.InferenceSession.create(file, {
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const count = shape.reduce((product, size) => product * size, 1);
  // Any values do: no operator's time depends on them.
  const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.7));
  return { session, feeds: { [session.inputNames[0]]: new ort.Tensor('float32', values, shape) } };
}

async function answer(request) {
  if (request.do === 'setup') {
    threads = request.threads;
    return { onnxruntime: required('onnxruntime-node/package.json').version };
  }
  if (request.do === 'drop') {
    sessions = new Map();
    return {};
  }
  if (!sessions.has(request.case)) {
    sessions.set(request.case, await prepare(request));
  }
  const { session, feeds } = sessions.get(request.case);
  const used = process.cpuUsage();
  const begin = performance.now();
  await session.run(feeds);
  const ms = performance.now() - begin;
  const { user, system } = process.cpuUsage(used);
  return { ms, cpu_ms: (user + system) / 1000 };
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = await answer(JSON.parse(line));
  } catch (error) {
    reply = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(reply) + '\n');
}
