#include "tests/app/program.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QtTest>

#include <cmath>

using namespace bitlathe;
using bitlathe::tests::ProgramResult;

/// Two processes on the loopback share a training; the real engine and data.
class TestWorkers : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;

    /// A small residual net with batch norm, whose statistics the workers have to share.
    QString recipe() {
        const QString path = m_folder.filePath("float.json");
        QFile file(path);
        if (file.open(QIODevice::WriteOnly)) {
            file.write(R"({
                "schema_version": 1, "name": "workers", "seed": 3, "threads": 1,
                "model": {"zoo": {"name": "resnet8", "width": 0.25, "classes": 10, "channels": 1, "size": 28}},
                "data": {"dataset": "fashion_mnist", "mean": [73], "scale": [90]},
                "variants": [{"name": "float", "config": {}}],
                "stages": [{"stage": "train", "samples": 512, "epochs": 2, "batch_size": 32, "learning_rate": 0.05},
                           {"stage": "evaluate", "samples": 500}]})");
        }
        return path;
    }
    QJsonObject train(const QString& name, const QStringList& more) {
        QDir(m_folder.path()).mkdir(name);
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert("BITLATHE_RESOURCES", BITLATHE_SOURCE_DIR "/resources");
        const ProgramResult result =
            tests::runCommandLine(QStringList{"run", recipe(), "--json", "--log", "log.db"} + more,
                                  environment, m_folder.filePath(name));
        if (result.exitCode != 0) {
            qWarning("%s", result.errors.constData());
        }
        return result.json().object()["runs"].toArray().first().toObject()["metrics"].toObject();
    }
    static double value(const QJsonObject& metrics, const char* name) {
        return metrics[name].toObject()["value"].toDouble(-1);
    }

private Q_SLOTS:
    void twoEqualOneWithTheDoubledBatch() {
        const QJsonObject one = train("one", {"--set", "stages[train].batch_size=64"});
        const QJsonObject two = train("two", {"--workers", "2"});
        QVERIFY(value(one, "train_loss") > 0 && value(one, "train_loss") < 2.29);  // below chance, ln 10
        // Float32 sums in another order, amplified over 16 steps of training.
        for (const char* const name : {"train_loss", "loss"}) {
            const double expected = value(one, name);
            QVERIFY2(std::fabs(value(two, name) - expected) < 1e-3 * expected,
                     qPrintable(QString("%1: %2 against %3").arg(name).arg(value(two, name)).arg(expected)));
        }
        // Half the batch alone is another training.
        const QJsonObject half = train("half", {});
        QVERIFY(std::fabs(value(half, "train_loss") - value(one, "train_loss")) >
                5e-3 * value(one, "train_loss"));
    }

    void aWorkerWithoutOthersSaysSo() {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert("BITLATHE_RESOURCES", BITLATHE_SOURCE_DIR "/resources");
        environment.insert("RANK", "3");
        environment.insert("WORLD_SIZE", "2");
        const ProgramResult result =
            tests::runCommandLine({"run", recipe(), "--log", "log.db"}, environment, m_folder.path());
        QCOMPARE(result.exitCode, 2);
        QVERIFY2(result.errors.contains("worker 3 of 2"), result.errors.constData());
    }
};

QTEST_GUILESS_MAIN(TestWorkers)
#include "test_workers.moc"
