#include "tests/app/program.h"
#include "tests/support/patience.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QtTest>

#include <csignal>

using namespace bitlathe;
using bitlathe::tests::ProgramResult;

/// A training in a process of its own that is killed at a moment it cannot know, with the real engine and data.
class TestResume : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;

    static QProcessEnvironment environment() {
        QProcessEnvironment result = QProcessEnvironment::systemEnvironment();
        result.insert("BITLATHE_RESOURCES", BITLATHE_SOURCE_DIR "/resources");
        return result;
    }
    /// The LSQ recipe with its first variant alone and little data: seconds instead of minutes.
    QStringList recipe() {
        const QString path = m_folder.filePath("short.json");
        QFile bundled(BITLATHE_SOURCE_DIR "/resources/recipes/qat_lsq_mobilenet.json");
        if (!QFile::exists(path) && bundled.open(QIODevice::ReadOnly)) {
            QJsonObject document = QJsonDocument::fromJson(bundled.readAll()).object();
            document["variants"] = QJsonArray{document["variants"].toArray().first()};
            QFile file(path);
            if (file.open(QIODevice::WriteOnly)) {
                file.write(QJsonDocument(document).toJson());
            }
        }
        const QStringList shortened{"threads=1",
                                    "stages[calibrate].samples=64",
                                    "stages[qat].samples=640",
                                    "stages[qat].batch_size=32",
                                    "stages[qat].epochs=2",
                                    "stages[qat].keep=best",
                                    "stages[qat].validation_samples=128",
                                    "stages[qat].checkpoint_minutes=0.0001",
                                    "stages[evaluate].samples=300"};
        QStringList arguments{"run", path, "--json"};
        for (const QString& assignment : shortened) {
            arguments << "--set" << assignment;
        }
        return arguments;
    }
    QString inFolder(const QString& name) {
        QDir(m_folder.path()).mkdir(name);
        return m_folder.filePath(name);
    }
    static QJsonObject firstRun(const ProgramResult& result) {
        return result.json().object()["runs"].toArray().first().toObject();
    }
    static double metric(const QJsonObject& run, const char* name) {
        return run["metrics"].toObject()[name].toObject()["value"].toDouble(-1);
    }
    static QByteArray bytes(const QString& path) {
        QFile file(path);
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }
    /// Starts the recipe and kills it as soon as a checkpoint is there and `delayMs` more have passed.
    void killInTraining(const QString& folder, int delayMs) {
        QProcess program;
        program.setProcessEnvironment(environment());
        program.setWorkingDirectory(folder);
        program.start(tests::commandLineProgram(), recipe() + QStringList{"--log", "log.db"});
        QVERIFY(program.waitForStarted());
        const QString checkpoint = folder + "/log.runs/1/checkpoint.blck";
        QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(checkpoint), tests::kPatienceMs);
        QTest::qWait(delayMs);
        ::kill(static_cast<pid_t>(program.processId()), SIGKILL);
        QVERIFY(program.waitForFinished(tests::kPatienceMs));
        QCOMPARE(program.exitStatus(), QProcess::CrashExit);
    }

private Q_SLOTS:
    void killedAndResumedIsTheSame() {
        const QString whole = inFolder("whole");
        const ProgramResult uninterrupted =
            tests::runCommandLine(recipe() + QStringList{"--log", "log.db"}, environment(), whole);
        QVERIFY2(uninterrupted.exitCode == 0, uninterrupted.errors.constData());
        const QJsonObject expected = firstRun(uninterrupted);

        const QString killed = inFolder("killed");
        killInTraining(killed, 150);
        const ProgramResult resumed =
            tests::runCommandLine({"resume", "1", "--json", "--log", "log.db"}, environment(), killed);
        QVERIFY2(resumed.exitCode == 0, resumed.errors.constData());
        const QJsonObject run = firstRun(resumed);
        QCOMPARE(metric(run, "top1"), metric(expected, "top1"));
        QCOMPARE(metric(run, "loss"), metric(expected, "loss"));
        QCOMPARE(metric(run, "validation_loss"), metric(expected, "validation_loss"));
        QVERIFY(metric(run, "validation_loss") > 0);
        // Weights and ranges to the byte.
        const QString id = QString::number(run["id"].toInt());
        QVERIFY(!bytes(whole + "/log.runs/1/model.pt").isEmpty());
        QCOMPARE(bytes(killed + "/log.runs/" + id + "/model.pt"), bytes(whole + "/log.runs/1/model.pt"));
        QCOMPARE(bytes(killed + "/log.runs/" + id + "/plan.json"), bytes(whole + "/log.runs/1/plan.json"));
    }

    void aRunThatSucceededIsNotResumed() {
        const ProgramResult again = tests::runCommandLine({"resume", "1", "--log", "log.db"}, environment(),
                                                          m_folder.filePath("whole"));
        QCOMPARE(again.exitCode, 2);
        QVERIFY2(again.errors.contains("interrupted, cancelled or failed"), again.errors.constData());
    }
};

QTEST_GUILESS_MAIN(TestResume)
#include "test_resume.moc"
