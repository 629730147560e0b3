#include "tests/core/exporters/c_on_host.h"
#include "tests/support/patience.h"

#include <QDir>
#include <QProcess>

#include <stdexcept>

namespace bitlathe::tests {

namespace {

std::string run(const QString& program, const QStringList& arguments, const QString& folder, bool& isRight) {
    QProcess process;
    process.setWorkingDirectory(folder);
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(program, arguments);
    if (!process.waitForStarted()) {
        throw std::runtime_error(program.toStdString() + " cannot be started; install gcc");
    }
    process.waitForFinished(tests::kPatienceMs);
    isRight = process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0;
    return process.readAll().toStdString();
}

}  // namespace

std::string selfTestOnHost(const std::string& folder, const std::vector<std::string>& flags) {
    QStringList arguments{"-std=c99",
                          "-Wall",
                          "-Wextra",
                          "-Werror",
                          "-pedantic",
                          "-O1",
                          "-fsanitize=address,undefined",
                          "-fno-sanitize-recover=all",
                          "-o",
                          "selftest"};
    for (const std::string& flag : flags) {
        arguments << QString::fromStdString(flag);
    }
    const QString path = QString::fromStdString(folder);
    arguments << QDir(path).entryList({"*.c"});
    bool isRight = false;
    const std::string complaint = run("cc", arguments, path, isRight);
    return isRight ? run("./selftest", {}, path, isRight) : complaint;
}

}  // namespace bitlathe::tests
