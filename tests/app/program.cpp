#include "tests/app/program.h"
#include "tests/support/patience.h"

#include <QFile>
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

CommandLineFolder::CommandLineFolder(const QByteArray& recipe)
    : m_environment(QProcessEnvironment::systemEnvironment()) {
    m_environment.insert("BITLATHE_ENGINE", BITLATHE_BINARY_DIR "/tests/fake_engine_library.so");
    m_environment.insert("BITLATHE_RESOURCES", BITLATHE_SOURCE_DIR "/resources");
    m_environment.insert("XDG_DATA_HOME", path("data"));
    m_environment.insert("XDG_CONFIG_HOME", path("config"));
    write("small.json", recipe);
    write("net.pt", "the made-up engine does not look");
}

QByteArray CommandLineFolder::startUntil(QProcess& process, const QStringList& arguments,
                                         const QByteArray& text) const {
    process.setProcessEnvironment(m_environment);
    process.setWorkingDirectory(m_folder.path());
    process.setReadChannel(QProcess::StandardError);
    process.start(commandLineProgram(), arguments);
    QByteArray errors;
    while (!errors.contains(text) && process.waitForReadyRead(kPatienceMs)) {
        errors += process.readAllStandardError();
    }
    return errors;
}

void CommandLineFolder::write(const QString& name, const QByteArray& bytes) const {
    QFile file(path(name));
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size()) {
        qFatal("'%s' cannot be written", qPrintable(file.fileName()));
    }
}

}  // namespace bitlathe::tests
