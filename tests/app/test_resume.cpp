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

using namespace bitlathe;
using bitlathe::tests::ProgramResult;

/// A training in a process of its own that is killed at a moment it cannot know, with the real engine and data.
class TestResume : public QObject {
    Q_OBJECT

private:
    static constexpr const char* kCheckpoint = "/log.runs/1/checkpoint.blck";

    QTemporaryDir m_folder;
    QJsonObject m_expected;  ///< the run that nothing came between

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
    /// Starts the recipe and kills it as soon as `sign` is there and `delayMs` more have passed; the folder it
    /// worked in. A busy machine may not look until the training is over: then it is tried again.
    QString killedInTraining(const QString& name, const QString& sign, int delayMs) {
        for (int attempt = 1; attempt <= 5; ++attempt) {
            const QString folder = inFolder(QString("%1 %2").arg(name).arg(attempt));
            QProcess program;
            program.setProcessEnvironment(environment());
            program.setWorkingDirectory(folder);
            program.start(tests::commandLineProgram(), recipe() + QStringList{"--log", "log.db"});
            const auto isThere = [&] { return QFile::exists(folder + sign); };
            if (!program.waitForStarted() || !QTest::qWaitFor(isThere, tests::kPatienceMs)) {
                break;
            }
            QTest::qWait(delayMs);
            program.kill();
            if (program.waitForFinished(tests::kPatienceMs) && program.exitStatus() == QProcess::CrashExit) {
                return folder;
            }
        }
        return {};
    }

    /// Resumes the folder's first run and compares it with the one that nothing came between.
    void resumeAndCompare(const QString& folder, const char* message, QJsonObject& run) {
        const ProgramResult resumed =
            tests::runCommandLine({"resume", "1", "--json", "--log", "log.db"}, environment(), folder);
        QVERIFY2(resumed.exitCode == 0, resumed.errors.constData());
        QVERIFY2(resumed.errors.contains(message), resumed.errors.constData());
        run = firstRun(resumed);
        QCOMPARE(metric(run, "resumed_run"), 1.0);
        for (const char* const name : {"top1", "loss", "validation_top1", "validation_loss"}) {
            QCOMPARE(metric(run, name), metric(m_expected, name));
            QVERIFY(metric(run, name) > 0);
        }
        // Weights and ranges to the byte.
        const QString own = folder + "/log.runs/" + QString::number(run["id"].toInt());
        const QString whole = m_folder.filePath("whole/log.runs/1");
        QVERIFY(!bytes(whole + "/model.pt").isEmpty());
        QCOMPARE(bytes(own + "/model.pt"), bytes(whole + "/model.pt"));
        QCOMPARE(bytes(own + "/plan.json"), bytes(whole + "/plan.json"));
    }

private Q_SLOTS:
    void initTestCase() {
        const ProgramResult uninterrupted = tests::runCommandLine(recipe() + QStringList{"--log", "log.db"},
                                                                  environment(), inFolder("whole"));
        QVERIFY2(uninterrupted.exitCode == 0, uninterrupted.errors.constData());
        m_expected = firstRun(uninterrupted);
    }

    void killedAndResumedIsTheSame() {
        const QString killed = killedInTraining("killed", kCheckpoint, 150);
        QVERIFY(!killed.isEmpty());
        QJsonObject run;
        resumeAndCompare(killed, "goes on after step", run);
        QVERIFY(metric(run, "resumed_step") > 0);
    }

    /// There is nothing to go on from, so the training begins anew, and says so.
    void killedBeforeItsFirstCheckpointIsTheSame() {
        const QString killed = killedInTraining("killed early", "/log.runs/1", 0);
        QVERIFY(!killed.isEmpty());
        QFile::remove(killed + kCheckpoint);  // a busy machine may have killed it late
        QJsonObject run;
        resumeAndCompare(killed, "no checkpoint was written before it ended: from the beginning", run);
        QCOMPARE(metric(run, "resumed_step"), 0.0);
        const ProgramResult shown =
            tests::runCommandLine({"runs", "show", "1", "--json", "--log", "log.db"}, environment(), killed);
        QCOMPARE(shown.json().object()["status"].toString(), QString("interrupted"));
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
