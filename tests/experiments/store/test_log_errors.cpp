#include "core/types/error.h"
#include "experiments/store/sqlite_experiment_log.h"
#include "tests/support/log_fixtures.h"

#include <QDir>
#include <QTemporaryDir>
#include <QtTest>

#include <functional>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace bitlathe;
using namespace bitlathe::experiments;
using bitlathe::tests::sampleRun;

namespace {

/// The message of the LogError that `work` must end with; "" when it does not.
std::string logErrorOf(const std::function<void()>& work) {
    try {
        work();
    } catch (const core::Error& error) {
        return error.code() == core::ErrorCode::LogError && error.isBadInput() ? error.what() : "";
    }
    return "";
}

/// Runs `work` as an ordinary user, whom permissions bind, and returns its answer. (root may write anywhere.)
std::string asOrdinaryUser(const std::function<std::string()>& work) {
    constexpr uid_t kNobody = 65534;
    int ends[2];
    if (pipe(ends) != 0) {
        return "no pipe";
    }
    const pid_t child = fork();
    if (child == 0) {
        const bool isOrdinary = getuid() != 0 || (setgid(kNobody) == 0 && setuid(kNobody) == 0);
        const std::string answer = isOrdinary ? work() : "still root";
        const ssize_t written = write(ends[1], answer.data(), answer.size());
        _exit(written == static_cast<ssize_t>(answer.size()) ? 0 : 1);
    }
    close(ends[1]);
    std::string answer;
    char block[4096];
    for (ssize_t got = 0; (got = read(ends[0], block, sizeof block)) > 0;) {
        answer.append(block, static_cast<std::size_t>(got));
    }
    close(ends[0]);
    waitpid(child, nullptr, 0);
    return answer;
}

}  // namespace

class TestLogErrors : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    std::string path(const char* name = "log.db") const { return m_folder->filePath(name).toStdString(); }
    void writeFile(const char* name, const QByteArray& bytes) const {
        QFile file(m_folder->filePath(name));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(bytes);
    }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void filesThatAreNoLog_data() {
        QTest::addColumn<QByteArray>("bytes");
        QTest::newRow("text") << QByteArray("hello, I am a shopping list\n");
        QTest::newRow("short") << QByteArray("x");
        QTest::newRow("head only") << QByteArray("SQLite format 3\0", 16);
        QTest::newRow("head and rubbish") << QByteArray("SQLite format 3\0", 16) + QByteArray(5000, 'q');
    }
    void filesThatAreNoLog() {
        QFETCH(QByteArray, bytes);
        writeFile("log.db", bytes);
        const std::string message = logErrorOf([&] { ExperimentLog::open(path()); });
        QVERIFY2(message.find(path()) != std::string::npos, message.c_str());
        QFile file(m_folder->filePath("log.db"));
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll(), bytes);  // left as it was
    }

    void anotherProgramsDatabase() {
        {
            SQLite::Database database(path(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
            database.exec("CREATE TABLE songs (title TEXT)");
        }
        const std::string message = logErrorOf([&] { ExperimentLog::open(path()); });
        QVERIFY2(message.find("another program") != std::string::npos, message.c_str());
    }

    void aDamagedLogSaysHowToRescueIt() {
        {
            const auto log = ExperimentLog::open(path());
            for (int i = 0; i < 300; ++i) {
                log->finishRun(log->beginRun(sampleRun("run " + std::to_string(i))), RunStatus::Succeeded);
            }
        }
        QFile file(m_folder->filePath("log.db"));
        QVERIFY(file.open(QIODevice::ReadWrite));
        for (qint64 at = 4096; at < file.size(); at += 4096) {  // every page but the first
            file.seek(at);
            file.write(QByteArray(64, '\x7f'));
        }
        file.close();
        const std::string message = logErrorOf([&] { ExperimentLog::open(path())->runs({}); });
        QVERIFY2(message.find("damaged") != std::string::npos, message.c_str());
        QVERIFY2(message.find(".recover") != std::string::npos, message.c_str());
    }

    void aFolderInsteadOfAFile() {
        QVERIFY(QDir(m_folder->path()).mkdir("log.db"));
        const std::string message = logErrorOf([&] { ExperimentLog::open(path()); });
        QVERIFY2(message.find("is a folder") != std::string::npos, message.c_str());
    }

    void missingFoldersAreMade() {
        const auto log = ExperimentLog::open(path("a/b/log.db"));
        QCOMPARE(log->runCount({}), std::int64_t{0});
    }

    void aFileInTheWayOfAFolder() {
        writeFile("file", "x");
        const std::string message = logErrorOf([&] { ExperimentLog::open(path("file/log.db")); });
        QVERIFY2(message.find("cannot make the folder") != std::string::npos, message.c_str());
    }

    void aFolderThatMayNotBeWritten() {
        chmod(m_folder->path().toUtf8().constData(), 0555);
        const std::string message =
            asOrdinaryUser([&] { return logErrorOf([&] { ExperimentLog::open(path()); }); });
        QVERIFY2(message.find(path()) != std::string::npos, message.c_str());
        QVERIFY2(message.find("may write") != std::string::npos, message.c_str());
        chmod(m_folder->path().toUtf8().constData(), 0755);
    }

    void aLogThatMayNotBeWritten() {
        { ExperimentLog::open(path()); }
        chmod(m_folder->path().toUtf8().constData(), 0755);
        chmod(path().c_str(), 0444);
        const std::string message =
            asOrdinaryUser([&] { return logErrorOf([&] { ExperimentLog::open(path()); }); });
        QVERIFY2(message.find("cannot be written") != std::string::npos, message.c_str());
    }

    void aFullDiskLosesNothing() {
        SqliteExperimentLog log(path());
        const RunId kept = log.beginRun(sampleRun("kept"));
        log.finishRun(kept, RunStatus::Succeeded, "");
        // SQLite answers a file at its page limit exactly as a disk without space: SQLITE_FULL.
        log.database().exec("PRAGMA max_page_count = 1");
        NewRun large = sampleRun("large");
        large.recipeJson = std::string(1'000'000, 'x');
        const std::string message = logErrorOf([&] { log.beginRun(large); });
        QVERIFY2(message.find("no space left") != std::string::npos, message.c_str());
        QCOMPARE(log.runCount({}), std::int64_t{1});
        QCOMPARE(log.run(kept).status, RunStatus::Succeeded);
        log.database().exec("PRAGMA max_page_count = 1000000");
        log.beginRun(large);  // and goes on when there is space again
    }

    void aLockThatStaysIsReported() {
        LogDatabaseOptions options;
        options.busyTimeoutMs = 50;
        SqliteExperimentLog log(path(), options);
        SqliteExperimentLog other(path(), options);
        other.database().exec("BEGIN IMMEDIATE");
        const std::string message = logErrorOf([&] { log.beginRun(sampleRun()); });
        QVERIFY2(message.find("locked by another program") != std::string::npos, message.c_str());
        other.database().exec("ROLLBACK");
        log.beginRun(sampleRun());
    }
};

QTEST_GUILESS_MAIN(TestLogErrors)
#include "test_log_errors.moc"
