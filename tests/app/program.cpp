#include "tests/app/program.h"
#include "tests/support/patience.h"

#include <QProcess>

namespace bitlathe::tests {

QString commandLineProgram() {
    return BITLATHE_BINARY_DIR "/bin/bitlathe-cli";
}

ProgramResult runCommandLine(const QStringList& arguments, const QProcessEnvironment& environment,
                             const QString& workingFolder) {
    QProcess process;
    process.setProcessEnvironment(environment);
    process.setWorkingDirectory(workingFolder);
    process.start(commandLineProgram(), arguments);
    ProgramResult result;
    if (!process.waitForFinished(tests::kPatienceMs) || process.exitStatus() != QProcess::NormalExit) {
        result.errors = "did not end by itself: " + process.errorString().toUtf8();
        process.kill();
        process.waitForFinished(tests::kPatienceMs);
        return result;
    }
    result.exitCode = process.exitCode();
    result.output = process.readAllStandardOutput();
    result.errors = process.readAllStandardError();
    return result;
}

}  // namespace bitlathe::tests
