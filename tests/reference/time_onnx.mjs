// Times an ONNX model in ONNX Runtime, on request: one race with another engine, turn by turn.
//
//   node time_onnx.mjs JUDGES MODEL SHAPE BATCH THREADS
//
// JUDGES, MODEL, SHAPE  as in run_onnx.mjs; all optimisations on, threads spin as they do by default
// Prints "ready"; for every line read, runs batches for about that many milliseconds and prints the median
// milliseconds of one batch.
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const [judges, model, shapeText, batchText, threads] = process.argv.slice(2);
const dims = [Number(batchText), ...shapeText.split(',').map(Number)];
const ort = createRequire(join(resolve(judges), 'package.json'))('onnxruntime-node');
const session = await ort.InferenceSession.create(model, {
  graphOptimizationLevel: 'all',
  intraOpNumThreads: Number(threads),
  interOpNumThreads: 1,
  logSeverityLevel: 3,
});
const data = new Float32Array(dims.reduce((product, size) => product * size, 1));
for (let i = 0; i < data.length; ++i) {
  data[i] = (((i * 2654435761) >>> 0) / 2 ** 32) * 3 - 0.8;
}
const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', data, dims) };
for (let i = 0; i < 5; ++i) {
  await session.run(feeds);
}
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const times = [];
  const end = performance.now() + Number(line);
  while (performance.now() < end || times.length < 3) {
    const begin = performance.now();
    await session.run(feeds);
    times.push(performance.now() - begin);
  }
  times.sort((a, b) => a - b);
  console.log(times[times.length >> 1]);
}
