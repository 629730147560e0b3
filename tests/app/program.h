#pragma once

#include <QByteArray>
#include <QJsonDocument>
#include <QProcessEnvironment>
#include <QString>
#include <QStringList>

namespace bitlathe::tests {

/// What a finished program left.
struct ProgramResult {
    int exitCode = -1;
    QByteArray output;
    QByteArray errors;
    /// stdout as JSON; null when it is none.
    QJsonDocument json() const { return QJsonDocument::fromJson(output); }
};

/// Where bitlathe-cli was built.
QString commandLineProgram();

/// Runs bitlathe-cli to its end (at most two minutes).
ProgramResult runCommandLine(const QStringList& arguments, const QProcessEnvironment& environment,
                             const QString& workingFolder);

}  // namespace bitlathe::tests
