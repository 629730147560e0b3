// Runs an ONNX model with ONNX Runtime on raw float32 samples.
//
//   node run_onnx.mjs JUDGES MODEL INPUT OUTPUT SHAPE OPTIMIZATION
//
// JUDGES        folder whose node_modules holds onnxruntime-node
// INPUT         little-endian float32, any number of samples of SHAPE
// OUTPUT        written: little-endian float32, the first output of every sample
// SHAPE         C,H,W of one sample
// OPTIMIZATION  disabled (every operator as written) or all (fused to integer operators where ONNX Runtime can)
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const BATCH = 128;

const [judges, model, input, output, shapeText, optimization] = process.argv.slice(2);
const shape = shapeText.split(',').map(Number);
const sampleSize = shape.reduce((product, size) => product * size, 1);

const ort = createRequire(join(resolve(judges), 'package.json'))('onnxruntime-node');
const session = await ort.InferenceSession.create(model, {
  graphOptimizationLevel: optimization,
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
  extra: {
    session: {
      intra_op: { allow_spinning: '0' },
      // Unsigned times signed bytes may saturate 16-bit sums on processors without VNNI; this asks for exact sums.
      x64quantprecision: '1',
    },
  },
});

const bytes = readFileSync(input);
const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const samples = values.length / sampleSize;
if (!Number.isInteger(samples)) {
  throw new Error(`${input} holds ${values.length} values, which are no whole samples of ${sampleSize}`);
}
const results = [];
for (let first = 0; first < samples; first += BATCH) {
  const count = Math.min(BATCH, samples - first);
  const data = values.slice(first * sampleSize, (first + count) * sampleSize);
  const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', data, [count, ...shape]) };
  const made = (await session.run(feeds))[session.outputNames[0]];
  results.push(Buffer.from(new Float32Array(made.data).buffer));
}
writeFileSync(output, Buffer.concat(results));
