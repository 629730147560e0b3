#include "core/types/error.h"
#include "experiments/store/log_database.h"
#include "experiments/store/migrations.h"
#include "experiments/store/sqlite_experiment_log.h"
#include "tests/support/log_fixtures.h"

#include <SQLiteCpp/Statement.h>

#include <QDir>
#include <QTemporaryDir>
#include <QtTest>

#include <set>

using namespace bitlathe;
using namespace bitlathe::experiments;

namespace {

std::vector<Migration> upTo(int version) {
    std::vector<Migration> first;
    for (const Migration& migration : builtinMigrations()) {
        if (migration.version <= version) {
            first.push_back(migration);
        }
    }
    return first;
}

std::set<std::string> schemaOf(SQLite::Database& database) {
    SQLite::Statement select(database, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL");
    std::set<std::string> schema;
    while (select.executeStep()) {
        schema.insert(select.getColumn(0).getString());
    }
    return schema;
}

std::int64_t countRows(SQLite::Database& database, const char* table) {
    return database.execAndGet(std::string("SELECT count(*) FROM ") + table).getInt64();
}

}  // namespace

class TestLogMigrations : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;

    std::string path(const char* name = "log.db") const { return m_folder->filePath(name).toStdString(); }
    QStringList backups() const { return QDir(m_folder->path()).entryList({"*backup*"}); }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void theyAreNumberedWithoutGap() {
        int expected = 1;
        for (const Migration& migration : builtinMigrations()) {
            QCOMPARE(migration.version, expected++);
            QVERIFY(!migration.sql.empty());
        }
        QVERIFY(builtinMigrations().size() >= 2);
    }

    void everyOlderVersionBecomesTheNewest_data() {
        QTest::addColumn<int>("version");
        for (const Migration& migration : builtinMigrations()) {
            if (migration.version != builtinMigrations().back().version) {
                QTest::newRow(migration.name.c_str()) << migration.version;
            }
        }
    }
    void everyOlderVersionBecomesTheNewest() {
        QFETCH(int, version);
        const std::vector<Migration> old = upTo(version);
        LogDatabaseOptions options;
        options.migrations = &old;
        RunId run;
        {
            SqliteExperimentLog log(path(), options);
            QCOMPARE(log.schemaVersion(), version);
            run = log.beginRun(tests::sampleRun("of the old schema"));
            log.addMetric(run, {"top1", 91.5, "%", 100, {}, {}});
            log.finishRun(run, RunStatus::Succeeded, "");
        }
        SqliteExperimentLog log(path());
        QCOMPARE(log.schemaVersion(), builtinMigrations().back().version);
        QCOMPARE(log.run(run).what.name, std::string("of the old schema"));
        QCOMPARE(log.run(run).metrics.at("top1").value, 91.5);

        SqliteExperimentLog fresh(path("fresh.db"));
        QVERIFY2(schemaOf(log.database()) == schemaOf(fresh.database()), "migrated and new files differ");

        // The copy is the old file, whole, and opens (and migrates) itself.
        QCOMPARE(backups(), QStringList{QString("log.db.v%1.backup").arg(version)});
        const std::string copyPath = m_folder->filePath(backups().first()).toStdString();
        SQLite::Database copy(copyPath);
        QCOMPARE(schemaVersion(copy), version);
        QCOMPARE(countRows(copy, "runs"), std::int64_t{1});
        QCOMPARE(copy.execAndGet("PRAGMA integrity_check").getString(), std::string("ok"));
    }

    void aBackupIsNeverOverwritten() {
        const std::vector<Migration> old = upTo(1);
        LogDatabaseOptions options;
        options.migrations = &old;
        { SqliteExperimentLog log(path(), options); }
        QFile earlier(m_folder->filePath("log.db.v1.backup"));
        QVERIFY(earlier.open(QIODevice::WriteOnly));
        earlier.write("earlier");
        earlier.close();
        { SqliteExperimentLog log(path()); }
        QCOMPARE(backups().size(), 2);
        QVERIFY(earlier.open(QIODevice::ReadOnly));
        QCOMPARE(earlier.readAll(), QByteArray("earlier"));
    }

    void aNewLogMakesNoBackup() {
        { SqliteExperimentLog log(path()); }
        { SqliteExperimentLog log(path()); }
        QVERIFY(backups().isEmpty());
    }

    void aFailingStepLeavesTheVersionBeforeIt() {
        std::vector<Migration> broken = builtinMigrations();
        const int newest = broken.back().version;
        { SqliteExperimentLog log(path()); }
        broken.push_back({newest + 1, "broken", "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1);"});
        LogDatabaseOptions options;
        options.migrations = &broken;
        QVERIFY_EXCEPTION_THROWN(SqliteExperimentLog(path(), options), core::Error);

        SqliteExperimentLog log(path());
        QCOMPARE(log.schemaVersion(), newest);
        QCOMPARE(log.database().execAndGet("SELECT count(*) FROM sqlite_master WHERE name = 'half'").getInt(),
                 0);
    }

    void aNewerSchemaIsRefusedAndLeftAlone() {
        { SqliteExperimentLog log(path()); }
        {
            SQLite::Database database(path(), SQLite::OPEN_READWRITE);
            database.exec("PRAGMA user_version = 99");
        }
        try {
            SqliteExperimentLog log(path());
            QFAIL("opened a newer schema");
        } catch (const core::Error& error) {
            const std::string text = error.what();
            QCOMPARE(error.code(), core::ErrorCode::LogError);
            QVERIFY2(text.find("99") != std::string::npos, text.c_str());
            QVERIFY2(text.find(std::to_string(builtinMigrations().back().version)) != std::string::npos,
                     text.c_str());
            QVERIFY2(text.find(path()) != std::string::npos, text.c_str());
        }
        SQLite::Database database(path());
        QCOMPARE(schemaVersion(database), 99);
        QVERIFY(backups().isEmpty());
    }
};

QTEST_GUILESS_MAIN(TestLogMigrations)
#include "test_log_migrations.moc"
