#include "core/types/error.h"
#include "experiments/recipes/recipe.h"

#include <QtTest>

using namespace bitlathe;
using namespace bitlathe::experiments;
using nlohmann::json;

class TestOverrides : public QObject {
    Q_OBJECT

private:
    static json document() {
        return json::parse(R"({"name": "n", "seed": 1, "data": {"pad": 2},
            "variants": [{"name": "W8A8", "config": {}}, {"name": "W4 A8", "config": {}}],
            "stages": [{"stage": "calibrate", "samples": 512}, {"stage": "evaluate", "samples": 100}]})");
    }

private Q_SLOTS:
    void sets_data() {
        QTest::addColumn<QString>("assignment");
        QTest::addColumn<QString>("pointer");
        QTest::addColumn<QString>("expected");
        QTest::newRow("number") << "seed=42"
                                << "/seed"
                                << "42";
        QTest::newRow("text") << "name=other run"
                              << "/name"
                              << "\"other run\"";
        QTest::newRow("text with =") << "name=a=b"
                                     << "/name"
                                     << "\"a=b\"";
        QTest::newRow("quoted number stays text") << "name=\"5\""
                                                  << "/name"
                                                  << "\"5\"";
        QTest::newRow("empty text") << "device="
                                    << "/device"
                                    << "\"\"";
        QTest::newRow("list") << "data.mean=[1,2]"
                              << "/data/mean"
                              << "[1,2]";
        QTest::newRow("member that was absent") << "data.root=/x"
                                                << "/data/root"
                                                << "\"/x\"";
        QTest::newRow("section that was absent") << "model.zoo=resnet8"
                                                 << "/model/zoo"
                                                 << "\"resnet8\"";
        QTest::newRow("entry by number") << "stages[1].samples=7"
                                         << "/stages/1/samples"
                                         << "7";
        QTest::newRow("entry by stage") << "stages[evaluate].samples=7"
                                        << "/stages/1/samples"
                                        << "7";
        QTest::newRow("entry by name") << "variants[W4 A8].config.input.bits=8"
                                       << "/variants/1/config/input/bits"
                                       << "8";
        QTest::newRow("whole entry") << "variants[0]={\"name\":\"x\"}"
                                     << "/variants/0"
                                     << "{\"name\":\"x\"}";
    }
    void sets() {
        QFETCH(QString, assignment);
        QFETCH(QString, pointer);
        QFETCH(QString, expected);
        json changed = document();
        applyOverride(changed, assignment.toStdString());
        QVERIFY2(changed[json::json_pointer(pointer.toStdString())] == json::parse(expected.toStdString()),
                 changed.dump().c_str());
    }

    void refuses_data() {
        QTest::addColumn<QByteArray>("assignment");
        QTest::addColumn<QString>("expected");
        QTest::newRow("no =") << QByteArray("seed") << "path=value";
        QTest::newRow("no path") << QByteArray("=3") << "path=value";
        QTest::newRow("into a number") << QByteArray("seed.x=3") << "plain value";
        QTest::newRow("list without brackets") << QByteArray("stages.samples=3") << "is a list";
        QTest::newRow("beyond the end") << QByteArray("stages[2].samples=3") << "has 2 entries";
        QTest::newRow("unknown entry")
            << QByteArray("stages[evaluat].samples=3") << "did you mean 'evaluate'?";
        QTest::newRow("open bracket") << QByteArray("stages[1=3") << "']' is missing";
        QTest::newRow("empty part") << QByteArray("data..pad=3") << "empty";
        QTest::newRow("a key twice") << QByteArray(R"(data={"pad": 1, "pad": 2})")
                                     << "the key 'pad' stands twice";
        QTest::newRow("no UTF-8") << QByteArray("name=a\xff") << "not UTF-8";
        QTest::newRow("lists in lists")
            << "name=" + QByteArray(100'000, '[') + QByteArray(100'000, ']') << "64 deep";
    }
    void refuses() {
        QFETCH(QByteArray, assignment);
        QFETCH(QString, expected);
        json changed = document();
        try {
            applyOverride(changed, assignment.toStdString());
            QFAIL("accepted");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::RecipeError);
            QVERIFY2(QString(error.what()).contains(expected), error.what());
        }
        QVERIFY(changed == document());
    }
};

QTEST_GUILESS_MAIN(TestOverrides)
#include "test_overrides.moc"
