#include "tests/reference/cortex_m.h"

#include <QDir>
#include <QFile>
#include <QProcess>
#include <QRegularExpression>
#include <QStandardPaths>
#include <QTemporaryDir>

#include <map>
#include <stdexcept>

namespace bitlathe::tests {

namespace {

constexpr int kTimeoutMs = 300000;
const QString kHarness = QStringLiteral(BITLATHE_SOURCE_DIR "/tests/reference/cortex_m/");

struct Board {
    const char* machine;
    std::vector<const char*> flags;
};

const Board& boardOf(const std::string& cpu) {
    static const std::map<std::string, Board> boards{
        {"cortex-m3", {"mps2-an385", {"-mthumb"}}},
        {"cortex-m4", {"mps2-an386", {"-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"}}},
        {"cortex-m7", {"mps2-an500", {"-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-d16"}}}};
    const auto found = boards.find(cpu);
    if (found == boards.end()) {
        throw std::runtime_error("no emulated board has a " + cpu);
    }
    return found->second;
}

/// Runs a program to its end and returns what it prints.
QByteArray output(const QString& program, const QStringList& arguments, const QString& folder) {
    QProcess process;
    process.setWorkingDirectory(folder);
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(program, arguments);
    if (!process.waitForFinished(kTimeoutMs)) {
        process.kill();
        throw std::runtime_error(program.toStdString() +
                                 " did not end: " + process.errorString().toStdString());
    }
    const QByteArray text = process.readAll();
    if (process.exitStatus() != QProcess::NormalExit || process.exitCode() != 0) {
        throw std::runtime_error(program.toStdString() + " failed (exit code " +
                                 std::to_string(process.exitCode()) + "):\n" + text.left(4000).toStdString());
    }
    return text;
}

void build(const QDir& source, const CortexM& target, const QString& folder) {
    QStringList compile{QString::fromStdString("-mcpu=" + target.cpu),
                        QString::fromStdString(target.optimisation), QStringLiteral("-ffunction-sections"),
                        QStringLiteral("-fdata-sections")};
    for (const char* flag : boardOf(target.cpu).flags) {
        compile << QString::fromLatin1(flag);
    }
    const QStringList strict{QStringLiteral("-std=c99"), QStringLiteral("-Wall"), QStringLiteral("-Wextra"),
                             QStringLiteral("-Werror"), QStringLiteral("-pedantic")};
    const QString gcc = QStringLiteral("arm-none-eabi-gcc");
    QStringList objects;
    for (const QString& file : source.entryList({QStringLiteral("*.c")})) {
        if (file == QStringLiteral("selftest.c")) {
            continue;
        }
        objects << file.chopped(1) + QLatin1Char('o');
        output(gcc,
               compile + strict +
                   QStringList{QStringLiteral("-c"), source.filePath(file), QStringLiteral("-o"),
                               objects.back()},
               folder);
    }
    output(gcc,
           compile + objects +
               QStringList{kHarness + QStringLiteral("start.c"), kHarness + QStringLiteral("harness.c"),
                           QStringLiteral("-I") + source.path(), QStringLiteral("-Wl,--gc-sections"),
                           QStringLiteral("-nostartfiles"), QStringLiteral("--specs=nano.specs"),
                           QStringLiteral("--specs=rdimon.specs"), QStringLiteral("-T"),
                           kHarness + QStringLiteral("mps2.ld"), QStringLiteral("-o"),
                           QStringLiteral("network.elf")},
           folder);
}

CortexMSections sectionsOf(const QString& folder) {
    const QString text = QString::fromLatin1(output(
        QStringLiteral("arm-none-eabi-size"), {QStringLiteral("-A"), QStringLiteral("network.elf")}, folder));
    const auto bytes = [&](const char* section) -> std::int64_t {
        const QRegularExpression line(QStringLiteral("^\\.%1\\s+(\\d+)").arg(QLatin1String(section)),
                                      QRegularExpression::MultilineOption);
        return line.match(text).captured(1).toLongLong();
    };
    return {bytes("bl_weights"), bytes("bl_parameters"), bytes("bl_constants"), bytes("bl_code"),
            bytes("bl_arena")};
}

}  // namespace

std::string missingForCortexM() {
    std::string packages;
    const auto need = [&](bool isThere, const char* package) {
        packages += isThere ? "" : std::string(" ") + package;
    };
    const bool hasGcc = !QStandardPaths::findExecutable(QStringLiteral("arm-none-eabi-gcc")).isEmpty();
    need(hasGcc, "gcc-arm-none-eabi");
    if (hasGcc) {
        const QByteArray specs = output(QStringLiteral("arm-none-eabi-gcc"),
                                        {QStringLiteral("-print-file-name=nano.specs")}, QDir::tempPath());
        need(specs.trimmed() != "nano.specs", "libnewlib-arm-none-eabi");
    }
    need(!QStandardPaths::findExecutable(QStringLiteral("qemu-system-arm")).isEmpty(), "qemu-system-arm");
    return packages.empty()
               ? packages
               : "no emulated Cortex-M: install" + packages + " (apt-get install" + packages + ")";
}

CortexMRun runOnCortexM(const std::string& exportFolder, const CortexM& target,
                        std::span<const std::uint8_t> inputs) {
    const QTemporaryDir folder;
    build(QDir(QString::fromStdString(exportFolder)), target, folder.path());
    QFile in(folder.filePath(QStringLiteral("input.bin")));
    if (!in.open(QIODevice::WriteOnly) ||
        in.write(reinterpret_cast<const char*>(inputs.data()), static_cast<qint64>(inputs.size())) < 0) {
        throw std::runtime_error("cannot write " + in.fileName().toStdString());
    }
    in.close();
    const QByteArray text = output(
        QStringLiteral("qemu-system-arm"),
        {QStringLiteral("-M"), QString::fromLatin1(boardOf(target.cpu).machine), QStringLiteral("-cpu"),
         QString::fromStdString(target.cpu), QStringLiteral("-icount"), QStringLiteral("shift=3"),
         QStringLiteral("-nographic"), QStringLiteral("-monitor"), QStringLiteral("none"),
         QStringLiteral("-serial"), QStringLiteral("none"), QStringLiteral("-semihosting-config"),
         QStringLiteral("enable=on,target=native"), QStringLiteral("-kernel"), QStringLiteral("network.elf")},
        folder.path());
    static const QRegularExpression line(QStringLiteral("images (\\d+) instructions (\\d+) beyond (\\d+)"));
    const QRegularExpressionMatch match = line.match(QString::fromLatin1(text));
    if (!match.hasMatch() || match.captured(3) != QStringLiteral("0")) {
        throw std::runtime_error("the emulated program says: " + text.toStdString());
    }
    CortexMRun run;
    run.sections = sectionsOf(folder.path());
    run.instructions = match.captured(2).toLongLong();
    QFile out(folder.filePath(QStringLiteral("output.bin")));
    if (!out.open(QIODevice::ReadOnly)) {
        throw std::runtime_error("the emulated program wrote no output.bin");
    }
    const QByteArray bytes = out.readAll();
    run.outputs.assign(bytes.begin(), bytes.end());
    return run;
}

}  // namespace bitlathe::tests
