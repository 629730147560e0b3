#include "tests/reference/onnx_runtime.h"

#include <QDir>
#include <QFile>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>

#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

namespace bitlathe::tests {

namespace {

constexpr const char* kRemedy =
    "; run `./bitlathe.sh test` once, or install Node.js 18 or newer and run "
    "`npm install --ignore-scripts` in a copy of tests/reference named by BITLATHE_JUDGES";

QString judgesFolder() {
    const QString given = qEnvironmentVariable("BITLATHE_JUDGES");
    return given.isEmpty() ? QString(BITLATHE_SOURCE_DIR "/build/judges") : given;
}

/// Throws, and says it on stderr first: Qt Test reports of an exception only that there was one.
[[noreturn]] void fail(const std::string& message) {
    std::fprintf(stderr, "%s\n", message.c_str());
    throw std::runtime_error(message);
}

void requireJudge(const QString& judges, const QString& node) {
    if (node.isEmpty()) {
        fail(std::string("ONNX Runtime cannot judge: the program 'node' is not there") + kRemedy);
    }
    if (!QDir(judges + "/node_modules/onnxruntime-node").exists()) {
        fail("ONNX Runtime cannot judge: " + judges.toStdString() +
             " holds no node_modules/onnxruntime-node" + kRemedy);
    }
}

void writeSamples(const QString& path, std::span<const float> samples) {
    QFile file(path);
    const auto bytes = static_cast<qint64>(samples.size_bytes());
    if (!file.open(QIODevice::WriteOnly) ||
        file.write(reinterpret_cast<const char*>(samples.data()), bytes) != bytes) {
        fail("cannot write " + path.toStdString());
    }
}

std::vector<float> readFloats(const QString& path) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        fail("cannot read " + path.toStdString());
    }
    const QByteArray bytes = file.readAll();
    std::vector<float> values(static_cast<std::size_t>(bytes.size()) / sizeof(float));
    std::memcpy(values.data(), bytes.constData(), values.size() * sizeof(float));
    return values;
}

}  // namespace

std::vector<float> runOnnx(const std::string& modelPath, std::span<const float> samples,
                           const core::Shape& shape, OnnxOptimization optimization) {
    const QString judges = judgesFolder();
    const QString node = QStandardPaths::findExecutable("node");
    requireJudge(judges, node);
    const QTemporaryDir folder;
    const QString input = folder.filePath("input.f32");
    const QString output = folder.filePath("output.f32");
    writeSamples(input, samples);
    QStringList sizes;
    for (const std::int64_t size : shape) {
        sizes << QString::number(size);
    }
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(node, {BITLATHE_SOURCE_DIR "/tests/reference/run_onnx.mjs", judges,
                         QString::fromStdString(modelPath), input, output, sizes.join(','),
                         optimization == OnnxOptimization::All ? "all" : "disabled"});
    constexpr int kTenMinutes = 600'000;
    const bool hasFinished = process.waitForFinished(kTenMinutes);
    if (!hasFinished || process.exitStatus() != QProcess::NormalExit || process.exitCode() != 0) {
        fail("ONNX Runtime failed on " + modelPath + ": " + process.readAll().toStdString());
    }
    return readFloats(output);
}

}  // namespace bitlathe::tests
