#include "tests/reference/onnx_timer.h"

#include <QDir>
#include <QProcess>

#include <stdexcept>

namespace bitlathe::tests {

namespace {

constexpr int kPatienceMs = 60'000;

std::string nextLine(QProcess& process) {
    while (!process.canReadLine()) {
        if (!process.waitForReadyRead(kPatienceMs)) {
            throw std::runtime_error("ONNX Runtime does not answer: " +
                                     process.readAllStandardError().toStdString());
        }
    }
    return process.readLine().trimmed().toStdString();
}

}  // namespace

struct OnnxTimer::Process {
    QProcess process;
};

std::string judgesFolderChecked() {
    const QString given = qEnvironmentVariable("BITLATHE_JUDGES");
    const QString folder = given.isEmpty() ? QString(BITLATHE_SOURCE_DIR "/build/judges") : given;
    if (!QDir(folder + "/node_modules/onnxruntime-node").exists()) {
        throw std::runtime_error(
            "no ONNX Runtime to race against: " + folder.toStdString() +
            " holds no node_modules/onnxruntime-node; run `./bitlathe.sh test` once, or name "
            "its folder by BITLATHE_JUDGES");
    }
    return folder.toStdString();
}

OnnxTimer::OnnxTimer(const std::string& modelPath, const core::Shape& shape, int batch, int threads)
    : m_process(std::make_unique<Process>()) {
    QStringList sizes;
    for (const std::int64_t size : shape) {
        sizes << QString::number(size);
    }
    QProcess& process = m_process->process;
    process.start("node", {BITLATHE_SOURCE_DIR "/tests/reference/time_onnx.mjs",
                           QString::fromStdString(judgesFolderChecked()), QString::fromStdString(modelPath),
                           sizes.join(','), QString::number(batch), QString::number(threads)});
    if (nextLine(process) != "ready") {
        throw std::runtime_error("ONNX Runtime refuses " + modelPath + ": " +
                                 process.readAllStandardError().toStdString());
    }
}

OnnxTimer::~OnnxTimer() {
    if (m_process) {
        m_process->process.closeWriteChannel();
        m_process->process.waitForFinished(kPatienceMs);
    }
}
OnnxTimer::OnnxTimer(OnnxTimer&&) noexcept = default;

double OnnxTimer::medianMs(int ms) {
    m_process->process.write(QByteArray::number(ms) + "\n");
    m_process->process.waitForBytesWritten(kPatienceMs);
    return std::stod(nextLine(m_process->process));
}

}  // namespace bitlathe::tests
