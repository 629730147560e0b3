#pragma once

#include <QByteArray>
#include <QJsonDocument>
#include <QProcess>
#include <QProcessEnvironment>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

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

/// A folder of its own where bitlathe-cli finds a made-up engine, a small recipe and nothing of the person's.
class CommandLineFolder {
public:
    /// small.json and the net.pt it names.
    explicit CommandLineFolder(const QByteArray& recipe);

    QString path(const QString& name) const { return m_folder.filePath(name); }
    void write(const QString& name, const QByteArray& bytes) const;
    void setVariable(const QString& name, const QString& value) { m_environment.insert(name, value); }
    /// Starts the program there and waits until stderr has `text`: it is in the middle of its work.
    /// Returns what stderr had.
    QByteArray startUntil(QProcess& process, const QStringList& arguments, const QByteArray& text) const;
    ProgramResult run(const QStringList& arguments) const {
        return runCommandLine(arguments, m_environment, m_folder.path());
    }

private:
    QTemporaryDir m_folder;
    QProcessEnvironment m_environment;
};

}  // namespace bitlathe::tests
